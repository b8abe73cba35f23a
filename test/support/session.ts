// A debug session as tests speak of it: launch a fixture, stop at markers, look at frames and variables, step, end.
// Built on the DAP client; the only place that knows in which order an editor sends its requests.
import path from 'node:path';
import assert from 'node:assert/strict';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { DapClient, RequestFailed } from './dapClient';
import type { Fixture } from './fixture';

/** A marker or line, with what a source breakpoint may carry. */
export type BreakpointSpec =
  string | number | { at: string | number; condition?: string; hitCondition?: string; logMessage?: string };

export interface LaunchOptions {
  /** Elixir code that `mix run -e` runs. */
  run?: string;
  /** Text on the program's stdout that says that it runs; a launch is answered before the project is compiled. */
  until?: string;
  /** More launch arguments, or others. */
  args?: Record<string, unknown>;
  /** File below the project → places. */
  breakpoints?: Record<string, BreakpointSpec[]>;
  functions?: (string | Dap.FunctionBreakpoint)[];
  exceptions?: Dap.SetExceptionBreakpointsArguments;
  initialize?: Partial<Dap.InitializeRequestArguments>;
  env?: NodeJS.ProcessEnv;
  /** Answers runInTerminal and the like; needed before launch. */
  onReverseRequest?: (request: Dap.Request) => Promise<object>;
}

export interface Stop {
  threadId: number;
  reason: string;
  body: Dap.StoppedEvent['body'];
  frames: Dap.StackFrame[];
  top: Dap.StackFrame;
  /** Marker of the top frame's line, or `file:line` where the line has none. */
  at: string;
}

export interface End {
  exitCode: number;
  stdout: string;
  stderr: string;
}

const INITIALIZE: Dap.InitializeRequestArguments = {
  clientID: 'test',
  adapterID: 'elixir',
  linesStartAt1: true,
  columnsStartAt1: true,
  pathFormat: 'path',
  supportsVariableType: true,
  supportsVariablePaging: true,
  supportsProgressReporting: true,
  supportsInvalidatedEvent: true,
  supportsRunInTerminalRequest: true,
};

export class Session {
  capabilities: Dap.Capabilities = {};
  /** Answers to setBreakpoints by file, in the order asked. */
  readonly breakpoints: Record<string, Dap.Breakpoint[]> = {};
  functionBreakpoints: Dap.Breakpoint[] = [];
  exceptionBreakpoints: Dap.Breakpoint[] = [];
  readonly client: DapClient;

  constructor(
    readonly project: Fixture,
    options: { env?: NodeJS.ProcessEnv } = {},
  ) {
    this.client = new DapClient(options);
  }

  /** Up to configurationDone; `request` is `launch` or `attach`. */
  async start(request: 'launch' | 'attach', args: object, options: LaunchOptions): Promise<void> {
    const { client } = this;
    if (options.onReverseRequest !== undefined) client.onReverseRequest = options.onReverseRequest;
    this.capabilities = await client.request('initialize', { ...INITIALIZE, ...options.initialize });
    const started = client.ask(request, args);
    const initialized = client.event('initialized');
    // A launch that fails is answered and then sends no `initialized`.
    const first = await Promise.race([initialized, started]);
    if (first !== undefined && !first.success) {
      initialized.catch(() => undefined);
      throw new RequestFailed(first);
    }
    await initialized;
    for (const [file, places] of Object.entries(options.breakpoints ?? {})) await this.setBreakpoints(file, places);
    if (options.functions !== undefined) await this.setFunctionBreakpoints(options.functions);
    if (options.exceptions !== undefined) {
      const body = await client.request('setExceptionBreakpoints', options.exceptions);
      this.exceptionBreakpoints = body?.breakpoints ?? [];
    }
    await client.request('configurationDone', {});
    const answer = await started;
    if (!answer.success) throw new Error(`${request} failed: ${JSON.stringify(answer.body)}\n${client.tail()}`);
    const { until } = options;
    if (until !== undefined) await client.event('output', ({ output }) => output.includes(until));
  }

  // ── breakpoints ──────────────────────────────────────────────────────────────────────────────────────────────────

  async setBreakpoints(file: string, places: BreakpointSpec[]): Promise<Dap.Breakpoint[]> {
    const { breakpoints } = await this.client.request('setBreakpoints', this.breakpointsArguments(file, places));
    this.breakpoints[file] = breakpoints;
    return breakpoints;
  }

