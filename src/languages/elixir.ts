// A lexer for Elixir: what is a string, a call, a variable. Knows no syntax beyond a line's neighbours. Pure.
import type { Token, TokenKind } from './tokens';

const KEYWORDS = new Set(
  (
    'def defp defmacro defmacrop defmodule defprotocol defimpl defstruct defexception defdelegate defguard defguardp ' +
    'defoverridable do end fn case cond if unless else for with try rescue catch after receive raise throw quote unquote ' +
    'unquote_splicing import alias require use when and or not in true false nil super __MODULE__ __ENV__ __DIR__ ' +
    '__CALLER__ __STACKTRACE__'
  ).split(' '),
);
const DEFINES = new Set('def defp defmacro defmacrop defdelegate defguard defguardp'.split(' '));
/** Words that go on with the expression before them, so what stands before is no call. */
const INFIX = /(?:when|and|or|not|in|do|end|else|rescue|catch|after)\b/uy;

const SPACE = /[\s\\]+/uy;
const NAME = /[\p{Ll}\p{Lo}_][\p{L}\p{N}_]*[?!]?/uy;
const ALIAS = /\p{Lu}[\p{L}\p{N}_]*(?:\.\p{Lu}[\p{L}\p{N}_]*)*/uy;
const NUMBER = /0x[\da-f_]+|0o[0-7_]+|0b[01_]+|\d[\d_]*(?:\.\d[\d_]*(?:e[+-]?\d+)?)?/iuy;
const CHARACTER = /\?(?:\\.|[^\s\\])/uy;
const ATOM = /:(?:[\p{L}_][\p{L}\p{N}_@]*[?!]?)/uy;
const ATTRIBUTE = /@[\p{Ll}_][\p{L}\p{N}_]*[?!]?/uy;
const SIGIL = /~([a-z]|[A-Z][A-Z0-9]*)("""|'''|[{[(<"'|/])/uy;
const KEY_END = /:(?=\s|$)/uy;
/** What may follow a call without parentheses, after a blank: the start of an argument and no operator. */
const ARGUMENT = /[ \t]+(?:[\p{L}_\d"'@?]|%(?!>)|:[\p{L}"]|~[a-zA-Z]|\[|\{|&(?!&))/uy;
const CLOSING: Record<string, string> = { '{': '}', '[': ']', '(': ')', '<': '>' };

/** Tokens of `text` between two offsets, in order. Unfinished strings reach to the end. */
export function lexElixir(text: string, from = 0, until = text.length): Token[] {
  return new Lexer(text, from, until).run();
}

/** Tokens of the code after an opening brace, and the offset of the brace that closes it. */
export function lexElixirInBraces(text: string, from: number, until: number): { tokens: Token[]; end: number } {
  return new Lexer(text, from, until).runInBraces();
}

class Lexer {
  private readonly tokens: Token[] = [];
  private last: Token | undefined;

  constructor(
    private readonly text: string,
    private at: number,
    private readonly until: number,
  ) {}

  run(): Token[] {
    this.code(false);
    return this.tokens;
  }

  runInBraces(): { tokens: Token[]; end: number } {
    this.code(true);
    return { tokens: this.tokens, end: this.at };
  }

  /** Reads code, inside an interpolation up to its closing brace. */
  private code(interpolated: boolean): void {
    let depth = 0;
    while (this.at < this.until) {
      const character = this.text[this.at];
      if (interpolated && character === '}' && depth-- === 0) return;
      if (character === '{') depth++;
      this.step(character ?? '');
    }
  }

  private step(character: string): void {
    if (this.skip(SPACE)) return;
    if (character === '#' && this.comment()) return;
    if ((character === '"' || character === "'") && this.quoted()) return;
    if (character === '~' && this.sigil()) return;
    if (character === '?' && this.token(CHARACTER, 'number')) return;
    if (/\d/.test(character) && this.token(NUMBER, 'number')) return;
    if (character === ':' && this.atom()) return;
    if (character === '@' && this.token(ATTRIBUTE, 'attribute')) return;
    if (this.token(ALIAS, 'module') || this.name()) return;
    this.at++;
  }

  private comment(): boolean {
    const newline = this.text.indexOf('\n', this.at);
    const end = newline === -1 ? this.until : Math.min(newline, this.until);
    this.push('comment', this.at, end);
    this.at = end;
    return true;
  }

  private quoted(): boolean {
    const quote = this.text[this.at] ?? '"';
    const close = this.text.startsWith(quote.repeat(3), this.at) ? quote.repeat(3) : quote;
    this.string(this.at, this.at + close.length, close, true);
    // `"a key": value`
    if (this.match(KEY_END) !== null) this.at++;
    return true;
  }

  private sigil(): boolean {
    const found = this.match(SIGIL);
    if (found?.[1] === undefined || found[2] === undefined) return false;
    this.string(this.at, this.at + found[0].length, CLOSING[found[2]] ?? found[2], /^[a-z]/.test(found[1]));
    this.skip(/[a-zA-Z]+/uy);
    return true;
  }

  private atom(): boolean {
    if (this.text.startsWith('::', this.at)) {
      this.at += 2;
      return true;
    }
    if (/^:["']/.test(this.text.slice(this.at, this.at + 2))) {
      const quote = this.text[this.at + 1] ?? '"';
      this.string(this.at, this.at + 2, quote, true);
      return true;
    }
    return this.token(ATOM, 'atom');
  }

  /** A string in pieces: its text, and the code that is interpolated in it. */
  private string(start: number, body: number, close: string, interpolates: boolean): void {
    let piece = start;
    this.at = body;
    while (this.at < this.until) {
      if (this.text[this.at] === '\\') {
        this.at += 2;
      } else if (interpolates && this.text.startsWith('#{', this.at)) {
        this.push('string', piece, this.at + 2);
        this.at += 2;
        this.code(true);
        piece = this.at;
      } else if (this.text.startsWith(close, this.at)) {
        this.at += close.length;
        this.push('string', piece, this.at);
        return;
      } else {
        this.at++;
      }
    }
    this.at = Math.min(this.at, this.until);
    this.push('string', piece, this.at);
  }

  private name(): boolean {
    const found = this.match(NAME);
    if (found === null) return false;
    const [start, end] = [this.at, this.at + found[0].length];
    const previous = this.last;
    this.at = end;
    if (this.match(KEY_END) !== null) {
      this.push('key', start, end + 1);
      this.at++;
    } else {
      this.push(this.kindOf(found[0], start, end, previous), start, end);
    }
    return true;
  }

  private kindOf(name: string, start: number, end: number, previous: Token | undefined): TokenKind {
    const called = this.text[end] === '(';
    const afterDot = this.text[start - 1] === '.' && this.text[start - 2] !== '.';
    if (afterDot) return called || (previous?.end === start - 1 && isModule(previous)) ? 'call' : 'field';
    if (KEYWORDS.has(name)) return 'keyword';
    if (called || this.afterDefinition(previous) || this.captured(start, end)) return 'call';
    return this.takesArgument() ? 'call' : 'variable';
  }

  private afterDefinition(previous: Token | undefined): boolean {
    return previous?.kind === 'keyword' && DEFINES.has(this.text.slice(previous.start, previous.end));
  }

  /** `&name/1` */
  private captured(start: number, end: number): boolean {
    return this.text[start - 1] === '&' && /^\/\d/.test(this.text.slice(end, end + 2));
  }

  /** `assert x`, `use_it "now"`: a name followed by what can only be an argument. */
  private takesArgument(): boolean {
    if (this.match(ARGUMENT) === null) return false;
    const argument = this.at + (/^[ \t]+/.exec(this.text.slice(this.at, this.at + 200))?.[0].length ?? 0);
    INFIX.lastIndex = argument;
    return !INFIX.test(this.text);
  }

  private token(pattern: RegExp, kind: TokenKind): boolean {
    const found = this.match(pattern);
    if (found === null) return false;
    this.push(kind, this.at, this.at + found[0].length);
    this.at += found[0].length;
    return true;
  }

  private skip(pattern: RegExp): boolean {
    const found = this.match(pattern);
    if (found !== null) this.at += found[0].length;
    return found !== null;
  }

  private match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at;
    return pattern.exec(this.text);
  }

  private push(kind: TokenKind, start: number, end: number): void {
    if (end <= start) return;
    this.last = { kind, start, end };
    this.tokens.push(this.last);
  }
}

function isModule(token: Token): boolean {
  return token.kind === 'module' || token.kind === 'atom';
}
