// The life of a session's program: launch or attach, go, restart, end; the only place that changes the state. Answers no
// request itself.
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { BreakpointState } from '../protocol/agent';
import { Failure } from '../protocol/failure';
import type { AgentEventTranslator } from './agentEvents';
import type { AgentClient, AgentEvent } from './beam/agentClient';
import type { TerminalRequest } from './beam/launch';
import type { Ending, Program } from './beam/program';
import type { Breakpoints, WantedBreakpoints } from './breakpoints';
import { abortReason, type Call, type Cancellation } from './cancellation';
import type { Connection } from './connection';
import type { Coordinator } from './coordination/coordinator';
import { patternNotices } from './launchPlan';
import type { Log } from './log';
import type { ProgressReporter } from './progress';
import { startProgram } from './start';
import { liveOf, type Live, type Start, type State } from './state';

/** ms a program gets to end by itself after `terminate`, and after `disconnect` or a lost client. */
const TERMINATE_TIMEOUT = 5_000;
const DISCONNECT_TIMEOUT = 1_000;
/** ms more until it is ended by force. */
const GRACE = 1_000;
/** ms until what stops is set and the program may run. One that gave up earlier would have a program that runs all the same. */
const READY_TIMEOUT = 120_000;
/** ms for taking the agent out of an attached node. */
const DETACH_TIMEOUT = 15_000;
/** ms after the loss of the agent until the user hears of it: the program's end usually follows at once. */
const LOSS_TIMEOUT = 3_000;
/** ms a client may take to open a terminal; it may ask the user first. */
const TERMINAL_TIMEOUT = 60_000;

export interface LifecycleParts {
  connection: Connection;
  log: Log;
  progress: ProgressReporter;
  cancellation: Cancellation;
  breakpoints: Breakpoints;
  coordinator: Coordinator;
  events: AgentEventTranslator;
  /** The client can run programs in its terminal. */
  supportsTerminal: () => boolean;
  /** Every event of the agent, for measurements. */
  observe: (event: AgentEvent) => void;
}

export class Lifecycle {
  #state: State = { kind: 'started' };
  /** Exit code that the program itself announced, in case nobody sees the process's own. */
  #taskExitCode: number | null = null;
  /** The client has said that it is done before we were ready: some do not wait for `initialized`. */
  #early = { configurationDone: false };
  /** The client is leaving: nothing may be started any more. */
  #leaving = false;
  /** Settled when the coordination server knows that the program has ended, or will not learn it. */
  #coordinationEnded: Promise<void> = Promise.resolve();
  /** Settled when no start is under way. */
  #starting: Promise<unknown> = Promise.resolve();
  /** The program that is being started, once it answers; null when it cannot be started. */
  #coming: Promise<Live | null> = Promise.resolve(null);

  constructor(private readonly parts: LifecycleParts) {}

  get state(): State {
    return this.#state;
  }

  /** The program that answers, also one that is only on its way; null if there is none. */
  get program(): Promise<Live | null> {
    return this.#state.kind === 'launching' ? this.#coming : Promise.resolve(liveOf(this.#state));
  }

  clientKnown(): void {
    this.#become({ kind: 'initialized' });
  }

