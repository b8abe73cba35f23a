// The strategy that learns, and the memory behind it: what it takes from past sessions, what it forgets, what survives a
// snapshot, and how the experts' weights follow outcomes.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { UsageEvent } from '../../server/history/usage';
import { DemandStrategy } from '../../server/strategies/demand';
import { ExpertWeights, EXPERTS } from '../../server/strategies/expertWeights';
import { LearningStrategy } from '../../server/strategies/learning';
import { PredictiveStrategy } from '../../server/strategies/predictive';
import type { Situation } from '../../server/strategies/strategy';
import { UsageMemory } from '../../server/strategies/usageMemory';
import { SCOPES } from '../../protocol/settings';
import { moduleGraph } from '../support/moduleGraph';

const graph = moduleGraph({
  A: { call: ['B', 'C', 'D', 'E', 'F'] },
  B: { call: ['C'] },
  C: {},
  D: {},
  E: {},
  F: { reference: ['A'] },
});
const names = ['A', 'B', 'C', 'D', 'E', 'F'];

const at = (path: string[], more: Partial<Situation> = {}): Situation => ({
  session: 'now',
  breakpoints: path.slice(0, 1),
  frames: [],
  path,
  focused: [],
  edited: [],
  scope: 'conservative',
  ...more,
});

function learner(memory = new UsageMemory()) {
  const predictive = new PredictiveStrategy();
  const learning = new LearningStrategy(memory, predictive, new DemandStrategy());
  const ranked = (...path: string[]): string[] =>
    learning.predict(at(path), graph, 10, new Set(path)).map(({ module }) => module);
  return { memory, predictive, learning, ranked };
}

let sessions = 0;
/** A whole session through these modules. */
function live(memory: UsageMemory, path: readonly string[], time = ++sessions): void {
  const session = `session ${++sessions}`;
  memory.apply({ kind: 'sessionStarted', at: time, session });
  for (const module of path) memory.apply({ kind: 'entered', at: time, session, module });
  memory.apply({ kind: 'sessionEnded', at: time, session });
}

const anyModule = fc.constantFrom(...names, 'Gone');
const anyEvent: fc.Arbitrary<UsageEvent> = fc
  .record({
    kind: fc.constantFrom(
      'sessionStarted',
      'breakpoint',
      'stopped',
      'steppedInto',
      'entered',
      'entered',
      'sessionEnded',
    ),
    at: fc.nat(100),
    session: fc.constantFrom('one', 'two', 'three', 'now'),
    module: anyModule,
  })
  .map(({ kind, at, session, module }) =>
    kind === 'sessionStarted' || kind === 'sessionEnded' ? { kind, at, session } : { kind, at, session, module },
  );
const anyUse = fc.array(anyEvent, { maxLength: 60 });
const anySituation: fc.Arbitrary<Situation> = fc.record({
  session: fc.constantFrom('now', 'one'),
  breakpoints: fc.subarray(names),
  frames: fc.subarray(names),
  path: fc.array(anyModule),
  focused: fc.subarray(names),
  edited: fc.subarray(names),
  scope: fc.constantFrom(...SCOPES),
});

const rememberAll = (events: readonly UsageEvent[]): UsageMemory => {
  const memory = new UsageMemory();
  for (const event of events) memory.apply(event);
  return memory;
};

