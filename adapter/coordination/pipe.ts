// The lasting way to the coordination server: connects, connects again with growing pauses, and answers every question in
// time, with a plan or with the reason why there is none. Nobody who debugs ever waits for it.
import { once } from 'node:events';
import type { Plan, SessionCommand, SessionEvent, SessionState } from '../../protocol/coordination';
import type { Log } from '../log';
import { merged } from './gathered';
import { Link, RefusedLink } from './link';
import type { ServerPair } from './serverPair';
import type { Stopwatch } from './stopwatch';

/** ms before the first, second, … attempt to connect again; the last one is repeated. */
const BACKOFF = [50, 200, 500, 1_000, 2_000, 5_000, 10_000] as const;
/** Events kept while the server takes in the greeting, or while there is none. */
const MAX_KEPT = 500;
/** ms for which what happens is gathered, so that it is told in one message. */
const GATHERING = 400;
/** Events in one message, which so stays far below the size that is taken. */
const MAX_GATHERED = 400;

export type FallbackReason = Extract<SessionEvent, { kind: 'fallback' }>['why'];
/** plan: null where an answer under way, or the newest one, serves this question, too. */
export type Answer = { plan: Plan | null } | { fallback: FallbackReason };
export type PipeStatus = 'none' | 'connecting' | 'connected' | 'disconnected' | 'refused';

export interface PipeParts {
  log: Log;
  stopwatch: Stopwatch;
  state: (session: string | null) => Promise<SessionState>;
  /** What a new connection asks the first plan with; null: there is nothing to plan. */
  opening: () => { event: SessionEvent; timeout: number } | null;
  /** The first plan did not come, and no question of the session's waited for it. */
  unanswered: (why: FallbackReason) => void;
  plan: (plan: Plan) => void;
  command: (command: SessionCommand) => void;
  /** The server speaks another version: told once. */
  wrongVersion: (message: string) => void;
}

export class Pipe {
  #pair: ServerPair | null = null;
  #status: PipeStatus = 'none';
  #link: Link | null = null;
  /** Attempts and connections of an earlier pair, or of an ended program, end when it is aborted. */
  #life = new AbortController();
  #attempts = 0;
  /** What happened since the state was taken that the server is being greeted with; null: no greeting is under way. */
  #meanwhile: SessionEvent[] | null = null;
  /** What could not be told when it happened, and no greeting tells. */
  #untold: SessionEvent[] = [];
  #outbox: SessionEvent[] = [];
  #flushing: NodeJS.Timeout | null = null;
  #dropped = 0;
  /** Called when there is a connection with its first plan, or when there will be none. */
  readonly #waiting = new Set<(answer: Answer) => void>();

  constructor(private readonly parts: PipeParts) {}

  get status(): PipeStatus {
    return this.#status;
  }
  get wished(): boolean {
    return this.#pair !== null;
  }
  get dropped(): number {
    return this.#dropped;
  }

  /** From now on the server is there; a former connection ends. */
  open(pair: ServerPair): void {
    this.#cut();
    this.#pair = pair;
    this.#attempts = 0;
    void this.#connect(pair, this.#life.signal);
  }

  /** Ends the connection when all is told. It can be opened again. */
  async close(): Promise<void> {
    this.#flush();
    const link = this.#link;
    this.#link = null;
    this.#cut();
    await link?.end();
  }

