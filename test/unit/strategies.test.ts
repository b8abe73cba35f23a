// The strategies that learn nothing: what they rank first and why, and what they promise for every graph and situation.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { DemandStrategy } from '../../server/strategies/demand';
import { likeliest } from '../../server/strategies/likeliest';
import { compact } from '../../server/strategies/compactGraph';
import { pageRank } from '../../server/strategies/pageRank';
import { PredictiveStrategy } from '../../server/strategies/predictive';
import type { Situation } from '../../server/strategies/strategy';
import { SCOPES } from '../../protocol/settings';
import { moduleGraph } from '../support/moduleGraph';

const shop = {
  Shop: { call: ['Shop.Cart', 'Shop.Mail'] },
  'Shop.Cart': { call: ['Shop.Price', 'Shop.CartError'] },
  'Shop.CartError': {},
  'Shop.Mail': { reference: ['Shop.Mail.Html'] },
  'Shop.Mail.Html': {},
  'Shop.Price': { call: ['Shop.Tax'] },
  'Shop.Tax': {},
  'Other.Thing': { call: ['Other.Helper'] },
  'Other.Helper': {},
};

const at = (...path: string[]): Situation => ({
  session: 's',
  breakpoints: path.slice(0, 1),
  frames: [],
  path,
  focused: [],
  edited: [],
  scope: 'transitive',
});

const names = Object.keys(shop);
const anyModules = fc.shuffledSubarray(names);
const anySituation: fc.Arbitrary<Situation> = fc.record({
  session: fc.constant('s'),
  breakpoints: anyModules,
  frames: anyModules,
  path: fc.array(fc.constantFrom(...names, 'Gone')),
  focused: anyModules,
  edited: anyModules,
  scope: fc.constantFrom(...SCOPES),
});
const anyGraph = fc
  .array(fc.tuple(fc.constantFrom(...names), fc.constantFrom(...names), fc.constantFrom('call', 'reference', 'alias')))
  .map((edges) =>
    moduleGraph(
      Object.fromEntries(
        names.map((name) => [
          name,
          Object.fromEntries(
            ['call', 'reference', 'alias'].map((kind) => [
              kind,
              edges.filter(([from, , of]) => from === name && of === kind).map(([, to]) => to),
            ]),
          ),
        ]),
      ),
    ),
  );

describe('strategy demand-driven', () => {
  const demand = new DemandStrategy();
  const graph = moduleGraph(shop);

  it('asks for stopped frames before breakpoints before where execution was, each once', () => {
    const situation = { ...at('Shop.Tax'), frames: ['Shop.Price', 'Shop.Cart'], breakpoints: ['Shop.Cart', 'Shop'] };
    const predictions = demand.predict(situation, graph, 10);
    assert.deepEqual(
      predictions.map(({ module, reason }) => [module, reason]),
      [
        ['Shop.Price', 'on the stack of a stopped process'],
        ['Shop.Cart', 'on the stack of a stopped process'],
        ['Shop', 'has a breakpoint'],
        ['Shop.Tax', 'was entered last'],
      ],
    );
  });

  it('asks for nothing that is excluded, and for nothing beyond the limit', () => {
    const situation = { ...at('Shop'), frames: ['Shop.Price', 'Shop.Cart'] };
    assert.deepEqual(
      demand.predict(situation, graph, 1, new Set(['Shop.Price'])).map(({ module }) => module),
      ['Shop.Cart'],
    );
  });
});

