// The adapter's side of the coordination against a real BEAM: what it tells, how it follows plans, and that nobody who
// debugs notices when the server is late, wrong or gone.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { InterpretationStatus, PerformanceMetrics } from '../../protocol/adapter';
import { CoordinationPeer, prepare } from '../support/coordinationPeer';
import { Node } from '../support/beam';
import { eventually } from '../support/deadline';
import { fixture } from '../support/fixture';
import { sessions, type LaunchOptions, type Session } from '../support/session';

const basic = 'lib/constructs/basic.ex';
const processes = 'lib/constructs/processes.ex';
/** Stops before a call into a module of another file. */
const atCall = { run: 'Constructs.Processes.call_server()', breakpoints: { [processes]: ['call_add'] } };

describe('a coordinated session', () => {
  const debug = sessions();
  let peer: CoordinationPeer;
  beforeEach(async () => {
    peer = await CoordinationPeer.open();
  });
  afterEach(() => peer.close());

  const launch = async (options: LaunchOptions = {}): Promise<Session> =>
    debug.launch(await fixture('constructs'), {
      run: 'Constructs.Basic.main()',
      breakpoints: { [basic]: ['first'] },
      ...options,
      env: { ...peer.env, ...options.env },
    });
  const status = (session: Session) => session.client.custom<InterpretationStatus>('getInterpretationStatus', {});
  const metrics = (session: Session) => session.client.custom<PerformanceMetrics>('getPerformanceMetrics', {});
  const isPrepared = (session: Session, module: string) =>
    eventually(`${module} prepared`, async () =>
      (await status(session)).modules.some((one) => one.module === module) ? true : undefined,
    );

  it('greets with its whole state, and tells of breakpoints, stops, steps and its end', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'ecd-env-'));
    const envFile = path.join(folder, '.env');
    writeFileSync(envFile, 'MIX_BUILD_PATH=_build/dev\n');
    const session = await launch({
      ...atCall,
      args: { name: 'My launch', coordination: { strategy: 'learning' }, envFile },
    });
    rmSync(folder, { recursive: true });
    const stop = await session.stop();
    const { state } = peer;
    assert(state !== undefined);
    assert.deepEqual(
      [state.id, state.name, state.engine, state.projectDir, state.mode.strategy, state.mode.scope, state.paused],
      [peer.session, 'My launch', 'interpreter', session.project.dir, 'learning', 'conservative', false],
    );
    assert.deepEqual(state.builds, [session.project.file('_build/dev')]);
    const told = await peer.event('breakpointsSet', ({ file }) => file.breakpoints[0]?.verified === true);
    assert.equal(told.file.file, session.project.file(processes));
    const stopped = await peer.event('stopped');
    assert.equal(stopped.reason, 'breakpoint');
    const { module, function: name, own, kind, line } = stopped.frames[0] ?? {};
    assert.deepEqual([module, name, own, kind], ['Constructs.Processes', 'call_server/0', true, 'interpreted']);
    assert.equal(line, session.project.line(processes, 'call_add'));
    assert(stopped.frames.length <= 20);
    const hit = await peer.event('breakpointsSet', ({ file }) => file.breakpoints[0]?.hits === 1);
    assert.deepEqual(hit.file.breakpoints[0]?.modules, ['Constructs.Processes']);

    await session.step('stepIn', stop);
    const into = await peer.event('steppingInto');
    assert.equal(into.from.module, 'Constructs.Processes');
    const entered = await peer.event('entered', (event) => event.module === 'Constructs.Counter');
    assert.equal(entered.ready, false);
    assert(entered.waitedMs > 0);
    const made = await peer.event('interpreted', (event) => event.module === 'Constructs.Counter');
    assert.equal(made.trigger, 'demand');
    await peer.event('latency', ({ of }) => of === 'step');
    await peer.event('latency', ({ of }) => of === 'launch');
    const memory = await peer.event('memory');
    assert(memory.beamBytes > 0 && memory.preparedBytes > 0 && memory.adapterBytes > 0);
    assert(memory.busy !== null && memory.busy >= 0 && memory.busy <= 1);

    await session.resume(stop);
    await session.end();
    await peer.event('continued');
    const ended = await peer.event('sessionEnded');
    assert.equal(ended.exitCode, 0);
    assert.equal(peer.events.at(-1)?.kind, 'sessionEnded');
  });

  it('prepares what a plan says, in its order, and a step finds it ready', async () => {
    peer.answer = () => prepare('Constructs.Counter', 'Constructs.Flow', 'No.Such.Module');
    const session = await launch(atCall);
    const stop = await session.stop();
    await isPrepared(session, 'Constructs.Flow');
    const { modules, plan, server } = await status(session);
    const counter = modules.find(({ module }) => module === 'Constructs.Counter');
    assert.deepEqual(
      [counter?.state, counter?.reason, counter?.functions],
      ['prepared', 'planned Constructs.Counter', []],
    );
    assert.equal(server, 'connected');
    assert.equal(plan?.strategy, 'predictive');
    const made = await peer.event('interpreted', ({ module }) => module === 'Constructs.Counter');
    assert.deepEqual([made.trigger, made.cause], ['plan', 'planned Constructs.Counter']);
    const failed = await peer.event('failed');
    assert.equal(failed.module, 'No.Such.Module');

    await session.step('stepIn', stop);
    const entered = await peer.event('entered', ({ module }) => module === 'Constructs.Counter');
    assert.deepEqual([entered.ready, entered.waitedMs], [true, 0]);
    const { nextRecommendations } = await session.client.custom<{ nextRecommendations: string[] }>('interpretModules', {
      modules: ['Constructs.Flow'],
      strategy: 'immediate',
    });
    assert.deepEqual(nextRecommendations, ['Constructs.Counter', 'No.Such.Module']);
    const figures = await metrics(session);
    assert(figures.plans >= 1 && figures.decisions >= 1);
    assert.equal(figures.fallbackRate, 0);
    // How small it is depends on the machine: `npm run bench:coordination` measures it.
    assert(figures.coordinationMs > 0);
    assert.equal(figures.coordinationOverhead, figures.coordinationMs / figures.sessionMs);
    await session.resume(stop);
  });

  it('releases what a plan says, and tells what holds the rest', async () => {
    const session = await launch();
    const stop = await session.stop();
    await peer.push(prepare('Constructs.Flow'));
    await isPrepared(session, 'Constructs.Flow');
    const release = ['Constructs.Flow', 'Constructs.Basic'].map((module) => ({
      ...prepare(module)[0],
      module,
      action: 'release' as const,
      priority: 0,
      reason: 'least used',
      predictedUse: 0,
    }));
    await peer.push(release);
    assert.deepEqual((await peer.event('released')).modules, ['Constructs.Flow']);
    const held = await peer.event('held');
    assert.equal(held.module, 'Constructs.Basic');
    assert.match(held.by, /armed|in a function/);
    await session.resume(stop);
  });

  it('prepares several modules at once while the program leaves schedulers idle, and one while it does not', async () => {
    const session = await launch({ env: { ERL_FLAGS: '+S 4:4' } });
    const stop = await session.stop();
    const modules = ['Keyword', 'List', 'Map', 'Regex'];
    /** What a plan that prepares them tells; each takes its place in the working set and leaves it again. */
    const atOnce = async (): Promise<number> => {
      const from = peer.events.length;
      const planned = prepare(...modules);
      await peer.push(planned);
      for (const wanted of modules) await peer.event('interpreted', ({ module }) => module === wanted, from);
      await peer.push(planned.map((action) => ({ ...action, action: 'release' })));
      await peer.event('released', ({ modules: released }) => released.length === modules.length, from);
      const { plan } = await status(session);
      assert(plan?.atOnce != null);
      return plan.atOnce;
    };
    // The program may have work of its own for a moment.
    await eventually('several at once', async () => ((await atOnce()) > 1 ? true : undefined));
    assert.equal((await peer.event('interpreted', ({ module }) => module === 'Map')).trigger, 'plan');

    await session.tell('for _ <- 1..6, do: spawn(fn -> Stream.run(Stream.cycle([:busy])) end)');
    assert.equal(await atOnce(), 1);
    await session.resume(stop);
  });

  it('obeys the editor: prepares, pauses and goes on', async () => {
    const session = await launch();
    const stop = await session.stop();
    await peer.command({ kind: 'pause', paused: true });
    await peer.event('modeChanged', ({ paused }) => paused);
    await peer.push(prepare('Constructs.Scoping'));
    await peer.command({ kind: 'prepare', modules: ['Constructs.Flow'] });
    const made = await peer.event('interpreted', ({ module }) => module === 'Constructs.Flow');
    assert.equal(made.trigger, 'request');
    const paused = await status(session);
    assert(!paused.modules.some(({ module }) => module === 'Constructs.Scoping'));
    assert.deepEqual([paused.paused, paused.plan?.waiting], [true, 1]);
    await peer.command({ kind: 'pause', paused: false });
    await isPrepared(session, 'Constructs.Scoping');
    await session.resume(stop);
  });

  it('keeps within the memory threshold', async () => {
    const session = await launch({ args: { coordination: { memoryThreshold: '1B' } } });
    const stop = await session.stop();
    await peer.push(prepare('Constructs.Flow', 'Constructs.Scoping'));
    await eventually('the plan at its end', async () =>
      (await status(session)).plan?.waiting === 0 ? true : undefined,
    );
    await session.step('next', stop);
    const planned = (await status(session)).modules.filter(({ module }) => /Flow|Scoping/.test(module));
    assert.deepEqual(planned, []);
    await session.resume(stop);
  });

  it('is told of no fallback, and counts none, where no server was named', async () => {
    const session = await launch({ env: { ECD_COORDINATION_PIPE: '', ECD_COORDINATION_TOKEN: '' } });
    const stop = await session.stop();
    const { fallbackRate, decisions } = await metrics(session);
    assert.equal(fallbackRate, 0);
    assert(decisions > 0);
    assert.equal((await status(session)).server, 'none');
    assert.equal(peer.greetings.length, 0);
    // A server that comes later learns where the session stands.
    await session.client.custom('setCoordinationServer', {
      pipe: peer.pipe,
      token: peer.token,
      session: peer.session,
    });
    await peer.until('greeting', () => peer.state);
    assert.equal(peer.state?.stopped[0]?.frames[0]?.module, 'Constructs.Basic');
    await session.resume(stop);
  });

  it('goes on by demand when an answer is late, and counts it', async () => {
    peer.answer = (events) => (events.some(({ kind }) => kind === 'modeChanged') ? [] : new Promise(() => undefined));
    const session = await launch({ args: { coordination: { fallbackTimeout: '50ms' } } });
    const stop = await session.stop();
    const atCall = await session.step('next', await session.step('next', stop));
    assert.equal((await session.step('stepIn', atCall)).top.name, 'Constructs.Other.twice/1');
    // Before the connection stood there may have been one of another kind.
    await peer.event('fallback', ({ why }) => why === 'late');
    const { fallbacks, fallbackRate } = await metrics(session);
    assert(fallbacks.late >= 1 && (fallbackRate ?? 0) > 0);
    await session.resume(stop);
  });

  it('counts the first plan of a connection that does not come, and asks again when something happens', async () => {
    const session = await launch({ ...atCall, args: { coordination: { fallbackTimeout: '200ms' } } });
    const stop = await session.stop();
    await peer.event('stopped');
    peer.answer = () => new Promise(() => undefined);
    peer.cut();
    await peer.event('fallback', ({ why }) => why === 'late');
    const { fallbacks } = await metrics(session);
    assert(fallbacks.late >= 1);
    peer.answer = () => prepare('Constructs.Flow');
    // Nothing changes by it that plans rest on: had there been a plan, it would hold.
    await session.client.custom('setCoordinationMode', { enabled: true });
    await isPrepared(session, 'Constructs.Flow');
    await session.resume(stop);
  });

  it('connects again by itself, with the whole state', async () => {
    const session = await launch({
      run: 'try do raise ArgumentError rescue ArgumentError -> Constructs.Basic.main() end',
      exceptions: { filters: ['uncaught'] },
    });
    const stop = await session.stop();
    const watched = await eventually('a module watched for exceptions', async () =>
      (await status(session)).modules.find(({ reason }) => reason === 'exceptions'),
    );
    await peer.event('stopped');
    peer.cut();
    await peer.until('second greeting', () => peer.greetings[1]);
    assert.equal(peer.state?.id, peer.session);
    assert.equal(peer.state.stopped[0]?.frames[0]?.module, 'Constructs.Basic');
    assert.equal(peer.state.breakpoints[0]?.breakpoints[0]?.hits, 1);
    const prepared = peer.state.prepared.find(({ module }) => module === 'Constructs.Basic');
    assert.deepEqual([prepared?.state, prepared?.functions], ['interpreted', ['main/0']]);
    assert(
      !peer.state.prepared.some(({ module }) => module === watched.module),
      'what is watched for exceptions is no plan',
    );
    const raised = [...peer.events].some((event) => event.kind === 'entered' && event.module === 'ArgumentError');
    assert(!raised, 'nor a place where the program has gone');
    await peer.push(prepare('Constructs.Flow'));
    await isPrepared(session, 'Constructs.Flow');
    await session.resume(stop);
  });

  it('does not notice at a stop that the server is gone, and finds a new one', async () => {
    const session = await launch({ args: { coordination: { fallbackTimeout: '50ms' } } });
    const stop = await session.stop();
    await peer.close();
    const before = session.client.seen('output').length;
    const next = await session.step('next', stop);
    assert.equal(next.at, 'local_call');
    assert.equal((await session.locals(next.top))['x'], '1');
    await eventually('a fallback', async () => ((await metrics(session)).fallbackRate ?? 0) > 0 || undefined);
    assert.equal(session.client.seen('output').length, before);
    assert.equal((await status(session)).server, 'disconnected');
    peer = await CoordinationPeer.open();
    await session.client.custom('setCoordinationServer', { pipe: peer.pipe, token: peer.token });
    await peer.until('greeting', () => peer.greetings[0]);
    assert.equal(peer.state?.id, peer.session);
    // A stop that was not looked at yet is told after the greeting.
    await peer.until('where it stands', () => {
      const told = [peer.state?.stopped[0], ...peer.events.filter((event) => event.kind === 'stopped')];
      return told.some((at) => at?.frames[0]?.line === next.top.line) ? true : undefined;
    });
    await session.resume(stop);
  });

  it('asks no more when its token is refused', async () => {
    const session = await launch({ env: { ECD_COORDINATION_TOKEN: 'another' } });
    const stop = await session.stop();
    await eventually('refused', async () => ((await status(session)).server === 'refused' ? true : undefined));
    assert.equal(peer.connections, 0);
    assert((await metrics(session)).fallbacks.refused > 0);
    assert.equal(session.client.output('important'), '');
    await session.resume(stop);
  });

  it('says once that the server is of another version, and goes on', async () => {
    peer.version = 999;
    const session = await launch();
    const stop = await session.stop();
    await session.client.event('output', ({ output }) => /goes on without it/.test(output));
    await session.step('next', stop);
    assert.equal(session.client.output('important').match(/goes on without it/g)?.length, 1);
    await session.resume(stop);
  });

  it('gives up a server that never answers, and tries again', async () => {
    peer.silent = true;
    const session = await launch({ args: { coordination: { fallbackTimeout: '50ms' } } });
    const stop = await session.stop();
    assert.equal((await session.step('next', stop)).at, 'local_call');
    assert((await metrics(session)).fallbacks.late > 0);
    await peer.until('another attempt', () => (peer.taken > 1 ? true : undefined));
    peer.silent = false;
    peer.cut();
    await peer.until('greeting', () => peer.state);
    await session.resume(stop);
  });

  it('hides the pair from the program', async () => {
    const session = await launch({ run: 'IO.inspect(System.get_env(), limit: :infinity, printable_limit: :infinity)' });
    const { stdout } = await session.end();
    assert(stdout.includes('"PATH"'));
    for (const secret of ['ECD_COORDINATION', peer.token, peer.pipe]) assert(!stdout.includes(secret), secret);
    assert(!session.client.stderr.includes(peer.token));
  });

  it('follows another memory threshold at once, in the program too', async () => {
    const session = await launch({ ...atCall, args: { coordination: { memoryThreshold: '1B' } } });
    const stop = await session.stop();
    await peer.event('stopped');
    await session.client.custom('setCoordinationMode', { enabled: true, memoryThreshold: '10MB' });
    const told = await peer.event('modeChanged', ({ mode }) => mode.memoryThreshold === 10 * 1024 * 1024);
    assert.deepEqual([told.mode.strategy, told.mode.scope], ['demand-driven', 'conservative']);
    // Nobody waits for it, so it is done within the threshold alone.
    await session.client.custom('interpretModules', { modules: ['Constructs.Shapes'], strategy: 'background' });
    await isPrepared(session, 'Constructs.Shapes');
    await session.resume(stop);
  });

  it('waits for plans as long as it is told to while it runs', async () => {
    const session = await launch({ ...atCall, args: { coordination: { fallbackTimeout: '30min' } } });
    const stop = await session.stop();
    await peer.event('stopped');
    peer.answer = () => new Promise(() => undefined);
    await session.client.custom('setCoordinationMode', {
      enabled: true,
      strategy: 'predictive',
      fallbackTimeout: '1ms',
    });
    const { why } = await peer.event('fallback');
    assert.equal(why, 'late');
    await session.resume(stop);
  });

  it('tells every change of the mode, and plans nothing while it is off', async () => {
    const session = await launch();
    const stop = await session.stop();
    await peer.event('stopped');
    const args = { enabled: true, strategy: 'predictive', scope: 'transitive' };
    assert.deepEqual(await session.client.custom('setCoordinationMode', args), {
      ...args,
      engine: 'interpreter',
      engineNextLaunch: 'auto',
    });
    const on = await peer.event('modeChanged', ({ mode }) => mode.strategy === 'predictive');
    assert.equal(on.mode.scope, 'transitive');
    await session.client.custom('setCoordinationMode', { enabled: false });
    await peer.event('modeChanged', ({ mode }) => !mode.enabled);
    const asked = peer.asked.length;
    await peer.push(prepare('Constructs.Flow'));
    await session.step('next', stop);
    await peer.event('stopped', ({ reason }) => reason === 'step');
    assert.equal(peer.asked.length, asked);
    assert(!(await status(session)).modules.some(({ module }) => module === 'Constructs.Flow'));
    await session.resume(stop);
  });

  it('tells what the traditional engine does, and plans nothing for it', async () => {
    const session = await launch({ args: { coordination: { enabled: false } } });
    const stop = await session.stop();
    assert.equal((await peer.event('stopped')).frames[0]?.module, 'Constructs.Basic');
    assert.equal(peer.state?.engine, 'traditional');
    assert.deepEqual(peer.asked, []);
    await session.resume(stop);
  });

  it('follows plans on a node that it is attached to', async () => {
    const project = await fixture('constructs');
    const node = await Node.start(project.dir, 'spawn(fn -> Constructs.Processes.ticking() end)');
    try {
      const session = await debug.attach(project, {
        args: { remoteNode: node.name, cookie: node.cookie },
        env: peer.env,
      });
      await peer.until('greeting', () => peer.state);
      assert.equal(peer.state?.name, 'test');
      await peer.push(prepare('Constructs.Flow'));
      const made = await peer.event('interpreted', ({ module }) => module === 'Constructs.Flow');
      assert.equal(made.trigger, 'plan');
      await session.client.request('disconnect', { terminateDebuggee: false });
      assert.equal((await peer.event('sessionEnded')).exitCode, null);
      assert.equal(node.alive, true);
    } finally {
      await node.stop();
    }
  });

  it('begins anew with the program that a restart starts', async () => {
    const session = await launch();
    await session.stop();
    await peer.event('stopped');
    await session.client.request('restart', {});
    const stop = await session.stop();
    await peer.until('second greeting', () => peer.greetings[1]);
    assert.equal(peer.state?.id, peer.session);
    assert(!peer.events.some(({ kind }) => kind === 'sessionEnded'));
    const after = peer.events.length;
    await session.step('next', stop);
    await peer.event('stopped', ({ reason }) => reason === 'step', after);
    await session.resume(stop);
  });

  it('tells hundreds of stops at once, of which none is lost', async () => {
    const session = await launch({
      run: 'Constructs.Processes.crowd(200)',
      breakpoints: { [processes]: ['member'] },
    });
    const { threadId } = await session.client.event('stopped');
    for (let count = 1; count < 200; count++) await session.client.event('stopped');
    await peer.until('200 stops', () =>
      peer.events.filter(({ kind }) => kind === 'stopped').length === 200 ? true : undefined,
    );
    const told = await peer.event('breakpointsSet', ({ file }) => file.breakpoints[0]?.hits === 200);
    assert.deepEqual(told.file.breakpoints[0]?.modules, ['Constructs.Processes']);
    await session.client.request('continue', { threadId: threadId ?? 0 });
    await session.end();
    await peer.event('sessionEnded');
    assert.equal((await metrics(session)).droppedEvents, 0);
  });

  it('says nothing of a program that runs without debugging', async () => {
    const session = await launch({ args: { noDebug: true } });
    await session.end();
    assert.equal(peer.greetings.length, 0);
  });

  it('names what is wrong with a server that it is told of', async () => {
    const session = await launch();
    const stop = await session.stop();
    for (const [args, field] of [
      [{ token: 'x' }, /pipe/],
      [{ pipe: '', token: 'x' }, /pipe/],
      [{ pipe: 'x', token: 7 }, /token/],
    ] as const) {
      assert.match((await session.client.refused('setCoordinationServer', args)).text, field);
    }
    await session.resume(stop);
  });
});
