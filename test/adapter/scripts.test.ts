// Scripts and test files: breakpoints on top-level statements, in modules that live in memory only, and ExUnit's clocks.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fixture, fixtureCopy, type Fixture } from '../support/fixture';
import { sessions } from '../support/session';

describe('a script', () => {
  const debug = sessions();
  let scripts: Fixture;
  before(async () => (scripts = await fixture('scripts')));

  it('runs with its arguments', async () => {
    const session = await debug.launch(scripts, { args: { script: 'plain.exs', taskArgs: ['Ann', 'Bob'] } });
    assert.equal((await session.end()).stdout, 'HELLO ANN!\nHELLO BOB!\ncount: 2\n');
  });

  it('stops at top-level statements, with its variables', async () => {
    const session = await debug.launch(scripts, {
      args: { script: 'plain.exs', taskArgs: ['Ann'] },
      breakpoints: { 'plain.exs': ['second', 'end'] },
    });
    const stop = await session.stop();
    assert.equal(stop.at, 'second');
    const locals = await session.locals(stop.top);
    assert.deepEqual([locals['greeting'], locals['names']], ['"hello"', '["Ann"]']);
    await session.resume(stop);
    assert.equal((await session.stop()).at, 'end');
  });

  it('is stepped through statement by statement', async () => {
    const session = await debug.launch(scripts, {
      args: { script: 'plain.exs', taskArgs: ['Ann'] },
      breakpoints: { 'plain.exs': ['first'] },
    });
    const stop = await session.stop();
    assert.equal(stop.at, 'first');
    const second = await session.step('next', await session.step('next', stop));
    assert.equal(second.at, 'second');
  });

  it('stops in a module that it defines', async () => {
    const session = await debug.launch(scripts, {
      args: { script: 'plain.exs', taskArgs: ['Ann', 'Bob'] },
      breakpoints: { 'plain.exs': ['in_module'] },
    });
    const stop = await session.stop();
    assert.equal(stop.at, 'in_module');
    assert.equal((await session.locals(stop.top))['text'], '"hello Ann"');
    await session.resume(stop);
    assert.deepEqual(await session.places(), ['in_module']);
  });

  it('stops on its first statement with stopOnEntry', async () => {
    const session = await debug.launch(scripts, { args: { script: 'plain.exs', stopOnEntry: true } });
    const stop = await session.stop();
    assert.equal(stop.reason, 'entry');
    assert.equal(stop.at, 'first');
  });

  describe('that raises', () => {
    let project: Fixture;
    before(async () => {
      project = await fixtureCopy('constructs', { compiled: true });
      project.write('raises.exs', readFileSync(scripts.file('raises.exs'), 'utf8'));
    });
    after(() => project.remove());

    for (const [how, launch] of [
      ['on its own', { script: 'raises.exs' }],
      ['by mix run', { task: 'run', taskArgs: ['raises.exs'] }],
    ] as const) {
      for (const [filter, places] of [
        ['raised', ['caught', 'closure', 'top_level']],
        ['uncaught', ['closure', 'top_level']],
      ] as const) {
        it(`${how} stops at ${filter} exceptions of its top-level code`, async () => {
          const session = await debug.launch(project, { args: launch, exceptions: { filters: [filter] } });
          for (const place of places) {
            const stop = await session.stop();
            assert.equal(stop.reason, 'exception');
            const own = stop.frames.find((frame) => frame.source?.path === project.file('raises.exs'));
            assert(own, stop.frames.map(({ name }) => name).join(', '));
            assert.equal(session.place(own), place);
            await session.resume(stop);
          }
          assert.equal((await session.end()).exitCode, 1);
        });
      }
    }
  });

  for (const [args, code] of [
    [['normal'], 0],
    [['shutdown', '3'], 3],
    [['halt', '4'], 4],
    [['stop', '5'], 5],
    [['raise'], 1],
    [['crash'], 1],
  ] as const) {
    it(`that ends by ${args.join(' ')} has exit code ${code}`, async () => {
      const session = await debug.launch(scripts, { args: { script: 'exits.exs', taskArgs: args } });
      const { exitCode, stdout } = await session.end();
      assert.equal(exitCode, code);
      assert.equal(stdout, 'before the end');
    });
  }

  it('that does not parse ends with the message', async () => {
    const session = await debug.launch(scripts, { args: { script: 'syntax_error.exs' } });
    const { exitCode, stdout, stderr } = await session.end();
    assert.notEqual(exitCode, 0);
    assert.match(stdout + stderr, /syntax_error\.exs|missing terminator|SyntaxError|TokenMissing/);
  });

  it('run inside a project by mix run stops too', async () => {
    const copy = await fixtureCopy('constructs', { compiled: true });
    try {
      copy.write('seeds.exs', 'total = Constructs.Other.twice(4) # bp:seed\nIO.puts("seeded #{total}") # bp:seeded\n');
      const session = await debug.launch(copy, {
        args: { task: 'run', taskArgs: ['seeds.exs'] },
        breakpoints: { 'seeds.exs': ['seeded'] },
      });
      const stop = await session.stop();
      assert.equal(stop.at, 'seeded');
      assert.equal((await session.locals(stop.top))['total'], '8');
      await session.resume(stop);
      assert.equal((await session.end()).stdout, 'seeded 8\n');
    } finally {
      copy.remove();
    }
  });
});

