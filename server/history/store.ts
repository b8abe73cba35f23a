// What is remembered of debugging in this workspace, in memory and on disk. It learns nothing itself: the model does.
//
// Each process appends to a journal of its own and holds everything in memory. Now and then it folds all journals into
// the snapshot, under a lock. The snapshot says how far it holds each journal, so that a kill between any two steps,
// and another window doing the same, neither loses a record nor counts one twice.
import { mkdirSync, readdirSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { SessionSummary } from '../../protocol/metrics';
import { Failure } from '../../protocol/failure';
import { Journal, isAbandoned, journalsIn, readJournal } from './journal';
import { Ledger, type ModuleUsage } from './ledger';
import { Lock } from './lock';
import type { DecisionAction, SnapshotBody, UsageRecord, UsageLimits } from './records';
import { exported, view } from './report';
import { encode, readSnapshot, removeCopies, removeLeftovers, writeSnapshot } from './snapshot';
import type { UsageEvent, UsageModel } from './usage';

const DAY = 24 * 60 * 60 * 1000;
/** Shares of `bytes`: the snapshot and the copy of the one before, and the journals beside them. */
const SNAPSHOT_SHARE = 0.4;
const JOURNAL_SHARE = 0.1;
const MAX_JOURNAL = 256 * 1024;
/** What is forgotten in one go, oldest first, while the snapshot is too large. */
const FORGOTTEN_SHARE = 0.25;

export interface UsageStoreOptions {
  /** A folder that belongs to the workspace; null: nothing is kept beyond the process. */
  folder: string | null;
  limits: UsageLimits;
  model: UsageModel<unknown>;
  /** Hears, in sentences for people, of what could not be read or written; each sentence once. */
  warn: (message: string) => void;
}

export class UsageStore {
  private readonly ledger = new Ledger();
  private readonly told = new Set<string>();
  private readonly model: UsageModel<unknown>;
  private readonly warn: (message: string) => void;
  /** null: memory only. */
  private folder: string | null;
  private limits: UsageLimits;
  private journal: Journal | undefined;
  /** Which snapshot memory is built on, and how far it holds each journal. */
  private revision = '';
  private erasedAt = 0;
  private folded = new Map<string, number>();
  /** Compactions follow one another. */
  private work: Promise<void> = Promise.resolve();
  private compacting = false;
  private closed = false;

  private constructor({ folder, limits, model, warn }: UsageStoreOptions) {
    this.folder = folder;
    this.limits = limits;
    this.model = model;
    this.warn = warn;
  }

  /** Reads what is there. Never fails: what cannot be read or written is told, and the store goes on in memory. */
  static async open(options: UsageStoreOptions): Promise<UsageStore> {
    const store = new UsageStore(options);
    const { folder } = options;
    if (folder === null) return store;
    try {
      mkdirSync(folder, { recursive: true });
      store.refresh(folder);
      store.journal = store.newJournal(folder);
    } catch (error) {
      store.folder = null;
      store.trouble(`What was learned cannot be kept in this workspace: ${messageOf(error)}`);
    }
    await store.compact();
    return store;
  }

  /** What does not work, for people. */
  get troubles(): string[] {
    return [...this.told];
  }

  record(event: UsageEvent): void {
    this.add(event);
  }

  /** Remembered for the workspace until it is withdrawn. */
  decide(module: string, action: DecisionAction): void {
    // The newest one holds, also where the clock was ahead when the one before was made.
    const at = Math.max(Date.now(), this.ledger.decidedAt(module) + 1);
    this.add({ kind: 'decision', at, module, action });
  }

  addSession(summary: SessionSummary): void {
    this.add({ kind: 'summary', at: Date.now(), summary });
  }

  usageOf(module: string): Readonly<ModuleUsage> | undefined {
    return this.ledger.of(module);
  }

  /** Modules with their use, most recently used first. */
  used(): [string, Readonly<ModuleUsage>][] {
    return this.ledger.used();
  }

  isPinned(module: string): boolean {
    return this.ledger.decision(module) === 'pinned';
  }

  isNeverInterpreted(module: string): boolean {
    return this.ledger.decision(module) === 'never';
  }

  pinned(): string[] {
    return this.ledger.decided('pinned');
  }

  neverInterpreted(): string[] {
    return this.ledger.decided('never');
  }

  /** Sessions that ended, newest first. */
  sessions(): SessionSummary[] {
    return this.ledger.sessions();
  }

  /** Smaller limits act with the next compaction, which this starts. */
  async setLimits(limits: UsageLimits): Promise<void> {
    const smaller = limits.days < this.limits.days || limits.bytes < this.limits.bytes;
    this.limits = limits;
    if (smaller) await this.compact();
  }

  /** Everything for people, as Markdown; what another window learned meanwhile too. */
  view(): string {
    this.catchUp();
    return view(this.ledger, this.folder === null ? null : this.limits);
  }

  /** Everything, as JSON. */
  export(): string {
    this.catchUp();
    return exported(this.ledger, this.model.snapshot());
  }

  /**
   * Forgets all use, here and on disk, and with it the sessions that are running; what the user decided about modules
   * stays. Fails when the disk does not obey.
   */
  async erase(): Promise<void> {
    const { folder } = this;
    if (folder === null) {
      this.ledger.reset();
      this.model.reset();
      this.erasedAt = Date.now();
      return;
    }
    await this.inTurn(async () => {
      const erased = await this.locked(folder, async (lock) => {
        this.refresh(folder);
        this.ledger.reset();
        this.model.reset();
        // From here on no record from before counts, even where its journal cannot be removed yet.
        this.erasedAt = Date.now();
        const own = this.rotate(folder);
        const written = await this.write(folder, lock);
        if (!written) return false;
        own?.close();
        for (const id of journalsIn(folder)) {
          if (id !== this.journal?.id)
            await rm(path.join(folder, id), { force: true, maxRetries: 10, retryDelay: 100 });
        }
        await removeCopies(folder, readdirSync(folder));
        return true;
      });
      if (erased) return;
      throw Failure.user(
        'usageBusy',
        'Another window is writing the learned usage of this workspace.',
        'Try again in a few seconds.',
      );
    });
  }

  /** Folds all journals into the snapshot. What fails is told and tried again the next time; nothing is lost by it. */
  compact(): Promise<void> {
    const { folder } = this;
    if (folder === null) return Promise.resolve();
    this.compacting = true;
    return this.inTurn(async () => {
      await this.locked(folder, async (lock) => {
        // Looked up before reading: what is found abandoned only afterwards may hold records that nobody has read.
        const finished = journalsIn(folder).filter((id) => isAbandoned(folder, id, Date.now()));
        this.refresh(folder);
        this.forget();
        const own = this.rotate(folder);
        if (!(await this.write(folder, lock))) return false;
        own?.close();
        if (own !== undefined) finished.push(own.id);
        for (const id of finished) await rm(path.join(folder, id), { force: true, maxRetries: 3 });
        await removeLeftovers(folder, readdirSync(folder));
        return true;
      });
    })
      .catch((error: unknown) => {
        this.trouble(`What was learned could not be written: ${messageOf(error)}`);
      })
      .finally(() => {
        this.compacting = false;
      });
  }

  /** Writes the last snapshot. Everything after it is dropped. */
  async close(): Promise<void> {
    if (this.closed) return;
    await this.compact();
    this.closed = true;
    this.journal?.close();
  }

  private add(record: UsageRecord): void {
    if (this.closed || !this.counts(record)) return;
    this.apply(record);
    const { journal } = this;
    if (journal === undefined) return;
    journal.append(record);
    this.folded.set(journal.id, journal.last);
    const full = journal.bytes > Math.min(MAX_JOURNAL, this.limits.bytes * JOURNAL_SHARE);
    if (full && !this.compacting) void this.compact();
  }

  /** False for what the user erased; a session that was running then would name it all again in its summary. */
  private counts(record: UsageRecord): boolean {
    if (record.kind === 'decision') return true;
    // A clock that was ahead when the user erased must not let nothing count until that time comes.
    const erasedAt = Math.min(this.erasedAt, Date.now());
    return (record.kind === 'summary' ? record.summary.startedAt : record.at) >= erasedAt;
  }

  private apply(record: UsageRecord): void {
    this.ledger.apply(record);
    if (record.kind !== 'decision' && record.kind !== 'summary') this.model.apply(record);
  }

  /** Takes over what other windows learned and decided meanwhile. */
  catchUp(): void {
    if (this.folder === null) return;
    try {
      this.refresh(this.folder);
    } catch (error) {
      this.trouble(`What other windows learned cannot be read: ${messageOf(error)}`);
    }
  }

  /** Takes over what other processes wrote since memory was built. */
  private refresh(folder: string): void {
    const found = readSnapshot(folder);
    if (found.kind === 'newer') throw new Error('a newer version of this extension wrote it.');
    if (found.trouble !== undefined) this.trouble(found.trouble);
    if (found.kind === 'body' && found.body.revision !== this.revision) this.restore(found.body);
    for (const id of journalsIn(folder)) {
      for (const { n, record } of readJournal(folder, id, this.folded.get(id) ?? 0)) {
        if (this.counts(record)) this.apply(record);
        this.folded.set(id, n);
      }
    }
  }

  private restore({ revision, erasedAt, folded, ledger, model }: SnapshotBody): void {
    this.revision = revision;
    this.erasedAt = erasedAt;
    this.folded = new Map(folded);
    this.ledger.restore(ledger);
    if (!this.model.restore(model)) {
      this.model.reset();
      this.trouble('The learned model is of another version; learning starts afresh.');
    }
  }

  private forget(): void {
    const oldest = Date.now() - this.limits.days * DAY;
    this.ledger.forgetBefore(oldest);
    this.model.forgetBefore(oldest);
  }

  /** A new journal for what comes next; gives the one before. */
  private rotate(folder: string): Journal | undefined {
    const before = this.journal;
    this.journal = this.newJournal(folder);
    return before;
  }

  private newJournal(folder: string): Journal {
    return new Journal(folder, (error) => this.trouble(`What was learned could not be written: ${messageOf(error)}`));
  }

  private async write(folder: string, lock: Lock): Promise<boolean> {
    const there = new Set(journalsIn(folder));
    const revision = randomUUID();
    const folded = [...this.folded].filter(([id]) => there.has(id));
    const text = this.fitting(() =>
      encode({ revision, erasedAt: this.erasedAt, folded, ledger: this.ledger.state(), model: this.model.snapshot() }),
    );
    if (!(await writeSnapshot(folder, text, () => lock.held()))) return false;
    this.revision = revision;
    for (const id of this.folded.keys()) if (!there.has(id) && id !== this.journal?.id) this.folded.delete(id);
    return true;
  }

  /** The text, after the oldest use was forgotten until it is small enough. */
  private fitting(encoded: () => string): string {
    const most = this.limits.bytes * SNAPSHOT_SHARE;
    for (;;) {
      const text = encoded();
      if (Buffer.byteLength(text) <= most) return text;
      const moments = this.ledger.moments();
      const until = moments[Math.ceil(moments.length * FORGOTTEN_SHARE)];
      if (until === undefined) {
        // Nothing is left but the model and the user's decisions.
        this.ledger.reset();
        this.model.reset();
        return encoded();
      }
      this.ledger.forgetBefore(until + 1);
      this.model.forgetBefore(until + 1);
    }
  }

  private async locked(folder: string, step: (lock: Lock) => Promise<boolean>): Promise<boolean> {
    const lock = await Lock.acquire(path.join(folder, 'usage.lock'));
    if (lock === null) return false;
    try {
      return await step(lock);
    } finally {
      lock.release();
    }
  }

  private inTurn(step: () => Promise<void>): Promise<void> {
    const done = this.work.then(step);
    // A failure is the caller's; the next one starts all the same.
    this.work = done.catch(() => undefined);
    return done;
  }

  private trouble(message: string): void {
    if (this.told.has(message)) return;
    this.told.add(message);
    this.warn(message);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
