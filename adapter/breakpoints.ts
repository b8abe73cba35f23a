// What breakpoints the client wants, their ids, and how the agent's view of them reads in DAP. Sets nothing itself.
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { BreakpointState, ExceptionFilter, FunctionBreakpoint, SourceBreakpoint } from '../protocol/agent';
import { Failure } from '../protocol/failure';
import type { Conventions } from './sources';

/** What a client asks for at one line. */
export interface WantedLine {
  line: number;
  condition?: string | undefined;
  hitCondition?: string | undefined;
  logMessage?: string | undefined;
}
export interface WantedFunction {
  name: string;
  condition?: string | undefined;
  hitCondition?: string | undefined;
}

/** All that is set, at one moment. */
export interface WantedBreakpoints {
  readonly files: readonly (readonly [path: string, wanted: SourceBreakpoint[]])[];
  readonly functions: FunctionBreakpoint[];
  readonly exceptions: ExceptionFilter[];
}

export const EXCEPTION_FILTERS: readonly (DebugProtocol.ExceptionBreakpointsFilter & {
  filter: 'raised' | 'uncaught';
})[] = [
  {
    filter: 'raised',
    label: 'Raised exceptions',
    description:
      'Stops where an exception is raised, rescued or not. What the VM raises itself (no clause matches, bad argument or arithmetic), throw and exit stop in interpreted code only; elsewhere those that end a process are reported afterwards.',
    default: false,
    supportsCondition: true,
    conditionDescription:
      'Exception modules, separated by blanks or commas, e.g. ArgumentError, MyApp.NotFound. Empty: all.',
  },
  {
    filter: 'uncaught',
    label: 'Uncaught exceptions',
    description:
      'Stops before a process is lost by an exception that no code of yours rescues; where that cannot be known in time, as with errors of the VM itself in code that runs natively, line, values and stack are reported afterwards.',
    default: true,
    supportsCondition: true,
    conditionDescription:
      'Exception modules, separated by blanks or commas, e.g. ArgumentError, MyApp.NotFound. Empty: all.',
  },
];

/** Drops what was not given, as the agent wants it. */
function given<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const present = Object.entries(values).filter(([, value]) => value !== undefined && value !== '');
  return Object.fromEntries(present) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

export class Breakpoints {
  #next = 1;
  /** By file; kept over a restart. */
  readonly #lines = new Map<string, SourceBreakpoint[]>();
  #functions: FunctionBreakpoint[] = [];
  #exceptions: ExceptionFilter[] = [];
  /** Where a breakpoint with this id was asked for. */
  readonly #paths = new Map<number, string>();

  constructor(private readonly conventions: Conventions) {}

  /** Replaces a file's breakpoints; one that was there before keeps its id. */
  setLines(path: string, wanted: readonly WantedLine[]): SourceBreakpoint[] {
    const before = [...(this.#lines.get(path) ?? [])];
    const now = wanted.map(({ line, condition, hitCondition, logMessage }) => {
      const known = before.findIndex((breakpoint) => breakpoint.line === line);
      const id = known === -1 ? this.#next++ : (before.splice(known, 1)[0]?.id ?? this.#next++);
      return { id, line, ...given({ condition, hitCondition, logMessage }) };
    });
    for (const { id } of before) this.#paths.delete(id);
    for (const { id } of now) this.#paths.set(id, path);
    if (now.length === 0) this.#lines.delete(path);
    else this.#lines.set(path, now);
    return now;
  }

  setFunctions(wanted: readonly WantedFunction[]): FunctionBreakpoint[] {
    const before = this.#functions;
    this.#functions = wanted.map(({ name, condition, hitCondition }) => ({
      id: before.find((breakpoint) => breakpoint.name === name)?.id ?? this.#next++,
      name,
      ...given({ condition, hitCondition }),
    }));
    return this.#functions;
  }

  setExceptions(wanted: readonly { filter: string; condition?: string | undefined }[]): ExceptionFilter[] {
    this.#exceptions = wanted.map(({ filter, condition }) => {
      const known = EXCEPTION_FILTERS.find((one) => one.filter === filter);
      if (known === undefined) {
        const names = EXCEPTION_FILTERS.map((one) => `"${one.filter}"`).join(' and ');
        throw Failure.expected('invalidArguments', `There is no exception filter "${filter}"; there are ${names}.`);
      }
      return { filter: known.filter, ...given({ condition }) };
    });
    return this.#exceptions;
  }

  wanted(): WantedBreakpoints {
    return { files: [...this.#lines], functions: this.#functions, exceptions: this.#exceptions };
  }

  /** What of this the client still wants and has not set anew. */
  unchangedSince(before: WantedBreakpoints): WantedBreakpoints {
    return {
      files: before.files.filter(([path, wanted]) => this.#lines.get(path) === wanted),
      functions: before.functions === this.#functions ? this.#functions : [],
      exceptions: before.exceptions === this.#exceptions ? this.#exceptions : [],
    };
  }

  /** The agent's state of a breakpoint as DAP has it. `wantedLine`: where it was asked for, if it has no line yet. */
  toDap(state: BreakpointState, wantedLine?: number): DebugProtocol.Breakpoint {
    const { id, verified, message, reason } = state;
    const line = state.line ?? wantedLine;
    const path = this.#paths.get(id);
    return {
      id,
      verified,
      ...(line === undefined ? {} : { line: this.conventions.toLine(line) }),
      ...(path === undefined ? {} : { source: this.conventions.fileSource(path) }),
      ...(message === undefined ? {} : { message }),
      ...(verified || reason === undefined ? {} : { reason }),
    };
  }
}
