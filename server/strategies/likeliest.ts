// Picks the best of many without sorting them all. Arithmetic alone.

/** Numbers of the `limit` greatest values above 0, the greatest first, of equal ones the one that comes `earlier`. */
export function likeliest(
  values: Float64Array,
  limit: number,
  earlier: (a: number, b: number) => number = (a, b) => a - b,
): number[] {
  const least = limit < values.length ? (values.slice().sort().at(-limit) ?? 0) : 0;
  const chosen: number[] = [];
  values.forEach((value, number) => {
    if (value > 0 && value >= least) chosen.push(number);
  });
  return chosen.sort((a, b) => (values[b] ?? 0) - (values[a] ?? 0) || earlier(a, b)).slice(0, limit);
}
