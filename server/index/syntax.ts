// A syntax tree laid out flat: one walk through WebAssembly, and every question after that is an array access. Read only.
import type { Tree } from 'web-tree-sitter';
import type { Grammar } from './grammar';
import { Lines } from './lines';

/** A node is its number; numbers run in the order of the text, a parent before its children. Named nodes, no comments. */
export class Syntax {
  private readonly types: string[] = [];
  private readonly starts: number[] = [];
  private readonly ends: number[] = [];
  /** The first node after the subtree. */
  private readonly next: number[] = [];
  private readonly lines: Lines;

  constructor(
    readonly text: string,
    tree: Tree,
    grammar: Grammar,
    /** Sticky: an operator whose text begins like this is kept without its insides, which nobody asks about. */
    private readonly closed: RegExp,
  ) {
    this.lines = new Lines(text);
    this.flatten(tree, grammar);
  }

  type(node: number): string {
    return this.types[node] ?? '';
  }

  textOf(node: number): string {
    return this.text.slice(this.starts[node], this.ends[node]);
  }

  start(node: number): number {
    return this.starts[node] ?? 0;
  }

  end(node: number): number {
    return this.ends[node] ?? 0;
  }

  /** 1-based. */
  line(node: number): number {
    return this.lineAt(this.start(node));
  }

  endLine(node: number): number {
    return this.lineAt(Math.max(this.start(node), this.end(node) - 1));
  }

  lineAt(offset: number): number {
    return this.lines.lineAt(offset);
  }

  children(node: number): number[] {
    const found: number[] = [];
    const end = this.next[node] ?? 0;
    for (let child = node + 1; child < end; child = this.next[child] ?? end) found.push(child);
    return found;
  }

  child(node: number, type: string): number | undefined {
    return this.children(node).find((child) => this.types[child] === type);
  }

  /** The first node after the subtree of this one. */
  after(node: number): number {
    return this.next[node] ?? this.types.length;
  }

  /** The sign between or before the operands. */
  operator(node: number): string {
    const [left = node, right] = this.children(node);
    if (right === undefined) return this.text.slice(this.start(node), this.start(left)).trim();
    return this.text.slice(this.end(left), this.start(right)).trim();
  }

  private flatten(tree: Tree, { types, named, leaves }: Grammar): void {
    const cursor = tree.walk();
    /** Numbers of the nodes above the cursor; -1 for what is left out. */
    const above: number[] = [];
    for (;;) {
      const type = cursor.nodeTypeId;
      let node = -1;
      let leaf = leaves[type] === true;
      // 65535 stands for what the parser could not make sense of; what it recovered inside is still of use.
      if (named[type] !== false && types[type] !== 'comment') {
        node = this.types.length;
        this.types.push(types[type] ?? 'ERROR');
        this.starts.push(cursor.startIndex);
        this.ends.push(cursor.endIndex);
        this.next.push(node + 1);
        leaf ||= types[type] === 'unary_operator' && this.isClosed(node);
      }
      if (!leaf && cursor.gotoFirstChild()) {
        above.push(node);
        continue;
      }
      while (!cursor.gotoNextSibling()) {
        if (!cursor.gotoParent()) {
          cursor.delete();
          return;
        }
        const parent = above.pop();
        if (parent !== undefined && parent >= 0) this.next[parent] = this.types.length;
      }
    }
  }

  private isClosed(node: number): boolean {
    this.closed.lastIndex = this.start(node);
    return this.closed.test(this.text);
  }
}
