// Whole sessions, message by message, compared with what is written down in test/golden.
import { fixture } from '../support/fixture';
import { assertGolden } from '../support/golden';
import { sessions, type Session } from '../support/session';

describe('the transcript of a session', () => {
  const debug = sessions();
  const compare = (name: string, session: Session) =>
    assertGolden(name, session.client, { [session.project.dir]: 'PROJECT' });

  it('that stops, shows values, steps and ends', async () => {
    const session = await debug.launch(await fixture('constructs'), {
      run: 'Constructs.Basic.main()',
      breakpoints: { 'lib/constructs/basic.ex': ['local_call', 9_999] },
    });
    const stop = await session.stop();
    await session.locals(stop.top);
    await session.evaluate('x + 1', stop.top, 'watch');
    const inside = await session.step('stepIn', stop);
    await session.locals(inside.top);
    await session.resume(inside);
    await session.end();
    compare('step', session);
  });

  it('with conditions, a log point and an exception', async () => {
    const session = await debug.launch(await fixture('constructs'), {
      run: 'Constructs.Basic.loop(3, 0); Constructs.Errors.rescued()',
      breakpoints: {
        'lib/constructs/basic.ex': [
          { at: 'loop', condition: 'n == 2' },
          { at: 'loop_call', logMessage: 'n is {n}' },
          { at: 'first', condition: 'x == (' },
        ],
      },
      exceptions: { filters: ['raised'] },
    });
    await session.resume(await session.stop());
    const raised = await session.stop();
    await session.client.request('exceptionInfo', { threadId: raised.threadId });
    await session.resume(raised);
    await session.end();
    compare('conditions', session);
  });

  it('whose launch is refused', async () => {
    const session = debug.open(await fixture('scripts'));
    await session.client.request('initialize', { adapterID: 'elixir' });
    await session.client.refused('launch', { engine: 'quantum' });
    await session.client.refused('launch', { script: 'missing.exs', projectDir: session.project.dir });
    await session.client.refused('unheardOf', {});
    compare('refused', session);
  });
});
