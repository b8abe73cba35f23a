// Which programs are at work, for reports and diagnostics. Knows nothing of sessions.
import * as os from 'node:os';
import * as vscode from 'vscode';

export function versions(extension: vscode.Extension<unknown>): Record<string, string> {
  const { version } = extension.packageJSON as { version: string };
  return {
    'Elixir Coordinated Debugger': version,
    'VS Code': `${vscode.version}${vscode.env.remoteName === undefined ? '' : ` (${vscode.env.remoteName})`}`,
    Node: process.versions.node,
    [vscode.l10n.t('System')]: `${os.type()} ${os.release()} ${os.arch()}`,
  };
}
