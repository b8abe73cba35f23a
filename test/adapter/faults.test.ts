// What must survive or end cleanly: a killed BEAM, a client that goes away, signals, storms of changes and of stops.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fixture, type Fixture } from '../support/fixture';
import { adapterProgram } from '../support/paths';
import { endMarked, marked } from '../support/processes';
import { within } from '../support/deadline';
import { launchArguments, sessions } from '../support/session';

const processes = 'lib/constructs/processes.ex';

describe('a killed BEAM', () => {
  const debug = sessions();
  for (const stopped of [false, true]) {
    it(`ends the session within seconds (${stopped ? 'while stopped' : 'while running'})`, async () => {
      const session = await debug.launch(await fixture('constructs'), {
        run: 'Constructs.Processes.ticking()',
        until: 'started',
        ...(stopped ? { breakpoints: { [processes]: ['tick_count'] } } : {}),
      });
      if (stopped) await session.stop();
      const { systemProcessId } = await session.client.event('process');
      assert(systemProcessId);
      process.kill(systemProcessId, 'SIGKILL');
      const killed = Date.now();
      const { exitCode } = await session.end();
      assert.notEqual(exitCode, 0);
      assert(Date.now() - killed < 10_000);
      assert.equal(session.client.seen('exited').length, 1);
      assert.equal(session.client.seen('terminated').length, 1);
      assert.equal((await session.client.ask('threads', {})).command, 'threads');
    });
  }
});

describe('nothing is left running when', () => {
  const debug = sessions();
  let constructs: Fixture;
  before(async () => (constructs = await fixture('constructs')));

  const started = async (stopped: boolean) => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Processes.ticking()',
      until: 'started',
      ...(stopped ? { breakpoints: { [processes]: ['tick_count'] } } : {}),
    });
    if (stopped) await session.stop();
    return session.client;
  };

  for (const stopped of [false, true]) {
    const when = stopped ? ' while a process is stopped' : '';

    it(`the client closes the stream${when}`, async () => {
      const client = await started(stopped);
      client.process.stdin.end();
      await client.exited();
      await client.nothingLeft();
    });

    it(`the adapter gets SIGTERM${when}`, async () => {
      const client = await started(stopped);
      client.process.kill('SIGTERM');
      await client.exited();
      await client.nothingLeft();
    });

    it(`the adapter is killed${when}`, async () => {
      const client = await started(stopped);
      client.process.kill('SIGKILL');
      await client.exited();
      await client.nothingLeft();
    });

    it(`the client disconnects${when}`, async () => {
      const client = await started(stopped);
      await client.request('disconnect', {});
      client.process.stdin.end();
      await client.exited();
      await client.nothingLeft();
    });

    it(`the client asks to terminate${when}`, async () => {
      const client = await started(stopped);
      await client.request('terminate', {});
      await client.event('terminated');
      assert.equal(client.seen('exited').length, 1);
      await client.nothingLeft({ butAdapter: true });
    });
  }

  it('the client goes while the project compiles', async () => {
    const session = debug.open(constructs);
    await session.client.request('initialize', { adapterID: 'elixir' });
    void session.client
      .ask('launch', launchArguments(constructs, { run: 'Process.sleep(:infinity)' }))
      .catch(() => undefined);
    session.client.process.stdin.end();
    await session.client.exited();
    await session.client.nothingLeft();
    // The answer to launch could no longer be delivered.
    session.client.sendRaw('');
  });
});

