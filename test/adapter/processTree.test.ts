// The supervision tree and the filter of processes: what is listed, under whom, by which name, also while something is stopped.
import assert from 'node:assert/strict';
import type { ProcessNode, ProcessTree } from '../../protocol/adapter';
import { eventually } from '../support/deadline';
import { fixture, type Fixture } from '../support/fixture';
import { sessions, type Session } from '../support/session';

const source = 'lib/supervised/application.ex';

describe('the process tree', () => {
  const debug = sessions();
  let supervised: Fixture;
  before(async () => (supervised = await fixture('supervised')));

  const running = (args: Record<string, unknown> = {}): Promise<Session> =>
    debug.launch(supervised, {
      run: 'Supervised.run()',
      until: 'supervised: started',
      breakpoints: { [source]: ['add'] },
      args,
    });
  const treeOf = (session: Session): Promise<ProcessTree> => session.client.custom<ProcessTree>('getProcessTree', {});
  const named = ({ processes }: ProcessTree, name: string | RegExp): ProcessNode => {
    const found = processes.find((each) => (typeof name === 'string' ? each.name === name : name.test(each.name)));
    assert(found, `${String(name)} among\n${processes.map((each) => each.name).join('\n')}`);
    return found;
  };

  it('shows who started whom, by names a person recognises', async () => {
    const tree = await treeOf(await running({ showSystemProcesses: false }));
    const below = (parent: string | RegExp): string[] => {
      const { id } = named(tree, parent);
      return tree.processes.filter((each) => each.parent === id).map(({ name }) => name);
    };
    const top = named(tree, 'Supervised.Supervisor');
    assert.equal(top.parent, null);
    assert.equal(top.application, ':supervised');
    assert.equal(top.supervisor, true);
    const children = below('Supervised.Supervisor');
    for (const child of [
      'Supervised.Registry',
      'Supervised.Carts',
      'Supervised.Jobs',
      'Supervised.Prices (supervisor)',
    ])
      assert(children.includes(child), `${child} among ${children.join(', ')}`);
    assert(children.includes('Supervised.Clock.loop/0'), children.join(', '));
    assert.deepEqual(below('Supervised.Carts'), ['Supervised.Cart (Supervised.Registry: "anna")']);
    assert.deepEqual(below('Supervised.Prices (supervisor)'), ['Supervised.Cart (Supervised.Registry: :standard)']);
    assert.deepEqual(below('Supervised.Jobs'), ['Task anonymous fn/0 in Supervised.run/0']);
    assert.equal(named(tree, 'Supervised.Cart (Supervised.Registry: "anna")').supervisor, false);
    for (const [index, each] of tree.processes.entries()) {
      const parent = tree.processes.findIndex(({ id }) => id === each.parent);
      assert(each.parent === null || (parent >= 0 && parent < index), `${each.name} comes after its parent`);
    }
  });

  it('counts messages that wait, and bytes', async () => {
    const tree = await treeOf(await running());
    const mailbox = named(tree, 'Supervised.Mailbox');
    assert.equal(mailbox.mailbox, 3);
    assert.equal(mailbox.state, 'waiting');
    assert(mailbox.memory > 500, String(mailbox.memory));
    assert.match(mailbox.at, /\.sleep\/1$/);
  });

  it('shows a stopped process as such, and answers while one is stopped', async () => {
    const session = await running({ showSystemProcesses: false });
    const added = session.evaluate('spawn(fn -> Supervised.Cart.add("anna", :tea) end)');
    const stop = await session.stop();
    await added;
    const tree = await treeOf(session);
    const cart = named(tree, /"anna"/);
    assert.equal(cart.id, stop.threadId);
    assert.equal(cart.state, 'stopped');
    assert.equal(cart.parent, named(tree, 'Supervised.Carts').id);
    await session.resume(stop);
    await eventually('the process goes on', async () =>
      named(await treeOf(session), /"anna"/).state === 'waiting' ? true : undefined,
    );
  });

  it('answers while the supervisor itself hangs', async () => {
    const session = await running();
    // The suspension ends with the process that asked for it, so it is held by one that lives on.
    await session.evaluate(
      'spawn(fn -> :erlang.suspend_process(Process.whereis(Supervised.Carts)); Process.sleep(:infinity) end)',
    );
    const tree = await eventually('the supervisor is suspended', async () => {
      const now = await treeOf(session);
      return named(now, 'Supervised.Carts').state === 'suspended' ? now : undefined;
    });
    assert.equal(named(tree, /"anna"/).parent, named(tree, 'Supervised.Carts').id);
  });

  it('loses a process that the user ends, and gets the one its supervisor starts instead', async () => {
    const session = await running();
    const before = named(await treeOf(session), /Registry: :standard/);
    await session.client.request('terminateThreads', { threadIds: [before.id] });
    const after = await eventually('another one', async () => {
      const tree = await treeOf(session);
      const found = tree.processes.find(({ name, id }) => name.includes('Registry: :standard') && id !== before.id);
      return found;
    });
    assert.notEqual(after.pid, before.pid);
  });

  it('holds no process of the debugger', async () => {
    const tree = await treeOf(await running());
    assert.deepEqual(
      tree.processes.filter(({ name, at }) => /ecd_|dbg_/.test(name + at)).map(({ name }) => name),
      [],
    );
  });

  it('is cut off at its leaves', async () => {
    const tree = await treeOf(await running({ maxThreads: 5, showSystemProcesses: false }));
    assert.equal(tree.processes.length, 5);
    assert(tree.total > 8, String(tree.total));
    assert(named(tree, 'Supervised.Supervisor'));
  });
});

