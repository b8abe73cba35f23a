// What having a module ready costs: measured where a running session has it, estimated from those elsewhere. Pure.
import type { Cost } from '../../protocol/analysis';
import type { SessionView } from './parts';

/** Of an average module, measured over 1,000 modules of published packages. */
const TYPICAL = { bytes: 142 * 1024, prepareMs: 1 };
/** The mean of fewer measurements says little about the rest. */
const ENOUGH = 8;

export function costsOf(sessions: readonly SessionView[]): (module: string) => Cost {
  const measured = new Map<string, Cost>();
  for (const { prepared } of sessions) {
    for (const [module, { bytes, prepareMs }] of prepared) {
      // What came from a cache took no time, which says nothing of a module that is prepared afresh.
      const known = measured.get(module);
      measured.set(module, { bytes, prepareMs: Math.max(prepareMs, known?.prepareMs ?? 0), measured: true });
    }
  }
  const estimate = { ...meanOf([...measured.values()]), measured: false };
  return (module) => measured.get(module) ?? estimate;
}

function meanOf(costs: readonly Cost[]): { bytes: number; prepareMs: number } {
  if (costs.length < ENOUGH) return TYPICAL;
  const sum = (key: 'bytes' | 'prepareMs'): number => costs.reduce((total, cost) => total + cost[key], 0);
  return { bytes: Math.round(sum('bytes') / costs.length), prepareMs: sum('prepareMs') / costs.length };
}

export type ModuleState = 'native' | 'prepared' | 'interpreted';

/** The furthest that any session has come with the module. */
export function stateOf(module: string, sessions: readonly SessionView[]): ModuleState {
  const states = sessions.map((session) => stateIn(session, module));
  return states.find((state) => state === 'interpreted') ?? states.find((state) => state === 'prepared') ?? 'native';
}

function stateIn({ state, prepared }: SessionView, module: string): ModuleState {
  const armed = state.breakpoints.some(({ breakpoints }) =>
    breakpoints.some(({ verified, modules }) => verified && modules.includes(module)),
  );
  const onStack = state.stopped.some(({ frames }) =>
    frames.some((frame) => frame.module === module && frame.kind === 'interpreted'),
  );
  if (armed || onStack) return 'interpreted';
  return prepared.has(module) ? 'prepared' : 'native';
}
