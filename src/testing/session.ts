// One `mix test` as a debug session, also where nothing is debugged: so the tests run in the same way, found by the same
// Elixir, ended by the same rules. Knows nothing of the tree of tests.
import * as vscode from 'vscode';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { DEBUG_TYPE } from '../contributions';
import { projectOf } from '../debug/workspace';

/** Marks the configuration, so that its session is recognised. Names with `__` are left alone by the adapter. */
const MARK = '__testRun';

export interface MixTest {
  project: string;
  /** Arguments behind `mix test`. */
  args: string[];
  reporter: string;
  /** Value of ECD_TEST_REPORT. */
  address: string;
  debug: boolean;
  coverage: boolean;
  run: vscode.TestRun;
  token: vscode.CancellationToken;
}

export interface Ended {
  /** null: it never started, or was killed. */
  exitCode: number | null;
  /** The end of what it wrote, for an error. */
  tail: string;
}

const TAIL = 4_000;
let marks = 0;

export async function mixTest(test: MixTest): Promise<Ended> {
  const { run, token } = test;
  const mark = `${process.pid}-${++marks}`;
  const ended: Ended = { exitCode: null, tail: '' };
  const folder = vscode.workspace.getWorkspaceFolder(vscode.Uri.file(test.project));
  let session: vscode.DebugSession | undefined;
  let finish: () => void = () => undefined;
  const over = new Promise<void>((resolve) => (finish = resolve));
  const disposables = [
    vscode.debug.onDidTerminateDebugSession(({ configuration }) => {
      if (configuration[MARK] === mark) finish();
    }),
    vscode.debug.registerDebugAdapterTrackerFactory(DEBUG_TYPE, {
      createDebugAdapterTracker: ({ configuration }) =>
        configuration[MARK] === mark
          ? { onDidSendMessage: (message: DebugProtocol.ProtocolMessage) => hear(message, run, ended) }
          : undefined,
    }),
    vscode.debug.onDidStartDebugSession((started) => {
      if (started.configuration[MARK] === mark) session = started;
    }),
    token.onCancellationRequested(() => {
      if (session !== undefined) void vscode.debug.stopDebugging(session);
    }),
  ];
  try {
    const configuration = { ...(await userConfiguration(test.project)), ...configurationOf(test), [MARK]: mark };
    const quiet = !test.debug;
    const started = await vscode.debug.startDebugging(folder, configuration, {
      testRun: run,
      noDebug: quiet,
      suppressDebugToolbar: quiet,
      suppressDebugStatusbar: quiet,
      suppressDebugView: quiet,
    });
    if (started) await over;
    return ended;
  } finally {
    for (const disposable of disposables) disposable.dispose();
  }
}

function configurationOf(test: MixTest): vscode.DebugConfiguration {
  const what = test.args.length === 1 ? ` ${test.args[0] ?? ''}` : '';
  return {
    type: DEBUG_TYPE,
    request: 'launch',
    name: `mix test${what}`,
    task: 'test',
    taskArgs: [
      ...test.args,
      ...['--formatter', 'ElixirCoordinatedDebugger.TestReporter', '--formatter', 'ExUnit.CLIFormatter'],
    ],
    requireFiles: [test.reporter],
    projectDir: test.project,
    console: 'internalConsole',
    internalConsoleOptions: test.debug ? 'openOnSessionStart' : 'neverOpen',
    env: { ECD_TEST_REPORT: test.address, ...(test.coverage ? { ECD_TEST_COVERAGE: '1' } : {}) },
  };
}

/** A configuration of the user's named `mix test` sets what we do not: environment files, paths, engine. */
async function userConfiguration(project: string): Promise<Record<string, unknown>> {
  const uri = vscode.Uri.file(project);
  const all = vscode.workspace.getConfiguration('launch', uri).get<unknown>('configurations');
  if (!Array.isArray(all)) return {};
  const found: unknown = all.find(
    (each: { type?: unknown; request?: unknown; name?: unknown }) =>
      each.type === DEBUG_TYPE && each.request === 'launch' && each.name === 'mix test',
  );
  if (typeof found !== 'object' || found === null) return {};
  const { projectDir } = found as { projectDir?: unknown };
  // One that names another project is meant for that.
  const top = vscode.workspace.getWorkspaceFolder(uri)?.uri.fsPath;
  const meant =
    typeof projectDir === 'string' && top !== undefined ? projectDir.replace('${workspaceFolder}', top) : project;
  return (await projectOf(meant, meant)) === project ? (found as Record<string, unknown>) : {};
}

function hear(message: DebugProtocol.ProtocolMessage, run: vscode.TestRun, ended: Ended): void {
  if (message.type !== 'event') return;
  const event = message as DebugProtocol.Event;
  if (event.event === 'exited') {
    ended.exitCode = (event as DebugProtocol.ExitedEvent).body.exitCode;
  } else if (event.event === 'output') {
    const { category, output } = (event as DebugProtocol.OutputEvent).body;
    if (category === 'telemetry') return;
    // The view of the results is a terminal.
    run.appendOutput(output.replace(/\r?\n/g, '\r\n'));
    ended.tail = (ended.tail + output).slice(-TAIL);
  }
}
