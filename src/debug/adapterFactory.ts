// How VS Code starts the debug adapter: our own bundle, by the Node that VS Code itself runs on.
import * as path from 'node:path';
import * as vscode from 'vscode';

export function adapterFactory(extensionPath: string): vscode.DebugAdapterDescriptorFactory {
  return {
    createDebugAdapterDescriptor: (session) => {
      const cwd = session.workspaceFolder?.uri.fsPath;
      return new vscode.DebugAdapterExecutable(process.execPath, [path.join(extensionPath, 'dist', 'adapter.js')], {
        // In the desktop the executable is Electron, which is a Node only when told so.
        env: { ELECTRON_RUN_AS_NODE: '1' },
        ...(cwd === undefined ? {} : { cwd }),
      });
    },
  };
}
