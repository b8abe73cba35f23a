// The adapter's lasting way to the coordination server, beside a server that does not keep up.
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { SessionState } from '../../protocol/coordination';
import { Pipe } from '../../adapter/coordination/pipe';
import { Stopwatch } from '../../adapter/coordination/stopwatch';
import { Log } from '../../adapter/log';
import { CoordinationPeer } from '../support/coordinationPeer';
import { eventually } from '../support/deadline';

const state: SessionState = {
  id: 'one',
  name: 'test',
  projectDir: '/project',
  builds: [],
  engine: 'interpreter',
  otp: 25,
  elixir: '1.14.0',
  startedAt: 1,
  mode: {
    enabled: true,
    strategy: 'predictive',
    scope: 'conservative',
    memoryThreshold: 1_000_000,
  },
  paused: false,
  justMyCode: true,
  breakpoints: [],
  stopped: [],
  prepared: [],
};

describe('a coordination server that does not keep up', () => {
  let peer: CoordinationPeer;
  let pipe: Pipe;

  beforeEach(async () => {
    peer = await CoordinationPeer.open();
    pipe = new Pipe({
      log: new Log('stderr', 'error', 'test'),
      stopwatch: new Stopwatch(),
      state: () => Promise.resolve(state),
      opening: () => null,
      unanswered: () => undefined,
      plan: () => undefined,
      command: () => undefined,
      wrongVersion: () => undefined,
    });
    pipe.open({ pipe: peer.pipe, token: peer.token, session: 'one' });
    await eventually('a connection', () => (pipe.status === 'connected' ? true : undefined));
  });
  afterEach(async () => {
    peer.stall(false);
    await pipe.close();
    await peer.close();
  });

  it('costs no memory without end: what it does not take is dropped and counted, and then it is told the whole state', async () => {
    peer.stall(true);
    let told = 0;
    await eventually('a drop', async () => {
      for (let event = 0; event < 500; event++) {
        pipe.tell({ kind: 'failed', at: ++told, module: `M${told}`, error: 'x'.repeat(2_000) });
      }
      await delay(5);
      return pipe.dropped > 0 ? true : undefined;
    });
    assert.equal(peer.greetings.length, 1, 'it is the same connection still');
    assert(peer.events.length < told);

    peer.stall(false);
    await peer.until('another greeting', () => peer.greetings[1]);
    assert.deepEqual(peer.state, state);
    pipe.tell({ kind: 'failed', at: ++told, module: 'Last', error: 'x' });
    await peer.event('failed', ({ module }) => module === 'Last');
  });
});
