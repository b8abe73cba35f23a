// Takes out of an attached node what an earlier session left there for functions made while debugging. The session judges
// whether something still needs it; only the user decides to do without.
import type * as vscode from 'vscode';
import { l10n } from 'vscode';
import type { RemoveLeftoversResult } from '../../protocol/adapter';
import { COMMANDS } from '../contributions';
import type { LiveSessions } from '../debug/liveSessions';
import { command, say, Trouble } from '../notify';

export function registerLeftovers(sessions: LiveSessions): vscode.Disposable {
  return command(COMMANDS.removeLeftovers, () => removed(sessions.chosen()));
}

async function removed(session: vscode.DebugSession): Promise<string> {
  if (session.configuration.request !== 'attach') {
    return say(l10n.t('A program that was launched ends as a whole: nothing of the debugger stays.'));
  }
  try {
    await request(session, false);
  } catch (error) {
    throw new Trouble(error instanceof Error ? error.message : String(error), {
      title: l10n.t('Remove All the Same'),
      run: () => request(session, true),
    });
  }
  return say(l10n.t('Nothing of the debugger is left in the node, and the session has ended.'));
}

function request(session: vscode.DebugSession, force: boolean): Thenable<RemoveLeftoversResult> {
  return session.customRequest('removeLeftovers', { force }) as Thenable<RemoveLeftoversResult>;
}
