// The adapter's one log: JSON lines with closed dotted tags, to a file or stderr; secrets never get in. Never stdout.
import { appendFileSync } from 'node:fs';

const LEVELS = ['error', 'warn', 'info', 'debug', 'trace'] as const;
export type LogLevel = (typeof LEVELS)[number];
export type LogTag =
  | 'adapter.start'
  | 'adapter.end'
  | 'adapter.fault'
  | 'dap.in'
  | 'dap.out'
  | 'dap.request'
  | 'agent.in'
  | 'agent.out'
  | 'agent.fault'
  | 'beam.find'
  | 'beam.compile'
  | 'beam.start'
  | 'beam.end'
  | 'session.state'
  | 'coordination.link'
  | 'coordination.plan';

export type LogDetails = Readonly<Record<string, unknown>>;

/** Where lines go: a file, `stderr`, or nowhere. */
export type LogTarget = { file: string } | 'stderr';

const SECRET = /token|cookie|password|passwd|secret|credential|^env$|api_?key/i;
const REDACTED = '[redacted]';
/** Characters of one value that are kept; wire traffic may carry megabytes. */
const MAX_TEXT = 4000;

export class Log {
  #target: LogTarget;
  #level: LogLevel;

  constructor(
    target: LogTarget,
    level: LogLevel,
    /** Tells the lines of one session from another's; the client may hand it in. */
    private readonly session: string,
  ) {
    this.#target = target;
    this.#level = level;
  }

  /** A launch configuration may name its own file and level. */
  redirect(file: string | undefined, level: LogLevel | undefined): void {
    if (file !== undefined) this.#target = { file };
    if (level !== undefined) this.#level = level;
    else if (file !== undefined) this.#level = 'debug';
  }

  enabled(level: LogLevel): boolean {
    return LEVELS.indexOf(level) <= LEVELS.indexOf(this.#level);
  }

  error(tag: LogTag, message: string, details: LogDetails = {}): void {
    this.#write('error', tag, message, details);
  }
  warn(tag: LogTag, message: string, details: LogDetails = {}): void {
    this.#write('warn', tag, message, details);
  }
  info(tag: LogTag, message: string, details: LogDetails = {}): void {
    this.#write('info', tag, message, details);
  }
  debug(tag: LogTag, message: string, details: LogDetails = {}): void {
    this.#write('debug', tag, message, details);
  }
  trace(tag: LogTag, message: string, details: LogDetails = {}): void {
    this.#write('trace', tag, message, details);
  }

  #write(level: LogLevel, tag: LogTag, message: string, details: LogDetails): void {
    if (!this.enabled(level)) return;
    const line = { time: new Date().toISOString(), level, tag, session: this.session, message, ...details };
    const text = `${JSON.stringify(line, redact)}\n`;
    if (this.#target === 'stderr') {
      process.stderr.write(text);
      return;
    }
    try {
      // Synchronous, so that the last lines before a crash are there.
      appendFileSync(this.#target.file, text);
    } catch (thrown) {
      // A log that cannot be written must not end a session; it says so once, on stderr.
      process.stderr.write(`cannot write the log ${this.#target.file}: ${String(thrown)}\n`);
      this.#target = 'stderr';
      this.#level = 'error';
    }
  }
}

/** JSON.stringify's replacer: hides secrets by their key, shortens long text, spells what JSON cannot. */
export function redact(key: string, value: unknown): unknown {
  if (key !== '' && SECRET.test(key)) return REDACTED;
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'string' && value.length > MAX_TEXT) return `${value.slice(0, MAX_TEXT)}… (${value.length})`;
  return value;
}
