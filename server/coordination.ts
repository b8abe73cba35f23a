// The parts of the coordination, put together for one workspace: pipe, sessions, strategies, memory and figures.
import { SERVER_PROTOCOL_VERSION, type ServerHealth, type ModuleAction } from '../protocol/server';
import type { ServerSettings } from '../protocol/settings';
import type { MetricsSnapshot, MetricsUpdate, Neighbourhood } from '../protocol/metrics';
import { UsageStore } from './history/store';
import type { ProjectIndex } from './index/projectIndex';
import { Feed } from './metrics/feed';
import { neighbourhood, type RowSources } from './metrics/moduleRows';
import { Recorder } from './metrics/recorder';
import { Port } from './pipe/port';
import { Tokens } from './pipe/tokens';
import { Coordinator } from './sessions/coordinator';
import { DemandStrategy } from './strategies/demand';
import { LearningStrategy } from './strategies/learning';
import { PredictiveStrategy } from './strategies/predictive';
import { PredictionScores } from './strategies/scoring';
import type { Strategy } from './strategies/strategy';
import { UsageMemory } from './strategies/usageMemory';

/** ms without another sign of new code until the index looks for it: a compilation or a reload touches many modules. */
const CODE_SETTLES = 500;

export interface CoordinationOptions {
  index: ProjectIndex;
  /** Folder for what is learned; null: nothing is kept beyond the process. */
  storageDir: string | null;
  settings: ServerSettings;
  log: (message: string) => void;
  send: (update: MetricsUpdate) => void;
  /** Hears that something happened in a session, with every event: must cost nothing. */
  changed: () => void;
}

export class Coordination {
  readonly sessions: Coordinator;
  readonly store: UsageStore;
  readonly feed: Feed;
  /** Says best what is likely to be entered next. */
  readonly foresight: Strategy;
  readonly #index: ProjectIndex;
  readonly #port: Port;
  readonly #recorder: Recorder;
  readonly #started = Date.now();
  #pipeTrouble: string | null = null;
  #rescan: NodeJS.Timeout | undefined;
  readonly #forgetIndex: () => void;

  private constructor(
    { index, settings, log, send, changed }: CoordinationOptions,
    store: UsageStore,
    learned: UsageMemory,
  ) {
    this.#index = index;
    this.store = store;
    const tokens = new Tokens();
    const demand = new DemandStrategy();
    const predictive = new PredictiveStrategy();
    const learning = new LearningStrategy(learned, predictive, demand);
    const scores = new PredictionScores((strategy) => learning.weightOf(strategy));
    this.foresight = learning;
    this.#recorder = new Recorder(store, () => scores.scores(), changed);
    this.#recorder.monitoring = settings.performanceMonitoring;
    this.sessions = new Coordinator({
      tokens,
      graph: () => index.graph,
      strategies: { 'demand-driven': demand, predictive, learning },
      scores,
      memory: store,
      witness: this.#recorder,
      buildsNamed: (builds) => {
        index.addBuilds(builds);
        this.rescanSoon();
      },
      // Not every editor watches the build folder.
      codeChanged: () => this.rescanSoon(),
      log,
    });
    this.#forgetIndex = index.onChange(() => {
      this.sessions.renewSoon();
      this.#recorder.indexChanged();
    });
    this.#port = new Port(this.sessions, tokens);
    this.feed = new Feed(this.#recorder, {
      rows: () => this.rows(),
      health: () => this.health(),
      history: () => store.sessions(),
      send,
    });
  }

  static async open(options: CoordinationOptions): Promise<Coordination> {
    const { storageDir, settings, log } = options;
    const learned = new UsageMemory();
    const limits = limitsOf(settings);
    const store = await UsageStore.open({ folder: storageDir, model: learned, limits, warn: log });
    return new Coordination(options, store, learned);
  }

  /** Where the session's adapter finds the server. */
  async openSession(session: string): Promise<{ pipe: string; token: string }> {
    try {
      const pair = await this.#port.open(session);
      this.#pipeTrouble = null;
      // What the first plan takes from the graph and from other windows is there before the program is.
      setImmediate(() => {
        this.store.catchUp();
        this.sessions.makeReady();
      });
      return pair;
    } catch (error) {
      this.#pipeTrouble = `The pipe for debug sessions cannot be opened: ${error instanceof Error ? error.message : String(error)}`;
      throw error;
    }
  }

  /** Answers how many sessions act on it. */
  module(module: string, action: ModuleAction): number {
    if (action === 'prepare' || action === 'release') return this.sessions.command({ kind: action, modules: [module] });
    this.store.decide(module, action);
    this.#recorder.decided(module);
    this.sessions.renewSoon();
    return this.sessions.connections;
  }

  async changeSettings(settings: ServerSettings): Promise<void> {
    this.#recorder.monitoring = settings.performanceMonitoring;
    await this.store.setLimits(limitsOf(settings));
  }

  health(): ServerHealth {
    const { heapUsed, external } = process.memoryUsage();
    return {
      protocol: SERVER_PROTOCOL_VERSION,
      pid: process.pid,
      uptime: Date.now() - this.#started,
      ...this.#index.size(),
      connections: this.sessions.connections,
      paused: this.sessions.paused,
      refused: { ...this.#recorder.refusals },
      memoryBytes: heapUsed + external,
      troubles: [...(this.#pipeTrouble === null ? [] : [this.#pipeTrouble]), ...this.store.troubles],
    };
  }

  snapshot(): MetricsSnapshot {
    return this.feed.snapshot();
  }

  neighbourhood(module: string, depth: number): Neighbourhood {
    return neighbourhood(module, depth, this.rows());
  }

  async dispose(): Promise<void> {
    clearTimeout(this.#rescan);
    this.#forgetIndex();
    this.feed.dispose();
    this.sessions.dispose();
    await this.#port.close();
    await this.store.close();
  }

  private rescanSoon(): void {
    clearTimeout(this.#rescan);
    this.#rescan = setTimeout(() => void this.#index.refresh(), CODE_SETTLES);
  }

  private rows(): RowSources {
    return {
      running: this.sessions.running(),
      memory: this.store,
      graph: this.#index.graph,
      predictedUse: (module) => this.#recorder.predictedUse(module),
    };
  }
}

const limitsOf = ({ historyDays, historySize }: ServerSettings): { days: number; bytes: number } => ({
  days: historyDays,
  bytes: historySize,
});
