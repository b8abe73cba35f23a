// The pure parts of the analysis: stack lines of failures, names in source text, module patterns, walks over a graph.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { costsOf, stateOf } from '../../server/analysis/costs';
import { stackLinesOf } from '../../server/analysis/failures';
import { linesOf, meant, mentionsIn } from '../../server/analysis/mentions';
import { moduleFilter } from '../../server/analysis/modulePatterns';
import { dependents, directDependencies, isRunTime, reachable } from '../../server/analysis/neighbours';
import type { SessionView } from '../../server/analysis/parts';
import { EdgePacker } from '../../server/index/packed';
import { ModuleGraph } from '../../server/index/moduleGraph';
import type { EdgeKind } from '../../server/index/graph';
import { moduleGraph } from '../support/moduleGraph';

describe('stack lines of a failure', () => {
  const cases: [string, string, object][] = [
    [
      'a frame of an application',
      '    (shop 0.1.0) lib/shop/till.ex:12: Shop.Till.total/1',
      { app: 'shop', file: 'lib/shop/till.ex', line: 12, module: 'Shop.Till', function: 'total/1' },
    ],
    [
      'a frame without application',
      'lib/shop/till.ex:12: Shop.Till.total!/0',
      { app: null, file: 'lib/shop/till.ex', line: 12, module: 'Shop.Till', function: 'total!/0' },
    ],
    [
      'a closure, by the function it stands in',
      '  (shop 0.1.0) lib/a.ex:3: anonymous fn/2 in Shop.A.run/1',
      { app: 'shop', file: 'lib/a.ex', line: 3, module: 'Shop.A', function: 'run/1' },
    ],
    [
      'a quoted function name',
      '  (shop 0.1.0) lib/a.ex:3: Shop.A."run it"/1',
      { app: 'shop', file: 'lib/a.ex', line: 3, module: 'Shop.A', function: 'run it/1' },
    ],
    [
      'an Erlang frame',
      '    (stdlib 4.2) gen_server.erl:1123: :gen_server.try_dispatch/4',
      { app: 'stdlib', file: 'gen_server.erl', line: 1123, module: ':gen_server', function: 'try_dispatch/4' },
    ],
    [
      'a compile error',
      '** (CompileError) lib/foo.ex:3: undefined function bar/0',
      { app: null, file: 'lib/foo.ex', line: 3, module: null, function: null },
    ],
    [
      'a place with a column',
      '   lib/foo.ex:3:7: Foo (module)',
      { app: null, file: 'lib/foo.ex', line: 3, module: null, function: null },
    ],
    [
      'a template',
      '  (web 0.1.0) lib/web/page.html.heex:5: Web.Page.index/1',
      { app: 'web', file: 'lib/web/page.html.heex', line: 5, module: 'Web.Page', function: 'index/1' },
    ],
    [
      'a coloured line',
      '\u001b[31m     test/shop_test.exs:9: (test)\u001b[0m',
      { app: null, file: 'test/shop_test.exs', line: 9, module: null, function: null },
    ],
    [
      'a path of Windows',
      'c:\\shop\\lib\\a.ex:4: Shop.A.run/0',
      { app: null, file: 'c:/shop/lib/a.ex', line: 4, module: 'Shop.A', function: 'run/0' },
    ],
  ];
  for (const [what, text, line] of cases) {
    it(`reads ${what}`, () => assert.deepEqual(stackLinesOf(text), [line]));
  }

  it('takes no prose for a place', () => {
    const text =
      '  left: "lib/a.ex"\n  see http://localhost:4000/x: fine\n  code: assert run() == 3\n  at 12:30: lunch';
    assert.deepEqual(stackLinesOf(text), []);
  });

  it('names a place once, with the function where one line says it', () => {
    const found = stackLinesOf('  test/a_test.exs:4\n  test/a_test.exs:4: ATest."test adds"/1\n');
    assert.deepEqual(
      found.map(({ line, function: name }) => [line, name]),
      [[4, 'test adds/1']],
    );
  });

  it('reads any text without failing, and long ones in no time to speak of', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (text) => {
        for (const { line, file } of stackLinesOf(text)) assert.ok(Number.isInteger(line) && file !== '');
      }),
    );
    const long = `** ${'a '.repeat(500_000)}lib/a.ex:1\n(${'x '.repeat(500_000)}\n${'a.ex:'.repeat(200_000)}`;
    assert.deepEqual(stackLinesOf(long), []);
  });
});

describe('names in source text', () => {
  it('are found with what is called of them, outside of comments', () => {
    const text = '# Shop.Old.run()\nShop.Till.scan(till)\n|> Item.total\n:lists.map(f, [%Shop.Cart{}, "Nope.x"])\n';
    assert.deepEqual(mentionsIn(text), [
      { written: 'Shop.Till', function: 'scan' },
      { written: 'Item', function: 'total' },
      { written: ':lists', function: 'map' },
      { written: 'Shop.Cart', function: null },
    ]);
  });

  it('mean a module by its whole name or by how it ends', () => {
    assert.equal(meant('Till', ['Shop.Till', 'Shop.Item']), 'Shop.Till');
    assert.equal(meant('Shop.Item', ['Shop.Till', 'Shop.Item']), 'Shop.Item');
    assert.equal(meant('ill', ['Shop.Till']), undefined);
    assert.equal(linesOf('a\nb\nc\nd', 2, 3), 'b\nc');
  });
});

