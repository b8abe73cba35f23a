// Takes changed sources over into the running program, after saving them. Compiles nothing itself: the session does.
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { ReloadCodeResult } from '../../protocol/adapter';
import { COMMANDS, LANGUAGES } from '../contributions';
import type { LiveSessions } from '../debug/liveSessions';
import { command, say, Trouble } from '../notify';

/** File names that a sentence can hold. */
const NAMED = 3;

export function registerReload(sessions: LiveSessions): vscode.Disposable {
  return command(COMMANDS.reloadCode, () => reload(sessions));
}

async function reload(sessions: LiveSessions): Promise<string> {
  const session = sessions.chosen();
  await saved();
  // The session runs in the status bar while it compiles: nothing is in the user's way.
  const options = { location: vscode.ProgressLocation.Window, title: vscode.l10n.t('Reloading changed code') };
  const { reloaded, failed } = await vscode.window.withProgress(
    options,
    () => session.customRequest('reloadCode', {}) as Thenable<ReloadCodeResult>,
  );
  const [trouble] = failed;
  if (trouble !== undefined) {
    const name = path.basename(trouble.file);
    throw new Trouble(vscode.l10n.t('{0} was not reloaded: {1}', name, trouble.error), {
      title: vscode.l10n.t('Open File'),
      run: () => vscode.window.showTextDocument(vscode.Uri.file(trouble.file)),
    });
  }
  if (reloaded.length === 0) return say(vscode.l10n.t('No source has changed since the program loaded it.'));
  const names = reloaded.map((file) => path.basename(file));
  if (names.length <= NAMED) return say(vscode.l10n.t('Reloaded {0}.', names.join(', ')));
  return say(vscode.l10n.t('Reloaded {0} and {1} more files.', names.slice(0, NAMED).join(', '), names.length - NAMED));
}

async function saved(): Promise<void> {
  const ours = (document: vscode.TextDocument): boolean =>
    document.isDirty &&
    document.uri.scheme === 'file' &&
    LANGUAGES.some((language) => language === document.languageId);
  for (const document of vscode.workspace.textDocuments.filter(ours)) {
    if (await document.save()) continue;
    throw new Trouble(vscode.l10n.t('{0} cannot be saved.', path.basename(document.uri.fsPath)), {
      title: vscode.l10n.t('Open File'),
      run: () => vscode.window.showTextDocument(document),
    });
  }
}