  /**
   * launch and attach: returns when the program waits for its first line. The client sends its breakpoints while the
   * program is still starting.
   */
  async begin(start: Start, call: Call): Promise<void> {
    if (this.#state.kind !== 'initialized') {
      throw Failure.expected(
        'alreadyStarted',
        `"${call.command}" was not expected: this session has its program already.`,
      );
    }
    this.#early = { configurationDone: false };
    const live = await this.#start(start, call, () => this.parts.connection.event('initialized'));
    if (this.#early.configurationDone) await this.#go(live);
  }

  /** The client has sent its breakpoints: the program runs. */
  async configurationDone(): Promise<void> {
    const state = this.#state;
    if (state.kind === 'launching') {
      this.#early.configurationDone = true;
      return;
    }
    if (state.kind !== 'configuring') {
      throw Failure.expected('notConfiguring', '"configurationDone" was not expected: no program waits for it.');
    }
    await this.#go(state.live);
  }

  /** The program anew, in this session, with what the client has set so far. */
  async restart(next: Start | null, call: Call): Promise<void> {
    const state = this.#state;
    if (state.kind !== 'running' && state.kind !== 'configuring') {
      throw Failure.expected('noProgram', '"restart" needs a running program.');
    }
    const { live } = state;
    this.#become({ kind: 'restarting', live });
    await this.#end(live, DISCONNECT_TIMEOUT);
    await this.parts.coordinator.end('restart');
    this.parts.events.forgetThreads();
    try {
      await this.#go(await this.#start(next ?? live.start, call, () => undefined));
    } catch (thrown) {
      this.#become({ kind: 'ended' });
      this.parts.connection.event('terminated');
      throw thrown;
    }
  }

  /** Asks the program to end; `exited` and `terminated` follow. What was attached to is left alone, detached. */
  terminate(): void {
    const state = this.#state;
    if (state.kind === 'launching') state.abort.abort(Failure.expected('cancelled', 'Cancelled.'));
    const live = liveOf(state);
    if (live === null) return;
    this.#leaving = true;
    this.parts.cancellation.cancelReads();
    // Before it runs there is nothing that could end in good order.
    if (state.kind === 'configuring' && live.program.start === 'launch') live.program.kill();
    void this.#end(live, TERMINATE_TIMEOUT);
  }

  /** Ends or leaves the program, and returns when nothing of it is left here. */
  async disconnect(terminateDebuggee: boolean | undefined): Promise<void> {
    this.#leaving = true;
    const state = this.#state;
    if (state.kind === 'launching') {
      state.abort.abort(Failure.expected('cancelled', 'Cancelled.'));
      await this.#starting;
      return;
    }
    const live = liveOf(state);
    if (live !== null) await this.#leave(live, terminateDebuggee);
    await this.#coordinationEnded;
  }

  async #leave(live: Live, terminateDebuggee: boolean | undefined): Promise<void> {
    const { program } = live;
    const state = this.#state;
    if (state.kind === 'configuring' && program.start === 'launch') program.kill();
    if (program.start === 'attach' && terminateDebuggee === true) await this.#terminateProgram(live, TERMINATE_TIMEOUT);
    else await this.#end(live, DISCONNECT_TIMEOUT);
  }

  /** Leaves an attached node with nothing of the debugger in it, or says what needs it; returns the modules concerned. */
  async removeLeftovers({ program }: Live, force: boolean): Promise<string[]> {
    if (program.start !== 'attach') {
      throw Failure.expected(
        'notAttached',
        '"removeLeftovers" is for attached nodes: a launched program ends as a whole.',
      );
    }
    if (!force) {
      const { left, holders } = await program.agent.request('leftovers', {}, { timeout: DETACH_TIMEOUT });
      if (left.length > 0) {
        throw Failure.user(
          'leftoversInUse',
          `Functions of ${left.join(', ')} that were made while debugging are held by ${holders.join(', ')}.`,
          'Have them replaced or end who holds them, then try again; with "force" calling them fails.',
        );
      }
    }
    this.#leaving = true;
    const { left } = await program.agent.request('detach', { force: true }, { timeout: DETACH_TIMEOUT });
    program.kill();
    await program.ended;
    return left;
  }

  /** At once: the adapter itself is about to end. */
  kill(): void {
    const state = this.#state;
    if (state.kind === 'launching') state.abort.abort(Failure.expected('cancelled', 'Cancelled.'));
    liveOf(state)?.program.kill();
  }

  // Starting ------------------------------------------------------------------------------------------------------------

