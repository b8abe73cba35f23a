// A lexer for Erlang: one regular expression a token. Pure.
import type { Token, TokenKind } from './tokens';

const TOKENS = new RegExp(
  [
    '(?<comment>%[^\\n]*)',
    '(?<string>"(?:[^"\\\\]|\\\\[^])*"?)',
    "(?<atom>'(?:[^'\\\\\\n]|\\\\.)*'?)",
    '(?<number>\\$(?:\\\\.|[^\\\\])|\\b\\d+(?:#[\\da-zA-Z]+|\\.\\d+(?:[eE][+-]?\\d+)?)?)',
    '(?<macro>\\?{1,2}[\\p{L}_][\\p{L}\\p{N}_@]*)',
    '(?<variable>(?<![\\p{L}\\p{N}_@#])(?:\\p{Lu}|_)[\\p{L}\\p{N}_@]*)',
    '(?<keyword>(?<![\\p{L}\\p{N}_@])(?:after|and|andalso|begin|case|catch|div|else|end|fun|if|maybe|not|of|or|orelse|receive|rem|try|when|xor)(?![\\p{L}\\p{N}_@(]))',
    '(?<directive>(?<=^[ \\t]*)-[ \\t]*[a-z][a-z_]*)',
    "(?<module>[\\p{Ll}][\\p{L}\\p{N}_@]*(?=:[\\p{L}'?]))",
    '(?<call>[\\p{Ll}][\\p{L}\\p{N}_@]*(?=\\s?[(]|/\\d))',
    '(?<name>[\\p{Ll}][\\p{L}\\p{N}_@]*)',
  ].join('|'),
  'gmu',
);

const PLAIN: Record<string, TokenKind> = { name: 'atom', directive: 'keyword' };

export function lexErlang(text: string): Token[] {
  const tokens: Token[] = [];
  for (const found of text.matchAll(TOKENS)) {
    // Exactly one alternative matched.
    const groups = Object.entries<string | undefined>(found.groups ?? {});
    const [group] = groups.find(([, value]) => value !== undefined) ?? ['name'];
    const kind = PLAIN[group] ?? (group as TokenKind);
    tokens.push({ kind, start: found.index, end: found.index + found[0].length });
  }
  return tokens;
}
