// Exception breakpoints: where something is raised, before a process is lost, and what must not stop.
import assert from 'node:assert/strict';
import { fixture, type Fixture } from '../support/fixture';
import { sessions } from '../support/session';

const errors = 'lib/constructs/errors.ex';

describe('the raised filter', () => {
  const debug = sessions();
  let constructs: Fixture;
  before(async () => (constructs = await fixture('constructs')));

  for (const [what, run, marker, exception] of [
    ['raise with a module', 'Constructs.Errors.rescued()', 'raise_rescued', 'ArgumentError'],
    ['raise with fields', 'Constructs.Errors.rescued_above()', 'raise_uncaught', 'Constructs.Errors.Custom'],
    [
      'raise with a struct',
      'try do Constructs.Errors.raise_struct() rescue e -> e end',
      'raise_struct',
      'Constructs.Errors.Custom',
    ],
    ['raise with a text', 'try do Constructs.Errors.raise_text() rescue e -> e end', 'raise_text', 'RuntimeError'],
  ] as const) {
    it(`stops at ${what}`, async () => {
      const session = await debug.launch(constructs, { run, exceptions: { filters: ['raised'] } });
      const stop = await session.stop();
      assert.equal(stop.reason, 'exception');
      const own = stop.frames.find((frame) => frame.source?.path === constructs.file(errors));
      assert(own, `a frame in ${errors} among ${stop.frames.map(({ name }) => name).join(', ')}`);
      assert.equal(session.place(own), marker);
      const info = await session.client.request('exceptionInfo', { threadId: stop.threadId });
      assert.match(info.exceptionId, new RegExp(exception.replaceAll('.', '\\.')));
      await session.resume(stop);
      assert.deepEqual(await session.places(), []);
      assert.equal((await session.end()).exitCode, 0);
    });
  }

  it('does not stop at an exception that is only built', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Errors.built_only()',
      exceptions: { filters: ['raised'] },
    });
    assert.deepEqual(await session.places(), []);
    assert.match((await session.end()).stdout, /built: only built/);
  });

  it('with names stops at those only', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Errors.rescued(); Constructs.Errors.rescued_above()',
      exceptions: { filters: [], filterOptions: [{ filterId: 'raised', condition: 'Constructs.Errors.Custom' }] },
    });
    const stop = await session.stop();
    const info = await session.client.request('exceptionInfo', { threadId: stop.threadId });
    assert.match(info.exceptionId, /Custom/);
    await session.resume(stop);
    assert.deepEqual(await session.places(), []);
  });
});

describe('the uncaught filter', () => {
  const debug = sessions();
  let constructs: Fixture;
  before(async () => (constructs = await fixture('constructs')));

  it('stops before a process is lost that nobody rescues', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Errors.in_process()',
      exceptions: { filters: ['uncaught'] },
    });
    const stop = await session.stop();
    assert.equal(stop.reason, 'exception');
    const own = stop.frames.find((frame) => frame.source?.path === constructs.file(errors));
    assert(own && session.place(own) === 'raise_uncaught', stop.frames.map(({ name }) => name).join(', '));
    const info = await session.client.request('exceptionInfo', { threadId: stop.threadId });
    assert.match(`${info.exceptionId} ${info.description}`, /Custom/);
    assert.match(info.description ?? '', /nobody rescues/);
    assert.equal(info.breakMode, 'unhandled');
    await session.resume(stop);
    assert.match((await session.end()).stdout, /in_process: down/);
    const told = session.client.seen('output').filter(({ output }) => /nothing rescued/.test(output));
    assert.deepEqual(told, [], 'what the stop has said is not said again');
  });

  it('reports a process that dies of another exception than the one it stopped at', async () => {
    const session = await debug.launch(constructs, {
      run: 'Task.start(fn -> Constructs.Errors.rescued(); Constructs.Errors.arithmetic(0) end); Process.sleep(200)',
      exceptions: { filters: ['raised'], filterOptions: [{ filterId: 'uncaught' }] },
    });
    const stop = await session.stop();
    await session.resume(stop);
    const report = await session.client.event('output', ({ output }) => /nothing rescued/.test(output));
    assert.match(report.output, /ArithmeticError/);
  });

  it('stops in a task', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Errors.in_task()',
      exceptions: { filters: ['uncaught'] },
    });
    const stop = await session.stop();
    assert.equal(stop.reason, 'exception');
    await session.resume(stop);
    assert.match((await session.end()).stdout, /in_task: true/);
  });

  for (const run of [
    'Constructs.Errors.rescued()',
    'Constructs.Errors.rescued_above()',
    'Constructs.Errors.built_only()',
  ]) {
    it(`never stops at ${run}`, async () => {
      const session = await debug.launch(constructs, { run, exceptions: { filters: ['uncaught'] } });
      assert.deepEqual(await session.places(), []);
      assert.equal((await session.end()).exitCode, 0);
    });
  }

  for (const [run, marker] of [
    ['Constructs.Errors.bad_match({:error, 1})', 'bad_match'],
    ['Constructs.Errors.arithmetic(0)', 'arithmetic'],
  ] as const) {
    it(`stops at or reports afterwards what the machine itself raises (${marker})`, async () => {
      const session = await debug.launch(constructs, {
        run: `{pid, ref} = spawn_monitor(fn -> ${run} end); receive do {:DOWN, ^ref, _, ^pid, _} -> :ok end`,
        breakpoints: {},
        exceptions: { filters: ['uncaught'] },
      });
      const event = await session.client.eventOf(
        ['stopped', 'output'],
        ({ event: name, body }) =>
          name === 'stopped' ||
          /MatchError|ArithmeticError|badmatch|badarith/.test((body as { output: string }).output),
      );
      if (event.event === 'stopped') await session.resume(event.body as { threadId: number });
      assert.equal((await session.end()).exitCode, 0);
    });
  }
});

