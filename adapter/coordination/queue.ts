// Works plans off in the background: one small batch at a time, of which the agent prepares several modules at once, slower
// the busier the program is, and never while the user steps. It prepares and releases; it arms nothing, and what the user
// asks for does not pass through here.
import { setTimeout as delay } from 'node:timers/promises';
import type { AgentCommands } from '../../protocol/agent';
import type { Strategy } from '../../protocol/settings';
import type { Plan } from '../../protocol/coordination';

/** ms that one batch should take: what a step that begins meanwhile may have to share the machine with. */
const BATCH_MS = 20;
/** Modules of a batch, for each that is prepared at once: those before it may have been quicker. */
const MAX_BATCH = 16;
/** Releases cost next to nothing. */
const MAX_RELEASES = 50;
/** ms of the clock a module is expected to take before any was measured; by far most take less. */
const FIRST_GUESS_MS = 5;
/** How much the newest measurement counts. */
const SMOOTHING = 0.3;
/** ms that the longest pause takes: a program that is always busy is served all the same, slowly. */
const MAX_PAUSE = 2_000;

export interface QueueParts {
  prepare(modules: AgentCommands['prepareAhead'][0]['modules']): Promise<AgentCommands['prepareAhead'][1]>;
  release(modules: string[]): Promise<AgentCommands['release'][1]>;
  released(modules: string[]): void;
  held(module: string, by: string): void;
  failed(module: string, error: string): void;
  /** There was no room for all that the plan wants prepared. */
  full(): void;
  /** A batch could not be done at all, e.g. because the program has ended. */
  broken(thrown: unknown): void;
}

interface Item {
  module: string;
  action: 'prepare' | 'release';
  reason: string;
}

export class PlanQueue {
  #plan: Plan | null = null;
  #items: Item[] = [];
  #plans = 0;
  /** Why nothing is begun at present. */
  readonly #holds = new Set<string>();
  #working = false;
  /** Modules with a batch under way. */
  #underWay: readonly string[] = [];
  readonly #prepared = new Set<string>();
  /** Modules that cannot be prepared; tried again when they were loaded anew. */
  readonly #hopeless = new Set<string>();
  /** Of the clock: several at once take as much less each. */
  #msPerModule = FIRST_GUESS_MS;
  /** Modules that the last batch could prepare at once; null before any. */
  #atOnce: number | null = null;
  #busy = 0;

  constructor(private readonly parts: QueueParts) {}

