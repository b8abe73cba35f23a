// Debug sessions through the real server process: plans by strategy, the user's wishes, and the figures that the editor is told.
import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Plan, SessionEvent, SessionMode, SessionState } from '../../protocol/coordination';
import { METRICS_VERSION, type MetricsUpdate } from '../../protocol/metrics';
import { SERVER_PROTOCOL_VERSION, type ServerOptions } from '../../protocol/server';
import type { ServerSettings } from '../../protocol/settings';
import { writeBeam } from '../support/beamWriter';
import { eventually } from '../support/deadline';
import { LspClient } from '../support/lspClient';
import { root } from '../support/paths';
import { PipeClient, sessionState, stopped } from '../support/pipeClient';

const settings: ServerSettings = {
  enabled: true,
  strategy: 'demand-driven',
  scope: 'conservative',
  performanceMonitoring: true,
  memoryThreshold: 100 * 1024 * 1024,
  fallbackTimeout: 2_000,
  codeLenses: true,
  historyDays: 90,
  historySize: 1024 * 1024,
};

describe('the debug sessions of the coordination server', () => {
  let folder: string;
  let storageDir: string;
  let client: LspClient;
  let pipes: PipeClient[];

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'ecd-sessions-'));
    storageDir = path.join(folder, 'storage');
    await cp(path.join(root, 'demo', 'sample', 'lib'), path.join(folder, 'lib'), { recursive: true });
    pipes = [];
  });
  afterEach(async () => {
    for (const pipe of pipes) pipe.end();
    await client.end();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  async function start(options: Partial<ServerOptions> = {}): Promise<void> {
    client = LspClient.start();
    await client.initialize(folder, SERVER_PROTOCOL_VERSION, options);
  }
  async function indexed(): Promise<void> {
    await eventually('the workspace is indexed', async () => {
      const { indexed: done } = await client.request('coordination/health', {});
      return done ? true : undefined;
    });
  }
  async function connect(id: string, changes: Partial<SessionState> = {}): Promise<PipeClient> {
    const { pipe, token } = await client.request('coordination/openSession', { session: id });
    const adapter = await PipeClient.connect(pipe);
    pipes.push(adapter);
    await adapter.greet(token, sessionState(id, changes));
    return adapter;
  }
  const mode = (changes: Partial<SessionMode> = {}): SessionMode => ({ ...sessionState('any').mode, ...changes });
  const prepares = (plan: Plan): string[] =>
    plan.actions.filter(({ action }) => action === 'prepare').map(({ module }) => module);
  const releases = (plan: Plan): string[] =>
    plan.actions.filter(({ action }) => action === 'release').map(({ module }) => module);
  const interpreted = (
    at: number,
    module: string,
    bytes = 1_000,
    trigger: 'plan' | 'demand' = 'plan',
  ): SessionEvent => ({
    kind: 'interpreted',
    at,
    module,
    bytes,
    ms: 1,
    cached: false,
    cause: 'for the test',
    trigger,
  });
  const pushedPlan = (adapter: PipeClient) => eventually('a plan that nobody asked for', () => adapter.plans.shift());

  it('plans what stands on the stack, by demand alone', async () => {
    await start();
    await indexed();
    const adapter = await connect('one');
    const plan = await adapter.plan(stopped(1, 'Shop.Till', 'Shop.Pricing'));
    assert.deepEqual(prepares(plan), ['Shop.Till', 'Shop.Pricing']);
    assert.ok(plan.actions.every(({ reason, predictedUse }) => reason !== '' && predictedUse > 0));
    await adapter.event(interpreted(2, 'Shop.Till'));
    assert.deepEqual(prepares(await adapter.plan(stopped(3, 'Shop.Till', 'Shop.Pricing'))), ['Shop.Pricing']);
  });

  it('plans what the graph leads to, demand before it, as soon as the strategy says so', async () => {
    await start();
    await indexed();
    const adapter = await connect('one');
    assert.deepEqual(prepares(await adapter.plan(stopped(1, 'Shop.Till'))), ['Shop.Till']);
    const plan = await adapter.plan({
      kind: 'modeChanged',
      at: 2,
      mode: mode({ strategy: 'predictive' }),
      paused: false,
    });
    assert.equal(plan.strategy, 'predictive');
    assert.equal(prepares(plan)[0], 'Shop.Till');
    assert.ok(prepares(plan).includes('Shop.Pricing'), `no Shop.Pricing in ${prepares(plan).join(', ')}`);
    await adapter.event({ kind: 'modeChanged', at: 3, mode: mode({ enabled: false }), paused: false });
    assert.deepEqual((await adapter.plan(stopped(4, 'Shop.Till'))).actions, []);
  });

  it('keeps to the memory threshold, and never releases what is on a stack or pinned', async () => {
    await start();
    const adapter = await connect('one', { mode: mode({ memoryThreshold: 2_500 }) });
    await client.request('coordination/module', { module: 'Pinned', action: 'pin' });
    for (const module of ['Old', 'Pinned', 'Shop.Till']) await adapter.event(interpreted(1, module));
    const plan = await adapter.plan(stopped(2, 'Shop.Till'));
    assert.deepEqual(releases(plan), ['Old']);
    await adapter.event({ kind: 'held', at: 3, module: 'Old', by: 'a closure' });
    assert.deepEqual(releases(await adapter.plan(stopped(4, 'Shop.Till'))), []);
    await adapter.event({ kind: 'released', at: 5, modules: ['Old'] });
    assert.deepEqual((await adapter.plan(stopped(6, 'Shop.Till'))).actions, []);
  });

  it('does not plan again what could not be prepared until it is loaded anew', async () => {
    await start();
    const adapter = await connect('one');
    assert.deepEqual(prepares(await adapter.plan(stopped(1, 'Bare'))), ['Bare']);
    await adapter.event({ kind: 'failed', at: 2, module: 'Bare', error: 'it has no debug info' });
    assert.deepEqual(prepares(await adapter.plan(stopped(3, 'Bare'))), []);
    await adapter.event({ kind: 'reloaded', at: 4, modules: ['Bare'] });
    assert.deepEqual(prepares(await adapter.plan(stopped(5, 'Bare'))), ['Bare']);
  });

  it('renews plans when the user decides about a module or looks at another file', async () => {
    await start();
    await indexed();
    const adapter = await connect('one', { mode: mode({ strategy: 'predictive', scope: 'minimal' }) });
    await adapter.plan(stopped(1, 'Shop.Item'));
    await client.request('coordination/module', { module: 'Far.Away', action: 'pin' });
    const pinned = await pushedPlan(adapter);
    assert.ok(prepares(pinned).includes('Far.Away'));
    assert.ok(pinned.number > 1);
    await client.request('coordination/module', { module: 'Far.Away', action: 'unpin' });
    await client.request('coordination/module', { module: 'Shop.Item', action: 'neverInterpret' });
    const never = await pushedPlan(adapter);
    assert.ok(!prepares(never).includes('Far.Away') && !prepares(never).includes('Shop.Item'));
    await client.notify('coordination/focus', { uri: pathToFileURL(path.join(folder, 'lib', 'shop', 'till.ex')).href });
    assert.ok(prepares(await pushedPlan(adapter)).includes('Shop.Pricing'));
  });

  it('looks for code that a session loads or reloads, though no editor tells of it, and plans with it', async () => {
    await start();
    await indexed();
    const adapter = await connect('one', { mode: mode({ strategy: 'predictive' }) });
    await adapter.plan(stopped(1, 'Shop.Till'));
    const write = (module: string): Promise<void> =>
      writeFile(
        path.join(folder, 'lib', `${module.toLowerCase()}.ex`),
        `defmodule Shop.Till.${module} do\n  def run, do: Shop.Till.module_info()\nend\n`,
      );
    const found = (module: string): Promise<unknown> =>
      eventually(`${module} in the index`, async () => {
        const { files } = await client.request('coordination/filesOfModule', { module: `Shop.Till.${module}` });
        return files[0];
      });
    await write('Compiled');
    await adapter.event({ kind: 'modulesLoaded', at: 2, modules: ['Shop.Till.Compiled'] });
    await found('Compiled');
    await write('Reloaded');
    await adapter.event({ kind: 'reloaded', at: 3, modules: ['Shop.Till.Reloaded'] });
    await found('Reloaded');
    await eventually('a plan with both', () =>
      adapter.plans.some((plan) => {
        const modules = prepares(plan);
        return modules.includes('Shop.Till.Compiled') && modules.includes('Shop.Till.Reloaded');
      })
        ? true
        : undefined,
    );
  });

  it('reads the build that a session says it has Mix make, wherever that is', async () => {
    await start();
    await indexed();
    const ebin = path.join(folder, 'elsewhere', 'lib', 'shop', 'ebin');
    await mkdir(ebin, { recursive: true });
    await writeFile(
      path.join(ebin, 'Elixir.Built.beam'),
      writeBeam({ module: 'Elixir.Built', calls: ['Elixir.Enum'] }),
    );
    await connect('one', { builds: [path.join(folder, 'elsewhere')] });
    const { dependencies } = await eventually('the module in the index', async () => {
      const explained = await client.request('coordination/explain', { module: 'Built' });
      return explained.dependencies > 0 ? explained : undefined;
    });
    assert.equal(dependencies, 1);
  });

  it('passes wishes on to every running session', async () => {
    await start();
    assert.deepEqual(await client.request('coordination/pause', { paused: false }), { sessions: 0 });
    const adapters = [await connect('one'), await connect('two')];
    assert.deepEqual(await client.request('coordination/pause', { paused: true }), { sessions: 2 });
    assert.deepEqual(await client.request('coordination/module', { module: 'Shop.Till', action: 'prepare' }), {
      sessions: 2,
    });
    for (const adapter of adapters) {
      await eventually('both wishes', () => (adapter.commands.length === 2 ? true : undefined));
      assert.deepEqual(adapter.commands, [
        { kind: 'pause', paused: true },
        { kind: 'prepare', modules: ['Shop.Till'] },
      ]);
    }
    const paused = await adapters[0]?.plan({ kind: 'modeChanged', at: 1, mode: mode(), paused: true });
    assert.deepEqual(paused?.actions, []);
  });

  it('keeps sessions paused that start after the pause, until the user says otherwise', async () => {
    await start();
    const paused = async () => (await client.request('coordination/health', {})).paused;
    assert.equal(await paused(), false);
    await client.request('coordination/pause', { paused: true });
    assert.equal(await paused(), true);
    const later = await connect('later');
    await eventually('the pause', () => (later.commands.length === 1 ? true : undefined));
    assert.deepEqual(later.commands, [{ kind: 'pause', paused: true }]);
    await client.request('coordination/pause', { paused: false });
    await connect('last', { paused: true });
    await eventually('its end', () => (later.commands.length === 2 ? true : undefined));
    assert.deepEqual(later.commands.at(-1), { kind: 'pause', paused: false });
    assert.equal(await paused(), false);
  });

  it('learns from a session that was paused before a restart', async () => {
    await start();
    await connect('one', { paused: true });
    assert.equal((await client.request('coordination/health', {})).paused, true);
    const other = await connect('two');
    await eventually('the pause', () => (other.commands.length === 1 ? true : undefined));
    assert.deepEqual(other.commands, [{ kind: 'pause', paused: true }]);
  });

  it('takes up a session where a restarted server is told of it whole', async () => {
    await start();
    const before = await connect('one');
    await before.event(interpreted(1, 'Shop.Till'));
    before.end();
    client.process.kill('SIGKILL');
    await start();
    const adapter = await connect('one', {
      stopped: [
        {
          thread: 1,
          frames: [{ module: 'Shop.Till', file: null, line: 3, own: true, kind: 'interpreted' }],
        },
      ],
      prepared: [
        {
          module: 'Shop.Till',
          state: 'interpreted',
          functions: ['close/1'],
          reason: 'breakpoint',
          bytes: 10,
          prepareMs: 1,
        },
      ],
    });
    assert.deepEqual(prepares(await adapter.plan({ kind: 'modulesLoaded', at: 2, modules: [] })), []);
    const { sessions, modules } = await client.request('coordination/snapshot', {});
    assert.equal(sessions[0]?.stoppedIn, 'Shop.Till');
    assert.deepEqual(
      modules.map(({ module, state, functions }) => ({ module, state, functions })),
      [{ module: 'Shop.Till', state: 'interpreted', functions: ['close/1'] }],
    );
  });

  it('counts what an adapter tells once for many times', async () => {
    const t = Date.now();
    await start({});
    const adapter = await connect('one');
    await adapter.event({ kind: 'stopped', at: t, thread: 1, reason: 'step', frames: [], times: 40 });
    await adapter.event({ kind: 'continued', at: t + 1, thread: 1 });
    await adapter.event({ kind: 'entered', at: t + 2, module: 'Shop.Item', ready: true, waitedMs: 0, times: 20 });
    await adapter.plan({ kind: 'latency', at: t + 3, of: 'step', ms: 4, more: [1, 2] });
    const { sessions, cache, latencies, timeline } = await client.request('coordination/snapshot', {});
    assert.deepEqual([sessions[0]?.stops, sessions[0]?.steps, sessions[0]?.stoppedIn], [40, 40, null]);
    assert.deepEqual([cache.hits, cache.misses, latencies.step.count, latencies.step.max], [20, 0, 3, 4]);
    const told = timeline.map(({ text }) => text).filter((text) => text.includes('times'));
    assert.deepEqual(told, ['stopped 40 times (step)', 'entered Shop.Item 20 times, which was ready']);
  });

  it('counts a question that was answered too late as one decision, and one that never came as another', async () => {
    await start();
    const adapter = await connect('one');
    await adapter.plan(stopped(1, 'A'));
    await adapter.plan(stopped(2, 'B'));
    await adapter.event({ kind: 'fallback', at: 3, why: 'late' });
    await adapter.event({ kind: 'fallback', at: 4, why: 'disconnected' });
    await adapter.plan(stopped(5, 'A'));
    const counted = async (): Promise<unknown[]> => {
      const [session] = (await client.request('coordination/snapshot', {})).sessions;
      return [session?.decisions, session?.fallbacks];
    };
    assert.deepEqual(await counted(), [4, 2]);
    // What was late before this connection was never asked here.
    adapter.end();
    const again = await connect('one');
    await again.event({ kind: 'fallback', at: 6, why: 'late' });
    await again.plan(stopped(7, 'A'));
    assert.deepEqual(await counted(), [6, 3]);
  });

  it('shows what happened in a snapshot, and remembers a session that ended', async () => {
    const t = Date.now();
    await start({ storageDir });
    await indexed();
    const adapter = await connect('one', { mode: mode({ memoryThreshold: 1_000 }) });
    await adapter.event({
      kind: 'breakpointsSet',
      at: t + 1,
      file: {
        file: path.join(folder, 'lib', 'shop', 'till.ex'),
        breakpoints: [{ line: 9, verified: true, conditional: false, modules: ['Shop.Till'], hits: 2 }],
      },
    });
    await adapter.event(interpreted(t + 2, 'Shop.Till', 900, 'demand'));
    await adapter.event(interpreted(t + 3, 'Shop.Item', 100));
    await adapter.plan(stopped(t + 4, 'Shop.Till'));
    await adapter.event({ kind: 'entered', at: t + 5, module: 'Shop.Item', ready: true, waitedMs: 0 });
    await adapter.event({ kind: 'entered', at: t + 6, module: 'Shop.Receipt', ready: false, waitedMs: 3 });
    await adapter.event({ kind: 'latency', at: t + 7, of: 'step', ms: 4 });
    await adapter.event({ kind: 'fallback', at: t + 8, why: 'late' });
    await adapter.event({ kind: 'diskCache', at: t + 9, entries: 3, bytes: 30, hits: 2, corrupt: 1 });
    await adapter.plan({
      kind: 'memory',
      at: t + 10,
      beamBytes: 5_000,
      preparedBytes: 1_000,
      adapterBytes: 7,
      busy: 0.5,
    });

    const snapshot = await client.request('coordination/snapshot', {});
    assert.equal(snapshot.version, METRICS_VERSION);
    const [session] = snapshot.sessions;
    assert.deepEqual(
      {
        running: session?.running,
        connected: session?.connected,
        stops: session?.stops,
        prepared: session?.preparedModules,
        bytes: session?.preparedBytes,
        beam: session?.beamBytes,
        busy: session?.busy,
        decisions: session?.decisions,
        fallbacks: session?.fallbacks,
        hits: session?.breakpoints[0]?.hits,
      },
      {
        running: true,
        connected: true,
        stops: 1,
        prepared: 2,
        bytes: 1_000,
        beam: 5_000,
        busy: 0.5,
        decisions: 2,
        fallbacks: 1,
        hits: 2,
      },
    );
    const row = snapshot.modules.find(({ module }) => module === 'Shop.Till');
    assert.equal(row?.state, 'interpreted');
    assert.equal(row.file, path.join(folder, 'lib', 'shop', 'till.ex'));
    assert.equal(row.uses, 1);
    assert.deepEqual(row.sessions, ['one']);
    assert.deepEqual(
      snapshot.timeline.map(({ kind }) => kind),
      ['session', 'breakpoint', 'prepare', 'prepare', 'stop', 'step', 'step', 'fallback', 'alert', 'alert'],
    );
    assert.equal(snapshot.latencies.step.count, 1);
    assert.equal(snapshot.latencies.step.p50, 4);
    assert.equal(snapshot.latencies.plan.count, 2);
    assert.equal(snapshot.cache.hitRate, 0.5);
    assert.equal(snapshot.cache.diskEntries, 3);
    assert.deepEqual(snapshot.alerts.map(({ id }) => id).sort(), ['corrupt', 'memory:one']);
    assert.equal(snapshot.workingSet.at(-1)?.preparedBytes, 1_000);

    await adapter.event({ kind: 'sessionEnded', at: t + 1_000, exitCode: 0 });
    const after = await eventually('the session in the history', async () => {
      const now = await client.request('coordination/snapshot', {});
      return now.history.length > 0 ? now : undefined;
    });
    assert.equal(after.sessions[0]?.running, false);
    assert.deepEqual(after.modules, []);
    const [summary] = after.history;
    assert.equal(summary?.endedAt, t + 1_000);
    assert.equal(summary.hitRate, 0.5);
    assert.deepEqual(summary.modulesUsed, ['Shop.Till', 'Shop.Item', 'Shop.Receipt']);

    await client.end();
    await start({ storageDir });
    assert.equal((await client.request('coordination/snapshot', {})).history[0]?.id, 'one');
  });

  it('tells what changed since, each update on top of the one before', async () => {
    await start();
    const updates: MetricsUpdate[] = [];
    client.connection.onNotification('coordination/update', (update: MetricsUpdate) => void updates.push(update));
    const adapter = await connect('one');
    await client.request('coordination/watch', { on: true });
    const snapshot = await client.request('coordination/snapshot', {});
    await adapter.event(interpreted(1, 'Shop.Till'));
    await adapter.plan(stopped(2, 'Shop.Till'));
    const next = () => eventually('an update', () => updates.shift());
    const first = await next();
    assert.equal(first.base, snapshot.revision);
    assert.deepEqual(
      first.modules?.changed.map(({ module }) => module),
      ['Shop.Till'],
    );
    assert.deepEqual(
      first.timeline?.map(({ kind }) => kind),
      ['prepare', 'stop'],
    );
    assert.deepEqual(
      first.sessions?.map(({ stops }) => stops),
      [1],
    );
    await adapter.event({ kind: 'continued', at: 3, thread: 1 });
    await adapter.event({ kind: 'released', at: 4, modules: ['Shop.Till'] });
    const second = await next();
    assert.equal(second.base, first.revision);
    assert.deepEqual(second.modules, { changed: [], removed: ['Shop.Till'] });
    await client.request('coordination/watch', { on: false });
    await adapter.plan(stopped(5, 'Shop.Item'));
    await client.request('coordination/watch', { on: true });
    const third = await next();
    assert.equal(third.base, second.revision);
    assert.equal(updates.length, 0);
  });

  it('keeps only what plans need without performance monitoring', async () => {
    await start({ settings: { ...settings, performanceMonitoring: false } });
    const adapter = await connect('one');
    await adapter.event({ kind: 'latency', at: 1, of: 'step', ms: 4 });
    await adapter.event(interpreted(2, 'Shop.Till'));
    assert.deepEqual(prepares(await adapter.plan(stopped(3, 'Shop.Till'))), []);
    const { timeline, latencies, workingSet, sessions } = await client.request('coordination/snapshot', {});
    assert.deepEqual([timeline.length, latencies.step.count, latencies.plan.count, workingSet.length], [0, 0, 0, 0]);
    assert.equal(sessions[0]?.preparedModules, 1);
    await client.notify('coordination/settings', settings);
    await adapter.plan(stopped(4, 'Shop.Till'));
    await adapter.event({ kind: 'latency', at: 5, of: 'step', ms: 4 });
    await adapter.plan(stopped(6, 'Shop.Till'));
    assert.equal((await client.request('coordination/snapshot', {})).latencies.step.count, 1);
  });

  it('ends a session that the editor closes, also where its adapter said nothing', async () => {
    await start();
    const adapter = await connect('one');
    await adapter.plan(stopped(1, 'Shop.Till'));
    await client.request('coordination/closeSession', { session: 'one' });
    await adapter.closed;
    const { sessions, history } = await client.request('coordination/snapshot', {});
    assert.deepEqual([sessions[0]?.running, sessions[0]?.connected, history.length], [false, false, 1]);
  });

  it('remembers decisions and use across restarts, and forgets use when it is told to', async () => {
    await start({ storageDir });
    const adapter = await connect('one');
    await client.request('coordination/module', { module: 'Shop.Till', action: 'pin' });
    await adapter.plan(stopped(Date.now(), 'Shop.Pricing'));
    await client.request('coordination/closeSession', { session: 'one' });
    await client.end();
    await start({ storageDir });
    assert.match((await client.request('coordination/usage', { action: 'view' })).text, /Shop\.Pricing/);
    await client.request('coordination/usage', { action: 'erase' });
    assert.doesNotMatch((await client.request('coordination/usage', { action: 'export' })).text, /Shop\.Pricing/);
    const rows = (await client.request('coordination/snapshot', {})).modules;
    assert.deepEqual(
      rows.map(({ module, pinned }) => ({ module, pinned })),
      [{ module: 'Shop.Till', pinned: true }],
    );
  });

  it('learns where sessions go, and scores every strategy by where this one goes', async () => {
    await start({ storageDir });
    await indexed();
    const journey = ['Shop.Till', 'Mix.Tasks.Checkout', 'Shop.Discount'];
    const walk = async (adapter: PipeClient): Promise<Plan[]> => {
      const plans: Plan[] = [];
      for (const module of journey) {
        await adapter.event({ kind: 'entered', at: Date.now(), module, ready: false, waitedMs: 1 });
        plans.push(await adapter.plan(stopped(Date.now(), module)));
      }
      return plans;
    };
    for (let session = 0; session < 5; session++) {
      await walk(await connect(`past-${session}`));
      await client.request('coordination/closeSession', { session: `past-${session}` });
    }
    const adapter = await connect('now', { mode: mode({ strategy: 'learning' }) });
    const [first] = await walk(adapter);
    assert.equal(first?.strategy, 'learning');
    const next = first.actions.find(({ module }) => module === 'Mix.Tasks.Checkout');
    assert.match(next?.reason ?? 'it is not in the plan', /followed Shop\.Till in 5 of 5 sessions/);
    const { prediction, history } = await client.request('coordination/snapshot', {});
    const score = (strategy: string) => prediction.find((each) => each.strategy === strategy);
    for (const strategy of ['demand-driven', 'predictive', 'learning']) {
      assert.equal(score(strategy)?.outcomes, 6 * journey.length);
    }
    assert.ok((score('learning')?.hit5 ?? 0) > (score('demand-driven')?.hit5 ?? 1));
    assert.ok(score('learning')?.weight !== null);
    assert.ok(history.every(({ hit5 }) => hit5 !== null));
  });

  it('shows the neighbours of a module, with their state', async () => {
    await start();
    await indexed();
    const adapter = await connect('one');
    await adapter.plan(stopped(1, 'Shop.Till'));
    const { nodes, edges, omitted } = await client.request('coordination/neighbourhood', {
      module: 'Shop.Till',
      depth: 1,
    });
    assert.equal(omitted, 0);
    assert.equal(nodes[0]?.module, 'Shop.Till');
    assert.equal(nodes[0].state, 'interpreted');
    assert.ok(nodes.some(({ module, own }) => module === 'Shop.Pricing' && own));
    assert.ok(
      edges.some(({ from, to, origin }) => from === 'Shop.Till' && to === 'Shop.Pricing' && origin === 'source'),
    );
  });
});
