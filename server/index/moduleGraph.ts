// The dependency graph, merged from what sources and beams contribute. Edges are kept as numbers and become objects when
// somebody asks; knows nothing of files' contents.
import type { DependencyGraph, Edge, GraphChanges, ModuleNode } from './graph';
import { NameTable } from './names';
import { EDGE_KINDS, type PackedEdges } from './packed';

/** What one source file or one beam says. A later contribution under the same key replaces it. */
export interface Contribution extends PackedEdges {
  origin: Edge['origin'];
  own: boolean;
  app: string | null;
  /** Path of the source; null when a beam does not tell. */
  file: string | null;
  /** Numbers of the modules' names, each with its line or 0. */
  modules: readonly number[];
}

const KIND_BITS = 4;

interface Stored {
  origin: Edge['origin'];
  own: boolean;
  app: string | null;
  file: string | null;
  /** Number of a module, its line or 0, and so on. */
  modules: Int32Array;
  /** Number of the module an edge leaves, and the one it enters with its kind, and so on; sorted, each once. */
  edges: Int32Array;
}

/** Who has an edge to a module, by its number: `froms` from `starts[module]` up to `starts[module + 1]`, some repeated. */
interface Reverse {
  revision: number;
  starts: Int32Array;
  froms: Int32Array;
}

export class ModuleGraph implements DependencyGraph {
  revision = 0;
  private readonly names = new NameTable();
  private readonly contributions = new Map<string, Stored>();
  /** Contributions that declare a module, by its number: sources before beams. */
  private readonly declared = new Map<number, Stored[]>();
  /** Contributions with edges from a module, by its number. */
  private readonly leaving = new Map<number, Stored[]>();
  private reverse: Reverse = { revision: -1, starts: new Int32Array(1), froms: new Int32Array() };
  private edgeCount = 0;
  /** Revision at which modules came, went or changed hands last; and, by a module's number, at which its edges changed last. */
  private modulesChanged = 0;
  private readonly edgesChanged = new Map<number, number>();

  get size(): { modules: number; edges: number } {
    return { modules: this.declared.size, edges: this.edgeCount };
  }

  set(key: string, contribution: Contribution): void {
    const stored = this.store(contribution);
    const before = this.contributions.get(key);
    if (before !== undefined && same(before, stored)) {
      // Modules that only moved are no other graph: whoever computed something from it need not do so again.
      before.modules.set(stored.modules);
      this.release(stored);
      return;
    }
    this.revision++;
    if (before === undefined || !declareTheSame(before, stored)) this.modulesChanged = this.revision;
    if (before !== undefined) this.detach(before);
    this.contributions.set(key, stored);
    this.attach(stored);
  }

  delete(key: string): void {
    const stored = this.contributions.get(key);
    if (stored === undefined) return;
    this.revision++;
    this.modulesChanged = this.revision;
    this.contributions.delete(key);
    this.detach(stored);
  }

  *modules(): Iterable<ModuleNode> {
    for (const number of this.declared.keys()) yield this.node(number);
  }

  module(name: string): ModuleNode | undefined {
    const number = this.names.number(name);
    return number !== undefined && this.declared.has(number) ? this.node(number) : undefined;
  }

  outgoing(name: string): readonly Edge[] {
    const from = this.names.number(name);
    return from === undefined ? [] : this.edgesFrom(from, null);
  }

  incoming(name: string): readonly Edge[] {
    const to = this.names.number(name);
    if (to === undefined) return [];
    const { starts, froms } = this.reversed();
    return [...new Set(froms.subarray(starts[to], starts[to + 1]))].flatMap((from) => this.edgesFrom(from, to));
  }

  changesSince(revision: number): GraphChanges {
    const edges = new Set<string>();
    for (const [module, changed] of this.edgesChanged) if (changed > revision) edges.add(this.names.name(module));
    return { modules: this.modulesChanged > revision, edges };
  }

  private edgesFrom(from: number, only: number | null): Edge[] {
    const edges: Edge[] = [];
    const stored = this.leaving.get(from) ?? [];
    const seen = stored.length > 1 ? new Set<number>() : null;
    for (const { origin, edges: packed } of stored) {
      for (let at = firstFrom(packed, from); packed[at] === from; at += 2) {
        const target = packed[at + 1] ?? 0;
        const to = target >> KIND_BITS;
        const kind = EDGE_KINDS[target & ((1 << KIND_BITS) - 1)] ?? 'reference';
        if (only !== null && to !== only) continue;
        // An atom is a reference only if it names a module.
        if (kind === 'reference' && origin === 'beam' && !this.declared.has(to)) continue;
        const key = origin === 'beam' ? -1 - target : target;
        if (seen?.has(key) === true) continue;
        seen?.add(key);
        edges.push({ from: this.names.name(from), to: this.names.name(to), kind, origin });
      }
    }
    return edges;
  }

