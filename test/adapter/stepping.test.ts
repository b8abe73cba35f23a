// Stepping: over, into modules that nobody named, out, across processes' messages, and what must not happen.
import assert from 'node:assert/strict';
import { fixture, type Fixture } from '../support/fixture';
import { sessions } from '../support/session';

const basic = 'lib/constructs/basic.ex';

describe('next', () => {
  const debug = sessions();
  let constructs: Fixture;
  before(async () => (constructs = await fixture('constructs')));

  it('goes from line to line over calls', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.main()',
      breakpoints: { [basic]: ['first'] },
    });
    const stop = await session.stop();
    assert.deepEqual(await session.steps('next', stop, 5), [
      'first',
      'local_call',
      'remote_call',
      'apply',
      'print',
      'last',
    ]);
  });

  it('says that it was a step', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.main()',
      breakpoints: { [basic]: ['first'] },
    });
    assert.equal((await session.step('next', await session.stop())).reason, 'step');
  });

  it('reports the breakpoint of the line that it arrives at', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.main()',
      breakpoints: { [basic]: ['first', 'local_call'] },
    });
    const stop = await session.step('next', await session.stop());
    assert.equal(stop.at, 'local_call');
    assert.deepEqual(stop.body.hitBreakpointIds, [session.breakpoints[basic]?.[1]?.id]);
  });

  it('takes a line with several calls in one step', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.nested(Constructs.Basic.several(1))',
      breakpoints: { [basic]: ['one_line', 'nested'] },
    });
    assert.equal((await session.step('next', await session.stop())).at, 'nested');
  });

  it('goes through the stages of a pipeline', async () => {
    const flow = 'lib/constructs/flow.ex';
    const session = await debug.launch(constructs, {
      run: 'Constructs.Flow.pipeline(" a ")',
      breakpoints: { [flow]: ['pipe_trim'] },
    });
    const stop = await session.stop();
    assert.deepEqual(await session.steps('next', stop, 3), [
      'pipe_trim',
      'pipe_upcase',
      'pipe_decorate',
      'pipe_length',
    ]);
  });

  it('goes from a clause of `with` that fails to its `else`, or to what comes after', async () => {
    const flow = 'lib/constructs/flow.ex';
    const session = await debug.launch(constructs, {
      run: 'Constructs.Flow.with_chain(%{}); Constructs.Flow.with_literals(%{a: 1})',
      breakpoints: { [flow]: ['with_first', 'with_second'] },
    });
    const first = await session.step('next', await session.stop());
    assert.equal(first.at, 'with_else');
    await session.resume(first);
    const second = await session.stop();
    assert.equal(second.at, 'with_second');
    assert.equal((await session.step('next', second)).at, 'with_after');
  });

  it('does not stop inside closures that the line calls', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.through_enum([1, 2, 3])',
      breakpoints: { [basic]: ['enum_call'] },
    });
    assert.equal((await session.step('next', await session.stop())).at, 'enum_sum');
  });

  it('at the end of a function arrives in its interpreted caller', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.main()',
      breakpoints: { [basic]: ['local_call', 'add_last'] },
    });
    const call = await session.stop();
    assert.equal(call.at, 'local_call');
    await session.resume(call);
    const last = await session.stop();
    assert.equal(last.at, 'add_last');
    assert.equal((await session.step('next', last)).at, 'remote_call');
  });
});

