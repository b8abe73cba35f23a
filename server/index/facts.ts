// What one source file says: the facts that the index keeps of it. Types only.
import type { TestNode } from '../../protocol/server';
import type { EdgeKind } from './graph';

export interface ModuleFacts {
  /** As `inspect` writes it. */
  name: string;
  /** 1-based, both included. */
  line: number;
  endLine: number;
  kind: 'module' | 'protocol' | 'implementation';
}

export interface FunctionFacts {
  module: string;
  name: string;
  /** Number of parameters, those with defaults too. */
  arity: number;
  /** Parameters with a default: the function also exists with that many fewer. */
  defaults: number;
  /** From the first to the last line of clauses that follow each other; clauses elsewhere are an entry of their own. */
  line: number;
  endLine: number;
  visibility: 'public' | 'private';
  macro: boolean;
}

export interface SourceEdge {
  from: string;
  to: string;
  kind: EdgeKind;
  /** Where it is written, 1-based. */
  line: number;
}

/** Which templates a module compiles into itself. */
export interface TemplateUse {
  module: string;
  /** Absolute path with forward slashes, or relative to the application; `*` stands for any part of a name, `**` for folders. */
  pattern: string;
}

/** `alias Shop.Router.Helpers, as: Routes`: a name that the module's templates may use. */
export interface Rename {
  module: string;
  short: string;
  name: string;
}

export interface FileFacts {
  modules: ModuleFacts[];
  functions: FunctionFacts[];
  edges: SourceEdge[];
  templates: TemplateUse[];
  renames: Rename[];
  tests: TestNode[];
  /** The text has syntax errors: these are the facts of what could be understood. */
  broken: boolean;
}

export function noFacts(): FileFacts {
  return { modules: [], functions: [], edges: [], templates: [], renames: [], tests: [], broken: false };
}
