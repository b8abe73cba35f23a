// Which modules to prepare and which to release, in which order, under the memory threshold. Pure: same input, same plan.
import type { PlannedAction } from '../../protocol/coordination';
import type { Prediction } from '../strategies/strategy';

/** Modules that one core prepares ahead of any demand while the program leaves it idle. */
const AHEAD_PER_CORE = 16;
/** However busy the program is, the likeliest few are worth their milliseconds. */
const MIN_AHEAD = 4;
const MAX_AHEAD = 128;
/** How many times likelier a module must be than the one that is released for it: below, the two would swap for ever. */
const WORTH_SWAPPING = 2;

/** What is wanted. */
export interface Wishes {
  /** What breakpoints, steps and frames ask for, the most urgent first. */
  demand: readonly Prediction[];
  /** The user's: prepared wherever they exist, never released. */
  pinned: ReadonlySet<string>;
  /** The user's: never prepared. */
  never: ReadonlySet<string>;
  /** What may be asked for next, the likeliest first. */
  predictions: readonly Prediction[];
}

/** What there is. */
export interface WorkingSet {
  prepared: ReadonlyMap<string, { bytes: number }>;
  /** Armed, on a stack, or held otherwise. */
  unreleasable: ReadonlySet<string>;
  /** Modules that cannot be prepared. */
  impossible: ReadonlySet<string>;
  lastUsedAt(module: string): number;
  /** Bytes it will take, known or estimated; at least 1. */
  sizeOf(module: string): number;
}

export interface Limits {
  /** Bytes of prepared modules to keep. */
  memoryThreshold: number;
  cores: number;
  /** How busy the debugged program is, 0..1; null where it cannot be told. */
  busy: number | null;
  /** Nothing is prepared in the background. */
  paused: boolean;
}

/**
 * Sequence of actions, worked off from the first. At each point of it the prepared bytes exceed the larger of the threshold
 * and of what cannot be released by at most one module, which then is one on demand.
 */
export function planActions(wishes: Wishes, set: WorkingSet, limits: Limits): PlannedAction[] {
  const draft = new Draft(wishes, set, limits.memoryThreshold);
  draft.releaseUnwanted();
  if (!limits.paused) {
    // What is left for later must not be overtaken by what nobody asked for.
    if (draft.serveDemand()) {
      draft.servePins();
      draft.serveAhead(aheadOf(limits));
    }
  }
  draft.releaseExcess();
  return draft.actions;
}

/** How many modules to keep ready before anybody asks for them. */
export function aheadOf({ cores, busy }: Pick<Limits, 'cores' | 'busy'>): number {
  const idle = 1 - (busy ?? 0);
  return Math.max(MIN_AHEAD, Math.min(MAX_AHEAD, Math.round(AHEAD_PER_CORE * cores * idle)));
}

interface Victim {
  module: string;
  bytes: number;
  predictedUse: number;
}

class Draft {
  readonly actions: PlannedAction[] = [];
  readonly #ready: Set<string>;
  /** Released by this plan: coming back within it would be a detour. */
  readonly #gone = new Set<string>();
  readonly #use = new Map<string, number>();
  /** May go, the least likely used first. */
  readonly #victims: Victim[];
  /** Prepared on demand that still stands: goes only for something more urgent, the least urgent first. */
  readonly #urgent: (Victim & { rank: number })[];
  #used = 0;