describe('step-in', () => {
  const debug = sessions();
  let constructs: Fixture;
  before(async () => (constructs = await fixture('constructs')));

  it('reaches the closures of a stream that the last call of a function runs', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Other.lazily([1, 2])',
      breakpoints: { [basic]: ['force'] },
    });
    assert.deepEqual(await session.steps('stepIn', await session.stop(), 2), ['force', 'lazy', 'lazy']);
  });

  it('enters a private function of the module', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.nested(1)',
      breakpoints: { [basic]: ['nested'] },
    });
    const stop = await session.stop();
    assert.deepEqual(await session.steps('stepIn', stop, 2), ['nested', 'middle', 'inner']);
  });

  it('enters another module that nobody named', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.main()',
      breakpoints: { [basic]: ['remote_call'] },
    });
    const stop = await session.step('stepIn', await session.stop());
    assert.equal(stop.at, 'twice');
    assert.equal(stop.top.name, 'Constructs.Other.twice/1');
    assert.equal((await session.locals(stop.top))['n'], '9');
  });

  it('enters through apply/3 and through a module in a variable', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.main(); Constructs.Basic.dynamic(Constructs.Other)',
      breakpoints: { [basic]: ['apply', 'dynamic'] },
    });
    const inside = await session.step('stepIn', await session.stop());
    assert.equal(inside.at, 'twice');
    await session.resume(inside);
    assert.equal((await session.step('stepIn', await session.stop())).at, 'twice');
  });

  it('passes through Enum into the closure', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.through_enum([4, 5])',
      breakpoints: { [basic]: ['enum_call'] },
    });
    const stop = await session.stop();
    const first = await session.step('stepIn', stop);
    assert.match(first.at, /^(enum_call|twice)$/, 'the closure itself, or what it calls');
    const closure = first.at === 'twice' ? first : await session.step('stepIn', first);
    assert.equal(closure.at, 'twice');
    assert.equal((await session.locals(closure.top))['n'], '4');
  });

  it('passes through Enum into a captured function', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.through_capture([6])',
      breakpoints: { [basic]: ['capture_call'] },
    });
    assert.equal((await session.step('stepIn', await session.stop())).at, 'twice');
  });

  it('passes through a protocol into the implementation', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Shapes.main()',
      breakpoints: { 'lib/constructs/shapes.ex': ['dispatch'] },
    });
    assert.equal((await session.step('stepIn', await session.stop())).at, 'square');
  });

  it('passes through GenServer.call into the callback, in the process that runs it', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Processes.call_server()',
      breakpoints: { 'lib/constructs/processes.ex': ['call_add'] },
    });
    const { client } = session;
    const stop = await session.stop();
    let arrived = await session.step('stepIn', stop);
    assert.match(arrived.top.name, /Counter\.add/);
    // The function with the default argument and the one that it calls stand on the same line.
    while (arrived.top.name.startsWith('Constructs.Counter.add')) {
      await client.request('stepIn', { threadId: stop.threadId });
      arrived = await session.stop();
    }
    const trail = arrived.frames.map(({ name }) => name).join(' ');
    assert.equal(arrived.at, 'handle_add', `the callback, in the process that runs it: ${trail}`);
    assert.notEqual(arrived.threadId, stop.threadId);
  });

  it('enters an Erlang module of the project', async () => {
    const session = await debug.launch(constructs, {
      run: ':constructs_erl.main()',
      breakpoints: { 'src/constructs_erl.erl': ['erl_call'] },
    });
    const stop = await session.stop();
    assert.equal((await session.step('stepIn', stop)).top.name, ':constructs_erl.fold/2');
  });

  it('with justMyCode false enters the standard library', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.through_enum([1])',
      breakpoints: { [basic]: ['enum_sum'] },
      args: { justMyCode: false },
    });
    const stop = await session.step('stepIn', await session.stop());
    assert.match(stop.top.name, /^Enum\.sum\/1/);
  });

  it('with justMyCode does not enter the standard library', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.through_enum([1]); Constructs.Basic.nested(1)',
      breakpoints: { [basic]: ['enum_sum'] },
    });
    const stop = await session.step('stepIn', await session.stop());
    assert.match(stop.top.source?.path ?? '', /basic\.ex$/);
  });

  it('does not enter what stepFilters name', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.main()',
      breakpoints: { [basic]: ['remote_call'] },
      args: { stepFilters: ['Constructs.Oth*'] },
    });
    assert.equal((await session.step('stepIn', await session.stop())).at, 'apply');
  });

  it('does not enter what excludeModules name', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.main()',
      breakpoints: { [basic]: ['remote_call'] },
      args: { excludeModules: ['Constructs.Other'] },
    });
    assert.equal((await session.step('stepIn', await session.stop())).at, 'apply');
  });

  it('offers the calls of a line as targets and enters the chosen one', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.through_enum([1])',
      breakpoints: { [basic]: ['enum_call'] },
    });
    const stop = await session.stop();
    const { targets } = await session.client.request('stepInTargets', { frameId: stop.top.id });
    const target = targets.find(({ label }) => /Enum\.map/.test(label));
    assert(target, `Enum.map is offered among ${targets.map(({ label }) => label).join(', ')}`);
    const inside = await session.step('stepIn', stop, { targetId: target.id });
    assert.match(inside.top.name, /^Enum\.map\/2/);
  });
});

