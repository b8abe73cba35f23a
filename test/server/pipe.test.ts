// The coordination pipe of the real server process: who is let in, what is refused, and what stays behind.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { ResponseError } from 'vscode-jsonrpc/node';
import { COORDINATION_VERSION, MAX_COORDINATION_MESSAGE, type Refusal } from '../../protocol/coordination';
import { SERVER_PROTOCOL_VERSION } from '../../protocol/server';
import { eventually, within } from '../support/deadline';
import { LspClient } from '../support/lspClient';
import { PipeClient, sessionState, stopped } from '../support/pipeClient';

describe('the pipe of the coordination server', () => {
  let folder: string;
  let client: LspClient;
  let pipes: PipeClient[];

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'ecd-server-'));
    client = LspClient.start();
    pipes = [];
    await client.initialize(folder, SERVER_PROTOCOL_VERSION);
  });
  afterEach(async () => {
    for (const pipe of pipes) pipe.end();
    client.process.kill();
    await rm(folder, { recursive: true, force: true });
  });

  const open = (session: string) => client.request('coordination/openSession', { session });
  async function connect(name: string): Promise<PipeClient> {
    const pipe = await PipeClient.connect(name);
    pipes.push(pipe);
    return pipe;
  }
  async function greeted(session: string): Promise<PipeClient> {
    const { pipe, token } = await open(session);
    const adapter = await connect(pipe);
    await adapter.greet(token, sessionState(session));
    return adapter;
  }
  const isRefusal =
    (reason: Refusal) =>
    (error: unknown): boolean =>
      error instanceof ResponseError && (error.data as { reason: Refusal }).reason === reason;
  const refused = async (): Promise<Record<Refusal, number>> =>
    (await client.request('coordination/health', {})).refused;
  const ended = (pipe: PipeClient) => within(10_000, pipe.closed, () => 'the server did not end the connection');

  it('lets an adapter with the right token in and plans for it', async () => {
    const { pipe, token } = await open('one');
    const adapter = await connect(pipe);
    assert.deepEqual(await adapter.greet(token, sessionState('one')), {
      version: COORDINATION_VERSION,
      serverPid: client.process.pid,
    });
    assert.equal((await client.request('coordination/health', {})).connections, 1);
    const plan = await adapter.plan(stopped(1, 'Shop.Till', 'Shop.Cart'));
    assert.equal(plan.number, 1);
    assert.equal(plan.strategy, 'demand-driven');
    assert.equal((await adapter.plan(stopped(2, 'Shop.Till'))).number, 2);
  });

  it('gives a session one pair for all its reconnects, and another session another token', async () => {
    const first = await open('one');
    assert.deepEqual(await open('one'), first);
    const other = await open('two');
    assert.equal(other.pipe, first.pipe);
    assert.notEqual(other.token, first.token);
    const adapter = await connect(first.pipe);
    await adapter.greet(first.token, sessionState('one'));
    adapter.end();
    const again = await connect(first.pipe);
    await again.greet(first.token, sessionState('one'));
    assert.equal((await again.plan(stopped(1, 'A'))).number, 1);
  });

  it('ends the former connection of a session that greets anew', async () => {
    const former = await greeted('one');
    await greeted('one');
    await ended(former);
    await eventually('one connection', async () => {
      const { connections } = await client.request('coordination/health', {});
      return connections === 1 ? true : undefined;
    });
  });

  it('refuses a wrong token, one of another session, and one that was closed', async () => {
    const { pipe, token } = await open('one');
    const other = await open('two');
    for (const wrong of ['', 'x', other.token, token.slice(0, -1), token.toUpperCase()]) {
      const adapter = await connect(pipe);
      await assert.rejects(adapter.greet(wrong, sessionState('one')), isRefusal('wrongToken'));
      await ended(adapter);
    }
    await client.request('coordination/closeSession', { session: 'one' });
    const late = await connect(pipe);
    await assert.rejects(late.greet(token, sessionState('one')), isRefusal('wrongToken'));
    assert.equal((await refused()).wrongToken, 6);
  });

  it('refuses another version whatever else such a greeting holds', async () => {
    const { pipe, token } = await open('one');
    const adapter = await connect(pipe);
    const greeting = { version: COORDINATION_VERSION + 1, token, session: { id: 'one', shape: 'of the future' } };
    await assert.rejects(adapter.connection.sendRequest('coordination/greet', greeting), isRefusal('wrongVersion'));
    await ended(adapter);
    assert.equal((await refused()).wrongVersion, 1);
  });

  it('refuses whoever does not greet first', async () => {
    const { pipe } = await open('one');
    const adapter = await connect(pipe);
    await assert.rejects(adapter.plan(stopped(1, 'A')), isRefusal('notGreeted'));
    await ended(adapter);
    assert.equal((await refused()).notGreeted, 1);
  });

  it('ends a connection that tells something before it greets', async () => {
    const { pipe } = await open('one');
    const adapter = await connect(pipe);
    await adapter.event(stopped(1, 'A'));
    await ended(adapter);
    assert.equal((await refused()).notGreeted, 1);
  });

  it('refuses a malformed message and goes on with the next one', async () => {
    const adapter = await greeted('one');
    await assert.rejects(
      adapter.connection.sendRequest('coordination/plan', { events: [{ kind: 'stopped', at: 1 }] }),
      isRefusal('malformed'),
    );
    await assert.rejects(adapter.connection.sendRequest('coordination/unknown', {}), isRefusal('malformed'));
    await adapter.connection.sendNotification('coordination/events', {
      events: [{ kind: 'entered', at: 1, module: '' }],
    });
    await assert.rejects(adapter.plan(stopped(1e99, 'A')), isRefusal('malformed'));
    assert.equal((await adapter.plan(stopped(1, 'A'))).number, 1);
    assert.equal((await refused()).malformed, 4);
  });

  for (const [what, bytes] of [
    ['text that is no JSON', 'Content-Length: 3\r\n\r\n{]}'],
    ['JSON that is no call', 'Content-Length: 4\r\n\r\nnull'],
    ['a header without a length', 'Content-Type: x\r\n\r\n{}'],
    ['a length that is no number', 'Content-Length: 12abc\r\n\r\n{}'],
    ['a header without a name', 'Content-Length: 2\r\nrubbish\r\n\r\n{}'],
    ['headers without an end', 'x'.repeat(2_000)],
  ] as const) {
    it(`ends a connection that sends ${what}`, async () => {
      const { pipe } = await open('one');
      const adapter = await connect(pipe);
      adapter.socket.write(bytes);
      await ended(adapter);
      assert.equal((await refused()).malformed, 1);
    });
  }

  it('ends a connection whose message is too long before the message is there', async () => {
    const adapter = await greeted('one');
    adapter.socket.write(`Content-Length: ${MAX_COORDINATION_MESSAGE + 1}\r\n\r\n{`);
    await ended(adapter);
    assert.equal((await refused()).oversized, 1);
  });

  it('takes a message that comes in many pieces, and many that come in one', async () => {
    const adapter = await greeted('one');
    const message = (id: number): string => {
      const params = { events: [stopped(id, 'Shop.Café')] };
      const body = JSON.stringify({ jsonrpc: '2.0', id: `raw-${id}`, method: 'coordination/plan', params });
      return `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
    };
    for (const byte of Buffer.from(message(1))) adapter.socket.write(Buffer.of(byte));
    adapter.socket.write(message(2) + message(3));
    assert.equal((await adapter.plan(stopped(4, 'A'))).number, 4);
    assert.equal((await refused()).malformed, 0);
  });

  it('removes its socket when it ends, by farewell or by signal', async function () {
    if (process.platform === 'win32') this.skip();
    const { pipe } = await open('one');
    assert.equal(statSync(path.dirname(pipe)).mode & 0o777, 0o700);
    assert.equal(statSync(pipe).mode & 0o777, 0o600);
    const exited = once(client.process, 'exit');
    client.process.kill('SIGTERM');
    await exited;
    assert.equal(existsSync(path.dirname(pipe)), false);

    client = LspClient.start();
    await client.initialize(folder, SERVER_PROTOCOL_VERSION);
    const second = await open('one');
    assert.equal(await client.end(), 0);
    assert.equal(existsSync(path.dirname(second.pipe)), false);
  });

  it('sweeps what a killed server left, and nothing else', async function () {
    if (process.platform === 'win32') this.skip();
    const { pipe } = await open('one');
    const exited = once(client.process, 'exit');
    client.process.kill('SIGKILL');
    await exited;
    assert.equal(existsSync(path.dirname(pipe)), true);
    const living = mkdtempSync(path.join(tmpdir(), `ecd-pipe-${process.pid}-`));
    const gone = spawnSync(process.execPath, ['-e', '']).pid;
    const dead = mkdtempSync(path.join(tmpdir(), `ecd-pipe-${gone}-`));
    try {
      client = LspClient.start();
      await client.initialize(folder, SERVER_PROTOCOL_VERSION);
      await open('one');
      assert.deepEqual(
        [path.dirname(pipe), dead, living].map((place) => existsSync(place)),
        [false, false, true],
      );
    } finally {
      await rm(living, { recursive: true });
    }
  });
});
