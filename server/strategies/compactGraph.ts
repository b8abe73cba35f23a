// The dependency graph in arrays, for arithmetic over all modules at once. It holds what a revision of the graph says and
// ranks nothing.
import path from 'node:path';
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
  /** 1 for what a mix.exs declares: Mix is done with it before the program runs. */
  recipe: Uint8Array;
}

/** Whom one module has edges to, and how much each says that execution takes it. */
interface Row {
  to: Int32Array;
  evidence: Float64Array;
}

interface Built extends CompactGraph {
  rows: readonly Row[];
}

/** Built once a revision; a graph that is gone takes its arrays along. */
const compacted = new WeakMap<DependencyGraph, Built>();

/** The same as from scratch, whatever there was before: where only edges changed, only the modules that they leave are read. */
export function compact(graph: DependencyGraph): CompactGraph {
  const known = compacted.get(graph);
  if (known?.revision === graph.revision) return known;
  const changes = known === undefined ? null : (graph.changesSince?.(known.revision) ?? null);
  const built = known === undefined || changes?.modules !== false ? build(graph) : renewed(known, graph, changes.edges);
  compacted.set(graph, built);
  return built;
}

/** `Shop.Cart` → `Shop`, `Cart`; Erlang's `:shop_cart` → `:shop`, `cart`. */
export const segmentsOf = (name: string): readonly string[] => name.split(name.startsWith(':') ? '_' : '.');

function build(graph: DependencyGraph): Built {
  const nodes = [...graph.modules()].sort((a, b) => (a.name < b.name ? -1 : 1));
  const names = nodes.map(({ name }) => name);
  const number = new Map(names.map((name, index) => [name, index]));
  const reader = new RowReader(graph, number);
  const rows = names.map((name, from) => reader.row(name, from));
  return {
    revision: graph.revision,
    names,
    number,
    rows,
    ...laidOut(rows),
    segments: names.map(segmentsOf),
    own: Uint8Array.from(nodes, ({ own }) => (own ? 1 : 0)),
    recipe: Uint8Array.from(nodes, ({ file }) => (file !== null && path.basename(file) === 'mix.exs' ? 1 : 0)),
    exception: Uint8Array.from(names, (name) => (/(?:Error|Exception)$/.test(name) ? 1 : 0)),
  };
}

function renewed(before: Built, graph: DependencyGraph, changed: ReadonlySet<string>): Built {
  const reader = new RowReader(graph, before.number);
  const rows = [...before.rows];
  for (const name of changed) {
    const from = before.number.get(name);
    if (from !== undefined) rows[from] = reader.row(name, from);
  }
  return { ...before, revision: graph.revision, rows, ...laidOut(rows) };
}

/** Reads a module's edges, several to the same module as one. */
class RowReader {
  readonly #evidence: Float64Array;
  readonly #seenFrom: Int32Array;

  constructor(
    private readonly graph: DependencyGraph,
    private readonly number: ReadonlyMap<string, number>,
  ) {
    this.#evidence = new Float64Array(number.size);
    this.#seenFrom = new Int32Array(number.size).fill(-1);
  }

  row(name: string, from: number): Row {
    const reached: number[] = [];
    for (const edge of this.graph.outgoing(name)) {
      const to = this.number.get(edge.to);
      if (to === undefined || to === from) continue;
      if (this.#seenFrom[to] !== from) {
        this.#seenFrom[to] = from;
        this.#evidence[to] = 0;
        reached.push(to);
      }
      this.#evidence[to] = Math.max(this.#evidence[to] ?? 0, EVIDENCE[edge.kind]);
    }
    return { to: Int32Array.from(reached), evidence: Float64Array.from(reached, (to) => this.#evidence[to] ?? 0) };
  }
}

function laidOut(rows: readonly Row[]): Pick<CompactGraph, 'calls' | 'links' | 'named'> {
  const named = new Int32Array(rows.length);
  const calling = new Int32Array(rows.length);
  rows.forEach(({ to, evidence }, from) => {
    for (let edge = 0; edge < to.length; edge++) {
      const target = to[edge] ?? 0;
      named[target] = (named[target] ?? 0) + 1;
      if ((evidence[edge] ?? 0) > 0) calling[from] = (calling[from] ?? 0) + 1;
    }
  });
  const calls = new RowFiller(rows.length, (row) => calling[row] ?? 0);
  const links = new RowFiller(rows.length, (row) => (rows[row]?.to.length ?? 0) + (named[row] ?? 0));
  rows.forEach(({ to, evidence }, from) => {
    for (let edge = 0; edge < to.length; edge++) {
      const [target, sureness] = [to[edge] ?? 0, evidence[edge] ?? 0];
      links.add(from, target, 1);
      if (sureness > 0) calls.add(from, target, sureness);
    }
  });
  // Modules that name each other become neighbours twice, and so are linked more closely.
  rows.forEach(({ to }, from) => {
    for (const target of to) links.add(target, from, BACKWARD);
  });
  return { calls: calls.rows, links: shares(links.rows), named };
}

/** Lays edges out as rows whose lengths are known before. */
class RowFiller {
  readonly rows: Rows;
  readonly #next: Int32Array;

  constructor(size: number, lengthOf: (row: number) => number) {
    const start = new Int32Array(size + 1);
    for (let row = 0; row < size; row++) start[row + 1] = (start[row] ?? 0) + lengthOf(row);
    const edges = start[size] ?? 0;
    this.rows = { start, to: new Int32Array(edges), weight: new Float64Array(edges) };
    this.#next = start.slice();
  }

  add(from: number, to: number, weight: number): void {
    const at = this.#next[from] ?? 0;
    this.#next[from] = at + 1;
    this.rows.to[at] = to;
    this.rows.weight[at] = weight;
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
