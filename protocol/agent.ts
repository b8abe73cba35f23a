// The contract between the adapter and the agent inside the debugged BEAM: commands, replies, events. Types only; no I/O.
//
// Wire: TCP on loopback, every frame is a 4-byte big-endian length followed by one term in Erlang's external term
// format (erts "External Term Format"). The adapter listens, the agent connects. Terms are JSON-like: maps with atom keys, UTF-8 binaries
// for text, lists, integers, floats, and the atoms `true`, `false`, `nil` (= null). Other atoms arrive as strings.
// Text from the adapter is always a binary; only map keys become atoms, and only atoms the agent already knows.
//
//   agent → adapter   {hello, Hello}                           first frame, carries the token
//   adapter → agent   {request, Id, Command, Args}             Command is an atom of AgentCommands
//   agent → adapter   {reply, Id, Result}                      exactly one reply or error for each request
//   agent → adapter   {error, Id, Failure}                     Failure as in protocol/failure.ts
//   agent → adapter   {event, Name, Body}                      Name is an atom of AgentEvents
//   adapter → agent   {cancel, Id}                             the request ends with Failure code "cancelled"

/** Raised with any change that an older adapter or agent would misread. */
export const AGENT_PROTOCOL_VERSION = 1;

/** First frame. `token` is compared in constant time by the adapter; a wrong one closes the socket. */
export interface AgentHello {
  token: string;
  protocol: number;
  node: string;
  /** Major OTP release, e.g. 25. */
  otp: number;
  /** Operating system process id of the BEAM. */
  osPid: number;
}

export type EngineName = 'interpreter' | 'traditional';
/** Thread ids are small integers that the agent assigns to pids, never reused within a session. */
export type ThreadId = number;
/** Frame ids and variable references are valid until their process resumes; afterwards: Failure code "staleReference". */
export type FrameId = number;
export type VariablesReference = number;

export interface ConfigureArgs {
  engine: 'auto' | EngineName;
  /** Absolute path of the mix project or of the script's folder. */
  projectDir: string;
  justMyCode: boolean;
  /** Anchored globs over module names (`inspect` form); never entered by step-in. */
  stepFilters: string[];
  /** traditional engine: interpret every module of the build path. */
  autoInterpretAllModules: boolean;
  /** traditional engine: more modules, by glob or (with regex: prefix) by regular expression. */
  interpretPatterns: string[];
  /** Globs (or regex: prefix); never prepared or entered except by a breakpoint of the user's. */
  excludeModules: string[];
  stackTraceMode: 'all' | 'no_tail' | 'false' | null;
  breakOnDbg: boolean;
  stopOnEntry: boolean;
  /** Suspend the application's other processes while one is stopped. */
  pauseOthers: boolean;
  noDebug: boolean;
  /** Bytes of prepared rows to keep before unused ones are released. */
  memoryThreshold: number;
  /** ms a hover or watch evaluation may take. */
  evaluateTimeout: number;
  /** Absolute path of the script when one is run by `elixir`, else null. */
  script: string | null;
  attach: boolean;

  // For the launchers (launch/*.exs), which read them by ecd_config. Null and empty on attach.
  program: 'mix' | 'elixir' | 'iex';
  /** Null: the project's default task; for program iex: no task, only the shell with the project started. */
  task: string | null;
  /** Arguments of the task or of the script. */
  taskArgs: string[];
  /** `mix app.start` before the task. */
  startApps: boolean;
  /** Absolute paths or globs, required in this order before the task. */
  requireFiles: string[];
  exitAfterTaskReturns: boolean;
  /** internal: standard input is empty; say so when the program reads it. */
  console: 'internal' | 'terminal';
}

export interface ConfigureResult {
  engine: EngineName;
  /** Why another engine than the wished one was taken, and what else the user should know. */
  notices: string[];
  elixir: string | null;
}

export interface SourceBreakpoint {
  /** Assigned by the adapter, unique in the session. */
  id: number;
  line: number;
  condition?: string;
  hitCondition?: string;
  logMessage?: string;
}
export interface BreakpointState {
  id: number;
  verified: boolean;
  line?: number;
  /** Why it is not verified, in a sentence for the user. */
  message?: string;
  reason?: 'pending' | 'failed';
  /** Where it stops; missing while it is not armed. */
  modules?: string[];
}
export interface FunctionBreakpoint {
  id: number;
  /** `Mod.fun/arity`, `:mod.fun/arity`; arity may be left out for all arities. */
  name: string;
  condition?: string;
  hitCondition?: string;
}
export interface ExceptionFilter {
  filter: 'raised' | 'uncaught';
  /** Names of exception modules separated by comma or blank; empty = all. */
  condition?: string;
}

