// Strategy "predictive": ranks modules by where the dependency graph leads from here. It learns nothing.
import type { PredictionScope } from '../../protocol/settings';
import type { DependencyGraph } from '../index/graph';
import { anchorsOf, type Anchor, type Anchors } from './anchors';
import { compact, segmentsOf, type CompactGraph } from './compactGraph';
import { likeliest } from './likeliest';
import { pageRank } from './pageRank';
import type { Prediction, Situation, Strategy } from './strategy';

/**
 * Weights of a multinomial logit: each is by how much the logarithm of a module's odds grows. Fitted to recorded journeys
 * (bench/README.md, "Prediction"), each checked on the applications that it was not fitted to.
 */
const LOG_ODDS = {
  /** × logarithm of the personalised PageRank. */
  rank: 0.8,
  /** × logarithm of 1 + how many modules name it: what everything names says little about where execution is. */
  hub: -0.26,
  /** × how surely a module of the situation calls it, 0..1. */
  called: 2.35,
  /** × how surely the current module calls it, 0..1, on top. */
  calledNow: 0.95,
  /** × share of the name that it has in common with the current module's. */
  near: 2.85,
  /** Its name lies below the current module's, on top: `Shop.Cart.Item` below `Shop.Cart`. */
  below: 1.15,
  /** Its name lies beside the current module's, on top: `Shop.Cart` beside `Shop.Stock`. */
  beside: 0.2,
  /** An exception is raised much less often than it is named. */
  exception: -1.6,
  /** Not of the project; not fitted, the journeys hold the application's own modules alone. */
  foreign: -2,
  /** It has a breakpoint that was not reached yet, or nothing is known but that the user is there; not fitted. */
  awaited: 5,
  /** × weight in the situation: execution comes back to where it was; not fitted, a journey counts first entries. */
  returning: 1.5,
} as const;

/** Share of restarts anywhere: what is central to the application is entered from everywhere. */
const ANYWHERE = 0.6;
/** Sum of all changes below which a PageRank is settled: what remains moves a logarithm of odds by less than 0.001. */
const SETTLED = 1e-4;
/** How fast repeated evidence of calls saturates: one sure caller gives 0.86. */
const SATURATION = 2;

/** Probabilities of all modules of the graph, by their numbers in it. */
export interface Distribution {
  graph: CompactGraph;
  probability: Float64Array;
  reason: (module: number) => string;
}

export class PredictiveStrategy implements Strategy {
  readonly name = 'predictive';

  /** What was said last: "learning" and the scoring ask for the same again. */
  #last: { situation: Situation; exclude: ReadonlySet<string> | undefined; distribution: Distribution } | null = null;

  predict(situation: Situation, graph: DependencyGraph, limit: number, exclude?: ReadonlySet<string>): Prediction[] {
    return best(this.distribution(situation, graph, exclude), limit);
  }

  /** Over the modules in scope that are not excluded; of all others it is 0. Nobody may change a situation, or the answer. */
  distribution(situation: Situation, source: DependencyGraph, exclude?: ReadonlySet<string>): Distribution {
    const graph = compact(source);
    const last = this.#last;
    if (last?.situation === situation && last.exclude === exclude && last.distribution.graph === graph)
      return last.distribution;
    const distribution = this.computed(situation, graph, exclude);
    this.#last = { situation, exclude, distribution };
    return distribution;
  }

