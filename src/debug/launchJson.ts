// Adds configurations to the text of a launch.json and leaves every other character as it is, comments above all. Pure.

interface Token {
  text: string;
  start: number;
  end: number;
}

/** JSON with comments: a string, a mark, or a word such as `true` or `12`. */
const TOKEN = /\/\/[^\r\n]*|\/\*[\s\S]*?\*\/|"(?:[^"\\]|\\[\s\S])*"|[[\]{},:]|[^\s[\]{},:"/]+/g;

/** The new text; undefined where there is no list of configurations at the top. */
export function withConfigurations(text: string, added: object[]): string | undefined {
  const list = configurationList(text);
  if (list === undefined) return undefined;
  const { last, close } = list;
  const eol = text.includes('\r\n') ? '\r\n' : '\n';
  const unit = /^([\t ]+)"/m.exec(text)?.[1] ?? '  ';
  const outer = /^[\t ]*/.exec(text.slice(text.lastIndexOf('\n', close) + 1))?.[0] ?? '';
  const elements = added.map((each) =>
    JSON.stringify(each, null, unit)
      .split('\n')
      .map((line) => outer + unit + line)
      .join(eol),
  );
  // Behind remarks that follow the last configuration, before the bracket.
  const place = text.slice(0, close).trimEnd().length;
  const comma = last === '[' || last === ',' ? '' : ',';
  return [
    text.slice(0, list.lastEnd),
    comma,
    text.slice(list.lastEnd, place),
    eol,
    elements.join(`,${eol}`),
    ...(text.slice(place, close).includes('\n') ? [] : [eol, outer]),
    text.slice(place),
  ].join('');
}

/** The closing bracket of the list, and the last piece of JSON before it. */
function configurationList(text: string): { last: string; lastEnd: number; close: number } | undefined {
  const tokens = [...text.matchAll(TOKEN)]
    .map((match): Token => ({ text: match[0], start: match.index, end: match.index + match[0].length }))
    .filter((token) => !token.text.startsWith('//') && !token.text.startsWith('/*'));
  let depth = 0;
  let inside = false;
  for (const [at, token] of tokens.entries()) {
    if (token.text === ']' || token.text === '}') {
      depth--;
      const before = tokens[at - 1];
      if (inside && depth === 1 && before !== undefined) {
        return { last: before.text, lastEnd: before.end, close: token.start };
      }
    }
    if (token.text !== '[' && token.text !== '{') continue;
    if (depth === 1) inside = token.text === '[' && tokens[at - 2]?.text === '"configurations"';
    depth++;
  }
  return undefined;
}
