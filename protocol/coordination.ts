// The contract between the adapter and the coordination server, over vscode-jsonrpc on a local pipe: what a session tells,
// and the plans it is given. Shapes and validators only; no I/O.
import * as v from 'valibot';
import { SCOPES, STRATEGIES } from './settings';

/** Raised with any change that an older adapter or server would misread. */
export const COORDINATION_VERSION = 1;

/** Bytes of one message, headers apart; a longer one ends the connection with the reason "oversized". */
export const MAX_COORDINATION_MESSAGE = 4 * 1024 * 1024;

/** Where the adapter finds the server; set by whoever starts it, removed from the environment before anything else runs. */
export const PIPE_VARIABLE = 'ECD_COORDINATION_PIPE';
export const TOKEN_VARIABLE = 'ECD_COORDINATION_TOKEN';
/** The session's id, which the token was made for: that of `coordination/openSession`. */
export const SESSION_VARIABLE = 'ECD_COORDINATION_SESSION';

/** As `inspect` writes a module: `Shop.Cart`, `:lists`. */
const moduleName = v.pipe(v.string(), v.nonEmpty(), v.maxLength(512));
const modules = v.array(moduleName);
const line = v.pipe(v.number(), v.integer(), v.minValue(0));
const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const bytes = v.pipe(v.number(), v.minValue(0));
const milliseconds = v.pipe(v.number(), v.minValue(0));
/** Milliseconds since the epoch that a date can be made of, by the adapter's clock. */
const moment = v.pipe(v.number(), v.minValue(0), v.maxValue(8.64e15));
const thread = v.pipe(v.number(), v.integer(), v.minValue(0));
/** How often it happened, where it is told once for all; 1 where nothing is said. */
const times = v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)));

export const SessionFrame = v.object({
  module: moduleName,
  /** `name/arity`. */
  function: v.optional(v.string()),
  file: v.nullable(v.string()),
  line,
  own: v.boolean(),
  kind: v.picklist(['interpreted', 'native']),
});
export type SessionFrame = v.InferOutput<typeof SessionFrame>;

export const FileBreakpoints = v.object({
  /** Absolute path; for function breakpoints the empty text. */
  file: v.string(),
  breakpoints: v.array(
    v.object({
      line,
      verified: v.boolean(),
      conditional: v.boolean(),
      /** Empty while it is pending. */
      modules,
      /** Times it stopped a process in this session. */
      hits: v.optional(count, 0),
    }),
  ),
});
export type FileBreakpoints = v.InferOutput<typeof FileBreakpoints>;

export const PreparedModule = v.object({
  module: moduleName,
  state: v.picklist(['prepared', 'interpreted']),
  /** Armed functions, `name/arity`. */
  functions: v.array(v.string()),
  /** Why, for people. */
  reason: v.string(),
  bytes,
  /** ms it took to prepare. */
  prepareMs: milliseconds,
});
export type PreparedModule = v.InferOutput<typeof PreparedModule>;

/** How the session plans; the adapter owns it (launch.json, settings, setCoordinationMode) and tells every change. */
export const SessionMode = v.object({
  enabled: v.boolean(),
  strategy: v.picklist(STRATEGIES),
  scope: v.picklist(SCOPES),
  /** Bytes of prepared modules to keep. */
  memoryThreshold: bytes,
});
export type SessionMode = v.InferOutput<typeof SessionMode>;

/** The whole state of a session: sent at the start and again to a server that was restarted. */
export const SessionState = v.object({
  /** Stable over reconnects; chosen by who opened the session. */
  id: v.pipe(v.string(), v.nonEmpty(), v.maxLength(200)),
  /** For people: the name of the launch configuration. */
  name: v.string(),
  projectDir: v.string(),
  /** Absolute folders where its environment has Mix build, of one environment or of all; empty: at the usual place. */
  builds: v.optional(v.array(v.string()), []),
  engine: v.picklist(['interpreter', 'traditional']),
  otp: v.number(),
  elixir: v.nullable(v.string()),
  startedAt: moment,
  mode: SessionMode,
  /** Nothing is prepared in the background while it is set. */
  paused: v.boolean(),
  /** Steps keep to the project's own code. */
  justMyCode: v.optional(v.boolean(), true),
  breakpoints: v.array(FileBreakpoints),
  stopped: v.array(v.object({ thread, frames: v.array(SessionFrame) })),
  prepared: v.array(PreparedModule),
});
export type SessionState = v.InferOutput<typeof SessionState>;

/** What a time is of. */
export const LATENCIES = ['clickToArmed', 'step', 'launch', 'plan'] as const;
export type LatencyKind = (typeof LATENCIES)[number];

const happening = <const Kind extends string, const Entries extends v.ObjectEntries>(kind: Kind, entries: Entries) =>
  v.object({ at: moment, kind: v.literal(kind), ...entries });

