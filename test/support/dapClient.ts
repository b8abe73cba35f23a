// Drives one debug adapter process over DAP as an editor would: typed requests, events with deadlines, a transcript, and
// the checks that hold for every session (one answer for each request, nothing left running). Knows nothing of Elixir.
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { adapterProgram, cache } from './paths';
import { marked, endMarked, markedProcesses } from './processes';
import { within } from './deadline';

/** Command → [arguments, body of a successful answer]. */
export interface Requests {
  initialize: [Dap.InitializeRequestArguments, Dap.Capabilities];
  launch: [object, undefined];
  attach: [object, undefined];
  configurationDone: [object, undefined];
  setBreakpoints: [Dap.SetBreakpointsArguments, Dap.SetBreakpointsResponse['body']];
  setFunctionBreakpoints: [Dap.SetFunctionBreakpointsArguments, Dap.SetFunctionBreakpointsResponse['body']];
  setExceptionBreakpoints: [Dap.SetExceptionBreakpointsArguments, { breakpoints?: Dap.Breakpoint[] } | undefined];
  breakpointLocations: [Dap.BreakpointLocationsArguments, Dap.BreakpointLocationsResponse['body']];
  threads: [object, Dap.ThreadsResponse['body']];
  stackTrace: [Dap.StackTraceArguments, Dap.StackTraceResponse['body']];
  scopes: [Dap.ScopesArguments, Dap.ScopesResponse['body']];
  variables: [Dap.VariablesArguments, Dap.VariablesResponse['body']];
  setVariable: [Dap.SetVariableArguments, Dap.SetVariableResponse['body']];
  evaluate: [Dap.EvaluateArguments, Dap.EvaluateResponse['body']];
  completions: [Dap.CompletionsArguments, Dap.CompletionsResponse['body']];
  continue: [Dap.ContinueArguments, Dap.ContinueResponse['body']];
  next: [Dap.NextArguments, undefined];
  stepIn: [Dap.StepInArguments, undefined];
  stepInTargets: [Dap.StepInTargetsArguments, Dap.StepInTargetsResponse['body']];
  stepOut: [Dap.StepOutArguments, undefined];
  pause: [Dap.PauseArguments, undefined];
  exceptionInfo: [Dap.ExceptionInfoArguments, Dap.ExceptionInfoResponse['body']];
  modules: [Dap.ModulesArguments, Dap.ModulesResponse['body']];
  loadedSources: [object, Dap.LoadedSourcesResponse['body']];
  source: [Dap.SourceArguments, Dap.SourceResponse['body']];
  terminateThreads: [Dap.TerminateThreadsArguments, undefined];
  cancel: [Dap.CancelArguments, undefined];
  restart: [object, undefined];
  terminate: [Dap.TerminateArguments, undefined];
  disconnect: [Dap.DisconnectArguments, undefined];
}

/** Event → body. */
export interface Events {
  initialized: undefined;
  stopped: Dap.StoppedEvent['body'];
  continued: Dap.ContinuedEvent['body'];
  thread: Dap.ThreadEvent['body'];
  output: Dap.OutputEvent['body'];
  breakpoint: Dap.BreakpointEvent['body'];
  module: Dap.ModuleEvent['body'];
  loadedSource: Dap.LoadedSourceEvent['body'];
  process: Dap.ProcessEvent['body'];
  progressStart: Dap.ProgressStartEvent['body'];
  progressUpdate: Dap.ProgressUpdateEvent['body'];
  progressEnd: Dap.ProgressEndEvent['body'];
  invalidated: Dap.InvalidatedEvent['body'];
  exited: Dap.ExitedEvent['body'];
  terminated: Dap.TerminatedEvent['body'] | undefined;
}

export type Answer<B> = Omit<Dap.Response, 'body'> & { body: B };

/** An answer with success: false, thrown by `request`. */
export class RequestFailed extends Error {
  constructor(readonly response: Dap.Response) {
    super(`${response.command} failed: ${failureText(response)}`);
  }
  /** The message for the user, with its variables filled in. */
  get text(): string {
    return failureText(this.response);
  }
}

