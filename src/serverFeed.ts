// Keeps the coordination server informed of what the editor knows and it cannot see: settings, and the file being looked at.
import * as vscode from 'vscode';
import type { Server } from './client';
import type { Config } from './config';
import { LANGUAGES, SETTINGS_SECTION } from './contributions';

export function feedServer(server: Pick<Server, 'notify' | 'onDidChangeRunning'>, config: Config): vscode.Disposable {
  const focus = (editor: vscode.TextEditor | undefined): void => {
    const document = editor?.document;
    if (document?.uri.scheme !== 'file' || !LANGUAGES.some((language) => language === document.languageId)) return;
    server.notify('coordination/focus', { uri: document.uri.toString() });
  };
  return vscode.Disposable.from(
    vscode.window.onDidChangeActiveTextEditor(focus),
    // Settings come with the start, the focus does not.
    server.onDidChangeRunning((running) => {
      if (running) focus(vscode.window.activeTextEditor);
    }),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration(SETTINGS_SECTION)) server.notify('coordination/settings', config.server());
    }),
  );
}