describe('a storm', () => {
  const debug = sessions();
  let constructs: Fixture;
  before(async () => (constructs = await fixture('constructs')));

  it('of 500 breakpoint changes while 20 processes loop in the module changes no result and kills nobody', async () => {
    const session = await debug.launch(constructs, { run: 'Constructs.Processes.loops(20)', until: 'started' });
    const { client } = session;
    const places = ['round', 'round_last', 'product', 'product_last'];
    const change = (i: number) => {
      const chosen = places.filter((_place, bit) => ((i >> bit) & 1) === 1);
      const specs = chosen.map((at) => ({ at, condition: 'false' }));
      return client.ask('setBreakpoints', session.breakpointsArguments(processes, specs));
    };
    // Twenty at a time: as fast as they are answered, and no answer has to wait for all of them.
    for (let from = 0; from < 500; from += 20) {
      const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => change(from + i)));
      assert.deepEqual(
        answers.filter(({ success }) => !success),
        [],
      );
    }
    await session.setBreakpoints(processes, []);
    await session.tell('Constructs.Processes.end_busy()');
    const { exitCode, stdout, stderr } = await session.end();
    assert.equal(exitCode, 0, stderr);
    assert.match(stdout, /loops: right/);
  });

  it('of 200 processes that stop at once is reported whole, and all go on', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Processes.crowd(200)',
      breakpoints: { [processes]: ['member'] },
    });
    const stopped = new Set<number>();
    while (stopped.size < 200) {
      const { threadId } = await session.client.event('stopped');
      assert(threadId !== undefined);
      stopped.add(threadId);
    }
    const { threads } = await session.client.request('threads', {});
    assert(
      [...stopped].every((id) => threads.some((thread) => thread.id === id)),
      'each stopped process is listed',
    );
    const [first] = stopped;
    await session.client.request('continue', { threadId: first ?? 0 });
    const { exitCode, stdout } = await session.end();
    assert.equal(exitCode, 0);
    assert.match(stdout, /crowd: 40400/);
  });

  it('of processes killed while they are stopped leaves the session working', async () => {
    const session = await debug.launch(constructs, {
      run: 'pids = for i <- 1..10, do: spawn(fn -> Constructs.Processes.member(i) end); refs = Enum.map(pids, &Process.monitor/1); Process.register(self(), :constructs_killer); receive do :kill -> Enum.each(pids, &Process.exit(&1, :kill)) end; for r <- refs, do: (receive do {:DOWN, ^r, _, _, :killed} -> :ok end); IO.puts("all killed"); Constructs.Processes.work(3)',
      breakpoints: { [processes]: ['member', 'work'] },
    });
    for (let i = 0; i < 10; i++) await session.client.event('stopped');
    await session.tell('send(:constructs_killer, :kill)');
    await session.client.event('output', ({ output }) => output.includes('all killed'));
    const stop = await session.stop();
    assert.equal(stop.at, 'work');
    await session.resume(stop);
    assert.equal((await session.end()).exitCode, 0);
  });
});

describe('a part of the agent that dies', () => {
  const debug = sessions();

  for (const part of ['ecd_iserver', 'ecd_interpreter', 'ecd_breakpoints', 'ecd_control']) {
    it(`(${part}) takes no process of the program with it and changes no result`, async () => {
      const session = await debug.launch(await fixture('constructs'), {
        run: 'Constructs.Processes.loops(4)',
        until: 'started',
        breakpoints: { [processes]: [{ at: 'round', condition: 'false' }] },
      });
      await session.client.ask('evaluate', {
        expression: `Process.exit(Process.whereis(:${part}), :kill); Process.sleep(300); Constructs.Processes.end_busy()`,
        context: 'repl',
      });
      const { exitCode, stdout } = await session.end();
      assert.match(stdout, /loops: right/);
      assert.equal(exitCode, 0);
    });
  }
});

describe('a launch that is cancelled', () => {
  const debug = sessions();

  it('while the agent is compiled is answered at once and leaves nothing', async () => {
    const constructs = await fixture('constructs');
    const home = mkdtempSync(path.join(tmpdir(), 'ecd-test-'));
    try {
      const session = debug.open(constructs, { XDG_CACHE_HOME: home });
      const { client } = session;
      await client.request('initialize', { adapterID: 'elixir', supportsProgressReporting: true });
      const launch = client.send('launch', launchArguments(constructs, { run: ':ok' }));
      const { progressId } = await client.event('progressStart');
      await client.request('cancel', { progressId });
      const answer = await launch.answer;
      assert.equal(answer.success, false);
      await client.nothingLeft({ butAdapter: true });
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  });
});

describe('the adapter as a server for development', () => {
  it('serves one client on a loopback port', async () => {
    const mark = `server-${process.pid}-${Date.now()}`;
    const child = spawn(process.execPath, [adapterProgram, '--server=0'], { env: { ...process.env, ...marked(mark) } });
    try {
      let said = '';
      const port = await within(
        20_000,
        new Promise<number>((resolve) => {
          for (const stream of [child.stdout, child.stderr]) {
            stream.on('data', (data: Buffer) => {
              said += data.toString();
              const found = /(?:port|:)\D{0,20}?(\d{4,5})/i.exec(said);
              if (found) resolve(Number(found[1]));
            });
          }
        }),
        () => `it did not say its port: ${said}`,
      );
      const socket = connect(port, '127.0.0.1');
      await once(socket, 'connect');
      const body = '{"seq":1,"type":"request","command":"initialize","arguments":{"adapterID":"elixir"}}';
      socket.write(`Content-Length: ${body.length}\r\n\r\n${body}`);
      const [data] = (await within(20_000, once(socket, 'data'), () => 'no answer')) as [Buffer];
      assert.match(data.toString(), /"success":true/);
      socket.destroy();
    } finally {
      endMarked(mark);
      await once(child, 'close').catch(() => undefined);
    }
  });
});