  /** Plans that were followed. */
  get plans(): number {
    return this.#plans;
  }
  get status(): { number: number; strategy: Strategy; waiting: number; atOnce: number | null } | null {
    if (this.#plan === null) return null;
    const { number, strategy } = this.#plan;
    return { number, strategy, waiting: this.#items.length, atOnce: this.#atOnce };
  }
  /** Whether a batch of the plan is being prepared that this module is of. */
  isPreparing(module: string): boolean {
    return this.#underWay.includes(module);
  }

  /** What an earlier plan wanted and this one does not is cancelled. One that was overtaken changes nothing. */
  replace(plan: Plan): void {
    if (this.#plan !== null && plan.number <= this.#plan.number) return;
    this.#plan = plan;
    this.#plans++;
    this.#items = plan.actions
      .map(({ module, action, reason, priority }) => ({ module, action, reason, priority }))
      .sort((a, b) => a.priority - b.priority)
      .filter(({ module, action }) => this.#isToDo(module, action));
    void this.#work();
  }

  /** A new server counts its plans from the beginning. */
  forgetNumber(): void {
    if (this.#plan !== null) this.#plan = { ...this.#plan, number: 0 };
  }

  /** Nothing is planned any more. What is prepared stays so. */
  cancel(): void {
    this.#plan = null;
    this.#items = [];
  }

  /** The program is another one, or none. */
  reset(): void {
    this.cancel();
    this.#prepared.clear();
    this.#hopeless.clear();
    this.#msPerModule = FIRST_GUESS_MS;
    this.#atOnce = null;
  }

  /** Nothing more is begun until `resume` with the same reason. */
  hold(reason: string): void {
    this.#holds.add(reason);
  }
  resume(reason: string): void {
    if (this.#holds.delete(reason) && this.#items.length > 0) void this.#work();
  }

  /** Whoever prepared it. */
  isPrepared(module: string): void {
    this.#prepared.add(module);
  }
  isReleased(module: string): void {
    this.#prepared.delete(module);
  }
  /** Its code is another one now. */
  isLoadedAnew(module: string): void {
    this.#prepared.delete(module);
    this.#hopeless.delete(module);
  }

  /** Modules that the newest plan would have prepared, best first; some may be by now. */
  recommendations(limit: number, except: readonly string[]): string[] {
    return [...(this.#plan?.actions ?? [])]
      .filter(({ action, module }) => action === 'prepare' && !except.includes(module))
      .sort((a, b) => a.priority - b.priority)
      .slice(0, limit)
      .map(({ module }) => module);
  }

  async #work(): Promise<void> {
    if (this.#working) return;
    this.#working = true;
    try {
      for (;;) {
        const batch = this.#take();
        if (batch.length === 0) return;
        this.#underWay = batch.map(({ module }) => module);
        const began = performance.now();
        await this.#run(batch);
        this.#underWay = [];
        await delay(this.#pause(performance.now() - began), undefined, { ref: false });
      }
    } catch (thrown) {
      this.cancel();
      this.parts.broken(thrown);
    } finally {
      this.#underWay = [];
      this.#working = false;
    }
  }

  /** The next items of one kind, in the order of the plan. */
  #take(): Item[] {
    const [first] = this.#items;
    if (first === undefined || this.#holds.size > 0) return [];
    const limit = first.action === 'release' ? MAX_RELEASES : this.#batchSize;
    const others = this.#items.findIndex(({ action }) => action !== first.action);
    return this.#items.splice(0, Math.min(limit, others === -1 ? limit : others));
  }

  /** Never fewer than can be prepared at once, or large modules would go one by one for ever. */
  get #batchSize(): number {
    const atOnce = this.#atOnce ?? 1;
    return Math.min(MAX_BATCH * atOnce, Math.max(atOnce, Math.floor(BATCH_MS / this.#msPerModule)));
  }

  #run(batch: readonly Item[]): Promise<void> {
    return batch[0]?.action === 'release' ? this.#release(batch) : this.#prepare(batch);
  }

  async #prepare(batch: readonly Item[]): Promise<void> {
    const wanted = batch.filter(({ module }) => this.#isToDo(module, 'prepare'));
    if (wanted.length === 0) return;
    const done = await this.parts.prepare(wanted.map(({ module, reason }) => ({ module, reason })));
    for (const module of done.prepared) this.#prepared.add(module);
    for (const { module, error } of done.failed) {
      this.#hopeless.add(module);
      this.parts.failed(module, error);
    }
    const tried = done.prepared.length + done.failed.length;
    if (tried > 0) this.#msPerModule += SMOOTHING * (done.ms / tried - this.#msPerModule);
    this.#busy += SMOOTHING * (done.busy - this.#busy);
    this.#atOnce = done.atOnce;
    // There is no room for more, until something is released or a new plan knows better.
    if (!done.full) return;
    this.#items = this.#items.filter(({ action }) => action === 'release');
    this.parts.full();
  }

  async #release(batch: readonly Item[]): Promise<void> {
    const { released, failed } = await this.parts.release(batch.map(({ module }) => module));
    for (const module of released) this.#prepared.delete(module);
    if (released.length > 0) this.parts.released(released);
    for (const { module, error } of failed) this.parts.held(module, error);
  }

  /** An idle program gets two thirds of the time for batches, a busy one a tenth. */
  #pause(batchMs: number): number {
    return Math.min(MAX_PAUSE, batchMs * (0.5 + 8.5 * this.#busy));
  }

  #isToDo(module: string, action: Item['action']): boolean {
    return action === 'release' || !(this.#prepared.has(module) || this.#hopeless.has(module));
  }
}
