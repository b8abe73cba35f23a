// The requests beyond DAP: their shapes, in every state, and what wrong input is answered.
import assert from 'node:assert/strict';
import { fixture, fixtureCopy, type Fixture } from '../support/fixture';
import { sessions, type Session } from '../support/session';

interface Interpreted {
  interpreted: string[];
  failed: { module: string; error: string }[];
  totalTime: number;
  nextRecommendations: string[];
  queued: string[];
}
interface Status {
  enabled: boolean;
  strategy: string;
  engine: string | null;
  modules: { module: string; state: string; functions: string[]; reason: string; bytes: number; prepareMs: number }[];
}
const basic = 'lib/constructs/basic.ex';

describe('interpretModules', () => {
  const debug = sessions();
  let session: Session;
  beforeEach(async () => {
    session = await debug.launch(await fixture('constructs'), {
      run: 'Constructs.Processes.ticking()',
      until: 'started',
      exceptions: { filters: [] },
    });
  });
  const interpret = (args: object) => session.client.custom<Interpreted>('interpretModules', args);
  const status = () => session.client.custom<Status>('getInterpretationStatus', {});

  it('prepares at once, arms nothing, and lists what is unknown', async () => {
    const result = await interpret({
      modules: ['Constructs.Basic', 'Not.There', 'Constructs.Flow', 'Elixir.Enum', ':lists'],
      strategy: 'immediate',
      context: 'test',
    });
    assert.deepEqual(
      result.failed.map(({ module }) => module),
      ['Not.There'],
    );
    assert((result.failed[0]?.error ?? '').length > 5);
    for (const module of ['Constructs.Basic', 'Constructs.Flow'])
      assert(result.interpreted.includes(module), result.interpreted.join(' '));
    assert(result.totalTime >= 0 && result.totalTime < 60_000);
    assert(Array.isArray(result.nextRecommendations));
    const prepared = (await status()).modules.find(({ module }) => module === 'Constructs.Basic');
    assert.equal(prepared?.state, 'prepared');
    assert.deepEqual(prepared.functions, []);
    assert(prepared.bytes > 0);
  });

  for (const strategy of ['queued', 'background']) {
    it(`${strategy} answers at once and prepares afterwards`, async () => {
      const result = await interpret({ modules: ['Constructs.Scoping'], strategy });
      assert.deepEqual([...result.interpreted, ...result.queued], ['Constructs.Scoping']);
      let found = (await status()).modules.find(({ module }) => module === 'Constructs.Scoping');
      const deadline = Date.now() + 20_000;
      while (found?.state !== 'prepared' && Date.now() < deadline) {
        found = (await status()).modules.find(({ module }) => module === 'Constructs.Scoping');
      }
      assert.equal(found?.state, 'prepared');
    });
  }

  const wrong: [args: object, field: RegExp][] = [
    [{}, /modules/],
    [{ modules: 'Enum', strategy: 'immediate' }, /modules/],
    [{ modules: [1], strategy: 'immediate' }, /modules/],
    [{ modules: ['Enum'], strategy: 'soon' }, /strategy/],
    [{ modules: ['Enum'] }, /strategy/],
  ];
  for (const [args, field] of wrong) {
    it(`names the wrong field of ${JSON.stringify(args)}`, async () => {
      const refused = await session.client.refused('interpretModules', args);
      assert.match(refused.text, field);
      assert.match(refused.text, /interpretModules/);
    });
  }
});

describe('setCoordinatedBreakpoints', () => {
  const debug = sessions();
  it('sets breakpoints and prepares the modules that it names', async () => {
    const session = await debug.launch(await fixture('constructs'), {
      run: 'Constructs.Processes.ticking()',
      until: 'started',
    });
    const args = session.breakpointsArguments('lib/constructs/processes.ex', ['tick_count']);
    const result = await session.client.custom<
      Interpreted & { breakpoints: { id: number; verified: boolean; line: number }[] }
    >('setCoordinatedBreakpoints', { ...args, requiredModules: ['Constructs.Basic', 'Not.There'] });
    assert.equal(result.breakpoints[0]?.verified, true);
    assert(result.interpreted.includes('Constructs.Basic'));
    assert.deepEqual(
      result.failed.map(({ module }) => module),
      ['Not.There'],
    );
    const stop = await session.stop();
    assert.deepEqual(stop.body.hitBreakpointIds, [result.breakpoints[0].id]);
  });
});

