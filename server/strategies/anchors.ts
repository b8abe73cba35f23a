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

export interface Anchor {
  /** 0..1 */
  weight: number;
  /** For people. */
  reason: string;
}

export interface Anchors {
  /** By module, the heaviest first; of equal ones the one named first. */
  of: ReadonlyMap<string, Anchor>;
  /** Where execution stands, or will as far as the user tells; undefined when nothing is known. */
  current: string | undefined;
}

export function anchorsOf(situation: Situation): Anchors {
  const { frames, path, breakpoints, focused, edited } = situation;
  const anchors = new Map<string, Anchor>();
  const add = (module: string, weight: number, reason: string): void => {
    if (weight > (anchors.get(module)?.weight ?? 0)) anchors.set(module, { weight, reason });
  };
  frames.forEach((module, depth) => {
    add(module, RECENCY ** depth, 'on the stack of a stopped process');
  });
  const recent = path.slice(-MAX_PATH);
  recent.forEach((module, index) => {
    add(module, RECENCY ** (recent.length - 1 - index), 'execution was there');
  });
  for (const module of breakpoints) add(module, BREAKPOINT, 'has a breakpoint');
  for (const module of focused) add(module, FOCUSED, 'open in the editor');
  for (const module of edited) add(module, EDITED, 'edited lately');
  return {
    of: new Map([...anchors].sort(([, a], [, b]) => b.weight - a.weight)),
    current: frames[0] ?? path.at(-1) ?? breakpoints[0] ?? focused[0] ?? edited[0],
  };
}
