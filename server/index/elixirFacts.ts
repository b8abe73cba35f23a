// What an Elixir source says, read off its syntax tree. Pure; code with errors gives what can still be understood.
import path from 'node:path';
import type { TestNode } from '../../protocol/server';
import type { EdgeKind } from './graph';
import { Names } from './elixirNames';
import { noFacts, type FileFacts, type ModuleFacts } from './facts';
import { lastSegment, Scope } from './scope';
import type { Syntax } from './syntax';
import { templateCalls } from './templateCalls';

const DEFINITIONS = new Set([
  'def',
  'defp',
  'defmacro',
  'defmacrop',
  'defguard',
  'defguardp',
  'defdelegate',
  'defn',
  'defnp',
]);
/** Attributes that say something to people and to checkers, and through which nothing is called. */
export const SILENT_ATTRIBUTE =
  /@(?:spec|type|typep|opaque|callback|macrocallback|optional_callbacks|doc|moduledoc|typedoc)\b/y;
/** Types a protocol can be implemented for that are no modules. */
const BUILT_IN_TYPES = new Set(
  'Any Atom BitString Float Function Integer List Map PID Port Reference Tuple'.split(' '),
);
/** Code that nests deeper was not written by a person; what is below is left out. */
const MAX_DEPTH = 400;

interface Context {
  /** Modules that the code belongs to: none at the top of a file, several in an implementation for several types. */
  modules: string[];
  scope: Scope;
  /** Where tests found here belong. */
  tests: TestNode[];
  /** Names of the enclosing `describe`. */
  describe: string[];
  /** Code that is made for others: it declares nothing here. */
  quoted: boolean;
  depth: number;
}

/** `file`: absolute path, for templates beside it; tests are looked for in `.exs` files only. */
export function elixirFacts(syntax: Syntax, file: string, broken: boolean): FileFacts {
  const reader = new Reader(syntax, file);
  reader.facts.broken = broken;
  reader.walk(0, syntax.after(0), {
    modules: [],
    scope: new Scope(),
    tests: reader.facts.tests,
    describe: [],
    quoted: false,
    depth: 0,
  });
  return reader.facts;
}

class Reader {
  readonly facts = noFacts();
  private readonly names: Names;
  private readonly folder: string;
  private readonly wantsTests: boolean;

  constructor(
    private readonly syntax: Syntax,
    file: string,
  ) {
    this.names = new Names(syntax);
    this.folder = path.dirname(file).split(path.sep).join('/');
    this.wantsTests = file.endsWith('.exs');
  }

  /** Goes through the nodes in the order of the text; only what opens a scope recurses. */
  walk(from: number, to: number, context: Context): void {
    for (let node = from; node < to;) {
      switch (this.syntax.type(node)) {
        case 'call':
          node = this.call(node, context);
          break;
        case 'alias':
          this.refer(node, 'reference', context);
          node = this.syntax.after(node);
          break;
        case 'dot':
          node = this.dot(node, context);
          break;
        case 'unary_operator':
          node = this.operator(node, context);
          break;
        case 'sigil':
          node = this.sigil(node, context);
          break;
        default:
          node++;
      }
    }
  }

  /** Gives the node to go on with. */
  private call(node: number, context: Context): number {
    const { syntax } = this;
    const target = node + 1;
    const after = syntax.after(node);
    const block = syntax.child(node, 'do_block');
    if (syntax.type(target) === 'identifier') {
      const name = syntax.textOf(target);
      if (this.directive(node, name, context)) return after;
      if (name === 'quote') context = { ...context, quoted: true };
    } else if (syntax.type(target) === 'dot') {
      this.remote(node, target, context);
    } else {
      this.walk(target, syntax.after(target), context);
    }
    if (block === undefined && syntax.textOf(target) !== 'quote') return syntax.after(target);
    this.walk(syntax.after(target), block ?? after, context);
    if (block !== undefined) this.inner(block, context);
    return after;
  }

  private inner(block: number, context: Context, changes: Partial<Context> = {}): void {
    if (context.depth >= MAX_DEPTH) return;
    const inside = { ...context, scope: new Scope(context.scope), depth: context.depth + 1, ...changes };
    this.walk(block + 1, this.syntax.after(block), inside);
  }

