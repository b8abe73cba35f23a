// What a hover evaluates while a process is stopped: variables, their fields, attributes. Never a call.
import * as vscode from 'vscode';
import { TEMPLATE_LANGUAGES } from '../contributions';
import { lex } from '../languages/lexers';
import type { Token } from '../languages/tokens';

export const hoverExpression: vscode.EvaluatableExpressionProvider = {
  provideEvaluatableExpression(document, position) {
    const offset = document.offsetAt(position);
    const tokens = lex(document.languageId, document.getText());
    const index = tokens.findIndex(({ start, end }) => start <= offset && offset < end);
    const found = expressionAt(tokens, index, document.getText());
    if (found === undefined) return undefined;
    const range = new vscode.Range(document.positionAt(found.start), document.positionAt(found.end));
    const text = document.getText(range);
    const template = TEMPLATE_LANGUAGES.includes(document.languageId);
    return new vscode.EvaluatableExpression(range, template ? text.replace(/^@([^.]+)/, 'assigns[:$1]') : text);
  },
};

/** A variable, an attribute, or `variable.field.field` up to the field under the pointer. */
function expressionAt(tokens: Token[], index: number, text: string): Token | undefined {
  const token = tokens[index];
  if (token?.kind === 'variable' || token?.kind === 'attribute') return token;
  if (token?.kind !== 'field') return undefined;
  const before = tokens[index - 1];
  const owner =
    before?.end === token.start - 1 && text[before.end] === '.' ? expressionAt(tokens, index - 1, text) : undefined;
  return owner === undefined ? undefined : { kind: owner.kind, start: owner.start, end: token.end };
}
