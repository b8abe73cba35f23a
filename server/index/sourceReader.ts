// Text of a source file → its facts. Keeps no state but the grammar; reads no files.
import path from 'node:path';
import { elixirFacts, SILENT_ATTRIBUTE } from './elixirFacts';
import { erlangFacts } from './erlangFacts';
import { noFacts, type FileFacts } from './facts';
import type { Grammar } from './grammar';
import { Syntax } from './syntax';
import { TEMPLATE_EXTENSIONS, templateCalls } from './templateCalls';
import type { Tree } from 'web-tree-sitter';

/** A larger file is data rather than code. */
export const MAX_SOURCE_BYTES = 1024 * 1024;

const SOURCE_EXTENSIONS = new Set(['.ex', '.exs', '.erl', ...TEMPLATE_EXTENSIONS]);

/** What a template calls goes under this name until it is known which modules it belongs to. */
export const TEMPLATE = '';

export function isSource(file: string): boolean {
  return SOURCE_EXTENSIONS.has(path.extname(file));
}

export function isElixir(file: string): boolean {
  return ['.ex', '.exs'].includes(path.extname(file));
}

export function isTemplate(file: string): boolean {
  return TEMPLATE_EXTENSIONS.has(path.extname(file));
}

export function factsOf(file: string, text: string, grammar: Grammar): FileFacts {
  if (!isElixir(file)) return factsWithoutTree(file, text);
  const tree = grammar.parse(text);
  if (tree === null) return { ...noFacts(), broken: true };
  try {
    return factsOfTree(file, text, tree, grammar);
  } finally {
    tree.delete();
  }
}

export function factsOfTree(file: string, text: string, tree: Tree, grammar: Grammar): FileFacts {
  return elixirFacts(new Syntax(text, tree, grammar, SILENT_ATTRIBUTE), file, tree.rootNode.hasError);
}

export function factsWithoutTree(file: string, text: string): FileFacts {
  if (path.extname(file) === '.erl') return erlangFacts(text);
  const calls = templateCalls(text, path.extname(file) !== '.eex');
  const edges = calls.map(({ module }) => ({ from: TEMPLATE, to: module, kind: 'template' as const, line: 1 }));
  return { ...noFacts(), edges };
}
