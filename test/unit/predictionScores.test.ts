// Scores of predictions: every strategy by the same outcomes, each outcome once.
import assert from 'node:assert/strict';
import { PredictionScores } from '../../server/strategies/scoring';

const list = (...modules: string[]) => modules.map((module) => ({ module, probability: 0.5, reason: 'because' }));
const letters = (count: number): string[] => Array.from({ length: count }, (_, index) => `M${index}`);

describe('prediction scores', () => {
  const of = (scores: PredictionScores, strategy: string) => scores.scores().find((one) => one.strategy === strategy);

  it('count what stood among the first 1, 5 and 10, for every strategy that was asked', () => {
    const scores = new PredictionScores();
    scores.predicted('s', 'predictive', list(...letters(20)));
    scores.predicted('s', 'learning', list('M7', 'M3'));
    assert.equal(scores.entered('s', 'M7'), true);
    scores.predicted('s', 'predictive', list('M1', 'M2'));
    scores.predicted('s', 'learning', list('M1', 'M2'));
    scores.entered('s', 'M2');
    const { outcomes, hit1, hit5, hit10 } = of(scores, 'predictive') ?? {};
    assert.deepEqual({ outcomes, hit1, hit5, hit10 }, { outcomes: 2, hit1: 0, hit5: 0.5, hit10: 1 });
    assert.equal(of(scores, 'learning')?.hit1, 0.5);
  });

  it('say nothing before the first outcome', () => {
    const scores = new PredictionScores((strategy) => (strategy === 'predictive' ? 0.25 : null));
    scores.predicted('s', 'predictive', list('M1'));
    const one = of(scores, 'predictive');
    assert.deepEqual(one, {
      strategy: 'predictive',
      outcomes: 0,
      hit1: null,
      hit5: null,
      hit10: null,
      coverage: null,
      wastedBytes: 0,
      weight: 0.25,
    });
  });

  it('skip what was entered before, both as an outcome and in the ranking', () => {
    const scores = new PredictionScores();
    scores.entered('s', 'M0');
    scores.predicted('s', 'predictive', list('M0', 'M1'));
    assert.equal(scores.entered('s', 'M0'), false);
    scores.entered('s', 'M1');
    const { outcomes, hit1 } = of(scores, 'predictive') ?? {};
    assert.deepEqual({ outcomes, hit1 }, { outcomes: 1, hit1: 1 });
  });

  it('use a prediction for one outcome only', () => {
    const scores = new PredictionScores();
    scores.predicted('s', 'predictive', list('M1', 'M2'));
    scores.entered('s', 'M1');
    assert.equal(scores.entered('s', 'M2'), false);
    assert.equal(of(scores, 'predictive')?.outcomes, 1);
  });

  it('keep sessions apart', () => {
    const scores = new PredictionScores();
    scores.predicted('one', 'predictive', list('M1'));
    assert.equal(scores.entered('two', 'M1'), false);
    scores.ended('one');
    assert.equal(scores.entered('one', 'M1'), false);
  });

  it('count as covered what was predicted at all, and as wasted what went without being entered', () => {
    const scores = new PredictionScores();
    scores.predicted('s', 'predictive', list(...letters(30)));
    scores.entered('s', 'M25');
    scores.predicted('s', 'predictive', list('M1'));
    scores.entered('s', 'Unforeseen');
    scores.released('s', 'predictive', 'M25', 100);
    scores.released('s', 'predictive', 'M3', 40);
    const { coverage, hit10, wastedBytes } = of(scores, 'predictive') ?? {};
    assert.deepEqual({ coverage, hit10, wastedBytes }, { coverage: 0.5, hit10: 0, wastedBytes: 40 });
  });
});
