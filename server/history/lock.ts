// Lets one process at a time write the usage snapshot. A lock whose holder was killed is taken over; nobody waits for ever.
import { readFileSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { isAlive, isMissing } from './journal';

/** ms; writing a snapshot takes milliseconds, so an older lock has no holder even if some process has its id. */
const STALE_AFTER = 30_000;
/** ms */
const PATIENCE = 3_000;
const RETRY_EVERY = 20;

export class Lock {
  private constructor(
    private readonly file: string,
    private readonly text: string,
  ) {}

  /** null when somebody else holds it all the time. */
  static async acquire(file: string): Promise<Lock | null> {
    const deadline = performance.now() + PATIENCE;
    for (;;) {
      const text = `${process.pid} ${randomUUID()}`;
      try {
        writeFileSync(file, text, { flag: 'wx' });
        return new Lock(file, text);
      } catch (error) {
        // Windows says EPERM while the file of the former holder is still going away.
        if (!(error instanceof Error && 'code' in error && (error.code === 'EEXIST' || error.code === 'EPERM'))) {
          // On a full disk the file is there, but empty: nobody could tell whose it is.
          rmSync(file, { force: true });
          throw error;
        }
      }
      if (removeStale(file)) continue;
      if (performance.now() > deadline) return null;
      await delay(RETRY_EVERY);
    }
  }

  /** To be asked right before the write: false when another process took the lock for abandoned, e.g. after a suspend. */
  held(): boolean {
    return contentOf(this.file) === this.text;
  }

  release(): void {
    if (this.held()) unlinkSync(this.file);
  }
}

function removeStale(file: string): boolean {
  try {
    const text = contentOf(file);
    if (text === null) return true;
    const old = Date.now() - statSync(file).mtimeMs > STALE_AFTER;
    const pid = Number(text.split(' ')[0]);
    // An empty lock is one whose holder has created it just now, or was killed doing so: only its age tells.
    if (!old && (pid === 0 || isAlive(pid))) return false;
    // Two processes may see the same stale lock: whoever is late must not remove the new one of the other. What is left
    // of the race is harmless, because a holder asks `held` before it writes.
    if (contentOf(file) === text) unlinkSync(file);
    return true;
  } catch (error) {
    if (isMissing(error)) return true;
    throw error;
  }
}

function contentOf(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}
