// Reads the text of a failed test or a crash: which places of the source its stack names. Pure.

/** A line of a stack trace, as Elixir and Erlang print it. */
export interface StackLine {
  /** OTP application, where the text says it. */
  app: string | null;
  /** As printed: relative to its application, or absolute. */
  file: string;
  /** 1-based. */
  line: number;
  /** As `inspect` writes it. */
  module: string | null;
  /** `name/arity`. */
  function: string | null;
}

/** What an editor's terminal or test output colours with; the escape character has no business in a stack. */
// eslint-disable-next-line no-control-regex
const COLOURS = /\u001b\[[0-9;]*m/g;
/** `(shop 0.1.0) lib/shop/till.ex:12: Shop.Till.total/1`, with or without what stands before and after the place. */
const PLACE =
  /^\s*(?:\*\* .*?\s)?(?:\((\w+)(?: [^)]*)?\)\s+)?((?:[A-Za-z]:[\\/])?[^\s:()]+\.(?:exs?|erl|eex|heex|leex)):(\d+)(?::\d+)?(?::\s*(.*))?\s*$/u;
const FUNCTION = /^(?:anonymous fn\/\d+ in )?((?:\p{Lu}[\p{L}\p{N}_]*\.?)+|:[\w@]+)\.("[^"]+"|[^."\s]+)\/(\d+)/u;

/** Letters of a line that are looked at; no stack line is as long, but an assertion's data may be. */
const MAX_LINE = 2_000;

/** In the order of the text, the same place once. */
export function stackLinesOf(text: string): StackLine[] {
  const found = new Map<string, StackLine>();
  for (const raw of text.replace(COLOURS, '').split(/\r?\n/)) {
    const place = raw.length > MAX_LINE ? null : PLACE.exec(raw);
    if (place?.[2] === undefined) continue;
    const called = FUNCTION.exec(place[4] ?? '');
    const line: StackLine = {
      app: place[1] ?? null,
      file: place[2].replaceAll('\\', '/'),
      line: Number(place[3]),
      module: called?.[1]?.replace(/\.$/, '') ?? null,
      function: called === null ? null : `${called[2]?.replaceAll('"', '') ?? ''}/${called[3] ?? ''}`,
    };
    const key = `${line.file}:${line.line}`;
    // A test's head names the place without a function; the stack names it again and says more.
    const known = found.get(key);
    if (known === undefined || (known.module === null && line.module !== null)) found.set(key, line);
  }
  return [...found.values()];
}
