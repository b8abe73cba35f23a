// What a situation rests on: the modules that matter now, each with a weight, and the one where execution stands. Pure.
import type { Situation } from './strategy';

/** Each step back in the path, and each frame down the stack, counts this much of the one before. */
const RECENCY = 0.9;
/** Weights of what the user points at without execution being there. */
const BREAKPOINT = 0.3;
const FOCUSED = 0.3;
const EDITED = 0.15;
/** Steps of the path that still say something. */
const MAX_PATH = 64;

export interface Anchors {
  /** Module → weight in 0..1, the heaviest first; of equal ones the one named first. */
  weights: ReadonlyMap<string, number>;
  /** Where execution stands, or will as far as the user tells; undefined when nothing is known. */
  current: string | undefined;
}

export function anchorsOf(situation: Situation): Anchors {
  const { frames, path, breakpoints, focused, edited } = situation;
  const weights = new Map<string, number>();
  const add = (module: string, weight: number): void => {
    if (weight > (weights.get(module) ?? 0)) weights.set(module, weight);
  };
  frames.forEach((module, depth) => {
    add(module, RECENCY ** depth);
  });
  const recent = path.slice(-MAX_PATH);
  recent.forEach((module, index) => {
    add(module, RECENCY ** (recent.length - 1 - index));
  });
  for (const module of breakpoints) add(module, BREAKPOINT);
  for (const module of focused) add(module, FOCUSED);
  for (const module of edited) add(module, EDITED);
  return {
    weights: new Map([...weights].sort(([, a], [, b]) => b - a)),
    current: frames[0] ?? path.at(-1) ?? breakpoints[0] ?? focused[0],
  };
}
