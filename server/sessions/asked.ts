// Demand in its plainest form: the modules of frames and breakpoints, the top of the newest stop first.
import type { Strategy } from '../strategies/strategy';

export const asked: Strategy = {
  name: 'demand-driven',
  predict({ frames, breakpoints }, _graph, limit, exclude) {
    const reasons = new Map([
      ...frames.map((module) => [module, 'on the stack of a stopped process'] as const),
      ...breakpoints
        .filter((module) => !frames.includes(module))
        .map((module) => [module, 'has a breakpoint'] as const),
    ]);
    return [...reasons]
      .filter(([module]) => exclude?.has(module) !== true)
      .slice(0, limit)
      .map(([module, reason]) => ({ module, reason, probability: 1 }));
  },
};