  constructor(
    private readonly wishes: Wishes,
    private readonly set: WorkingSet,
    private readonly threshold: number,
  ) {
    this.#ready = new Set(set.prepared.keys());
    for (const { module, probability } of [...wishes.demand, ...wishes.predictions]) {
      this.#use.set(module, Math.max(probability, this.#use.get(module) ?? 0));
    }
    const rank = new Map(wishes.demand.map(({ module }, index) => [module, index]).reverse() as [string, number][]);
    const movable: Victim[] = [];
    for (const [module, { bytes }] of set.prepared) {
      this.#used += bytes;
      if (set.unreleasable.has(module) || wishes.pinned.has(module)) continue;
      movable.push({ module, bytes, predictedUse: this.#use.get(module) ?? 0 });
    }
    this.#victims = movable
      .filter(({ module }) => !rank.has(module) || wishes.never.has(module))
      .sort((a, b) => a.predictedUse - b.predictedUse || this.older(a, b) || b.bytes - a.bytes || byName(a, b));
    this.#urgent = movable
      .flatMap((victim) => {
        const place = rank.get(victim.module);
        return place === undefined || wishes.never.has(victim.module) ? [] : [{ ...victim, rank: place }];
      })
      .sort((a, b) => b.rank - a.rank);
  }

  /** What the user does not want prepared any more, room or not. */
  releaseUnwanted(): void {
    for (let index = 0; index < this.#victims.length;) {
      const victim = this.#victims[index];
      if (victim !== undefined && this.wishes.never.has(victim.module)) {
        this.#victims.splice(index, 1);
        this.release(victim, 'never interpreted, as you chose');
      } else index++;
    }
  }

  /** Answers whether all of it is served: false where there is no room for the rest. */
  serveDemand(): boolean {
    let first = true;
    for (const [rank, wish] of this.wishes.demand.entries()) {
      // What had to go for something more urgent is not overtaken by what is less urgent than it.
      if (this.#gone.has(wish.module) && !this.wishes.never.has(wish.module)) return false;
      if (this.isRefused(wish.module)) continue;
      if (!this.#ready.has(wish.module)) {
        this.makeRoom(0, () => true);
        while (this.#used > this.threshold && (this.#urgent[0]?.rank ?? -1) > rank) {
          const victim = this.#urgent.shift();
          if (victim !== undefined) this.release(victim, `room for ${wish.module}, which is needed sooner`);
        }
        // The most urgent one is served even where nothing more can be released; the program waits for it.
        if (this.#used > this.threshold && !first) return false;
        this.prepare(wish);
      }
      first = false;
    }
    return true;
  }

  servePins(): void {
    for (const module of [...this.wishes.pinned].sort()) {
      if (this.isRefused(module) || this.#ready.has(module)) continue;
      if (this.makeRoom(this.set.sizeOf(module), () => true)) {
        this.prepare({ module, probability: this.#use.get(module) ?? 0, reason: 'pinned' });
      }
    }
  }

  serveAhead(ahead: number): void {
    const wanted = new Set<string>();
    for (const wish of this.wishes.predictions) {
      if (wanted.size >= ahead) return;
      if (this.isRefused(wish.module) || wanted.has(wish.module)) continue;
      wanted.add(wish.module);
      if (this.#ready.has(wish.module)) continue;
      const size = this.set.sizeOf(wish.module);
      const mayGo = (victim: Victim): boolean => victim.predictedUse * WORTH_SWAPPING < wish.probability;
      if (this.makeRoom(size, mayGo)) this.prepare(wish);
    }
  }

  /** The threshold was lowered, or demand took more than there was. */
  releaseExcess(): void {
    this.makeRoom(0, () => true);
  }

  /**
   * Releases the least likely used until `bytes` more fit. With nothing to be added it releases as much as it may; for an
   * addition that does not fit all the same it releases nothing.
   */
  private makeRoom(bytes: number, mayGo: (victim: Victim) => boolean): boolean {
    let excess = this.#used + bytes - this.threshold;
    if (excess <= 0) return true;
    let count = 0;
    for (const victim of this.#victims) {
      if (excess <= 0 || !mayGo(victim)) break;
      excess -= victim.bytes;
      count++;
    }
    if (excess > 0 && bytes > 0) return false;
    for (const victim of this.#victims.splice(0, count)) this.release(victim, 'least likely used, and memory is short');
    return excess <= 0;
  }

  private prepare({ module, probability, reason }: Prediction): void {
    this.#ready.add(module);
    this.#used += this.set.sizeOf(module);
    this.act(module, 'prepare', reason, probability);
  }

  private release({ module, bytes, predictedUse }: Victim, reason: string): void {
    this.#ready.delete(module);
    this.#gone.add(module);
    this.#used -= bytes;
    this.act(module, 'release', reason, predictedUse);
  }

  private act(module: string, action: PlannedAction['action'], reason: string, use: number): void {
    const predictedUse = Math.min(1, Math.max(0, use));
    this.actions.push({ module, action, priority: this.actions.length, reason, predictedUse });
  }

  private isRefused(module: string): boolean {
    return this.wishes.never.has(module) || this.set.impossible.has(module) || this.#gone.has(module);
  }

  private older(a: Victim, b: Victim): number {
    return this.set.lastUsedAt(a.module) - this.set.lastUsedAt(b.module);
  }
}

function byName(a: Victim, b: Victim): number {
  return a.module < b.module ? -1 : 1;
}
