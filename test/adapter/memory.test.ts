// Closures and processes from before a breakpoint, and what is given back afterwards.
import assert from 'node:assert/strict';
import { fixture, type Fixture } from '../support/fixture';
import { sessions } from '../support/session';

describe('code from before a breakpoint', () => {
  const debug = sessions();
  let constructs: Fixture;
  before(async () => (constructs = await fixture('constructs')));
  const closures = 'lib/constructs/closures.ex';

  it('closures made at start-up work while their module is armed and afterwards', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Closures.main(); Constructs.Closures.main()',
      breakpoints: { [closures]: [{ at: 'shift', hitCondition: '== 2' }] },
    });
    const stop = await session.stop();
    assert.equal((await session.locals(stop.top))['n'], '2');
    await session.setBreakpoints(closures, []);
    await session.resume(stop);
    const { stdout } = await session.end();
    assert.equal(stdout, 'closures: 41 42 103\nclosures: 41 42 103\n');
  });

  it('closures made in interpreted code work after their breakpoint is gone, also in other processes', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Closures.start_again()',
      breakpoints: { [closures]: ['make'] },
    });
    const stop = await session.stop();
    await session.step('next', stop);
    await session.setBreakpoints(closures, []);
    await session.resume(stop);
    assert.equal((await session.end()).stdout, 'made: 15 15\n');
  });

  it('a process that loops in the module since before stops at its next turn, and is not killed', async () => {
    const processes = 'lib/constructs/processes.ex';
    const session = await debug.launch(constructs, { run: 'Constructs.Processes.ticking()', until: 'started' });
    const pid = await session.evaluate(
      '(fn f -> case Process.whereis(:constructs_ticker) do nil -> f.(f); pid -> pid end end).(fn f -> case Process.whereis(:constructs_ticker) do nil -> f.(f); pid -> pid end end)',
    );
    await session.setBreakpoints(processes, ['tick']);
    const stop = await session.stop();
    assert.equal(await session.evaluate('self()', stop.top, 'watch'), pid);
    await session.setBreakpoints(processes, []);
    await session.resume(stop);
    assert.equal(await session.evaluate('Process.whereis(:constructs_ticker)'), pid);
    await session.tell('Constructs.Processes.stop_ticking()');
    assert.equal((await session.end()).exitCode, 0);
  });

  it('a hot loop runs at native speed with a breakpoint elsewhere in its module', async () => {
    const run = 'Constructs.Processes.timed(fn -> Constructs.Processes.hot(3_000_000, 0) end)';
    const time = async (breakpoints: Record<string, string[]>) => {
      const session = await debug.launch(constructs, { run, breakpoints });
      const { stdout } = await session.end();
      return Number(/hot: (\d+) us/.exec(stdout)?.[1]);
    };
    const native = await time({});
    const armed = await time({ 'lib/constructs/processes.ex': ['member'] });
    // Interpreted it would be a hundred times slower; a busy machine accounts for less than five.
    assert(native > 0 && armed < native * 5, `${native} µs without, ${armed} µs with a breakpoint`);
  });
});
