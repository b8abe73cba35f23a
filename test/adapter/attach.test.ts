// Attach to a running node: everything works there, and disconnecting leaves it as it was.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { Node } from '../support/beam';
import { eventually } from '../support/deadline';
import { fixture, type Fixture } from '../support/fixture';
import { launchArguments, sessions, type LaunchOptions } from '../support/session';
import { markedProcesses } from '../support/processes';

const processes = 'lib/constructs/processes.ex';
const basic = 'lib/constructs/basic.ex';
const closures = 'lib/constructs/closures.ex';
/** Evaluated on the node: the agent's modules that are loaded there. */
const agentModules = 'for {m, _} <- :code.all_loaded(), String.starts_with?(Atom.to_string(m), "ecd_"), do: m';
/** The same: processes that are in one of them. */
const agentProcesses =
  'for p <- Process.list(), {:current_stacktrace, stack} <- [Process.info(p, :current_stacktrace)], {m, _, _, _} <- stack, String.starts_with?(Atom.to_string(m), "ecd_"), do: {p, m}';

describe('attach', () => {
  const debug = sessions();
  let constructs: Fixture;
  let node: Node;
  before(async () => (constructs = await fixture('constructs')));
  beforeEach(async () => {
    node = await Node.start(
      constructs.dir,
      'spawn(fn -> Constructs.Processes.ticking() end); Process.put(:who, :root); spawn(fn -> Process.register(self(), :looper); Stream.iterate(1, & &1 + 1) |> Enum.each(fn i -> Constructs.Basic.nested(i); Process.sleep(5) end) end)',
    );
  });
  afterEach(() => node.stop());

  const attach = (options: LaunchOptions = {}) =>
    debug.attach(constructs, { ...options, args: { remoteNode: node.name, cookie: node.cookie, ...options.args } });

  it('stops at a breakpoint with a condition, with values, and steps', async () => {
    const session = await attach({ breakpoints: { [basic]: [{ at: 'inner', condition: 'rem(n, 7) == 0' }] } });
    const stop = await session.stop();
    assert.equal(stop.at, 'inner');
    const n = Number((await session.locals(stop.top))['n']);
    assert.equal(n % 7, 0);
    const next = await session.step('next', stop);
    assert.equal((await session.locals(next.top))['value'], String(n * 10));
  });

  it('evaluates on that node', async () => {
    const session = await attach();
    assert.equal((await session.evaluate('node()')).replaceAll('"', ''), `:${node.name}`);
    assert.equal(await session.evaluate('is_pid(Process.whereis(:looper))'), 'true');
  });

  it('leaves the node running, with nothing armed, when it disconnects while a process is stopped', async () => {
    const session = await attach({ breakpoints: { [basic]: ['inner'], [processes]: ['tick_count'] } });
    const before = await session.evaluate('Process.whereis(:looper)');
    await session.stop();
    await session.stop();
    await session.client.request('disconnect', { terminateDebuggee: false });
    session.client.process.stdin.end();
    await session.client.exited();
    assert(node.alive);
    const again = await attach();
    assert.equal(await again.evaluate('Process.whereis(:looper)'), before, 'no process was killed');
    const reductions = async (): Promise<number> =>
      Number(await again.evaluate('elem(Process.info(Process.whereis(:looper), :reductions), 1)'));
    const first = await reductions();
    // It sleeps between its rounds.
    await eventually('the stopped process runs again', async () => ((await reductions()) > first ? true : undefined));
  });

  it('takes the agent out of the node', async () => {
    const session = await attach({ breakpoints: { [basic]: ['inner'] } });
    await session.stop();
    await session.setBreakpoints(basic, []);
    await session.client.request('disconnect', {});
    session.client.process.stdin.end();
    await session.client.exited();
    const left = () => node.ask(agentModules);
    assert.equal(await eventually('the agent is out', () => (left() === '[]' ? '[]' : undefined)), '[]');
    assert.equal(node.ask(agentProcesses), '[]');
  });

  it('ends in the node when its helper node is killed', async () => {
    const session = await attach({ breakpoints: { [basic]: ['inner'] } });
    await session.stop();
    const adapter = session.client.process.pid;
    const helpers = readFileSync(`/proc/${adapter}/task/${adapter}/children`, 'utf8').trim().split(' ').map(Number);
    assert.equal(helpers.length, 1);
    for (const pid of helpers) process.kill(pid, 'SIGKILL');
    await session.client.event('terminated');
    await eventually('nothing of the agent runs', () => (node.ask(agentProcesses) === '[]' ? true : undefined));
    assert.equal(node.ask('Constructs.Basic.nested(1)'), '13');
    await eventually('the agent is out', () => (node.ask(agentModules) === '[]' ? true : undefined));
    assert(node.alive);
  });

  it('can be attached to again at once when the helper node of the last session was killed', async () => {
    const first = await attach({ breakpoints: { [basic]: ['inner'] } });
    await first.stop();
    const adapter = first.client.process.pid;
    const helpers = readFileSync(`/proc/${adapter}/task/${adapter}/children`, 'utf8').trim().split(' ').map(Number);
    for (const pid of helpers) process.kill(pid, 'SIGKILL');
    await first.client.event('terminated');
    await eventually('the node has noticed', () =>
      node.ask('Process.whereis(:ecd_wire)') === 'nil' ? true : undefined,
    );
    const again = await attach({ breakpoints: { [basic]: ['inner'] } });
    assert.equal((await again.stop()).at, 'inner');
  });

  it('leaves one module behind for functions made while debugging, and takes it away when they are gone', async () => {
    const session = await attach({ breakpoints: { [closures]: ['made'] } });
    node.ask('spawn(&Constructs.Closures.start_again/0)');
    await session.stop();
    await session.client.request('disconnect', {});
    assert.match(
      session.client.output('important'),
      /Constructs\.Closures made while .* held by Constructs\.Closures.*: one module .*removeLeftovers/,
    );
    session.client.process.stdin.end();
    await session.client.exited();
    assert.equal(
      await eventually('the agent is out', () => (node.ask(agentModules) === '[]' ? '[]' : undefined)),
      '[]',
    );
    assert.equal(node.ask('Constructs.Closures.from_agent(5)'), '15', 'with its private function');

    const again = await attach();
    const { leftBehind } = await again.client.custom<{ leftBehind: string[] }>('getInterpretationStatus', {});
    assert.deepEqual(leftBehind, ['Constructs.Closures']);
    await assert.rejects(
      again.client.custom('removeLeftovers', {}),
      /Constructs\.Closures .*held by Constructs\.Closures/,
    );
    node.ask('Agent.update(Constructs.Closures, fn _ -> %{} end)');
    const { removed } = await again.client.custom<{ removed: string[] }>('removeLeftovers', {});
    assert.deepEqual(removed, []);
    await again.client.event('terminated');
    assert.equal(
      await eventually('the agent is out', () => (node.ask(agentModules) === '[]' ? '[]' : undefined)),
      '[]',
    );
    assert.equal(node.ask('{:erlang.module_loaded(:dbg_iserver), Process.whereis(:ecd_remnant)}'), '{false, nil}');
    assert(node.alive);
  });

  it('says who holds functions made while debugging, wherever they are kept', async () => {
    const session = await attach({ breakpoints: { [closures]: ['kept'] } });
    node.ask('spawn(&Constructs.Closures.keep_everywhere/0)');
    await session.stop();
    await session.client.request('disconnect', {});
    const said = session.client.output('important');
    for (const holder of [/Constructs\.Closures <[\d.]+>/, /ETS table.*constructs_closures/, /persistent term/]) {
      assert.match(said, holder);
    }
    session.client.process.stdin.end();
    await session.client.exited();
    const calls = ['agent', 'table', 'term'].map((place) => `Constructs.Closures.from_${place}(5)`);
    assert.equal(node.ask(`{${calls.join(', ')}}`), '{25, 25, 25}');
    assert.equal(node.ask(`Task.await(Task.async(fn -> {${calls.join(', ')}} end))`), '{25, 25, 25}');
  });

  it('removes what functions made while debugging still need, where it is told to', async () => {
    const session = await attach({ breakpoints: { [closures]: ['made'] } });
    node.ask('spawn(&Constructs.Closures.start_again/0)');
    await session.resume(await session.stop());
    const { removed } = await session.client.custom<{ removed: string[] }>('removeLeftovers', { force: true });
    assert.deepEqual(removed, ['Constructs.Closures']);
    await session.client.event('terminated');
    assert.equal(
      await eventually('the agent is out', () => (node.ask(agentModules) === '[]' ? '[]' : undefined)),
      '[]',
    );
    assert.equal(node.ask('Process.whereis(:ecd_remnant)'), 'nil');
    assert(node.alive);
  });

  it('is disarmed when the adapter is killed', async () => {
    const session = await attach({ breakpoints: { [basic]: ['inner'] } });
    await session.stop();
    session.client.process.kill('SIGKILL');
    await session.client.exited();
    assert.equal(node.ask('Constructs.Basic.nested(1)'), '13');
    assert(node.alive);
  });

  it('never shows the cookie on a command line', async () => {
    const session = await attach();
    const lines = markedProcesses(session.client.mark).map(({ pid }) => readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
    assert(lines.length > 0 && readdirSync('/proc').length > 0);
    assert(!lines.some((line) => line.includes(node.cookie)), lines.join('\n'));
  });

  for (const [what, args, message] of [
    ['no remoteNode', { remoteNode: undefined }, /remoteNode/],
    ['a name that is none', { remoteNode: 'app' }, /remoteNode|@/],
    ['a node that does not run', { remoteNode: 'nobody_here@localhost' }, /nobody_here/],
    ['a wrong cookie', { cookie: 'wrong' }, /cookie|connect/i],
  ] as const) {
    it(`with ${what} is refused with the reason`, async () => {
      const session = debug.open(constructs);
      await session.client.request('initialize', { adapterID: 'elixir' });
      const all = { ...launchArguments(constructs, {}, 'attach'), remoteNode: node.name, cookie: node.cookie, ...args };
      assert.match((await session.client.refused('attach', all)).text, message);
      assert(node.alive);
    });
  }
});
