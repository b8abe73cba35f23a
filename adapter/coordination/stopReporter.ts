// Fetches the stacks of stopped processes for the coordination server, one after the other and only of those that still
// stand, and keeps the order of what happened. Knows no plan and no connection.
import type { AgentEvents } from '../../protocol/agent';
import type { SessionFrame } from '../../protocol/coordination';

/** ms without a look at stacks after which the next stop is looked at at once. */
const RESTED = 100;
/** ms that nothing must have stopped otherwise: whoever steps on at once looks at nothing, and nobody has to look for them. */
const SETTLING = 50;
/** ms from one look to the next, at most, however fast stops follow each other. */
const LONGEST = 1_000;

type Stop = AgentEvents['stopped'];

export interface StopReporterParts {
  /** The innermost frames; rejects when the process no longer stands. */
  frames: (thread: number) => Promise<SessionFrame[]>;
  /** `times`: how often it stopped like this, which is more than once only where it ran on each time. */
  report: (stop: Stop, frames: SessionFrame[], times: number) => void;
  over: (thread: number) => void;
}

interface Pending {
  stop: Stop;
  /** It runs again already. */
  over: boolean;
  times: number;
}

export class StopReporter {
  /** Stops that are not reported yet. */
  #pending: Pending[] = [];
  #reporting = false;
  #timer: NodeJS.Timeout | null = null;
  #lastLook = -Infinity;
  #lastStop = -Infinity;

  constructor(private readonly parts: StopReporterParts) {}

  stopped(stop: Stop): void {
    this.#pending.push({ stop, over: false, times: 1 });
    this.#lastStop = performance.now();
    this.#await(this.#lastStop - this.#lastLook >= RESTED ? 0 : SETTLING);
  }

  continued(thread: number): void {
    const index = this.#pending.findLastIndex(({ stop, over }) => stop.thread === thread && !over);
    const pending = this.#pending[index];
    if (pending === undefined) {
      this.parts.over(thread);
      return;
    }
    pending.over = true;
    const before = this.#pending.findLast(({ stop }, at) => at < index && stop.thread === thread);
    if (before?.over !== true || before.stop.reason !== pending.stop.reason) return;
    before.times += pending.times;
    this.#pending.splice(index, 1);
  }

  /** The process has ended, wherever it stood. */
  exited(thread: number): void {
    for (const pending of this.#pending) if (pending.stop.thread === thread) pending.over = true;
  }

  /** The program is gone. */
  clear(): void {
    this.#pending = [];
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #await(ms: number): void {
    if (this.#reporting || this.#timer !== null) return;
    if (ms <= 0) {
      void this.#report(this.#pending);
      return;
    }
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#await(Math.min(this.#lastStop + SETTLING, this.#lastLook + LONGEST) - performance.now());
    }, ms);
    this.#timer.unref();
  }

  async #report(pending: Pending[]): Promise<void> {
    this.#reporting = true;
    this.#lastLook = performance.now();
    // Those that stop meanwhile wait for the next look.
    for (let left = pending.length; left > 0; left--) {
      const [first] = pending;
      if (first === undefined) break;
      // One that runs again has no stack to show; that it stopped is told all the same.
      const frames = first.over ? [] : await this.parts.frames(first.stop.thread).catch(() => []);
      if (this.#pending !== pending) break;
      pending.shift();
      this.parts.report(first.stop, first.over ? [] : frames, first.times);
      if (first.over) this.parts.over(first.stop.thread);
    }
    this.#reporting = false;
    if (this.#pending.length > 0) this.#await(SETTLING);
  }
}
