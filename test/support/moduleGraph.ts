// A dependency graph from a few lines, for tests of what reads one.
import type { DependencyGraph, Edge, EdgeKind, ModuleNode } from '../../server/index/graph';

/** `{ 'Shop.Cart': { call: ['Shop.Item'] } }`; all modules are the project's own but those in `foreign`. `files`: module → file. */
export function moduleGraph(
  modules: Record<string, Partial<Record<EdgeKind, string[]>>>,
  foreign: readonly string[] = [],
  files: Record<string, string> = {},
): DependencyGraph {
  const edges = Object.entries(modules).flatMap(([from, kinds]) =>
    Object.entries(kinds).flatMap(([kind, targets]) =>
      targets.map((to): Edge => ({ from, to, kind: kind as EdgeKind, origin: 'beam' })),
    ),
  );
  const nodes = new Map<string, ModuleNode>(
    Object.keys(modules).map((name) => [
      name,
      { name, file: files[name] ?? null, line: null, own: !foreign.includes(name), app: null },
    ]),
  );
  return {
    revision: 1,
    modules: () => nodes.values(),
    module: (name) => nodes.get(name),
    outgoing: (name) => edges.filter(({ from }) => from === name),
    incoming: (name) => edges.filter(({ to }) => to === name),
  };
}