  private computed(situation: Situation, graph: CompactGraph, exclude?: ReadonlySet<string>): Distribution {
    const anchors = anchorsOf(situation);
    const features = new Features(graph, anchors);
    const candidates = inScope(graph, anchors, situation.scope);
    const debugged = numbers(graph, [...situation.breakpoints, ...situation.frames, ...situation.path]);
    graph.recipe.forEach((recipe, module) => {
      if (recipe === 1 && !debugged.has(module)) candidates[module] = 0;
    });
    for (const module of exclude ?? []) {
      const number = graph.number.get(module);
      if (number !== undefined) candidates[number] = 0;
    }
    const awaited = numbers(graph, awaitedIn(situation, anchors));
    const odds = new Float64Array(graph.names.length);
    let top = -Infinity;
    for (let module = 0; module < odds.length; module++) {
      if (candidates[module] === 0) continue;
      const value = features.logOdds(module) + (awaited.has(module) ? LOG_ODDS.awaited : 0);
      odds[module] = value;
      top = Math.max(top, value);
    }
    let total = 0;
    for (let module = 0; module < odds.length; module++) {
      const value = candidates[module] === 0 ? 0 : Math.exp((odds[module] ?? 0) - top);
      odds[module] = value;
      total += value;
    }
    const probability = total === 0 ? odds : odds.map((value) => value / total);
    return { graph, probability, reason: (module) => features.reason(module) };
  }
}

/** The likeliest first, of equals the one whose name comes first. */
export function best({ graph, probability, reason }: Distribution, limit: number): Prediction[] {
  return likeliest(probability, limit).map((module) => ({
    module: graph.names[module] ?? '',
    probability: probability[module] ?? 0,
    reason: reason(module),
  }));
}

/** What the graph and the names say about each module in one situation. */
class Features {
  readonly #graph: CompactGraph;
  readonly #current: number | undefined;
  readonly #currentName: readonly string[] | undefined;
  readonly #anchors = new Map<number, Anchor>();
  /** Evidence that anything of the situation calls it; that the current module does. */
  readonly #called: Float64Array;
  readonly #calledNow: Float64Array;
  /** The heaviest caller. */
  readonly #caller: Int32Array;
  readonly #rank: Float64Array;

