// When to look at the memory of the debugged VM: after something has changed, at most every two seconds, and never while
// nothing happens. Looks at nothing itself.

/** ms between two samples. */
const INTERVAL = 2_000;
/** ms after a change, so that one sample serves what follows at once. */
const SETTLE = 250;

export class Sampler {
  #last = -Infinity;
  #timer: NodeJS.Timeout | null = null;

  constructor(private readonly sample: () => void) {}

  changed(): void {
    if (this.#timer !== null) return;
    const wait = Math.max(SETTLE, this.#last + INTERVAL - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#last = performance.now();
      this.sample();
    }, wait);
    this.#timer.unref();
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