export interface ThreadInfo {
  id: ThreadId;
  name: string;
  pid: string;
  stopped: boolean;
  /** false for processes of OTP, Elixir, Mix and the agent's environment. */
  application: boolean;
}
/** A process in the supervision tree, as far as it can be known without asking any process. */
export interface ProcessInfo {
  id: ThreadId;
  /** The process that started it, where that one is in the list. */
  parent: ThreadId | null;
  /** As in `:shop`; null for a process that belongs to no application. */
  application: string | null;
  name: string;
  pid: string;
  supervisor: boolean;
  /** stopped: at a breakpoint, step, pause or exception. suspended: by somebody's `erlang:suspend_process`. */
  state: 'stopped' | 'suspended' | 'waiting' | 'running';
  /** Messages that wait. */
  mailbox: number;
  /** Bytes. */
  memory: number;
  /** Where it is, `Mod.fun/arity`. */
  at: string;
}
export interface StackFrame {
  id: FrameId;
  /** `Mod.fun/arity` as Elixir or Erlang writes it. */
  name: string;
  module: string;
  line: number;
  /** Absolute path if the file exists. */
  path: string | null;
  /** When there is no file: ask `source` for text regenerated from debug info; 0 = none. */
  sourceReference: number;
  /** interpreted: values available. native: only the place is known. */
  kind: 'interpreted' | 'native';
  own: boolean;
}
export interface Scope {
  name: string;
  reference: VariablesReference;
  expensive: boolean;
  hint?: 'locals' | 'arguments' | 'registers';
  named?: number;
  indexed?: number;
}
export interface Variable {
  name: string;
  value: string;
  type: string;
  /** 0 = has no children. */
  reference: VariablesReference;
  named?: number;
  indexed?: number;
  evaluateName?: string;
  readOnly?: boolean;
}
export interface EvaluateResult {
  result: string;
  type: string;
  reference: VariablesReference;
  named?: number;
  indexed?: number;
}
export interface CompletionItem {
  label: string;
  /** Replaces `length` UTF-16 units before the cursor. */
  text: string;
  length: number;
  type: 'module' | 'function' | 'variable' | 'keyword' | 'property' | 'text';
  detail?: string;
}
export interface ModuleInfo {
  name: string;
  path: string | null;
  own: boolean;
  state: 'native' | 'prepared' | 'interpreted';
}
export interface ModuleStatus {
  module: string;
  state: 'native' | 'prepared' | 'interpreted';
  /** Armed functions, `name/arity`. */
  functions: string[];
  /** Why: breakpoint at file:line, step of process …, exception filter, plan … */
  reason: string;
  bytes: number;
  prepareMs: number;
}
export interface ModuleFailure {
  module: string;
  error: string;
}

/** Command → [arguments, result]. */
export interface AgentCommands {
  configure: [ConfigureArgs, ConfigureResult];
  /** The program may start (configurationDone). */
  go: [Record<string, never>, Record<string, never>];

  setBreakpoints: [{ path: string; breakpoints: SourceBreakpoint[] }, { breakpoints: BreakpointState[] }];
  setFunctionBreakpoints: [{ breakpoints: FunctionBreakpoint[] }, { breakpoints: BreakpointState[] }];
  setExceptionBreakpoints: [{ filters: ExceptionFilter[] }, { filters: { verified: boolean; message?: string }[] }];
  breakpointLocations: [{ path: string; line: number; endLine: number }, { lines: number[] }];

  /** Without `system`, processes of OTP, Elixir and Mix are left out unless they are stopped. */
  threads: [{ limit: number; system: boolean }, { threads: ThreadInfo[]; total: number }];
  /** Parents come before their children; beyond `limit` processes are only counted. */
  processTree: [{ limit: number; system: boolean }, { processes: ProcessInfo[]; total: number }];
  stackTrace: [{ thread: ThreadId; start: number; levels: number }, { frames: StackFrame[]; total: number }];
  scopes: [{ frame: FrameId }, { scopes: Scope[] }];
  variables: [
    { reference: VariablesReference; filter: 'named' | 'indexed' | null; start: number; count: number },
    { variables: Variable[] },
  ];
  setVariable: [{ reference: VariablesReference; name: string; value: string }, EvaluateResult];
  evaluate: [
    { expression: string; frame: FrameId | null; context: 'repl' | 'watch' | 'hover' | 'clipboard' | 'variables' },
    EvaluateResult,
  ];
  /** `column`: UTF-16 units of `text` before the cursor. */
  completions: [{ frame: FrameId | null; text: string; column: number }, { targets: CompletionItem[] }];
  exceptionInfo: [
    { thread: ThreadId },
    {
      exceptionId: string;
      description: string;
      breakMode: 'always' | 'unhandled';
      typeName?: string;
      stackTrace?: string;
    },
  ];

