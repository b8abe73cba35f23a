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
const BRACES = /\{([^{}]*)\}/g;
const STRING = /"(?:[^"\\\n]|\\.)*"/g;
const REMOTE_CALL =
  /(?<![\p{L}\p{N}_.@:])((?:\p{Lu}[\p{L}\p{N}_]*\.)*\p{Lu}[\p{L}\p{N}_]*|:[a-z][\w@]*)\.[\p{Ll}_][\p{L}\p{N}_]*[?!]?/gu;

/** `html`: braces hold code too, as in HEEx. */
export function templateCalls(text: string, html: boolean): TemplateCall[] {
  const calls: TemplateCall[] = [];
  if (html) collect(calls, text, COMPONENT_TAG, 1);
  for (const code of text.matchAll(EMBEDDED)) inCode(calls, code[1] ?? '', code.index + code[0].indexOf(code[1] ?? ''));
  if (html) {
    const outside = text.replace(EMBEDDED, (code) => ' '.repeat(code.length));
    for (const code of outside.matchAll(BRACES)) inCode(calls, code[1] ?? '', code.index + 1);
  }
  return calls;
}

function inCode(calls: TemplateCall[], code: string, offset: number): void {
  collect(
    calls,
    code.replace(STRING, (literal) => ' '.repeat(literal.length)),
    REMOTE_CALL,
    offset,
  );
}

function collect(calls: TemplateCall[], text: string, pattern: RegExp, offset: number): void {
  for (const found of text.matchAll(pattern)) {
    if (found[1] !== undefined) calls.push({ module: found[1], offset: offset + found.index });
  }
}
