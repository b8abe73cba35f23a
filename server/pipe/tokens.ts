// The tokens of debug sessions: who may speak on the pipe, and for which session. Kept in memory alone, never logged.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

const TOKEN_BYTES = 32;

export class Tokens {
  readonly #tokens = new Map<string, string>();

  /** The session's token, the same until it is revoked, so that an adapter may connect again with it. */
  issue(session: string): string {
    const known = this.#tokens.get(session);
    if (known !== undefined) return known;
    const token = randomBytes(TOKEN_BYTES).toString('hex');
    this.#tokens.set(session, token);
    return token;
  }

  accepts(session: string, token: string): boolean {
    const wanted = this.#tokens.get(session);
    // Compared by digest: equally long whatever is offered, and as long for a session that nobody opened.
    const same = timingSafeEqual(digest(token), digest(wanted ?? ''));
    return same && wanted !== undefined;
  }

  revoke(session: string): void {
    this.#tokens.delete(session);
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
