// How the demo looks on a terminal: colours, code excerpts, tables. Knows nothing of debugging.
import { readFile } from 'node:fs/promises';

const coloured = process.stdout.isTTY === true && (process.env.NO_COLOR ?? '') === '';
const style = (open, close) => (text) => (coloured ? `\u001b[${open}m${text}\u001b[${close}m` : String(text));

export const bold = style(1, 22);
export const dim = style(2, 22);
export const red = style(31, 39);
export const green = style(32, 39);
export const yellow = style(33, 39);
export const magenta = style(35, 39);
export const cyan = style(36, 39);

/** Longer lines are cut where that loses nothing of the story. */
const columns = Math.min(process.stdout.columns ?? 110, 130);

export const say = (text = '') => process.stdout.write(`${text}\n`);

let steps = 0;
/** A numbered heading and the one line that explains it. */
export function step(title, explanation) {
  steps += 1;
  say();
  say(`${bold(cyan(`${steps}`))}  ${bold(title)}`);
  say(`   ${dim(explanation)}`);
  say();
}

/** A few lines of a file with the current one marked. */
export async function excerpt(file, line, around = 3) {
  const lines = (await readFile(file, 'utf8')).split('\n');
  const from = Math.max(1, line - around);
  const to = Math.min(lines.length, line + around);
  for (let number = from; number <= to; number++) {
    const text = elixir(lines[number - 1]);
    const gutter = String(number).padStart(4);
    say(
      number === line
        ? `   ${yellow('▶')}${bold(gutter)} ${dim('│')} ${text}`
        : `    ${dim(gutter)} ${dim('│')} ${text}`,
    );
  }
}

const tokens =
  /(?<comment>#(?!\{).*$)|(?<string>"(?:[^"\\]|\\.)*")|(?<atom>(?<![\w:]):\w+|\b\w+:(?=\s)|@\w+)|(?<keyword>\b(?:def|defp|defmodule|defimpl|defprotocol|do|end|fn|for|if|else|case|alias|use)\b)|(?<module>\b[A-Z]\w*(?:\.[A-Z]\w*)*)/g;

function elixir(text) {
  return text.replace(tokens, (match, ...rest) => {
    const groups = rest.at(-1);
    if (groups.comment !== undefined) return dim(match);
    if (groups.string !== undefined) return green(match);
    if (groups.keyword !== undefined) return magenta(match);
    return groups.atom === undefined ? yellow(match) : cyan(match);
  });
}

/** Two columns, the first as wide as its widest cell. */
export function pairs(rows) {
  const width = Math.max(...rows.map(([name]) => name.length));
  for (const [name, value] of rows) say(`     ${cyan(name.padEnd(width))}  ${fit(value, width + 7)}`);
}

/** A small table; all columns but the first stand to the right. */
export function table(headings, rows) {
  const widths = headings.map((heading, i) => Math.max(heading.length, ...rows.map((row) => row[i].length)));
  const cells = (row, paint) =>
    `   ${row.map((cell, i) => paint(i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]), i)).join('   ')}`;
  say(cells(headings, (text) => bold(text)));
  say(`   ${dim(widths.map((width) => '─'.repeat(width)).join('───'))}`);
  for (const row of rows) say(cells(row, (text, i) => (i === 1 ? green(text) : text)));
}

/** One line that fits beside `indent` characters. */
export function fit(text, indent) {
  const line = text.replace(/\s*\n\s*/g, ' ');
  const room = Math.max(20, columns - indent);
  return line.length > room ? `${line.slice(0, room - 1)}…` : line;
}
