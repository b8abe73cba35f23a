// The append-only journals of usage: one file for each writer, one record a line. Knows files, not what the records mean.
import { closeSync, fsync, openSync, readFileSync, readdirSync, statSync, writeSync } from 'node:fs';
import path from 'node:path';
import * as v from 'valibot';
import { JournalLine, type UsageRecord } from './records';

/** ms until what was written reaches the disk itself. */
const SYNC_AFTER = 1_000;
/** A journal that nobody touched for so long is nobody's, even where another program now has its writer's process id. */
const ABANDONED_AFTER = 24 * 60 * 60 * 1000;
/** Process id and the millisecond of its making, which also says which of two came first. */
const NAME = /^usage\.(\d+)-(\d{13})\.jsonl$/;

/** No two journals of a process have the same. */
let newestStamp = 0;

/** The journal of this process. A file of its own with a name that nobody had before, so there is just one writer. */
export class Journal {
  readonly id = `usage.${process.pid}-${(newestStamp = Math.max(newestStamp + 1, Date.now()))}.jsonl`;
  private numbered = 0;
  private size = 0;
  private file: number | undefined;
  private timer: NodeJS.Timeout | undefined;
  private torn = false;

  /** `failed` hears of what cannot be written. */
  constructor(
    private readonly folder: string,
    private readonly failed: (error: unknown) => void,
  ) {}

  /** Bytes written so far. */
  get bytes(): number {
    return this.size;
  }

  /** Number of the newest record. */
  get last(): number {
    return this.numbered;
  }

  /**
   * Hands the record to the operating system before it returns, so that a killed process loses at most the record it was
   * just writing; a line is small enough for that. The disk itself follows within a second, for many records at once.
   */
  append(record: UsageRecord): void {
    const line: JournalLine = { n: ++this.numbered, record };
    // After a write that failed half-way the rest of that line must not swallow this one.
    const text = `${this.torn ? '\n' : ''}${JSON.stringify(line)}\n`;
    try {
      // Opened for a batch and by its path: should another process have deleted the file meanwhile, there is a new one.
      this.file ??= openSync(path.join(this.folder, this.id), 'a');
      this.torn = true;
      const bytes = Buffer.from(text);
      for (let done = 0; done < bytes.length;) done += writeSync(this.file, bytes, done);
      this.torn = false;
      this.size += bytes.length;
    } catch (error) {
      this.failed(error);
    }
    this.timer ??= setTimeout(() => this.sync(), SYNC_AFTER).unref();
  }

  private sync(): void {
    const { file } = this;
    this.timer = undefined;
    this.file = undefined;
    if (file === undefined) return;
    fsync(file, (error) => {
      closeSync(file);
      if (error !== null) this.failed(error);
    });
  }

  /** Nothing is appended any more. */
  close(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.file !== undefined) closeSync(this.file);
    this.file = undefined;
  }
}

/** The journals in a folder, oldest first: what a process wrote is read in its order. */
export function journalsIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      const stamp = NAME.exec(entry.name)?.[2];
      return stamp === undefined || entry.isDirectory() ? [] : [{ name: entry.name, stamp }];
    })
    .sort((a, b) => (a.stamp + a.name < b.stamp + b.name ? -1 : 1))
    .map(({ name }) => name);
}

/** Its readable records with a number above `after`, in order. A line that was torn by a kill is left out. */
export function readJournal(folder: string, id: string, after: number): JournalLine[] {
  let text;
  try {
    text = readFileSync(path.join(folder, id), 'utf8');
  } catch (error) {
    // Another window folded it into the snapshot between the listing and now.
    if (isMissing(error)) return [];
    throw error;
  }
  return text
    .split('\n')
    .map(parse)
    .filter((line) => line !== undefined)
    .filter(({ n }) => n > after);
}

/** True when nobody will write to the journal any more. */
export function isAbandoned(folder: string, id: string, now: number): boolean {
  const pid = Number(NAME.exec(id)?.[1]);
  if (!isAlive(pid)) return true;
  try {
    return now - statSync(path.join(folder, id)).mtimeMs > ABANDONED_AFTER;
  } catch (error) {
    if (isMissing(error)) return true;
    throw error;
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // A process that may not be signalled is there all the same.
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function parse(line: string): JournalLine | undefined {
  if (line === '') return undefined;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  const read = v.safeParse(JournalLine, value);
  return read.success ? read.output : undefined;
}
