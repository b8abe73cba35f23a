// Personalised PageRank by power iteration over compressed rows. Arithmetic alone; it knows no modules.
import type { Rows } from './compactGraph';

/** The walk goes on with this probability and starts again otherwise: about two steps, as execution stays near. */
const DAMPING = 0.5;
const MAX_ROUNDS = 64;

/**
 * Share of time that a random walk spends in each node when it starts again at `restart` (shares that add up to 1). What
 * leaves a node without neighbours starts again, too. Rounds end when all changes together are below `settled`. It always
 * begins afresh: starting from an earlier rank would save a few rounds and make the answer depend on history.
 */
export function pageRank({ start, to, weight }: Rows, restart: Float64Array, settled: number): Float64Array {
  const size = restart.length;
  let rank = Float64Array.from(restart);
  let next = new Float64Array(size);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    next.fill(0);
    let kept = 0;
    for (let node = 0; node < size; node++) {
      const share = at(rank, node);
      const end = at(start, node + 1);
      if (share === 0 || at(start, node) === end) continue;
      kept += share;
      for (let edge = at(start, node); edge < end; edge++) {
        const target = at(to, edge);
        next[target] = at(next, target) + share * at(weight, edge) * DAMPING;
      }
    }
    const restarting = 1 - DAMPING * kept;
    let change = 0;
    for (let node = 0; node < size; node++) {
      const value = at(next, node) + restarting * at(restart, node);
      change += Math.abs(value - at(rank, node));
      next[node] = value;
    }
    [rank, next] = [next, rank];
    if (change < settled) break;
  }
  return rank;
}

/** An index that the loops above keep within bounds. */
const at = (array: Float64Array | Int32Array, index: number): number => array[index] as number;
