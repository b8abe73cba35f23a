// A debug session with the real coordination server beside it: server process, adapter and BEAM are those that users get.
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import type { InterpretationStatus, PerformanceMetrics } from '../../protocol/adapter';
import { PIPE_VARIABLE, SESSION_VARIABLE, TOKEN_VARIABLE } from '../../protocol/coordination';
import { SERVER_PROTOCOL_VERSION } from '../../protocol/server';
import { eventually } from '../support/deadline';
import { fixture, type Fixture } from '../support/fixture';
import { LspClient } from '../support/lspClient';
import { sessions, type LaunchOptions, type Session } from '../support/session';

const processes = 'lib/constructs/processes.ex';

describe('a session beside the coordination server', () => {
  const debug = sessions();
  let project: Fixture;
  let server: LspClient;
  beforeEach(async () => {
    project = await fixture('constructs');
    server = await start();
  });
  afterEach(() => {
    server.process.kill('SIGKILL');
    server.connection.dispose();
  });

  async function start(): Promise<LspClient> {
    const client = LspClient.start();
    await client.initialize(project.dir, SERVER_PROTOCOL_VERSION);
    return client;
  }
  const health = () => server.request('coordination/health', {});
  async function launch(options: LaunchOptions = {}): Promise<Session> {
    const { pipe, token } = await server.request('coordination/openSession', { session: 'one' });
    return debug.launch(project, {
      // The stack of the stop holds a call into a module of another file.
      run: 'Constructs.Processes.call_server()',
      breakpoints: { [processes]: ['call_add'] },
      ...options,
      env: { [PIPE_VARIABLE]: pipe, [TOKEN_VARIABLE]: token, [SESSION_VARIABLE]: 'one', ...options.env },
    });
  }
  const status = (session: Session) => session.client.custom<InterpretationStatus>('getInterpretationStatus', {});
  const metrics = (session: Session) => session.client.custom<PerformanceMetrics>('getPerformanceMetrics', {});
  const planned = (session: Session) =>
    eventually('a plan that is worked off', async () => {
      const { plan } = await status(session);
      return plan !== null && plan.waiting === 0 ? plan : undefined;
    });
  const connected = (session: Session) =>
    eventually('a connection', async () => ((await status(session)).server === 'connected' ? true : undefined));

  it('is planned by demand, falls back never, and leaves in order', async () => {
    const session = await launch();
    const stop = await session.stop();
    assert.equal((await planned(session)).strategy, 'demand-driven');
    assert.equal((await health()).connections, 1);
    assert.equal((await session.step('stepIn', stop)).top.name, 'Constructs.Counter.add/1');
    const { fallbackRate, decisions, plans } = await metrics(session);
    assert.equal(fallbackRate, 0);
    assert(decisions >= 1 && plans >= 1, `${decisions} decisions, ${plans} plans`);
    await session.resume(stop);
    assert.equal((await session.end()).exitCode, 0);
    await eventually('no connection', async () => ((await health()).connections === 0 ? true : undefined));
    assert.deepEqual(
      Object.values((await health()).refused).filter((count) => count > 0),
      [],
      'everything that was told is as agreed',
    );
  });

  for (const strategy of ['predictive', 'learning']) {
    it(`finds by ${strategy} what the next step enters, before it is made`, async () => {
      await eventually('an index', async () => ((await health()).indexed ? true : undefined));
      const session = await launch({ args: { coordination: { strategy } } });
      const stop = await session.stop();
      const counter = await eventually('the called module prepared', async () =>
        (await status(session)).modules.find(({ module }) => module === 'Constructs.Counter'),
      );
      assert.deepEqual([counter.state, counter.functions], ['prepared', []]);
      assert(counter.reason.length > 0);
      assert.equal((await planned(session)).strategy, strategy);
      assert.equal((await session.step('stepIn', stop)).top.name, 'Constructs.Counter.add/1');
      await eventually('the step found its module ready', async () => {
        const { timeline } = await server.request('coordination/snapshot', {});
        const text = timeline.map((line) => line.text).find((told) => told.startsWith('entered Constructs.Counter'));
        if (text !== undefined) assert.match(text, /which was ready/);
        return text;
      });
      await session.resume(stop);
    });
  }

  it('tells what is kept on disk', async () => {
    const session = await launch();
    const stop = await session.stop();
    await connected(session);
    // Large enough to be kept.
    await session.client.custom('interpretModules', { modules: ['Enum'], strategy: 'immediate' });
    // The adapter tells its figures now and then.
    await eventually('the figures of the disk at the server', async () => {
      const { cache } = await server.request('coordination/snapshot', {});
      const { agent } = await metrics(session);
      const there = [agent['diskEntries'], agent['diskHits'], agent['corrupt']];
      const here = [cache.diskEntries, cache.diskHits, cache.corrupt];
      return cache.diskBytes > 0 && isDeepStrictEqual(here, there) ? true : undefined;
    });
    await session.resume(stop);
  });

  it('prepares nothing ahead by demand alone', async () => {
    await eventually('an index', async () => ((await health()).indexed ? true : undefined));
    const session = await launch();
    const stop = await session.stop();
    await planned(session);
    assert(!(await status(session)).modules.some(({ module }) => module === 'Constructs.Counter'));
    await session.client.custom('setCoordinationMode', { enabled: true, strategy: 'predictive' });
    await eventually('the new strategy at work', async () =>
      (await status(session)).modules.find(({ module }) => module === 'Constructs.Counter'),
    );
    await session.resume(stop);
  });

  it('is let in by its own token only, and goes on without', async () => {
    const session = await launch({ env: { [TOKEN_VARIABLE]: 'another' } });
    const stop = await session.stop();
    await eventually('the refusal', async () => ((await status(session)).server === 'refused' ? true : undefined));
    assert.equal((await health()).refused.wrongToken, 1);
    assert.equal((await session.step('next', stop)).at, 'call_value');
    await session.resume(stop);
  });

  it('stands as it stood when the server is killed, and is found by the next one', async () => {
    const session = await launch({ args: { coordination: { fallbackTimeout: '100ms' } } });
    const stop = await session.stop();
    await planned(session);
    const before = session.client.seen('output').length;
    server.process.kill('SIGKILL');
    const next = await session.step('next', stop);
    assert.equal(next.at, 'call_value');
    assert.equal((await session.locals(next.top))['first'], '5');
    await eventually('a fallback', async () => ((await metrics(session)).fallbackRate ?? 0) > 0 || undefined);
    assert.equal(session.client.seen('output').length, before, 'the user reads nothing of it');

    server = await start();
    const pair = await server.request('coordination/openSession', { session: 'one' });
    await session.client.custom('setCoordinationServer', pair);
    await connected(session);
    assert.equal((await health()).connections, 1);
    assert.equal((await health()).refused.malformed, 0);
    await session.resume(stop);
    await session.end();
  });

  it('is paused and goes on as the editor says', async () => {
    const session = await launch();
    const stop = await session.stop();
    await connected(session);
    assert.deepEqual(await server.request('coordination/pause', { paused: true }), { sessions: 1 });
    await eventually('the pause', async () => ((await status(session)).paused ? true : undefined));
    await server.request('coordination/pause', { paused: false });
    await eventually('its end', async () => ((await status(session)).paused ? undefined : true));
    await session.resume(stop);
  });

  it('holds neither the adapter nor the server when it is over', async () => {
    const session = await launch();
    const stop = await session.stop();
    await connected(session);
    await session.resume(stop);
    await session.end();
    await session.client.request('disconnect', {});
    assert.equal(await session.client.exited(), 0);
    await server.request('coordination/closeSession', { session: 'one' });
    assert.equal((await health()).connections, 0);
    assert.equal(await server.end(), 0);
  });
});
