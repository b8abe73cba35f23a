// What the project index knows, as the rest of the server reads it. Types only.

/** `call`: an import of the compiled module; `reference`: an atom in its code; the others as the source writes them. */
export type EdgeKind =
  'call' | 'reference' | 'alias' | 'import' | 'use' | 'behaviour' | 'protocol' | 'implementation' | 'template';

export interface Edge {
  from: string;
  to: string;
  kind: EdgeKind;
  /** Who says so. Both may, with an edge each. */
  origin: 'beam' | 'source';
}

export interface ModuleNode {
  /** As `inspect` writes it: `Shop.Cart`, `:lists`. */
  name: string;
  /** Absolute path of the source; null when only a beam is known. */
  file: string | null;
  /** 1-based. */
  line: number | null;
  /** Of the project, an umbrella application or a path dependency. */
  own: boolean;
  /** OTP application; null when unknown. */
  app: string | null;
}

/** A view of the index that never blocks; it changes under the reader's feet only with `revision`, lines of modules apart. */
export interface DependencyGraph {
  /** Grows with every change of modules and edges. */
  readonly revision: number;
  modules(): Iterable<ModuleNode>;
  module(name: string): ModuleNode | undefined;
  outgoing(name: string): readonly Edge[];
  incoming(name: string): readonly Edge[];
  /** What is new since an earlier revision, for whoever keeps something computed from it; without it, everything may be. */
  changesSince?(revision: number): GraphChanges;
}

export interface GraphChanges {
  /** Modules came, went, or belong to somebody else. */
  modules: boolean;
  /** Modules whose outgoing edges may be others. */
  edges: ReadonlySet<string>;
}