/** What happened in a session. */
export const SessionEvent = v.variant('kind', [
  happening('breakpointsSet', { file: FileBreakpoints }),
  happening('stopped', {
    thread,
    reason: v.string(),
    /** Empty for one that was over before its stack was fetched. */
    frames: v.array(SessionFrame),
    times,
  }),
  happening('continued', { thread }),
  /** The user steps into what the top frame calls next. */
  happening('steppingInto', { thread, from: SessionFrame }),
  /** Interpretation reached a module: the outcome that predictions are scored by. `ready`: it was prepared before. */
  happening('entered', { module: moduleName, ready: v.boolean(), waitedMs: milliseconds, times }),
  happening('modulesLoaded', { modules }),
  happening('reloaded', { modules }),
  happening('interpreted', {
    module: moduleName,
    bytes,
    ms: milliseconds,
    /** It was prepared already, or its rows came from the disk. */
    cached: v.boolean(),
    /** Why: a breakpoint, a step, the plan's reason. */
    cause: v.string(),
    trigger: v.picklist(['demand', 'plan', 'request']),
  }),
  happening('released', { modules }),
  /** What stayed prepared though its release was planned, and what holds it. */
  happening('held', { module: moduleName, by: v.string() }),
  /** It cannot be prepared, and why; not planned again until it is loaded anew. */
  happening('failed', { module: moduleName, error: v.string() }),
  /** Prepared modules kept on disk, as the agent counts them. */
  happening('diskCache', { entries: count, bytes, hits: count, corrupt: count }),
  happening('memory', {
    beamBytes: bytes,
    preparedBytes: bytes,
    adapterBytes: bytes,
    /** How busy the debugged VM is, 0..1; null where it cannot tell. */
    busy: v.nullable(v.number()),
  }),
  /** `more`: of the same kind, measured shortly before. */
  happening('latency', { of: v.picklist(LATENCIES), ms: milliseconds, more: v.optional(v.array(milliseconds)) }),
  /** A decision that had to be taken without the server, counted by the adapter. */
  happening('fallback', { why: v.picklist(['late', 'disconnected', 'refused']) }),
  happening('modeChanged', { mode: SessionMode, paused: v.boolean() }),
  happening('sessionEnded', { exitCode: v.nullable(v.number()) }),
]);
export type SessionEvent = v.InferOutput<typeof SessionEvent>;

export const PlannedAction = v.object({
  module: moduleName,
  action: v.picklist(['prepare', 'release']),
  /** 0 is worked off first. */
  priority: v.number(),
  /** For people: shown as the reason in every list. */
  reason: v.string(),
  /** Estimated probability that the module is entered next, 0..1. */
  predictedUse: v.pipe(v.number(), v.minValue(0), v.maxValue(1)),
});
export type PlannedAction = v.InferOutput<typeof PlannedAction>;

/** Replaces every earlier plan of the session; what an earlier one wanted and this does not is cancelled. */
export const Plan = v.object({
  version: v.literal(COORDINATION_VERSION),
  /** Grows by one with each plan of a session. */
  number: v.number(),
  strategy: v.picklist(STRATEGIES),
  actions: v.array(PlannedAction),
});
export type Plan = v.InferOutput<typeof Plan>;

export const Greeting = v.object({
  version: v.number(),
  token: v.string(),
  session: SessionState,
});
export type Greeting = v.InferOutput<typeof Greeting>;

/** Refusals carry one of these words as `data.reason` of the JSON-RPC error, and the server counts them. */
export const REFUSALS = ['wrongToken', 'wrongVersion', 'oversized', 'malformed', 'notGreeted'] as const;
export type Refusal = (typeof REFUSALS)[number];

/** Adapter → server requests: method → [params, result]. */
export interface CoordinationRequests {
  /** First message of a connection. */
  'coordination/greet': [Greeting, { version: number; serverPid: number }];
  /** Tells what happened since the last message, in order, and asks what to prepare now. Answered late, the adapter goes on by itself. */
  'coordination/plan': [{ events: SessionEvent[] }, Plan];
}

/** Notifications: method → params. */
export interface CoordinationNotifications {
  /** Adapter → server: what happened since the last message, in order. */
  'coordination/events': { events: SessionEvent[] };
  /** Server → adapter: a plan nobody asked for, e.g. after the focus moved or a module was pinned. */
  'coordination/renewedPlan': Plan;
  /** Server → adapter: a wish of the user's that came by way of the editor. */
  'coordination/command': SessionCommand;
}

export const SessionCommand = v.variant('kind', [
  v.object({ kind: v.literal('prepare'), modules }),
  v.object({ kind: v.literal('release'), modules }),
  v.object({ kind: v.literal('pause'), paused: v.boolean() }),
]);
export type SessionCommand = v.InferOutput<typeof SessionCommand>;
