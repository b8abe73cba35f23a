// Starts the user's program with the agent inside, in the adapter's own pipes or in the client's terminal, and sees it
// to its end. Knows no DAP.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { setTimeout as delay } from 'node:timers/promises';
import { Failure } from '../../protocol/failure';
import { abortReason, orAborted } from '../cancellation';
import type { Log } from '../log';
import { AgentListener, type AgentClient } from './agentClient';
import { command, erlFlag, erlPathOf } from './command';
import { killIfThere, snapshotDescendants } from './descendants';
import { applyChanges, type Environment, type EnvironmentChanges } from './environment';
import type { Ending, OutputSink, Program } from './program';

/** ms from the start of the program to the agent's hello. */
const CONNECT_TIMEOUT = 60_000;
/** The same in a terminal, where nobody sees it fail. */
const TERMINAL_CONNECT_TIMEOUT = 30_000;
/** ms after the end of the program in which its last output must have come, unless others hold its pipes open. */
const DRAIN_TIMEOUT = 1_500;
/** ms in which the agent's last events must have come; its socket is nobody else's and closes with the program. */
const LAST_EVENTS_TIMEOUT = 5_000;
/** Characters of its last words that go into a message when the program dies before the agent connects. */
const LAST_WORDS = 400;
const LAST_LINES = 3;
/** Exit code of a process that a signal ended, as shells have it. */
const SIGNAL_BASE = 128;
const SIGNALS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGTERM: 15,
};

export interface LaunchPlan {
  /** For people. */
  name: string;
  /** Executable and its arguments. */
  file: string;
  args: string[];
  cwd: string;
  /** Complete environment, and how it differs from the adapter's own. */
  env: Environment;
  changes: EnvironmentChanges;
  /** Folder of the agent's beams. */
  ebin: string;
  console: 'internalConsole' | 'integratedTerminal' | 'externalTerminal';
  /** Shell script that runs a program in a terminal and keeps its exit code. */
  terminalScript: string;
}

/** What runInTerminal wants to know. */
export interface TerminalRequest {
  kind: 'integrated' | 'external';
  title: string;
  cwd: string;
  args: string[];
  env: Record<string, string | null>;
}

export interface LaunchEnvironment {
  output: OutputSink;
  terminal: (request: TerminalRequest) => Promise<void>;
  log: Log;
}

export async function launch(plan: LaunchPlan, around: LaunchEnvironment, signal: AbortSignal): Promise<Program> {
  const listener = await AgentListener.open(around.log);
  try {
    const changes = { ...plan.changes, ...agentEnvironment(plan, listener) };
    return plan.console === 'internalConsole'
      ? await inPipes(plan, applyChanges(plan.env, agentEnvironment(plan, listener)), listener, around, signal)
      : await inTerminal(plan, changes, listener, around, signal);
  } finally {
    listener.close();
  }
}

/** Tells the agent where we are. It removes all of this before any code of the user's runs. */
function agentEnvironment(plan: LaunchPlan, listener: AgentListener): Record<string, string> {
  const users = plan.env['ERL_AFLAGS'] ?? '';
  const ours = `-pa ${erlFlag(erlPathOf(plan.ebin))} -s ecd_boot start`;
  return {
    ECD_PORT: String(listener.port),
    ECD_TOKEN: listener.token,
    ECD_ERL_AFLAGS: users,
    ERL_AFLAGS: users === '' ? ours : `${ours} ${users}`,
  };
}

// In the adapter's own pipes --------------------------------------------------------------------------------------------

async function inPipes(
  plan: LaunchPlan,
  env: Environment,
  listener: AgentListener,
  { output, log }: LaunchEnvironment,
  signal: AbortSignal,
): Promise<Program> {
  const how = command(plan.file, plan.args);
  const child = spawn(how.file, how.args, {
    cwd: plan.cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own, so that all of it can be ended.
    detached: process.platform !== 'win32',
    windowsVerbatimArguments: how.verbatim,
    windowsHide: true,
  });
  const ended = endOf(child);
  const lastWords = new LastWords();
  const drained = Promise.all([
    forward(child.stdout, 'stdout', output, lastWords),
    forward(child.stderr, 'stderr', output, lastWords),
  ]);
  log.info('beam.start', 'started', { name: plan.name, file: how.file, args: how.args, pid: child.pid ?? null });
  const kill = (): void => killGroup(child);
  let agent: AgentClient;
  try {
    const silent = ended.then(async (ending) => {
      // Its last words come after its end.
      await Promise.race([drained, delay(DRAIN_TIMEOUT)]);
      return ending;
    });
    agent = await orAborted(connection(listener, silent, lastWords, plan.name), signal);
  } catch (thrown) {
    kill();
    throw thrown;
  }
  return {
    start: 'launch',
    agent,
    name: plan.name,
    pid: agent.osPid,
    kill,
    takeChildrenAlong: () => void ended.then(snapshotDescendants(agent.osPid)),
    ended: (async (): Promise<Ending> => {
      const ending = await ended;
      log.info('beam.end', 'ended', { name: plan.name, ...ending });
      // What a grandchild that outlives the program still holds open is not waited for.
      await Promise.all([
        Promise.race([drained, delay(DRAIN_TIMEOUT)]),
        Promise.race([agent.closed, delay(LAST_EVENTS_TIMEOUT, undefined, { ref: false })]),
      ]);
      child.stdout.destroy();
      child.stderr.destroy();
      return ending;
    })(),
  };
}

