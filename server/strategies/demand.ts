// Strategy "demand-driven": just what breakpoints, steps and frames ask for, the most urgent first. It guesses nothing.
import type { DependencyGraph } from '../index/graph';
import type { Prediction, Situation, Strategy } from './strategy';

/** Of each module less urgent than the one before: what is asked for is certain, only its turn is not. */
const LESS_URGENT = 0.95;

export class DemandStrategy implements Strategy {
  readonly name = 'demand-driven';

  /** Stopped frames before breakpoints before where execution was, without repetition. */
  predict(
    { frames, breakpoints, path }: Situation,
    _graph: DependencyGraph,
    limit: number,
    exclude?: ReadonlySet<string>,
  ): Prediction[] {
    const reasons = new Map<string, string>();
    const ask = (module: string | undefined, reason: string): void => {
      if (module !== undefined && exclude?.has(module) !== true && !reasons.has(module)) reasons.set(module, reason);
    };
    for (const module of frames) ask(module, 'on the stack of a stopped process');
    for (const module of breakpoints) ask(module, 'has a breakpoint');
    ask(path.at(-1), 'was entered last');
    return [...reasons]
      .slice(0, limit)
      .map(([module, reason], turn) => ({ module, reason, probability: LESS_URGENT ** turn }));
  }
}
