// Tells once, after a session whose program ended without reaching any of its breakpoints, and offers what would reach
// them. Watches messages, sends none.
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { COMMANDS, DEBUG_TYPE } from '../contributions';
import { projectOf } from './workspace';

export function registerNeverHit(): vscode.Disposable {
  return vscode.debug.registerDebugAdapterTrackerFactory(DEBUG_TYPE, {
    createDebugAdapterTracker: (session) => new Watch(session),
  });
}

/** One session: whether it stopped, and whether its program came to its end by itself. */
class Watch implements vscode.DebugAdapterTracker {
  #stopped = false;
  /** The user had enough of it; what it did not reach says nothing then. */
  #cut = false;

  constructor(private readonly session: vscode.DebugSession) {}

  onWillReceiveMessage(message: DebugProtocol.Request): void {
    if (message.command === 'terminate' || message.command === 'disconnect') this.#cut = true;
  }

  onDidSendMessage(message: DebugProtocol.ProtocolMessage): void {
    if (message.type !== 'event') return;
    const { event, body } = message as Omit<DebugProtocol.Event, 'body'> & { body?: { exitCode?: number } };
    if (event === 'stopped') this.#stopped = true;
    if (event !== 'exited' || this.#stopped || this.#cut || this.session.configuration['noDebug'] === true) return;
    // What failed has said so itself.
    if (body?.exitCode === 0) void tell(this.session);
  }
}

async function tell(session: vscode.DebugSession): Promise<void> {
  const breakpoints = vscode.debug.breakpoints.filter(
    (each): each is vscode.SourceBreakpoint =>
      each instanceof vscode.SourceBreakpoint && each.enabled && each.logMessage === undefined && isOurs(each),
  );
  const [first] = breakpoints;
  if (first === undefined) return;
  const fitting = await fittingRun(session, breakpoints);
  const text =
    fitting?.why ?? vscode.l10n.t('"{0}" ran to its end without reaching a breakpoint.', session.configuration.name);
  const explain = vscode.l10n.t('Show Dashboard');
  const answer = await vscode.window.showInformationMessage(text, fitting?.title ?? explain);
  if (answer === undefined) return;
  if (fitting === undefined) await vscode.commands.executeCommand(COMMANDS.showDashboard);
  else await vscode.debug.startDebugging(session.workspaceFolder, fitting.configuration);
}

interface Fitting {
  why: string;
  title: string;
  configuration: vscode.DebugConfiguration;
}

/** A breakpoint in a test wants its test; a script wants to be run; anything in `lib` of another project, that project's tests. */
async function fittingRun(
  session: vscode.DebugSession,
  breakpoints: vscode.SourceBreakpoint[],
): Promise<Fitting | undefined> {
  const { name, task } = session.configuration as { name: string; task?: string };
  for (const { location } of breakpoints) {
    const file = location.uri.fsPath;
    if (path.extname(file) !== '.exs') continue;
    const top = session.workspaceFolder?.uri.fsPath ?? path.parse(file).root;
    const project = await projectOf(path.dirname(file), top);
    if (project !== undefined && file.endsWith('_test.exs')) {
      const place = `${path.relative(project, file)}:${location.range.start.line + 1}`;
      // The same run once more would not reach it either.
      if (task === 'test') continue;
      return {
        why: vscode.l10n.t('"{0}" ran to its end: the breakpoint in {1} is in a test.', name, path.basename(file)),
        title: vscode.l10n.t('Debug the Test'),
        configuration: run(`mix test ${place}`, { task: 'test', taskArgs: [place], projectDir: project }),
      };
    }
    if (session.configuration['script'] === file || project !== undefined) continue;
    return {
      why: vscode.l10n.t('"{0}" ran to its end: the breakpoint in {1} is in a script.', name, path.basename(file)),
      title: vscode.l10n.t('Debug the Script'),
      configuration: run(`elixir ${path.basename(file)}`, { script: file, projectDir: path.dirname(file) }),
    };
  }
  return testsOf(session, breakpoints);
}

/** Code that the program did not call may still be called by its tests. */
async function testsOf(session: vscode.DebugSession, [first]: vscode.SourceBreakpoint[]): Promise<Fitting | undefined> {
  const { name, task } = session.configuration as { name: string; task?: string };
  const file = first?.location.uri.fsPath;
  if (file === undefined || task === 'test') return undefined;
  const project = await projectOf(path.dirname(file), session.workspaceFolder?.uri.fsPath ?? path.parse(file).root);
  if (project === undefined) return undefined;
  const tests = await vscode.workspace.findFiles(new vscode.RelativePattern(project, 'test/**/*_test.exs'), null, 1);
  if (tests.length === 0) return undefined;
  return {
    why: vscode.l10n.t('"{0}" ran to its end without calling the code of {1}.', name, path.basename(file)),
    title: vscode.l10n.t('Debug the Tests'),
    configuration: run('mix test', { task: 'test', projectDir: project }),
  };
}

function run(name: string, args: Record<string, unknown>): vscode.DebugConfiguration {
  return { type: DEBUG_TYPE, request: 'launch', name, ...args };
}

function isOurs({ location }: vscode.SourceBreakpoint): boolean {
  return /\.(ex|exs|eex|heex|leex|erl)$/.test(location.uri.fsPath);
}
