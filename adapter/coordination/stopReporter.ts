// Fetches the stacks of stopped processes for the coordination server, a few at a time and only of those that still stand,
// and keeps each stop before its end. Knows no plan and no connection.
import type { AgentEvents } from '../../protocol/agent';
import type { SessionFrame } from '../../protocol/coordination';

/** Stacks fetched at once: when hundreds of processes stop, what the user looks at comes first. */
const MAX_FETCHES = 2;

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
  /** Stops that are not reported yet, in order. */
  readonly #pending: Pending[] = [];
  #fetching = 0;
  #generation = 0;

  constructor(private readonly parts: StopReporterParts) {}

  stopped(stop: Stop): void {
    this.#pending.push({ stop, over: false });
    this.#next();
  }

  continued(thread: number): void {
    const pending = this.#pending.findLast(({ stop, over }) => stop.thread === thread && !over);
    if (pending === undefined) this.parts.over(thread);
    else pending.over = true;
  }

  /** The program is gone. */
  clear(): void {
    this.#generation++;
    this.#pending.length = 0;
    this.#fetching = 0;
  }

  #next(): void {
    if (this.#fetching >= MAX_FETCHES) return;
    const pending = this.#pending[this.#fetching];
    if (pending === undefined) return;
    this.#fetching++;
    void this.#fetch(pending, this.#generation);
  }

  async #fetch(pending: Pending, generation: number): Promise<void> {
    // One that runs again has no stack to show; that it stopped is told all the same.
    const frames = pending.over ? [] : await this.parts.frames(pending.stop.thread).catch(() => []);
    if (generation !== this.#generation) return;
    this.#fetching--;
    this.#pending.splice(this.#pending.indexOf(pending), 1);
    this.parts.report(pending.stop, pending.over ? [] : frames);
    if (pending.over) this.parts.over(pending.stop.thread);
    this.#next();
  }
}