describe('strategy predictive', () => {
  const predictive = new PredictiveStrategy();
  const graph = moduleGraph(shop);
  const ranked = (situation: Situation) =>
    predictive.predict(situation, graph, 10, new Set(situation.path)).map(({ module }) => module);

  it('ranks what the current module calls first and says so', () => {
    const [first] = predictive.predict(at('Shop', 'Shop.Cart'), graph, 1, new Set(['Shop', 'Shop.Cart']));
    assert.equal(first?.module, 'Shop.Price');
    assert.equal(first.reason, 'called by Shop.Cart');
  });

  it('ranks an exception behind what else is called', () => {
    const order = ranked(at('Shop', 'Shop.Cart'));
    assert.ok(order.indexOf('Shop.CartError') > order.indexOf('Shop.Price'));
  });

  it('finds what no call leads to by its name', () => {
    assert.equal(ranked(at('Shop.Mail'))[0], 'Shop.Mail.Html');
  });

  it('ranks another application behind its own', () => {
    const order = ranked(at('Shop', 'Shop.Cart'));
    assert.ok(order.indexOf('Other.Helper') > order.indexOf('Shop.Tax'));
    assert.equal(ranked(at('Other.Thing'))[0], 'Other.Helper');
  });

  it('puts a breakpoint that was not reached yet before every guess', () => {
    const situation = { ...at('Shop', 'Shop.Cart'), breakpoints: ['Shop.Tax'] };
    assert.equal(ranked(situation)[0], 'Shop.Tax');
  });

  it('follows the top frame of a stop, wherever execution had been before', () => {
    const stopped = { ...at('Shop', 'Shop.Cart'), frames: ['Other.Thing'] };
    assert.equal(
      predictive.predict(stopped, graph, 10, new Set([...stopped.path, 'Other.Thing']))[0]?.module,
      'Other.Helper',
    );
  });

  it('leaves out what a mix.exs declares, unless it is debugged', () => {
    const project = { 'Shop.MixProject': {}, Shop: { call: ['Shop.Cart'] }, 'Shop.Cart': {} };
    const withRecipe = moduleGraph(project, [], { 'Shop.MixProject': '/shop/mix.exs', Shop: '/shop/lib/shop.ex' });
    const predicted = (situation: Situation) =>
      predictive.predict(situation, withRecipe, 10).map(({ module }) => module);
    assert.deepEqual(predicted({ ...at('Shop'), focused: ['Shop.MixProject'] }).sort(), ['Shop', 'Shop.Cart']);
    assert.equal(predicted({ ...at('Shop'), breakpoints: ['Shop.MixProject'] })[0], 'Shop.MixProject');
  });

  it('prefers what is edited or open when nothing else is known', () => {
    const idle = { ...at(), focused: ['Other.Thing'] };
    assert.equal(ranked(idle)[0], 'Other.Thing');
    assert.equal(ranked({ ...at(), edited: ['Shop.Tax'] })[0], 'Shop.Tax');
  });

  it('ranks a module of a dependency behind one of the project', () => {
    const twins = { A: { call: ['Mine', 'Dep'] }, Mine: {}, Dep: {} };
    const order = predictive.predict(at('A'), moduleGraph(twins, ['Dep']), 10, new Set(['A']));
    assert.deepEqual(
      order.map(({ module }) => module),
      ['Mine', 'Dep'],
    );
  });

  it('stays with called modules in scope minimal, and within the application in scope conservative', () => {
    const called = { ...at('Shop.Cart'), scope: 'minimal' as const };
    assert.deepEqual(new Set(ranked(called)), new Set(['Shop.Price', 'Shop.CartError']));
    const usual = ranked({ ...at('Shop.Cart'), scope: 'conservative' });
    assert.ok(usual.includes('Shop.Mail.Html') && !usual.includes('Other.Helper'));
    assert.ok(ranked(at('Shop.Cart')).includes('Other.Helper'));
  });

  it('reads a graph again when its revision has grown', () => {
    const changing = { ...moduleGraph({ A: { call: ['B'] }, B: {}, C: {} }) };
    assert.equal(predictive.predict(at('A'), changing, 1, new Set(['A']))[0]?.module, 'B');
    const later = moduleGraph({ A: { call: ['C'] }, B: {}, C: {} });
    Object.assign(changing, { ...later, revision: 2 });
    assert.equal(predictive.predict(at('A'), changing, 1, new Set(['A']))[0]?.module, 'C');
  });

  it('answers the same whatever it was asked before, and whatever the order of modules and edges', () => {
    fc.assert(
      fc.property(anyGraph, anySituation, anySituation, (given, one, other) => {
        const fresh = new PredictiveStrategy().predict(one, given, 9);
        predictive.predict(other, given, 9);
        assert.deepEqual(predictive.predict(one, given, 9), fresh);
        const turned = { ...given, modules: () => [...given.modules()].reverse() };
        assert.deepEqual(new PredictiveStrategy().predict(one, turned, 9), fresh);
      }),
    );
  });

  it('never predicts what is excluded or unknown, nor more than asked; probabilities fall and add up to at most 1', () => {
    fc.assert(
      fc.property(anyGraph, anySituation, anyModules, fc.nat(12), (given, situation, excluded, limit) => {
        const predictions = predictive.predict(situation, given, limit, new Set(excluded));
        assert.ok(predictions.length <= limit);
        let [last, total] = [1, 0];
        for (const { module, probability, reason } of predictions) {
          assert.ok(!excluded.includes(module) && names.includes(module) && reason !== '');
          assert.ok(probability > 0 && probability <= last);
          last = probability;
          total += probability;
        }
        assert.ok(total <= 1 + 1e-9);
        assert.equal(new Set(predictions.map(({ module }) => module)).size, predictions.length);
      }),
    );
  });

  it('has an answer for an empty graph', () => {
    assert.deepEqual(predictive.predict(at('Shop'), moduleGraph({}), 10), []);
  });
});

describe('PageRank', () => {
  it('spends all of its time somewhere, most of it where it starts again', () => {
    fc.assert(
      fc.property(anyGraph, fc.nat(names.length - 1), (given, start) => {
        const restart = new Float64Array(names.length);
        restart[start] = 1;
        const rank = pageRank(compact(given).links, restart, 1e-9);
        assert.ok(Math.abs(rank.reduce((sum, share) => sum + share, 0) - 1) < 1e-6);
        assert.equal(rank.indexOf(Math.max(...rank)), start);
      }),
    );
  });

  it('solves two modules that call each other', () => {
    const [links] = [compact(moduleGraph({ A: { call: ['B'] }, B: {} })).links];
    const rank = pageRank(links, Float64Array.of(1, 0), 1e-12);
    assert.ok(Math.abs((rank[0] ?? 0) - 2 / 3) < 1e-9);
    assert.ok(Math.abs((rank[1] ?? 0) - 1 / 3) < 1e-9);
  });
});

describe('the likeliest of many', () => {
  it('are those that sorting all of them gives', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 5 })), fc.nat(8), (values, limit) => {
        const sorted = values
          .map((value, number) => ({ value, number }))
          .filter(({ value }) => value > 0)
          .sort((a, b) => b.value - a.value || a.number - b.number)
          .map(({ number }) => number);
        assert.deepEqual(likeliest(Float64Array.from(values), limit), sorted.slice(0, limit));
      }),
    );
  });
});
