// Coordination as one session has it: tells the server what happens, asks it what to prepare next, has the plans worked
// off. Never on the way of a demand: what the user asks for is served by adapter and agent alone.
import type { AgentEvents, BreakpointState } from '../../protocol/agent';
import type { LaunchArguments, Strategy } from '../../protocol/adapter';
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
import { sessionFrames, SessionPicture, type Entry } from './picture';
import { Pipe, type FallbackReason, type PipeStatus } from './pipe';
import { PlanQueue } from './queue';
import { Sampler } from './sampler';
import type { ServerPair } from './serverPair';
import { StopReporter } from './stopReporter';
import { Stopwatch } from './stopwatch';
import { obey, type WishParts } from './wishes';

/** ms for what the agent is asked on behalf of the server. */
const AGENT_TIMEOUT = 10_000;
/** ms for preparing what the user asked for in the editor. */
const PREPARE_TIMEOUT = 120_000;
/** ms that a plan waits for a step to end; a function that runs longer is none that the user waits for. */
const STEP_HOLD = 250;
/** Innermost frames of a stop that the server is told. */
const MAX_FRAMES = 20;
/** Recommendations in one answer. */
const MAX_RECOMMENDATIONS = 10;

type Coordination = LaunchArguments['coordination'];
/** A session event before it got its time. */
type Happening = SessionEvent extends infer Event ? (Event extends unknown ? Omit<Event, 'at'> : never) : never;

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
  readonly #stops: StopReporter;
  readonly #picture = new SessionPicture();
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
  /** When the step began that a process makes. */
  readonly #steps = new Map<number, number>();
  #stepTimer: NodeJS.Timeout | null = null;
  /** Modules that are prepared because a request asked for them. */
  readonly #requested = new Set<string>();
  /** Demands of breakpoints, steps and requests, and those that found their module ready. */
  readonly #demands = { total: 0, ready: 0 };

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
    this.#stops = new StopReporter({
      // Nobody wants to know where there is no server; should one come, the greeting tells.
      frames: (thread) => (this.#pipe.wished ? this.#frames(thread) : Promise.resolve([])),
      report: (body, frames, times) => this.#aside(() => this.#stopped(body, frames, times)),
      over: (thread) => this.#aside(() => this.#continued(thread)),
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
    const { total, ready } = this.#demands;
    return {
      ...this.#decisions.figures,
      cacheHitRate: total === 0 ? null : ready / total,
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
    this.#stops.clear();
    this.#queue.reset();
    this.#queue.resume('step');
    this.#picture.forgetProgram();
    this.#decisions.forget();
    this.#steps.clear();
    this.#requested.clear();
    if (this.#stepTimer !== null) clearTimeout(this.#stepTimer);
    this.#stepTimer = null;
    await this.#pipe.close();
  }

  /** Where the server is, from now on. */
  setServer(pair: ServerPair): void {
    this.#pair = { ...pair, session: pair.session ?? this.#pair?.session ?? null };
    if (this.#program !== null) this.#pipe.open(this.#pair);
  }

  setMode(change: {
    enabled: boolean;
    strategy?: Strategy | undefined;
    scope?: SessionMode['scope'] | undefined;
  }): void {
    const { enabled, strategy = this.#mode.strategy, scope = this.#mode.scope } = change;
    this.#mode = { ...this.#mode, enabled, strategy, scope };
    if (!enabled) this.#queue.cancel();
    this.#decide(this.#modeChanged());
  }

  // What happens ---------------------------------------------------------------------------------------------------------

  /** `ms`: from the request to the agent's answer; null where nobody waited for it. */
  breakpointsSet(
    file: string,
    wanted: readonly { id: number; line?: number; condition?: string }[],
    states: readonly BreakpointState[],
    ms: number | null,
  ): void {
    this.#aside(() => {
      this.#decide({ kind: 'breakpointsSet', file: this.#picture.set(file, wanted, states) });
      // One that is foreseen or pending was not armed by this.
      if (ms !== null && states.some(({ modules }) => modules !== undefined)) this.#latency('clickToArmed', ms);
    });
  }

  /** A request of the client's resumes a process. The plan waits for it, it never waits for the plan. */
  resuming(thread: number, how: 'continue' | 'next' | 'stepIn' | 'stepOut'): void {
    this.#aside(() => {
      this.#holdForStep();
      if (how === 'continue') return;
      this.#steps.set(thread, performance.now());
      const from = how === 'stepIn' ? this.#picture.top(thread) : undefined;
      if (from !== undefined) this.#tell({ kind: 'steppingInto', thread, from });
    });
  }

  /** A request has these modules prepared; the function returned is for those that could not be. */
  requesting(modules: readonly string[]): (failed: readonly { module: string }[]) => void {
    for (const module of modules) this.#requested.add(displayed(module));
    return (failed) => {
      for (const { module } of failed) this.#requested.delete(displayed(module));
    };
  }

  observe(event: AgentEvent): void {
    if (this.#program === null) return;
    this.#aside(() => this.#observe(event));
  }

  #observe(event: AgentEvent): void {
    switch (event.name) {
      case 'stopped':
        this.#endStep(event.body.thread);
        for (const file of this.#picture.hit(event.body.hitBreakpointIds)) this.#tell({ kind: 'breakpointsSet', file });
        this.#stops.stopped(event.body);
        break;
      case 'continued':
        this.#stops.continued(event.body.thread);
        break;
      case 'thread':
        if (event.body.reason !== 'exited') return;
        this.#stops.exited(event.body.thread);
        this.#picture.forget(event.body.thread);
        return;
      case 'breakpoint': {
        const file = this.#picture.update(event.body);
        if (file !== null) this.#tell({ kind: 'breakpointsSet', file });
        return;
      }
      case 'interpreted':
        this.#interpreted(event.body);
        break;
      case 'entered':
        this.#enteredByAgent(event.body);
        break;
      case 'module':
        this.#loaded(event.body);
        break;
      default:
        return;
    }
    if (this.#monitoring && this.#pipe.wished) this.#sampler.changed();
  }

  #stopped({ thread, reason }: AgentEvents['stopped'], frames: SessionFrame[], times: number): void {
    const stopped = { kind: 'stopped', thread, reason, frames, ...(times > 1 ? { times } : {}) } as const;
    for (const entry of this.#picture.stop(thread, frames)) this.#entered(entry);
    // Without a stack it runs again already: there is nothing to prepare for.
    if (frames.length === 0 && this.#pipe.wished) this.#tell(stopped);
    else this.#decide(stopped);
  }

  #continued(thread: number): void {
    this.#picture.continue(thread);
    this.#tell({ kind: 'continued', thread });
  }

  #interpreted({ module, ms, bytes, cached, cause }: AgentEvents['interpreted']): void {
    const trigger = this.#requested.delete(module) ? 'request' : this.#queue.isPreparing(module) ? 'plan' : 'demand';
    if (trigger !== 'plan') this.#demand(cached);
    if (trigger !== 'plan' && !cached) this.#changes++;
    this.#queue.isPrepared(module);
    this.#tell({ kind: 'interpreted', module, bytes, ms, cached, cause, trigger });
  }

  #enteredByAgent(body: AgentEvents['entered']): void {
    const { module, ready, ms, bytes } = body;
    this.#demand(ready);
    this.#queue.isPrepared(module);
    if (!ready)
      this.#tell({ kind: 'interpreted', module, bytes, ms, cached: false, cause: 'a step', trigger: 'demand' });
    this.#entered(this.#picture.enter(body));
  }

  #entered(entry: Entry): void {
    this.#tell({ kind: 'entered', ...entry });
  }

  #loaded({ reason, module: { name } }: AgentEvents['module']): void {
    this.#queue.isLoadedAnew(name);
    if (reason === 'changed') this.#changes++;
    if (reason === 'new') this.#tell({ kind: 'modulesLoaded', modules: [name] });
    if (reason === 'changed') this.#tell({ kind: 'reloaded', modules: [name] });
  }

  #demand(ready: boolean): void {
    this.#demands.total++;
    if (ready) this.#demands.ready++;
  }

  #holdForStep(): void {
    this.#queue.hold('step');
    this.#stepTimer ??= setTimeout(() => this.#queue.resume('step'), STEP_HOLD).unref();
    this.#stepTimer.refresh();
  }

  #endStep(thread: number): void {
    this.#queue.resume('step');
    const began = this.#steps.get(thread);
    if (began === undefined) return;
    this.#steps.delete(thread);
    this.#latency('step', performance.now() - began);
  }

  // Decisions ------------------------------------------------------------------------------------------------------------

  /** The traditional engine interprets whole modules by pattern: there is nothing to plan. */
  get #plans(): boolean {
    return this.#mode.enabled && this.#program?.engine === 'interpreter';
  }

  /** All that a plan rests on, as far as this session knows it. */
  get #basis(): string {
    return [JSON.stringify(this.#mode), this.#paused, this.#changes, this.#picture.basis].join('\n');
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
    for (const { thread, frames } of this.#picture.stopped) {
      if (frames.length === 0) this.#picture.see(thread, await this.#frames(thread).catch(() => []));
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
      breakpoints: this.#picture.breakpoints,
      stopped: this.#picture.stopped,
      prepared: modules.flatMap(({ state, ...module }) => (state === 'native' ? [] : [{ state, ...module }])),
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

/** Requests may name an Elixir module in full; the agent reports it as people write it. */
function displayed(module: string): string {
  return module.startsWith('Elixir.') ? module.slice('Elixir.'.length) : module;
}