describe('getInterpretationStatus', () => {
  const debug = sessions();
  it('tells what is armed and why', async () => {
    const session = await debug.launch(await fixture('constructs'), {
      run: 'Constructs.Basic.main()',
      breakpoints: { [basic]: ['add'] },
    });
    await session.stop();
    const status = await session.client.custom<Status>('getInterpretationStatus', {});
    assert.equal(status.enabled, true);
    assert.equal(status.engine, 'interpreter');
    const armed = status.modules.find(({ module }) => module === 'Constructs.Basic');
    assert.equal(armed?.state, 'interpreted');
    assert.deepEqual(armed.functions, ['add/2']);
    assert.match(armed.reason, /basic\.ex/);
    assert(armed.prepareMs >= 0 && armed.bytes > 0);
  });
});

describe('setCoordinationMode', () => {
  const debug = sessions();
  it('switches planning at once and the engine at the next launch', async () => {
    const session = await debug.launch(await fixture('constructs'), {
      run: 'Constructs.Processes.ticking()',
      until: 'started',
    });
    const off = await session.client.custom<{ enabled: boolean; engine: string; engineNextLaunch: string }>(
      'setCoordinationMode',
      { enabled: false },
    );
    assert.deepEqual([off.enabled, off.engine, off.engineNextLaunch], [false, 'interpreter', 'traditional']);
    const on = await session.client.custom<{ enabled: boolean; strategy: string }>('setCoordinationMode', {
      enabled: true,
      strategy: 'predictive',
    });
    assert.deepEqual([on.enabled, on.strategy], [true, 'predictive']);
    assert.match((await session.client.refused('setCoordinationMode', { enabled: 'no' })).text, /enabled/);
    assert.match(
      (await session.client.refused('setCoordinationMode', { enabled: true, strategy: 'guess' })).text,
      /strategy/,
    );
  });
});

describe('getPerformanceMetrics', () => {
  const debug = sessions();
  it('gives measured numbers', async () => {
    const session = await debug.launch(await fixture('constructs'), {
      run: 'Constructs.Basic.main()',
      breakpoints: { [basic]: ['add'] },
    });
    await session.stop();
    const metrics = await session.client.custom<Record<string, unknown>>('getPerformanceMetrics', {});
    for (const key of ['coordinationOverhead', 'interpretationTiming', 'memoryUsage', 'cacheHitRate', 'fallbackRate']) {
      assert(key in metrics, key);
    }
    for (const key of ['coordinationOverhead', 'cacheHitRate', 'fallbackRate']) {
      const share = metrics[key];
      assert(share === null || (typeof share === 'number' && share >= 0 && share <= 1), `${key} = ${String(share)}`);
    }
    const timing = metrics['interpretationTiming'] as { count: number; totalMs: number };
    assert(timing.count >= 1 && timing.totalMs > 0, JSON.stringify(timing));
  });
});