/** The agent, or why the program cannot be debugged. */
async function connection(
  listener: AgentListener,
  ended: Promise<Ending>,
  lastWords: LastWords,
  name: string,
): Promise<AgentClient> {
  const stop = new AbortController();
  const timer = setTimeout(() => {
    stop.abort(
      Failure.user(
        'agentMissing',
        `${name} started, but the debug agent did not report from it within ${CONNECT_TIMEOUT / 1000} s.`,
        'If it starts another Erlang VM by itself, debug that one by "attach".',
      ),
    );
  }, CONNECT_TIMEOUT);
  void ended.then(
    ({ exitCode }) => {
      stop.abort(
        Failure.user(
          'programDied',
          `${name} ended with exit code ${exitCode ?? 'unknown'} before it could be debugged${lastWords.quoted()}.`,
          'Run the same command in a terminal to see more.',
        ),
      );
    },
    (thrown: unknown) => stop.abort(Failure.user('startFailed', `${name} cannot be started: ${String(thrown)}.`)),
  );
  try {
    return await listener.connected(stop.signal);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves when the process has ended; rejects when it could not be started. */
function endOf(child: ChildProcess): Promise<Ending> {
  const ended = new Promise<Ending>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      resolve({ exitCode: code ?? SIGNAL_BASE + (SIGNALS[signal ?? ''] ?? 0) });
    });
  });
  ended.catch(() => undefined);
  return ended;
}

class LastWords {
  #text = '';
  add(text: string): void {
    this.#text = (this.#text + text).slice(-LAST_WORDS);
  }
  quoted(): string {
    // All of it went out as output already: here only enough to recognise it.
    const text = this.#text.trim().split('\n').slice(-LAST_LINES).join(' ').trim();
    return text === '' ? '' : `; its last words: ${text}`;
  }
}

/** Passes on exactly what comes, in pieces that never cut a character, as fast as the reader takes it. */
async function forward(
  stream: NodeJS.ReadableStream,
  category: 'stdout' | 'stderr',
  output: OutputSink,
  lastWords: LastWords,
): Promise<void> {
  const decoder = new StringDecoder('utf8');
  try {
    for await (const bytes of stream as AsyncIterable<Buffer>) {
      const text = decoder.write(bytes);
      lastWords.add(text);
      if (text !== '') await output(category, text);
    }
  } catch {
    // Destroyed: the program has ended and somebody else holds the pipe.
  }
  const rest = decoder.end();
  if (rest !== '') await output(category, rest);
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  if (process.platform === 'win32') {
    spawnSync('taskkill', ['/pid', String(child.pid), '/T', '/F'], { windowsHide: true });
    return;
  }
  const sweep = snapshotDescendants(child.pid);
  killIfThere(-child.pid);
  sweep();
}

// In the client's terminal ----------------------------------------------------------------------------------------------

async function inTerminal(
  plan: LaunchPlan,
  changes: EnvironmentChanges,
  listener: AgentListener,
  { terminal, log }: LaunchEnvironment,
  signal: AbortSignal,
): Promise<Program> {
  const folder = await mkdtemp(path.join(tmpdir(), 'elixir-debug-'));
  const statusFile = path.join(folder, 'exit-code');
  const windows = process.platform === 'win32';
  const stop = new AbortController();
  const timer = setTimeout(() => {
    stop.abort(
      Failure.user(
        'agentMissing',
        `${plan.name} did not start in the terminal within ${TERMINAL_CONNECT_TIMEOUT / 1000} s.`,
        'Look into the terminal.',
      ),
    );
  }, TERMINAL_CONNECT_TIMEOUT);
  const giveUp = (): void => stop.abort(abortReason(signal));
  signal.addEventListener('abort', giveUp, { once: true });
  let agent: AgentClient;
  try {
    if (signal.aborted) throw abortReason(signal);
    const connected = listener.connected(stop.signal);
    connected.catch(() => undefined);
    await terminal({
      kind: plan.console === 'externalTerminal' ? 'external' : 'integrated',
      title: plan.name,
      cwd: plan.cwd,
      args: windows ? [plan.file, ...plan.args] : ['/bin/sh', plan.terminalScript, statusFile, plan.file, ...plan.args],
      env: changes,
    });
    const early = exitCodeIn(statusFile, stop.signal).then((exitCode): never => {
      throw Failure.user(
        'programDied',
        `${plan.name} ended with exit code ${exitCode ?? 'unknown'} before it could be debugged.`,
        'Look into the terminal.',
      );
    });
    agent = await Promise.race([connected, early]);
  } catch (thrown) {
    await rm(folder, { recursive: true, force: true });
    throw thrown;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', giveUp);
    stop.abort(Failure.expected('cancelled', 'Cancelled.'));
  }
  log.info('beam.start', 'started in a terminal', { name: plan.name, pid: agent.osPid });
  let lastCode: number | null = null;
  return {
    start: 'launch',
    agent,
    name: plan.name,
    pid: agent.osPid,
    kill: () => {
      const sweep = snapshotDescendants(agent.osPid);
      killIfThere(agent.osPid);
      sweep();
    },
    takeChildrenAlong: () => void agent.closed.then(snapshotDescendants(agent.osPid)),
    ended: (async (): Promise<Ending> => {
      await agent.closed;
      if (!windows) lastCode = await exitCodeIn(statusFile, AbortSignal.timeout(DRAIN_TIMEOUT)).catch(() => null);
      await rm(folder, { recursive: true, force: true });
      log.info('beam.end', 'ended in the terminal', { name: plan.name, exitCode: lastCode });
      return { exitCode: lastCode };
    })(),
  };
}

/** Waits for the file that the terminal's script writes as its last deed. */
async function exitCodeIn(file: string, signal: AbortSignal): Promise<number | null> {
  for (;;) {
    const text = await readFile(file, 'utf8').catch(() => '');
    if (text.endsWith('\n')) return /^\d+\n$/.test(text) ? Number(text) : null;
    await delay(20, undefined, { signal });
  }
}
