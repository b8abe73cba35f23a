// What the coordination server measures and the editor shows: one whole snapshot, then increments. Types only.
// Times are milliseconds, `at` milliseconds since the epoch, sizes bytes, shares 0..1; null where nothing was measured yet.
import type { LatencyKind, Refusal } from './coordination';
import type { Strategy } from './settings';

/** Raised with any change that an older dashboard would misread. */
export const METRICS_VERSION = 1;

/** What the timeline keeps; the oldest go first. */
export const MAX_TIMELINE = 10_000;
export const MAX_SAMPLES = 2_000;

export interface ServerHealth {
  protocol: number;
  pid: number;
  /** ms since the process started. */
  uptime: number;
  /** false while the first walk through the workspace is under way; the counts grow until then. */
  indexed: boolean;
  files: number;
  modules: number;
  /** Edges of the dependency graph. */
  edges: number;
  /** Sessions whose pipe is connected. */
  connections: number;
  /** Nothing is prepared in the background, in sessions that run and in those that start later. */
  paused: boolean;
  /** Messages refused on the pipe, by reason. */
  refused: RefusalCounts;
  /** heapUsed + external of the process. */
  memoryBytes: number;
  /** What does not work, for people; empty when all is well. */
  troubles: string[];
}

export interface MetricsSnapshot {
  version: number;
  /** Grows with every change; an update with another `base` than the last `revision` seen asks for a new snapshot. */
  revision: number;
  at: number;
  health: ServerHealth;
  /** Running sessions first, then those that ended in this window. */
  sessions: SessionMetrics[];
  /** Modules that any running session has prepared or interprets, or that the user decided about. */
  modules: ModuleRow[];
  timeline: TimelineEvent[];
  latencies: Record<LatencyKind, LatencySummary>;
  /** Samples over time, all running sessions together. */
  workingSet: WorkingSetSample[];
  cache: CacheMetrics;
  prediction: PredictionScore[];
  alerts: Alert[];
  /** Sessions of earlier windows and days, newest first. */
  history: SessionSummary[];
}

/** Only what changed since `base`: `sessions`, `modules` and `history` hold the changed ones alone, told apart by id or name. */
export interface MetricsUpdate {
  version: number;
  base: number;
  revision: number;
  at: number;
  health?: ServerHealth;
  sessions?: SessionMetrics[];
  modules?: { changed: ModuleRow[]; removed: string[] };
  /** New ones, to be appended. */
  timeline?: TimelineEvent[];
  latencies?: Partial<Record<LatencyKind, LatencySummary>>;
  workingSet?: WorkingSetSample[];
  cache?: CacheMetrics;
  /** All of them. */
  prediction?: PredictionScore[];
  /** All of them: one that is over is missing. */
  alerts?: Alert[];
  history?: SessionSummary[];
}

export interface SessionMetrics {
  id: string;
  name: string;
  projectDir: string;
  running: boolean;
  /** The adapter's pipe is connected. */
  connected: boolean;
  engine: 'interpreter' | 'traditional';
  enabled: boolean;
  strategy: Strategy;
  paused: boolean;
  startedAt: number;
  endedAt: number | null;
  otp: number;
  elixir: string | null;
  stops: number;
  steps: number;
  preparedModules: number;
  interpretedModules: number;
  preparedBytes: number;
  memoryThreshold: number;
  beamBytes: number | null;
  /** How busy the debugged VM is. */
  busy: number | null;
  plans: number;
  decisions: number;
  fallbacks: number;
  /** Share of the session's time that planning took. */
  overhead: number | null;
  /** Module of the newest stop's top own frame. */
  stoppedIn: string | null;
  /** Breakpoints as last set. */
  breakpoints: { file: string; line: number; verified: boolean; hits: number; modules: string[] }[];
}

export interface ModuleRow {
  module: string;
  state: 'native' | 'prepared' | 'interpreted';
  functions: string[];
  reason: string;
  bytes: number;
  prepareMs: number;
  /** Probability of being entered next, as the newest plan has it. */
  predictedUse: number | null;
  /** Stops and entries in all running sessions. */
  uses: number;
  lastUsedAt: number | null;
  pinned: boolean;
  neverInterpret: boolean;
  own: boolean;
  /** Absolute path, for "open source"; null when unknown. */
  file: string | null;
  line: number | null;
  /** Running sessions that hold it. */
  sessions: string[];
}

export interface TimelineEvent {
  at: number;
  session: string;
  kind: 'session' | 'breakpoint' | 'stop' | 'step' | 'prepare' | 'release' | 'reload' | 'fallback' | 'alert';
  /** One line for people. */
  text: string;
  module: string | null;
  ms: number | null;
}

export interface LatencySummary {
  count: number;
  p50: number | null;
  p95: number | null;
  p99: number | null;
  max: number | null;
  /** Upper bounds in ms, ascending; the last bucket is open. */
  bounds: number[];
  /** One more than `bounds`. */
  counts: number[];
}

export interface WorkingSetSample {
  at: number;
  preparedBytes: number;
  preparedModules: number;
  interpretedModules: number;
  threshold: number;
  beamBytes: number | null;
}

export interface CacheMetrics {
  /** Entries into modules that were ready. */
  hits: number;
  misses: number;
  hitRate: number | null;
  /** Prepared modules on disk. */
  diskEntries: number;
  diskBytes: number;
  diskHits: number;
  /** Entries whose checksum did not hold; dropped, never used. */
  corrupt: number;
}

export interface PredictionScore {
  strategy: Strategy;
  /** Outcomes it was scored by. */
  outcomes: number;
  hit1: number | null;
  hit5: number | null;
  hit10: number | null;
  /** Share of entered modules that a plan had prepared in time. */
  coverage: number | null;
  /** Prepared and released without use. */
  wastedBytes: number;
  /** Weight in the mix of `learning`. */
  weight: number | null;
}

export interface Alert {
  id: string;
  severity: 'info' | 'warning' | 'error';
  at: number;
  /** One sentence. */
  text: string;
  /** The next step to take. */
  hint: string | null;
  /** A command that does it, of the extension's own. */
  command: string | null;
}

export interface SessionSummary {
  id: string;
  name: string;
  startedAt: number;
  endedAt: number;
  strategy: Strategy;
  stops: number;
  steps: number;
  modulesUsed: string[];
  preparedModules: number;
  peakPreparedBytes: number;
  hitRate: number | null;
  hit5: number | null;
  fallbackRate: number | null;
  clickToArmedP50: number | null;
  stepP50: number | null;
}

/** Modules around one, for the dependency view. */
export interface Neighbourhood {
  module: string;
  nodes: { module: string; own: boolean; state: ModuleRow['state']; file: string | null }[];
  edges: { from: string; to: string; kind: string; origin: 'beam' | 'source' }[];
  /** Neighbours left out because there are too many. */
  omitted: number;
}

export type RefusalCounts = Record<Refusal, number>;
