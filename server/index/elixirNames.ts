// Reads names and literals off Elixir expressions: which module is meant, which text is written. Pure.
import { inspectModule } from './moduleName';
import type { Scope } from './scope';
import type { Syntax } from './syntax';

/** What decides the meaning of a name where it stands. */
export interface Place {
  /** The enclosing module; several in an implementation for several types, which goes by the first. */
  modules: readonly string[];
  scope: Scope;
}

export class Names {
  constructor(private readonly syntax: Syntax) {}

  /** The module that an expression names; null when that is known only when it runs. */
  moduleOf(node: number, place: Place): string | null {
    const { syntax } = this;
    switch (syntax.type(node)) {
      case 'alias':
        return this.expand(this.written(node), place);
      case 'atom':
        return inspectModule(syntax.textOf(node).slice(1));
      case 'quoted_atom': {
        const text = syntax.textOf(node);
        return syntax.child(node, 'interpolation') === undefined ? inspectModule(text.slice(2, -1)) : null;
      }
      case 'identifier':
        return syntax.textOf(node) === '__MODULE__' ? (place.modules[0] ?? null) : null;
      case 'dot': {
        const [left, right] = syntax.children(node);
        if (left === undefined || right === undefined || syntax.type(right) !== 'alias') return null;
        const base = this.moduleOf(left, place);
        return base === null ? null : `${base}.${this.written(right)}`;
      }
      default:
        return null;
    }
  }

  /** The modules of `A`, `A.{B, C}` and `[A, B]`. */
  modulesOf(node: number, place: Place): string[] {
    const { syntax } = this;
    const children = syntax.children(node);
    if (syntax.type(node) === 'list') {
      return children.flatMap((child) => this.moduleOf(child, place) ?? []);
    }
    const [left, right] = children;
    if (syntax.type(node) === 'dot' && left !== undefined && right !== undefined && syntax.type(right) === 'tuple') {
      const base = this.moduleOf(left, place);
      if (base === null) return [];
      return syntax
        .children(right)
        .filter((child) => syntax.type(child) === 'alias')
        .map((child) => `${base}.${this.written(child)}`);
    }
    const name = this.moduleOf(node, place);
    return name === null ? [] : [name];
  }

  expand(written: string, { scope }: Place): string {
    return written.startsWith(':') ? inspectModule(written.slice(1)) : scope.expand(written);
  }

  /** An alias as written, without the blanks that may stand around its dots. */
  written(node: number): string {
    return this.syntax.textOf(node).replace(/\s+/g, '');
  }

  /** A string as written between its quotes; null for other expressions. */
  literal(node: number): string | null {
    const { syntax } = this;
    if (syntax.type(node) !== 'string' && syntax.type(node) !== 'charlist') return null;
    return syntax.textOf(node).replace(/^("""|'''|"|')\s*?|("""|'''|"|')$/g, '');
  }

  args(call: number): number[] {
    const list = this.syntax.child(call, 'arguments');
    return list === undefined ? [] : this.syntax.children(list);
  }

  /** The value of a keyword argument. */
  option(args: number[], key: string): number | undefined {
    const { syntax } = this;
    const keywords = args.at(-1);
    if (keywords === undefined || syntax.type(keywords) !== 'keywords') return undefined;
    for (const pair of syntax.children(keywords)) {
      const [name, value] = syntax.children(pair);
      if (name !== undefined && syntax.textOf(name).replace(/:\s*$/, '') === key) return value;
    }
    return undefined;
  }
}
