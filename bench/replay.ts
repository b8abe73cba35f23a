// Replays journeys: asks every strategy before each step what comes next, then tells what came. Pure, apart from its models.
import { DemandStrategy } from '../server/strategies/demand.js';
import { PredictiveStrategy } from '../server/strategies/predictive.js';
import type { Situation } from '../server/strategies/strategy.js';
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

/** Names the modules it expects next, the likeliest first, none of `seen`. */
interface Contestant {
  name: string;
  predict(path: readonly string[], seen: ReadonlySet<string>): string[];
  entered?(module: string): void;
}

export function replay({ graph, journeys }: Recording, seeds: readonly number[]): Result {
  const whole = new Counts();
  const early = new Counts();
  for (const paths of journeys.values()) {
    for (const seed of seeds) {
      const random = randomFrom(seed);
      const contestants = contestantsOf(graph, random);
      shuffled(paths, randomFrom(seed)).forEach((journey, index) => {
        for (const [name, rank] of play(journey, contestants)) {
          whole.add(name, rank);
          if (index < EARLY_JOURNEYS) early.add(name, rank);
        }
      });
    }
  }
  return { whole: whole.tallies(seeds.length), early: early.tallies(seeds.length) };
}

function* play(journey: Journey, contestants: readonly Contestant[]): Generator<[string, number]> {
  const [first] = journey;
  if (first === undefined) return;
  const path = [first];
  const seen = new Set(path);
  for (const contestant of contestants) contestant.entered?.(first);
  for (const next of journey.slice(1)) {
    for (const contestant of contestants) yield [contestant.name, contestant.predict(path, seen).indexOf(next)];
    path.push(next);
    seen.add(next);
    for (const contestant of contestants) contestant.entered?.(next);
  }
}

function contestantsOf(graph: RecordedGraph, random: () => number): Contestant[] {
  const strategies = [new PredictiveStrategy(), new DemandStrategy()];
  const names = [...graph.modules()].map(({ name }) => name);
  const recent = new Set<string>();
  return [
    ...strategies.map((strategy) => ({
      name: strategy.name,
      predict: (path: readonly string[], seen: ReadonlySet<string>) =>
        strategy.predict(situation(path), graph, LIMIT, seen).map(({ module }) => module),
    })),
    {
      name: 'direct-callees',
      predict: (path, seen) => {
        const callees = path.toReversed().flatMap((module) =>
          graph
            .outgoing(module)
            .filter(({ kind }) => kind === 'call')
            .map(({ to }) => to),
        );
        return [...new Set(callees)].filter((module) => !seen.has(module)).slice(0, LIMIT);
      },
    },
    {
      name: 'most-recent',
      predict: (_path, seen) =>
        [...recent]
          .reverse()
          .filter((module) => !seen.has(module))
          .slice(0, LIMIT),
      entered: (module) => {
        recent.delete(module);
        recent.add(module);
      },
    },
    {
      name: 'random',
      predict: (_path, seen) =>
        shuffled(names, random)
          .filter((module) => !seen.has(module))
          .slice(0, LIMIT),
    },
  ];
}

const situation = (path: readonly string[]): Situation => ({
  session: 'replay',
  breakpoints: path.slice(0, 1),
  frames: [],
  path,
  focused: [],
  edited: [],
  scope: 'conservative',
});

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
function randomFrom(seed: number): () => number {
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
