// A row of the module table, from all running sessions. Pure but for the lookups it is given.
import type { ModuleRow, Neighbourhood } from '../../protocol/metrics';
import type { DependencyGraph, Edge } from '../index/graph';
import { interpretedModules, type SessionModel } from '../sessions/model';
import type { WorkspaceMemory } from '../sessions/memory';

/** More neighbours than that cannot be drawn to be read. */
const MAX_NODES = 80;

export interface RowSources {
  running: readonly SessionModel[];
  memory: Pick<WorkspaceMemory, 'isPinned' | 'isNeverInterpreted' | 'pinned' | 'neverInterpreted'>;
  graph: DependencyGraph;
  predictedUse: (module: string) => number | null;
}

/** Modules that have a row: prepared or interpreted anywhere, or decided about. */
export function rowedModules({ running, memory }: RowSources): Set<string> {
  return new Set([
    ...running.flatMap((model) => [...model.prepared.keys(), ...interpretedModules(model)]),
    ...memory.pinned(),
    ...memory.neverInterpreted(),
  ]);
}

export function rowsOf(modules: Iterable<string>, sources: RowSources): ModuleRow[] {
  const { running, memory, graph, predictedUse } = sources;
  const interpreted = running.map(interpretedModules);
  return [...modules].map((module) => {
    const row: ModuleRow = {
      module,
      state: 'native',
      functions: [],
      reason: memory.isPinned(module) ? 'pinned' : memory.isNeverInterpreted(module) ? 'never interpreted' : '',
      bytes: 0,
      prepareMs: 0,
      predictedUse: predictedUse(module),
      uses: 0,
      lastUsedAt: null,
      pinned: memory.isPinned(module),
      neverInterpret: memory.isNeverInterpreted(module),
      own: graph.module(module)?.own ?? false,
      file: graph.module(module)?.file ?? null,
      line: graph.module(module)?.line ?? null,
      sessions: [],
    };
    for (const [index, model] of running.entries()) {
      const prepared = model.prepared.get(module);
      const use = model.used.get(module);
      const active = interpreted[index]?.has(module) === true;
      if (prepared !== undefined) {
        row.bytes = Math.max(row.bytes, prepared.bytes);
        row.prepareMs = Math.max(row.prepareMs, prepared.prepareMs);
        row.reason = prepared.reason;
        row.functions = [...new Set([...row.functions, ...prepared.functions])];
      }
      if (active) row.state = 'interpreted';
      else if (prepared !== undefined && row.state === 'native') row.state = 'prepared';
      if (active || prepared !== undefined) row.sessions.push(model.state.id);
      if (use !== undefined) {
        row.uses += use.uses;
        row.lastUsedAt = Math.max(use.lastUsedAt, row.lastUsedAt ?? 0);
      }
    }
    return row;
  });
}

/** Modules at most `depth` edges away, either way, the nearest first; edges among them. */
export function neighbourhood(module: string, depth: number, sources: RowSources): Neighbourhood {
  const { graph } = sources;
  const reached = new Set([module]);
  let border = [module];
  let omitted = 0;
  for (let step = 0; step < depth; step++) {
    const near = new Set<string>();
    for (const name of border) {
      for (const { to } of graph.outgoing(name)) near.add(to);
      for (const { from } of graph.incoming(name)) near.add(from);
    }
    border = [];
    // Own modules first: where not all fit, those are what the user looks for.
    for (const name of [...near].sort((a, b) => own(b, graph) - own(a, graph) || (a < b ? -1 : 1))) {
      if (reached.has(name)) continue;
      if (reached.size >= MAX_NODES) {
        omitted++;
        continue;
      }
      reached.add(name);
      border.push(name);
    }
  }
  const rows = rowsOf(reached, sources);
  const among = (edges: readonly Edge[]): Neighbourhood['edges'] =>
    edges.filter(({ to }) => reached.has(to)).map(({ from, to, kind, origin }) => ({ from, to, kind, origin }));
  return {
    module,
    nodes: rows.map(({ module: name, own: mine, state, file }) => ({ module: name, own: mine, state, file })),
    edges: [...reached].flatMap((name) => among(graph.outgoing(name))),
    omitted,
  };
}

const own = (module: string, graph: DependencyGraph): number => (graph.module(module)?.own === true ? 1 : 0);
