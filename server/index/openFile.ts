// An Elixir file in an editor: keeps its tree, so that an edit costs only what it changed. Knows nothing of the disk.
import { Edit, type Tree } from 'web-tree-sitter';
import type { TestNode } from '../../protocol/server';
import type { FileFacts } from './facts';
import type { Grammar } from './grammar';
import { Lines } from './lines';
import { factsOfTree, factsWithoutTree, isElixir } from './sourceReader';

/** ms that an editor's text may take to parse; a longer one keeps the facts that it had. */
const PARSE_MS = 500;

interface Change {
  start: number;
  oldEnd: number;
  newEnd: number;
}

export class OpenFile {
  private tree: Tree | null = null;
  private parsed = '';
  private latest: string;
  /** The last text without syntax errors, and what it says. */
  private good: { text: string; facts: FileFacts } | null = null;

  constructor(
    private readonly file: string,
    text: string,
  ) {
    this.latest = text;
  }

  set text(text: string) {
    this.latest = text;
  }

  /** Null when the text says nothing new, or cannot be made sense of in time. */
  facts(grammar: Grammar): FileFacts | null {
    const text = this.latest;
    if (this.good?.text === text && this.parsed === text) return null;
    if (!isElixir(this.file)) return this.remember(text, factsWithoutTree(this.file, text));
    const tree = this.parse(text, grammar);
    if (tree === null) return null;
    const facts = factsOfTree(this.file, text, tree, grammar);
    if (!facts.broken) return this.remember(text, facts);
    return this.good === null ? facts : moved(this.good.facts, this.good.text, text);
  }

  close(): void {
    this.tree?.delete();
    this.tree = null;
  }

  private remember(text: string, facts: FileFacts): FileFacts {
    this.good = { text, facts };
    this.parsed = text;
    return facts;
  }

  private parse(text: string, grammar: Grammar): Tree | null {
    const old = this.tree;
    if (old !== null) old.edit(editOf(this.parsed, text));
    const tree = grammar.parse(text, old ?? undefined, PARSE_MS);
    old?.delete();
    this.tree = tree;
    this.parsed = text;
    return tree;
  }
}

/** The one stretch that differs: what several changes touched is covered by it as well. */
function changeOf(before: string, after: string): Change {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before.charCodeAt(start) === after.charCodeAt(start)) start++;
  let tail = 0;
  while (
    tail < shorter - start &&
    before.charCodeAt(before.length - 1 - tail) === after.charCodeAt(after.length - 1 - tail)
  ) {
    tail++;
  }
  return { start, oldEnd: before.length - tail, newEnd: after.length - tail };
}

function editOf(before: string, after: string): Edit {
  const { start, oldEnd, newEnd } = changeOf(before, after);
  const [old, now] = [new Lines(before), new Lines(after)];
  return new Edit({
    startIndex: start,
    oldEndIndex: oldEnd,
    newEndIndex: newEnd,
    startPosition: old.pointAt(start),
    oldEndPosition: old.pointAt(oldEnd),
    newEndPosition: now.pointAt(newEnd),
  });
}

/** Facts of a text for a later one that has errors: what stands below the change moved with it. */
function moved(facts: FileFacts, before: string, after: string): FileFacts {
  const { start, oldEnd, newEnd } = changeOf(before, after);
  const last = new Lines(before).lineAt(oldEnd);
  const by = new Lines(after).lineAt(newEnd) - last;
  if (by === 0) return facts;
  // What begins on the line of the change stands before it, unless only blanks do.
  const blank = before.slice(before.lastIndexOf('\n', start - 1) + 1, start).trim() === '';
  const first = blank ? last : last + 1;
  const line = (number: number): number => (number >= first ? Math.max(1, number + by) : number);
  const endLine = (number: number): number => (number >= last ? Math.max(1, number + by) : number);
  const place = <Place extends { line: number; endLine: number }>(each: Place): Place => ({
    ...each,
    line: line(each.line),
    endLine: endLine(each.endLine),
  });
  const test = (node: TestNode): TestNode => ({ ...place(node), children: node.children.map(test) });
  return {
    ...facts,
    modules: facts.modules.map(place),
    functions: facts.functions.map(place),
    edges: facts.edges.map((edge) => ({ ...edge, line: line(edge.line) })),
    tests: facts.tests.map(test),
  };
}
