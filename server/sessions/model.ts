// What the server knows of one debug session, as a fold over what its adapter tells. Pure: no clock, no I/O.
import type { FileBreakpoints, SessionEvent, SessionFrame, SessionState } from '../../protocol/coordination';
import type { Situation } from '../strategies/strategy';

/** Entered modules to remember; a journey is far shorter. */
const MAX_PATH = 1_000;
/** ms for which a release that was refused is not asked for again. */
const HELD_FOR = 30_000;

export interface ModuleInUse {
  bytes: number;
  /** ms it took to prepare. */
  prepareMs: number;
  /** Why it was prepared, for people. */
  reason: string;
  /** Armed functions, as told at the start. */
  functions: readonly string[];
  /** Who wanted it prepared. */
  trigger: 'demand' | 'plan' | 'request';
}

export interface Use {
  /** Stops and entries. */
  uses: number;
  lastUsedAt: number;
}

export interface SessionModel {
  readonly state: Omit<SessionState, 'prepared'>;
  readonly prepared: ReadonlyMap<string, ModuleInUse>;
  /** Modules entered, oldest first, without immediate repetition. */
  readonly path: readonly string[];
  readonly used: ReadonlyMap<string, Use>;
  /** Modules whose release was refused → until when not to ask again. */
  readonly held: ReadonlyMap<string, number>;
  /** Modules that could not be prepared → why. */
  readonly failed: ReadonlyMap<string, string>;
  readonly memory: { beamBytes: number; adapterBytes: number; busy: number | null } | null;
  /** When the newest event happened, by the adapter's clock. */
  readonly at: number;
  readonly ended: { at: number; exitCode: number | null } | null;
}

/** The session as its adapter tells it whole: at the start, and again after a reconnect. */
export function begin(told: SessionState, before?: SessionModel): SessionModel {
  const { prepared, ...state } = told;
  return {
    state,
    prepared: new Map(
      prepared.map(({ module, bytes, prepareMs, reason, functions }) => [
        module,
        { bytes, prepareMs, reason, functions, trigger: before?.prepared.get(module)?.trigger ?? 'demand' },
      ]),
    ),
    path: before?.path ?? [],
    used: before?.used ?? new Map<string, Use>(),
    held: new Map(),
    failed: before?.failed ?? new Map<string, string>(),
    memory: before?.memory ?? null,
    at: before?.at ?? told.startedAt,
    ended: null,
  };
}

export function reduce(model: SessionModel, event: SessionEvent): SessionModel {
  return { ...model, ...change(model, event), at: event.at };
}

function change(model: SessionModel, event: SessionEvent): Partial<SessionModel> {
  const { state } = model;
  switch (event.kind) {
    case 'breakpointsSet':
      return { state: { ...state, breakpoints: replaced(state.breakpoints, event.file) } };
    case 'stopped': {
      const others = state.stopped.filter(({ thread }) => thread !== event.thread);
      const top = event.frames[0];
      return {
        state: { ...state, stopped: [{ thread: event.thread, frames: event.frames }, ...others] },
        ...(top === undefined ? {} : visited(model, top.module, event.at)),
      };
    }
    case 'continued':
      return { state: { ...state, stopped: state.stopped.filter(({ thread }) => thread !== event.thread) } };
    case 'entered':
      return visited(model, event.module, event.at, event.times);
    case 'interpreted':
      return {
        prepared: withEntry(model.prepared, event.module, {
          bytes: event.bytes,
          prepareMs: event.ms,
          reason: event.cause,
          functions: model.prepared.get(event.module)?.functions ?? [],
          // Who asked first keeps the credit: a demand for what a plan had prepared does not turn it into demand.
          trigger: model.prepared.get(event.module)?.trigger ?? event.trigger,
        }),
        failed: without(model.failed, [event.module]),
      };
    case 'released':
      return { prepared: without(model.prepared, event.modules), held: without(model.held, event.modules) };
    case 'held':
      return { held: withEntry(model.held, event.module, event.at + HELD_FOR) };
    case 'failed':
      return { failed: withEntry(model.failed, event.module, event.error) };
    case 'modulesLoaded':
    case 'reloaded':
      return { failed: without(model.failed, event.modules) };
    case 'memory':
      return { memory: { beamBytes: event.beamBytes, adapterBytes: event.adapterBytes, busy: event.busy } };
    case 'modeChanged':
      return { state: { ...state, mode: event.mode, paused: event.paused } };
    case 'sessionEnded':
      return { ended: { at: event.at, exitCode: event.exitCode }, state: { ...state, stopped: [] } };
    case 'steppingInto':
    case 'latency':
    case 'fallback':
    case 'diskCache':
      return {};
  }
}

