// Keeps the figures of the sessions of this window, in bounded space. Tells nobody: feed.ts does.
import { LATENCIES, type LatencyKind, type Refusal, type SessionEvent } from '../../protocol/coordination';
import {
  MAX_SAMPLES,
  MAX_TIMELINE,
  type Alert,
  type CacheMetrics,
  type PredictionScore,
  type RefusalCounts,
  type TimelineEvent,
  type WorkingSetSample,
} from '../../protocol/metrics';
import type { Witness } from '../sessions/coordinator';
import { unreleasable, type SessionModel } from '../sessions/model';
import type { WorkspaceMemory } from '../sessions/memory';
import type { Prediction } from '../strategies/strategy';
import { alertsOf } from './alerts';
import { Changes } from './changes';
import { Latencies } from './latencies';
import { Ring } from './ring';
import { SessionRecord } from './sessionRecord';
import { toldOf } from './timeline';

/** What the agent answers for a module that can never be prepared as it is (ecd_prepare.erl). */
const WITHOUT_DEBUG_INFO = /without debug information/;

/** Sessions that ended in this window and are still shown as such. */
const MAX_ENDED = 20;
/** ms between samples of the working set. */
const SAMPLE_EVERY = 250;
/** A probability that moved less looks the same. */
const SAME_USE = 0.005;

export class Recorder implements Witness {
  readonly changes = new Changes();
  readonly records = new Map<string, SessionRecord>();
  readonly timeline = new Ring<TimelineEvent>(MAX_TIMELINE);
  readonly workingSet = new Ring<WorkingSetSample>(MAX_SAMPLES);
  readonly latencies: Record<LatencyKind, Latencies>;
  readonly refusals: RefusalCounts = { wrongToken: 0, wrongVersion: 0, oversized: 0, malformed: 0, notGreeted: 0 };
  /** Only what plans need is kept while it is off. */
  monitoring = true;
  readonly #alerts = new Map<string, Alert>();
  readonly #uses = new Map<string, ReadonlyMap<string, number>>();
  readonly #disk = new Map<string, { entries: number; bytes: number; hits: number; corrupt: number }>();
  #hits = 0;
  #misses = 0;
  #sampledAt = -Infinity;

  constructor(
    private readonly memory: Pick<WorkspaceMemory, 'addSession' | 'isPinned' | 'isNeverInterpreted'>,
    private readonly scores: () => PredictionScore[],
    /** Hears that a session began, ended or did something. */
    private readonly changed: () => void,
    private readonly now: () => number = Date.now,
  ) {
    this.latencies = Object.fromEntries(LATENCIES.map((kind) => [kind, new Latencies()])) as Record<
      LatencyKind,
      Latencies
    >;
  }

  get running(): SessionRecord[] {
    return [...this.records.values()].filter(({ model }) => model.ended === null);
  }

