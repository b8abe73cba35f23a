// The one shape of a failure that crosses a wall, and its constructors. No I/O.

/** user: shown with the next step to take; expected: answered, not shown; bug: "Internal error", the stack goes to the log. */
export type Blame = 'user' | 'expected' | 'bug';

/** Numbers of DAP errors by blame; `variables.code` carries the word that clients should match. */
export const ERROR_ID: Record<Blame, number> = { user: 1000, expected: 2000, bug: 3000 };

/** A failure as it travels: in agent frames, in DAP error bodies, in coordination messages. */
export interface FailureBody {
  blame: Blame;
  /** Stable camelCase word that tests and clients may match, e.g. `projectMissing`, `cancelled`. */
  code: string;
  /** One sentence. */
  message: string;
  /** The next step to take, one sentence. */
  hint?: string;
}

/** Thrown below a handler; only the reply path turns it into wire or screen. */
export class Failure extends Error implements FailureBody {
  readonly blame: Blame;
  readonly code: string;
  readonly hint?: string;

  constructor(body: FailureBody) {
    super(body.message);
    this.name = 'Failure';
    this.blame = body.blame;
    this.code = body.code;
    if (body.hint !== undefined) this.hint = body.hint;
  }

  /** The user can mend it: say how in `hint`. */
  static user(code: string, message: string, hint?: string): Failure {
    return new Failure({ blame: 'user', code, message, ...(hint === undefined ? {} : { hint }) });
  }

  /** Part of normal life (cancelled, stale reference): answered, never shown. */
  static expected(code: string, message: string): Failure {
    return new Failure({ blame: 'expected', code, message });
  }

  /** Our own mistake. */
  static bug(message: string): Failure {
    return new Failure({ blame: 'bug', code: 'internal', message });
  }

  /** Any thrown value as a Failure; what is not one is a bug. */
  static from(thrown: unknown): Failure {
    if (thrown instanceof Failure) return thrown;
    const failure = Failure.bug(thrown instanceof Error ? thrown.message : String(thrown));
    if (thrown instanceof Error && thrown.stack !== undefined) failure.stack = thrown.stack;
    return failure;
  }
}
