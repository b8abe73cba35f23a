// Strategy "learning": mixes what was asked for, what the graph says and what past sessions did, each trusted as far as its
// predictions came true. The memory behind it is a fold over usage events; this only reads it.
import type { Strategy as StrategyName } from '../../protocol/settings';
import type { DependencyGraph } from '../index/graph';
import type { DemandStrategy } from './demand';
import { afterContext, afterSimilar } from './experts';
import { EXPERTS, type Expert, type Likelihoods } from './expertWeights';
import { likeliest } from './likeliest';
import { best, type Distribution, type PredictiveStrategy } from './predictive';
import { recollect, type Context, type Moment } from './recollection';
import type { Prediction, Situation, Strategy } from './strategy';
import type { UsageMemory } from './usageMemory';

export class LearningStrategy implements Strategy {
  readonly name = 'learning';

  constructor(
    private readonly memory: UsageMemory,
    private readonly predictive: PredictiveStrategy,
    private readonly demand: DemandStrategy,
  ) {}

  /** What a strategy weighs in the mix, 0..1; of "learning" itself, what is learned weighs. */
  weightOf(strategy: StrategyName): number {
    switch (strategy) {
      case 'demand-driven':
        return this.memory.weight('demand');
      case 'predictive':
        return this.memory.weight('graph');
      case 'learning':
        return this.memory.weight('order') + this.memory.weight('sessions');
    }
  }

  /** As long as no session but this one is known, exactly what "predictive" says. */
  predict(situation: Situation, graph: DependencyGraph, limit: number, exclude?: ReadonlySet<string>): Prediction[] {
    const expected = this.predictive.distribution(situation, graph, exclude);
    const sessions = [...this.memory.sessions(situation.session)];
    if (sessions.length === 0) return best(expected, limit);

    const space = new Space(this.memory, expected, situation.path, exclude);
    const now = context(space, situation);
    const moments = sessions.flatMap(([session, weight]) => recollect(session, weight, now) ?? []);
    const asked = this.demand.predict(situation, graph, Infinity, exclude);
    const opinions: Record<Expert, Float64Array> = {
      demand: space.normalised(asked),
      graph: space.prior,
      order: afterContext(moments, space.prior),
      sessions: afterSimilar(moments, space.prior),
    };
    this.memory.await(situation.session, (module) => {
      const number = space.find(module);
      return likelihoods((expert) => (number === undefined ? 0 : (opinions[expert][number] ?? 0)));
    });
    return this.mix(space, opinions, this.reasons(space, moments, situation), limit);
  }

  /** Of modules that were not entered yet, the experts' mixture; of the others, what the graph says. */
  private mix(
    space: Space,
    opinions: Record<Expert, Float64Array>,
    reasonOf: (module: number) => string,
    limit: number,
  ): Prediction[] {
    const mixed = new Float64Array(space.size);
    for (const expert of EXPERTS) {
      const weight = this.memory.weight(expert);
      opinions[expert].forEach((probability, module) => {
        mixed[module] = (mixed[module] ?? 0) + weight * probability;
      });
    }
    // Added up by size, so that the last digit does not depend on how the memory numbers modules, which a snapshot changes.
    const total = mixed.toSorted().reduce((sum, probability) => sum + probability, 0);
    for (let module = 0; module < mixed.length; module++) {
      mixed[module] = space.again(module) + (total === 0 ? 0 : (space.open * (mixed[module] ?? 0)) / total);
    }
    const byName = (a: number, b: number): number => (space.name(a) < space.name(b) ? -1 : 1);
    return likeliest(mixed, limit, byName).map((module) => ({
      module: space.name(module),
      probability: mixed[module] ?? 0,
      reason: space.isEntered(module) ? space.reason(module) : reasonOf(module),
    }));
  }

  private reasons(space: Space, moments: readonly Moment[], { path }: Situation): (module: number) => string {
    const here = path.at(-1);
    const from = moments.filter(({ missing }) => missing === 0);
    const followed = new Map<number, number>();
    const similar = new Set<number>();
    for (const { next, missing } of moments) {
      for (const module of next) {
        if (missing === 0) followed.set(module, (followed.get(module) ?? 0) + 1);
        similar.add(module);
      }
    }
    return (module) => {
      const times = followed.get(module);
      if (times !== undefined && here !== undefined) {
        return `followed ${here} in ${times} of ${from.length} ${from.length === 1 ? 'session' : 'sessions'}`;
      }
      return similar.has(module) ? 'entered in sessions like this one' : space.reason(module);
    };
  }
}