  /** True when the call is one of those that the language or a test framework gives a meaning, and was dealt with. */
  private directive(node: number, name: string, context: Context): boolean {
    if (DEFINITIONS.has(name)) return this.definition(node, name, context);
    switch (name) {
      case 'defmodule':
      case 'defprotocol':
        return this.module(node, name === 'defmodule' ? 'module' : 'protocol', context);
      case 'defimpl':
        return this.implementation(node, context);
      case 'alias':
      case 'import':
      case 'use':
      case 'require':
        return this.bringIn(node, name, context);
      case 'describe':
      case 'test':
      case 'property':
      case 'doctest':
        return this.wantsTests && !context.quoted && this.test(node, name, context);
      case 'embed_templates':
        return this.embedTemplates(node, context);
      default:
        return false;
    }
  }

  private module(node: number, kind: ModuleFacts['kind'], context: Context): boolean {
    const [nameNode] = this.names.args(node);
    if (nameNode === undefined) return false;
    if (context.quoted) return this.quotedModule(node, nameNode, context);
    const name = this.declaredName(nameNode, context);
    if (name === null) return false;
    this.declare(node, [name], kind, context);
    return true;
  }

  /** Its name is one that code elsewhere will declare, and no reference; one that is computed is an expression. */
  private quotedModule(node: number, name: number, context: Context): boolean {
    const { syntax } = this;
    const block = syntax.child(node, 'do_block');
    if (syntax.type(name) !== 'alias') this.walk(name, syntax.after(name), context);
    this.walk(syntax.after(name), block ?? syntax.after(node), context);
    if (block !== undefined) this.inner(block, context);
    return true;
  }

  /** The full name; a nested module is known by its short name from here on. */
  private declaredName(node: number, context: Context): string | null {
    const [enclosing] = context.modules;
    if (this.syntax.type(node) !== 'alias' || enclosing === undefined) return this.names.moduleOf(node, context);
    const written = this.names.written(node);
    if (written.startsWith('Elixir.')) return written.slice('Elixir.'.length);
    const head = written.split('.')[0] ?? written;
    context.scope.define(head, `${enclosing}.${head}`);
    return `${enclosing}.${written}`;
  }

  private implementation(node: number, context: Context): boolean {
    const args = this.names.args(node);
    const [protocolNode] = args;
    if (protocolNode === undefined || context.quoted) return false;
    const protocol = this.names.moduleOf(protocolNode, context);
    if (protocol === null) return false;
    const given = this.names.option(args, 'for');
    const types = [...new Set(given === undefined ? context.modules : this.names.modulesOf(given, context))];
    if (types.length === 0) return false;
    for (const type of types) {
      const name = `${protocol}.${type}`;
      this.edge(name, protocol, 'protocol', node);
      this.edge(protocol, name, 'implementation', node);
      if (!BUILT_IN_TYPES.has(type)) this.edge(type, name, 'implementation', node);
    }
    const names = types.map((type) => `${protocol}.${type}`);
    this.declare(node, names, 'implementation', context);
    return true;
  }

  private declare(node: number, names: string[], kind: ModuleFacts['kind'], context: Context): void {
    const { syntax } = this;
    const [line, endLine] = [syntax.line(node), syntax.endLine(node)];
    for (const name of names) this.facts.modules.push({ name, line, endLine, kind });
    const name = names[0] ?? '';
    const test: TestNode = { id: name, kind: 'module', name, line, endLine, children: [] };
    // `defmodule Short, do: ...` has its body among the arguments.
    const last = this.names.args(node).at(-1);
    const short = last !== undefined && syntax.type(last) === 'keywords' ? last : undefined;
    const body = syntax.child(node, 'do_block') ?? short;
    if (body !== undefined) this.inner(body, context, { modules: names, tests: test.children, describe: [] });
    if (test.children.length > 0) context.tests.push(test);
  }

