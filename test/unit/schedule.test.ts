// The planner: what it promises for every input, and the cases that explain it.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { aheadOf, planActions, type Limits, type Wishes, type WorkingSet } from '../../server/schedule/plan';
import { Sizes } from '../../server/schedule/sizes';
import type { PlannedAction } from '../../protocol/coordination';

const MODULES = Array.from({ length: 24 }, (_, index) => `M${index}`);
const anyModules = fc.subarray(MODULES);

interface Input {
  wishes: Wishes;
  set: WorkingSet & { bytes: Record<string, number> };
  limits: Limits;
}

const ranked = (modules: string[], probabilities: number[]) =>
  modules.map((module, index) => ({ module, probability: probabilities[index] ?? 0, reason: 'because' }));
const shuffledModules = fc.shuffledSubarray(MODULES);
const probabilities = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 24, maxLength: 24 });

const input: fc.Arbitrary<Input> = fc
  .record({
    demand: shuffledModules,
    predicted: shuffledModules,
    uses: probabilities,
    pinned: anyModules,
    never: anyModules,
    prepared: anyModules,
    unreleasable: anyModules,
    impossible: anyModules,
    sizes: fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 24, maxLength: 24 }),
    last: fc.array(fc.nat(5), { minLength: 24, maxLength: 24 }),
    memoryThreshold: fc.nat(1_000),
    cores: fc.integer({ min: 1, max: 16 }),
    busy: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
    paused: fc.boolean(),
  })
  .map((given) => {
    const bytes = Object.fromEntries(MODULES.map((module, index) => [module, given.sizes[index] ?? 1]));
    const last = Object.fromEntries(MODULES.map((module, index) => [module, given.last[index] ?? 0]));
    const never = new Set(given.never);
    return {
      wishes: {
        demand: ranked(given.demand, given.uses),
        predictions: ranked(
          given.predicted,
          [...given.uses].sort((a, b) => b - a),
        ),
        pinned: new Set(given.pinned.filter((module) => !never.has(module))),
        never,
      },
      set: {
        bytes,
        prepared: new Map(given.prepared.map((module) => [module, { bytes: bytes[module] ?? 1 }])),
        unreleasable: new Set(given.unreleasable),
        impossible: new Set(given.impossible.filter((module) => !given.prepared.includes(module))),
        lastUsedAt: (module: string) => last[module] ?? 0,
        sizeOf: (module: string) => bytes[module] ?? 1,
      },
      limits: {
        memoryThreshold: given.memoryThreshold,
        cores: given.cores,
        busy: given.busy,
        paused: given.paused,
      },
    };
  });

const plan = ({ wishes, set, limits }: Input): PlannedAction[] => planActions(wishes, set, limits);
const total = (set: Input['set'], modules: Iterable<string>): number =>
  [...modules].reduce((sum, module) => sum + (set.bytes[module] ?? 0), 0);

function replay(actions: PlannedAction[], set: Input['set'], look: (ready: Set<string>, last: PlannedAction) => void) {
  const ready = new Set(set.prepared.keys());
  for (const action of actions) {
    if (action.action === 'prepare') ready.add(action.module);
    else ready.delete(action.module);
    look(ready, action);
  }
  return ready;
}

