// Which requests are under way and can be cancelled: by the client, by progress id, and reads by any resume. No I/O.
import { Failure } from '../protocol/failure';

/** change: runs to its end. read: worthless once its process runs again. evaluation: the user may wait for it. */
export type RequestKind = 'change' | 'read' | 'evaluation';

/** One request under way, as its handler sees it. */
export interface Call {
  readonly seq: number;
  readonly command: string;
  readonly signal: AbortSignal;
  /** Runs once the response is on the wire, also one that failed: for events that must not come before it. */
  afterReply: (action: () => void) => void;
}

interface Entry {
  kind: RequestKind;
  controller: AbortController;
  progress: string | null;
}

export class Cancellation {
  readonly #open = new Map<number, Entry>();

  begin(seq: number, kind: RequestKind): AbortSignal {
    const controller = new AbortController();
    this.#open.set(seq, { kind, controller, progress: null });
    return controller.signal;
  }

  end(seq: number): void {
    this.#open.delete(seq);
  }

  /** From now on cancelling this progress cancels the request. */
  bindProgress(seq: number, progress: string): void {
    const entry = this.#open.get(seq);
    if (entry !== undefined) entry.progress = progress;
  }

  /** Both may name something that has just ended: then there is nothing to do. */
  cancel(requestId: number | undefined, progressId: string | undefined): void {
    for (const [seq, entry] of this.#open) {
      if (seq === requestId || (progressId !== undefined && entry.progress === progressId)) this.#abort(entry);
    }
  }

  /** A resumed process makes every answer about the stopped one stale. */
  cancelReads(): void {
    for (const entry of this.#open.values()) if (entry.kind === 'read') this.#abort(entry);
  }

  #abort(entry: Entry): void {
    entry.controller.abort(Failure.expected('cancelled', 'Cancelled.'));
  }
}

/** The reason an aborted signal carries, as a Failure. */
export function abortReason(signal: AbortSignal): Failure {
  return Failure.from(signal.reason);
}

/** Rejects as soon as the signal is aborted; the work itself must watch the signal, too. */
export function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) {
    void work.catch(() => undefined);
    return Promise.reject(abortReason(signal));
  }
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => reject(abortReason(signal));
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
