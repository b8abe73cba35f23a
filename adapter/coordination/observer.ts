// What the agent and the client's requests report of a session, as events for the coordination server: it keeps the picture
// of the session and counts demands. It plans nothing and holds no connection.
import type { AgentEvents, BreakpointState } from '../../protocol/agent';
import type { LatencyKind, SessionEvent, SessionFrame } from '../../protocol/coordination';
import type { AgentEvent } from '../beam/agentClient';
import { SessionPicture, type Entry } from './picture';
import type { PlanQueue } from './queue';
import { StopReporter } from './stopReporter';

/** ms that a plan waits for a step to end; a function that runs longer is none that the user waits for. */
const STEP_HOLD = 250;

/** A session event before it got its time. */
export type Happening = SessionEvent extends infer Event ? (Event extends unknown ? Omit<Event, 'at'> : never) : never;

export interface ObserverParts {
  queue: Pick<PlanQueue, 'hold' | 'resume' | 'isPreparing' | 'isPrepared' | 'isLoadedAnew'>;
  /** Whether anybody wants to know. */
  wished: () => boolean;
  /** The innermost frames of a stopped process. */
  frames: (thread: number) => Promise<SessionFrame[]>;
  /** What goes wrong in there is ours alone. */
  aside: (work: () => void) => void;
  tell: (happening: Happening) => void;
  /** Tells it, and plans may rest on it. */
  decide: (happening: Happening) => void;
  latency: (of: LatencyKind, ms: number) => void;
  /** Something that plans rest on has changed, and the picture does not show it. */
  changed: () => void;
  /** The memory of the debugged VM may be another one now. */
  stirred: () => void;
}

export class Observer {
  readonly picture = new SessionPicture();
  readonly #stops: StopReporter;
  /** When the step began that a process makes. */
  readonly #steps = new Map<number, number>();
  #stepTimer: NodeJS.Timeout | null = null;
  #heldUntil = -Infinity;
  /** Modules that are prepared because a request asked for them. */
  readonly #requested = new Set<string>();
  /** Demands of breakpoints, steps and requests, and those that found their module ready. */
  readonly #demands = { total: 0, ready: 0 };

  constructor(private readonly parts: ObserverParts) {
    const { wished, frames, aside } = parts;
    this.#stops = new StopReporter({
      // Nobody wants to know where there is no server; should one come, the greeting tells.
      frames: (thread) => (wished() ? frames(thread) : Promise.resolve([])),
      report: (body, stack, times) => aside(() => this.#stopped(body, stack, times)),
      over: (thread) => aside(() => this.#continued(thread)),
    });
  }

  /** Share of the demands that found their module ready; null before the first. */
  get cacheHitRate(): number | null {
    const { total, ready } = this.#demands;
    return total === 0 ? null : ready / total;
  }

