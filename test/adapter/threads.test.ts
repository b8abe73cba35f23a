// Processes as threads: several stopped at once, the list and its names, starts and ends, pause, and ending them.
import assert from 'node:assert/strict';
import { fixture, fixtureCopy, type Fixture } from '../support/fixture';
import { sessions } from '../support/session';
import { eventually } from '../support/deadline';

const processes = 'lib/constructs/processes.ex';

describe('threads', () => {
  const debug = sessions();
  let constructs: Fixture;
  before(async () => (constructs = await fixture('constructs')));

  it('list stopped processes first, then named ones with the name a person recognises', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Processes.task()',
      breakpoints: { [processes]: ['work'] },
    });
    const stop = await session.stop();
    const { threads } = await session.client.request('threads', {});
    assert.equal(threads[0]?.id, stop.threadId);
    const names = threads.map(({ name }) => name);
    assert(
      names.some((name) => name.includes('Constructs.Counter')),
      names.join('\n'),
    );
    assert(
      names.every((name) => /<\d+\.\d+\.\d+>/.test(name)),
      'each name carries the pid',
    );
    const ours = names.filter((name) => /ecd_|dbg_/.test(name));
    assert.deepEqual(ours, [], "the debugger's own processes are not listed");
    assert.equal(new Set(threads.map(({ id }) => id)).size, threads.length);
  });

  it('of a closure that was made under interpretation is named by what it runs', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Processes.task()',
      breakpoints: { [processes]: ['task_start', 'work'] },
    });
    const start = await session.stop();
    assert.equal(start.at, 'task_start');
    await session.resume(start);
    const inTask = await session.stop(({ threadId }) => threadId !== start.threadId);
    const { threads } = await session.client.request('threads', {});
    const name = threads.find(({ id }) => id === inTask.threadId)?.name ?? '';
    assert.match(name, /^Task anonymous fn\/0 in Constructs\.Processes\.task\/0 /);
  });

  it('are capped, and the rest is counted', async () => {
    const session = await debug.launch(constructs, {
      run: 'for _ <- 1..900, do: spawn(fn -> Process.sleep(:infinity) end); Constructs.Processes.work(1)',
      breakpoints: { [processes]: ['work'] },
    });
    const stop = await session.stop();
    const { threads, total } = await session.client.custom<{ threads: { id: number }[]; total: number }>('threads', {});
    assert.equal(threads.length, 500);
    assert(total > 900, `${total} in all`);
    assert.equal(threads[0]?.id, stop.threadId);
  });

  it("of Elixir's compiler come after everything that has a name", async () => {
    const session = await debug.launch(constructs, {
      run: 'Code.compile_string("defmodule Compiled, do: Constructs.Processes.work(1)")',
      breakpoints: { [processes]: ['work'] },
    });
    await session.stop();
    const names = (await session.client.request('threads', {})).threads.map(({ name }) => name);
    const tracker = names.findIndex((name) => name.startsWith('Kernel.LexicalTracker'));
    assert(tracker > 0, names.join('\n'));
    assert(tracker > names.findIndex((name) => name.startsWith(':init ')), names.join('\n'));
  });

  it("of ExUnit's own come after everything that has a name, the tests do not", async () => {
    const session = await debug.launch(constructs, {
      args: { task: 'test', taskArgs: ['test/basic_test.exs'], env: { MIX_ENV: 'test' } },
      breakpoints: { 'test/basic_test.exs': ['test_add'] },
    });
    const stop = await session.stop();
    const { threads } = await session.client.request('threads', {});
    const names = threads.map(({ name }) => name);
    assert.equal(threads[0]?.id, stop.threadId);
    const system = names.findIndex((name) => name.startsWith(':init '));
    for (const own of ['ExUnit.RunnerStats', 'Task anonymous fn/0 in ExUnit', ':gen_event.init_it']) {
      const at = names.findIndex((name) => name.startsWith(own));
      assert(at === -1 || at > system, names.join('\n'));
    }
    assert(names.some((name) => name.startsWith('ExUnit.RunnerStats')));
  });

  it('that come in a crowd make the list invalid instead of being announced one by one', async () => {
    const session = await debug.launch(constructs, {
      run: 'for _ <- 1..600, do: spawn(fn -> Process.sleep(:infinity) end); Process.sleep(:infinity)',
    });
    const { areas } = await session.client.event('invalidated');
    assert.deepEqual(areas, ['threads']);
    assert(session.client.seen('thread').length < 600);
  });

  it('starts and ends of are announced within two seconds', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Processes.ticking()',
      until: 'started',
    });
    const started = await session.client
      .event('thread', ({ reason }) => reason === 'started', 4_000)
      .catch(() => undefined);
    const find = async () =>
      (await session.client.request('threads', {})).threads.find(({ name }) => name.includes('constructs_ticker'));
    const ticker = await eventually('the named process is listed', find);
    assert(
      started !== undefined || session.client.seen('thread').some(({ threadId }) => threadId === ticker.id),
      'its start was announced',
    );
    const ended = session.client.event(
      'thread',
      ({ reason, threadId }) => reason === 'exited' && threadId === ticker.id,
      4_000,
    );
    await session.evaluate('Process.exit(Process.whereis(:constructs_ticker), :kill)');
    await ended;
  });

  it('stop one by one, and each goes on alone', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Processes.crowd(3)',
      breakpoints: { [processes]: ['member'] },
    });
    const stops = [await session.stop(), await session.stop(), await session.stop()];
    assert.equal(new Set(stops.map(({ threadId }) => threadId)).size, 3);
    const [first, second, third] = stops as [(typeof stops)[0], (typeof stops)[0], (typeof stops)[0]];
    const values = await Promise.all(stops.map((stop) => session.locals(stop.top)));
    assert.deepEqual(values.map(({ i }) => i).sort(), ['1', '2', '3']);
    await session.resume(second);
    const line = async (stop: { threadId: number }) =>
      (await session.client.request('stackTrace', { threadId: stop.threadId })).stackFrames[0]?.line;
    assert.equal(await line(first), constructs.line(processes, 'member'), 'the others are where they were');
    assert.equal(await line(third), constructs.line(processes, 'member'));
    await session.resume(first);
    await session.resume(third);
    assert.match((await session.end()).stdout, /crowd: 15/);
  });

  it('go on together when not told otherwise', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Processes.crowd(5)',
      breakpoints: { [processes]: ['member'] },
    });
    for (let i = 0; i < 5; i++) await session.stop();
    const stop = { threadId: (await session.client.request('threads', {})).threads[0]?.id ?? 0 };
    const body = await session.client.request('continue', { threadId: stop.threadId });
    assert.notEqual(body.allThreadsContinued, false);
    assert.match((await session.end()).stdout, /crowd: 35/);
  });

  it('are ended by terminateThreads', async () => {
    const session = await debug.launch(constructs, {
      run: '{pid, ref} = spawn_monitor(fn -> Constructs.Processes.work(2) end); receive do {:DOWN, ^ref, _, ^pid, reason} -> IO.inspect(reason) end',
      breakpoints: { [processes]: ['work'] },
    });
    const stop = await session.stop();
    await session.client.request('terminateThreads', { threadIds: [stop.threadId] });
    assert.equal((await session.end()).stdout, ':killed\n');
  });

  it('that are gone are answered with an error', async () => {
    const session = await debug.launch(constructs, { run: 'Constructs.Processes.ticking()', until: 'started' });
    for (const command of ['stackTrace', 'next', 'stepIn', 'stepOut', 'continue', 'pause', 'exceptionInfo']) {
      const refused = await session.client.refused(command, { threadId: 987_654 });
      assert.equal(refused.text, 'There is no thread 987654 any more.', command);
    }
  });
});

