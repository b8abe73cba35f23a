// One debug session of the benchmark's program through the real adapter. Must not measure more than message times.
import path from 'node:path';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { type Answer, type Arrival, type Body, DapConnection } from './dap.js';
import { type Probe, ProbeListener } from './probe.js';
import { type Project, root } from './project.js';

/** `traditional` is what debuggers of this language did so far: every module of the project interpreted at the start. */
export type Mode = 'coordinated' | 'traditional';

export interface Click {
  file: string;
  lines: { line: number; condition?: string }[];
}

export interface SessionOptions {
  mode: Mode;
  project: Project;
  /** What `mix run -e` evaluates. */
  expression: string;
  breakpoints?: Click[];
  env?: Record<string, string>;
  /** Where the compiled agent is kept; a fresh folder makes the very first session of a machine. */
  cache?: string;
  /** More launch arguments. */
  launch?: Body;
}

export class Session {
  /** `performance.now()` when the launch request was written. */
  launched = 0;

  private constructor(readonly dap: DapConnection) {}

  /** Returns when the program was told to start: breakpoints set, configuration done. */
  static async launch(options: SessionOptions): Promise<Session> {
    const { project, mode, cache } = options;
    const dap = new DapConnection(path.join(root, 'dist', 'adapter.js'), {
      ...process.env,
      ...(cache === undefined ? {} : { XDG_CACHE_HOME: cache }),
    });
    const session = new Session(dap);
    try {
      await dap.request('initialize', {
        adapterID: 'elixir',
        clientID: 'bench',
        linesStartAt1: true,
        columnsStartAt1: true,
        pathFormat: 'path',
        supportsVariableType: true,
        supportsVariablePaging: true,
      });
      session.launched = performance.now();
      const launching = dap.request('launch', {
        type: 'elixir',
        request: 'launch',
        projectDir: project.dir,
        task: 'run',
        taskArgs: ['-e', options.expression],
        env: options.env ?? {},
        coordination: { enabled: mode === 'coordinated' },
        ...options.launch,
      });
      // A launch that fails never becomes initialized.
      await Promise.race([dap.event('initialized'), launching.then(() => dap.event('initialized'))]);
      for (const click of options.breakpoints ?? []) await session.set(click);
      await dap.request('configurationDone');
      await launching;
      return session;
    } catch (error) {
      await dap.close();
      throw error;
    }
  }

  /** Sets a file's breakpoints and returns the ms until the answer; one that is not verified is an error. */
  async click(click: Click): Promise<number> {
    const { body, took } = await this.set(click);
    const { file } = click;
    for (const { verified, message } of body['breakpoints'] as DebugProtocol.Breakpoint[]) {
      if (!verified)
        throw new Error(`a breakpoint in ${path.basename(file)} was not verified: ${message ?? 'no reason'}`);
    }
    return took;
  }

  /** Sets a file's breakpoints, which may wait for their module to be compiled. */
  private set({ file, lines }: Click): Promise<Answer> {
    return this.dap.request('setBreakpoints', { source: { path: file }, breakpoints: lines });
  }

  /** The next stop, and its thread. */
  async stop(): Promise<Arrival & { thread: number }> {
    const arrival = await this.dap.event('stopped');
    return { ...arrival, thread: Number(arrival.body['threadId']) };
  }

  /** ms from a request that resumes (`next`, `stepIn`, `stepOut`) to the stop that ends it. */
  async step(command: 'next' | 'stepIn' | 'stepOut', thread: number): Promise<number> {
    const sent = performance.now();
    const [, stopped] = await Promise.all([this.dap.request(command, { threadId: thread }), this.stop()]);
    return stopped.at - sent;
  }

  async top(thread: number): Promise<DebugProtocol.StackFrame> {
    const { body } = await this.dap.request('stackTrace', { threadId: thread, startFrame: 0, levels: 20 });
    const [frame] = body['stackFrames'] as DebugProtocol.StackFrame[];
    if (frame === undefined) throw new Error('a stopped process has no frames');
    return frame;
  }

  async close(): Promise<void> {
    try {
      await this.dap.request('disconnect', { terminateDebuggee: true });
    } finally {
      await this.dap.close();
    }
  }
}

export interface DebuggedProgram {
  session: Session;
  probe: Probe;
  close: () => Promise<void>;
}

/** The program that answers the probe, under the debugger. */
export async function serveDebugged(project: Project, mode: Mode, launch: Body = {}): Promise<DebuggedProgram> {
  const listener = await ProbeListener.open();
  const env = { BENCH_PORT: String(listener.port) };
  try {
    const accepted = listener.accept();
    accepted.catch(() => listener.close());
    const session = await Session.launch({ project, mode, expression: 'Bench.Probe.serve()', env, launch });
    const probe = await accepted;
    return {
      session,
      probe,
      close: async () => {
        probe.close();
        await session.close();
      },
    };
  } catch (error) {
    listener.close();
    throw error;
  }
}

export const modes: readonly Mode[] = ['coordinated', 'traditional'];

/** Both kinds of session at once, so that what is measured on them in turn meets the same machine. */
export async function sideBySide<Result>(
  project: Project,
  use: (programs: Record<Mode, DebuggedProgram>) => Promise<Result>,
  launch: Partial<Record<Mode, Body>> = {},
): Promise<Result> {
  return during(serveDebugged(project, 'coordinated', launch.coordinated), (coordinated) =>
    during(serveDebugged(project, 'traditional', launch.traditional), (traditional) =>
      use({ coordinated, traditional }),
    ),
  );
}

/** Ends the program however its use ends. */
export async function during<Program extends { close: () => Promise<void> }, Result>(
  opening: Promise<Program>,
  use: (program: Program) => Promise<Result>,
): Promise<Result> {
  const program = await opening;
  try {
    return await use(program);
  } finally {
    await program.close();
  }
}
