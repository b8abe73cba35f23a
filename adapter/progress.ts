// Progress of what takes long, as DAP progress events; silent for a client that did not ask for them. Starts no work.
import type { Connection } from './connection';

/** ms of work before the user hears of it: what is done sooner would only flicker. */
const DELAY = 300;

export interface Progress {
  readonly id: string;
  update(message: string, percentage?: number): void;
  /** Idempotent. */
  end(message?: string): void;
}

export interface ProgressOptions {
  /** The request that waits for this work, if any; cancelling the progress cancels it. */
  requestId?: number;
  /** What ends work that no request waits for. Without either it cannot be cancelled. */
  cancel?: () => void;
  message?: string;
}

export class ProgressReporter {
  #next = 1;
  readonly #cancels = new Map<string, () => void>();
  supported = false;

  constructor(private readonly connection: Connection) {}

  /** Ends the work behind a progress that no request waits for; others are cancelled by their request. */
  cancel(progressId: string): void {
    this.#cancels.get(progressId)?.();
  }

  start(title: string, options: ProgressOptions): Progress {
    const progressId = `progress-${this.#next++}`;
    if (options.cancel !== undefined) this.#cancels.set(progressId, options.cancel);
    if (!this.supported) return { id: progressId, update: () => undefined, end: () => undefined };
    let phase: 'waiting' | 'shown' | 'ended' = 'waiting';
    let latest: { message?: string; percentage?: number } =
      options.message === undefined ? {} : { message: options.message };
    const show = (): void => {
      phase = 'shown';
      const { requestId, cancel } = options;
      this.connection.event('progressStart', {
        progressId,
        title,
        cancellable: requestId !== undefined || cancel !== undefined,
        ...(requestId === undefined ? {} : { requestId }),
        ...latest,
      });
    };
    const timer = setTimeout(show, DELAY);
    return {
      id: progressId,
      update: (message, percentage) => {
        latest = percentage === undefined ? { message } : { message, percentage };
        if (phase === 'shown') this.connection.event('progressUpdate', { progressId, ...latest });
      },
      end: (message) => {
        clearTimeout(timer);
        this.#cancels.delete(progressId);
        if (phase === 'shown') {
          this.connection.event('progressEnd', { progressId, ...(message === undefined ? {} : { message }) });
        }
        phase = 'ended';
      },
    };
  }
}
