// Tells, once a session, that its program ended without reaching any of its breakpoints, and offers what would reach
// them. Watches messages, sends none.
import * as vscode from 'vscode';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { COMMANDS, DEBUG_TYPE } from '../contributions';
import { fittingRun, ranBy } from './fittingRun';

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
    // Another program, in the same session.
    if (message.command === 'restart') this.#stopped = false;
  }

  onDidSendMessage(message: DebugProtocol.ProtocolMessage): void {
    if (message.type !== 'event') return;
    const { event, body } = message as Omit<DebugProtocol.Event, 'body'> & { body?: { exitCode?: number } };
    if (event === 'stopped') this.#stopped = true;
    if (event !== 'exited' || this.#stopped || this.#cut || this.session.configuration['noDebug'] === true) return;
    void tell(this.session, body?.exitCode ?? 0);
  }
}

async function tell(session: vscode.DebugSession, exitCode: number): Promise<void> {
  const waiting = vscode.debug.breakpoints.flatMap((each) =>
    each instanceof vscode.SourceBreakpoint && each.enabled && each.logMessage === undefined && isOurs(each.location)
      ? [each.location]
      : [],
  );
  if (waiting.length === 0) return;
  const ended =
    exitCode === 0
      ? vscode.l10n.t('"{0}" ran to its end without reaching a breakpoint.', session.name)
      : vscode.l10n.t('"{0}" ended with exit code {1} before it reached a breakpoint.', session.name, exitCode);
  const fitting = await fittingRun(ranBy(session, exitCode), waiting);
  if (fitting !== undefined) {
    const { why, title, configuration } = fitting;
    if ((await vscode.window.showInformationMessage(`${ended} ${why}`, title)) !== title) return;
    await vscode.debug.startDebugging(session.workspaceFolder, configuration);
    return;
  }
  // What failed has said why; what succeeded shows in the dashboard what it ran.
  const next =
    exitCode === 0
      ? { title: vscode.l10n.t('Show Dashboard'), command: COMMANDS.showDashboard }
      : { title: vscode.l10n.t('Show Output'), command: 'workbench.panel.repl.view.focus' };
  if ((await vscode.window.showInformationMessage(ended, next.title)) === next.title) {
    await vscode.commands.executeCommand(next.command);
  }
}

function isOurs({ uri }: vscode.Location): boolean {
  return /\.(ex|exs|eex|heex|leex|erl)$/.test(uri.fsPath);
}
