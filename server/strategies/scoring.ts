// How well each strategy predicts: every one is asked at every decision and scored by the same outcomes, whichever of them
// drew the plan. It keeps numbers alone.
import { STRATEGIES, type Strategy as StrategyName } from '../../protocol/settings';
import type { PredictionScore } from '../../protocol/metrics';
import type { Prediction } from './strategy';

interface Tally {
  outcomes: number;
  hit1: number;
  hit5: number;
  hit10: number;
  /** Outcomes that stood anywhere in the prediction. */
  covered: number;
  wastedBytes: number;
}

interface Scored {
  /** Modules that were entered, and so are no outcome any more. */
  entered: Set<string>;
  /** The last prediction of each strategy. */
  last: Map<StrategyName, readonly string[]>;
}

export class PredictionScores {
  readonly #tallies = new Map<StrategyName, Tally>(STRATEGIES.map((name) => [name, empty()]));
  readonly #sessions = new Map<string, Scored>();

  /** `weightOf`: what a strategy weighs in the mix of "learning"; null where it has no say there. */
  constructor(private readonly weightOf: (strategy: StrategyName) => number | null = () => null) {}

  /** Holds until the session's next outcome, or the strategy's next prediction. */
  predicted(session: string, strategy: StrategyName, predictions: readonly Prediction[]): void {
    this.session(session).last.set(
      strategy,
      predictions.map(({ module }) => module),
    );
  }

  /** Execution entered the module: for the first time in the session, it is an outcome. Answers whether it was scored. */
  entered(session: string, module: string): boolean {
    const { entered, last } = this.session(session);
    if (entered.has(module)) return false;
    for (const [strategy, predictions] of last) {
      // A rank counts only what still could come next.
      const rank = predictions.filter((predicted) => !entered.has(predicted)).indexOf(module);
      this.count(strategy, rank);
    }
    entered.add(module);
    const scored = last.size > 0;
    last.clear();
    return scored;
  }

  /** The module was prepared for a plan of the strategy and goes, of that many bytes. What was never entered was wasted. */
  released(session: string, strategy: StrategyName, module: string, bytes: number): void {
    if (this.session(session).entered.has(module)) return;
    this.tally(strategy).wastedBytes += bytes;
  }

  ended(session: string): void {
    this.#sessions.delete(session);
  }

  /** One for each strategy; shares are null before the first outcome. */
  scores(): PredictionScore[] {
    return STRATEGIES.map((strategy) => {
      const { outcomes, hit1, hit5, hit10, covered, wastedBytes } = this.tally(strategy);
      const share = (count: number): number | null => (outcomes === 0 ? null : count / outcomes);
      return {
        strategy,
        outcomes,
        hit1: share(hit1),
        hit5: share(hit5),
        hit10: share(hit10),
        coverage: share(covered),
        wastedBytes,
        weight: this.weightOf(strategy),
      };
    });
  }

  private count(strategy: StrategyName, rank: number): void {
    const tally = this.tally(strategy);
    tally.outcomes++;
    if (rank < 0) return;
    tally.covered++;
    if (rank < 10) tally.hit10++;
    if (rank < 5) tally.hit5++;
    if (rank < 1) tally.hit1++;
  }

  private session(id: string): Scored {
    const known = this.#sessions.get(id);
    if (known !== undefined) return known;
    const begun: Scored = { entered: new Set(), last: new Map() };
    this.#sessions.set(id, begun);
    return begun;
  }

  private tally(strategy: StrategyName): Tally {
    const known = this.#tallies.get(strategy);
    if (known !== undefined) return known;
    const begun = empty();
    this.#tallies.set(strategy, begun);
    return begun;
  }
}

const empty = (): Tally => ({ outcomes: 0, hit1: 0, hit5: 0, hit10: 0, covered: 0, wastedBytes: 0 });