type Message = Dap.ProtocolMessage;
interface Waiter {
  accepts(event: Dap.Event): boolean;
  take(event: Dap.Event): void;
}

/** Longest time any single answer or event may take, in ms; a busy machine is no reason to fail. */
export const PATIENCE = 45_000;

export class DapClient {
  /** Every message in both directions, as it went over the wire. */
  readonly transcript: { direction: '→' | '←'; message: Message; at: number }[] = [];
  /** Text the adapter wrote to its stderr. */
  stderr = '';
  /** Answers the adapter's own requests, e.g. runInTerminal; without a handler they are refused. */
  onReverseRequest?: (request: Dap.Request) => Promise<object>;

  /** Marks every process of this session through its environment. */
  readonly mark = randomUUID();
  readonly process: ChildProcessWithoutNullStreams;
  private readonly exit: Promise<number | null>;
  private readonly started = Date.now();
  private buffer = Buffer.alloc(0);
  private sequence = 0;
  private readonly waiting = new Map<number, (response: Dap.Response) => void>();
  private readonly answered = new Map<number, number>();
  private readonly unread: Dap.Event[] = [];
  private readonly waiters = new Set<Waiter>();
  private readonly violations: string[] = [];
  private readonly tolerated = new Set<number>();
  /** The session is over: the adapter may have ended before it reads another request. */
  private left = false;
  private brokenInput = false;

