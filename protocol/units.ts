// Sizes and durations as people write them in settings and launch.json. Pure.

const SIZE_UNITS: Record<string, number> = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 };
const DURATION_UNITS: Record<string, number> = { ms: 1, s: 1000, min: 60_000 };
/** Bytes; beyond it numbers are no longer exact. */
export const MAX_SIZE = Number.MAX_SAFE_INTEGER;
/** ms; a timer that is set for longer fires at once. */
export const MAX_DURATION = 2 ** 31 - 1;

/** Bytes of a text such as "100MB"; undefined when it is none. */
export function parseSize(text: string): number | undefined {
  return parse(text, SIZE_UNITS, MAX_SIZE);
}

/** Milliseconds of a text such as "2000ms" or "2s"; undefined when it is none. */
export function parseDuration(text: string): number | undefined {
  return parse(text, DURATION_UNITS, MAX_DURATION);
}

function parse(text: string, units: Record<string, number>, most: number): number | undefined {
  const found = /^\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*$/i.exec(text);
  const unit = units[found?.[2]?.toLowerCase() ?? ''];
  if (found === null || unit === undefined) return undefined;
  const value = Math.round(Number(found[1]) * unit);
  return value <= most ? value : undefined;
}