  breakpointsArguments(file: string, places: BreakpointSpec[]): Dap.SetBreakpointsArguments {
    const source = { name: path.basename(file), path: this.project.file(file) };
    const breakpoints = places.map((place) => {
      const { at, ...rest } = typeof place === 'object' ? place : { at: place };
      return { line: typeof at === 'number' ? at : this.project.line(file, at), ...rest };
    });
    return { source, breakpoints };
  }

  async setFunctionBreakpoints(functions: (string | Dap.FunctionBreakpoint)[]): Promise<Dap.Breakpoint[]> {
    const breakpoints = functions.map((each) => (typeof each === 'string' ? { name: each } : each));
    this.functionBreakpoints = (await this.client.request('setFunctionBreakpoints', { breakpoints })).breakpoints;
    return this.functionBreakpoints;
  }

  // ── stops ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The next stop, with its stack. */
  async stop(accepts: (body: Dap.StoppedEvent['body']) => boolean = () => true): Promise<Stop> {
    const event = await this.client.eventOf(
      ['stopped', 'terminated'],
      ({ event: name, body }) => name === 'terminated' || accepts(body as Dap.StoppedEvent['body']),
    );
    assert(event.event === 'stopped', `the program ended instead of stopping\n${this.client.tail()}`);
    return this.describe(event.body as Dap.StoppedEvent['body']);
  }

  private async describe(body: Dap.StoppedEvent['body']): Promise<Stop> {
    const threadId = body.threadId;
    assert(threadId !== undefined, 'a stopped event names its thread');
    const { stackFrames: frames } = await this.client.request('stackTrace', { threadId });
    const top = frames[0];
    assert(top, `the stack of a stopped process has a frame\n${this.client.tail()}`);
    return { threadId, reason: body.reason, body, frames, top, at: this.place(top) };
  }

  /** Marker of a frame's line, or `file:line`, or the name of the function where there is no file. */
  place(frame: Dap.StackFrame): string {
    const file = frame.source?.path;
    if (file === undefined) return frame.name;
    const name = this.project.relative(file);
    return name.startsWith('..') ? `${path.basename(file)}:${frame.line}` : this.project.marker(name, frame.line);
  }

  /** The next stop, or undefined when the program ended before. */
  async stopOrEnd(): Promise<Stop | undefined> {
    const event = await this.client.eventOf(['stopped', 'terminated']);
    return event.event === 'stopped' ? this.describe(event.body as Dap.StoppedEvent['body']) : undefined;
  }

  /** Continues at every stop until the program ends; the places where it stopped, in order. */
  async places(limit = 500): Promise<string[]> {
    const places: string[] = [];
    for (;;) {
      const stop = await this.stopOrEnd();
      if (stop === undefined) return places;
      places.push(stop.at);
      assert(places.length <= limit, `stopped more than ${limit} times: ${places.slice(0, 20).join(' ')}`);
      await this.resume(stop);
    }
  }

  /** Continues this process alone. */
  async resume(stop: { threadId: number }): Promise<void> {
    await this.client.request('continue', { threadId: stop.threadId, singleThread: true });
  }

  /** One step of this process, and where it arrived. */
  async step(how: 'next' | 'stepIn' | 'stepOut', stop: { threadId: number }, more: object = {}): Promise<Stop> {
    await this.client.request(how, { threadId: stop.threadId, ...more });
    return this.stop((body) => body.threadId === stop.threadId);
  }

  /** Steps again and again; the places in order, beginning with this one. Ends after `count` steps. */
  async steps(how: 'next' | 'stepIn' | 'stepOut', from: Stop, count: number): Promise<string[]> {
    const places = [from.at];
    let stop = from;
    for (let i = 0; i < count; i++) {
      stop = await this.step(how, stop);
      places.push(stop.at);
    }
    return places;
  }

  // ── values ───────────────────────────────────────────────────────────────────────────────────────────────────────

  async scope(frame: Dap.StackFrame, name: RegExp): Promise<Dap.Scope> {
    const { scopes } = await this.client.request('scopes', { frameId: frame.id });
    const found = scopes.find((scope) => name.test(scope.name));
    assert(found, `no scope ${name.source} among ${scopes.map((scope) => scope.name).join(', ')}`);
    return found;
  }

  async scopeNames(frame: Dap.StackFrame): Promise<string[]> {
    return (await this.client.request('scopes', { frameId: frame.id })).scopes.map((scope) => scope.name);
  }

  variables(reference: number, page: Partial<Dap.VariablesArguments> = {}): Promise<Dap.Variable[]> {
    const args = { variablesReference: reference, ...page };
    return this.client.request('variables', args).then((body) => body.variables);
  }

