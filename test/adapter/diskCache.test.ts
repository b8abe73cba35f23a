// What one session has prepared is on disk for the next: what the agent counts of it, and what the coordination is told.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { InterpretationStatus, PerformanceMetrics } from '../../protocol/adapter';
import { CoordinationPeer, prepare } from '../support/coordinationPeer';
import { eventually } from '../support/deadline';
import { fixture, fixtureCopy } from '../support/fixture';
import { sessions, type Session } from '../support/session';

const processes = 'lib/constructs/processes.ex';
/** Of Elixir's own. */
const modules = ['Enum', 'String', 'Macro', 'Stream', 'Inspect.Algebra', 'Keyword'];
/** These, and what the launch itself prepares: the engine's proof and the module that calls dbg/2. */
const all = modules.length + 2;

describe('the cache of prepared modules on disk', () => {
  const debug = sessions();
  let home: string;
  let peer: CoordinationPeer;
  beforeEach(async () => {
    home = mkdtempSync(path.join(tmpdir(), 'ecd-test-'));
    peer = await CoordinationPeer.open();
  });
  afterEach(async () => {
    await peer.close();
    rmSync(home, { recursive: true, force: true });
  });

  async function prepared(): Promise<Session> {
    const session = await debug.launch(await fixture('constructs'), {
      run: 'Constructs.Processes.ticking()',
      until: 'started',
      env: { XDG_CACHE_HOME: home, ...peer.env },
    });
    const request = { modules, strategy: 'immediate' };
    const { failed } = await session.client.custom<{ failed: unknown[] }>('interpretModules', request);
    assert.deepEqual(failed, []);
    return session;
  }
  const figures = async (session: Session) => {
    const { agent } = await session.client.custom<PerformanceMetrics>('getPerformanceMetrics', {});
    const { diskHits, diskMisses, corrupt } = agent;
    return { diskHits, diskMisses, corrupt };
  };
  /** Entries are written aside. */
  const written = () => eventually('all modules on disk', () => Promise.resolve(entries().length === all || undefined));

  it('serves the next session; what is damaged is dropped, counted, told, and made anew', async () => {
    const first = await prepared();
    assert.deepEqual(await figures(first), { diskHits: 0, diskMisses: all, corrupt: 0 });
    await written();
    await first.close();

    const second = await prepared();
    assert.deepEqual(await figures(second), { diskHits: all, diskMisses: 0, corrupt: 0 });
    await peer.event('diskCache', ({ hits, corrupt }) => hits === all && corrupt === 0);
    await second.close();

    const [entry = ''] = entries();
    const bytes = readFileSync(entry);
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
    writeFileSync(entry, bytes);
    const third = await prepared();
    await written();
    assert.deepEqual(await figures(third), { diskHits: all - 1, diskMisses: 1, corrupt: 1 });
    const told = await peer.event('diskCache', ({ corrupt }) => corrupt === 1);
    assert(told.bytes > 0);
    await third.close();
    assert.equal(entries().length, all);
  });

  it('has most of what a repeated session prepares, whatever its size', async () => {
    peer.answer = () => prepare('Constructs.Counter', 'Constructs.Flow', 'Constructs.Scoping', 'Constructs.Other');
    const repeated = async () => {
      const session = await debug.launch(await fixture('constructs'), {
        run: 'Constructs.Processes.call_server()',
        breakpoints: { [processes]: ['call_add'] },
        env: { XDG_CACHE_HOME: home, ...peer.env },
      });
      const stop = await session.stop();
      await eventually('the plan at its end', async () =>
        (await session.client.custom<InterpretationStatus>('getInterpretationStatus', {})).plan?.waiting === 0
          ? true
          : undefined,
      );
      const inside = await session.step('stepIn', stop);
      const figures = await session.client.custom<PerformanceMetrics>('getPerformanceMetrics', {});
      // The program is over in a moment, and what it has prepared is on disk all the same.
      await session.resume(inside);
      await session.end();
      return figures;
    };
    assert.equal((await repeated()).diskHitRate, 0);
    const { diskHitRate, agent } = await repeated();
    assert((diskHitRate ?? 0) > 0.8, JSON.stringify(agent));
  });

  function entries(): string[] {
    const names = readdirSync(home, { recursive: true, encoding: 'utf8' });
    const inRows = `${path.sep}rows${path.sep}`;
    return names.filter((name) => name.includes(inRows) && name.endsWith('.kept')).map((name) => path.join(home, name));
  }
});

describe('what a launch loads before the project', () => {
  const debug = sessions();

  it('is loaded before Elixir starts when such a launch was made before', async () => {
    const project = await fixtureCopy('constructs', { compiled: true });
    try {
      // A kind of launch is known by its task: no other test has this one.
      const task = `compile_${process.pid}_${Date.now()}`;
      const mixfile = readFileSync(project.file('mix.exs'), 'utf8').replace(
        'deps: []',
        `deps: [], aliases: [${task}: "compile"]`,
      );
      const late = 'IO.puts("loaded #{:erlang.module_loaded(Mix.Tasks.Compile.App)}")';
      writeFileSync(project.file('mix.exs'), `${late}\n${mixfile}`);
      const launch = async (): Promise<string> =>
        (await (await debug.launch(project, { args: { task } })).end()).stdout;
      assert.match(await launch(), /^loaded false$/m);
      // A program that ends waits a moment for its names to be written, which on a busy machine may be too short.
      const isLoaded = async (): Promise<true | undefined> => /^loaded true$/m.test(await launch()) || undefined;
      await eventually('a launch that finds the names', isLoaded, 90_000);
    } finally {
      project.remove();
    }
  });
});
