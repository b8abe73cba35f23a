// Adds up the main thread's time that coordination takes. Pure but for the clock.

export class Stopwatch {
  #spentMs = 0;
  #running = false;

  get spentMs(): number {
    return this.#spentMs;
  }

  /** Runs it and counts its time, what it calls included once. Only what is synchronous counts: waiting costs nothing. */
  measure<Result>(work: () => Result): Result {
    if (this.#running) return work();
    this.#running = true;
    const began = performance.now();
    try {
      return work();
    } finally {
      this.#running = false;
      this.#spentMs += performance.now() - began;
    }
  }
}