describe('exception filters', () => {
  const debug = sessions();
  it('are announced with a description and a condition', async () => {
    const session = await debug.launch(await fixture('constructs'), { run: ':ok' });
    const filters = session.capabilities.exceptionBreakpointFilters ?? [];
    assert.deepEqual(filters.map(({ filter }) => filter).sort(), ['raised', 'uncaught']);
    assert(filters.every(({ supportsCondition, description }) => supportsCondition && (description ?? '').length > 20));
    // What the VM raises itself has no line of code that raises it.
    for (const { description } of filters) assert.match(description ?? '', /the VM .*reported afterwards/);
  });

  it('that do not exist are refused by name', async () => {
    const session = await debug.launch(await fixture('constructs'), {
      run: 'Constructs.Processes.ticking()',
      until: 'started',
    });
    const answer = await session.client.ask<{ breakpoints?: { verified: boolean }[] }>('setExceptionBreakpoints', {
      filters: ['sometimes'],
    });
    if (answer.success) assert.equal(answer.body.breakpoints?.[0]?.verified, false);
    else assert.match(JSON.stringify(answer), /sometimes/);
  });
});

describe('a dbg call', () => {
  const debug = sessions();
  let constructs: Fixture;
  before(async () => (constructs = await fixture('constructs')));
  const file = 'lib/constructs/debugging.ex';

  it('stops, shows its variables, and can be stepped from', async () => {
    const session = await debug.launch(constructs, { run: 'IO.puts("result #{Constructs.Debugging.simple(20)}")' });
    const stop = await session.stop();
    const own = stop.frames.find((frame) => frame.source?.path === constructs.file(file));
    assert(own);
    assert.equal(session.place(own), 'dbg');
    const locals = await session.locals(own);
    assert.deepEqual([locals['n'], locals['m']], ['20', '21']);
    const after = await session.step('next', stop);
    assert.equal(after.at, 'after_dbg');
    await session.resume(after);
    assert.match((await session.end()).stdout, /result 21$/m);
  });

  it('stops any number of processes at once, each resumable', async () => {
    const session = await debug.launch(constructs, { run: 'Constructs.Debugging.crowd(4)' });
    const stops = [];
    for (let i = 0; i < 4; i++) stops.push(await session.stop());
    assert.equal(new Set(stops.map(({ threadId }) => threadId)).size, 4);
    for (const stop of stops.reverse()) await session.resume(stop);
    assert.deepEqual(await session.places(), []);
    assert.match((await session.end()).stdout, /dbg crowd: 14/);
  });

  it('of several lines stops once, and a step leaves it', async () => {
    const session = await debug.launch(constructs, { run: 'Constructs.Debugging.branching(2)' });
    const stop = await session.stop();
    assert.equal(stop.at, 'dbg_branching');
    await session.resume(stop);
    const second = await session.stop();
    assert.equal(second.at, 'dbg_case');
    assert.equal((await session.steps('next', second, 2)).at(-1), 'after_branching');
    await session.resume(second);
    assert.deepEqual(await session.places(), []);
    assert.equal((await session.end()).exitCode, 0);
  });

  it('at the end of a pipeline stops', async () => {
    const session = await debug.launch(constructs, { run: 'IO.puts("result #{Constructs.Debugging.piped([1, 2])}")' });
    const stop = await session.stop();
    await session.resume(stop);
    assert.deepEqual(await session.places(), []);
    assert.match((await session.end()).stdout, /result 5$/m);
  });

  it('does not stop when breakOnDbg is false, and prints as ever', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Debugging.simple(1)',
      args: { breakOnDbg: false },
    });
    assert.deepEqual(await session.places(), []);
    assert.match((await session.end()).stdout, /m \* 2/);
  });
});
