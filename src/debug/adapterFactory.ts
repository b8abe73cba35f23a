// How VS Code starts the debug adapter: our own bundle, by the Node that VS Code itself runs on, with the way to the
// coordination server in its environment.
import * as path from 'node:path';
import * as vscode from 'vscode';
import { TELLS_FAILED_START } from '../../protocol/adapter';
import type { CoordinatedSessions } from './coordinatedSessions';

export function adapterFactory(
  extensionPath: string,
  sessions: Pick<CoordinatedSessions, 'environment'>,
): vscode.DebugAdapterDescriptorFactory {
  return {
    createDebugAdapterDescriptor: async (session) => {
      const cwd = session.workspaceFolder?.uri.fsPath;
      const server = await sessions.environment(session);
      const program = path.join(extensionPath, 'dist', 'adapter.js');
      return new vscode.DebugAdapterExecutable(process.execPath, [program, TELLS_FAILED_START], {
        // In the desktop the executable is Electron, which is a Node only when told so.
        env: { ELECTRON_RUN_AS_NODE: '1', ...server },
        ...(cwd === undefined ? {} : { cwd }),
      });
    },
  };
}
