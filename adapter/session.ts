// One debug session, and the one reply path. Every request is answered exactly once, whatever state the session is in. What
// requests do is in requests/.
import { Failure } from '../protocol/failure';
import { AgentEventTranslator } from './agentEvents';
import type { AgentEvent } from './beam/agentClient';
import { Breakpoints } from './breakpoints';
import { Cancellation, orAborted, type Call } from './cancellation';
import type { Connection } from './connection';
import { Coordinator } from './coordination/coordinator';
import type { ServerPair } from './coordination/serverPair';
import { parseArguments, toDapError } from './errors';
import type { Handler } from './handler';
import { Lifecycle } from './lifecycle';
import type { Log } from './log';
import { ProgressReporter } from './progress';
import { Conventions } from './sources';
import { liveOf, type Live } from './state';
import { Durations, Timings } from './timings';

/** What the client said of itself in initialize. */
export interface ClientCapabilities {
  variableType: boolean;
  variablePaging: boolean;
  invalidated: boolean;
  terminal: boolean;
  /** VS Code would put it into a dialog; our extension has a notice for it. */
  tellsFailedStart: boolean;
}

/** All that may be asked before the client has introduced itself. */
const BEFORE_INITIALIZE = new Set(['initialize', 'disconnect']);

export class Session {
  readonly conventions = new Conventions();
  readonly cancellation = new Cancellation();
  readonly coordinator: Coordinator;
  readonly progress: ProgressReporter;
  readonly breakpoints: Breakpoints;
  readonly events: AgentEventTranslator;
  readonly lifecycle: Lifecycle;
  readonly client: ClientCapabilities = {
    variableType: false,
    variablePaging: false,
    invalidated: false,
    terminal: false,
    tellsFailedStart: false,
  };

  /** What the user chose meanwhile; null: what the launch configuration says. */
  systemProcesses: boolean | null = null;

  readonly began = performance.now();
  readonly requestTimings = new Timings();
  readonly prepareDurations = new Durations();

  /** Resolves when the client is done with us: it has disconnected, or is gone, and nothing of the program is left. */
  readonly finished: Promise<void>;
  #finish: () => void = () => undefined;

  constructor(
    readonly connection: Connection,
    readonly log: Log,
    server: ServerPair | null,
    private readonly handlers: ReadonlyMap<string, Handler>,
  ) {
    this.finished = new Promise((resolve) => (this.#finish = resolve));
    const { conventions, cancellation } = this;
    const coordinator = new Coordinator({
      log,
      notice: (text) => this.events.notice({ level: 'warning', text }),
    });
    this.coordinator = coordinator;
    if (server !== null) coordinator.setServer(server);
    this.progress = new ProgressReporter(connection);
    this.breakpoints = new Breakpoints(conventions);
    this.events = new AgentEventTranslator({
      connection,
      conventions,
      breakpoints: this.breakpoints,
      progress: this.progress,
      supportsInvalidated: () => this.client.invalidated,
      endProgram: () => this.lifecycle.terminate(),
    });
    this.lifecycle = new Lifecycle({
      connection,
      log,
      cancellation,
      coordinator,
      progress: this.progress,
      breakpoints: this.breakpoints,
      events: this.events,
      supportsTerminal: () => this.client.terminal,
      observe: (event) => this.#observe(event),
    });
  }

  start(): void {
    this.connection.listen({
      request: (request) => void this.#answer(request.seq, request.command, request.arguments),
      malformed: (reason, seq) => this.#refuse(reason, seq),
      closed: () => void this.close(),
    });
  }

  /** The client is gone, or the adapter has to go: nothing may be left running. */
  async close(): Promise<void> {
    await this.lifecycle.disconnect(undefined).catch((thrown: unknown) => {
      this.log.error('adapter.fault', 'disconnect failed', { error: String(thrown) });
    });
    this.#finish();
  }

  /** The program that answers requests. */
  live(call: Call): Live {
    const live = liveOf(this.lifecycle.state);
    if (live === null) throw Failure.expected('noProgram', `"${call.command}" needs a running program.`);
    return live;
  }

  /** The same, where the agent must be at work in it. */
  debugged(call: Call): Live {
    const live = this.live(call);
    if (!live.debug) throw Failure.expected('noDebug', `"${call.command}": the program runs without debugging.`);
    return live;
  }

  /** Whether lists of processes hold those of OTP, Elixir and Mix. */
  showsSystemProcesses(live: Live): boolean {
    return this.systemProcesses ?? live.start.args.showSystemProcesses;
  }

  /**
   * A process runs again: what was being read of it is of no use any more. What the agent reports of it comes after the
   * answer to this request, also if it stops again at once.
   */
  resuming(call: Call): void {
    this.cancellation.cancelReads();
    call.afterReply(this.events.hold());
  }

  async #answer(seq: number, command: string, args: unknown): Promise<void> {
    const began = performance.now();
    const after: (() => void)[] = [];
    const known = this.handlers.get(command);
    const signal = this.cancellation.begin(seq, known?.kind ?? 'change');
    const call: Call = { seq, command, signal, afterReply: (action) => after.push(action) };
    try {
      const body = await this.#run(known, args, call);
      this.connection.respond({ request_seq: seq, command, success: true, ...(body === undefined ? {} : { body }) });
    } catch (thrown) {
      const told = this.client.tellsFailedStart && (command === 'launch' || command === 'attach');
      this.#fail(seq, command, Failure.from(thrown), told || (known !== undefined && known.kind !== 'change'));
    } finally {
      for (const action of after) action();
      this.cancellation.end(seq);
      const ms = performance.now() - began;
      if (known !== undefined) this.requestTimings.add(command, ms);
      this.log.debug('dap.request', command, { seq, ms: Math.round(ms * 10) / 10 });
    }
    if (command === 'disconnect') this.#finish();
  }

  async #run(known: Handler | undefined, args: unknown, call: Call): Promise<object | undefined> {
    if (known === undefined)
      throw Failure.expected('unknownRequest', `The request "${call.command}" is not supported.`);
    if (this.lifecycle.state.kind === 'started' && !BEFORE_INITIALIZE.has(call.command)) {
      throw Failure.expected('notInitialized', `"${call.command}" was not expected before "initialize".`);
    }
    const parsed: unknown = parseArguments(call.command, known.arguments, args, known.blame);
    const work = Promise.resolve(known.run(this, parsed, call, args));
    // What changes something is finished; whoever waits for the rest may give up.
    return known.kind === 'change' ? work : orAborted(work, call.signal);
  }

  #fail(seq: number, command: string, failure: Failure, shownInPlace: boolean): void {
    if (failure.blame === 'bug') {
      this.log.error('adapter.fault', `"${command}" failed`, { error: failure.message, stack: failure.stack });
    }
    this.connection.respond({ request_seq: seq, command, success: false, ...toDapError(failure, shownInPlace) });
  }

  /** What is no DAP can only be answered by number, if it has one. */
  #refuse(reason: string, seq: number | null): void {
    this.log.warn('dap.in', 'malformed', { reason });
    this.#fail(seq ?? 0, '', Failure.expected('malformed', `The debug adapter received ${reason}.`), false);
  }

  #observe(event: AgentEvent): void {
    this.coordinator.observe(event);
    if (event.name === 'interpreted' && (event.body.disk || !event.body.cached)) {
      this.prepareDurations.add(event.body.ms);
    }
  }
}
