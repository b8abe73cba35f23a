// Breakpoints that decide: conditions, hit counts, log points, and breakpoints on functions.
import assert from 'node:assert/strict';
import { fixture, type Fixture } from '../support/fixture';
import { sessions } from '../support/session';

const file = 'lib/constructs/basic.ex';

describe('a conditional breakpoint', () => {
  const debug = sessions();
  let constructs: Fixture;
  before(async () => (constructs = await fixture('constructs')));

  it('stops only where its condition holds', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.loop(10, 0)',
      breakpoints: { [file]: [{ at: 'loop', condition: 'n == 4 or rem(n, 5) == 0' }] },
    });
    const seen: (string | undefined)[] = [];
    for (let stop = await session.stopOrEnd(); stop !== undefined; stop = await session.stopOrEnd()) {
      seen.push((await session.locals(stop.top))['n']);
      await session.resume(stop);
    }
    assert.deepEqual(seen, ['10', '5', '4']);
  });

  it('knows the aliases, imports and attributes of its place', async () => {
    const scoping = 'lib/constructs/scoping.ex';
    const session = await debug.launch(constructs, {
      run: 'Constructs.Scoping.place(3)',
      breakpoints: { [scoping]: [{ at: 'place', condition: 'Renamed.twice(n) == 6 and sum([n, @limit]) == total' }] },
    });
    assert.equal((await session.stop()).at, 'place');
  });

  it('that cannot be parsed is unverified with the reason', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.main()',
      breakpoints: { [file]: [{ at: 'first', condition: 'x == (' }] },
    });
    const [answer] = session.breakpoints[file] ?? [];
    assert.equal(answer?.verified, false);
    assert.match(answer.message ?? '', /condition|syntax|missing|\)/i);
    assert.deepEqual(await session.places(), []);
  });

  it('that raises does not stop the program and is reported once', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.loop(50, 0)',
      breakpoints: { [file]: [{ at: 'loop', condition: 'hd([]) == n' }] },
    });
    assert.deepEqual(await session.places(), []);
    const { exitCode, stderr } = await session.end();
    assert.equal(exitCode, 0, stderr);
    const reports = session.client.seen('output').filter(({ output }) => /condition/i.test(output));
    assert.equal(reports.length, 1, `reported once, not ${reports.length} times`);
    assert.match(reports[0]?.output ?? '', /ArgumentError/);
  });

  it('does not change what the program computes', async () => {
    const session = await debug.launch(constructs, {
      run: 'IO.inspect(Constructs.Basic.loop(2000, 0))',
      breakpoints: {
        [file]: [
          { at: 'loop', condition: 'n < 0' },
          { at: 'loop_call', condition: 'send(self(), :leak) == 1' },
        ],
      },
    });
    assert.deepEqual(await session.places(), []);
    assert.match((await session.end()).stdout, /^2001000$/m);
  });

  it('is one of any number', async () => {
    // More conditions than today's tool allows, on every line of the file that can stop.
    const session = await debug.launch(constructs, { run: 'Constructs.Processes.ticking()', until: 'started' });
    const many = Array.from({ length: 150 }, (_, i) => ({ at: 'tick_count', condition: `_n == -${i + 1}` }));
    const answers = await session.setBreakpoints('lib/constructs/processes.ex', [
      ...many,
      { at: 'tick_count', condition: 'true' },
    ]);
    assert.equal(answers.filter(({ verified }) => verified).length, 151);
    const stop = await session.stop();
    assert.deepEqual(stop.body.hitBreakpointIds, [answers[150]?.id]);
  });
});

describe('a hit condition', () => {
  const debug = sessions();
  let constructs: Fixture;
  before(async () => (constructs = await fixture('constructs')));

  // loop(6, 0) passes the line with n = 6, 5, 4, 3, 2, 1.
  for (const [hitCondition, expected] of [
    ['4', ['3', '2', '1']],
    ['== 2', ['5']],
    ['>= 5', ['2', '1']],
    ['> 5', ['1']],
    ['< 3', ['6', '5']],
    ['% 3', ['4', '1']],
  ] as const) {
    it(`"${hitCondition}" stops at the right passes`, async () => {
      const session = await debug.launch(constructs, {
        run: 'Constructs.Basic.loop(6, 0)',
        breakpoints: { [file]: [{ at: 'loop', hitCondition }] },
      });
      const seen: (string | undefined)[] = [];
      for (let stop = await session.stopOrEnd(); stop !== undefined; stop = await session.stopOrEnd()) {
        seen.push((await session.locals(stop.top))['n']);
        await session.resume(stop);
      }
      assert.deepEqual(seen, expected);
    });
  }

  it('counts only passes at which the condition holds', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.loop(10, 0)',
      breakpoints: { [file]: [{ at: 'loop', condition: 'rem(n, 2) == 0', hitCondition: '== 3' }] },
    });
    assert.equal((await session.locals((await session.stop()).top))['n'], '6');
  });

  it('that is none is unverified with the reason', async () => {
    const session = await debug.launch(constructs, {
      run: ':ok',
      breakpoints: { [file]: [{ at: 'loop', hitCondition: 'often' }] },
    });
    const [answer] = session.breakpoints[file] ?? [];
    assert.equal(answer?.verified, false);
    assert.match(answer.message ?? '', /often|hit/i);
  });
});

