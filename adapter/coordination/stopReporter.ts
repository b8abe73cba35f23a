// Fetches the stacks of stopped processes for the coordination server, one after the other and only of those that still
// stand, and keeps the order of what happened. Knows no plan and no connection.
import type { AgentEvents } from '../../protocol/agent';
import type { SessionFrame } from '../../protocol/coordination';

type Stop = AgentEvents['stopped'];

export interface StopReporterParts {
  /** The innermost frames; rejects when the process no longer stands. */
  frames: (thread: number) => Promise<SessionFrame[]>;
  report: (stop: Stop, frames: SessionFrame[]) => void;
  over: (thread: number) => void;
}

interface Pending {
  stop: Stop;
  /** It runs again already. */
  over: boolean;
}

export class StopReporter {
  /** Stops that are not reported yet; the stack of the first is being fetched. */
  #pending: Pending[] = [];

  constructor(private readonly parts: StopReporterParts) {}

  stopped(stop: Stop): void {
    this.#pending.push({ stop, over: false });
    if (this.#pending.length === 1) void this.#report(this.#pending);
  }

  continued(thread: number): void {
    const pending = this.#pending.findLast(({ stop, over }) => stop.thread === thread && !over);
    if (pending === undefined) this.parts.over(thread);
    else pending.over = true;
  }

  /** The program is gone. */
  clear(): void {
    this.#pending = [];
  }

  async #report(pending: Pending[]): Promise<void> {
    for (let first = pending[0]; first !== undefined; first = pending[0]) {
      const { stop } = first;
      // One that runs again has no stack to show; that it stopped is told all the same.
      const frames = first.over ? [] : await this.parts.frames(stop.thread).catch(() => []);
      if (this.#pending !== pending) return;
      pending.shift();
      this.parts.report(stop, first.over ? [] : frames);
      if (first.over) this.parts.over(stop.thread);
    }
  }
}
