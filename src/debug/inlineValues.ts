// Values beside the code while a process is stopped: each variable of the function at hand, on the lines up to the stop.
import * as vscode from 'vscode';
import { TEMPLATE_LANGUAGES } from '../contributions';
import { lex } from '../languages/lexers';
import type { Token } from '../languages/tokens';

/** Where the scope of an Elixir or Erlang line begins: the definition above it. */
const DEFINITION: Record<string, RegExp> = {
  elixir: /^\s*(?:def|defp|defmacro|defmacrop|test|property|setup|setup_all)\b(?!:)/,
  erlang: /^[a-z][\w@]*\s*\(/,
};

export const inlineValues: vscode.InlineValuesProvider = {
  provideInlineValues(document, viewport, { stoppedLocation }) {
    const stop = stoppedLocation.end.line;
    const first = Math.max(viewport.start.line, scopeStart(document, stop));
    const last = Math.min(viewport.end.line, stop);
    if (first > last) return [];
    const shown = new Set<string>();
    return lex(document.languageId, document.getText()).flatMap((token) => {
      const range = new vscode.Range(document.positionAt(token.start), document.positionAt(token.end));
      const { line } = range.start;
      if (line < first || line > last) return [];
      const name = document.getText(range);
      // Once a line is enough.
      if (shown.has(`${line} ${name}`)) return [];
      const value = valueOf(token, name, range, document.languageId);
      if (value !== undefined) shown.add(`${line} ${name}`);
      return value ?? [];
    });
  },
};

/** First line whose variables can be the frame's own; templates and scripts are one scope from the top. */
function scopeStart(document: vscode.TextDocument, stop: number): number {
  const definition = DEFINITION[document.languageId];
  if (definition === undefined) return 0;
  for (let line = stop; line >= 0; line--) {
    if (definition.test(document.lineAt(line).text)) return line;
  }
  return 0;
}

function valueOf(token: Token, name: string, range: vscode.Range, language: string): vscode.InlineValue | undefined {
  if (token.kind === 'variable' && !name.startsWith('_')) return new vscode.InlineValueVariableLookup(range, name);
  if (token.kind === 'attribute' && TEMPLATE_LANGUAGES.includes(language)) {
    return new vscode.InlineValueEvaluatableExpression(range, `assigns[:${name.slice(1)}]`);
  }
  return undefined;
}
