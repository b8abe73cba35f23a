// The traditional engine: whole modules, chosen by the incumbent's options; the fallback and the baseline.
import assert from 'node:assert/strict';
import { fixture, type Fixture } from '../support/fixture';
import { launchArguments, sessions } from '../support/session';

const basic = 'lib/constructs/basic.ex';

describe('with coordination off', () => {
  const debug = sessions();
  let constructs: Fixture;
  before(async () => (constructs = await fixture('constructs')));
  // A dbg call would be one more reason to interpret its module.
  const off = { coordination: { enabled: false }, breakOnDbg: false };

  it('the traditional engine stops, shows values, steps and ends', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.main()',
      args: off,
      breakpoints: { [basic]: ['local_call'] },
    });
    const stop = await session.stop();
    assert.equal(stop.at, 'local_call');
    assert.deepEqual(await session.locals(stop.top), { x: '1' });
    const status = await session.client.custom<{ engine: string; enabled: boolean }>('getInterpretationStatus', {});
    assert.deepEqual([status.engine, status.enabled], ['traditional', false]);
    const inside = await session.step('stepIn', stop);
    assert.equal(inside.at, 'add');
    assert.equal((await session.step('stepOut', inside)).top.name, 'Constructs.Basic.main/0');
    await session.client.request('continue', { threadId: stop.threadId });
    assert.match((await session.end()).stdout, /main: 1 9 18 36/);
  });

  it('only the chosen modules are interpreted', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.main()',
      args: { ...off, debugAutoInterpretAllModules: false, debugInterpretModulesPatterns: ['Constructs.Oth*'] },
      breakpoints: { [basic]: ['first'] },
    });
    await session.stop();
    const { modules } = await session.client.custom<{ modules: { module: string; state: string }[] }>(
      'getInterpretationStatus',
      {},
    );
    const interpreted = modules
      .filter(({ state }) => state === 'interpreted')
      .map(({ module }) => module)
      .sort();
    assert.deepEqual(interpreted, ['Constructs.Basic', 'Constructs.Other']);
  });

  it('patterns with signs of a regular expression are read as such, with a notice', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.main()',
      args: {
        ...off,
        debugAutoInterpretAllModules: false,
        debugInterpretModulesPatterns: ['^Constructs\\.(Other|Flow)$'],
      },
      breakpoints: { [basic]: ['first'] },
    });
    await session.stop();
    const { modules } = await session.client.custom<{ modules: { module: string; state: string }[] }>(
      'getInterpretationStatus',
      {},
    );
    const interpreted = modules
      .filter(({ state }) => state === 'interpreted')
      .map(({ module }) => module)
      .sort();
    assert.deepEqual(interpreted, ['Constructs.Basic', 'Constructs.Flow', 'Constructs.Other']);
    assert(session.client.seen('output').some(({ output }) => /regular expression|regex/i.test(output)));
  });

  for (const [field, enabled] of [
    ['debugInterpretModulesPatterns', true],
    ['excludeModules', false],
    ['stepFilters', true],
  ] as const) {
    it(`a pattern in ${field} that is no regular expression is refused by name`, async () => {
      const { client } = debug.open(constructs);
      await client.request('initialize', { adapterID: 'elixir' });
      const args = { [field]: ['Constructs.(Other'], coordination: { enabled } };
      const refused = await client.refused('launch', launchArguments(constructs, { run: 'IO.puts(1)', args }));
      assert(refused.text.startsWith(`"Constructs.(Other" in "${field}" is no regular expression: `), refused.text);
      assert.match(refused.text, /launch\.json/);
      assert.equal(client.output('stdout'), '');
    });
  }

  it('conditions, log points and exceptions that are rescued work', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.loop(5, 0)',
      args: off,
      breakpoints: {
        [basic]: [
          { at: 'loop', condition: 'n == 2' },
          { at: 'loop_call', logMessage: 'next is {next}' },
        ],
      },
    });
    const stop = await session.stop();
    assert.equal((await session.locals(stop.top))['n'], '2');
    await session.resume(stop);
    assert.deepEqual(await session.places(), []);
    assert.match(session.client.output('console'), /next is 5/);
  });
});
