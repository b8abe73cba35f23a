// Where the modules around one stand in the drawing: columns by distance, users to the left, used ones to the right. Pure.
import type { Neighbourhood } from '../../protocol/metrics';

export type Node = Neighbourhood['nodes'][number];

export interface Column {
  /** Steps from the centre; negative: towards those that use it. */
  distance: number;
  nodes: Node[];
}

/** Columns from left to right. A module on both sides stands on the right; see `mutual`. */
export function columns({ module, nodes, edges }: Neighbourhood): Column[] {
  const neighbours = new Map<string, { module: string; side: 1 | -1 }[]>();
  const add = (at: string, to: string, side: 1 | -1): void => {
    const list = neighbours.get(at);
    if (list === undefined) neighbours.set(at, [{ module: to, side }]);
    else list.push({ module: to, side });
  };
  for (const { from, to } of edges) {
    if (from === to) continue;
    add(from, to, 1);
    add(to, from, -1);
  }
  const distances = new Map([[module, 0]]);
  let ring = [module];
  while (ring.length > 0) {
    const next: string[] = [];
    for (const at of ring) {
      const distance = distances.get(at) ?? 0;
      // What is used comes first, so that a module on both sides stands on the right.
      for (const { module: to, side } of (neighbours.get(at) ?? []).sort((a, b) => b.side - a.side)) {
        if (distances.has(to)) continue;
        // Beyond the first ring a module stays on the side through which it was reached.
        distances.set(to, distance === 0 ? side : distance + Math.sign(distance));
        next.push(to);
      }
    }
    ring = next;
  }
  const found = new Map<number, Node[]>([[0, []]]);
  for (const node of nodes) {
    const distance = distances.get(node.module);
    if (distance === undefined) continue;
    found.set(distance, [...(found.get(distance) ?? []), node]);
  }
  return [...found]
    .map(([distance, members]) => ({
      distance,
      nodes: members.sort((a, b) => Number(b.own) - Number(a.own) || a.module.localeCompare(b.module)),
    }))
    .sort((a, b) => a.distance - b.distance);
}

/** Modules that both use the centre and are used by it. */
export function mutual({ module, edges }: Neighbourhood): Set<string> {
  const users = new Set(edges.filter(({ to }) => to === module).map(({ from }) => from));
  return new Set(edges.filter(({ from, to }) => from === module && users.has(to)).map(({ to }) => to));
}
