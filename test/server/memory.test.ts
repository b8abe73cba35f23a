// Sessions and dashboards that come and go leave no memory behind in the server. The real server process, collected before
// it is measured; counts bytes, never time.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import type { ProbeAnswer, ProbeQuestion } from '../../bench/serverProbe';
import { SERVER_PROTOCOL_VERSION } from '../../protocol/server';
import { eventually } from '../support/deadline';
import { LspClient } from '../support/lspClient';
import { root } from '../support/paths';
import { PipeClient, sessionState, stopped } from '../support/pipeClient';

/** As many before the measurement: the first ones fill lists that are bounded, and have code compiled. */
const SESSIONS = 60;
/** Bytes: what a session may leave, its line in the history and its share of lists that are bounded. */
const LEFT_BY_SESSION = 20_000;
const MODULES = ['Shop.Till', 'Shop.Pricing', 'Shop.Item', 'Shop.Receipt'];

describe('the memory of the coordination server', () => {
  let folder: string;
  let client: LspClient;

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'ecd-memory-'));
    await cp(path.join(root, 'demo', 'sample', 'lib'), path.join(folder, 'lib'), { recursive: true });
    const probe = path.join(root, 'dist', 'tests', 'bench', 'serverProbe.js');
    client = LspClient.start(['--expose-gc', '--require', probe]);
    await client.initialize(folder, SERVER_PROTOCOL_VERSION, { storageDir: path.join(folder, 'storage') });
    await eventually('an index', async () =>
      (await client.request('coordination/health', {})).indexed ? true : undefined,
    );
  });
  after(async () => {
    await client.end();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  /** Bytes in use once everything that nobody refers to is gone. */
  async function used(): Promise<number> {
    const answered = once(client.process, 'message') as Promise<[ProbeAnswer]>;
    client.process.send('memory' satisfies ProbeQuestion);
    const [{ value }] = await answered;
    return value;
  }

  /** A session that stops at four places, with the dashboard open. */
  async function session(id: string): Promise<void> {
    const { pipe, token } = await client.request('coordination/openSession', { session: id });
    const adapter = await PipeClient.connect(pipe);
    await adapter.greet(token, sessionState(id, { name: id }));
    await client.request('coordination/watch', { on: true });
    await client.request('coordination/snapshot', {});
    for (const [at, module] of MODULES.entries()) {
      await adapter.plan(stopped(at + 1, module));
      await adapter.event({ kind: 'latency', at: at + 1, of: 'step', ms: 1 });
      await adapter.event({ kind: 'continued', at: at + 1, thread: 1 });
    }
    await client.request('coordination/watch', { on: false });
    await client.request('coordination/closeSession', { session: id });
    adapter.end();
  }
  async function many(name: string): Promise<void> {
    for (let one = 0; one < SESSIONS; one++) await session(`${name} ${one}`);
    await eventually('no connection', async () =>
      (await client.request('coordination/health', {})).connections === 0 ? true : undefined,
    );
  }

  it('does not grow by sessions that have ended', async () => {
    await many('before');
    const before = await used();
    await many('after');
    const left = ((await used()) - before) / SESSIONS;
    assert.ok(left < LEFT_BY_SESSION, `${Math.round(left)} bytes stay of each session`);
  });
});