  constructor(graph: CompactGraph, anchors: Anchors) {
    this.#graph = graph;
    const size = graph.names.length;
    this.#current = anchors.current === undefined ? undefined : graph.number.get(anchors.current);
    this.#currentName = anchors.current === undefined ? undefined : segmentsOf(anchors.current);
    this.#called = new Float64Array(size);
    this.#calledNow = new Float64Array(size);
    this.#caller = new Int32Array(size).fill(-1);
    const restart = new Float64Array(size);
    for (const [name, anchor] of anchors.of) {
      const from = graph.number.get(name);
      if (from !== undefined) this.#anchors.set(from, anchor);
    }
    let total = 0;
    for (const { weight } of this.#anchors.values()) total += restartShare(weight);
    for (const [from, { weight }] of this.#anchors) {
      restart[from] = restartShare(weight) / total;
      this.follow(from, weight);
    }
    const central = centralIn(graph);
    // A walk that starts again here or anywhere is the mixture of two walks, of which one is known already.
    this.#rank =
      total === 0
        ? central
        : pageRank(graph.links, restart, SETTLED).map(
            (rank, module) => (1 - ANYWHERE) * rank + ANYWHERE * (central[module] ?? 0),
          );
  }

  logOdds(module: number): number {
    const { own, exception, named } = this.#graph;
    return (
      LOG_ODDS.rank * Math.log(this.#rank[module] ?? 0) +
      LOG_ODDS.hub * Math.log1p(named[module] ?? 0) +
      LOG_ODDS.called * (1 - Math.exp(-SATURATION * (this.#called[module] ?? 0))) +
      LOG_ODDS.calledNow * (this.#calledNow[module] ?? 0) +
      this.nearness(module) +
      (exception[module] === 1 ? LOG_ODDS.exception : 0) +
      (own[module] === 1 ? 0 : LOG_ODDS.foreign) +
      LOG_ODDS.returning * (this.#anchors.get(module)?.weight ?? 0)
    );
  }

  reason(module: number): string {
    const { names } = this.#graph;
    const [current, caller] = [this.#current, this.#caller[module] ?? -1];
    const here = current === undefined ? undefined : names[current];
    const anchor = this.#anchors.get(module);
    if (anchor !== undefined) return anchor.reason;
    if (here !== undefined && (this.#calledNow[module] ?? 0) > 0) return `called by ${here}`;
    if (caller >= 0) return `called by ${names[caller] ?? ''}`;
    if (here !== undefined && this.nearness(module) > 0) return `named like ${here}`;
    return 'close in the dependency graph';
  }

  private follow(from: number, weight: number): void {
    const { start, to, weight: evidence } = this.#graph.calls;
    for (let edge = start[from] ?? 0; edge < (start[from + 1] ?? 0); edge++) {
      const module = to[edge] ?? 0;
      this.#called[module] = (this.#called[module] ?? 0) + weight * (evidence[edge] ?? 0);
      // Anchors come heaviest first.
      if (this.#caller[module] === -1) this.#caller[module] = from;
      if (from === this.#current) this.#calledNow[module] = evidence[edge] ?? 0;
    }
  }

  private nearness(module: number): number {
    const current = this.#currentName;
    if (current === undefined || module === this.#current) return 0;
    const name = this.#graph.segments[module] ?? [];
    let common = 0;
    while (common < current.length && current[common] === name[common]) common++;
    if (common === 0) return 0;
    const below = common === current.length && name.length > common;
    const beside = common === current.length - 1 && name.length === current.length;
    return (
      (LOG_ODDS.near * common) / Math.max(current.length, name.length) +
      (below ? LOG_ODDS.below : 0) +
      (beside ? LOG_ODDS.beside : 0)
    );
  }
}

function awaitedIn({ breakpoints, frames, path }: Situation, { current }: Anchors): string[] {
  const idle = path.length === 0 && frames.length === 0;
  return [
    ...breakpoints.filter((module) => !path.includes(module)),
    ...(idle && current !== undefined ? [current] : []),
  ];
}

/** PageRank with restarts anywhere, once a graph. */
function centralIn(graph: CompactGraph): Float64Array {
  const known = central.get(graph);
  if (known !== undefined) return known;
  const size = graph.names.length;
  const rank = pageRank(graph.links, new Float64Array(size).fill(1 / size), SETTLED);
  central.set(graph, rank);
  return rank;
}

const central = new WeakMap<CompactGraph, Float64Array>();

/** Walks start again mostly at the newest: the weight cubed, so that recency falls off faster than for calls. */
const restartShare = (weight: number): number => weight ** 3;

const numbers = (graph: CompactGraph, modules: readonly string[]): Set<number> =>
  new Set(modules.flatMap((module) => graph.number.get(module) ?? []));

/**
 * 1 for each module that may be predicted. `minimal`: what the situation's modules call. `conservative`: what is at most two
 * edges away from them, or shares the first part of a name with them: calls that no edge shows stay within an application.
 * `transitive`: everything, for a call at run time reaches what no edge leads to.
 */
function inScope(graph: CompactGraph, { of: anchors }: Anchors, scope: PredictionScope): Uint8Array {
  const size = graph.names.length;
  if (scope === 'transitive' || anchors.size === 0) return new Uint8Array(size).fill(1);
  const reached = new Uint8Array(size);
  let border = [...numbers(graph, [...anchors.keys()])];
  for (const module of border) reached[module] = 1;
  const [rows, steps] = scope === 'minimal' ? [graph.calls, 1] : [graph.links, 2];
  for (let step = 0; step < steps; step++) {
    const next: number[] = [];
    for (const from of border) {
      for (let edge = rows.start[from] ?? 0; edge < (rows.start[from + 1] ?? 0); edge++) {
        const module = rows.to[edge] ?? 0;
        if (reached[module] === 1) continue;
        reached[module] = 1;
        next.push(module);
      }
    }
    border = next;
  }
  if (scope === 'conservative') {
    const applications = new Set([...anchors.keys()].map((name) => segmentsOf(name)[0]));
    graph.segments.forEach(([application], module) => {
      if (applications.has(application)) reached[module] = 1;
    });
  }
  return reached;
}