  /** Name → value of the frame's locals. */
  async locals(frame: Dap.StackFrame): Promise<Record<string, string>> {
    return asRecord(await this.localVariables(frame));
  }

  async localVariables(frame: Dap.StackFrame): Promise<Dap.Variable[]> {
    return this.variables((await this.scope(frame, /^locals?|^variables/i)).variablesReference);
  }

  async local(frame: Dap.StackFrame, name: string): Promise<Dap.Variable> {
    return named(await this.localVariables(frame), name);
  }

  children(variable: Dap.Variable, page: Partial<Dap.VariablesArguments> = {}): Promise<Dap.Variable[]> {
    assert(variable.variablesReference > 0, `${variable.name} = ${variable.value} has children`);
    return this.variables(variable.variablesReference, page);
  }

  async evaluate(expression: string, frame?: Dap.StackFrame, context = 'repl'): Promise<string> {
    const args = { expression, context, ...(frame === undefined ? {} : { frameId: frame.id }) };
    return (await this.client.request('evaluate', args)).result;
  }

  /** Evaluates what may end the program, and with it the answer. */
  async tell(expression: string): Promise<void> {
    const answer = await this.client.ask('evaluate', { expression, context: 'repl' });
    assert(answer.success || /ended/.test(JSON.stringify(answer)), `${expression}: ${JSON.stringify(answer.body)}`);
  }

  // ── end ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Waits until the program has ended; its exit code and everything it wrote. */
  async end(): Promise<End> {
    const { exitCode } = await this.client.event('exited');
    await Promise.race([
      this.client.event('terminated'),
      ...(this.client.seen('terminated').length > 0 ? [Promise.resolve()] : []),
    ]);
    return { exitCode, stdout: this.client.output('stdout'), stderr: this.client.output('stderr') };
  }

  close(): Promise<void> {
    return this.client.close();
  }
}

export function asRecord(variables: Dap.Variable[]): Record<string, string> {
  return Object.fromEntries(variables.map(({ name, value }) => [name, value]));
}

export function named(variables: Dap.Variable[], name: string): Dap.Variable {
  const found = variables.find((variable) => variable.name === name);
  assert(found, `no ${name} among ${variables.map((variable) => variable.name).join(', ')}`);
  return found;
}

/**
 * For one `describe`: starts sessions and, at the end of each test, ends and checks every one of them. When the test
 * failed, the transcript goes into its message.
 */
export function sessions(): {
  launch: Launch;
  attach: Launch;
  open: (project: Fixture, env?: NodeJS.ProcessEnv) => Session;
} {
  const open: Session[] = [];
  const make = (project: Fixture, env?: NodeJS.ProcessEnv): Session => {
    const session = new Session(project, env === undefined ? {} : { env });
    open.push(session);
    return session;
  };

  // Ending and checking sessions belongs to the test itself: a failing hook would take the rest of the file with it.
  beforeEach(function () {
    const { currentTest } = this;
    const body = currentTest?.fn as ((this: Mocha.Context) => Promise<void>) | undefined;
    if (currentTest === undefined || body === undefined) return;
    currentTest.fn = async function (this: Mocha.Context) {
      try {
        await body.call(this);
      } catch (error) {
        // Reporters replace the message of an assertion by a difference; the stack is printed as it is.
        if (error instanceof Error && !error.message.includes('transcript:')) {
          const transcripts = open.map((session) => session.client.tail()).join('\n');
          error.stack = `${error.stack ?? error.message}\n${transcripts}`;
        }
        await Promise.allSettled(open.map((session) => session.close()));
        throw error;
      } finally {
        currentTest.fn = body;
      }
      await Promise.all(open.map((session) => session.close()));
    };
  });
  beforeEach(() => void open.splice(0));

  return {
    open: make,
    launch: async (project, options = {}) => {
      const session = make(project, options.env);
      await session.start('launch', launchArguments(project, options), options);
      return session;
    },
    attach: async (project, options = {}) => {
      const session = make(project, options.env);
      await session.start('attach', launchArguments(project, options, 'attach'), options);
      return session;
    },
  };
}

export type Launch = (project: Fixture, options?: LaunchOptions) => Promise<Session>;

export function launchArguments(
  project: Fixture,
  options: LaunchOptions,
  request: 'launch' | 'attach' = 'launch',
): Record<string, unknown> {
  const common = { type: 'elixir', request, name: 'test', projectDir: project.dir };
  if (request === 'attach') return { ...common, ...options.args };
  const run = options.run === undefined ? {} : { task: 'run', taskArgs: ['-e', options.run] };
  return { ...common, ...run, ...options.args };
}