const likelihoods = (of: (expert: Expert) => number): Likelihoods => ({
  demand: of('demand'),
  graph: of('graph'),
  order: of('order'),
  sessions: of('sessions'),
});

function context(space: Space, { breakpoints }: Situation): Context {
  const place = new Int32Array(space.size).fill(-1);
  space.path.forEach((module, index) => (place[module] = index));
  return {
    place,
    path: space.path,
    breakpoints: new Set(breakpoints.flatMap((module) => space.find(module) ?? [])),
    isOpen: (module: number) => space.isOpen(module),
  };
}

/** The modules of the usage memory, by their numbers there, and after them those that only the graph knows. */
class Space {
  readonly size: number;
  /** What the graph says of modules that can be entered next, adding up to 1 (or 0, where it knows none). */
  readonly prior: Float64Array;
  /** Share of the whole for modules that were not entered yet. */
  readonly open: number;
  /** Modules entered in this session, once each, the last one being where execution is. */
  readonly path: readonly number[];
  readonly #memory: UsageMemory;
  /** How many modules the memory knew. */
  readonly #known: number;
  readonly #graph: Distribution;
  readonly #ofGraph: Int32Array;
  readonly #toGraph: Int32Array;
  readonly #gone: Uint8Array;
  readonly #again: Float64Array;
  readonly #entered: ReadonlySet<number>;

  constructor(
    memory: UsageMemory,
    graph: Distribution,
    path: readonly string[],
    exclude: ReadonlySet<string> = new Set(),
  ) {
    this.#memory = memory;
    this.#known = memory.size;
    this.#graph = graph;
    const { names } = graph.graph;
    const ofGraph = new Int32Array(names.length);
    const alone: number[] = [];
    names.forEach((name, number) => {
      const known = memory.find(name);
      ofGraph[number] = known ?? this.#known + alone.push(number) - 1;
    });
    this.size = this.#known + alone.length;
    this.#ofGraph = ofGraph;
    this.#toGraph = new Int32Array(this.size).fill(-1);
    ofGraph.forEach((number, inGraph) => {
      this.#toGraph[number] = inGraph;
    });

    const newestFirst = [...new Set(path.toReversed())];
    this.path = newestFirst.reverse().flatMap((module) => this.find(module) ?? []);
    this.#entered = new Set(this.path);
    this.#gone = new Uint8Array(this.size);
    for (const module of this.path) this.#gone[module] = 1;
    for (const module of exclude) {
      const number = this.find(module);
      if (number !== undefined) this.#gone[number] = 1;
    }

    this.prior = new Float64Array(this.size);
    this.#again = new Float64Array(this.size);
    let open = 0;
    graph.probability.forEach((probability, inGraph) => {
      const module = ofGraph[inGraph] ?? 0;
      if (this.#entered.has(module)) {
        this.#again[module] = probability;
      } else {
        this.prior[module] = probability;
        open += probability;
      }
    });
    if (open > 0) this.prior.forEach((probability, module) => (this.prior[module] = probability / open));
    this.open = open > 0 ? open : 1;
  }

  /** What the graph says of a module that was entered already, for only it can tell whether it is entered again. */
  again(module: number): number {
    return this.#again[module] ?? 0;
  }

  find(module: string): number | undefined {
    const known = this.#memory.find(module);
    // Outcomes are looked up later, when the memory may have numbered modules that only the graph knew.
    if (known !== undefined && known < this.#known) return known;
    const inGraph = this.#graph.graph.number.get(module);
    return inGraph === undefined ? undefined : this.#ofGraph[inGraph];
  }

  name(module: number): string {
    const inGraph = this.#toGraph[module] ?? -1;
    return inGraph < 0 ? this.#memory.name(module) : (this.#graph.graph.names[inGraph] ?? '');
  }

  reason(module: number): string {
    const inGraph = this.#toGraph[module] ?? -1;
    return inGraph < 0 ? 'entered in earlier sessions' : this.#graph.reason(inGraph);
  }

  isEntered(module: number): boolean {
    return this.#entered.has(module);
  }

  isOpen(module: number): boolean {
    return this.#gone[module] === 0;
  }

  /** Those that can be entered next, adding up to 1; nothing where there is none. */
  normalised(predictions: readonly Prediction[]): Float64Array {
    const result = new Float64Array(this.size);
    let total = 0;
    for (const { module, probability } of predictions) {
      const number = this.find(module);
      if (number === undefined || !this.isOpen(number)) continue;
      result[number] = probability;
      total += probability;
    }
    return total === 0 ? result : result.map((probability) => probability / total);
  }
}