describe('reloadCode', () => {
  const debug = sessions();
  let copy: Fixture;
  afterEach(() => copy.remove());

  it('compiles and loads a changed file, and its breakpoints follow', async () => {
    copy = await fixtureCopy('constructs', { compiled: true });
    const session = await debug.launch(copy, {
      run: 'Constructs.Processes.ticking()',
      until: 'started',
      breakpoints: { [basic]: ['twice'] },
    });
    const before = copy.line(basic, 'twice');
    copy.edit(basic, 'defmodule Constructs.Other do', '# moved\n# down\ndefmodule Constructs.Other do');
    copy.edit(basic, 'result = n * 2', 'result = n * 2000');
    const result = await session.client.custom<{ reloaded: string[]; failed: unknown[] }>('reloadCode', {
      changedFiles: [copy.file(basic)],
    });
    assert.deepEqual(result.failed, []);
    assert(result.reloaded.length > 0);
    assert.equal(copy.line(basic, 'twice'), before + 2);
    await session.setBreakpoints(basic, ['twice']);
    const running = session.client.send('evaluate', {
      expression: 'spawn(fn -> Constructs.Other.twice(3) end)',
      context: 'repl',
    });
    const stop = await session.stop();
    await running.answer;
    assert.equal(stop.at, 'twice');
    const last = await session.step('next', stop);
    assert.equal((await session.locals(last.top))['result'], '6000');
    await session.resume(last);
    await session.tell('Constructs.Processes.stop_ticking()');
    assert.equal((await session.end()).exitCode, 0);
  });

  it('moves breakpoints with their code, and leaves those that are on no code where they are', async () => {
    copy = await fixtureCopy('constructs', { compiled: true });
    const session = await debug.launch(copy, {
      run: 'Constructs.Processes.ticking()',
      until: 'started',
      breakpoints: { [basic]: ['twice', 9_999] },
    });
    const [on, past] = session.breakpoints[basic] ?? [];
    const line = copy.line(basic, 'twice');
    const comment = '# inserted\n# above\n';
    const reload = () => session.client.custom('reloadCode', { changedFiles: [copy.file(basic)] });
    const moved = (to: number) =>
      session.client.event('breakpoint', ({ breakpoint }) => breakpoint.id === on?.id && breakpoint.line === to);
    copy.edit(basic, 'defmodule Constructs.Basic do', `${comment}defmodule Constructs.Basic do`);
    await Promise.all([moved(line + 2), reload()]);
    copy.edit(basic, comment, '');
    await Promise.all([moved(line), reload()]);
    const lines = session.client
      .seen('breakpoint')
      .filter(({ breakpoint }) => breakpoint.id === past?.id)
      .map(({ breakpoint }) => breakpoint.line);
    assert(
      lines.every((each) => each === 9_999),
      lines.join(' '),
    );
    await session.tell('Constructs.Processes.stop_ticking()');
  });

  it('keeps what runs when the file does not compile', async () => {
    copy = await fixtureCopy('constructs', { compiled: true });
    const session = await debug.launch(copy, {
      run: 'Constructs.Processes.ticking()',
      until: 'started',
      breakpoints: {},
    });
    copy.edit(basic, 'result = n * 2', 'result = undefined_here * 2');
    const result = await session.client.custom<{ reloaded: string[]; failed: { file: string; error: string }[] }>(
      'reloadCode',
      {
        changedFiles: [copy.file(basic)],
      },
    );
    assert.equal(result.failed[0]?.file, copy.file(basic));
    assert.match(result.failed[0].error, /undefined_here|compil/i);
    assert.equal(await session.evaluate('Constructs.Other.twice(3)'), '6');
  });

  it('notices a module that the program itself loads anew, and its breakpoint goes on working', async () => {
    copy = await fixtureCopy('constructs', { compiled: true });
    const session = await debug.launch(copy, {
      run: 'Constructs.Processes.ticking()',
      until: 'started',
      breakpoints: { [basic]: ['twice'] },
    });
    const [breakpoint] = session.breakpoints[basic] ?? [];
    copy.edit(basic, 'defmodule Constructs.Basic do', '# one more line\ndefmodule Constructs.Basic do');
    await session.evaluate(`Code.compile_file("${copy.file(basic)}"); :ok`);
    const stopsAgain = async () => {
      await session.evaluate('spawn(fn -> Constructs.Other.twice(3) end)');
      const stop = await session.stop();
      assert.deepEqual(stop.body.hitBreakpointIds, [breakpoint?.id]);
      assert.equal(stop.top.name, 'Constructs.Other.twice/1');
      await session.resume(stop);
    };
    await stopsAgain();
    // Long enough for everything that looks for changed code to have looked again.
    await session.evaluate('Process.sleep(1_000)');
    await stopsAgain();
  });
});

describe('modules and loadedSources', () => {
  const debug = sessions();
  it('list the modules of the project with their files', async () => {
    const constructs = await fixture('constructs');
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.main()',
      breakpoints: { [basic]: ['add'] },
    });
    await session.stop();
    const { modules } = await session.client.request('modules', { startModule: 0, moduleCount: 5_000 });
    const found = modules.find(({ name }) => name === 'Constructs.Basic');
    assert.equal(found?.path, constructs.file(basic));
    const { sources } = await session.client.request('loadedSources', {});
    assert(sources.some((source) => source.path === constructs.file(basic)));
    assert(sources.every((source) => source.path?.startsWith('/')));
  });
});

describe('every custom request', () => {
  const debug = sessions();
  const requests: Record<string, object> = {
    interpretModules: { modules: ['Enum'], strategy: 'queued' },
    setCoordinatedBreakpoints: { source: { path: '/x.ex' }, breakpoints: [] },
    getInterpretationStatus: {},
    setCoordinationMode: { enabled: true },
    getPerformanceMetrics: {},
    reloadCode: { changedFiles: [] },
  };

  it('is answered before initialize, before launch and after the end', async () => {
    const session = debug.open(await fixture('constructs'));
    const askAll = async () => {
      for (const [command, args] of Object.entries(requests)) {
        const answer = await session.client.ask(command, args);
        assert.equal(answer.command, command);
        if (!answer.success) assert(JSON.stringify(answer.body).includes(command), `the refusal names ${command}`);
      }
    };
    await askAll();
    await session.client.request('initialize', { adapterID: 'elixir' });
    await askAll();
  });

  it('is answered after the program has ended', async () => {
    const session = await debug.launch(await fixture('constructs'), { run: ':ok' });
    await session.end();
    for (const [command, args] of Object.entries(requests)) {
      assert.equal((await session.client.ask(command, args)).command, command);
    }
  });
});
