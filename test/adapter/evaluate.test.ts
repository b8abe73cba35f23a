// Evaluation at a stop: what an expression knows, where it runs, how it fails, how it ends; and completions.
import assert from 'node:assert/strict';
import { fixture, type Fixture } from '../support/fixture';
import { sessions, type Session, type Stop } from '../support/session';

const scoping = 'lib/constructs/scoping.ex';

describe('evaluate', () => {
  const debug = sessions();
  let constructs: Fixture;
  before(async () => (constructs = await fixture('constructs')));

  const atPlace = async (): Promise<{ session: Session; stop: Stop }> => {
    const session = await debug.launch(constructs, {
      run: 'IO.inspect(Constructs.Scoping.place(3))',
      breakpoints: { [scoping]: ['place'] },
    });
    return { session, stop: await session.stop() };
  };

  for (const context of ['repl', 'watch', 'hover', 'clipboard', 'variables']) {
    it(`in the ${context} knows variables, aliases, imports, requires, attributes and private functions`, async () => {
      const { session, stop } = await atPlace();
      const evaluate = (expression: string) => session.evaluate(expression, stop.top, context);
      assert.equal(await evaluate('n + total'), '36');
      assert.equal(await evaluate('Renamed.twice(n)'), '6');
      assert.equal(await evaluate('sum([1, 2])'), '3');
      assert.equal(await evaluate('Integer.is_odd(n)'), 'true');
      assert.equal(await evaluate('@limit'), '30');
      assert.equal(await evaluate('hidden(2)'), '14');
      assert.equal(await evaluate('__MODULE__'), 'Constructs.Scoping');
    });

    it(`in the ${context} has the stopped process as self()`, async () => {
      const { session, stop } = await atPlace();
      const self = await session.evaluate('self()', stop.top, context);
      const { threads } = await session.client.request('threads', {});
      const name = threads.find(({ id }) => id === stop.threadId)?.name ?? '';
      assert.match(self, /#PID<(\d+\.\d+\.\d+)>/);
      assert(name.includes(/<(.*)>/.exec(self)?.[1] ?? '?'), `${self} is the thread ${name}`);
    });
  }

  it('takes what VS Code sends along with a hover', async () => {
    const { session, stop } = await atPlace();
    const answer = await session.client.request('evaluate', {
      expression: 'n',
      frameId: stop.top.id,
      context: 'hover',
      line: stop.top.line,
      column: 5,
      source: { name: 'scoping.ex', path: `vscode-remote://localhost:1/${scoping}` },
    });
    assert.equal(answer.result, '3');
  });

  it('gives values that open', async () => {
    const { session, stop } = await atPlace();
    const { variablesReference, type } = await session.client.request('evaluate', {
      expression: '%{a: [1, 2], b: n}',
      frameId: stop.top.id,
      context: 'watch',
    });
    assert.match(type ?? '', /map/i);
    const children = await session.variables(variablesReference);
    assert.deepEqual(
      children.map(({ value }) => value),
      ['[1, 2]', '3'],
    );
  });

  it('in the repl keeps its bindings and runs in the process itself', async () => {
    const { session, stop } = await atPlace();
    await session.evaluate('mine = n * 10', stop.top);
    assert.equal(await session.evaluate('mine + 1', stop.top), '31');
    await session.evaluate('Process.put(:left, mine)', stop.top);
    assert.equal(await session.evaluate('Process.get(:left)', stop.top), '30');
    assert.equal(await session.evaluate('Process.get(:left)', stop.top, 'watch'), '30');
    await session.resume(stop);
    assert.match((await session.end()).stdout, /\{33, true, 21\}/);
  });

  it('in the repl remembers what was imported and aliased, in that function', async () => {
    const { session, stop } = await atPlace();
    await session.evaluate('import Bitwise, only: [bsl: 2]', stop.top);
    await session.evaluate('alias Constructs.Other, as: Later', stop.top);
    for (const context of ['repl', 'watch']) {
      assert.equal(await session.evaluate('Later.twice(bsl(n, 1))', stop.top, context), '12');
    }
    const next = await session.step('next', stop);
    assert.equal(await session.evaluate('bsl(1, 4)', next.top), '16');
    const { targets } = await session.client.request('completions', {
      frameId: next.top.id,
      text: 'Later.tw',
      column: 9,
    });
    assert.deepEqual(
      targets.map(({ label }) => label.replace(/[/(].*/, '')),
      ['twice'],
    );
    const refused = await session.client.refused('evaluate', { expression: 'bsl(1, 4)', context: 'repl' });
    assert.match(refused.text, /bsl/, 'elsewhere it is not known');
  });

  it('knows the directory of the source as __DIR__', async () => {
    const { session, stop } = await atPlace();
    for (const context of ['repl', 'watch']) {
      assert.equal(await session.evaluate('__DIR__', stop.top, context), `"${constructs.file('lib/constructs')}"`);
    }
  });

  it('in a watch leaves the process as it was', async () => {
    const { session, stop } = await atPlace();
    await session.evaluate('Process.put(:watched, 1)', stop.top, 'watch');
    assert.equal(await session.evaluate('Process.get(:watched)', stop.top), 'nil');
    await session.evaluate('n = 1000', stop.top, 'watch');
    await session.resume(stop);
    assert.match((await session.end()).stdout, /\{33, true, 21\}/);
  });

  it('says in one line what it does not know', async () => {
    const { session, stop } = await atPlace();
    for (const [expression, message] of [
      ['nobody', 'undefined variable "nobody"'],
      [
        '@nobody',
        'undefined module attribute @nobody: the source sets it nowhere above this line, and what a macro sets is known to the compiler only',
      ],
    ] as const) {
      const refused = await session.client.refused('evaluate', { expression, frameId: stop.top.id, context: 'repl' });
      assert.equal(refused.text, message);
    }
  });

  it('knows the environment of the place as __ENV__', async () => {
    const { session, stop } = await atPlace();
    for (const context of ['repl', 'watch']) {
      assert.equal(await session.evaluate('__ENV__.function', stop.top, context), '{:place, 1}');
      assert.equal(await session.evaluate('__ENV__.file', stop.top, context), `"${constructs.file(scoping)}"`);
      assert.equal(await session.evaluate('__ENV__.line', stop.top, context), String(stop.top.line));
    }
  });

  it('shows a value that opens in one line, in the console in as many as it takes', async () => {
    const { session, stop } = await atPlace();
    const expression = 'Map.new(1..30, &{&1, "some text"})';
    for (const context of ['hover', 'watch']) {
      assert.doesNotMatch(await session.evaluate(expression, stop.top, context), /\n/);
    }
    assert.match(await session.evaluate(expression, stop.top), /\n/);
  });

  it('of a caller uses the values of the caller', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.nested(7)',
      functions: ['Constructs.Basic.nested/1', 'Constructs.Basic.inner/1'],
    });
    await session.resume(await session.stop());
    const { frames } = await session.stop();
    assert.equal(await session.evaluate('inner(n + 1)', frames[2], 'watch'), '81');
  });

  it('without a frame knows the modules of the program', async () => {
    const { session } = await atPlace();
    assert.equal(await session.evaluate('Constructs.Other.twice(21)'), '42');
  });

  for (const [expression, message] of [
    ['1 +', /syntax|unexpected|incomplete|expression/i],
    ['nowhere + 1', /nowhere/],
    ['raise "oh no"', /oh no/],
    ['throw(:ball)', /ball/],
    ['exit(:gone)', /gone/],
    ['Nothing.here()', /Nothing\.here/],
  ] as const) {
    it(`answers "${expression}" with the error and goes on`, async () => {
      const { session, stop } = await atPlace();
      for (const context of ['repl', 'watch']) {
        const refused = await session.client.refused('evaluate', { expression, frameId: stop.top.id, context });
        assert.match(refused.text, message);
      }
      assert.equal(await session.evaluate('n', stop.top), '3');
      await session.resume(stop);
      assert.equal((await session.end()).exitCode, 0);
    });
  }

  it('in a watch that never ends is ended at its deadline', async () => {
    const { session, stop } = await atPlace();
    const refused = await session.client.refused('evaluate', {
      expression: 'Process.sleep(:infinity)',
      frameId: stop.top.id,
      context: 'watch',
    });
    assert.match(refused.text, /time|deadline|took|ms|seconds/i);
    assert.equal(await session.evaluate('n', stop.top, 'watch'), '3');
  });

  it('in the repl can be cancelled at once, while the process is said to be busy', async () => {
    const { session, stop } = await atPlace();
    const { client } = session;
    const running = client.send('evaluate', {
      expression: 'IO.puts("evaluating"); Process.sleep(3_000); :woken',
      frameId: stop.top.id,
      context: 'repl',
    });
    await client.event('output', ({ output }) => output.includes('evaluating'));
    const asked = Date.now();
    await client.request('cancel', { requestId: running.seq });
    const answer = await running.answer;
    assert.equal(answer.success, false);
    assert.equal(answer.message, 'cancelled');
    assert(Date.now() - asked < 2_000, 'long before the expression ends');
    const busy = await client.event('output', ({ output }) => /busy|still/i.test(output));
    assert(busy.output.length > 10);
  });

  it('passes breakpoints that the expression itself reaches', async () => {
    const { session, stop } = await atPlace();
    const [set] = await session.setBreakpoints('lib/constructs/basic.ex', ['twice']);
    assert.equal(set?.verified, true);
    for (const context of ['repl', 'watch']) {
      assert.equal(await session.evaluate('Renamed.twice(5)', stop.top, context), '10');
    }
    assert.equal(session.client.seen('stopped').length, 1);
  });

  it('in an Erlang frame reads Erlang variables', async () => {
    const session = await debug.launch(constructs, {
      run: ':constructs_erl.main()',
      breakpoints: { 'src/constructs_erl.erl': ['erl_describe'] },
    });
    const stop = await session.stop();
    assert.equal(await session.evaluate('Sum + 1', stop.top, 'watch'), '7');
    assert.equal(await session.evaluate('?MODULE', stop.top, 'watch'), ':constructs_erl');
    assert.equal((await session.locals(stop.top))['Sum'], '6');
  });
});

