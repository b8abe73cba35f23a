// The two experts that know past sessions: variable-order Markov with back-off, and similar sessions. Pure arithmetic over
// moments; each smooths what it saw with a prior, so that without moments it says what the prior says.
import type { Moment } from './recollection';

/** Longest context, in modules. */
const MAX_ORDER = 3;

/** By how much the logarithm of a moment's weight grows; fitted as said in bench/README.md, "Prediction". */
const RESEMBLANCE = {
  /** × share of modules that both sessions have entered so far. */
  overlap: 8,
  /** × modules before the moment that stand in the same order, up to 4. */
  matched: 0.7,
  /** × newest modules of this session that the past one never entered. */
  missing: -2,
} as const;
const MAX_MATCHED = 4;
/** Of a module that was entered one step later: it may as well come first this time. */
const LATER = 0.05;
/** What is not worth adding any more. */
const NEGLIGIBLE = 0.001;
/** How much resemblance outweighs the prior. */
const PRIOR = 100;

/**
 * Probability of each module after the last one, two, three modules: the longer context backs off to the shorter one by as
 * much as it has seen different modules follow (escape method C of PPM), the shortest to the prior.
 */
export function afterContext(moments: readonly Moment[], prior: Float64Array): Float64Array {
  let estimate = prior;
  for (let order = 1; order <= MAX_ORDER; order++) {
    const counts = new Map<number, number>();
    let total = 0;
    for (const { matched, missing, next, weight } of moments) {
      const [module] = next;
      if (missing > 0 || matched < order || module === undefined) continue;
      counts.set(module, (counts.get(module) ?? 0) + weight);
      total += weight;
    }
    if (total === 0) break;
    estimate = smoothed(counts, total, estimate, counts.size);
  }
  return estimate;
}

/** Probability of each module by what similar sessions entered next, the more similar the more it counts. */
export function afterSimilar(moments: readonly Moment[], prior: Float64Array): Float64Array {
  const counts = new Map<number, number>();
  let total = 0;
  for (const { matched, missing, overlap, next, weight } of moments) {
    let count =
      weight *
      Math.exp(
        RESEMBLANCE.overlap * overlap +
          RESEMBLANCE.matched * Math.min(matched, MAX_MATCHED) +
          RESEMBLANCE.missing * missing,
      );
    for (const module of next) {
      counts.set(module, (counts.get(module) ?? 0) + count);
      total += count;
      count *= LATER;
      if (count < NEGLIGIBLE) break;
    }
  }
  return total === 0 ? prior : smoothed(counts, total, prior, PRIOR);
}

/** Counts and `strength` times the prior, as probabilities. */
function smoothed(
  counts: ReadonlyMap<number, number>,
  total: number,
  prior: Float64Array,
  strength: number,
): Float64Array {
  const result = prior.map((probability) => (probability * strength) / (total + strength));
  for (const [module, count] of counts) result[module] = (result[module] ?? 0) + count / (total + strength);
  return result;
}