describe('pause', () => {
  const debug = sessions();
  let constructs: Fixture;
  before(async () => (constructs = await fixture('constructs')));

  const threadNamed = async (session: Awaited<ReturnType<typeof debug.launch>>, name: string) =>
    eventually(`a thread ${name}`, async () => {
      const { threads } = await session.client.request('threads', {});
      return threads.find((thread) => thread.name.includes(name));
    });

  it('shows the stack of a process that waits for a message, and lets it go on', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Processes.register_and_block()',
    });
    await session.client.event('output', ({ output }) => output.includes('blocked: started'));
    const thread = await threadNamed(session, 'constructs_blocked');
    await session.client.request('pause', { threadId: thread.id });
    const stop = await session.stop(({ threadId }) => threadId === thread.id);
    assert.equal(stop.reason, 'pause');
    const names = stop.frames.map(({ name }) => name);
    assert(names.includes('Constructs.Processes.blocked/0'), names.join(', '));
    assert(
      stop.frames.some((frame) => session.place(frame) === 'call_blocked' || frame.name.includes('register_and_block')),
    );
    await session.resume(stop);
    await session.tell('send(:constructs_blocked, {:unblock, "go"})');
    assert.match((await session.end()).stdout, /blocked: go/);
  });

  it('shows the real line of a process that is busy', async () => {
    const session = await debug.launch(constructs, {
      run: 'Process.register(self(), :constructs_spinner); Constructs.Processes.busy()',
    });
    await session.client.event('output', ({ output }) => output.includes('busy: started'));
    const thread = await threadNamed(session, 'constructs_spinner');
    await session.client.request('pause', { threadId: thread.id });
    const stop = await session.stop(({ threadId }) => threadId === thread.id);
    assert.equal(stop.reason, 'pause');
    const own = stop.frames.find((frame) => frame.source?.path === constructs.file(processes));
    assert(own, stop.frames.map(({ name }) => name).join(', '));
    assert(own.line >= constructs.line(processes, 'def busy'), `line ${own.line} is a line of the loop`);
    await session.resume(stop);
    await session.tell('Constructs.Processes.end_busy()');
    assert.match((await session.end()).stdout, /busy: ended/);
  });

  it('of a process that is stopped already changes nothing', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Processes.task()',
      breakpoints: { [processes]: ['work'] },
    });
    const stop = await session.stop();
    await session.client.ask('pause', { threadId: stop.threadId });
    const { stackFrames } = await session.client.request('stackTrace', { threadId: stop.threadId });
    assert.equal(stackFrames[0]?.line, stop.top.line);
    await session.resume(stop);
    assert.match((await session.end()).stdout, /task: 9/);
  });
});

