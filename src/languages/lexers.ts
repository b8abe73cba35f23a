// Which lexer reads which language. Pure.
import { lexElixir } from './elixir';
import { lexErlang } from './erlang';
import { lexTemplate } from './templates';
import type { Token } from './tokens';

const LEXERS: Record<string, (text: string) => Token[]> = {
  elixir: (text) => lexElixir(text),
  erlang: lexErlang,
  eex: (text) => lexTemplate(text, false),
  'html-eex': (text) => lexTemplate(text, false),
  'phoenix-heex': (text) => lexTemplate(text, true),
};

/** Tokens of a text in one of our languages; none for another language. */
export function lex(language: string, text: string): Token[] {
  return LEXERS[language]?.(text) ?? [];
}