describe('processes of OTP, Elixir and Mix', () => {
  const debug = sessions();
  let supervised: Fixture;
  before(async () => (supervised = await fixture('supervised')));
  const names = async (session: Session): Promise<string[]> =>
    (await session.client.request('threads', {})).threads.map(({ name }) => name);
  const isSystem = (name: string): boolean =>
    /^(:init|:kernel_sup|Mix\.|:logger|:code_server|:erl_prim_loader)/.test(name);

  it('are listed for clients that say nothing', async () => {
    const session = await debug.launch(supervised, { run: 'Supervised.run()', until: 'supervised: started' });
    const all = await names(session);
    assert(all.some(isSystem), all.join('\n'));
  });

  it('are hidden and shown live, and the client is told to ask again', async () => {
    const session = await debug.launch(supervised, {
      run: 'Supervised.run()',
      until: 'supervised: started',
      args: { showSystemProcesses: false },
    });
    const own = await names(session);
    assert(
      own.some((name) => name.startsWith('Supervised.Carts ')),
      own.join('\n'),
    );
    assert.deepEqual(own.filter(isSystem), []);
    const told = session.client.event('invalidated', ({ areas }) => areas?.includes('threads') === true);
    await session.client.custom('setProcessFilter', { showSystemProcesses: true });
    await told;
    const all = await names(session);
    assert(all.some(isSystem), all.join('\n'));
    assert((await session.client.custom<ProcessTree>('getProcessTree', {})).showSystemProcesses);
    await session.client.custom('setProcessFilter', { showSystemProcesses: false });
    assert.deepEqual((await names(session)).filter(isSystem), []);
  });

  it('are listed while they are stopped', async () => {
    const session = await debug.launch(supervised, {
      run: 'Supervised.run()',
      until: 'supervised: started',
      args: { showSystemProcesses: true },
    });
    const { threads } = await session.client.request('threads', {});
    const system = threads.find(({ name }) => name.startsWith('Mix.TasksServer'));
    assert(system, threads.map(({ name }) => name).join('\n'));
    await session.client.custom('setProcessFilter', { showSystemProcesses: false });
    assert(!(await names(session)).includes(system.name));
    await session.client.request('pause', { threadId: system.id });
    await session.stop(({ threadId }) => threadId === system.id);
    assert((await names(session)).some((name) => name === system.name));
  });

  it('cannot be filtered by nonsense', async () => {
    const session = await debug.launch(supervised, { run: 'Supervised.run()', until: 'supervised: started' });
    await assert.rejects(
      session.client.custom('setProcessFilter', { showSystemProcesses: 'yes' }),
      /showSystemProcesses.*must be true or false/,
    );
  });
});
