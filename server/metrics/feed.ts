// What the editor is told of the figures: one whole snapshot, then what changed, several changes in one. Counts nothing.
import {
  METRICS_VERSION,
  type LatencySummary,
  type MetricsSnapshot,
  type MetricsUpdate,
  type SessionSummary,
} from '../../protocol/metrics';
import { LATENCIES, type LatencyKind } from '../../protocol/coordination';
import type { ServerHealth } from '../../protocol/server';
import { rowedModules, rowsOf, type RowSources } from './moduleRows';
import type { Recorder } from './recorder';

/** ms between updates: four a second look alive and cost next to nothing. */
const EVERY = 250;

export interface FeedSources {
  rows: () => RowSources;
  health: () => ServerHealth;
  /** Sessions that ended, newest first. */
  history: () => SessionSummary[];
  send: (update: MetricsUpdate) => void;
  now?: () => number;
}

export class Feed {
  #timer: NodeJS.Timeout | undefined;
  #watched = false;
  /** How much of the endless lists the editor has. */
  #timeline = 0;
  #workingSet = 0;
  /** Modules that the editor has a row of. */
  #rows = new Set<string>();

  constructor(
    private readonly recorder: Recorder,
    private readonly sources: FeedSources,
  ) {
    recorder.changes.onChange = () => this.schedule();
  }

  /** Whoever watches takes a snapshot first or next; in between, an update with another base asks for it. */
  watch(on: boolean): void {
    this.#watched = on;
    if (on && this.recorder.changes.pending) this.schedule();
    if (!on) this.dispose();
  }

  snapshot(): MetricsSnapshot {
    const { recorder } = this;
    recorder.watchOut();
    const rows = this.sources.rows();
    this.#rows = rowedModules(rows);
    this.settle();
    const at = this.now();
    const records = [...recorder.records.values()].reverse();
    return {
      version: METRICS_VERSION,
      revision: recorder.changes.revision,
      at,
      health: this.sources.health(),
      sessions: records.map((record) => record.metrics(at)).sort((a, b) => Number(b.running) - Number(a.running)),
      modules: rowsOf(this.#rows, rows),
      timeline: recorder.timeline.all(),
      latencies: Object.fromEntries(LATENCIES.map((kind) => [kind, recorder.latencies[kind].summary()])) as Record<
        LatencyKind,
        LatencySummary
      >,
      workingSet: recorder.workingSet.all(),
      cache: recorder.cache(),
      prediction: recorder.prediction(),
      alerts: recorder.alerts,
      history: this.sources.history(),
    };
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  private schedule(): void {
    if (!this.#watched || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.recorder.changes.pending) this.sources.send(this.update());
    }, EVERY);
  }

  private update(): MetricsUpdate {
    const { recorder } = this;
    const { changes } = recorder;
    recorder.watchOut();
    const at = this.now();
    const update: MetricsUpdate = {
      version: METRICS_VERSION,
      base: changes.base,
      revision: changes.revision,
      at,
      health: this.sources.health(),
    };
    const { parts } = changes;
    if (changes.sessions.size > 0) {
      update.sessions = [...changes.sessions].flatMap((id) => recorder.records.get(id)?.metrics(at) ?? []);
    }
    if (changes.modules.size > 0) update.modules = this.modules(changes.modules);
    if (parts.has('timeline')) update.timeline = recorder.timeline.since(this.#timeline);
    if (parts.has('workingSet')) update.workingSet = recorder.workingSet.since(this.#workingSet);
    if (parts.has('cache')) update.cache = recorder.cache();
    if (parts.has('prediction') || parts.has('cache')) update.prediction = recorder.prediction();
    if (parts.has('alerts')) update.alerts = recorder.alerts;
    if (changes.latencies.size > 0) {
      update.latencies = Object.fromEntries(
        [...changes.latencies].map((kind) => [kind, recorder.latencies[kind].summary()]),
      );
    }
    if (changes.history.size > 0) {
      update.history = this.sources.history().filter(({ id }) => changes.history.has(id));
    }
    this.settle();
    return update;
  }

  private modules(changed: ReadonlySet<string>): NonNullable<MetricsUpdate['modules']> {
    const rows = this.sources.rows();
    const rowed = rowedModules(rows);
    const removed = [...changed].filter((module) => !rowed.has(module) && this.#rows.has(module));
    const shown = [...changed].filter((module) => rowed.has(module));
    for (const module of removed) this.#rows.delete(module);
    for (const module of shown) this.#rows.add(module);
    return { changed: rowsOf(shown, rows), removed };
  }

  private settle(): void {
    this.recorder.changes.settle();
    this.#timeline = this.recorder.timeline.added;
    this.#workingSet = this.recorder.workingSet.added;
  }

  private now(): number {
    return (this.sources.now ?? Date.now)();
  }
}
