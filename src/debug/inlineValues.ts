// Values beside the code while a process is stopped: each variable of the function at hand, on the lines up to the stop.
import * as vscode from 'vscode';
import { TEMPLATE_LANGUAGES } from '../contributions';
import { lex } from '../languages/lexers';
import type { Token } from '../languages/tokens';

/** Where the scope of a line begins: the definition that encloses it. */
const DEFINITION: Record<string, RegExp> = {
  elixir: /^\s*(?:def|defp|defmacro|defmacrop|test|property|setup|setup_all)\b(?!:)/,
  erlang: /^[a-z][\w@]*\s*\(/,
};
/** In a script, what stands in a module at the top level is not the script's own scope. */
const MODULE = /^(?:defmodule|defprotocol|defimpl)\b/;

export const inlineValues: vscode.InlineValuesProvider = {
  provideInlineValues(document, viewport, { stoppedLocation }) {
    const lines = linesOfScope(document, stoppedLocation.end.line);
    const shown = new Set<string>();
    return lex(document.languageId, document.getText()).flatMap((token) => {
      const range = new vscode.Range(document.positionAt(token.start), document.positionAt(token.end));
      const { line } = range.start;
      if (line < viewport.start.line || line > viewport.end.line || !lines.has(line)) return [];
      const name = document.getText(range);
      // Once a line is enough.
      if (shown.has(`${line} ${name}`)) return [];
      const value = valueOf(token, name, range, document.languageId);
      if (value !== undefined) shown.add(`${line} ${name}`);
      return value ?? [];
    });
  },
};

/** The lines, up to the stop, whose variables can be those of the stopped frame. */
function linesOfScope(document: vscode.TextDocument, stop: number): Set<number> {
  const start = enclosingDefinition(document, stop);
  const lines = new Set<number>();
  let inModule = false;
  for (let line = start ?? 0; line <= stop; line++) {
    const { text } = document.lineAt(line);
    if (start === undefined && document.languageId === 'elixir' && MODULE.test(text)) inModule = true;
    if (!inModule) lines.add(line);
    if (/^end\b/.test(text)) inModule = false;
  }
  return lines;
}

/** Indentation tells; a script's statements and a template's lines are in none. */
function enclosingDefinition(document: vscode.TextDocument, stop: number): number | undefined {
  const definition = DEFINITION[document.languageId];
  if (definition === undefined) return undefined;
  const indentation = document.lineAt(stop).firstNonWhitespaceCharacterIndex;
  for (let line = stop; line >= 0; line--) {
    const candidate = document.lineAt(line);
    const encloses = line === stop || candidate.firstNonWhitespaceCharacterIndex < indentation;
    if (encloses && definition.test(candidate.text)) return line;
  }
  return undefined;
}

function valueOf(token: Token, name: string, range: vscode.Range, language: string): vscode.InlineValue | undefined {
  if (token.kind === 'variable' && !name.startsWith('_')) return new vscode.InlineValueVariableLookup(range, name);
  if (token.kind === 'attribute' && TEMPLATE_LANGUAGES.includes(language)) {
    return new vscode.InlineValueEvaluatableExpression(range, `assigns[:${name.slice(1)}]`);
  }
  return undefined;
}
