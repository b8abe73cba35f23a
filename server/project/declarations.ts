// The modules that a source text declares, by one pass over its lines. Pure; half-written code gives what can be seen.
import type { SourceModule } from '../../protocol/server';

const DECLARATION = /^(\s*)(?:defmodule|defprotocol)\s+((?:\p{Lu}[\p{L}\p{N}_]*\.?)+|:[\p{L}_][\p{L}\p{N}_]*)/u;
const IMPLEMENTATION =
  /^(\s*)defimpl\s+((?:\p{Lu}[\p{L}\p{N}_]*\.?)+)(?:\s*,\s*for:\s*(\[[^\]]*\]|[\p{L}\p{N}_.:]+))?/u;
const ALIAS = /^\s*alias\s+((?:\p{Lu}[\p{L}\p{N}_]*\.?)+)(?:\.?\{([^}]*)\})?(?:\s*,\s*as:\s*(\p{Lu}[\p{L}\p{N}_]*))?/u;
const HEREDOC = /"""|'''/;

interface Open {
  name: string;
  indentation: number;
  aliases: Map<string, string>;
}

export function modulesOfSource(text: string, erlang: boolean): SourceModule[] {
  return erlang ? modulesOfErlang(text) : modulesOfElixir(text);
}

function modulesOfErlang(text: string): SourceModule[] {
  const found = /^[ \t]*-[ \t]*module[ \t]*\([ \t]*('[^'\n]+'|[a-z][\w@]*)[ \t]*\)/m.exec(text);
  if (found?.[1] === undefined) return [];
  return [
    { name: `:${found[1].replace(/^'([a-z][\w@]*)'$/, '$1').replaceAll("'", '"')}`, line: lineAt(text, found.index) },
  ];
}

function modulesOfElixir(text: string): SourceModule[] {
  const modules: SourceModule[] = [];
  // What encloses the current line. Indentation tells nesting: sources are formatted, and a wrong guess costs a prefix.
  const open: Open[] = [];
  const top: Open = { name: '', indentation: -1, aliases: new Map() };
  let heredoc: string | null = null;

  for (const [index, raw] of text.split('\n').entries()) {
    if (heredoc !== null) {
      if (raw.includes(heredoc)) heredoc = null;
      continue;
    }
    const code = raw.replace(/^(\s*)#.*$/, '$1');
    heredoc = openedHeredoc(code);
    const indentation = code.length - code.trimStart().length;
    if (/^\s*end\b/.test(code)) {
      while (open.length > 0 && (open.at(-1)?.indentation ?? 0) >= indentation) open.pop();
      continue;
    }
    const enclosing = open.at(-1) ?? top;
    learnAlias(code, enclosing);

    const declared = DECLARATION.exec(code);
    if (declared?.[2] !== undefined) {
      const name = nested(declared[2], enclosing);
      modules.push({ name, line: index + 1 });
      if (/\bdo\b\s*(#.*)?$/.test(code)) open.push({ name, indentation, aliases: new Map(enclosing.aliases) });
      // A nested module is an alias of itself from here on.
      if (enclosing !== top)
        enclosing.aliases.set(declared[2].split('.')[0] ?? '', nested(declared[2].split('.')[0] ?? '', enclosing));
      continue;
    }
    const implemented = IMPLEMENTATION.exec(code);
    if (implemented?.[2] !== undefined) {
      const protocol = expand(implemented[2], enclosing);
      const names = targets(implemented[3], enclosing).map((target) => `${protocol}.${target}`);
      for (const name of names) modules.push({ name, line: index + 1 });
      if (/\bdo\b\s*(#.*)?$/.test(code)) {
        open.push({ name: names[0] ?? protocol, indentation, aliases: new Map(enclosing.aliases) });
      }
    }
  }
  return modules;
}

/** The delimiter of a heredoc that this line opens and does not close. */
function openedHeredoc(code: string): string | null {
  const found = HEREDOC.exec(code);
  if (found === null) return null;
  return code.indexOf(found[0], found.index + 3) === -1 ? found[0] : null;
}

function nested(name: string, enclosing: Open): string {
  if (name.startsWith(':')) return name;
  if (name.startsWith('Elixir.')) return name.slice('Elixir.'.length);
  return enclosing.name === '' ? expand(name, enclosing) : `${enclosing.name}.${name}`;
}

function expand(name: string, { aliases }: Open): string {
  const [head = '', ...rest] = name.split('.');
  return [aliases.get(head) ?? head, ...rest].join('.');
}

function targets(text: string | undefined, enclosing: Open): string[] {
  if (text === undefined) return [enclosing.name];
  return text
    .replace(/[[\]\s]/g, '')
    .split(',')
    .filter((target) => target !== '')
    .map((target) => (target === '__MODULE__' ? enclosing.name : expand(target, enclosing)));
}

function learnAlias(code: string, scope: Open): void {
  const found = ALIAS.exec(code);
  if (found?.[1] === undefined) return;
  const base = expand(found[1].replace(/\.$/, ''), scope);
  const last = (name: string): string => name.split('.').at(-1) ?? name;
  if (found[2] === undefined) {
    scope.aliases.set(found[3] ?? last(base), base);
    return;
  }
  for (const part of found[2].split(',').map((name) => name.trim())) {
    if (part !== '') scope.aliases.set(last(part), `${base}.${part}`);
  }
}

function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) line++;
  return line;
}