  private definition(node: number, keyword: string, context: Context): boolean {
    const { syntax } = this;
    const args = this.names.args(node);
    const [first] = args;
    if (first === undefined) return false;
    const guarded = syntax.type(first) === 'binary_operator' && syntax.operator(first) === 'when';
    const head = guarded ? first + 1 : first;
    if (!context.quoted) this.function(node, head, keyword, context);
    const inside = { ...context, scope: new Scope(context.scope) };
    // The head looks like a call and is none: a function may well be named `alias`.
    this.walk(head + 1, syntax.after(head), inside);
    const rest = args.at(-1) ?? first;
    const to = keyword === 'defdelegate' ? this.names.option(args, 'to') : undefined;
    if (to !== undefined) this.refer(to, 'call', context);
    else this.walk(syntax.after(head), syntax.after(rest), inside);
    const block = syntax.child(node, 'do_block');
    if (block !== undefined) this.inner(block, inside);
    return true;
  }

  private function(node: number, head: number, keyword: string, context: Context): void {
    const signature = this.signature(head);
    if (signature === null) return;
    const [line, endLine] = [this.syntax.line(node), this.syntax.endLine(node)];
    for (const module of context.modules) {
      const previous = this.facts.functions.findLast((each) => each.module === module);
      if (previous?.name === signature.name && previous.arity === signature.arity) {
        previous.endLine = endLine;
        previous.defaults = Math.max(previous.defaults, signature.defaults);
        continue;
      }
      const visibility = keyword.endsWith('p') ? 'private' : 'public';
      const macro = keyword.startsWith('defmacro') || keyword.startsWith('defguard');
      this.facts.functions.push({ module, ...signature, line, endLine, visibility, macro });
    }
  }

  /** Null for names that are computed: `def unquote(name)()`. */
  private signature(head: number): { name: string; arity: number; defaults: number } | null {
    const { syntax } = this;
    switch (syntax.type(head)) {
      case 'identifier':
        return { name: syntax.textOf(head), arity: 0, defaults: 0 };
      case 'binary_operator':
        return { name: syntax.operator(head), arity: 2, defaults: 0 };
      case 'unary_operator':
        return { name: syntax.operator(head), arity: 1, defaults: 0 };
      case 'call': {
        const name = syntax.textOf(head + 1);
        if (syntax.type(head + 1) !== 'identifier' || name === 'unquote') return null;
        const parameters = this.names.args(head);
        const defaults = parameters.filter(
          (each) => syntax.type(each) === 'binary_operator' && syntax.operator(each) === '\\\\',
        );
        return { name, arity: parameters.length, defaults: defaults.length };
      }
      default:
        return null;
    }
  }

  private bringIn(node: number, directive: 'alias' | 'import' | 'use' | 'require', context: Context): boolean {
    const { syntax } = this;
    const args = this.names.args(node);
    const [first] = args;
    if (first === undefined) return false;
    const names = this.names.modulesOf(first, context);
    if (names.length === 0) return false;
    const kind: EdgeKind = directive === 'require' ? 'reference' : directive;
    for (const name of names) this.edges(context, name, kind, node);
    const short = this.names.option(args, 'as');
    if (short !== undefined) {
      for (const name of names) this.rename(context, this.names.written(short), name);
    } else if (directive === 'alias') {
      for (const name of names) if (!name.startsWith(':')) context.scope.define(lastSegment(name), name);
    } else {
      this.walk(syntax.after(first), syntax.after(node), context);
    }
    return true;
  }

  private rename(context: Context, short: string, name: string): void {
    context.scope.define(short, name);
    for (const module of context.modules) this.facts.renames.push({ module, short, name });
  }

  private test(node: number, name: 'describe' | 'test' | 'property' | 'doctest', context: Context): boolean {
    const { syntax } = this;
    const args = this.names.args(node);
    const [first] = args;
    const block = syntax.child(node, 'do_block');
    if (first === undefined || context.modules.length === 0) return false;
    const kind = name === 'property' ? 'test' : name;
    const title = name === 'doctest' ? this.names.moduleOf(first, context) : this.names.literal(first);
    if (title === null) return false;
    const test: TestNode = {
      id: [...context.describe, name === 'doctest' ? `doctest ${title}` : title].join(' '),
      kind,
      name: title,
      line: syntax.line(node),
      endLine: syntax.endLine(node),
      children: [],
    };
    context.tests.push(test);
    if (name === 'doctest') this.edges(context, title, 'reference', node);
    this.walk(syntax.after(first), block ?? syntax.after(node), context);
    if (block !== undefined) {
      this.inner(block, context, name === 'describe' ? { tests: test.children, describe: [title] } : {});
    }
    return true;
  }

