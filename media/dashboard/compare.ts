// Two sessions side by side: which figures, and which direction is better. Pure, no DOM.
import type { SessionSummary } from '../../protocol/metrics';

type Measure =
  | 'clickToArmedP50'
  | 'stepP50'
  | 'hitRate'
  | 'hit5'
  | 'fallbackRate'
  | 'peakPreparedBytes'
  | 'preparedModules'
  | 'stops'
  | 'steps';

/** `better`: which direction a user wants; null where neither is. */
export const MEASURES: readonly {
  key: Measure;
  unit: 'ms' | 'share' | 'bytes' | 'count';
  better: 'more' | 'less' | null;
}[] = [
  { key: 'clickToArmedP50', unit: 'ms', better: 'less' },
  { key: 'stepP50', unit: 'ms', better: 'less' },
  { key: 'hitRate', unit: 'share', better: 'more' },
  { key: 'hit5', unit: 'share', better: 'more' },
  { key: 'fallbackRate', unit: 'share', better: 'less' },
  { key: 'peakPreparedBytes', unit: 'bytes', better: 'less' },
  { key: 'preparedModules', unit: 'count', better: null },
  { key: 'stops', unit: 'count', better: null },
  { key: 'steps', unit: 'count', better: null },
];

export interface Difference {
  key: Measure;
  unit: (typeof MEASURES)[number]['unit'];
  first: number | null;
  second: number | null;
  /** Of the second against the first; null where either was not measured. */
  change: number | null;
  verdict: 'better' | 'worse' | 'same' | null;
}

export function compare(first: SessionSummary, second: SessionSummary): Difference[] {
  return MEASURES.map(({ key, unit, better }) => {
    const [a, b] = [first[key], second[key]];
    const change = a === null || b === null ? null : b - a;
    const verdict =
      change === null || better === null
        ? null
        : change === 0
          ? 'same'
          : change > 0 === (better === 'more')
            ? 'better'
            : 'worse';
    return { key, unit, first: a, second: b, change, verdict };
  });
}

/** Modules that only one of them used, and those of both. */
export function modulesOf(
  first: SessionSummary,
  second: SessionSummary,
): { both: string[]; onlyFirst: string[]; onlySecond: string[] } {
  const [a, b] = [new Set(first.modulesUsed), new Set(second.modulesUsed)];
  return {
    both: [...a].filter((module) => b.has(module)).sort(),
    onlyFirst: [...a].filter((module) => !b.has(module)).sort(),
    onlySecond: [...b].filter((module) => !a.has(module)).sort(),
  };
}
