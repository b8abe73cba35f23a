// One kind of latency: percentiles from an HDR histogram of constant size, and counts in fixed buckets for a chart.
import { createHistogram } from 'node:perf_hooks';
import type { LatencySummary } from '../../protocol/metrics';

/** Upper bounds in ms. */
const BOUNDS = [0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000];
const MICROSECONDS = 1_000;
/** One hour, in microseconds: longer ones count as that. */
const LONGEST = 3_600 * 1_000_000;

export class Latencies {
  /** In microseconds, to two significant digits: a hundredth is finer than any clock here is fair. */
  readonly #histogram = createHistogram({ lowest: 1, highest: LONGEST, figures: 2 });
  readonly #counts = new Array<number>(BOUNDS.length + 1).fill(0);
  #max: number | null = null;

  record(ms: number): void {
    this.#histogram.record(Math.min(LONGEST, Math.max(1, Math.round(ms * MICROSECONDS))));
    const found = BOUNDS.findIndex((bound) => ms <= bound);
    const bucket = found < 0 ? BOUNDS.length : found;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#max = Math.max(ms, this.#max ?? 0);
  }

  /** ms; null without a measurement. `share`: 0..1 */
  percentile(share: number): number | null {
    if (this.#histogram.count === 0) return null;
    // The histogram's value is that of a bucket, which may lie above all that was measured.
    return Math.min(this.#max ?? Infinity, this.#histogram.percentile(share * 100) / MICROSECONDS);
  }

  summary(): LatencySummary {
    return {
      count: this.#histogram.count,
      p50: this.percentile(0.5),
      p95: this.percentile(0.95),
      p99: this.percentile(0.99),
      max: this.#max,
      bounds: [...BOUNDS],
      counts: [...this.#counts],
    };
  }
}
