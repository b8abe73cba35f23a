// The editor's breakpoints: tells the server where they are, and sets one where a code action suggests it.
import * as path from 'node:path';
import * as vscode from 'vscode';
import { CLIENT_COMMANDS } from '../protocol/analysis';
import type { Server } from './client';

const EXTENSIONS = new Set(['.ex', '.exs', '.eex', '.leex', '.heex', '.erl']);

export function registerBreakpoints(server: Pick<Server, 'notify' | 'onDidChangeRunning'>): vscode.Disposable {
  const tell = (): void => server.notify('coordination/breakpoints', { files: files() });
  return vscode.Disposable.from(
    vscode.debug.onDidChangeBreakpoints(tell),
    server.onDidChangeRunning((running) => {
      if (running) tell();
    }),
    vscode.commands.registerCommand(CLIENT_COMMANDS.setBreakpoint, setBreakpoint),
  );
}

function files(): { uri: string; lines: number[] }[] {
  const found = new Map<string, number[]>();
  for (const { uri, line } of sourceBreakpoints()) found.set(uri, [...(found.get(uri) ?? []), line]);
  return [...found].map(([uri, lines]) => ({ uri, lines }));
}

/** Enabled ones in files of ours; lines 1-based. */
function sourceBreakpoints(): { uri: string; line: number }[] {
  return vscode.debug.breakpoints.flatMap((breakpoint) => {
    if (!(breakpoint instanceof vscode.SourceBreakpoint) || !breakpoint.enabled) return [];
    const { uri, range } = breakpoint.location;
    if (uri.scheme !== 'file' || !EXTENSIONS.has(path.extname(uri.fsPath))) return [];
    return [{ uri: uri.toString(), line: range.start.line + 1 }];
  });
}

/** Sets a breakpoint at a 1-based line, unless there is one, and shows it. */
async function setBreakpoint(given: unknown, line: unknown): Promise<void> {
  if (typeof given !== 'string' || typeof line !== 'number' || !Number.isInteger(line) || line < 1) {
    throw new Error(vscode.l10n.t('A breakpoint needs the URI of a file and a line.'));
  }
  const uri = vscode.Uri.parse(given, true);
  const position = new vscode.Position(line - 1, 0);
  const there = sourceBreakpoints().some((each) => each.uri === uri.toString() && each.line === line);
  if (!there) {
    vscode.debug.addBreakpoints([new vscode.SourceBreakpoint(new vscode.Location(uri, position))]);
  }
  const editor = await vscode.window.showTextDocument(uri, { preview: true });
  editor.revealRange(new vscode.Range(position, position), vscode.TextEditorRevealType.InCenterIfOutsideViewport);
}
