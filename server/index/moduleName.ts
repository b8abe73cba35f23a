// The names of modules as Elixir's `inspect` writes them, from atoms and from source. Pure.

const ALIAS = /^Elixir(\.\p{Lu}[\p{L}\p{N}_]*)+$/u;
const PLAIN_ATOM = /^[\p{Ll}\p{Lo}_][\p{L}\p{N}_@]*[?!]?$/u;
const CONTROL: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** `Elixir.Shop.Cart` → `Shop.Cart`, `lists` → `:lists`, `odd name` → `:"odd name"`. */
export function inspectModule(atom: string): string {
  if (ALIAS.test(atom)) return atom.slice('Elixir.'.length);
  if (PLAIN_ATOM.test(atom)) return `:${atom}`;
  return `:"${atom.replace(/["\\]/g, '\\$&').replace(/[\n\r\t]/g, (control) => CONTROL[control] ?? control)}"`;
}
