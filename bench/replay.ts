// Replays journeys: asks every strategy before each step what comes next, then tells what came. Pure, apart from its models.
import type { UsageEvent } from '../server/history/usage.js';
import { DemandStrategy } from '../server/strategies/demand.js';
import { LearningStrategy } from '../server/strategies/learning.js';
import { PredictiveStrategy } from '../server/strategies/predictive.js';
import type { Strategy } from '../server/strategies/strategy.js';
import { UsageMemory } from '../server/strategies/usageMemory.js';
import type { Journey, RecordedGraph, Recording } from './journeys.js';

/** A new user's first sessions, where nothing is learned yet. */
export const EARLY_JOURNEYS = 20;
const LIMIT = 10;

/** Shares of predictions whose first 1, 5, 10 held the next module, and how many predictions one order of journeys asks for. */
export interface Tally {
  hit1: number;
  hit5: number;
  hit10: number;
  n: number;
}

export interface Result {
  whole: Map<string, Tally>;
  early: Map<string, Tally>;
}

/** Names the modules it expects next, the likeliest first, none of the path. */
interface Contestant {
  name: string;
  predict(session: string, path: readonly string[]): string[];
  /** What the server's usage history is told in a real session, too. */
  apply?(event: UsageEvent): void;
}

export function replay({ graph, journeys }: Recording, seeds: readonly number[]): Result {
  const whole = new Counts();
  const early = new Counts();
  for (const paths of journeys.values()) {
    for (const seed of seeds) {
      const contestants = contestantsOf(graph, randomFrom(seed));
      shuffled(paths, randomFrom(seed)).forEach((journey, index) => {
        for (const [name, rank] of play(journey, `session ${index}`, contestants)) {
          whole.add(name, rank);
          if (index < EARLY_JOURNEYS) early.add(name, rank);
        }
      });
    }
  }
  return { whole: whole.tallies(seeds.length), early: early.tallies(seeds.length) };
}

/** The user sets a breakpoint in the first module, stops there, and execution goes through the others. */
function* play(
  [first, ...others]: Journey,
  session: string,
  contestants: readonly Contestant[],
): Generator<[string, number]> {
  if (first === undefined) return;
  let at = 0;
  const tell = (event: (at: number) => UsageEvent): void => {
    at++;
    for (const contestant of contestants) contestant.apply?.(event(at));
  };
  tell((at) => ({ kind: 'sessionStarted', at, session }));
  tell((at) => ({ kind: 'breakpoint', at, session, module: first }));
  tell((at) => ({ kind: 'entered', at, session, module: first }));
  tell((at) => ({ kind: 'stopped', at, session, module: first }));
  const path = [first];
  for (const module of others) {
    for (const contestant of contestants) yield [contestant.name, contestant.predict(session, path).indexOf(module)];
    path.push(module);
    tell((at) => ({ kind: 'entered', at, session, module }));
  }
  tell((at) => ({ kind: 'sessionEnded', at, session }));
}

function contestantsOf(graph: RecordedGraph, random: () => number): Contestant[] {
  const memory = new UsageMemory();
  const [demand, predictive] = [new DemandStrategy(), new PredictiveStrategy()];
  const learning = new LearningStrategy(memory, predictive, demand);
  const names = [...graph.modules()].map(({ name }) => name);
  return [
    { ...byStrategy(learning, graph), apply: (event) => memory.apply(event) },
    byStrategy(predictive, graph),
    byStrategy(demand, graph),
    {
      name: 'direct-callees',
      predict: (_session, path) => firstNew(path.toReversed().flatMap(calleesIn(graph)), path),
    },
    mostRecent(),
    { name: 'random', predict: (_session, path) => firstNew(shuffled(names, random), path) },
  ];
}

const byStrategy = (strategy: Strategy, graph: RecordedGraph): Contestant => ({
  name: strategy.name,
  predict: (session, path) => {
    const situation = {
      session,
      breakpoints: path.slice(0, 1),
      frames: [],
      path,
      focused: [],
      edited: [],
      scope: 'conservative',
    } as const;
    return strategy.predict(situation, graph, LIMIT, new Set(path)).map(({ module }) => module);
  },
});

const calleesIn =
  (graph: RecordedGraph) =>
  (module: string): string[] =>
    graph
      .outgoing(module)
      .filter(({ kind }) => kind === 'call')
      .map(({ to }) => to);

/** The modules of earlier journeys that were entered last. */
function mostRecent(): Contestant {
  const recent = new Set<string>();
  return {
    name: 'most-recent',
    predict: (_session, path) => firstNew([...recent].reverse(), path),
    apply: (event) => {
      if (event.kind !== 'entered') return;
      recent.delete(event.module);
      recent.add(event.module);
    },
  };
}

/** What is not in the path yet, once each. */
function firstNew(modules: readonly string[], path: readonly string[]): string[] {
  const seen = new Set(path);
  return [...new Set(modules)].filter((module) => !seen.has(module)).slice(0, LIMIT);
}

class Counts {
  readonly #ranks = new Map<string, number[]>();

  add(name: string, rank: number): void {
    const ranks = this.#ranks.get(name) ?? [];
    ranks.push(rank);
    this.#ranks.set(name, ranks);
  }

  tallies(orders: number): Map<string, Tally> {
    return new Map(
      [...this.#ranks].map(([name, ranks]) => {
        const within = (k: number): number => ranks.filter((rank) => rank >= 0 && rank < k).length / ranks.length;
        return [name, { hit1: within(1), hit5: within(5), hit10: within(10), n: ranks.length / orders }];
      }),
    );
  }
}

/** Numbers in 0..1 that depend on the seed alone (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Fisher and Yates. */
function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [result[last], result[other]] = [result[other] as T, result[last] as T];
  }
  return result;
}