describe('the planner', () => {
  const holds = (promise: (given: Input, actions: PlannedAction[]) => void): void =>
    fc.assert(
      fc.property(input, (given) => promise(given, plan(given))),
      { numRuns: 1_000 },
    );

  it('gives the same plan for the same input', () => {
    holds((given, actions) => assert.deepEqual(plan(given), actions));
  });

  it('names a module once, in order of priority, and only what changes something', () => {
    holds(({ set }, actions) => {
      assert.equal(new Set(actions.map(({ module }) => module)).size, actions.length);
      assert.deepEqual(
        actions.map(({ priority }) => priority),
        actions.map((_, index) => index),
      );
      for (const { module, action } of actions) assert.equal(set.prepared.has(module), action === 'release');
    });
  });

  it('never releases what is armed, on a stack, held or pinned', () => {
    holds(({ wishes, set }, actions) => {
      for (const { module, action } of actions) {
        if (action === 'release') assert.ok(!set.unreleasable.has(module) && !wishes.pinned.has(module), module);
      }
    });
  });

  it('never prepares what the user excluded or what cannot be prepared', () => {
    holds(({ wishes, set }, actions) => {
      for (const { module, action } of actions) {
        if (action === 'prepare') assert.ok(!wishes.never.has(module) && !set.impossible.has(module), module);
      }
    });
  });

  it('exceeds the threshold, or what cannot be released, by one module at most', () => {
    holds(({ wishes, set, limits }, actions) => {
      const fixed = [...set.prepared.keys()].filter((m) => set.unreleasable.has(m) || wishes.pinned.has(m));
      const most = Math.max(limits.memoryThreshold, total(set, fixed));
      replay(actions, set, (ready, { module, action }) => {
        if (action === 'prepare') assert.ok(total(set, ready) - (set.bytes[module] ?? 0) <= most);
      });
    });
  });

  it('exceeds it for demand alone', () => {
    holds(({ wishes, set, limits }, actions) => {
      const demanded = new Set(wishes.demand.map(({ module }) => module));
      replay(actions, set, (ready, { module, action }) => {
        if (action === 'prepare' && !demanded.has(module)) assert.ok(total(set, ready) <= limits.memoryThreshold);
      });
    });
  });

  it('serves the most urgent demand whatever else there is, and all of it before anything predicted', () => {
    holds(({ wishes, set, limits }, actions) => {
      if (limits.paused) return;
      const possible = wishes.demand
        .map(({ module }) => module)
        .filter((m) => !wishes.never.has(m) && !set.impossible.has(m));
      const prepares = actions.filter(({ action }) => action === 'prepare').map(({ module }) => module);
      const [urgent] = possible;
      if (urgent !== undefined && !set.prepared.has(urgent)) assert.equal(prepares[0], urgent);
      const kinds = prepares.map((module) => possible.includes(module));
      assert.equal(kinds.indexOf(true, kinds.indexOf(false) < 0 ? kinds.length : kinds.indexOf(false)), -1);
    });
  });

  it('serves all demand that fits', () => {
    holds(({ wishes, set, limits }, actions) => {
      const possible = wishes.demand
        .map(({ module }) => module)
        .filter((m) => !wishes.never.has(m) && !set.impossible.has(m));
      const kept = [...set.prepared.keys()].filter((m) => set.unreleasable.has(m) || wishes.pinned.has(m));
      if (limits.paused || total(set, new Set([...possible, ...kept])) > limits.memoryThreshold) return;
      const ready = replay(actions, set, () => undefined);
      for (const module of possible) assert.ok(ready.has(module), module);
    });
  });

  it('prepares nothing while it is paused', () => {
    holds(({ limits }, actions) => {
      if (limits.paused) assert.ok(actions.every(({ action }) => action === 'release'));
    });
  });

  it('settles: plan after plan for the same wishes ends with nothing left to do', () => {
    holds((given, actions) => {
      const { wishes, set, limits } = given;
      let { prepared } = set;
      let next = actions;
      for (let plans = 0; next.length > 0; plans++) {
        assert.ok(plans < 2 * MODULES.length, 'modules are swapped for ever');
        const ready = replay(next, { ...set, prepared }, () => undefined);
        prepared = new Map([...ready].map((module) => [module, { bytes: set.bytes[module] ?? 1 }]));
        next = planActions(wishes, { ...set, prepared }, limits);
      }
    });
  });

  const set = (prepared: Record<string, number>, changes: Partial<WorkingSet> = {}): WorkingSet => ({
    prepared: new Map(Object.entries(prepared).map(([module, bytes]) => [module, { bytes }])),
    unreleasable: new Set(),
    impossible: new Set(),
    lastUsedAt: () => 0,
    sizeOf: () => 10,
    ...changes,
  });
  const wishes = (changes: Partial<Wishes>): Wishes => ({
    demand: [],
    predictions: [],
    pinned: new Set(),
    never: new Set(),
    ...changes,
  });
  const limits = (memoryThreshold: number, changes: Partial<Limits> = {}): Limits => ({
    memoryThreshold,
    cores: 2,
    busy: 0,
    paused: false,
    ...changes,
  });
  const brief = (actions: PlannedAction[]) => actions.map(({ action, module }) => `${action} ${module}`);

  it('releases the least likely, and among these the longest unused, first', () => {
    const lastUsedAt = (module: string) => ({ Old: 1, New: 2 })[module] ?? 3;
    const predictions = ranked(['Likely'], [0.5]);
    const actions = planActions(
      wishes({ predictions }),
      set({ New: 10, Likely: 10, Old: 10 }, { lastUsedAt }),
      limits(10),
    );
    assert.deepEqual(brief(actions), ['release Old', 'release New']);
  });

  it('swaps a module only for one that is clearly likelier', () => {
    const near = ranked(['Next', 'There'], [0.3, 0.2]);
    assert.deepEqual(brief(planActions(wishes({ predictions: near }), set({ There: 10 }), limits(10))), []);
    const far = ranked(['Next', 'There'], [0.5, 0.2]);
    assert.deepEqual(brief(planActions(wishes({ predictions: far }), set({ There: 10 }), limits(10))), [
      'release There',
      'prepare Next',
    ]);
  });

  it('prepares fewer modules ahead the busier the program and the fewer the cores', () => {
    assert.ok(aheadOf({ cores: 8, busy: 0 }) > aheadOf({ cores: 2, busy: 0 }));
    assert.ok(aheadOf({ cores: 8, busy: 0.9 }) < aheadOf({ cores: 8, busy: 0 }));
    assert.ok(aheadOf({ cores: 1, busy: 1 }) > 0);
    const predictions = ranked(
      Array.from({ length: 500 }, (_, index) => `P${index}`),
      [],
    );
    const prepared = (busy: number) => planActions(wishes({ predictions }), set({}), limits(1e9, { busy })).length;
    assert.equal(prepared(0), aheadOf({ cores: 2, busy: 0 }));
    assert.equal(prepared(1), aheadOf({ cores: 2, busy: 1 }));
  });

  it('keeps pinned modules ready where there is room', () => {
    assert.deepEqual(brief(planActions(wishes({ pinned: new Set(['P']) }), set({ Idle: 10 }), limits(10))), [
      'release Idle',
      'prepare P',
    ]);
  });
});

describe('the sizes of modules', () => {
  it('are those measured last, and elsewhere the mean of what was measured', () => {
    const sizes = new Sizes();
    const typical = sizes.of('Unknown');
    assert.ok(typical > 0);
    sizes.learn('A', 5);
    sizes.learn('A', 10);
    assert.equal(sizes.of('A'), 10);
    assert.equal(sizes.of('Unknown'), typical);
    for (let index = 0; index < 9; index++) sizes.learn(`B${index}`, 20);
    assert.equal(sizes.of('Unknown'), 19);
  });
});
