// Planning as far as one session needs it: the mode, and what had to be decided without the coordination server.
// Never on the way of a demand: what the user asks for is served by adapter and agent alone.
import type { Strategy } from '../protocol/adapter';

export class Coordinator {
  #enabled = true;
  #strategy: Strategy = 'demand-driven';
  #decisions = 0;
  #fallbacks = 0;
  #spentMs = 0;

  get enabled(): boolean {
    return this.#enabled;
  }
  get strategy(): Strategy {
    return this.#strategy;
  }

  setMode(enabled: boolean, strategy: Strategy | undefined): void {
    this.#enabled = enabled;
    if (strategy !== undefined) this.#strategy = strategy;
  }

  /** Modules worth preparing next, best first. Without a server nothing is known beyond the demand itself. */
  recommend(): string[] {
    if (!this.#enabled) return [];
    const began = performance.now();
    this.#decisions++;
    // A strategy that looks ahead needs the server; demand alone does not.
    if (this.#strategy !== 'demand-driven') this.#fallbacks++;
    this.#spentMs += performance.now() - began;
    return [];
  }

  /** ms spent on decisions. */
  get spentMs(): number {
    return this.#spentMs;
  }

  /** null as long as nothing was decided. */
  get fallbackRate(): number | null {
    return this.#decisions === 0 ? null : this.#fallbacks / this.#decisions;
  }
}
