// Statistics of noisy measurements: pure functions on lists of numbers. Must not measure or print.

/** The value below which the share `p` (0..1) of the sample lies, interpolated between neighbours. */
export function percentile(sample: readonly number[], p: number): number {
  const sorted = [...sample].sort((a, b) => a - b);
  const position = p * (sorted.length - 1);
  const low = sorted[Math.floor(position)];
  const high = sorted[Math.ceil(position)];
  if (low === undefined || high === undefined) throw new RangeError('a percentile needs at least one number');
  return low + (high - low) * (position - Math.floor(position));
}

export const median = (sample: readonly number[]): number => percentile(sample, 0.5);

/**
 * How much longer `subject` took than `baseline`, where the two were measured in turn. The machine's load changes more
 * between rounds than within one, so the ratio is taken in each round and the median of these is the answer.
 */
export function ratioOfPairs(subject: readonly number[], baseline: readonly number[]): number {
  return median(
    subject.map((value, round) => {
      const other = baseline[round];
      if (other === undefined) throw new RangeError(`round ${round} has no baseline`);
      return value / other;
    }),
  );
}

/** The order of a round: as given, and reversed every other time, so that drift hits all alike. */
export const orderOf = <T>(round: number, items: readonly T[]): T[] =>
  round % 2 === 0 ? [...items] : [...items].reverse();

/** Takes every measurement once a round. */
export async function inTurn<Name extends string>(
  rounds: number,
  measurements: Record<Name, (round: number) => Promise<number>>,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(measurements) as Name[];
  const samples = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, number[]>;
  for (let round = 0; round < rounds; round++) {
    for (const name of orderOf(round, names)) {
      samples[name].push(await measurements[name](round));
    }
  }
  return samples;
}
