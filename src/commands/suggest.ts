// Breakpoints worth setting: from the text of a failure that is selected or copied, else from what is known of the project.
import * as vscode from 'vscode';
import type { BreakpointSuggestion } from '../../protocol/server';
import type { Server } from '../client';
import { COMMANDS, LANGUAGES } from '../contributions';
import { command, say, Trouble } from '../notify';

/** A stack line of Elixir or Erlang: `lib/shop/cart.ex:12`. */
const STACK_LINE = /[\w/\\.-]+\.(exs?|[eh]?eex|erl):\d+/;
/** Letters of a failure that are looked at; a whole log on the clipboard is no failure. */
const MOST_TEXT = 100_000;

type Item = vscode.QuickPickItem & { suggestion: BreakpointSuggestion };

export function registerSuggestions(server: Pick<Server, 'request'>): vscode.Disposable {
  return command(COMMANDS.suggestBreakpoints, (given) => suggest(server, typeof given === 'string' ? given : null));
}

/** `given`: the text of a failure, from a test or from whoever calls. */
async function suggest(server: Pick<Server, 'request'>, given: string | null): Promise<string | undefined> {
  const failure = given ?? (await failureAtHand());
  const suggestions = await ask(server, failure);
  if (suggestions.length === 0) {
    throw new Trouble(
      vscode.l10n.t('No breakpoint suggests itself yet. Copy the output of a failed test or a crash and try again.'),
    );
  }
  const items = suggestions.map(item);
  const picked = await vscode.window.showQuickPick(items, {
    title:
      failure === null
        ? vscode.l10n.t('Suggested Breakpoints')
        : vscode.l10n.t('Suggested Breakpoints for the Failure'),
    placeHolder: vscode.l10n.t('Select where to stop'),
    canPickMany: true,
    matchOnDescription: true,
    matchOnDetail: true,
  });
  const [first] = picked ?? [];
  if (picked === undefined || first === undefined) return undefined;
  vscode.debug.addBreakpoints(picked.map(({ suggestion }) => breakpointAt(suggestion)));
  const { uri, line } = first.suggestion;
  const at = new vscode.Position(line - 1, 0);
  await vscode.window.showTextDocument(vscode.Uri.parse(uri, true), { selection: new vscode.Range(at, at) });
  return say(
    picked.length === 1
      ? vscode.l10n.t('A breakpoint is set.')
      : vscode.l10n.t('{0} breakpoints are set.', picked.length),
  );
}

/** For the open file first; where it has nothing to offer, for the project. */
async function ask(server: Pick<Server, 'request'>, failure: string | null): Promise<BreakpointSuggestion[]> {
  const document = vscode.window.activeTextEditor?.document;
  const ours = document?.uri.scheme === 'file' && LANGUAGES.some((language) => language === document.languageId);
  if (failure === null && ours) {
    const uri = document.uri.toString();
    const { suggestions } = await server.request('coordination/suggestBreakpoints', { uri, failure });
    if (suggestions.length > 0) return suggestions;
  }
  return (await server.request('coordination/suggestBreakpoints', { uri: null, failure })).suggestions;
}

/** What is selected counts more than what was copied, and only what looks like a stack counts at all. */
async function failureAtHand(): Promise<string | null> {
  const editor = vscode.window.activeTextEditor;
  const selected = editor === undefined ? '' : editor.document.getText(editor.selection);
  return failureIn(selected) ?? failureIn(await vscode.env.clipboard.readText());
}

function failureIn(text: string): string | null {
  const looked = text.slice(0, MOST_TEXT);
  return STACK_LINE.test(looked) ? looked : null;
}

function item(suggestion: BreakpointSuggestion): Item {
  const { uri, line, module, function: name, reason, from } = suggestion;
  const place = `${vscode.workspace.asRelativePath(vscode.Uri.parse(uri, true))}:${line}`;
  return {
    label: name === null ? module : `${module}.${name}`,
    description: place,
    detail: reason,
    // A failure points at its places; the rest is a proposal.
    picked: from === 'failure',
    suggestion,
  };
}

function breakpointAt({ uri, line }: BreakpointSuggestion): vscode.SourceBreakpoint {
  return new vscode.SourceBreakpoint(
    new vscode.Location(vscode.Uri.parse(uri, true), new vscode.Position(line - 1, 0)),
  );
}
