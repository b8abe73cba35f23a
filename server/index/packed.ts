// Facts as numbers into a list of names: small on disk, between threads and in memory. Pure.
import type { TestNode } from '../../protocol/server';
import type { FileFacts, FunctionFacts, ModuleFacts, Rename, TemplateUse } from './facts';
import type { EdgeKind } from './graph';

export const EDGE_KINDS: readonly EdgeKind[] = [
  'call',
  'reference',
  'alias',
  'import',
  'use',
  'behaviour',
  'protocol',
  'implementation',
  'template',
];
const EDGE_NUMBERS = new Map(EDGE_KINDS.map((kind, number) => [kind, number]));
const MODULE_KINDS: readonly ModuleFacts['kind'][] = ['module', 'protocol', 'implementation'];
const MODULE_WIDTH = 4;
const FUNCTION_WIDTH = 7;
const PRIVATE = 1;
const MACRO = 2;

/** What names modules and edges between them, whoever says so. */
export interface PackedEdges {
  names: string[];
  /** From, to: numbers of names; kind: number of an edge kind; and so on. Each edge once. */
  edges: number[];
}

export interface PackedFacts extends PackedEdges {
  /** Number of the name, line, last line, kind; and so on. */
  modules: number[];
  /** Numbers of the module's and the function's name, arity, defaults, line, last line, flags; and so on. */
  functions: number[];
  /** So many of the names, the first ones, are of modules and functions; the others are only in edges. */
  declared: number;
  templates: TemplateUse[];
  renames: Rename[];
  tests: TestNode[];
  broken: boolean;
}

export class EdgePacker {
  readonly names: string[] = [];
  readonly edges: number[] = [];
  private readonly numbers = new Map<string, number>();
  private readonly seen = new Set<string>();

  name(name: string): number {
    const known = this.numbers.get(name);
    if (known !== undefined) return known;
    this.numbers.set(name, this.names.length);
    return this.names.push(name) - 1;
  }

  edge(from: string, to: string, kind: EdgeKind): void {
    const edge = [this.name(from), this.name(to), EDGE_NUMBERS.get(kind) ?? 0];
    const key = edge.join();
    if (this.seen.has(key)) return;
    this.seen.add(key);
    this.edges.push(...edge);
  }
}

/** Where an edge is written is left out: that is asked of the source when somebody wants to know. */
export function pack(facts: FileFacts): PackedFacts {
  const packer = new EdgePacker();
  const modules = facts.modules.flatMap(({ name, line, endLine, kind }) => [
    packer.name(name),
    line,
    endLine,
    MODULE_KINDS.indexOf(kind),
  ]);
  const functions = facts.functions.flatMap((each) => [
    packer.name(each.module),
    packer.name(each.name),
    each.arity,
    each.defaults,
    each.line,
    each.endLine,
    (each.visibility === 'private' ? PRIVATE : 0) | (each.macro ? MACRO : 0),
  ]);
  const declared = packer.names.length;
  for (const { from, to, kind } of facts.edges) packer.edge(from, to, kind);
  const { names, edges } = packer;
  const { templates, renames, tests, broken } = facts;
  return { names, edges, modules, functions, declared, templates, renames, tests, broken };
}

export function noPackedFacts(): PackedFacts {
  return {
    names: [],
    edges: [],
    modules: [],
    functions: [],
    declared: 0,
    templates: [],
    renames: [],
    tests: [],
    broken: false,
  };
}

export function modulesIn(names: readonly string[], packed: ArrayLike<number>): ModuleFacts[] {
  return rows(packed, MODULE_WIDTH, (at) => ({
    name: names[packed[at] ?? 0] ?? '',
    line: packed[at + 1] ?? 0,
    endLine: packed[at + 2] ?? 0,
    kind: MODULE_KINDS[packed[at + 3] ?? 0] ?? 'module',
  }));
}

export function functionsIn(names: readonly string[], packed: ArrayLike<number>): FunctionFacts[] {
  return rows(packed, FUNCTION_WIDTH, (at) => {
    const flags = packed[at + 6] ?? 0;
    return {
      module: names[packed[at] ?? 0] ?? '',
      name: names[packed[at + 1] ?? 0] ?? '',
      arity: packed[at + 2] ?? 0,
      defaults: packed[at + 3] ?? 0,
      line: packed[at + 4] ?? 0,
      endLine: packed[at + 5] ?? 0,
      visibility: (flags & PRIVATE) === 0 ? 'public' : 'private',
      macro: (flags & MACRO) !== 0,
    };
  });
}

function rows<Row>(packed: ArrayLike<number>, width: number, row: (at: number) => Row): Row[] {
  return Array.from({ length: packed.length / width }, (_, index) => row(index * width));
}
