// The program in a terminal: it can be typed into, its output is not repeated, and its end ends the session.
import assert from 'node:assert/strict';
import { fixture, type Fixture } from '../support/fixture';
import { marked } from '../support/processes';
import { launchArguments, sessions, type Session } from '../support/session';
import { Terminal } from '../support/terminal';

describe('console integratedTerminal', () => {
  const debug = sessions();
  const terminals: Terminal[] = [];
  afterEach(() => terminals.splice(0).forEach((terminal) => terminal.close()));

  const open = async (
    project: Fixture,
    args: Record<string, unknown>,
    breakpoints: Record<string, string[]> = {},
  ): Promise<{ session: Session; terminal: Terminal }> => {
    const session = debug.open(project);
    const terminal = new Terminal(marked(session.client.mark));
    terminals.push(terminal);
    const options = {
      args: { console: 'integratedTerminal', ...args },
      breakpoints,
      onReverseRequest: terminal.answer,
    };
    await session.start('launch', launchArguments(project, options), options);
    return { session, terminal };
  };

  it('lets a script ask, and does not repeat its output', async () => {
    const { session, terminal } = await open(await fixture('scripts'), { script: 'asks.exs' });
    await terminal.shows('name?');
    terminal.type('Ann\n');
    await terminal.shows('hello Ann');
    assert.equal((await session.end()).exitCode, 0);
    assert.equal(session.client.output('stdout'), '');
    await terminal.closed();
  });

  it('stops at breakpoints', async () => {
    const { session, terminal } = await open(
      await fixture('scripts'),
      { script: 'asks.exs' },
      { 'asks.exs': ['answered'] },
    );
    await terminal.shows('name?');
    terminal.type('Bob\n');
    const stop = await session.stop();
    assert.equal(stop.at, 'answered');
    assert.equal((await session.locals(stop.top))['name'], '"Bob\\n"');
    await session.resume(stop);
    await terminal.shows('hello Bob');
    assert.equal((await session.end()).exitCode, 0);
  });

  it('tells the exit code', async () => {
    const { session, terminal } = await open(await fixture('scripts'), {
      script: 'exits.exs',
      taskArgs: ['halt', '4'],
    });
    assert.equal((await session.end()).exitCode, 4);
    await terminal.closed();
  });

  it('runs iex -S mix, in which one types what stops at a breakpoint', async () => {
    const { session, terminal } = await open(
      await fixture('constructs'),
      { program: 'iex' },
      { 'lib/constructs/basic.ex': ['twice'] },
    );
    await terminal.shows('iex(1)>');
    terminal.type('Constructs.Other.twice(21)\n');
    const stop = await session.stop();
    assert.equal(stop.at, 'twice');
    await session.resume(stop);
    await terminal.shows('42');
    terminal.type('System.halt(0)\n');
    assert.equal((await session.end()).exitCode, 0);
  });

  it('is asked for with the token in the environment, not on the command line', async () => {
    const { session, terminal } = await open(await fixture('scripts'), { script: 'exits.exs', taskArgs: ['normal'] });
    await session.end();
    const { args = [], env = {} } = terminal.request ?? {};
    const token = env['ECD_TOKEN'];
    assert(typeof token === 'string' && token.length >= 32);
    assert(!args.some((arg) => arg.includes(token)));
  });

  it('leaves nothing running when the session ends while the program waits for input', async () => {
    const { session, terminal } = await open(await fixture('scripts'), { script: 'asks.exs' });
    await terminal.shows('name?');
    await session.client.request('disconnect', {});
    session.client.process.stdin.end();
    await session.client.exited();
    await session.client.nothingLeft();
  });

  it('is asked for as an external one when the configuration says so', async () => {
    const { session, terminal } = await open(await fixture('scripts'), {
      script: 'exits.exs',
      taskArgs: ['normal'],
      console: 'externalTerminal',
    });
    assert.equal((await session.end()).exitCode, 0);
    assert.equal(terminal.request?.kind, 'external');
  });

  it('whose command never connects ends with an error', async () => {
    const session = debug.open(await fixture('scripts'));
    session.client.onReverseRequest = () => Promise.reject(new Error('no terminal here'));
    await session.client.request('initialize', { adapterID: 'elixir', supportsRunInTerminalRequest: true });
    const refused = await session.client.refused(
      'launch',
      launchArguments(session.project, { args: { script: 'plain.exs', console: 'integratedTerminal' } }),
    );
    assert.match(refused.text, /terminal/i);
  });

  it('is refused by name where the client has no terminal', async () => {
    const session = debug.open(await fixture('scripts'));
    await session.client.request('initialize', { adapterID: 'elixir', supportsRunInTerminalRequest: false });
    const refused = await session.client.refused(
      'launch',
      launchArguments(session.project, { args: { script: 'plain.exs', console: 'integratedTerminal' } }),
    );
    assert.match(refused.text, /terminal/i);
  });
});