describe('while a process is stopped', () => {
  const debug = sessions();
  let constructs: Fixture;
  before(async () => (constructs = await fixture('constructs')));

  it('the others run', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Processes.task()',
      breakpoints: { [processes]: ['work'] },
    });
    const stop = await session.stop();
    assert.equal(await session.evaluate('Constructs.Counter.add(1)'), '1');
    await session.resume(stop);
    assert.match((await session.end()).stdout, /task: 9/);
  });

  it('the stop says who waits on it and for how long', async () => {
    const session = await debug.launch(constructs, {
      run: 'Process.register(self(), :constructs_caller); Constructs.Processes.call_server()',
      breakpoints: { 'lib/constructs/counter.ex': ['handle_add'] },
    });
    const stop = await session.stop();
    const text = await eventually('the caller is named', () => {
      const written = [
        stop.body.text ?? '',
        stop.body.description ?? '',
        ...session.client.seen('output').map(({ output }) => output),
      ];
      return written.find((each) => /wait/i.test(each) && /constructs_caller|<\d+\.\d+\.\d+>/.test(each));
    });
    assert.match(text, /GenServer\.call|call/i);
    await session.resume(stop);
    assert.match((await session.end()).stdout, /server: 5 5/);
  });

  it('the stop says who waits for a database connection that the process holds, and how long', async () => {
    // The library itself cannot be had without a network; its modules' names and frames are what counts.
    const copy = await fixtureCopy('scripts');
    try {
      copy.write(
        'pool.exs',
        `defmodule DBConnection.Holder do
  def checkout(pool) do
    send(pool, {:checkout, self()})

    receive do
      :checked_out -> :ok
    end
  end
end

defmodule DBConnection do
  def run(pool, fun) do
    :ok = DBConnection.Holder.checkout(pool)
    result = fun.()
    send(pool, :checkin)
    result
  end
end

defmodule Pool do
  def lend do
    receive do
      {:checkout, client} -> send(client, :checked_out)
    end

    receive do
      :checkin -> lend()
    end
  end

  def query(pool) do
    DBConnection.run(pool, fn ->
      row = 1 # bp:query
      row + 1 # bp:answer
    end)
  end
end

pool = spawn(&Pool.lend/0)
parent = self()

spawn(fn ->
  DBConnection.run(pool, fn ->
    send(parent, :lent)
    Process.register(spawn(fn -> Pool.query(pool) end), :constructs_waiter)
    Process.sleep(50)
    Pool.query(spawn(fn -> receive do {:checkout, client} -> send(client, :checked_out) end; Process.sleep(:infinity) end))
  end)
end)

Process.sleep(:infinity)
`,
      );
      const session = await debug.launch(copy, {
        args: { script: 'pool.exs' },
        breakpoints: { 'pool.exs': ['query'] },
      });
      const stop = await session.stop();
      assert.match(stop.body.text ?? '', /constructs_waiter is waiting in a database checkout/);
      await session.evaluate('Process.sleep(300)', stop.top, 'watch');
      const next = await session.step('next', stop);
      assert.equal(next.at, 'answer');
      assert.match(next.body.text ?? '', /constructs_waiter has been waiting in a database checkout for \d+\.\d s/);
    } finally {
      copy.remove();
    }
  });

  it('pauseOthers suspends the processes of the application', async () => {
    const session = await debug.launch(constructs, {
      run: 'spawn(fn -> Constructs.Processes.tick(self(), 0) end) |> Process.register(:constructs_other); Constructs.Processes.work(1); IO.puts("resumed")',
      breakpoints: { [processes]: ['work'] },
      args: { pauseOthers: true },
    });
    const stop = await session.stop();
    const status = await session.evaluate(
      'Process.info(Process.whereis(:constructs_other), :status)',
      stop.top,
      'watch',
    );
    assert.equal(status, '{:status, :suspended}');
    await session.resume(stop);
    assert.match((await session.end()).stdout, /resumed/);
  });
});
