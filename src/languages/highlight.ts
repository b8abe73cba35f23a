// Colours where no other extension brings a grammar, as semantic tokens: a grammar of our own could not step aside.
import * as vscode from 'vscode';
import { LANGUAGES } from '../contributions';
import { lex } from './lexers';
import type { TokenKind } from './tokens';

const TYPES: Record<TokenKind, string> = {
  comment: 'comment',
  string: 'string',
  atom: 'enumMember',
  key: 'enumMember',
  number: 'number',
  keyword: 'keyword',
  module: 'type',
  attribute: 'macro',
  call: 'function',
  field: 'property',
  variable: 'variable',
  macro: 'macro',
};
const LEGEND = new vscode.SemanticTokensLegend([...new Set(Object.values(TYPES))]);
/** A larger file stays plain rather than slow. */
const MAX_LENGTH = 1_000_000;

/** Registers colours for the languages without a grammar, and follows extensions that come and go. */
export function registerHighlight(own: vscode.Extension<unknown>): vscode.Disposable {
  const registered = new Map<string, vscode.Disposable>();
  const follow = (): void => {
    for (const language of LANGUAGES) {
      const wanted = !hasGrammar(language, own);
      if (wanted && !registered.has(language)) {
        registered.set(
          language,
          vscode.languages.registerDocumentSemanticTokensProvider({ language }, PROVIDER, LEGEND),
        );
      } else if (!wanted) {
        registered.get(language)?.dispose();
        registered.delete(language);
      }
    }
  };
  follow();
  const changes = vscode.extensions.onDidChange(follow);
  return new vscode.Disposable(() => {
    changes.dispose();
    for (const provider of registered.values()) provider.dispose();
  });
}

function hasGrammar(language: string, own: vscode.Extension<unknown>): boolean {
  return vscode.extensions.all.some((extension) => {
    if (extension.id === own.id) return false;
    const manifest = extension.packageJSON as { contributes?: { grammars?: { language?: string }[] } };
    return manifest.contributes?.grammars?.some((grammar) => grammar.language === language) ?? false;
  });
}

const PROVIDER: vscode.DocumentSemanticTokensProvider = {
  provideDocumentSemanticTokens(document) {
    const builder = new vscode.SemanticTokensBuilder(LEGEND);
    const text = document.getText();
    if (text.length > MAX_LENGTH) return builder.build();
    for (const { kind, start, end } of lex(document.languageId, text)) {
      for (const range of lines(document, start, end)) builder.push(range, TYPES[kind]);
    }
    return builder.build();
  },
};

/** A token may span lines, a semantic token must not. */
function* lines(document: vscode.TextDocument, start: number, end: number): Generator<vscode.Range> {
  const [from, to] = [document.positionAt(start), document.positionAt(end)];
  for (let line = from.line; line <= to.line; line++) {
    const first = line === from.line ? from.character : 0;
    const last = line === to.line ? to.character : document.lineAt(line).text.length;
    if (last > first) yield new vscode.Range(line, first, line, last);
  }
}
