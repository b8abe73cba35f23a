// What past sessions did where this one is now. Pure: two experts turn it into probabilities.
import type { PastSession } from './usageMemory';

/** Where execution has been in this session; modules by their numbers in the usage memory. */
export interface Context {
  /** Each module once, the last one being where execution is. */
  path: readonly number[];
  breakpoints: ReadonlySet<number>;
  /** Where in the path a module stands; -1 for one that was not entered. */
  place: Int32Array;
  /** Whether it can be what comes next: not entered yet, and not excluded. */
  isOpen: (module: number) => boolean;
}

/** A moment of a past session that resembles the present one. */
export interface Moment {
  /** What the session still counts, 0..1. */
  weight: number;
  /** Modules that it entered after that moment and that can come next now, in order; at least one. */
  next: readonly number[];
  /** How many of the newest modules of this session it never entered. */
  missing: number;
  /** How many modules before the moment, in a row, are those of this session. */
  matched: number;
  /** Modules entered so far in both sessions, as a share of those entered in either; before any is, the breakpoints'. */
  overlap: number;
}

/** The moment of that session in which it had just entered the newest module that both have; null where nothing follows. */
export function recollect({ path: past, breakpoints }: PastSession, weight: number, context: Context): Moment | null {
  const { path, place, isOpen } = context;
  let newest = -1;
  let at = -1;
  for (let index = 0; index < past.length; index++) {
    const here = place[past[index] ?? -1] ?? -1;
    if (here <= newest) continue;
    newest = here;
    at = index;
  }
  // Sessions that share no module but a breakpoint resemble each other in how they begin.
  const common = at < 0 ? breakpoints.filter((module) => context.breakpoints.has(module)).length : 0;
  if (at < 0 && common === 0) return null;
  const next = past.slice(at + 1).filter(isOpen);
  if (next.length === 0) return null;
  let shared = 0;
  for (let index = 0; index <= at; index++) if ((place[past[index] ?? -1] ?? -1) >= 0) shared++;
  let matched = 0;
  while (matched <= at && matched <= newest && past[at - matched] === path[newest - matched]) matched++;
  const overlap =
    at < 0
      ? common / (breakpoints.length + context.breakpoints.size - common)
      : shared / (path.length + at + 1 - shared);
  return { weight, next, missing: path.length - 1 - newest, matched, overlap };
}