  constructor(options: { env?: NodeJS.ProcessEnv; cwd?: string; args?: string[] } = {}) {
    const env = { ...process.env, XDG_CACHE_HOME: path.join(cache, 'user'), ...options.env, ...marked(this.mark) };
    this.process = spawn(process.execPath, [adapterProgram, ...(options.args ?? [])], {
      env,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    this.process.stdout.on('data', (data: Buffer) => this.receive(data));
    this.process.stderr.on('data', (data: Buffer) => (this.stderr += data.toString()));
    // Writing to an adapter that has ended is an outcome that tests look at, not a crash of the test.
    this.process.stdin.on('error', () => undefined);
    this.exit = once(this.process, 'close').then(([code]) => code as number | null);
  }

  // ── requests ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The body of a successful answer; throws RequestFailed otherwise. */
  async request<C extends keyof Requests>(command: C, args: Requests[C][0]): Promise<Requests[C][1]> {
    const response = await this.ask<Requests[C][1]>(command, args);
    if (!response.success) throw new RequestFailed(response);
    return response.body;
  }

  /** The body of a successful answer to a request that DAP does not know. */
  async custom<B>(command: string, args: unknown): Promise<B> {
    const response = await this.ask<B>(command, args);
    if (!response.success) throw new RequestFailed(response);
    return response.body;
  }

  /** The failure with which a request must be answered. */
  async refused(command: string, args: unknown): Promise<RequestFailed> {
    const response = await this.ask(command, args);
    if (response.success) throw new Error(`${command} succeeded, but had to fail:\n${this.tail()}`);
    return new RequestFailed(response);
  }

  /** The answer, successful or not. */
  ask<B = unknown>(command: string, args?: unknown): Promise<Answer<B>> {
    return this.send<B>(command, args).answer;
  }

  /** Like `ask`, and tells the request's number, which `cancel` needs. */
  send<B = unknown>(command: string, args?: unknown): { seq: number; answer: Promise<Answer<B>> } {
    const seq = ++this.sequence;
    const answer = new Promise<Answer<B>>((resolve) => {
      this.waiting.set(seq, (response) => {
        this.left ||= command === 'disconnect';
        resolve(response as Answer<B>);
      });
    });
    this.write({ seq, type: 'request', command, ...(args === undefined ? {} : { arguments: args }) });
    return { seq, answer: this.patiently(answer, `an answer to ${command} (seq ${seq})`) };
  }

  /**
   * Bytes as they are, for tests of broken input. Requests among them that may be answered are named by their numbers;
   * what was asked afterwards may stay without an answer only if the adapter ended.
   */
  sendRaw(bytes: string | Buffer, ...mayBeAnswered: number[]): void {
    this.brokenInput = true;
    for (const seq of [0, ...mayBeAnswered]) this.tolerated.add(seq);
    this.process.stdin.write(bytes);
  }

  private write(message: Message | Dap.Request): void {
    this.transcript.push({ direction: '→', message, at: Date.now() - this.started });
    const body = JSON.stringify(message);
    this.process.stdin.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  }

  // ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The next event of that name (that `accepts` likes) which no test has taken yet. */
  event<E extends keyof Events>(
    name: E,
    accepts: (body: Events[E]) => boolean = () => true,
    patience = PATIENCE,
  ): Promise<Events[E]> {
    return this.eventOf([name], (event) => accepts(event.body as Events[E]), patience).then((e) => e.body as Events[E]);
  }

  /** The next event with one of these names. */
  eventOf(
    names: (keyof Events)[],
    accepts: (event: Dap.Event) => boolean = () => true,
    patience = PATIENCE,
  ): Promise<Dap.Event> {
    const wanted = (event: Dap.Event) => names.includes(event.event as keyof Events) && accepts(event);
    const index = this.unread.findIndex(wanted);
    const found = this.unread[index];
    if (found !== undefined) {
      this.unread.splice(index, 1);
      return Promise.resolve(found);
    }
    let waiter: Waiter | undefined;
    const event = new Promise<Dap.Event>((resolve) => {
      waiter = { accepts: wanted, take: resolve };
      this.waiters.add(waiter);
    });
    return this.patiently(event, `the event ${names.join(' or ')}`, patience).finally(() => {
      if (waiter !== undefined) this.waiters.delete(waiter);
    });
  }

  /** Bodies of all events of that name so far, taken or not. */
  seen<E extends keyof Events>(name: E): Events[E][] {
    return this.transcript
      .map(({ message }) => message as Dap.Event)
      .filter((message) => message.type === 'event' && message.event === name)
      .map((message) => message.body as Events[E]);
  }

  /** Text of all output events so far in that category; exactly as written. */
  output(category: string): string {
    return this.seen('output')
      .filter((body) => (body.category ?? 'console') === category)
      .map((body) => body.output)
      .join('');
  }

  // ── end ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The adapter's exit code, when it ended within the deadline. */
  exited(patience = PATIENCE): Promise<number | null> {
    return within(patience, this.exit, () => `the adapter did not end:\n${this.tail()}`);
  }

  get alive(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  /** Ends the session as an editor does, then checks what must hold for every session. */
  async close(): Promise<void> {
    try {
      if (this.alive) {
        // Where a test broke the stream on purpose, the end of the stream is all that is left to say.
        const leaving = this.left ? undefined : this.ask('disconnect', { terminateDebuggee: true });
        await Promise.race([leaving?.catch(() => undefined), this.exit]);
        this.process.stdin.end();
      }
      await this.exited();
      await this.nothingLeft();
      this.oneAnswerEach();
    } finally {
      if (this.alive) this.process.kill('SIGKILL');
      endMarked(this.mark);
    }
  }

  /** Fails when a process of the session outlives it; the adapter itself may live until its stream ends. */
  async nothingLeft(options: { butAdapter?: boolean } = {}): Promise<void> {
    const deadline = Date.now() + 15_000;
    const all = () =>
      markedProcesses(this.mark).filter(({ pid }) => options.butAdapter !== true || pid !== this.process.pid);
    let left = all();
    while (left.length > 0) {
      if (Date.now() > deadline) {
        throw new Error(`left running: ${left.map((p) => `${p.pid} ${p.command}`).join('; ')}\n${this.tail()}`);
      }
      // Processes announce their end to their parents only, so /proc is looked at again.
      await new Promise((resolve) => setTimeout(resolve, 50));
      left = all();
    }
  }

  /** Requests that wait for an answer. */
  get unanswered(): number {
    return this.waiting.size;
  }

  private oneAnswerEach(): void {
    const open = [...this.waiting.keys()];
    if (open.length > 0 && !this.brokenInput)
      this.violations.push(`requests without an answer: seq ${open.join(', ')}`);
    if (this.violations.length > 0) throw new Error(`${this.violations.join('\n')}\n${this.tail()}`);
  }

  // ── wire ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  private receive(data: Buffer): void {
    this.buffer = Buffer.concat([this.buffer, data]);
    for (;;) {
      const end = this.buffer.indexOf('\r\n\r\n');
      if (end < 0) return;
      const length = Number(/Content-Length: (\d+)/.exec(this.buffer.toString('ascii', 0, end))?.[1]);
      if (!Number.isInteger(length)) {
        this.violations.push(`something else than DAP on stdout: ${this.buffer.toString().slice(0, 200)}`);
        this.buffer = Buffer.alloc(0);
        return;
      }
      if (this.buffer.length < end + 4 + length) return;
      const body = this.buffer.toString('utf8', end + 4, end + 4 + length);
      this.buffer = this.buffer.subarray(end + 4 + length);
      this.handle(JSON.parse(body) as Message);
    }
  }

  private handle(message: Message): void {
    this.transcript.push({ direction: '←', message, at: Date.now() - this.started });
    if (message.type === 'response') this.handleResponse(message as Dap.Response);
    else if (message.type === 'event') this.handleEvent(message as Dap.Event);
    else void this.handleRequest(message as Dap.Request);
  }

  private handleResponse(response: Dap.Response): void {
    const take = this.waiting.get(response.request_seq);
    const before = this.answered.get(response.request_seq) ?? 0;
    this.answered.set(response.request_seq, before + 1);
    if (take === undefined) {
      if (before === 0 && this.tolerated.has(response.request_seq)) return;
      const what = before > 0 ? `answered ${before + 1} times` : 'answered, but never asked';
      this.violations.push(`request ${response.request_seq} (${response.command}) was ${what}`);
      return;
    }
    this.waiting.delete(response.request_seq);
    take(response);
  }

  private handleEvent(event: Dap.Event): void {
    const waiter = [...this.waiters].find((candidate) => candidate.accepts(event));
    if (waiter === undefined) {
      this.unread.push(event);
    } else {
      this.waiters.delete(waiter);
      waiter.take(event);
    }
  }

  private async handleRequest(request: Dap.Request): Promise<void> {
    const answer = { seq: ++this.sequence, type: 'response', request_seq: request.seq, command: request.command };
    try {
      if (this.onReverseRequest === undefined) throw new Error(`the client cannot do ${request.command}`);
      const body = await this.onReverseRequest(request);
      this.write({ ...answer, success: true, body } as Dap.Response);
    } catch (error) {
      this.write({ ...answer, success: false, message: String(error) } as Dap.Response);
    }
  }

  private patiently<T>(wanted: Promise<T>, what: string, patience = PATIENCE): Promise<T> {
    const ended = this.exit.then((code) => {
      throw new Error(`the adapter ended with code ${code} instead of ${what}:\n${this.tail()}`);
    });
    return within(patience, Promise.race([wanted, ended]), () => `no ${what} in ${patience} ms:\n${this.tail()}`);
  }

  /** The end of the transcript, for messages. */
  tail(count = 40): string {
    const lines = this.transcript.slice(-count).map(({ direction, message, at }) => {
      const text = JSON.stringify(message);
      return `${String(at).padStart(6)} ${direction} ${text.length > 300 ? `${text.slice(0, 300)}…` : text}`;
    });
    const errors = this.stderr === '' ? [] : [`stderr: ${this.stderr.slice(-2_000)}`];
    return ['transcript:', ...lines, ...errors].join('\n');
  }
}

function failureText(response: Dap.Response): string {
  const body = response.body as Dap.ErrorResponse['body'] | undefined;
  const format = body?.error?.format ?? response.message ?? '';
  return format.replace(/\{(\w+)\}/g, (whole, name: string) => body?.error?.variables?.[name] ?? whole);
}