/** The file that was touched last comes first; one without breakpoints is forgotten. */
function replaced(files: readonly FileBreakpoints[], changed: FileBreakpoints): FileBreakpoints[] {
  const others = files.filter(({ file }) => file !== changed.file);
  return changed.breakpoints.length === 0 ? others : [changed, ...others];
}

function visited(model: SessionModel, module: string, at: number, times = 1): Pick<SessionModel, 'path' | 'used'> {
  const uses = (model.used.get(module)?.uses ?? 0) + times;
  return {
    path: model.path.at(-1) === module ? model.path : [...model.path, module].slice(-MAX_PATH),
    used: withEntry(model.used, module, { uses, lastUsedAt: at }),
  };
}

/** Modules with breakpoints, those of the file touched last first. */
export function breakpointModules(model: SessionModel): string[] {
  return distinct(model.state.breakpoints.flatMap(({ breakpoints }) => breakpoints.flatMap(({ modules }) => modules)));
}

/** Modules of the frames of stopped processes, the newest stop first, top frame first. */
export function frameModules(model: SessionModel): string[] {
  return distinct(frames(model).map(({ module }) => module));
}

/**
 * Those of them that steps may lead to. What runs natively and is not the project's stays native: the loop of a server or the
 * start of a task is on every stack, and nobody steps there unless they asked to step everywhere.
 */
function steppableModules(model: SessionModel): string[] {
  const everywhere = !model.state.justMyCode;
  const steppable = frames(model).filter(({ own, kind }) => everywhere || own || kind === 'interpreted');
  return distinct(steppable.map(({ module }) => module));
}

/** Modules whose rows must stay: armed, or on the stack of a process that stands still. */
export function unreleasable(model: SessionModel, at: number): Set<string> {
  const held = [...model.held].filter(([, until]) => until > at).map(([module]) => module);
  return new Set([...interpretedModules(model), ...frameModules(model), ...held]);
}

/** Modules that a breakpoint or an interpreted frame is in. */
export function interpretedModules(model: SessionModel): Set<string> {
  const armed = model.state.breakpoints.flatMap(({ breakpoints }) =>
    breakpoints.filter(({ verified }) => verified).flatMap(({ modules }) => modules),
  );
  const running = frames(model).filter(({ kind }) => kind === 'interpreted');
  return new Set([...armed, ...running.map(({ module }) => module)]);
}

export function preparedBytes(model: SessionModel): number {
  let sum = 0;
  for (const { bytes } of model.prepared.values()) sum += bytes;
  return sum;
}

/** What the editor shows counts beside what the session does. */
export interface EditorFocus {
  focused: readonly string[];
  edited: readonly string[];
}

export function situationOf(model: SessionModel, { focused, edited }: EditorFocus): Situation {
  return {
    session: model.state.id,
    breakpoints: breakpointModules(model),
    frames: steppableModules(model),
    path: model.path,
    focused,
    edited,
    scope: model.state.mode.scope,
  };
}

function frames(model: SessionModel): SessionFrame[] {
  return model.state.stopped.flatMap((stop) => stop.frames);
}

function distinct(modules: readonly string[]): string[] {
  return [...new Set(modules)];
}

function withEntry<Value>(map: ReadonlyMap<string, Value>, key: string, value: Value): ReadonlyMap<string, Value> {
  return new Map(map).set(key, value);
}

function without<Value>(map: ReadonlyMap<string, Value>, keys: readonly string[]): ReadonlyMap<string, Value> {
  if (!keys.some((key) => map.has(key))) return map;
  const copy = new Map(map);
  for (const key of keys) copy.delete(key);
  return copy;
}
