// The program computes the same with and without the debugger, whatever is armed.
import assert from 'node:assert/strict';
import { fixture, type Fixture } from '../support/fixture';
import { sessions } from '../support/session';

const runs = [
  'Constructs.Basic.main()',
  'IO.inspect({Constructs.Basic.several(3), Constructs.Basic.loop(50, 0), Constructs.Basic.through_enum([1, 2])})',
  'Constructs.Shapes.main()',
  'Constructs.Generated.main()',
  'Constructs.Flow.main()',
  'Constructs.Closures.main(); Constructs.Closures.start_again()',
  'Constructs.Processes.call_server(); Constructs.Processes.task(); Constructs.Processes.agent()',
  'Constructs.Processes.crowd(20)',
  'Constructs.Errors.rescued(); Constructs.Errors.built_only(); Constructs.Errors.rescued_above()',
  'IO.inspect({Constructs.Scoping.inner(1), Constructs.Scoping.many(), Constructs.Scoping.shadow(3)})',
  'IO.inspect({Constructs.Modules.Second.run(), Constructs.Modules.Parent.all()})',
  'Constructs.Page.main(); :constructs_erl.main()',
];
const files = [
  ...[
    'basic',
    'modules',
    'shapes',
    'generated',
    'flow',
    'counter',
    'closures',
    'processes',
    'errors',
    'scoping',
    'page',
  ].map((name) => `lib/constructs/${name}.ex`),
  'src/constructs_erl.erl',
  'templates/page.html.eex',
];
const program = runs.join('; ');

describe('a program', () => {
  const debug = sessions();
  let constructs: Fixture;
  let expected: string;
  before(async () => {
    constructs = await fixture('constructs');
    expected = await constructs.mix(['run', '-e', program]);
  });

  it('prints the same with a breakpoint on every line, none of which holds', async () => {
    // Every line is asked for: those that cannot stop move to one that can, or are refused.
    const everywhere = Object.fromEntries(
      files.map((file) => {
        const lines = constructs.read(file).split('\n').length;
        return [file, Array.from({ length: lines }, (_, i) => ({ at: i + 1, condition: 'false' }))];
      }),
    );
    const session = await debug.launch(constructs, {
      run: program,
      breakpoints: everywhere,
      args: { breakOnDbg: false },
    });
    const verified = Object.values(session.breakpoints)
      .flat()
      .filter((breakpoint) => breakpoint.verified);
    assert(verified.length > 150, `${verified.length} breakpoints are verified`);
    const { exitCode, stdout } = await session.end();
    assert.equal(exitCode, 0);
    assert.equal(stdout, expected);
  });

  it('prints the same when it is stopped at every line', async () => {
    const markers = Object.fromEntries(
      files
        .map(
          (file) => [file, [...constructs.read(file).matchAll(/\bbp:(\w+)/g)].map((match) => match[1] ?? '')] as const,
        )
        .filter(([, names]) => names.length > 0),
    );
    const session = await debug.launch(constructs, { run: program, breakpoints: markers, args: { breakOnDbg: false } });
    assert((await session.places(2_000)).length > 150);
    const { exitCode, stdout } = await session.end();
    assert.equal(exitCode, 0);
    assert.equal(stdout, expected);
  });

  it('prints the same when it is stepped through', async () => {
    const run = 'Constructs.Basic.main(); Constructs.Flow.main()';
    const plain = await constructs.mix(['run', '-e', run]);
    const session = await debug.launch(constructs, {
      run,
      breakpoints: { 'lib/constructs/basic.ex': ['first'], 'lib/constructs/flow.ex': ['IO.puts("for:'] },
    });
    let steps = 0;
    for (let stop = await session.stopOrEnd(); stop !== undefined; stop = await session.stopOrEnd()) {
      steps++;
      assert(steps < 1_000, 'the program ends');
      await session.client.request('stepIn', { threadId: stop.threadId });
    }
    assert(steps > 60, `${steps} steps`);
    assert.equal((await session.end()).stdout, plain);
  });

  it('reports a failing test the same when it is stopped in the test', async () => {
    const test = 'test/failing_test.exs';
    const session = await debug.launch(constructs, {
      args: { task: 'test', taskArgs: ['--include', 'failing', test], env: { MIX_ENV: 'test' } },
      breakpoints: { [test]: ['assert'] },
    });
    await session.resume(await session.stop());
    const { stdout } = await session.end();
    assert.match(stdout, /code: +assert Constructs\.Basic\.add\(1, 1\) == 7\n/);
    assert.match(stdout, /stacktrace:\n +test\/failing_test\.exs:6: \(test\)\n/);
  });
});
