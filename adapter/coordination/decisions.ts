// When to ask the server what to prepare: as soon as what plans rest on has changed, and never so often that planning takes
// a noticeable share of the session. Counts what it decides; knows neither the pipe nor the plans.
import type { FallbackReason } from './pipe';

/** ms between two questions, at least: a person stays longer at a stop, and what stays shorter is over before the plan is. */
const LEAST_PAUSE = 100;
const MOST_PAUSE = 500;
/** Pauses are that many times as long as the newest answer took: planning stays below 4 % of the time, however slow it is. */
const PAUSE_SHARE = 25;

export interface DecisionParts {
  /** What plans rest on, as a text that differs when any of it does. */
  basis: () => string;
  /** Whether the server keeps its newest plan up to date by itself. */
  connected: () => boolean;
  /** Asks; null: there is nobody to ask. */
  ask: () => Promise<{ fallback: FallbackReason | null }> | null;
}

export class Decisions {
  /** What the newest plan rests on; null where there is none that holds. */
  #basis: string | null = null;
  #timer: NodeJS.Timeout | null = null;
  /** When the next question may be asked. */
  #next = 0;
  #made = 0;
  readonly #fallbacks: Record<FallbackReason, number> = { late: 0, disconnected: 0, refused: 0 };

  constructor(private readonly parts: DecisionParts) {}

  get figures(): { decisions: number; fallbacks: Record<FallbackReason, number>; fallbackRate: number | null } {
    const fallbacks = { ...this.#fallbacks };
    const all = fallbacks.late + fallbacks.disconnected + fallbacks.refused;
    return { decisions: this.#made, fallbacks, fallbackRate: this.#made === 0 ? null : all / this.#made };
  }

  /** Something happened that plans may rest on. */
  due(): void {
    if (this.#timer !== null) return;
    const wait = this.#next - performance.now();
    if (wait <= 0) {
      this.#decide();
      return;
    }
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#decide();
    }, wait);
    this.#timer.unref();
  }

  /** Nothing is to be decided any more; what was asked does not count for what comes. */
  forget(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#basis = null;
    this.#next = 0;
  }

  /** A new connection begins with a plan for what there is now. */
  begunWith(basis: string): void {
    this.#basis = basis;
  }

  /** That plan did not come: there is none that holds. */
  unanswered(why: FallbackReason): void {
    this.#made++;
    this.#fallbacks[why]++;
    this.#basis = null;
  }

  #decide(): void {
    const basis = this.parts.basis();
    if (basis === this.#basis && this.parts.connected()) return;
    this.#made++;
    this.#next = performance.now() + LEAST_PAUSE;
    const answer = this.parts.ask();
    if (answer !== null) void this.#follow(basis, answer);
  }

  async #follow(basis: string, answer: Promise<{ fallback: FallbackReason | null }>): Promise<void> {
    const began = performance.now();
    this.#basis = basis;
    const { fallback } = await answer;
    const took = performance.now() - began;
    this.#next = began + Math.min(MOST_PAUSE, Math.max(LEAST_PAUSE, PAUSE_SHARE * took));
    if (fallback === null) return;
    this.#fallbacks[fallback]++;
    if (this.#basis === basis) this.#basis = null;
  }
}
