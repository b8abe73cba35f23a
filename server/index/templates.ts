// Which modules a template is compiled into, by what sources say and by where Phoenix looks. Pure; no files are read.
import path from 'node:path';
import type { Rename, TemplateUse } from './facts';
import type { DependencyGraph } from './graph';
import { lastSegment } from './scope';

/** Names of the modules that sources declare, by path with forward slashes. */
export type ModulesOf = (file: string) => readonly string[];

/** `uses` of all sources; a pattern that is not absolute counts from `app`, the folder of the template's application. */
export function viewsOf(template: string, uses: readonly TemplateUse[], modulesOf: ModulesOf, app: string): string[] {
  const file = slashed(template);
  const base = file.replace(/\.\w+$/, '');
  const views = new Set<string>();
  for (const { module, pattern } of uses) {
    const absolute =
      path.posix.isAbsolute(pattern) || /^[a-zA-Z]:\//.test(pattern) ? pattern : `${slashed(app)}/${pattern}`;
    if (matches(absolute, file) || matches(absolute, base)) views.add(module);
  }
  for (const beside of conventional(file)) {
    const [first] = modulesOf(beside);
    if (first !== undefined) views.add(first);
  }
  return [...views];
}

/** `live/cart_live.html.heex` beside `live/cart_live.ex`; `templates/page/index.html.eex` and `views/page_view.ex`. */
function conventional(file: string): string[] {
  const stem = file.replace(/(\.\w+)?\.\w+$/, '');
  const found = /^(.*)\/templates\/(.+)\/[^/]+$/.exec(file);
  return [`${stem}.ex`, ...(found === null ? [] : [`${found[1] ?? ''}/views/${found[2] ?? ''}_view.ex`])];
}

function matches(pattern: string, file: string): boolean {
  if (!pattern.includes('*')) return pattern === file;
  const source = pattern
    .replace(/[.+^${}()|[\]\\?]/g, '\\$&')
    .replace(/\*+/g, (stars) => (stars.length > 1 ? '.*' : '[^/]*'));
  return new RegExp(`^${source}$`).test(file);
}

/** Short names that mean something in the module's templates → what they mean; its own before those that `use` brings. */
export function aliasesOf(
  module: string,
  graph: Pick<DependencyGraph, 'outgoing'>,
  renames: readonly Rename[],
): Map<string, string> {
  const aliases = new Map<string, string>();
  const add = (short: string, name: string): void => {
    if (!aliases.has(short)) aliases.set(short, name);
  };
  const used = graph.outgoing(module).flatMap(({ kind, to }) => (kind === 'use' ? to : []));
  for (const from of [module, ...used]) {
    for (const rename of renames) if (rename.module === from) add(rename.short, rename.name);
    for (const { kind, to } of graph.outgoing(from)) if (kind === 'alias') add(lastSegment(to), to);
  }
  return aliases;
}

export function expanded(written: string, aliases: ReadonlyMap<string, string>): string {
  const [head = '', ...rest] = written.split('.');
  return [aliases.get(head) ?? head, ...rest].join('.');
}

export function slashed(file: string): string {
  return file.split(path.sep).join('/');
}
