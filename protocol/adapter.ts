// What a client may say to the debug adapter beyond plain DAP: launch and attach arguments, custom requests. No I/O.
import * as v from 'valibot';
import type { FailureBody } from './failure';
import { DEFAULT_SETTINGS, SCOPES, STRATEGIES, type PredictionScope, type Strategy } from './settings';
import { MAX_DURATION, MAX_SIZE, parseDuration, parseSize } from './units';

/** Processes that `threads` lists unless `maxThreads` says otherwise. */
const DEFAULT_MAX_THREADS = 500;
/** ms a hover or watch expression may take unless `evaluateTimeout` says otherwise. */
const DEFAULT_EVALUATE_TIMEOUT = 5000;

/** A picklist whose message names the allowed values. */
const oneOf = <const T extends readonly [string, ...string[]]>(...values: T) =>
  v.picklist(
    values,
    (issue) => `must be one of ${values.map((value) => `"${value}"`).join(', ')}, but is ${issue.received}`,
  );
const text = v.string((issue) => `must be a string, but is ${issue.received}`);
const flag = v.boolean((issue) => `must be true or false, but is ${issue.received}`);
const texts = v.array(text, (issue) => `must be a list of strings, but is ${issue.received}`);
const count = v.pipe(
  v.number((issue) => `must be a number, but is ${issue.received}`),
  v.integer('must be a whole number'),
  v.minValue(0, 'must not be negative'),
);
/** A number, or a text with a unit, as the settings have them. */
const measured = (parse: (text: string) => number | undefined, most: number, example: string) =>
  v.union(
    [v.pipe(count, v.maxValue(most)), v.pipe(v.string(), v.transform(parse), v.number())],
    `must be a number up to ${most} or a text such as "${example}"`,
  );
const size = measured(parseSize, MAX_SIZE, '100MB');
const duration = measured(parseDuration, MAX_DURATION, '2000ms');
/** `launch.json` is written by hand: numbers and truth values become text, null removes a variable. */
const environment = v.pipe(
  v.custom<Record<string, unknown>>(
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
    'must be an object of environment variables',
  ),
  v.record(
    v.pipe(v.string(), v.regex(/^[^=\0]+$/, 'must be the name of an environment variable')),
    v.union(
      [v.null(), v.string(), v.pipe(v.union([v.number(), v.boolean()]), v.transform(String))],
      'must be a string, or null to remove the variable',
    ),
  ),
);

const strategy = oneOf(...STRATEGIES);
const scope = oneOf(...SCOPES);

const Coordination = v.object(
  {
    enabled: v.optional(flag, DEFAULT_SETTINGS.enabled),
    strategy: v.optional(strategy, DEFAULT_SETTINGS.strategy),
    scope: v.optional(scope, DEFAULT_SETTINGS.scope),
    /** Samples of memory and latencies for the coordination server. */
    performanceMonitoring: v.optional(flag, DEFAULT_SETTINGS.performanceMonitoring),
    /** Bytes of prepared modules to keep. */
    memoryThreshold: v.optional(size, DEFAULT_SETTINGS.memoryThreshold),
    /** ms to wait for an answer of the coordination server. */
    fallbackTimeout: v.optional(duration, DEFAULT_SETTINGS.fallbackTimeout),
  },
  'must be an object such as {"enabled": true}',
);

