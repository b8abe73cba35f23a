// What the analysis needs of the rest of the server, as narrow as it uses it. Types only.
import type { FileBreakpoints } from '../../protocol/coordination';
import type { DependencyGraph } from '../index/graph';
import type { ModuleUsage } from '../history/ledger';
import type { Strategy } from '../strategies/strategy';

/** A function as its source has it; lines 1-based, both included. */
export interface FunctionPlace {
  module: string;
  name: string;
  /** Number of parameters, those with defaults too. */
  arity: number;
  /** Parameters with a default: the function also exists with that many fewer. */
  defaults: number;
  line: number;
  endLine: number;
  visibility: 'public' | 'private';
  macro: boolean;
}

/** The project index. Files are absolute paths. */
export interface CodeIndex {
  readonly graph: DependencyGraph;
  modulesOfFile(file: string): readonly { name: string; line: number }[];
  /** The innermost one that spans the line. */
  moduleAt(file: string, line: number): { name: string } | undefined;
  functionsOfFile(file: string): readonly FunctionPlace[];
  functionAt(file: string, line: number): FunctionPlace | undefined;
  filesOfModule(module: string): { uri: string; line: number }[];
  size(): { indexed: boolean };
}

/** A running debug session. */
export interface SessionView {
  readonly state: {
    id: string;
    name: string;
    startedAt: number;
    breakpoints: readonly FileBreakpoints[];
    stopped: readonly { frames: readonly { module: string; kind: 'interpreted' | 'native' }[] }[];
  };
  readonly prepared: ReadonlyMap<
    string,
    { bytes: number; prepareMs: number; reason: string; functions: readonly string[] }
  >;
  readonly used: ReadonlyMap<string, { uses: number; lastUsedAt: number }>;
  /** Modules that could not be prepared → why. */
  readonly failed: ReadonlyMap<string, string>;
  /** When the newest event happened. */
  readonly at: number;
}

/** What is remembered of the workspace. */
export interface Memory {
  usageOf(module: string): Readonly<ModuleUsage> | undefined;
  used(): [string, Readonly<ModuleUsage>][];
  isPinned(module: string): boolean;
  isNeverInterpreted(module: string): boolean;
}

export interface AnalysisParts {
  index: CodeIndex;
  /** Running sessions, the newest first. */
  sessions: () => readonly SessionView[];
  memory: () => Memory;
  /** Says what is likely to be entered next; the one that learns, as far as it has. */
  strategy: () => Strategy;
  /** Current text of a file: the editor's, else the disk's; undefined when there is none. */
  textOf: (file: string) => Promise<string | undefined>;
  /** Asks the running sessions to prepare modules; answers how many sessions there are. */
  prepare: (modules: string[]) => number;
}