  /** The program has ended; breakpoints stay. */
  forgetProgram(): void {
    this.#stops.clear();
    this.picture.forgetProgram();
    this.#steps.clear();
    this.#requested.clear();
    if (this.#stepTimer !== null) clearTimeout(this.#stepTimer);
    this.#stepTimer = null;
  }

  /** `ms`: from the request to the agent's answer; null where nobody waited for it. */
  breakpointsSet(
    file: string,
    wanted: readonly { id: number; line?: number; condition?: string }[],
    states: readonly BreakpointState[],
    ms: number | null,
  ): void {
    this.parts.decide({ kind: 'breakpointsSet', file: this.picture.set(file, wanted, states) });
    // One that is foreseen or pending was not armed by this.
    if (ms !== null && states.some(({ modules }) => modules !== undefined)) this.parts.latency('clickToArmed', ms);
  }

  /** A request of the client's resumes a process. The plan waits for it, it never waits for the plan. */
  resuming(thread: number, how: 'continue' | 'next' | 'stepIn' | 'stepOut'): void {
    this.#holdForStep();
    if (how === 'continue') return;
    this.#steps.set(thread, performance.now());
    const from = how === 'stepIn' ? this.picture.top(thread) : undefined;
    if (from !== undefined) this.parts.tell({ kind: 'steppingInto', thread, from });
  }

  /** A request has these modules prepared; the function returned is for those that could not be. */
  requesting(modules: readonly string[]): (failed: readonly { module: string }[]) => void {
    for (const module of modules) this.#requested.add(displayed(module));
    return (failed) => {
      for (const { module } of failed) this.#requested.delete(displayed(module));
    };
  }

  observe(event: AgentEvent): void {
    switch (event.name) {
      case 'stopped':
        this.#endStep(event.body.thread);
        for (const file of this.picture.hit(event.body.hitBreakpointIds))
          this.parts.tell({ kind: 'breakpointsSet', file });
        this.#stops.stopped(event.body);
        break;
      case 'continued':
        this.#stops.continued(event.body.thread);
        break;
      case 'thread':
        if (event.body.reason !== 'exited') return;
        this.#stops.exited(event.body.thread);
        this.picture.forget(event.body.thread);
        return;
      case 'breakpoint': {
        const file = this.picture.update(event.body);
        if (file !== null) this.parts.tell({ kind: 'breakpointsSet', file });
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
    this.parts.stirred();
  }

  #stopped({ thread, reason }: AgentEvents['stopped'], frames: SessionFrame[], times: number): void {
    const stopped = { kind: 'stopped', thread, reason, frames, ...(times > 1 ? { times } : {}) } as const;
    for (const entry of this.picture.stop(thread, frames)) this.#entered(entry);
    // Without a stack it runs again already: there is nothing to prepare for.
    if (frames.length === 0 && this.parts.wished()) this.parts.tell(stopped);
    else this.parts.decide(stopped);
  }

  #continued(thread: number): void {
    this.picture.continue(thread);
    this.parts.tell({ kind: 'continued', thread });
  }

  #interpreted({ module, ms, bytes, cached, cause }: AgentEvents['interpreted']): void {
    const trigger = this.#requested.delete(module)
      ? 'request'
      : this.parts.queue.isPreparing(module)
        ? 'plan'
        : 'demand';
    if (trigger !== 'plan') this.#demand(cached);
    if (trigger !== 'plan' && !cached) this.parts.changed();
    this.parts.queue.isPrepared(module);
    this.parts.tell({ kind: 'interpreted', module, bytes, ms, cached, cause, trigger });
  }

  #enteredByAgent(body: AgentEvents['entered']): void {
    const { module, ready, ms, bytes } = body;
    this.#demand(ready);
    this.parts.queue.isPrepared(module);
    if (!ready)
      this.parts.tell({ kind: 'interpreted', module, bytes, ms, cached: false, cause: 'a step', trigger: 'demand' });
    this.#entered(this.picture.enter(body));
  }

  #entered(entry: Entry): void {
    this.parts.tell({ kind: 'entered', ...entry });
  }

  #loaded({ reason, module: { name } }: AgentEvents['module']): void {
    this.parts.queue.isLoadedAnew(name);
    if (reason === 'changed') this.parts.changed();
    if (reason === 'new') this.parts.tell({ kind: 'modulesLoaded', modules: [name] });
    if (reason === 'changed') this.parts.tell({ kind: 'reloaded', modules: [name] });
  }

  #demand(ready: boolean): void {
    this.#demands.total++;
    if (ready) this.#demands.ready++;
  }

  #holdForStep(): void {
    this.parts.queue.hold('step');
    this.#heldUntil = performance.now() + STEP_HOLD;
    if (this.#stepTimer === null) this.#awaitStep(STEP_HOLD);
  }

  /** One timer for many steps: setting it anew for each would cost more than all the rest. */
  #awaitStep(ms: number): void {
    this.#stepTimer = setTimeout(() => {
      this.#stepTimer = null;
      const left = this.#heldUntil - performance.now();
      if (left > 0) this.#awaitStep(left);
      else this.parts.queue.resume('step');
    }, ms).unref();
  }

  #endStep(thread: number): void {
    this.parts.queue.resume('step');
    const began = this.#steps.get(thread);
    if (began === undefined) return;
    this.#steps.delete(thread);
    this.parts.latency('step', performance.now() - began);
  }
}

/** Requests may name an Elixir module in full; the agent reports it as people write it. */
function displayed(module: string): string {
  return module.startsWith('Elixir.') ? module.slice('Elixir.'.length) : module;
}
