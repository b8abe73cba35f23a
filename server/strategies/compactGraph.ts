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
  const calls: Map<number, number>[] = [];
  const links: Map<number, number>[] = names.map(() => new Map<number, number>());
  names.forEach((name, from) => {
    const called = new Map<number, number>();
    for (const edge of graph.outgoing(name)) {
      const to = number.get(edge.to);
      if (to === undefined || to === from) continue;
      const evidence = EVIDENCE[edge.kind];
      if (evidence > (called.get(to) ?? 0)) called.set(to, evidence);
      // Two modules that name each other are linked twice as closely.
      links[from]?.set(to, 1);
    }
    calls.push(called);
  });
  const both = links.map((row) => new Map(row));
  links.forEach((row, from) => {
    for (const to of row.keys()) both[to]?.set(from, (both[to].get(from) ?? 0) + 1);
  });
  return {
    revision: graph.revision,
    names,
    number,
    calls: rows(calls, false),
    links: rows(both, true),
    segments: names.map(segmentsOf),
    own: Uint8Array.from(nodes, ({ own }) => (own ? 1 : 0)),
    exception: Uint8Array.from(names, (name) => (/(?:Error|Exception)$/.test(name) ? 1 : 0)),
  };
}

function rows(maps: readonly ReadonlyMap<number, number>[], normalised: boolean): Rows {
  const size = maps.reduce((sum, row) => sum + row.size, 0);
  const start = new Int32Array(maps.length + 1);
  const to = new Int32Array(size);
  const weight = new Float64Array(size);
  let at = 0;
  maps.forEach((row, index) => {
    let total = 0;
    for (const value of row.values()) total += value;
    for (const [target, value] of row) {
      to[at] = target;
      weight[at] = normalised ? value / total : value;
      at++;
    }
    start[index + 1] = at;
  });
  return { start, to, weight };
}
