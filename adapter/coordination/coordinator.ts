// Coordination as one session has it: tells the server what happens, asks it what to prepare next, has the plans worked
// off. Never on the way of a demand: what the user asks for is served by adapter and agent alone.
import type { LaunchArguments, SetCoordinationModeArguments } from '../../protocol/adapter';
import type {
  LatencyKind,
  Plan,
  SessionCommand,
  SessionEvent,
  SessionFrame,
  SessionMode,
  SessionState,
} from '../../protocol/coordination';
import { Failure } from '../../protocol/failure';
import { randomUUID } from 'node:crypto';
import type { AgentClient, AgentEvent } from '../beam/agentClient';
import type { Log } from '../log';
import { diskCacheOf, memoryOf } from './agentFigures';
import { Decisions } from './decisions';
import { Observer, type Happening } from './observer';
import { sessionFrames } from './picture';
import { Pipe, type FallbackReason, type PipeStatus } from './pipe';
import { PlanQueue } from './queue';
import { Sampler } from './sampler';
import type { ServerPair } from './serverPair';
import { Stopwatch } from './stopwatch';
import { obey, type WishParts } from './wishes';

/** ms for what the agent is asked on behalf of the server. */
const AGENT_TIMEOUT = 10_000;
/** ms for preparing what the user asked for in the editor. */
const PREPARE_TIMEOUT = 120_000;
/** Innermost frames of a stop that the server is told. */
const MAX_FRAMES = 20;
/** The agent's reason for functions that are armed alone to see exceptions raised: nobody's plan, and never told otherwise. */
const EXCEPTIONS = 'exceptions';
/** Recommendations in one answer. */
const MAX_RECOMMENDATIONS = 10;

type Coordination = LaunchArguments['coordination'];

/** A program under the debugger. */
export interface CoordinatedProgram {
  agent: AgentClient;
  engine: SessionState['engine'];
  otp: number;
  elixir: string | null;
  projectDir: string;
  /** Where its environment has Mix build, absolute; empty: at the usual place. */
  builds: string[];
  name: string;
  justMyCode: boolean;
  /** From the request to the program that waits for its first line. */
  launchMs: number;
}

export interface CoordinatorParts {
  log: Log;
  notice: (text: string) => void;
}

