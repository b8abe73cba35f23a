// What a strategy expects of someone who debugs in given modules, outside of any session. Asks the strategy, ranks nothing.
import type { Prediction } from '../strategies/strategy';
import type { AnalysisParts } from './parts';

export function expectedFrom(
  modules: readonly string[],
  limit: number,
  { index, strategy }: AnalysisParts,
): Prediction[] {
  if (modules.length === 0) return [];
  const situation = {
    session: '',
    breakpoints: modules,
    frames: [],
    path: [],
    focused: modules,
    edited: [],
    scope: 'conservative' as const,
  };
  return strategy().predict(situation, index.graph, limit, new Set(modules));
}