  #start(start: Start, call: Call, starting: () => void): Promise<Live> {
    const started = this.#startCancellable(start, call, starting);
    this.#starting = started.catch(() => undefined);
    return started;
  }

  async #startCancellable(start: Start, call: Call, starting: () => void): Promise<Live> {
    const { parts } = this;
    const before = parts.breakpoints.wanted();
    if (this.#leaving) throw Failure.expected('cancelled', 'Cancelled.');
    const stateBefore = this.#state;
    let answers: (live: Live | null) => void = () => undefined;
    this.#coming = new Promise((resolve) => (answers = resolve));
    const abort = new AbortController();
    const cancel = (): void => abort.abort(abortReason(call.signal));
    call.signal.addEventListener('abort', cancel, { once: true });
    const progress = parts.progress.start('Starting the debugger', { requestId: call.seq });
    parts.cancellation.bindProgress(call.seq, progress.id);
    const began = performance.now();
    const { coordination, logFile, logLevel } = start.args;
    parts.log.redirect(logFile, logLevel);
    parts.coordinator.configure(coordination);
    this.#taskExitCode = null;
    this.#become({ kind: 'launching', start, abort });
    try {
      for (const text of patternNotices(start.args)) parts.events.notice({ level: 'info', text });
      const around = { output: this.#output, terminal: this.#terminal, log: parts.log };
      const { program, configured, builds } = await startProgram(
        start,
        around,
        progress,
        { starting, connected: this.#watch },
        abort.signal,
      );
      for (const text of configured.notices) parts.events.notice({ level: 'info', text });
      const debug = !(start.kind === 'launch' && start.args.noDebug);
      const live = { start, program, engine: configured.engine, debug };
      if (abort.signal.aborted) {
        program.kill();
        throw abortReason(abort.signal);
      }
      this.#become({ kind: 'configuring', live });
      answers(live);
      void program.ended.then((ending) => this.#ended(live, ending));
      this.#announce(live);
      if (debug) {
        this.#coordinate(live, configured.elixir, builds, performance.now() - began);
        await this.#sendBreakpoints(program.agent, before);
      }
      return live;
    } catch (thrown) {
      this.#become(stateBefore);
      answers(null);
      throw thrown;
    } finally {
      call.signal.removeEventListener('abort', cancel);
      progress.end();
    }
  }

  async #go(live: Live): Promise<void> {
    await live.program.agent.request('go', {}, { timeout: READY_TIMEOUT });
    if (liveOf(this.#state) === live) this.#become({ kind: 'running', live });
  }

  #coordinate({ start, program, engine }: Live, elixir: string | null, builds: string[], launchMs: number): void {
    const { agent, name } = program;
    const projectDir = path.resolve(start.args.projectDir ?? '.');
    const { justMyCode } = start.args;
    const known = { agent, engine, otp: agent.otp, elixir, projectDir, builds, justMyCode, launchMs };
    this.parts.coordinator.begin({ ...known, name: start.name ?? name });
  }

  #announce({ program }: Live): void {
    this.parts.connection.event('process', {
      name: program.name,
      systemProcessId: program.pid,
      isLocalProcess: program.start === 'launch',
      startMethod: program.start,
    });
  }

  /**
   * What was set before the start began, and not again since; the answers came long ago, so the outcome goes out as
   * events.
   */
  async #sendBreakpoints(agent: AgentClient, before: WantedBreakpoints): Promise<void> {
    const { breakpoints, connection, coordinator, events } = this.parts;
    const { files, functions, exceptions } = breakpoints.unchangedSince(before);
    const announce =
      (file: string, wanted: readonly { id: number }[]) =>
      ({ breakpoints: states }: { breakpoints: BreakpointState[] }): void => {
        for (const state of states) {
          connection.event('breakpoint', { reason: 'changed', breakpoint: breakpoints.toDap(state) });
        }
        coordinator.breakpointsSet(file, wanted, states, null);
      };
    const patient = { timeout: READY_TIMEOUT };
    const requests: Promise<unknown>[] = files.map(([file, wanted]) =>
      agent.request('setBreakpoints', { path: file, breakpoints: wanted }, patient).then(announce(file, wanted)),
    );
    if (functions.length > 0) {
      const set = agent.request('setFunctionBreakpoints', { breakpoints: functions }, patient);
      requests.push(set.then(announce('', functions)));
    }
    if (exceptions.length > 0)
      requests.push(agent.request('setExceptionBreakpoints', { filters: exceptions }, patient));
    for (const result of await Promise.allSettled(requests)) {
      if (result.status === 'fulfilled') continue;
      events.notice({ level: 'error', text: `Breakpoints cannot be set: ${Failure.from(result.reason).message}` });
    }
  }

  readonly #watch = (program: Program): void => {
    const { events, log } = this.parts;
    program.agent.onEvent((event) => {
      if (event.name === 'taskEnded') this.#taskExitCode = event.body.exitCode;
      this.parts.observe(event);
      events.translate(event);
    });
    void (async () => {
      await program.agent.closed;
      const lost = await Promise.race([program.ended.then(() => false), delay(LOSS_TIMEOUT, true, { ref: false })]);
      if (!lost) return;
      log.error('agent.fault', 'the agent is gone, its program is not', { name: program.name });
      const text =
        'The connection to the debug agent was lost: nothing stops any more, but the program still runs. Stop the session to end it.';
      events.notice({ level: 'error', text });
    })();
  };

  /** Not faster than the client reads. */
  readonly #output = (category: 'stdout' | 'stderr', output: string): Promise<void> | undefined => {
    const { connection } = this.parts;
    connection.event('output', { category, output });
    return connection.writable ? undefined : new Promise((resolve) => connection.drained(resolve));
  };

  readonly #terminal = async (request: TerminalRequest): Promise<void> => {
    if (!this.parts.supportsTerminal()) {
      throw Failure.user(
        'terminalMissing',
        'This editor cannot run programs in a terminal.',
        'Set "console" to "internalConsole".',
      );
    }
    await this.parts.connection.request('runInTerminal', request, TERMINAL_TIMEOUT);
  };

  // Ending --------------------------------------------------------------------------------------------------------------

  #ended(live: Live, ending: Ending): void {
    // A restart ends its program, too, but not the session.
    if (liveOf(this.#state) !== live || this.#restarting(live)) return;
    this.#become({ kind: 'ended' });
    this.parts.events.forgetThreads();
    const launched = live.program.start === 'launch';
    const exitCode = launched ? (ending.exitCode ?? this.#taskExitCode ?? 1) : null;
    this.#coordinationEnded = this.parts.coordinator.end({ exitCode });
    if (exitCode !== null) {
      this.parts.connection.event('exited', { exitCode });
    } else if (!this.#leaving) {
      this.parts.events.notice({ level: 'warning', text: `The connection to ${live.program.name} has ended.` });
    }
    this.parts.connection.event('terminated');
  }

  #restarting(live: Live): boolean {
    return this.#state.kind === 'restarting' && this.#state.live === live;
  }

  /** Launched: ended, politely first. Attached: detached. Returns when that is done. */
  async #end(live: Live, timeout: number): Promise<void> {
    if (live.program.start === 'launch') await this.#terminateProgram(live, timeout);
    else await this.#detach(live);
  }

  async #terminateProgram({ program }: Live, timeout: number): Promise<void> {
    program.takeChildrenAlong();
    const asked = program.agent.request('terminate', { timeout }, { timeout });
    asked.catch((thrown: unknown) => {
      // It ends all the same, by force.
      this.parts.log.debug('beam.end', 'terminate was not answered', { error: String(thrown) });
    });
    const late = await Promise.race([program.ended.then(() => false), delay(timeout + GRACE, true, { ref: false })]);
    if (late) {
      this.parts.log.warn('beam.end', 'the program is ended by force', { name: program.name });
      program.kill();
      await program.ended;
    }
  }

  async #detach({ program }: Live): Promise<void> {
    const { events, log } = this.parts;
    try {
      const { left, holders, bytes } = await program.agent.request(
        'detach',
        { force: false },
        { timeout: DETACH_TIMEOUT },
      );
      if (left.length > 0) {
        const text =
          `Functions of ${left.join(', ')} made while debugging are still in use, held by ${holders.join(', ')}: ` +
          `one module and one process of the debugger stay in ${program.name} for them (${Math.ceil(bytes / 1024)} KB), ` +
          `beside Erlang's own evaluator. To remove it, attach again and use "Remove What Debugging Left in the Node" (the request removeLeftovers).`;
        events.notice({ level: 'warning', text });
      }
    } catch (thrown) {
      // The agent detaches by itself when its connection closes.
      log.warn('beam.end', 'detach was not answered', { error: String(thrown) });
    }
    program.kill();
    await program.ended;
  }

  #become(state: State): void {
    this.parts.log.debug('session.state', state.kind);
    this.#state = state;
  }
}