describe('a log point', () => {
  const debug = sessions();
  let constructs: Fixture;
  before(async () => (constructs = await fixture('constructs')));

  it('writes its message with values and does not stop', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.loop(3, 0)',
      breakpoints: { [file]: [{ at: 'loop', logMessage: 'turn {n}: #{acc + n} \\{kept\\}' }] },
    });
    assert.deepEqual(await session.places(), []);
    const lines = session.client
      .output('console')
      .split('\n')
      .filter((line) => line.startsWith('turn'));
    assert.deepEqual(lines, ['turn 3: 3 {kept}', 'turn 2: 5 {kept}', 'turn 1: 6 {kept}']);
  });

  it('names its place, and can have a condition', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.loop(3, 0)',
      breakpoints: { [file]: [{ at: 'loop', logMessage: 'at {n}', condition: 'n == 2' }] },
    });
    assert.deepEqual(await session.places(), []);
    const events = session.client.seen('output').filter(({ output }) => output.startsWith('at '));
    assert.deepEqual(
      events.map(({ output }) => output.trim()),
      ['at 2'],
    );
    assert.equal(events[0]?.source?.path, constructs.file(file));
    assert.equal(events[0].line, constructs.line(file, 'loop'));
  });

  it('with an expression that raises goes on and says so', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.loop(2, 0)',
      breakpoints: { [file]: [{ at: 'loop', logMessage: 'bad {hd([])}' }] },
    });
    assert.deepEqual(await session.places(), []);
    assert.equal((await session.end()).exitCode, 0);
    assert.match(
      session.client
        .seen('output')
        .map(({ output }) => output)
        .join(''),
      /ArgumentError|bad/,
    );
  });
});

describe('a function breakpoint', () => {
  const debug = sessions();
  let constructs: Fixture;
  before(async () => (constructs = await fixture('constructs')));

  it('stops in public and private functions, and names itself', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.nested(1)',
      functions: ['Constructs.Basic.nested/1', 'Constructs.Basic.inner/1'],
    });
    assert.deepEqual(
      session.functionBreakpoints.map(({ verified }) => verified),
      [true, true],
    );
    const first = await session.stop();
    assert.equal(first.reason, 'function breakpoint');
    assert.equal(first.at, 'nested');
    assert.deepEqual(first.body.hitBreakpointIds, [session.functionBreakpoints[0]?.id]);
    await session.resume(first);
    const second = await session.stop();
    assert.equal(second.at, 'inner');
    assert.deepEqual(second.body.hitBreakpointIds, [session.functionBreakpoints[1]?.id]);
  });

  it('stops in each clause', async () => {
    const session = await debug.launch(constructs, {
      run: 'Enum.each([0, -1, 7], &Constructs.Basic.multi/1)',
      functions: ['Constructs.Basic.multi/1'],
    });
    assert.deepEqual(await session.places(), ['multi_zero', 'multi_guard', 'multi_other']);
  });

  it('stops where the function is entered, not in closures on its first line', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Other.in_one_line([1, 2, 3]); Constructs.Other.in_one_line([])',
      functions: ['Constructs.Other.in_one_line/1'],
    });
    assert.deepEqual(await session.places(), ['in_one_line', 'in_one_line']);
  });

  it('does not take a closure without parameters on its first line for its entry', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Other.without_parameters(1); Constructs.Other.without_parameters(2)',
      functions: ['Constructs.Other.without_parameters/1'],
    });
    assert.deepEqual(await session.places(), ['without_parameters', 'without_parameters']);
  });

  it('without arity stands for all of them', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Generated.greet("Ann", "Hi", "?")',
      functions: ['Constructs.Generated.greet'],
    });
    assert.equal((await session.stop()).at, 'greet');
  });

  it('stops in an Erlang function', async () => {
    const session = await debug.launch(constructs, {
      run: ':constructs_erl.main()',
      functions: [':constructs_erl.describe/1'],
    });
    assert.equal((await session.stop()).at, 'erl_big');
  });

  it('has conditions and hit counts', async () => {
    const session = await debug.launch(constructs, {
      run: 'Enum.each(1..6, &Constructs.Other.twice/1)',
      functions: [{ name: 'Constructs.Other.twice/1', condition: 'n > 2', hitCondition: '== 2' }],
    });
    const stop = await session.stop();
    assert.equal((await session.locals(stop.top))['n'], '4');
    await session.resume(stop);
    assert.equal(await session.stopOrEnd(), undefined);
  });

  it('waits for a module that is not there yet', async () => {
    const session = await debug.launch(constructs, {
      run: 'defmodule Late do\n def go(n) do\n m = n + 1\n m\n end\nend\napply(Late, :go, [1])',
      functions: ['Late.go/1'],
    });
    assert.equal(session.functionBreakpoints[0]?.verified, false);
    assert.equal((await session.stop()).top.name, 'Late.go/1');
  });

  for (const name of ['Constructs.Basic.nothing/7', 'not a function', '']) {
    it(`says what is wrong with "${name}"`, async () => {
      const session = await debug.launch(constructs, { run: ':ok', functions: [name] });
      const [answer] = session.functionBreakpoints;
      assert.equal(answer?.verified, false);
      assert(answer.message !== undefined && answer.message.length > 10);
    });
  }
});