describe('step-out', () => {
  const debug = sessions();
  let constructs: Fixture;
  before(async () => (constructs = await fixture('constructs')));

  it('returns to the caller that was stepped from', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.main()',
      breakpoints: { [basic]: ['remote_call'] },
    });
    const inside = await session.step('stepIn', await session.stop());
    const outside = await session.step('stepOut', inside);
    assert.match(outside.at, /^(remote_call|apply)$/);
    assert.equal(outside.top.name, 'Constructs.Basic.main/0');
  });

  it('arrives in a caller that ran natively until then, or says that it cannot', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.main()',
      breakpoints: { [basic]: ['twice'] },
    });
    const stop = await session.stop();
    await session.client.request('stepOut', { threadId: stop.threadId });
    const event = await session.client.eventOf(
      ['stopped', 'output'],
      ({ event: name, body }) => name === 'stopped' || /step|caller/i.test((body as { output: string }).output),
    );
    if (event.event !== 'stopped') return;
    const { stackFrames } = await session.client.request('stackTrace', { threadId: stop.threadId });
    assert.equal(stackFrames[0]?.name, 'Constructs.Basic.main/0');
  });

  it('at the end of a callback does not leak into the next message', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Processes.call_server()',
      breakpoints: { 'lib/constructs/counter.ex': ['handle_add_reply'] },
    });
    const stop = await session.stop();
    await session.client.request('stepOut', { threadId: stop.threadId });
    // The server's next message is :value; a step that leaked would stop there.
    assert.equal(await session.stopOrEnd().then((next) => next?.at ?? 'end'), 'end');
    assert.match((await session.end()).stdout, /server: 5 5/);
  });
});

describe('a step', () => {
  const debug = sessions();
  let constructs: Fixture;
  before(async () => (constructs = await fixture('constructs')));

  it('of the last line of the program lets it end', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.main()',
      breakpoints: { [basic]: ['last'] },
    });
    const stop = await session.stop();
    await session.client.request('next', { threadId: stop.threadId });
    const next = await session.stopOrEnd();
    if (next !== undefined) {
      assert(!next.at.startsWith('lib'), 'it arrives in the caller');
      await session.resume(next);
    }
    assert.equal((await session.end()).exitCode, 0);
  });

  it('moves only its own process when singleThread is asked', async () => {
    const processes = 'lib/constructs/processes.ex';
    const session = await debug.launch(constructs, {
      run: 'Constructs.Processes.crowd(2)',
      breakpoints: { [processes]: ['member'] },
    });
    const [one, two] = [await session.stop(), await session.stop()];
    assert.notEqual(one.threadId, two.threadId);
    assert.equal((await session.step('next', one, { singleThread: true })).at, 'member_last');
    const { stackFrames } = await session.client.request('stackTrace', { threadId: two.threadId });
    assert.equal(stackFrames[0]?.line, constructs.line(processes, 'member'), 'the other one has not moved');
  });

  it('leaves nothing armed once it is done', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.main()',
      breakpoints: { [basic]: ['remote_call'] },
      args: { breakOnDbg: false },
    });
    const stop = await session.step('stepIn', await session.stop());
    await session.setBreakpoints(basic, []);
    const inside = await session.step('stepOut', stop);
    await session.client.request('next', { threadId: inside.threadId });
    const after = await session.stop();
    const status = await session.client.custom<{ modules: { module: string; functions: string[] }[] }>(
      'getInterpretationStatus',
      {},
    );
    const armed = status.modules.filter(({ functions }) => functions.length > 0);
    assert.deepEqual(armed, [], 'nothing is armed while the process is stopped without breakpoints');
    await session.resume(after);
    assert.equal((await session.end()).exitCode, 0);
  });
});

describe('continue', () => {
  const debug = sessions();
  let constructs: Fixture;
  before(async () => (constructs = await fixture('constructs')));

  for (const round of [1, 2, 3]) {
    it(`is answered though the program halts at once (${round})`, async () => {
      const session = await debug.launch(constructs, {
        run: 'Constructs.Basic.add(1, 2); :erlang.halt(3, flush: false)',
        functions: ['Constructs.Basic.add/2'],
      });
      const stop = await session.stop();
      await session.client.request('continue', { threadId: stop.threadId });
      assert.equal((await session.end()).exitCode, 3);
    });
  }
});