describe('strategy learning', () => {
  it('is predictive to the letter while nothing is learned, whatever the running session has told', () => {
    fc.assert(
      fc.property(anySituation, fc.subarray(names), fc.array(anyModule), (situation, excluded, entered) => {
        const { memory, learning, predictive } = learner();
        for (const module of entered) memory.apply({ kind: 'entered', at: 1, session: situation.session, module });
        const [limit, exclude] = [10, new Set(excluded)];
        assert.deepEqual(
          learning.predict(situation, graph, limit, exclude),
          predictive.predict(situation, graph, limit, exclude),
        );
      }),
    );
  });

  it('ranks first what followed before, and says how often', () => {
    const { memory, learning, ranked } = learner();
    for (let time = 0; time < 4; time++) live(memory, ['A', 'E', 'D']);
    live(memory, ['A', 'B']);
    assert.equal(ranked('A')[0], 'E');
    const [first] = learning.predict(at(['A']), graph, 1, new Set(['A']));
    assert.equal(first?.reason, 'followed A in 4 of 5 sessions');
  });

  it('tells apart by what came before the last module', () => {
    const { memory, ranked } = learner();
    for (let time = 0; time < 5; time++) {
      live(memory, ['A', 'C', 'D']);
      live(memory, ['B', 'C', 'E']);
    }
    assert.equal(ranked('A', 'C')[0], 'D');
    assert.equal(ranked('B', 'C')[0], 'E');
  });

  it('skips what was entered already: then the one after it is next', () => {
    const { memory, ranked } = learner();
    for (let time = 0; time < 5; time++) live(memory, ['A', 'E', 'D', 'F']);
    assert.equal(ranked('E', 'D', 'A')[0], 'F');
  });

  it('knows how sessions with the same breakpoint begin, before anything was entered', () => {
    const { memory, learning } = learner();
    for (const session of ['one', 'two', 'three']) {
      memory.apply({ kind: 'breakpoint', at: 1, session, module: 'D' });
      memory.apply({ kind: 'entered', at: 2, session, module: 'E' });
    }
    const situation = at([], { breakpoints: ['D'] });
    assert.equal(learning.predict(situation, graph, 1, new Set(['D']))[0]?.module, 'E');
  });

  it('predicts what the graph does not know yet', () => {
    const { memory, ranked } = learner();
    for (let time = 0; time < 3; time++) live(memory, ['A', 'Made.At.Runtime']);
    assert.equal(ranked('A')[0], 'Made.At.Runtime');
  });

  it('learns within a running session, and from sessions beside it, but not from itself', () => {
    const { memory, learning } = learner();
    for (const module of ['A', 'E']) memory.apply({ kind: 'entered', at: 1, session: 'beside', module });
    const first = (session: string) =>
      learning.predict(at(['A'], { session }), graph, 10, new Set(['A'])).map(({ reason }) => reason);
    assert.ok(first('now').includes('followed A in 1 of 1 session'));
    assert.ok(!first('beside').includes('followed A in 1 of 1 session'));
  });

  it('follows the workspace when its habits change, for older sessions count less', () => {
    const { memory, ranked } = learner();
    for (let time = 0; time < 60; time++) live(memory, ['A', 'E']);
    for (let time = 0; time < 58; time++) live(memory, ['A', 'D']);
    assert.equal(ranked('A')[0], 'D');
  });

  it('never predicts what is excluded, nor more than asked, and ranks by probability', () => {
    fc.assert(
      fc.property(anyUse, anySituation, fc.subarray(names), fc.nat(9), (events, situation, excluded, limit) => {
        const { learning } = learner(rememberAll(events));
        const predictions = learning.predict(situation, graph, limit, new Set(excluded));
        assert.ok(predictions.length <= limit);
        let last = 1 + 1e-9;
        for (const { module, probability, reason } of predictions) {
          assert.ok(!excluded.includes(module) && reason !== '');
          assert.ok(probability > 0 && probability <= last);
          last = probability;
        }
        assert.equal(new Set(predictions.map(({ module }) => module)).size, predictions.length);
      }),
    );
  });

  it('answers the same for the same events, and again after a snapshot', function () {
    this.timeout(20_000);
    fc.assert(
      fc.property(anyUse, anySituation, (events, situation) => {
        const answer = (memory: UsageMemory) => learner(memory).learning.predict(situation, graph, 10);
        const expected = answer(rememberAll(events));
        assert.deepEqual(answer(rememberAll(events)), expected);
        const restored = new UsageMemory();
        assert.ok(restored.restore(JSON.parse(JSON.stringify(rememberAll(events).snapshot()))));
        assert.deepEqual(answer(restored), expected);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('the weights of the experts', () => {
  it('leave one that is always wrong with little, and let it return', () => {
    const weights = new ExpertWeights();
    const wrong = { demand: 0.2, graph: 0, order: 0.2, sessions: 0.2 };
    for (let outcome = 0; outcome < 50; outcome++) weights.learn(wrong);
    assert.ok(weights.of('graph') < 0.02, `still ${weights.of('graph')}`);
    const right = { demand: 0, graph: 0.9, order: 0, sessions: 0 };
    for (let outcome = 0; outcome < 50; outcome++) weights.learn(right);
    assert.ok(weights.of('graph') > 0.9, `only ${weights.of('graph')}`);
  });

  it('always add up to 1 and stay above 0', () => {
    const anyLikelihood = fc.double({ min: 0, max: 1, noNaN: true });
    const outcome = fc.record(Object.fromEntries(EXPERTS.map((expert) => [expert, anyLikelihood])));
    fc.assert(
      fc.property(fc.array(outcome), (outcomes) => {
        const weights = new ExpertWeights();
        for (const each of outcomes) weights.learn(each as ReturnType<ExpertWeights['snapshot']>);
        const all = EXPERTS.map((expert) => weights.of(expert));
        assert.ok(Math.abs(all.reduce((sum, weight) => sum + weight, 0) - 1) < 1e-9);
        assert.ok(all.every((weight) => weight > 0));
      }),
    );
  });

  it('move to those that foresaw what was entered, while sessions run', () => {
    const { memory, ranked, learning } = learner();
    const before = memory.weight('graph');
    for (let time = 0; time < 30; time++) {
      memory.apply({ kind: 'entered', at: time, session: 'now', module: 'A' });
      ranked('A');
      // The graph expects B after A, which it never is.
      memory.apply({ kind: 'entered', at: time, session: 'now', module: 'F' });
      memory.apply({ kind: 'sessionEnded', at: time, session: 'now' });
    }
    assert.ok(memory.weight('graph') < before / 2, `${memory.weight('graph')}`);
    assert.ok(memory.weight('sessions') > memory.weight('graph'));
    assert.equal(learning.weightOf('predictive'), memory.weight('graph'));
  });

  it('move by an outcome once, and not by a module that was entered before', () => {
    const { memory, ranked } = learner();
    live(memory, ['A', 'F']);
    memory.apply({ kind: 'entered', at: 1, session: 'now', module: 'A' });
    ranked('A');
    memory.apply({ kind: 'stopped', at: 2, session: 'now', module: 'A' });
    const untouched = memory.weight('graph');
    memory.apply({ kind: 'entered', at: 3, session: 'now', module: 'F' });
    const moved = memory.weight('graph');
    assert.notEqual(moved, untouched);
    memory.apply({ kind: 'entered', at: 4, session: 'now', module: 'E' });
    assert.equal(memory.weight('graph'), moved);
  });
});

describe('the memory of sessions', () => {
  it('restores what it gave as a snapshot, to the letter', () => {
    fc.assert(
      fc.property(anyUse, (events) => {
        const snapshot = rememberAll(events).snapshot();
        const memory = new UsageMemory();
        assert.ok(memory.restore(JSON.parse(JSON.stringify(snapshot))));
        assert.deepEqual(memory.snapshot(), snapshot);
      }),
    );
  });

  it('goes on with a session that was running when the snapshot was taken', () => {
    fc.assert(
      fc.property(anyUse, anyUse, (before, after) => {
        const whole = rememberAll([...before, ...after]);
        const restored = new UsageMemory();
        restored.restore(rememberAll(before).snapshot());
        for (const event of after) restored.apply(event);
        assert.deepEqual(restored.snapshot(), whole.snapshot());
      }),
    );
  });

  it('refuses what is no state of its version, and stays as it was', () => {
    const memory = new UsageMemory();
    live(memory, ['A', 'B']);
    const state = memory.snapshot();
    const garbage: unknown[] = [
      null,
      'state',
      {},
      { ...state, version: 99 },
      { ...state, modules: 3 },
      { ...state, modules: ['A', 'A'] },
      { ...state, sessions: [[1, [7], [], null]] },
      { ...state, sessions: [[1, [-1], [], null]] },
      { ...state, sessions: [[1, [0.5], [], null]] },
      { ...state, weights: { graph: 1 } },
      { ...state, weights: { ...state.weights, graph: 7 } },
    ];
    for (const broken of garbage) assert.equal(memory.restore(broken), false, JSON.stringify(broken));
    fc.assert(fc.property(fc.jsonValue(), (value) => !memory.restore(value)));
    assert.deepEqual(memory.snapshot(), state);
  });

  it('forgets sessions by their last event, and names that nobody knows any more with them', () => {
    const memory = new UsageMemory();
    live(memory, ['A', 'B'], 10);
    live(memory, ['C', 'D'], 20);
    memory.forgetBefore(15);
    const { modules, sessions: kept } = memory.snapshot();
    assert.deepEqual(modules, ['C', 'D']);
    assert.deepEqual(kept, [[20, [0, 1], [], null]]);
  });

  it('is empty after a reset', () => {
    const memory = new UsageMemory();
    live(memory, ['A', 'B']);
    memory.reset();
    assert.deepEqual(memory.snapshot(), new UsageMemory().snapshot());
  });

  it('is bounded: the oldest sessions go first', () => {
    const memory = new UsageMemory();
    for (let time = 0; time < 1100; time++) live(memory, [`Only.In.${time}`, 'A'], time);
    const { sessions: kept, modules } = memory.snapshot();
    assert.equal(kept.length, 1000);
    assert.ok(!modules.includes('Only.In.99') && modules.includes('Only.In.100'));
  });
});