describe('module patterns', () => {
  const matching = (patterns: string[], names: string[]): string[] => {
    const filter = moduleFilter(patterns);
    assert.ok(typeof filter === 'function');
    return names.filter(filter);
  };
  const names = ['Shop', 'Shop.Till', 'Shop.Till.Test', 'MyShop.Till', ':shop'];

  it('are anchored globs', () => {
    assert.deepEqual(matching(['Shop.*'], names), ['Shop.Till', 'Shop.Till.Test']);
    assert.deepEqual(matching(['Sho?'], names), ['Shop']);
    assert.deepEqual(matching(['Shop', ':*'], names), ['Shop', ':shop']);
    assert.deepEqual(matching([], names), names);
  });

  it('are regular expressions where they hold what no glob has', () => {
    assert.deepEqual(matching(['Till$'], names), ['Shop.Till', 'MyShop.Till']);
    assert.deepEqual(moduleFilter(['Shop.*', '(']), { invalid: '(' });
  });

  it('take any text', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), fc.string(), (patterns, name) => {
        const filter = moduleFilter(patterns);
        if (typeof filter === 'function') assert.equal(typeof filter(name), 'boolean');
      }),
    );
    fc.assert(fc.property(fc.stringMatching(/^[A-Za-z.]{1,30}$/), (name) => matching([name], [name]).length === 1));
  });
});

describe('walks over the dependency graph', () => {
  const graph = new ModuleGraph();
  const packer = new EdgePacker();
  const edges: [string, string, EdgeKind][] = [
    ['A', 'B', 'call'],
    ['A', 'C', 'alias'],
    ['B', 'C', 'call'],
    ['C', 'D', 'call'],
    ['D', 'A', 'call'],
    ['B', 'B', 'call'],
  ];
  for (const [from, to, kind] of edges) packer.edge(from, to, kind);
  const modules = ['A', 'B', 'C', 'D'].flatMap((name, index) => [packer.name(name), index + 1]);
  const { names } = packer;
  graph.set('all', { origin: 'source', own: true, app: null, file: null, modules, names, edges: packer.edges });

  it('give direct dependencies and dependents; an alias alone is none, nor is a module its own', () => {
    assert.deepEqual(directDependencies(graph, 'A'), ['B']);
    assert.deepEqual(directDependencies(graph, 'B'), ['C']);
    assert.deepEqual(dependents(graph, 'A'), ['D']);
    assert.deepEqual(directDependencies(graph, 'Unknown'), []);
  });

  it('leave out implementations that a protocol asks for and nobody wrote', () => {
    const protocol = moduleGraph({ Sized: { call: ['Sized.List', 'Sized.Tuple', 'Enum'] }, 'Sized.List': {} });
    assert.deepEqual(directDependencies(protocol, 'Sized'), ['Enum', 'Sized.List']);
  });

  it('go as far as asked, nearest first, and end in cycles', () => {
    assert.deepEqual(reachable(graph, ['A'], 1, isRunTime), ['B']);
    assert.deepEqual(reachable(graph, ['A'], 2, isRunTime), ['B', 'C']);
    assert.deepEqual(reachable(graph, ['A'], Infinity, isRunTime), ['B', 'C', 'D']);
    assert.deepEqual(
      reachable(graph, ['A'], Infinity, isRunTime, (name) => name !== 'C'),
      ['B'],
    );
  });
});

describe('costs', () => {
  const session = (prepared: [string, number, number][]): SessionView => ({
    state: { id: 's', name: 's', startedAt: 0, breakpoints: [], stopped: [] },
    prepared: new Map(
      prepared.map(([module, bytes, prepareMs]) => [module, { bytes, prepareMs, reason: '', functions: [] }]),
    ),
    used: new Map(),
    failed: new Map(),
    at: 0,
  });

  it('are what a session measured, the slower of two, and an estimate for the others', () => {
    const costs = costsOf([session([['A', 1000, 0]]), session([['A', 1000, 3]])]);
    assert.deepEqual(costs('A'), { bytes: 1000, prepareMs: 3, measured: true });
    assert.equal(costs('B').measured, false);
    const many = costsOf([session(Array.from({ length: 10 }, (_, n) => [`M${n}`, 100 * n, n]))]);
    assert.deepEqual(many('B'), { bytes: 450, prepareMs: 4.5, measured: false });
  });

  it('come with the furthest state of any session', () => {
    const armed = session([]);
    const breakpoints = [
      {
        file: 'a.ex',
        breakpoints: [{ line: 1, verified: true, conditional: false, modules: ['A'], hits: 0 }],
      },
    ];
    assert.equal(stateOf('A', [session([['A', 1, 1]])]), 'prepared');
    assert.equal(
      stateOf('A', [session([['A', 1, 1]]), { ...armed, state: { ...armed.state, breakpoints } }]),
      'interpreted',
    );
    assert.equal(stateOf('A', []), 'native');
  });
});
