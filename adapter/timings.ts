// Samples of durations and their summary; keeps a bounded window, counts everything. Pure.
import type { Timing } from '../protocol/adapter';

/** Samples kept for percentiles; older ones only count. */
const WINDOW = 1000;

export class Durations {
  #samples: number[] = [];
  #next = 0;
  #count = 0;
  #total = 0;
  #max: number | null = null;

  add(ms: number): void {
    this.#count++;
    this.#total += ms;
    this.#max = this.#max === null ? ms : Math.max(this.#max, ms);
    this.#samples[this.#next] = ms;
    this.#next = (this.#next + 1) % WINDOW;
  }

  summary(): Timing {
    const sorted = [...this.#samples].sort((a, b) => a - b);
    const at = (share: number): number | null => sorted[Math.ceil(share * sorted.length) - 1] ?? null;
    return { count: this.#count, totalMs: this.#total, p50Ms: at(0.5), p95Ms: at(0.95), maxMs: this.#max };
  }
}

/** Durations by name, e.g. one for each DAP command. */
export class Timings {
  readonly #byName = new Map<string, Durations>();

  add(name: string, ms: number): void {
    let durations = this.#byName.get(name);
    if (durations === undefined) this.#byName.set(name, (durations = new Durations()));
    durations.add(ms);
  }

  summary(): Record<string, Timing> {
    return Object.fromEntries([...this.#byName].map(([name, durations]) => [name, durations.summary()]));
  }
}
