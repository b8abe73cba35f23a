// The dependency graph in arrays, for arithmetic over all modules at once. It holds what a revision of the graph says and
// ranks nothing.
import type { DependencyGraph, EdgeKind } from '../index/graph';

/**
 * How much an edge says that execution takes it, 0..1. A call is compiled in. The other kinds stand for calls that the
 * compiler cannot see: a protocol reaches its implementation, a view its template, `use` calls back.
 */
const EVIDENCE: Record<EdgeKind, number> = {
  call: 1,
  protocol: 0.5,
  implementation: 0.5,
  template: 0.5,
  behaviour: 0.25,
  import: 0.25,
  use: 0.25,
  alias: 0.25,
  reference: 0,
};

/** An edge against its direction: execution comes back to callers, less often than it goes on. Fitted like the log odds. */
const BACKWARD = 0.5;

/** Compressed sparse rows: the neighbours of module `i` are `to[start[i]] … to[start[i + 1] - 1]`. */
export interface Rows {
  start: Int32Array;
  to: Int32Array;
  weight: Float64Array;
}

export interface CompactGraph {
  revision: number;
  /** Sorted, so that an order by number is an order by name. */
  names: readonly string[];
  number: ReadonlyMap<string, number>;
  /** How likely a module calls another one, 0..1, from what it calls. */
  calls: Rows;
  /** Every edge in both directions, each row's weights adding up to 1. */
  links: Rows;
  /** How many modules have an edge to it. */
  named: Int32Array;
  /** Names in segments, see `segmentsOf`. */
  segments: readonly (readonly string[])[];
  own: Uint8Array;
  exception: Uint8Array;
}

/** Built once a revision; a graph that is gone takes its arrays along. */
const compacted = new WeakMap<DependencyGraph, CompactGraph>();

export function compact(graph: DependencyGraph): CompactGraph {
  const known = compacted.get(graph);
  if (known?.revision === graph.revision) return known;
  const built = build(graph);
  compacted.set(graph, built);
  return built;
}

/** `Shop.Cart` → `Shop`, `Cart`; Erlang's `:shop_cart` → `:shop`, `cart`. */
export const segmentsOf = (name: string): readonly string[] => name.split(name.startsWith(':') ? '_' : '.');

function build(graph: DependencyGraph): CompactGraph {
  const nodes = [...graph.modules()].sort((a, b) => (a.name < b.name ? -1 : 1));
  const names = nodes.map(({ name }) => name);
  const number = new Map(names.map((name, index) => [name, index]));
  const calls = new RowBuilder(names.length);
  const edges = new RowBuilder(names.length);
  const evidence = new Float64Array(names.length);
  const named = new Int32Array(names.length);
  const seenFrom = new Int32Array(names.length).fill(-1);
  names.forEach((name, from) => {
    const reached: number[] = [];
    for (const edge of graph.outgoing(name)) {
      const to = number.get(edge.to);
      if (to === undefined || to === from) continue;
      if (seenFrom[to] !== from) {
        seenFrom[to] = from;
        evidence[to] = 0;
        reached.push(to);
      }
      evidence[to] = Math.max(evidence[to] ?? 0, EVIDENCE[edge.kind]);
    }
    for (const to of reached) {
      edges.add(from, to, 1);
      named[to] = (named[to] ?? 0) + 1;
      const sureness = evidence[to] ?? 0;
      if (sureness > 0) calls.add(from, to, sureness);
    }
  });
  // Modules that name each other become neighbours twice, and so are linked more closely.
  edges.addReversed(BACKWARD);
  return {
    revision: graph.revision,
    names,
    number,
    calls: calls.rows(),
    links: shares(edges.rows()),
    named,
    segments: names.map(segmentsOf),
    own: Uint8Array.from(nodes, ({ own }) => (own ? 1 : 0)),
    exception: Uint8Array.from(names, (name) => (/(?:Error|Exception)$/.test(name) ? 1 : 0)),
  };
}

/** Gathers edges in any order and lays them out as rows, by counting. */
class RowBuilder {
  readonly #from: number[] = [];
  readonly #to: number[] = [];
  readonly #weight: number[] = [];

  constructor(private readonly size: number) {}

  add(from: number, to: number, weight: number): void {
    this.#from.push(from);
    this.#to.push(to);
    this.#weight.push(weight);
  }

  addReversed(factor: number): void {
    const [from, to] = [[...this.#from], [...this.#to]];
    from.forEach((source, edge) => {
      this.add(to[edge] ?? 0, source, factor * (this.#weight[edge] ?? 0));
    });
  }

  rows(): Rows {
    const start = new Int32Array(this.size + 1);
    for (const from of this.#from) start[from + 1] = (start[from + 1] ?? 0) + 1;
    for (let row = 0; row < this.size; row++) start[row + 1] = (start[row + 1] ?? 0) + (start[row] ?? 0);
    const next = start.slice();
    const to = new Int32Array(this.#to.length);
    const weight = new Float64Array(this.#to.length);
    this.#from.forEach((from, edge) => {
      const at = next[from] ?? 0;
      next[from] = at + 1;
      to[at] = this.#to[edge] ?? 0;
      weight[at] = this.#weight[edge] ?? 0;
    });
    return { start, to, weight };
  }
}

/** Each row's weights divided by their sum. */
function shares({ start, to, weight }: Rows): Rows {
  const share = weight.slice();
  for (let row = 0; row + 1 < start.length; row++) {
    const [begin, end] = [start[row] ?? 0, start[row + 1] ?? 0];
    let total = 0;
    for (let edge = begin; edge < end; edge++) total += weight[edge] ?? 0;
    for (let edge = begin; edge < end; edge++) share[edge] = (weight[edge] ?? 0) / total;
  }
  return { start, to, weight: share };
}