  private node(number: number): ModuleNode {
    const places = this.declared.get(number) ?? [];
    const source = places.find(({ origin }) => origin === 'source');
    const first = source ?? places[0];
    return {
      name: this.names.name(number),
      file: first?.file ?? null,
      line: source === undefined ? null : lineOf(source, number),
      own: places.some(({ own }) => own),
      app: places.find(({ app }) => app !== null)?.app ?? null,
    };
  }

  private reversed(): Reverse {
    if (this.reverse.revision === this.revision) return this.reverse;
    const starts = new Int32Array(this.names.limit + 2);
    for (const { edges } of this.contributions.values()) {
      for (let at = 1; at < edges.length; at += 2) {
        const after = ((edges[at] ?? 0) >> KIND_BITS) + 1;
        starts[after] = (starts[after] ?? 0) + 1;
      }
    }
    for (let at = 1; at < starts.length; at++) starts[at] = (starts[at] ?? 0) + (starts[at - 1] ?? 0);
    const filled = starts.slice();
    const froms = new Int32Array(this.edgeCount);
    for (const { edges } of this.contributions.values()) {
      for (let at = 0; at < edges.length; at += 2) {
        const to = (edges[at + 1] ?? 0) >> KIND_BITS;
        const place = filled[to] ?? 0;
        froms[place] = edges[at] ?? 0;
        filled[to] = place + 1;
      }
    }
    this.reverse = { revision: this.revision, starts, froms };
    return this.reverse;
  }

  private store({ origin, own, app, file, names, modules, edges }: Contribution): Stored {
    /** Numbers in the table by numbers in the contribution; each use holds the name. */
    const used = (name: number): number => this.names.retain(names[name] ?? '');
    // One sortable number an edge: where it leaves comes first.
    const pairs = new Float64Array(edges.length / 3);
    for (let edge = 0; edge < pairs.length; edge++) {
      const [from, to] = [used(edges[edge * 3] ?? 0), used(edges[edge * 3 + 1] ?? 0)];
      pairs[edge] = from * 2 ** 32 + ((to << KIND_BITS) | (edges[edge * 3 + 2] ?? 0));
    }
    pairs.sort();
    const packed = new Int32Array(pairs.length * 2);
    pairs.forEach((pair, edge) => {
      packed[edge * 2] = Math.floor(pair / 2 ** 32);
      packed[edge * 2 + 1] = pair % 2 ** 32;
    });
    const declared = Int32Array.from(modules, (number, index) => (index % 2 === 0 ? used(number) : number));
    return { origin, own, app, file, modules: declared, edges: packed };
  }

  private release({ modules, edges }: Stored): void {
    for (let at = 0; at < modules.length; at += 2) this.names.release(modules[at] ?? 0);
    for (let at = 0; at < edges.length; at += 2) {
      this.names.release(edges[at] ?? 0);
      this.names.release((edges[at + 1] ?? 0) >> KIND_BITS);
    }
  }

  private attach(stored: Stored): void {
    for (const module of everyOther(stored.modules)) add(this.declared, module, stored);
    for (const from of everyOther(stored.edges)) {
      add(this.leaving, from, stored);
      this.edgesChanged.set(from, this.revision);
    }
    this.edgeCount += stored.edges.length / 2;
  }

  private detach(stored: Stored): void {
    for (const module of everyOther(stored.modules)) subtract(this.declared, module, stored);
    for (const from of everyOther(stored.edges)) {
      subtract(this.leaving, from, stored);
      this.edgesChanged.set(from, this.revision);
    }
    this.edgeCount -= stored.edges.length / 2;
    this.release(stored);
  }
}

function everyOther(numbers: Int32Array): Set<number> {
  const found = new Set<number>();
  for (let at = 0; at < numbers.length; at += 2) found.add(numbers[at] ?? 0);
  return found;
}

function add(map: Map<number, Stored[]>, key: number, stored: Stored): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [stored]);
  else list.push(stored);
}

function subtract(map: Map<number, Stored[]>, key: number, stored: Stored): void {
  const rest = (map.get(key) ?? []).filter((each) => each !== stored);
  if (rest.length === 0) map.delete(key);
  else map.set(key, rest);
}

function lineOf({ modules }: Stored, number: number): number | null {
  for (let at = 0; at < modules.length; at += 2) if (modules[at] === number) return modules[at + 1] ?? null;
  return null;
}

/** Position of the first edge that leaves the module, or where it would stand. */
function firstFrom(edges: Int32Array, from: number): number {
  let low = 0;
  let high = edges.length / 2;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((edges[middle * 2] ?? 0) < from) low = middle + 1;
    else high = middle;
  }
  return low * 2;
}

function same(one: Stored, other: Stored): boolean {
  return declareTheSame(one, other) && equal(one.edges, other.edges);
}

function declareTheSame(one: Stored, other: Stored): boolean {
  return (
    one.own === other.own &&
    one.app === other.app &&
    one.file === other.file &&
    one.modules.length === other.modules.length &&
    one.modules.every((number, index) => index % 2 === 1 || number === other.modules[index])
  );
}

function equal(one: Int32Array, other: Int32Array): boolean {
  return one.length === other.length && one.every((number, index) => number === other[index]);
}
