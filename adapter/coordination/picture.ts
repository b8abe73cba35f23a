// What the coordination server has to know of a session, as it is now: breakpoints with their hits, stopped processes,
// modules that were entered. Asks nobody and sends nothing.
import type { AgentEvents, BreakpointState, StackFrame } from '../../protocol/agent';
import type { FileBreakpoints, SessionFrame, SessionState } from '../../protocol/coordination';

/** A breakpoint as it was asked for. */
interface Wanted {
  id: number;
  line?: number;
  condition?: string;
}
interface Known {
  id: number;
  line: number;
  verified: boolean;
  conditional: boolean;
  modules: string[];
  hits: number;
}
export interface Entry {
  module: string;
  ready: boolean;
  waitedMs: number;
}

export class SessionPicture {
  /** By file; function breakpoints under the empty text. */
  readonly #files = new Map<string, Known[]>();
  readonly #stopped = new Map<number, SessionFrame[]>();
  /** Modules on the stack of a process when it stopped last. */
  readonly #stacks = new Map<number, ReadonlySet<string>>();
  /** What the agent said was entered, and no stop has shown yet. */
  readonly #enteredSince = new Set<string>();

  get breakpoints(): FileBreakpoints[] {
    return [...this.#files].map(([file, known]) => shown(file, known));
  }
  get stopped(): SessionState['stopped'] {
    return [...this.#stopped].map(([thread, frames]) => ({ thread, frames }));
  }
  /** Where the process stands; undefined where it runs, or nobody wanted to know. */
  top(thread: number): SessionFrame | undefined {
    return this.#stopped.get(thread)?.[0];
  }

  /** What plans rest on: where breakpoints are, and which modules are on the stacks of stopped processes. */
  get basis(): string {
    const breakpoints = [...this.#files].map(([file, known]) => [
      file,
      ...known.map(({ verified, modules }) => `${verified} ${modules.join(' ')}`),
    ]);
    const stacks = [...this.#stopped].map(([thread, frames]) => [
      thread,
      ...new Set(frames.map(({ module, kind }) => `${kind} ${module}`)),
    ]);
    return JSON.stringify([breakpoints, stacks]);
  }

  /** Replaces a file's breakpoints; one that was there before keeps its hits. */
  set(file: string, wanted: readonly Wanted[], states: readonly BreakpointState[]): FileBreakpoints {
    const before = this.#files.get(file) ?? [];
    const now = wanted.map(({ id, line = 0, condition }): Known => {
      const known = {
        id,
        line,
        verified: false,
        conditional: condition !== undefined,
        modules: [],
        hits: before.find((one) => one.id === id)?.hits ?? 0,
      };
      const state = states.find((one) => one.id === id);
      return state === undefined ? known : updated(known, state);
    });
    if (now.length === 0) this.#files.delete(file);
    else this.#files.set(file, now);
    return shown(file, now);
  }

  /** The agent has another view of a breakpoint than before; null if nobody set it. */
  update(state: BreakpointState): FileBreakpoints | null {
    for (const [file, known] of this.#files) {
      const index = known.findIndex(({ id }) => id === state.id);
      const one = known[index];
      if (one === undefined) continue;
      known[index] = updated(one, state);
      return shown(file, known);
    }
    return null;
  }

  /** Counts a stop at breakpoints; the files whose hits have changed. */
  hit(ids: readonly number[]): FileBreakpoints[] {
    const changed: FileBreakpoints[] = [];
    for (const [file, known] of this.#files) {
      const hit = known.filter(({ id }) => ids.includes(id));
      for (const one of hit) one.hits++;
      if (hit.length > 0) changed.push(shown(file, known));
    }
    return changed;
  }

  /** A process has stopped with this stack; the modules it has entered since it stopped before, outermost first. */
  stop(thread: number, frames: SessionFrame[]): Entry[] {
    const interpreted = frames.filter(({ kind }) => kind === 'interpreted').map(({ module }) => module);
    const before = this.#stacks.get(thread);
    const entered = [...new Set(interpreted.reverse())].filter(
      (module) => before?.has(module) !== true && !this.#enteredSince.has(module),
    );
    this.#stopped.set(thread, frames);
    if (frames.length > 0) this.#stacks.set(thread, new Set(frames.map(({ module }) => module)));
    for (const module of interpreted) this.#enteredSince.delete(module);
    // Whatever had to be prepared for it has been told by the agent at that time.
    return entered.map((module) => ({ module, ready: true, waitedMs: 0 }));
  }

  /** Its stack, which nobody wanted to know when it stopped; one that runs again has none. */
  see(thread: number, frames: SessionFrame[]): void {
    if (this.#stopped.has(thread)) this.#stopped.set(thread, frames);
  }

  continue(thread: number): void {
    this.#stopped.delete(thread);
  }

  enter({ module, ready, ms }: AgentEvents['entered']): Entry {
    this.#enteredSince.add(module);
    return { module, ready, waitedMs: ready ? 0 : ms };
  }

  /** The process has ended. */
  forget(thread: number): void {
    this.#stopped.delete(thread);
    this.#stacks.delete(thread);
  }

  /** The program has ended; breakpoints stay, and begin to count anew. */
  forgetProgram(): void {
    this.#stopped.clear();
    this.#stacks.clear();
    this.#enteredSince.clear();
    for (const known of this.#files.values()) for (const one of known) one.hits = 0;
  }
}

function updated(known: Known, { verified, line, modules }: BreakpointState): Known {
  return { ...known, verified, line: line ?? known.line, modules: modules ?? [] };
}

function shown(file: string, known: readonly Known[]): FileBreakpoints {
  return {
    file,
    breakpoints: known.map(({ line, verified, conditional, modules, hits }) => ({
      line,
      verified,
      conditional,
      modules,
      hits,
    })),
  };
}

/** The agent's frames as the coordination server reads them; one without a module says nothing. */
export function sessionFrames(frames: readonly StackFrame[]): SessionFrame[] {
  return frames
    .filter(({ module }) => module !== '')
    .map(({ name, module, line, path, kind, own }) => ({
      module,
      file: path,
      line: Math.max(0, line),
      own,
      kind,
      ...(name.startsWith(`${module}.`) ? { function: name.slice(module.length + 1) } : {}),
    }));
}