describe('mix test', () => {
  const debug = sessions();
  let constructs: Fixture;
  before(async () => (constructs = await fixture('constructs')));
  const test = (...taskArgs: string[]) => ({ task: 'test', taskArgs, env: { MIX_ENV: 'test' } });
  const file = 'test/basic_test.exs';
  /** What ExUnit writes below `Finished in …`; each Elixir has its own words. */
  const verdict = (stdout: string): string => /^Finished in .*\n([^]*)$/m.exec(stdout)?.[1] ?? '';

  it('stops in tests, setup and private functions of a test file, without configuration', async () => {
    const session = await debug.launch(constructs, {
      args: test('--seed', '0', file),
      breakpoints: { [file]: ['test_setup', 'test_add', 'test_private', 'test_helper'] },
    });
    const places = await session.places();
    assert.deepEqual(places, ['test_setup', 'test_add', 'test_setup', 'test_private', 'test_helper']);
    const { exitCode, stdout } = await session.end();
    assert.equal(exitCode, 0);
    const plain = await constructs.mix(['test', '--seed', '0', file]);
    assert.match(verdict(plain), /2/);
    assert.equal(verdict(stdout), verdict(plain));
  });

  it('shows the variables of a test and steps into the application', async () => {
    const session = await debug.launch(constructs, { args: test(file), breakpoints: { [file]: ['test_add'] } });
    const stop = await session.stop();
    assert.equal((await session.locals(stop.top))['base'], '3');
    const inside = await session.step('stepIn', stop);
    assert.equal(inside.at, 'add');
    await session.resume(inside);
    assert.equal((await session.end()).exitCode, 0);
  });

  it('stops in the application', async () => {
    const session = await debug.launch(constructs, {
      args: test(file),
      breakpoints: { 'lib/constructs/basic.ex': ['add'] },
    });
    const stop = await session.stop();
    assert.equal(stop.at, 'add');
    assert(
      stop.frames.some(({ name }) => name.includes('Constructs.BasicTest')),
      'the test is among the callers',
    );
  });

  it('that counts coverage counts the same, and breakpoints in what it counts say why they do not stop', async () => {
    const copy = await fixtureCopy('tested', { compiled: true });
    try {
      const args = ['--cover', '--seed', '0', 'test/tested_test.exs'];
      const counted = (stdout: string): string[] => stdout.split('\n').filter((line) => /%.*\|/.test(line));
      const helper = 'test/test_helper.exs';
      // Called by a statement that is interpreted itself.
      copy.write(helper, `Tested.half(4) # bp:helper\n${copy.read(helper)}`);
      const noDebug = await debug.launch(copy, { args: { ...test(...args), noDebug: true } });
      const plain = (await noDebug.end()).stdout;
      const session = await debug.launch(copy, {
        args: test(...args),
        breakpoints: {
          [helper]: ['helper'],
          'test/tested_test.exs': ['Tested.double(1) == 2'],
          'lib/tested.ex': ['div'],
        },
      });
      assert.deepEqual(await session.places(), ['helper', `test/tested_test.exs:6`]);
      const { exitCode, stdout } = await session.end();
      assert.notEqual(exitCode, 0);
      assert.deepEqual(counted(stdout), counted(plain));
      assert.match(counted(plain).join(), /100\.00% *\| *Tested/);
      const refused = session.client.seen('breakpoint').filter(({ breakpoint }) => !breakpoint.verified);
      assert.match(refused.map(({ breakpoint }) => breakpoint.message).join('\n'), /compiled for test coverage/);
    } finally {
      copy.remove();
    }
  });

  it('sets MIX_ENV=test when nobody else does', async () => {
    const session = await debug.launch(constructs, {
      args: { task: 'test', taskArgs: [file] },
      breakpoints: { [file]: ['test_add'] },
    });
    const stop = await session.stop();
    assert.equal(await session.evaluate('Mix.env()', stop.top), ':test');
    await session.resume(stop);
    assert.equal((await session.end()).exitCode, 0);
  });

  it('does not let a @tag timeout fire while the test is stopped', async () => {
    const session = await debug.launch(constructs, {
      args: test('test/timeout_test.exs'),
      breakpoints: { 'test/timeout_test.exs': ['timeout_test'] },
    });
    const stop = await session.stop();
    // Three times the 400 ms that the test is given; the wait itself is what is tested.
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    assert.equal(await session.evaluate('1 + 1', stop.top, 'watch'), '2');
    await session.resume(stop);
    const { exitCode, stdout } = await session.end();
    assert.equal(exitCode, 0, stdout);
  });

  it('of failing tests ends with an exit code other than 0', async () => {
    const session = await debug.launch(constructs, { args: test('--include', 'failing', 'test/failing_test.exs') });
    const { exitCode, stdout } = await session.end();
    assert.notEqual(exitCode, 0);
    assert.match(stdout, /1\) test fails/);
  });

  it('skips requireFiles that it loads itself, with a notice', async () => {
    const session = await debug.launch(constructs, {
      args: { ...test(file), requireFiles: ['test/test_helper.exs', 'test/**/*_test.exs'] },
    });
    const { exitCode, stdout } = await session.end();
    assert.equal(exitCode, 0, stdout);
    assert.doesNotMatch(stdout, /redefining module/);
    assert(session.client.seen('output').some(({ output }) => /requireFiles/.test(output)));
  });
});
