// Walks over the dependency graph: what a module reaches, and who depends on it. Pure.
import type { DependencyGraph, Edge, EdgeKind } from '../index/graph';

/** Edges that execution may follow. */
const RUN_TIME: ReadonlySet<EdgeKind> = new Set(['call', 'import', 'template', 'implementation', 'protocol']);
/** An alias alone is a name, and no use of what it names. */
const MERE_NAMES: ReadonlySet<EdgeKind> = new Set(['alias']);

export function isRunTime({ kind }: Edge): boolean {
  return RUN_TIME.has(kind);
}

export function isUse({ kind }: Edge): boolean {
  return !MERE_NAMES.has(kind);
}

/** Modules with an edge from the given one, sorted, without itself. */
export function directDependencies(graph: DependencyGraph, module: string): string[] {
  const below = `${module}.`;
  return distinct(
    graph
      .outgoing(module)
      .filter(isUse)
      .map(({ to }) => to)
      // A protocol asks for an implementation of each built-in type, whether there is one or not.
      .filter((to) => !to.startsWith(below) || graph.module(to) !== undefined),
    module,
  );
}

/** Modules of the project with an edge to the given one, sorted, without itself. */
export function dependents(graph: DependencyGraph, module: string): string[] {
  return distinct(
    graph
      .incoming(module)
      .filter(isUse)
      .map(({ from }) => from),
    module,
  );
}

/** Modules within so many steps, the nearest first and by name among equals; the starts left out. */
export function reachable(
  graph: DependencyGraph,
  starts: readonly string[],
  steps: number,
  follow: (edge: Edge) => boolean,
  enter: (module: string) => boolean = () => true,
): string[] {
  const seen = new Set(starts);
  const found: string[] = [];
  let border: readonly string[] = starts;
  for (let step = 0; step < steps && border.length > 0; step++) {
    const next = border.flatMap((module) =>
      graph
        .outgoing(module)
        .filter(follow)
        .map(({ to }) => to),
    );
    border = [...new Set(next)].filter((module) => !seen.has(module) && enter(module)).sort();
    for (const module of border) seen.add(module);
    found.push(...border);
  }
  return found;
}

function distinct(modules: string[], without: string): string[] {
  return [...new Set(modules)].filter((module) => module !== without).sort();
}
