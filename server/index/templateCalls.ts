// Remote calls in the text of templates: component tags, `<% %>` and `{ }`. By patterns, because what stands between
// two tags is seldom a whole expression. Pure.

export interface TemplateCall {
  /** As written, aliases not expanded: `Icons`, `:lists`. */
  module: string;
  /** 0-based offset in the text. */
  offset: number;
}

export const TEMPLATE_EXTENSIONS: ReadonlySet<string> = new Set(['.eex', '.heex', '.leex']);

const COMPONENT_TAG = /<((?:\p{Lu}[\p{L}\p{N}_]*\.)*\p{Lu}[\p{L}\p{N}_]*)\.[\p{Ll}_]/gu;
const EMBEDDED = /<%(?![#!])[=|/]?([\s\S]*?)%>/g;
/** A comment of HEEx's, whatever stands in it. */
const HIDDEN = /<%!--[\s\S]*?--%>/g;
/** What HEEx leaves as it is, but for `<%= %>`. */
const RAW = /<!--[\s\S]*?-->|<(script|style)\b[\s\S]*?<\/\1\s*>/gi;
/** Opens or closes braces, or hides them. */
const BRACE_OR_STRING = /[{}]|"(?:[^"\\\n]|\\.)*"/g;
const STRING = /"(?:[^"\\\n]|\\.)*"/g;
const COMMENT = /(?<![^\s])#[^\n]*/g;
const REMOTE_CALL =
  /(?<![\p{L}\p{N}_.@:])((?:\p{Lu}[\p{L}\p{N}_]*\.)*\p{Lu}[\p{L}\p{N}_]*|:[a-z][\w@]*)\.[\p{Ll}_][\p{L}\p{N}_]*[?!]?/gu;

/** `html`: braces hold code too, as in HEEx. */
export function templateCalls(text: string, html: boolean): TemplateCall[] {
  const calls: TemplateCall[] = [];
  const code = text.replace(HIDDEN, blank);
  const markup = html ? code.replace(EMBEDDED, blank).replace(RAW, blank) : '';
  collect(calls, markup, COMPONENT_TAG, 1);
  for (const found of code.matchAll(EMBEDDED)) {
    inCode(calls, found[1] ?? '', found.index + found[0].indexOf(found[1] ?? ''));
  }
  for (const each of braced(markup)) inCode(calls, each.code, each.offset);
  return calls;
}

function inCode(calls: TemplateCall[], code: string, offset: number): void {
  collect(calls, code.replace(STRING, blank).replace(COMMENT, blank), REMOTE_CALL, offset);
}

/** What stands between outermost braces. Outside of them a quote is but a sign of the text. */
function* braced(text: string): Generator<{ code: string; offset: number }> {
  let depth = 0;
  let start = 0;
  BRACE_OR_STRING.lastIndex = 0;
  for (let found = BRACE_OR_STRING.exec(text); found !== null; found = BRACE_OR_STRING.exec(text)) {
    const { 0: token, index } = found;
    if (token === '{') {
      if (depth++ === 0) start = index + 1;
    } else if (token === '}') {
      if (depth === 1) yield { code: text.slice(start, index), offset: start };
      depth = Math.max(0, depth - 1);
    } else if (depth === 0) {
      BRACE_OR_STRING.lastIndex = index + 1;
    }
  }
}

function blank(text: string): string {
  return ' '.repeat(text.length);
}

function collect(calls: TemplateCall[], text: string, pattern: RegExp, offset: number): void {
  for (const found of text.matchAll(pattern)) {
    if (found[1] !== undefined) calls.push({ module: found[1], offset: offset + found.index });
  }
}
