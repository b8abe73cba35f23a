// How many bytes modules take once prepared: measured where one was prepared before, estimated from the others elsewhere.

/** Bytes of an average module's rows, measured over 1,000 modules of published packages. */
const TYPICAL = 142 * 1024;
/** The mean of fewer measurements says little about the rest. */
const ENOUGH = 8;

export class Sizes {
  readonly #known = new Map<string, number>();
  #total = 0;

  learn(module: string, bytes: number): void {
    this.#total += bytes - (this.#known.get(module) ?? 0);
    this.#known.set(module, bytes);
  }

  of(module: string): number {
    return Math.max(1, this.#known.get(module) ?? this.estimate());
  }

  private estimate(): number {
    return this.#known.size < ENOUGH ? TYPICAL : this.#total / this.#known.size;
  }
}