  continue: [{ thread: ThreadId; single: boolean }, { all: boolean }];
  next: [{ thread: ThreadId; single: boolean }, Record<string, never>];
  stepIn: [{ thread: ThreadId; single: boolean; target: number | null }, Record<string, never>];
  stepOut: [{ thread: ThreadId; single: boolean }, Record<string, never>];
  stepInTargets: [{ frame: FrameId }, { targets: { id: number; label: string; line: number }[] }];
  pause: [{ thread: ThreadId }, Record<string, never>];
  terminateThreads: [{ threads: ThreadId[] }, Record<string, never>];

  modules: [{ start: number; count: number }, { modules: ModuleInfo[]; total: number }];
  loadedSources: [Record<string, never>, { paths: string[] }];
  source: [{ reference: number }, { content: string; mimeType: string }];

  prepare: [
    { modules: string[]; mode: 'immediate' | 'queued' | 'background'; reason: string },
    { prepared: string[]; queued: string[]; failed: ModuleFailure[]; ms: number },
  ];
  /**
   * A piece of a plan, as long as the memory threshold allows, answered when done: several modules at once, as many as the
   * VM has schedulers that the program leaves idle, the first ones first. Modules that stayed undone for want of memory are
   * in neither list. `ms`: of the clock; `busy`: see `metrics`; `atOnce`: how many modules were let be under way at once
   * at most, 1 or more.
   */
  prepareAhead: [
    { modules: { module: string; reason: string }[] },
    {
      prepared: string[];
      failed: ModuleFailure[];
      ms: number;
      preparedBytes: number;
      full: boolean;
      busy: number;
      atOnce: number;
    },
  ];
  /** Bytes of prepared rows to keep, from now on. */
  setMemoryThreshold: [{ bytes: number }, Record<string, never>];
  /** Gives prepared rows back; refused while a frame or closure holds them, saying which. */
  release: [{ modules: string[] }, { released: string[]; failed: ModuleFailure[] }];
  status: [Record<string, never>, { engine: EngineName; modules: ModuleStatus[]; leftBehind: string[] }];
  /** Numbers of the agent: times in ms, sizes in bytes, counts. `busy`: 0..1, how many of the VM's schedulers have work. */
  metrics: [Record<string, never>, Record<string, number | number[]>];
  reload: [{ files: string[] | null }, { reloaded: string[]; failed: { file: string; error: string }[] }];

  /** Ends a process that evaluates for a cancelled REPL request. */
  endEvaluation: [{ thread: ThreadId }, Record<string, never>];
  /** Modules whose functions, made while debugging, still exist, and who holds them: processes, tables, persistent terms. */
  leftovers: [Record<string, never>, { left: string[]; holders: string[] }];
  /**
   * Disarms everything, resumes everyone, takes the agent out. `left`, `holders` as in `leftovers`, and functions that
   * processes are still in: for them a stand-in of one module and one process stays, which takes `bytes`, unless `force`
   * takes it away, too.
   */
  detach: [{ force: boolean }, { left: string[]; holders: string[]; bytes: number }];
  /** Ends the program: `init:stop`, then halts after `timeout` ms. */
  terminate: [{ timeout: number }, Record<string, never>];
}

/** Event name → body. */
export interface AgentEvents {
  stopped: {
    thread: ThreadId;
    reason: 'breakpoint' | 'function breakpoint' | 'step' | 'pause' | 'exception' | 'entry' | 'dbg';
    description: string;
    /** For people, e.g. who waits on the stopped process. */
    text?: string;
    hitBreakpointIds: number[];
  };
  continued: { thread: ThreadId };
  thread: { thread: ThreadId; reason: 'started' | 'exited' };
  breakpoint: BreakpointState;
  /** Log points and the program's notices. */
  output: { category: 'console' | 'important' | 'stdout' | 'stderr'; text: string; path?: string; line?: number };
  module: { reason: 'new' | 'changed' | 'removed'; module: ModuleInfo };
  loadedSource: { reason: 'new' | 'changed' | 'removed'; path: string };
  invalidated: { areas: ('variables' | 'stacks' | 'threads')[]; thread?: ThreadId };
  /** What takes long inside the VM (compiling, preparing): `start` once, `end` once, by id. */
  progress: { id: string; phase: 'start' | 'update' | 'end'; title?: string; message?: string; percentage?: number };
  /** The mix task, script or shell command ended; the VM may live on (exitAfterTaskReturns: false). */
  taskEnded: { exitCode: number };
  /** For metrics and the coordination server: what was armed or prepared, and how long it took. */
  /** `cached`: nothing had to be made. `disk`: its rows were read from there, which took the time. */
  interpreted: { module: string; ms: number; bytes: number; cached: boolean; disk: boolean; cause: string };
  /**
   * Interpretation got into a module: for the first time, or by a step into it. `ready`: it was prepared before; `ms`:
   * what the process waited for it, `bytes`: what its rows take.
   */
  entered: { module: string; ready: boolean; ms: number; bytes: number };
  /** The rest of Failure's world: something the user should read once. */
  notice: { level: 'info' | 'warning' | 'error'; text: string };
}
