// What an Erlang source says, by patterns: enough for which modules it names. Pure.
import { noFacts, type FileFacts, type FunctionFacts } from './facts';
import type { EdgeKind } from './graph';
import { Lines } from './lines';
import { inspectModule } from './moduleName';

const ATOM = String.raw`(?:[a-z][\w@]*|'(?:[^'\\\n]|\\.)+')`;
const ATTRIBUTE = new RegExp(String.raw`^[ \t]*-[ \t]*(module|behaviou?r)[ \t]*\([ \t]*(${ATOM})[ \t]*\)`, 'gm');
const REMOTE_CALL = new RegExp(String.raw`(?<![\w@'?#.:])(${ATOM})[ \t]*:[ \t]*(?:${ATOM}|[A-Z_]\w*)[ \t]*[(/]`, 'g');
/** A clause at the start of a line, as every formatter writes it. */
const CLAUSE = new RegExp(String.raw`^(${ATOM})\(`, 'gm');
const EXPORT = /^[ \t]*-[ \t]*export[ \t]*\(([^)]*)\)/gm;
const EXPORT_ALL = /^[ \t]*-[ \t]*compile[ \t]*\([^)]*\bexport_all\b/m;

export function erlangFacts(text: string): FileFacts {
  const facts = noFacts();
  const code = blanked(text);
  const lines = code.split('\n');
  const places = new Lines(code);
  const lineAt = (offset: number): number => places.lineAt(offset);
  const attributes = [...code.matchAll(ATTRIBUTE)];
  const declared = attributes.find((found) => found[1] === 'module');
  if (declared?.[2] === undefined) return facts;
  const name = inspectModule(unquoted(declared[2]));
  facts.modules.push({ name, line: lineAt(declared.index), endLine: lines.length, kind: 'module' });

  const edge = (to: string, kind: EdgeKind, at: number): void => {
    if (to !== name) facts.edges.push({ from: name, to, kind, line: lineAt(at) });
  };
  for (const found of attributes) {
    if (found[1] !== 'module') edge(inspectModule(unquoted(found[2] ?? '')), 'behaviour', found.index);
  }
  for (const found of code.matchAll(REMOTE_CALL)) {
    const line = lines[lineAt(found.index) - 1] ?? '';
    if (!/^[ \t]*-[ \t]*(spec|type|opaque|callback)\b/.test(line)) {
      edge(inspectModule(unquoted(found[1] ?? '')), 'call', found.index);
    }
  }
  facts.functions = functionsOf(code, name, lineAt);
  return facts;
}

function functionsOf(code: string, module: string, lineAt: (offset: number) => number): FunctionFacts[] {
  const functions: FunctionFacts[] = [];
  const exported = new Set(
    [...code.matchAll(EXPORT)].flatMap((found) => (found[1] ?? '').replace(/[[\]\s]/g, '').split(',')),
  );
  const all = EXPORT_ALL.test(code);
  for (const found of code.matchAll(CLAUSE)) {
    const written = found[1] ?? '';
    const open = found.index + found[0].length;
    const name = unquoted(written);
    const arity = arityAt(code, open);
    if (arity === null) continue;
    const line = lineAt(found.index);
    const endLine = lineAt(endOfClause(code, open));
    const previous = functions.at(-1);
    if (previous?.name === name && previous.arity === arity) {
      previous.endLine = endLine;
      continue;
    }
    const visibility = all || exported.has(`${written}/${arity}`) ? 'public' : 'private';
    functions.push({ module, name, arity, defaults: 0, line, endLine, visibility, macro: false });
  }
  return functions;
}

/** Number of parameters; null where the brackets do not close. */
function arityAt(code: string, open: number): number | null {
  let depth = 0;
  let commas = 0;
  for (let at = open; at < code.length; at++) {
    const char = code.charAt(at);
    if ('([{'.includes(char) || code.startsWith('<<', at)) depth++;
    else if (char === ',' && depth === 0) commas++;
    else if (')]}'.includes(char) || code.startsWith('>>', at)) {
      if (depth === 0) return /\S/.test(code.slice(open, at)) ? commas + 1 : 0;
      depth--;
    }
    if (code.startsWith('<<', at) || code.startsWith('>>', at)) at++;
  }
  return null;
}

/** A dot or semicolon at the end of a line that no deeper clause owns: the next clause or form begins a line. */
function endOfClause(code: string, from: number): number {
  const next = /[.;][ \t]*(?=\r?\n(?:\s*\n)*(?:\S|$))|\.\s*$/g;
  next.lastIndex = from;
  const found = next.exec(code);
  return found === null ? code.length - 1 : found.index;
}

/** The text with comments and the insides of strings blanked out, so that every offset stays. */
function blanked(text: string): string {
  return text.replace(/"(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\\n]|\\.)*'|\$\\?[\s\S]|%[^\n]*/g, (found) => {
    if (found.startsWith("'")) return found;
    return found.replace(/[^\n]/g, ' ');
  });
}

function unquoted(atom: string): string {
  return atom.startsWith("'") ? atom.slice(1, -1).replace(/\\(.)/g, '$1') : atom;
}