  get alerts(): Alert[] {
    return [...this.#alerts.values()];
  }

  /** Probability that the module is entered next in any running session; null where no plan says. */
  predictedUse(module: string): number | null {
    const uses = [...this.#uses.values()].flatMap((one) => one.get(module) ?? []);
    return uses.length === 0 ? null : Math.max(...uses);
  }

  began(model: SessionModel): void {
    const { id, name, startedAt } = model.state;
    this.records.set(id, new SessionRecord(model));
    this.tell({ at: startedAt, session: id, kind: 'session', text: `${name} started`, module: null, ms: null });
    this.follow(id, model.prepared.keys());
  }

  connected(session: string, connected: boolean): void {
    const record = this.records.get(session);
    if (record !== undefined) record.connected = connected;
    this.changes.note(({ sessions, parts }) => {
      sessions.add(session);
      parts.add('health');
    });
  }

  happened(before: SessionModel, after: SessionModel, event: SessionEvent): void {
    const { id } = after.state;
    const record = this.records.get(id);
    if (record === undefined) return;
    record.happened(before, after, event);
    if (event.kind === 'entered') {
      if (event.ready) this.#hits += event.times ?? 1;
      else this.#misses += event.times ?? 1;
    }
    if (event.kind === 'diskCache') this.#disk.set(id, event);
    if (event.kind === 'latency') this.measured(event.of, event.ms, ...(event.more ?? []));
    if (event.kind === 'entered' || event.kind === 'diskCache' || event.kind === 'interpreted') {
      this.changes.note(({ parts }) => parts.add('cache'));
    }
    this.tell(toldOf(id, event));
    if (event.kind === 'memory' || before.prepared !== after.prepared) this.sample(event);
    this.follow(id, touched(before, event));
    if (event.kind === 'memory' || event.kind === 'fallback' || event.kind === 'failed') this.watchOut();
  }

  planned(session: string, ms: number, asked: boolean, predicted: readonly Prediction[]): void {
    const record = this.records.get(session);
    if (record === undefined) return;
    record.planned(ms, asked);
    this.measured('plan', ms);
    const before = this.#uses.get(session);
    const uses = new Map(predicted.map(({ module, probability }) => [module, probability]));
    this.#uses.set(session, uses);
    const moved = [...record.model.prepared.keys()].filter(
      (module) => Math.abs((uses.get(module) ?? 0) - (before?.get(module) ?? 0)) > SAME_USE,
    );
    this.follow(session, moved);
  }

  ended(model: SessionModel): void {
    const { id, name } = model.state;
    const record = this.records.get(id);
    if (record === undefined) return;
    record.model = model;
    const at = model.ended?.at ?? this.now();
    const code = model.ended?.exitCode;
    this.tell({
      at,
      session: id,
      kind: 'session',
      text: code === null || code === undefined ? `${name} ended` : `${name} ended with exit code ${code}`,
      module: null,
      ms: Math.max(0, at - model.state.startedAt),
    });
    this.memory.addSession(record.summary(at));
    this.#uses.delete(id);
    const old = [...this.records].filter(([, { model: one }]) => one.ended !== null).slice(0, -MAX_ENDED);
    for (const [ended] of old) this.records.delete(ended);
    this.changes.note(({ history }) => history.add(id));
    this.follow(id, model.prepared.keys());
    this.watchOut();
  }

  /** The index knows more, or less. */
  indexChanged(): void {
    this.changes.note(({ parts }) => parts.add('health'));
  }

  refused(reason: Refusal): void {
    this.refusals[reason]++;
    this.changes.note(({ parts }) => parts.add('health'));
    this.watchOut();
  }

  scored(session: string, foreseen: boolean): void {
    this.records.get(session)?.scored(foreseen);
    this.changes.note(({ parts }) => parts.add('prediction'));
  }

  /** The user decided about it. */
  decided(module: string): void {
    this.changes.note(({ modules }) => modules.add(module));
  }

  cache(): CacheMetrics {
    const entries = this.#hits + this.#misses;
    const disks = [...this.#disk.values()];
    // All sessions share one folder on disk: what is in it is as the newest says, what was done with it adds up.
    const newest = disks.at(-1);
    const sum = (of: 'hits' | 'corrupt'): number => disks.reduce((total, disk) => total + disk[of], 0);
    return {
      hits: this.#hits,
      misses: this.#misses,
      hitRate: entries === 0 ? null : this.#hits / entries,
      diskEntries: newest?.entries ?? 0,
      diskBytes: newest?.bytes ?? 0,
      diskHits: sum('hits'),
      corrupt: sum('corrupt'),
    };
  }

  /** With what the sessions know beside the scoring itself: what plans had prepared in time. */
  prediction(): PredictionScore[] {
    const records = [...this.records.values()];
    return this.scores().map((score) => {
      const mine = records.filter(({ model }) => model.state.mode.strategy === score.strategy);
      const entries = mine.reduce((sum, { hits, misses }) => sum + hits + misses, 0);
      const covered = mine.reduce((sum, record) => sum + record.covered, 0);
      return { ...score, coverage: entries === 0 ? null : covered / entries };
    });
  }

  /** An alert keeps the moment at which it came up; one whose cause is gone goes with it. */
  watchOut(): void {
    const drafts = alertsOf({
      sessions: this.running.map((record) => {
        const { preparedBytes, memoryThreshold, beamBytes, decisions } = record.metrics(this.now());
        const { state, prepared, failed } = record.model;
        const fixed = unreleasable(record.model, record.model.at);
        let heldBytes = 0;
        for (const [module, { bytes }] of prepared) {
          if (fixed.has(module) || this.memory.isPinned(module)) heldBytes += bytes;
        }
        return {
          id: state.id,
          name: state.name,
          strategy: state.mode.strategy,
          preparedBytes,
          memoryThreshold,
          heldBytes,
          decisions,
          fallbacks: record.fallbacks,
          firstBeamBytes: record.firstBeamBytes,
          beamBytes,
          // What is not compiled yet, as tests are, is no trouble; the agent says why a module was not prepared.
          failed: [...failed.values()].filter((why) => WITHOUT_DEBUG_INFO.test(why)).length,
        };
      }),
      prediction: this.prediction(),
      refused: this.refusals,
      corrupt: this.cache().corrupt,
    });
    const same =
      drafts.length === this.#alerts.size && drafts.every(({ id, text }) => this.#alerts.get(id)?.text === text);
    if (same) return;
    const known = new Map(this.#alerts);
    this.#alerts.clear();
    for (const draft of drafts) {
      const before = known.get(draft.id);
      const alert: Alert = { ...draft, at: before?.at ?? this.now() };
      this.#alerts.set(draft.id, alert);
      const session = draft.id.split(':').slice(1).join(':');
      if (before === undefined) {
        this.tell({ at: alert.at, session, kind: 'alert', text: alert.text, module: null, ms: null });
      }
    }
    this.changes.note(({ parts }) => parts.add('alerts'));
  }

  private measured(kind: LatencyKind, ...times: number[]): void {
    if (!this.monitoring) return;
    for (const ms of times) this.latencies[kind].record(ms);
    this.changes.note(({ latencies }) => latencies.add(kind));
  }

  private tell(event: TimelineEvent | null): void {
    if (event === null || !this.monitoring) return;
    this.timeline.push(event);
    this.changes.note(({ parts }) => parts.add('timeline'));
  }

  private sample({ at, kind }: SessionEvent): void {
    if (!this.monitoring || (kind !== 'memory' && at - this.#sampledAt < SAMPLE_EVERY)) return;
    this.#sampledAt = at;
    const sample: WorkingSetSample = {
      at,
      preparedBytes: 0,
      preparedModules: 0,
      interpretedModules: 0,
      threshold: 0,
      beamBytes: null,
    };
    for (const record of this.running) {
      const figures = record.metrics(at);
      sample.preparedBytes += figures.preparedBytes;
      sample.preparedModules += figures.preparedModules;
      sample.interpretedModules += figures.interpretedModules;
      sample.threshold += figures.memoryThreshold;
      if (figures.beamBytes !== null) sample.beamBytes = (sample.beamBytes ?? 0) + figures.beamBytes;
    }
    this.workingSet.push(sample);
    this.changes.note(({ parts }) => parts.add('workingSet'));
  }

  private follow(session: string, changed: Iterable<string>): void {
    this.changes.note(({ sessions, modules }) => {
      sessions.add(session);
      for (const module of changed) modules.add(module);
    });
    this.changed();
  }
}

/** Modules whose row an event may have changed. */
function touched(before: SessionModel, event: SessionEvent): string[] {
  switch (event.kind) {
    case 'entered':
    case 'interpreted':
    case 'held':
    case 'failed':
      return [event.module];
    case 'released':
    case 'reloaded':
      return event.modules;
    case 'stopped':
      return event.frames.map(({ module }) => module);
    case 'continued':
      return before.state.stopped.flatMap(({ frames }) => frames.map(({ module }) => module));
    case 'breakpointsSet':
      return [...before.state.breakpoints, event.file].flatMap(({ breakpoints }) =>
        breakpoints.flatMap(({ modules }) => modules),
      );
    default:
      return [];
  }
}