export class Coordinator {
  readonly #pipe: Pipe;
  readonly #queue: PlanQueue;
  readonly #sampler: Sampler;
  readonly #observer: Observer;
  readonly #stopwatch = new Stopwatch();
  readonly #decisions: Decisions;
  #pair: ServerPair | null = null;
  /** Null while there is none, and for one that runs without debugging. */
  #program: CoordinatedProgram | null = null;
  #startedAt = Date.now();
  readonly #ownId = randomUUID();
  #mode: SessionMode = {
    enabled: true,
    strategy: 'demand-driven',
    scope: 'conservative',
    memoryThreshold: 0,
  };
  #fallbackTimeout = 0;
  #monitoring = true;
  #paused = false;
  /** Grows when something changed that plans rest on and the picture does not show. */
  #changes = 0;
  /** What the server was told of the agent's cache on disk. */
  #diskCache = '';

  constructor(private readonly parts: CoordinatorParts) {
    const { log } = parts;
    this.#pipe = new Pipe({
      log,
      stopwatch: this.#stopwatch,
      state: (session) => this.#state(session),
      opening: () => {
        this.#queue.forgetNumber();
        this.#diskCache = '';
        if (!this.#plans) return null;
        this.#decisions.begunWith(this.#basis);
        return { event: this.#now(this.#modeChanged()), timeout: this.#fallbackTimeout };
      },
      unanswered: (why) => {
        this.#decisions.unanswered(why);
        this.#tell({ kind: 'fallback', why });
      },
      plan: (plan) => this.#follow(plan),
      command: (command) => void this.#obey(command),
      wrongVersion: (message) =>
        parts.notice(
          `${message} This session goes on without it; reload the window to bring both to the same version.`,
        ),
    });
    this.#queue = new PlanQueue({
      prepare: (modules) => this.#agent().request('prepareAhead', { modules }, { timeout: PREPARE_TIMEOUT }),
      release: (modules) => this.#agent().request('release', { modules }, { timeout: AGENT_TIMEOUT }),
      released: (modules) => this.#tell({ kind: 'released', modules }),
      held: (module, by) => this.#tell({ kind: 'held', module, by }),
      failed: (module, error) => this.#tell({ kind: 'failed', module, error }),
      full: () => this.#changes++,
      broken: (thrown) => log.debug('coordination.plan', 'a batch failed', { error: String(thrown) }),
    });
    this.#decisions = new Decisions({
      basis: () => this.#basis,
      connected: () => this.#pipe.status === 'connected',
      ask: () => (this.#plans && this.#pipe.wished ? this.#ask() : null),
    });
    this.#sampler = new Sampler(() => void this.#sample());
    this.#observer = new Observer({
      queue: this.#queue,
      wished: () => this.#pipe.wished,
      frames: (thread) => this.#frames(thread),
      aside: (work) => this.#aside(work),
      tell: (happening) => this.#tell(happening),
      decide: (happening) => this.#decide(happening),
      latency: (of, ms) => this.#latency(of, ms),
      changed: () => this.#changes++,
      stirred: () => {
        if (this.#monitoring && this.#pipe.wished) this.#sampler.changed();
      },
    });
  }

  // What requests want to know -------------------------------------------------------------------------------------------

  get mode(): SessionMode {
    return this.#mode;
  }
  get status(): { server: PipeStatus; paused: boolean; plan: PlanQueue['status'] } {
    return { server: this.#pipe.status, paused: this.#paused, plan: this.#queue.status };
  }
  /** ms of the main thread. */
  get spentMs(): number {
    return this.#stopwatch.spentMs;
  }
  get figures(): Decisions['figures'] & { cacheHitRate: number | null; plans: number; droppedEvents: number } {
    return {
      ...this.#decisions.figures,
      cacheHitRate: this.#observer.cacheHitRate,
      plans: this.#queue.plans,
      droppedEvents: this.#pipe.dropped,
    };
  }
  /** Modules worth preparing next, best first, as the newest plan has it. */
  recommend(except: readonly string[]): string[] {
    return this.#stopwatch.measure(() => this.#queue.recommendations(MAX_RECOMMENDATIONS, except));
  }

  // The session's course -------------------------------------------------------------------------------------------------

  /** As launch.json and the settings have it. */
  configure({ enabled, strategy, scope, memoryThreshold, fallbackTimeout, performanceMonitoring }: Coordination): void {
    this.#mode = { enabled, strategy, scope, memoryThreshold };
    this.#fallbackTimeout = fallbackTimeout;
    this.#monitoring = performanceMonitoring;
  }

  /** The program is there and waits for its first line. */
  begin(program: CoordinatedProgram): void {
    this.#program = program;
    this.#startedAt = Date.now();
    if (this.#pair !== null) this.#pipe.open(this.#pair);
    this.#latency('launch', program.launchMs);
  }

  /** The program is gone, to be started again or for good. */
  async end(outcome: { exitCode: number | null } | 'restart'): Promise<void> {
    if (this.#program === null) return;
    if (outcome !== 'restart') this.#tell({ kind: 'sessionEnded', exitCode: outcome.exitCode });
    this.#program = null;
    this.#sampler.stop();
    this.#observer.forgetProgram();
    this.#queue.reset();
    this.#queue.resume('step');
    this.#decisions.forget();
    await this.#pipe.close();
  }

  /** Where the server is, from now on. */
  setServer(pair: ServerPair): void {
    this.#pair = { ...pair, session: pair.session ?? this.#pair?.session ?? null };
    if (this.#program !== null) this.#pipe.open(this.#pair);
  }

  async setMode(change: SetCoordinationModeArguments): Promise<void> {
    const before = this.#mode;
    const { enabled, strategy = before.strategy, scope = before.scope } = change;
    const { memoryThreshold = before.memoryThreshold } = change;
    this.#mode = { enabled, strategy, scope, memoryThreshold };
    this.#fallbackTimeout = change.fallbackTimeout ?? this.#fallbackTimeout;
    this.#monitoring = change.performanceMonitoring ?? this.#monitoring;
    if (!enabled) this.#queue.cancel();
    // Before the plan that counts on it.
    const set = memoryThreshold !== before.memoryThreshold && this.#program !== null;
    if (set) await this.#agent().request('setMemoryThreshold', { bytes: memoryThreshold }, { timeout: AGENT_TIMEOUT });
    this.#decide(this.#modeChanged());
  }

  // What happens ---------------------------------------------------------------------------------------------------------

  /** `ms`: from the request to the agent's answer; null where nobody waited for it. */
  breakpointsSet(...told: Parameters<Observer['breakpointsSet']>): void {
    this.#aside(() => this.#observer.breakpointsSet(...told));
  }

  /** A request of the client's resumes a process. The plan waits for it, it never waits for the plan. */
  resuming(...told: Parameters<Observer['resuming']>): void {
    this.#aside(() => this.#observer.resuming(...told));
  }

  /** A request has these modules prepared; the function returned is for those that could not be. */
  requesting(modules: readonly string[]): (failed: readonly { module: string }[]) => void {
    return this.#observer.requesting(modules);
  }

  observe(event: AgentEvent): void {
    if (this.#program !== null) this.#aside(() => this.#observer.observe(event));
  }

  // Decisions ------------------------------------------------------------------------------------------------------------

  /** The traditional engine interprets whole modules by pattern: there is nothing to plan. */
  get #plans(): boolean {
    return this.#mode.enabled && this.#program?.engine === 'interpreter';
  }

  /** All that a plan rests on, as far as this session knows it. */
  get #basis(): string {
    return [JSON.stringify(this.#mode), this.#paused, this.#changes, this.#observer.picture.basis].join('\n');
  }

  /** Tells what happened and, where that changes what to prepare, has a plan asked for; returns at once. */
  #decide(happening: Happening): void {
    if (this.#program === null) return;
    this.#tell(happening);
    if (this.#plans) this.#decisions.due();
  }

  async #ask(): Promise<{ fallback: FallbackReason | null }> {
    const began = performance.now();
    const answer = await this.#pipe.ask(this.#fallbackTimeout);
    if ('fallback' in answer) {
      this.#tell({ kind: 'fallback', why: answer.fallback });
      return answer;
    }
    if (answer.plan !== null) {
      this.#latency('plan', performance.now() - began);
      this.#follow(answer.plan);
    }
    return { fallback: null };
  }

  #follow(plan: Plan): void {
    if (this.#plans) this.#aside(() => this.#queue.replace(plan));
  }

  async #obey(command: SessionCommand): Promise<void> {
    try {
      await obey(command, this.#wishes);
    } catch (thrown) {
      this.parts.log.warn('coordination.plan', `"${command.kind}" failed`, { error: Failure.from(thrown).message });
    }
  }

  readonly #wishes: WishParts = {
    prepare: (modules) => {
      const request = { modules, mode: 'immediate' as const, reason: 'asked for in the editor' };
      return this.#agent().request('prepare', request, { timeout: PREPARE_TIMEOUT });
    },
    release: (modules) => this.#agent().request('release', { modules }, { timeout: AGENT_TIMEOUT }),
    pause: (paused) => {
      this.#paused = paused;
      if (paused) this.#queue.hold('paused');
      else this.#queue.resume('paused');
      this.#tell(this.#modeChanged());
    },
    requesting: (modules) => this.requesting(modules),
    released: (modules) => {
      for (const module of modules) this.#queue.isReleased(module);
      this.#tell({ kind: 'released', modules });
    },
    held: (module, by) => this.#tell({ kind: 'held', module, by }),
    failed: (module, error) => this.#tell({ kind: 'failed', module, error }),
  };

  /** What goes wrong here is ours alone: whoever debugs must not feel it. */
  #aside(work: () => void): void {
    try {
      this.#stopwatch.measure(work);
    } catch (thrown) {
      const { message, stack } = Failure.from(thrown);
      this.parts.log.error('adapter.fault', 'coordination failed', { error: message, stack });
    }
  }

  // Telling --------------------------------------------------------------------------------------------------------------

  #now(happening: Happening): SessionEvent {
    return { at: Date.now(), ...happening };
  }

  #tell(happening: Happening): void {
    if (this.#program !== null && this.#pipe.wished) this.#pipe.tell(this.#now(happening));
  }

  #latency(of: LatencyKind, ms: number): void {
    if (this.#monitoring) this.#tell({ kind: 'latency', of, ms });
  }

  #modeChanged(): Happening {
    return { kind: 'modeChanged', mode: this.#mode, paused: this.#paused };
  }

  async #sample(): Promise<void> {
    const program = this.#program;
    if (program === null || this.#pipe.status !== 'connected') return;
    try {
      const figures = await program.agent.request('metrics', {}, { timeout: AGENT_TIMEOUT });
      this.#tell(memoryOf(figures, process.memoryUsage.rss()));
      const disk = diskCacheOf(figures);
      const shown = JSON.stringify(disk);
      if (disk === null || shown === this.#diskCache) return;
      this.#diskCache = shown;
      this.#tell(disk);
    } catch (thrown) {
      this.parts.log.debug('coordination.link', 'no sample', { error: String(thrown) });
    }
  }

  /** The whole session, for a server that knows nothing of it. What is prepared only the agent knows for certain. */
  async #state(session: string | null): Promise<SessionState> {
    const { agent, name, projectDir, builds, engine, otp, elixir, justMyCode } = this.#mustProgram();
    const { modules } = await agent.request('status', {}, { timeout: AGENT_TIMEOUT });
    for (const { thread, frames } of this.#observer.picture.stopped) {
      if (frames.length === 0) this.#observer.picture.see(thread, await this.#frames(thread).catch(() => []));
    }
    return {
      id: session ?? this.#ownId,
      name,
      projectDir,
      builds,
      engine,
      otp,
      elixir,
      startedAt: this.#startedAt,
      mode: this.#mode,
      paused: this.#paused,
      justMyCode,
      breakpoints: this.#observer.picture.breakpoints,
      stopped: this.#observer.picture.stopped,
      prepared: modules.flatMap(({ state, ...module }) =>
        state === 'native' || module.reason === EXCEPTIONS ? [] : [{ state, ...module }],
      ),
    };
  }

  async #frames(thread: number): Promise<SessionFrame[]> {
    const request = { thread, start: 0, levels: MAX_FRAMES };
    return sessionFrames((await this.#agent().request('stackTrace', request, { timeout: AGENT_TIMEOUT })).frames);
  }

  #mustProgram(): CoordinatedProgram {
    if (this.#program === null) throw Failure.expected('programEnded', 'The program has ended.');
    return this.#program;
  }

  #agent(): AgentClient {
    return this.#mustProgram().agent;
  }
}