/** What launch and attach have in common. */
const common = {
  projectDir: v.optional(text),
  env: v.optional(environment, {}),
  /** A file of NAME=value lines; `env` wins over it. */
  envFile: v.optional(text),
  engine: v.optional(oneOf('auto', 'interpreter', 'traditional'), 'auto'),
  coordination: v.optional(Coordination, {}),
  debugAutoInterpretAllModules: v.optional(flag, true),
  debugInterpretModulesPatterns: v.optional(texts, []),
  excludeModules: v.optional(texts, []),
  stackTraceMode: v.optional(
    v.nullable(
      v.pipe(
        v.union([oneOf('all', 'no_tail', 'false'), v.literal(false)], 'must be "all", "no_tail" or "false"'),
        v.transform((mode) => (mode === false ? 'false' : mode)),
      ),
    ),
    null,
  ),
  breakOnDbg: v.optional(flag, true),
  justMyCode: v.optional(flag, true),
  stepFilters: v.optional(texts, []),
  /** Suspend the application's other processes while one is stopped. */
  pauseOthers: v.optional(flag, false),
  /** List processes of OTP, Elixir and Mix as threads, too; stopped ones are listed either way. */
  showSystemProcesses: v.optional(flag, true),
  maxThreads: v.optional(v.pipe(count, v.minValue(1, 'must be at least 1')), DEFAULT_MAX_THREADS),
  evaluateTimeout: v.optional(v.pipe(count, v.minValue(1, 'must be at least 1')), DEFAULT_EVALUATE_TIMEOUT),
  /** Executable, or the folder that holds it. */
  elixirPath: v.optional(text),
  erlPath: v.optional(text),
  logFile: v.optional(text),
  logLevel: v.optional(oneOf('error', 'warn', 'info', 'debug', 'trace')),
};

export const LaunchArguments = v.object({
  ...common,
  noDebug: v.optional(flag, false),
  program: v.optional(oneOf('mix', 'elixir', 'iex')),
  /** Without it mix chooses: the default task of the project. */
  task: v.optional(
    v.pipe(text, v.regex(/^[^\s/\\]+$/, 'must be the name of a mix task alone; its arguments belong into "taskArgs"')),
  ),
  /** Arguments of the mix task, or of the script. */
  taskArgs: v.optional(texts, []),
  script: v.optional(v.pipe(text, v.nonEmpty('must not be empty'))),
  startApps: v.optional(flag, false),
  requireFiles: v.optional(texts, []),
  exitAfterTaskReturns: v.optional(flag, true),
  console: v.optional(oneOf('internalConsole', 'integratedTerminal', 'externalTerminal'), 'internalConsole'),
  stopOnEntry: v.optional(flag, false),
});
export type LaunchArguments = v.InferOutput<typeof LaunchArguments>;

export const AttachArguments = v.object({
  ...common,
  remoteNode: v.pipe(
    v.string((issue) => `must name a running node such as "app@host", but is ${issue.received}`),
    v.regex(/^[^@\s]+@[^@\s]+$/, 'must be a full node name such as "app@host"'),
  ),
  /** Without it the cookie file of the user is taken. */
  cookie: v.optional(v.pipe(text, v.nonEmpty('must not be empty'), v.maxLength(255, 'must have at most 255 letters'))),
});
export type AttachArguments = v.InferOutput<typeof AttachArguments>;

const SourceBreakpointArguments = v.object({
  line: count,
  column: v.optional(count),
  condition: v.optional(text),
  hitCondition: v.optional(text),
  logMessage: v.optional(text),
});
export const SourceArguments = v.object({
  name: v.optional(text),
  path: v.optional(text),
  sourceReference: v.optional(count),
});
export const SetBreakpointsArguments = v.object({
  source: SourceArguments,
  breakpoints: v.optional(v.array(SourceBreakpointArguments)),
  /** Deprecated form that some clients still send. */
  lines: v.optional(v.array(count)),
  sourceModified: v.optional(flag),
});
export type SetBreakpointsArguments = v.InferOutput<typeof SetBreakpointsArguments>;

/** Prepares modules, never arms them. */
export const InterpretModulesArguments = v.object({
  modules: v.array(v.pipe(text, v.nonEmpty('must not be empty'), v.maxLength(255, 'must have at most 255 letters'))),
  strategy: oneOf('immediate', 'queued', 'background'),
  /** Why: shown as the reason in getInterpretationStatus. */
  context: v.optional(v.union([text, v.record(v.string(), v.unknown())])),
});
export interface InterpretModulesResult {
  /** Ready to be entered now. */
  interpreted: string[];
  /** Will be prepared. */
  queued: string[];
  failed: { module: string; error: string }[];
  /** ms */
  totalTime: number;
  nextRecommendations: string[];
}