describe('completions', () => {
  const debug = sessions();
  let constructs: Fixture;
  before(async () => (constructs = await fixture('constructs')));

  /** Asks at a stop at that place; answers are without arities and arguments. */
  const at = async (place: string, run: string): Promise<(text: string) => Promise<string[]>> => {
    const session = await debug.launch(constructs, { run, breakpoints: { [scoping]: [place] } });
    const stop = await session.stop();
    return async (text) => {
      const args = { frameId: stop.top.id, text, column: text.length + 1 };
      const { targets } = await session.client.request('completions', args);
      return targets.map(({ label }) => label.replace(/[/(].*/, ''));
    };
  };

  it('know variables, modules, aliases, functions and structs', async () => {
    const labels = await at('place', 'Constructs.Scoping.place(3)');
    for (const [text, label] of [
      ['tot', 'total'],
      ['Constructs.Ot', 'Other'],
      ['Enum.ma', 'map'],
      ['Renamed.tw', 'twice'],
      ['hid', 'hidden'],
      ['String.upc', 'upcase'],
      ['"ä世" <> String.dow', 'downcase'],
      ['"in a string #{tot', 'total'],
      ['%Constructs.Square{si', 'side'],
    ] as const) {
      const found = await labels(text);
      assert(found.includes(label), `${text}: ${found.slice(0, 20).join(', ')}`);
    }
  });

  it('know the keys of maps, and nothing where no name can stand', async () => {
    const labels = await at('values', 'Constructs.Scoping.values()');
    for (const [text, expected] of [
      ['map.', ['name', 'nested', 'tags']],
      ['map.nested.', ['deep']],
      ['map[:n', [':name', ':nested']],
      ['%{map | na', ['name']],
      ['"map.', []],
      ['# map.', []],
      ['Map.fetch!(map, :nested).', []],
    ] as const) {
      assert.deepEqual(await labels(text), expected, text);
    }
  });
});