  /** Costs nothing here: it goes out with the next question, or with what else happens about now. */
  tell(event: SessionEvent): void {
    if (this.#link !== null) {
      this.#outbox.push(event);
      if (this.#outbox.length >= MAX_GATHERED) this.#flush();
      else if (this.#flushing === null) {
        this.#flushing = setTimeout(() => this.#flush(), GATHERING);
        this.#flushing.unref();
      }
    } else if (this.#meanwhile !== null) {
      this.#keep(this.#meanwhile, event);
    } else if (event.kind === 'fallback' || event.kind === 'latency') {
      this.#keep(this.#untold, event);
    }
    // Otherwise the next greeting tells it with the whole state.
  }

  /** Asks what to prepare now, after what was told. Answers within `timeout` ms, always. */
  async ask(timeout: number): Promise<Answer> {
    if (this.#pair === null) return { plan: null };
    if (this.#status === 'refused') return { fallback: 'refused' };
    const deadline = AbortSignal.timeout(timeout);
    return this.#link === null ? this.#firstPlan(deadline) : this.#question(this.#link, deadline);
  }

  async #question(link: Link, deadline: AbortSignal): Promise<Answer> {
    const late = once(deadline, 'abort').then((): Answer => ({ fallback: 'late' }));
    const answer = link.plan(this.#takeOutbox(), deadline).then(
      (plan): Answer => ({ plan }),
      (thrown: unknown): Answer => {
        if (deadline.aborted) return { fallback: 'late' };
        if (this.#link !== link) return { fallback: 'disconnected' };
        this.parts.log.warn('coordination.plan', 'no plan', { error: String(thrown) });
        return { fallback: 'refused' };
      },
    );
    const ended = link.closed.then((): Answer => ({ fallback: 'disconnected' }));
    return Promise.race([answer, late, ended]);
  }

  /** The plan that the next connection begins with. */
  #firstPlan(deadline: AbortSignal): Promise<Answer> {
    return new Promise((resolve) => {
      const done = (answer: Answer): void => {
        this.#waiting.delete(done);
        deadline.removeEventListener('abort', late);
        resolve(answer);
      };
      const late = (): void => done({ fallback: this.#status === 'connecting' ? 'late' : 'disconnected' });
      deadline.addEventListener('abort', late, { once: true });
      this.#waiting.add(done);
    });
  }

  async #connect(pair: ServerPair, life: AbortSignal): Promise<void> {
    const { parts } = this;
    this.#status = 'connecting';
    try {
      const link = await Link.open(pair, {
        log: parts.log,
        stopwatch: parts.stopwatch,
        state: async () => {
          const state = await parts.state(pair.session);
          if (!life.aborted) this.#meanwhile = [];
          return state;
        },
        renewedPlan: (plan) => {
          if (!life.aborted) parts.plan(plan);
        },
        command: (command) => {
          if (!life.aborted) parts.command(command);
        },
      });
      if (life.aborted) await link.end();
      else await this.#connected(link, pair, life);
    } catch (thrown) {
      if (!life.aborted) this.#failed(thrown, pair, life);
    }
  }

  async #connected(link: Link, pair: ServerPair, life: AbortSignal): Promise<void> {
    const { parts } = this;
    parts.log.info('coordination.link', 'connected');
    this.#link = link;
    this.#status = 'connected';
    this.#attempts = 0;
    this.#outbox.push(...this.#untold.splice(0), ...(this.#meanwhile ?? []));
    this.#meanwhile = null;
    void link.closed.then(() => {
      if (life.aborted) return;
      this.#link = null;
      this.#failed(new Error('the connection has ended'), pair, life);
    });
    const opening = parts.opening();
    if (opening === null) {
      this.#flush();
      this.#answerWaiting({ plan: null });
      return;
    }
    this.#outbox.push(opening.event);
    const answer = await this.#question(link, AbortSignal.timeout(opening.timeout));
    if (life.aborted) return;
    if ('plan' in answer && answer.plan !== null) parts.plan(answer.plan);
    // Where others wait for the same answer, the decision without it is theirs; the next connection asks again.
    else if ('fallback' in answer && answer.fallback !== 'disconnected' && this.#waiting.size === 0)
      parts.unanswered(answer.fallback);
    this.#answerWaiting('plan' in answer ? { plan: null } : answer);
  }

  #failed(thrown: unknown, pair: ServerPair, life: AbortSignal): void {
    const { log } = this.parts;
    this.#meanwhile = null;
    if (thrown instanceof RefusedLink && (thrown.reason === 'wrongToken' || thrown.reason === 'wrongVersion')) {
      log.warn('coordination.link', 'refused', { reason: thrown.reason, message: thrown.message });
      this.#status = 'refused';
      this.#answerWaiting({ fallback: 'refused' });
      if (thrown.reason === 'wrongVersion') this.parts.wrongVersion(thrown.message);
      return;
    }
    this.#status = 'disconnected';
    const wait = BACKOFF[Math.min(this.#attempts, BACKOFF.length - 1)];
    this.#attempts++;
    log.debug('coordination.link', 'no connection', { error: String(thrown), againInMs: wait });
    const timer = setTimeout(() => {
      life.removeEventListener('abort', stop);
      void this.#connect(pair, life);
    }, wait);
    const stop = (): void => clearTimeout(timer);
    life.addEventListener('abort', stop, { once: true });
    timer.unref();
  }

  #flush(): void {
    const link = this.#link;
    if (link === null || this.#outbox.length === 0) return;
    const events = this.#takeOutbox();
    this.parts.stopwatch.measure(() => {
      if (!link.tell(events)) this.#dropped += events.length;
    });
  }

  #takeOutbox(): SessionEvent[] {
    if (this.#flushing !== null) clearTimeout(this.#flushing);
    this.#flushing = null;
    return this.parts.stopwatch.measure(() => merged(this.#outbox.splice(0)));
  }

  /** Ends whatever goes on with the present pair. */
  #cut(): void {
    this.#life.abort();
    this.#life = new AbortController();
    const link = this.#link;
    this.#link = null;
    this.#meanwhile = null;
    this.#takeOutbox();
    if (this.#status !== 'none') this.#status = 'disconnected';
    this.#answerWaiting({ fallback: 'disconnected' });
    void link?.end();
  }

  #answerWaiting(answer: Answer): void {
    for (const done of [...this.#waiting]) done(answer);
  }

  #keep(list: SessionEvent[], event: SessionEvent): void {
    if (list.length < MAX_KEPT) list.push(event);
    else this.#dropped++;
  }
}
