// What the extension knows of the coordination server's figures, kept up to date while somebody looks. Shows nothing.
import * as vscode from 'vscode';
import type {
  Alert,
  CacheMetrics,
  MetricsUpdate,
  ModuleRow,
  PredictionScore,
  SessionMetrics,
} from '../protocol/metrics';
import type { ServerHealth } from '../protocol/server';
import type { Server } from './client';
import type { Log } from './log';

export interface Figures {
  health: ServerHealth;
  /** Running ones. */
  sessions: SessionMetrics[];
  modules: ReadonlyMap<string, ModuleRow>;
  cache: CacheMetrics;
  prediction: PredictionScore[];
  alerts: Alert[];
}

export class Monitor implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<Figures | undefined>();
  readonly #subscriptions: { dispose(): unknown }[];
  #figures: Figures | undefined;
  #revision = -1;
  #watchers = 0;

  /** undefined: the server does not answer. */
  readonly onDidChange = this.#changed.event;

  constructor(
    private readonly server: Pick<Server, 'request' | 'onDidChangeRunning' | 'onDidUpdate'>,
    private readonly log: Log,
  ) {
    this.#subscriptions = [
      server.onDidChangeRunning((running) => {
        this.#set(undefined);
        if (running && this.#watchers > 0) void this.#begin();
      }),
      server.onDidUpdate((update) => this.#apply(update)),
    ];
  }

  get figures(): Figures | undefined {
    return this.#figures;
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#changed.dispose();
  }

  /** The server tells what changes until the last of those who watch is disposed of. */
  watch(): vscode.Disposable {
    this.#watchers++;
    if (this.#watchers === 1) void this.#begin();
    let watching = true;
    return new vscode.Disposable(() => {
      if (!watching) return;
      watching = false;
      this.#watchers--;
      if (this.#watchers === 0) void this.#ask({ on: false });
    });
  }

  async #begin(): Promise<void> {
    if (!(await this.#ask({ on: true }))) return;
    try {
      const snapshot = await this.server.request('coordination/snapshot', {});
      const { revision, health, sessions, cache, prediction, alerts } = snapshot;
      const modules = new Map(snapshot.modules.map((row) => [row.module, row]));
      this.#revision = revision;
      this.#set({ health, sessions: sessions.filter(({ running }) => running), modules, cache, prediction, alerts });
    } catch (error) {
      this.log.debug('monitor.snapshot', String(error));
    }
  }

  async #ask(params: { on: boolean }): Promise<boolean> {
    try {
      await this.server.request('coordination/watch', params);
      return true;
    } catch (error) {
      // A server that is down watches nothing; the next one is asked when it runs.
      this.log.debug('monitor.watch', String(error));
      return false;
    }
  }

  #apply(update: MetricsUpdate): void {
    const before = this.#figures;
    // Before the first snapshot, or told by it already.
    if (before === undefined || update.revision <= this.#revision) return;
    if (update.base > this.#revision) {
      void this.#begin();
      return;
    }
    this.#revision = update.revision;
    const told = update.sessions ?? [];
    const others = before.sessions.filter(({ id }) => told.every((each) => each.id !== id));
    this.#set({
      health: update.health ?? before.health,
      sessions: [...others, ...told].filter(({ running }) => running),
      modules: update.modules === undefined ? before.modules : changed(before.modules, update.modules),
      cache: update.cache ?? before.cache,
      prediction: update.prediction ?? before.prediction,
      alerts: update.alerts ?? before.alerts,
    });
  }

  #set(figures: Figures | undefined): void {
    this.#figures = figures;
    this.#changed.fire(figures);
  }
}

function changed(
  before: ReadonlyMap<string, ModuleRow>,
  { changed: rows, removed }: NonNullable<MetricsUpdate['modules']>,
): ReadonlyMap<string, ModuleRow> {
  const after = new Map(before);
  for (const module of removed) after.delete(module);
  for (const row of rows) after.set(row.module, row);
  return after;
}