  private embedTemplates(node: number, context: Context): boolean {
    const args = this.names.args(node);
    const [first] = args;
    const pattern = first === undefined ? null : this.names.literal(first);
    if (pattern === null) return false;
    const rootNode = this.names.option(args, 'root');
    const root = rootNode === undefined ? '' : (this.names.literal(rootNode) ?? '');
    this.template(context, path.posix.join(this.folder, root, pattern));
    return true;
  }

  private template(context: Context, pattern: string): void {
    for (const module of context.modules) this.facts.templates.push({ module, pattern });
  }

  private remote(node: number, target: number, context: Context): void {
    const { syntax } = this;
    const [left, right] = syntax.children(target);
    if (left === undefined) return;
    const module = this.names.moduleOf(left, context);
    if (module === null) this.walk(left, syntax.after(left), context);
    else this.edges(context, module, context.quoted ? 'reference' : 'call', node);
    if (module === 'EEx' && right !== undefined && syntax.textOf(right) === 'function_from_file') {
      const [, , file] = this.names.args(node);
      if (file !== undefined) this.template(context, this.pathOf(file));
    }
  }

  /** Of `"a.eex"`, `Path.join(__DIR__, "a.eex")`, `Path.expand("a.eex", __DIR__)`: its literal parts, in order. */
  private pathOf(node: number): string {
    const { syntax } = this;
    const parts: string[] = [];
    for (let each = node; each < syntax.after(node); each++) {
      const literal = this.names.literal(each);
      if (literal !== null) parts.push(literal);
    }
    return path.posix.join(syntax.textOf(node).includes('__DIR__') ? this.folder : '', ...parts);
  }

  private dot(node: number, context: Context): number {
    const names = this.names.modulesOf(node, context);
    if (names.length === 0) return node + 1;
    for (const name of names) this.edges(context, name, 'reference', node);
    return this.syntax.after(node);
  }

  private operator(node: number, context: Context): number {
    const { syntax } = this;
    if (syntax.operator(node) !== '@' || syntax.type(node + 1) !== 'call') return node + 1;
    const name = syntax.textOf(node + 2);
    const [behaviour] = this.names.args(node + 1);
    if (name === 'behaviour' && behaviour !== undefined) {
      this.refer(behaviour, 'behaviour', context);
      return syntax.after(node);
    }
    // Its name is no call: an attribute may be named `test` or `alias`.
    return syntax.after(node + 2);
  }

  private sigil(node: number, context: Context): number {
    const { syntax } = this;
    const name = syntax.child(node, 'sigil_name');
    if (name === undefined || !['H', 'E', 'L', 'LVN'].includes(syntax.textOf(name))) return node + 1;
    const offset = syntax.start(node);
    for (const call of templateCalls(syntax.textOf(node), syntax.textOf(name) !== 'E')) {
      this.edges(context, this.names.expand(call.module, context), 'template', node, offset + call.offset);
    }
    return syntax.after(node);
  }

  private refer(node: number, kind: EdgeKind, context: Context): void {
    const module = this.names.moduleOf(node, context);
    if (module !== null) this.edges(context, module, kind, node);
  }

  private edges(context: Context, to: string, kind: EdgeKind, node: number, offset = this.syntax.start(node)): void {
    for (const from of context.modules) {
      if (from !== to) this.facts.edges.push({ from, to, kind, line: this.syntax.lineAt(offset) });
    }
  }

  private edge(from: string, to: string, kind: EdgeKind, node: number): void {
    if (from !== to) this.facts.edges.push({ from, to, kind, line: this.syntax.line(node) });
  }
}
