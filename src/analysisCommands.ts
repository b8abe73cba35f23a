// The server's commands about debugging, as commands of VS Code, for code actions and other extensions. Hands them on.
import * as vscode from 'vscode';
import { ANALYSIS_COMMANDS } from '../protocol/analysis';
import type { Server } from './client';
import { say } from './notify';

/** They are there as long as the extension is, also while the server is not: then they fail and say so. */
export function registerAnalysisCommands(server: Pick<Server, 'execute'>): vscode.Disposable {
  const { prepare, ...others } = ANALYSIS_COMMANDS;
  return vscode.Disposable.from(
    ...Object.values(others).map((command) =>
      vscode.commands.registerCommand(command, (argument: unknown) => server.execute(command, argument)),
    ),
    vscode.commands.registerCommand(prepare, async (argument: unknown) => {
      const result = await server.execute(prepare, argument);
      say(vscode.l10n.t('The module is being prepared.'));
      return result;
    }),
  );
}
