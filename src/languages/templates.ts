// Elixir inside templates: what stands between EEx tags, and in HEEx between braces. The markup around it is left alone.
import { lexElixir, lexElixirInBraces } from './elixir';
import type { Token } from './tokens';

const TAG = /<%!--[^]*?(?:--%>|$)|<%#[^]*?(?:%>|$)|<%%|<%[=|/]?([^]*?)(?:%>|$)/g;

/** `braces`: whether `{…}` holds code too, as in HEEx. */
export function lexTemplate(text: string, braces: boolean): Token[] {
  const tokens: Token[] = [];
  let markup = 0;
  for (const found of text.matchAll(TAG)) {
    if (braces) tokens.push(...lexBraces(text, markup, found.index));
    markup = found.index + found[0].length;
    if (found[1] === undefined) {
      if (found[0] !== '<%%') tokens.push({ kind: 'comment', start: found.index, end: markup });
      continue;
    }
    const start = found.index + found[0].indexOf(found[1], 2);
    tokens.push(...lexElixir(text.slice(0, start + found[1].length), start));
  }
  if (braces) tokens.push(...lexBraces(text, markup, text.length));
  return tokens;
}

function lexBraces(text: string, from: number, until: number): Token[] {
  const tokens: Token[] = [];
  // Nothing in the markup may reach into the tag behind it, not even the character after a `?`.
  const markup = text.slice(0, until);
  for (let at = markup.indexOf('{', from); at !== -1; at = markup.indexOf('{', at)) {
    const code = lexElixirInBraces(markup, at + 1, until);
    tokens.push(...code.tokens);
    at = code.end;
  }
  return tokens;
}