export const SetCoordinatedBreakpointsArguments = v.object({
  ...SetBreakpointsArguments.entries,
  requiredModules: v.optional(InterpretModulesArguments.entries.modules, []),
});
/** `breakpoints` as in DAP's setBreakpoints. */
export interface SetCoordinatedBreakpointsResult<Breakpoint> {
  breakpoints: Breakpoint[];
  interpreted: string[];
  failed: { module: string; error: string }[];
}

export const NoArguments = v.optional(v.object({}), {});

export interface InterpretationStatus {
  enabled: boolean;
  strategy: Strategy;
  /** null while no program runs. */
  engine: 'interpreter' | 'traditional' | null;
  modules: {
    module: string;
    state: 'native' | 'prepared' | 'interpreted';
    functions: string[];
    reason: string;
    bytes: number;
    prepareMs: number;
  }[];
  /** Modules whose stand-in stayed after an earlier detach, because closures need it. */
  leftBehind: string[];
  scope: PredictionScope;
  /** none: nobody named a server, the session is demand-only. refused: the server will not have us. */
  server: 'none' | 'connecting' | 'connected' | 'disconnected' | 'refused';
  /** Nothing is prepared in the background while it is set. */
  paused: boolean;
  /**
   * Number of the newest plan and what of it is still to do; null before the first. `atOnce`: how many modules the machine
   * and the program let be prepared at once when that was done last; null before.
   */
  plan: { number: number; strategy: Strategy; waiting: number; atOnce: number | null } | null;
}

/** What is left out stays as it is. */
export const SetCoordinationModeArguments = v.object({
  enabled: flag,
  strategy: v.optional(strategy),
  scope: v.optional(scope),
  performanceMonitoring: v.optional(flag),
  memoryThreshold: v.optional(size),
  fallbackTimeout: v.optional(duration),
});
export type SetCoordinationModeArguments = v.InferOutput<typeof SetCoordinationModeArguments>;
export interface CoordinationMode {
  enabled: boolean;
  strategy: Strategy;
  scope: PredictionScope;
  engine: 'interpreter' | 'traditional' | null;
  /** Engines cannot be mixed in one VM: a change of `enabled` chooses another engine only at the next launch. */
  engineNextLaunch: 'auto' | 'interpreter' | 'traditional';
}

/** Where the coordination server is from now on, e.g. after it was restarted; answered at once, with `{}`. */
export const SetCoordinationServerArguments = v.object({
  pipe: v.pipe(text, v.nonEmpty('must not be empty')),
  // The value itself stays out of the message: it may be a real token in the wrong wrapping.
  token: v.pipe(v.string('must be a string'), v.nonEmpty('must not be empty')),
  /** The session's id that the token was made for; without it the one that the session has already. */
  session: v.optional(v.pipe(text, v.nonEmpty('must not be empty'))),
});
export type SetCoordinationServerArguments = v.InferOutput<typeof SetCoordinationServerArguments>;

