// What a strategy is: it ranks modules by how likely they are entered next. Types only; it plans nothing and does no I/O.
import type { Strategy as StrategyName, PredictionScope } from '../../protocol/settings';
import type { DependencyGraph } from '../index/graph';

/** All that a prediction may rest on; modules by their `inspect` names, most urgent or newest first. */
export interface Situation {
  session: string;
  breakpoints: readonly string[];
  /** Modules of the frames of stopped processes, top frame first. */
  frames: readonly string[];
  /** Modules entered in this session, oldest first, without immediate repetition. */
  path: readonly string[];
  /** Modules of the file in the active editor. */
  focused: readonly string[];
  /** Modules of files edited lately. */
  edited: readonly string[];
  scope: PredictionScope;
}

export interface Prediction {
  module: string;
  /** Probability of being entered next, 0..1; a list is sorted by it, best first. */
  probability: number;
  /** For people, e.g. "called by Shop.Cart", "followed Shop.Cart in 4 of 5 sessions". */
  reason: string;
}

export interface Strategy {
  readonly name: StrategyName;
  /** At most `limit` predictions, never of modules in `exclude`. Same input, same answer. */
  predict(situation: Situation, graph: DependencyGraph, limit: number, exclude?: ReadonlySet<string>): Prediction[];
}
