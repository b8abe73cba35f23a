// Learned usage in the real server process: what sessions leave behind, over restarts and kills, and how it is erased.
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SERVER_PROTOCOL_VERSION, type ModuleAction } from '../../protocol/server';
import type { ServerSettings } from '../../protocol/settings';
import { eventually, within } from '../support/deadline';
import { LspClient } from '../support/lspClient';
import { PipeClient, sessionState } from '../support/pipeClient';

const SETTINGS: ServerSettings = {
  enabled: true,
  strategy: 'learning',
  scope: 'conservative',
  performanceMonitoring: true,
  memoryThreshold: 100 * 1024 * 1024,
  fallbackTimeout: 2000,
  codeLenses: true,
  historyDays: 90,
  historySize: 5 * 1024 * 1024,
};

interface Exported {
  modules: { module: string; stops: number; steps: number; entries: number; breakpoints: number }[];
  sessions: { id: string; stops: number }[];
  pinned: string[];
  neverInterpreted: string[];
}

describe('learned usage in the coordination server', () => {
  let top: string;
  const servers: LspClient[] = [];

  beforeEach(async () => {
    top = await mkdtemp(path.join(tmpdir(), 'ecd-learned-'));
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) await killed(server);
    await rm(top, { recursive: true, force: true, maxRetries: 3 });
  });

  const storageDir = (): string => path.join(top, 'storage');
  async function start(more: Partial<ServerSettings> = {}): Promise<LspClient> {
    const server = LspClient.start();
    servers.push(server);
    const settings = { ...SETTINGS, ...more };
    await server.initialize(top, SERVER_PROTOCOL_VERSION, { storageDir: storageDir(), settings });
    return server;
  }
  async function killed(server: LspClient): Promise<void> {
    if (server.process.exitCode !== null || server.process.signalCode !== null) return;
    const exited = once(server.process, 'exit');
    server.process.kill('SIGKILL');
    await exited;
  }
  async function session(server: LspClient, id: string): Promise<PipeClient> {
    const { pipe, token } = await server.request('coordination/openSession', { session: id });
    const adapter = await PipeClient.connect(pipe);
    await adapter.greet(token, sessionState(id, { startedAt: Date.now() }));
    return adapter;
  }
  const stop = (module: string) => ({
    kind: 'stopped' as const,
    at: Date.now(),
    thread: 1,
    reason: 'breakpoint',
    frames: [{ module, function: 'run/0', file: null, line: 1, own: true, kind: 'interpreted' as const }],
  });
  const exported = async (server: LspClient): Promise<Exported> =>
    JSON.parse((await server.request('coordination/usage', { action: 'export' })).text) as Exported;
  const stops = async (server: LspClient): Promise<Record<string, number>> =>
    Object.fromEntries((await exported(server)).modules.map((each) => [each.module, each.stops]));

  it('remembers what a session did, and what the user decided, over a restart', async () => {
    const server = await start();
    const adapter = await session(server, 'one');
    await adapter.plan(stop('Shop.Till'));
    await adapter.plan(stop('Shop.Till'));
    await adapter.plan({ kind: 'entered', at: Date.now(), module: 'Shop.Cart', ready: true, waitedMs: 0 });
    await adapter.event({ kind: 'sessionEnded', at: Date.now(), exitCode: 0 });
    await server.request('coordination/module', { module: 'Shop.Cart', action: 'pin' });
    await server.request('coordination/module', { module: 'Shop.Native', action: 'neverInterpret' });
    assert.equal(await within(20_000, server.end(), () => 'the server does not end'), 0);
    adapter.end();

    const again = await start();
    const found = await exported(again);
    assert.deepEqual(found.modules.map(({ module, stops: stopped, entries }) => [module, stopped, entries]).sort(), [
      ['Shop.Cart', 0, 1],
      // The first stop in a module is its entry, too.
      ['Shop.Till', 2, 1],
    ]);
    assert.deepEqual(
      found.sessions.map(({ id, stops: stopped }) => [id, stopped]),
      [['one', 2]],
    );
    assert.deepEqual([found.pinned, found.neverInterpreted], [['Shop.Cart'], ['Shop.Native']]);
    assert.deepEqual(
      (await again.request('coordination/snapshot', {})).history.map(({ id }) => id),
      ['one'],
    );
    const { text } = await again.request('coordination/usage', { action: 'view' });
    assert.match(text, /\| Shop\.Till \| 2 \|/);
    assert.match(text, /Nothing of it leaves this machine/);
    const { usage, pinned } = await again.request('coordination/explain', { module: 'Shop.Till' });
    assert.match(usage.join(' '), /stopped in 2 times/);
    assert.equal(pinned, false);
  });

  it('has lost nothing that an adapter was answered for when the server is killed', async () => {
    for (let run = 1; run <= 3; run++) {
      const server = await start();
      const adapter = await session(server, `run${run}`);
      for (let n = 0; n < 20; n++) await adapter.plan(stop('Shop.Till'));
      await killed(server);
      adapter.end();
    }
    assert.deepEqual(await stops(await start()), { 'Shop.Till': 60 });
  });

  it('shows two windows on one folder what the other learned', async () => {
    const [one, other] = [await start(), await start()];
    const [first, second] = [await session(one, 'first'), await session(other, 'second')];
    await first.plan(stop('A'));
    await second.plan(stop('B'));
    assert.deepEqual(await stops(one), { A: 1, B: 1 });
    assert.deepEqual(await stops(other), { A: 1, B: 1 });
    first.end();
    second.end();
    await Promise.all([one.end(), other.end()]);
    assert.deepEqual(await stops(await start()), { A: 1, B: 1 });
  });

  it('lets the newest decision about a module hold in all windows on one folder, and in sessions that start there', async () => {
    const [one, other] = [await start(), await start()];
    const decide = async (server: LspClient, module: string, action: ModuleAction): Promise<void> => {
      // The newest is told by the clock, whose ticks are longer than a request may take.
      const before = Date.now();
      while (Date.now() === before) await delay(1);
      await server.request('coordination/module', { module, action });
    };
    await decide(one, 'A', 'pin');
    await decide(one, 'B', 'pin');
    await decide(other, 'B', 'unpin');
    await decide(other, 'C', 'neverInterpret');
    await decide(one, 'C', 'allowInterpret');
    await decide(other, 'D', 'pin');
    await decide(one, 'D', 'neverInterpret');
    const adapter = await session(other, 'second');
    const { actions } = await eventually('a plan that knows both windows', async () => {
      const plan = await adapter.plan(stop('A.Stop'));
      return plan.actions.some(({ module }) => module === 'A') ? plan : undefined;
    });
    assert.deepEqual(actions.map(({ module }) => module).sort(), ['A', 'A.Stop']);
    for (const server of [one, other]) {
      const { pinned, neverInterpreted } = await exported(server);
      assert.deepEqual([pinned, neverInterpreted], [['A'], ['D']]);
    }
    adapter.end();
    await Promise.all([one.end(), other.end()]);
    const { pinned, neverInterpreted } = await exported(await start());
    assert.deepEqual([pinned, neverInterpreted], [['A'], ['D']]);
  });

  it('erases for good', async () => {
    const server = await start();
    const adapter = await session(server, 'one');
    await adapter.plan(stop('Shop.Secret'));
    await server.request('coordination/usage', { action: 'erase' });
    assert.deepEqual(await stops(server), {});
    adapter.end();
    await server.end();
    for (const name of await readdir(storageDir())) {
      if (name.startsWith('usage')) {
        assert.doesNotMatch(await readFile(path.join(storageDir(), name), 'utf8'), /Shop\.Secret/, name);
      }
    }
    assert.deepEqual(await stops(await start()), {});
  });

  it('takes settings with units, and keeps the former ones where new ones cannot be used, and says which', async () => {
    const server = await start();
    const said = once(eventsOf(server), 'message') as Promise<[{ type: number; message: string }]>;
    await server.notify('coordination/settings', { ...SETTINGS, historySize: '64KB', memoryThreshold: '10 MB' });
    await server.notify('coordination/settings', { ...SETTINGS, memoryThreshold: 'plenty' });
    const [{ type, message }] = await within(10_000, said, () => 'the user is told nothing');
    assert.equal(type, 2);
    assert.match(message, /`memoryThreshold` must be .*"100MB"/);
    assert.equal((await server.request('coordination/health', {})).protocol, SERVER_PROTOCOL_VERSION);
  });

  /** What the server shows the user, as events. */
  function eventsOf(server: LspClient): EventEmitter {
    const events = new EventEmitter();
    server.connection.onNotification('window/showMessage', (params: unknown) => void events.emit('message', params));
    return events;
  }
});