/** Milliseconds; null where nothing was measured yet. */
export interface Timing {
  count: number;
  totalMs: number;
  p50Ms: number | null;
  p95Ms: number | null;
  maxMs: number | null;
}
/** Times in ms, sizes in bytes, shares 0..1; null where nothing was measured yet. */
export interface PerformanceMetrics {
  /** Share of the session's time that coordination took. */
  coordinationOverhead: number | null;
  coordinationMs: number;
  sessionMs: number;
  /** Preparing modules, or reading their rows from disk, as the agent measured it. */
  interpretationTiming: Timing;
  memoryUsage: { adapterBytes: number; preparedBytes: number | null; beamBytes: number | null };
  /** Demands of breakpoints, steps and requests that found their module prepared, or its rows on disk. */
  cacheHitRate: number | null;
  /** Modules whose rows an earlier session had left on disk, as a share of those that were prepared in this one. */
  diskHitRate: number | null;
  /** Share of the decisions that had to be taken without the coordination server though one was wished. */
  fallbackRate: number | null;
  /** What to prepare next was to be decided that often. */
  decisions: number;
  fallbacks: { late: number; disconnected: number; refused: number };
  /** Plans that were followed. */
  plans: number;
  /** What the coordination server was not told because it did not keep up. */
  droppedEvents: number;
  /** From a request's arrival to its answer, by command. */
  requests: Record<string, Timing>;
  /** What the agent counts itself. */
  agent: Record<string, number | number[]>;
}

export const ReloadCodeArguments = v.optional(v.object({ changedFiles: v.optional(texts) }), {});
export interface ReloadCodeResult {
  reloaded: string[];
  failed: { file: string; error: string }[];
}

/** Which processes `threads` and `getProcessTree` list from now on; answered with `{}`. */
export const SetProcessFilterArguments = v.object({ showSystemProcesses: flag });

/**
 * The supervision tree, parents before their children. No process is asked for it, so stopped and busy ones are in it
 * like all others. To end a process use DAP's `terminateThreads`, to stop it `pause`.
 */
export const GetProcessTreeArguments = NoArguments;
export const ProcessNode = v.object({
  /** Thread id. */
  id: count,
  /** Thread id of the process that started it, where that one is listed. */
  parent: v.nullable(count),
  /** As in `:shop`; null for a process that belongs to no application. */
  application: v.nullable(text),
  name: text,
  pid: text,
  supervisor: flag,
  /** stopped: at a breakpoint, step, pause or exception. suspended: the program itself, or a debugger, suspended it. */
  state: v.picklist(['stopped', 'suspended', 'waiting', 'running']),
  /** Messages that wait. */
  mailbox: count,
  /** Bytes. */
  memory: count,
  /** The function it is in, `Mod.fun/arity`. */
  at: text,
});
export type ProcessNode = v.InferOutput<typeof ProcessNode>;
export const ProcessTree = v.object({
  processes: v.array(ProcessNode),
  /** Processes that exist; more than are listed when there are more than `maxThreads`. */
  total: count,
  /** The filter that is in force. */
  showSystemProcesses: flag,
});
export type ProcessTree = v.InferOutput<typeof ProcessTree>;

/** Ends a process that still evaluates for a cancelled console expression. */
export const EndEvaluationArguments = v.object({ threadId: count });

/**
 * `removeLeftovers {force?}`, attach only: ends the session and takes everything of the debugger out of the node. While
 * functions made while debugging still exist it is refused, and the message says who holds them; with `force` they are
 * left without what they need: calling one of them then fails.
 */
export const RemoveLeftoversArguments = v.object({ force: v.optional(v.boolean(), false) });

export interface RemoveLeftoversResult {
  /** Modules that such functions belong to; empty unless forced. */
  removed: string[];
}

/** `adapter.js --check=JSON` looks for what a session would need, prints an EnvironmentCheck as one line, and ends. */
export const CheckArguments = v.object({
  projectDir: text,
  env: v.optional(environment, {}),
  envFile: v.optional(text),
  elixirPath: v.optional(text),
  erlPath: v.optional(text),
});
export type EnvironmentCheck =
  | {
      found: true;
      /** Executables. */
      elixir: string;
      erl: string;
      elixirVersion: string;
      otp: number;
      /** Folder of the debugger application. */
      debuggerDir: string;
      /** Folder where versions and the compiled agent are kept. */
      cacheDir: string;
    }
  | { found: false; failure: FailureBody };

/** Argument of the adapter: who starts it tells the user of a failed launch or attach, and the client need not. */
export const TELLS_FAILED_START = '--client-tells-failed-start';
