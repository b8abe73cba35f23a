// Tells the walkthrough that its first steps are done, also when they were done before anybody looked. Completes nothing
// else.
import * as vscode from 'vscode';
import { CONTEXT } from './contributions';

export function registerWalkthrough(): vscode.Disposable {
  void tell();
  return vscode.Disposable.from(
    vscode.debug.onDidChangeBreakpoints(() => void tell()),
    vscode.window.tabGroups.onDidChangeTabs(({ opened }) => {
      // Tabs of pages such as the walkthrough have no input that extensions may see.
      if (opened.some(({ input }) => input === undefined)) void tell();
    }),
  );
}

/** VS Code takes a step for done when its key becomes true while it looks, and never if it was true before. */
async function tell(): Promise<void> {
  const facts: [string, boolean][] = [
    [CONTEXT.hasFolder, (vscode.workspace.workspaceFolders ?? []).length > 0],
    [CONTEXT.hasBreakpoint, vscode.debug.breakpoints.length > 0],
  ];
  for (const [key, holds] of facts) {
    if (!holds) continue;
    await vscode.commands.executeCommand('setContext', key, true);
    await vscode.commands.executeCommand('setContext', key, false);
  }
}
