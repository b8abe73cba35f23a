// The parts of the adapter's coordination that need no program: the queue of a plan, the picture of a session, stops in
// their order, and the pair that must not stay in the environment.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { AgentCommands, StackFrame } from '../../protocol/agent';
import type { Plan, PlannedAction } from '../../protocol/coordination';
import { SessionPicture, sessionFrames } from '../../adapter/coordination/picture';
import { PlanQueue } from '../../adapter/coordination/queue';
import { takeServerPair } from '../../adapter/coordination/serverPair';
import { StopReporter } from '../../adapter/coordination/stopReporter';
import { Stopwatch } from '../../adapter/coordination/stopwatch';
import { eventually } from '../support/deadline';

type Prepared = AgentCommands['prepareAhead'][1];

/** What an agent would do: prepares what it is told, slowly or busily as the test wants it. */
class Preparing {
  readonly batches: string[][] = [];
  readonly released: string[] = [];
  readonly failed: string[] = [];
  readonly held: string[] = [];
  timesFull = 0;
  ms = 1;
  atOnce = 1;
  full = false;
  /** Batches end when the test lets them. */
  gate: Promise<void> = Promise.resolve();
  readonly queue = new PlanQueue({
    prepare: async (modules): Promise<Prepared> => {
      this.batches.push(modules.map(({ module }) => module));
      await this.gate;
      const [failed, prepared] = [true, false].map((bad) =>
        modules.filter(({ module }) => module.startsWith('Bad') === bad).map(({ module }) => module),
      );
      return {
        prepared: this.full ? [] : (prepared ?? []),
        failed: this.full ? [] : (failed ?? []).map((module) => ({ module, error: 'bad' })),
        ms: this.ms * modules.length,
        preparedBytes: 0,
        full: this.full,
        busy: 0,
        atOnce: this.atOnce,
      };
    },
    release: (modules) =>
      Promise.resolve({
        released: modules.filter((module) => !module.startsWith('Held')),
        failed: modules.filter((module) => module.startsWith('Held')).map((module) => ({ module, error: 'armed' })),
      }),
    released: (modules) => this.released.push(...modules),
    held: (module) => this.held.push(module),
    failed: (module) => this.failed.push(module),
    full: () => this.timesFull++,
    broken: (thrown) => assert.fail(String(thrown)),
  });
  #number = 0;

  get order(): string[] {
    return this.batches.flat();
  }
  follow(...actions: [module: string, priority?: number, action?: PlannedAction['action']][]): void {
    this.queue.replace(this.plan(actions));
  }
  plan(actions: [module: string, priority?: number, action?: PlannedAction['action']][]): Plan {
    const planned = actions.map(([module, priority = 0, action = 'prepare']) => ({
      module,
      priority,
      action,
      reason: 'test',
      predictedUse: 0.5,
    }));
    return { version: 1, number: ++this.#number, strategy: 'predictive', actions: planned };
  }
  done(): Promise<true> {
    return eventually('the end of the plan', () => (this.queue.status?.waiting === 0 ? true : undefined), 5_000);
  }
}

describe('the queue of a plan', () => {
  it('prepares by priority, each module once', async () => {
    const all = new Preparing();
    all.follow(['C', 2], ['A', 0], ['B', 1]);
    await all.done();
    all.follow(['D', 1], ['A', 0]);
    await all.done();
    await eventually('D', () => (all.order.includes('D') ? true : undefined));
    assert.deepEqual(all.order, ['A', 'B', 'C', 'D']);
  });

  it('drops what a newer plan does not want, and a plan that was overtaken', async () => {
    const all = new Preparing();
    all.queue.hold('test');
    const older = all.plan([['Older']]);
    all.follow(['Stale']);
    all.follow(['Wanted']);
    all.queue.replace(older);
    all.queue.resume('test');
    await eventually('a batch', () => (all.batches.length > 0 ? true : undefined));
    await all.done();
    assert.deepEqual(all.order, ['Wanted']);
  });

  it('begins nothing while it is held, whatever for', async () => {
    const all = new Preparing();
    all.queue.hold('step');
    all.queue.hold('paused');
    all.follow(['A']);
    all.queue.resume('step');
    assert.deepEqual(all.order, []);
    all.queue.resume('paused');
    await eventually('A', () => (all.order.length > 0 ? true : undefined));
  });

  /** Of the batches of a plan whose modules take so many ms of the clock each. */
  async function sizes(ms: number, atOnce = 1): Promise<number[]> {
    const all = new Preparing();
    all.ms = ms;
    all.atOnce = atOnce;
    all.follow(...Array.from({ length: 240 }, (_, index): [string, number] => [`M${index}`, index]));
    assert.equal(all.queue.status?.atOnce, null);
    await eventually('all', () => (all.order.length === 240 ? true : undefined));
    await eventually('an account of the last', () => (all.queue.status?.atOnce === atOnce ? true : undefined));
    return all.batches.map((batch) => batch.length);
  }

  it('makes its batches smaller the longer modules take', async () => {
    const [quick, slow] = [await sizes(0.5), await sizes(100)];
    assert(Math.max(...quick) > 8, quick.join(' '));
    assert.equal(slow.at(-1), 1);
  });

  it('makes its batches larger where several modules are prepared at once, however long each takes', async () => {
    const [one, four, slow] = [await sizes(0.1), await sizes(0.1, 4), await sizes(100, 4)];
    assert(Math.max(...four) > 2 * Math.max(...one), `${one.join(' ')} and ${four.join(' ')}`);
    assert.equal(slow.at(-1), 4);
  });

  it('tells what cannot be prepared, and tries it again only when it was loaded anew', async () => {
    const all = new Preparing();
    all.follow(['Bad']);
    await eventually('the failure', () => (all.failed.length > 0 ? true : undefined));
    all.follow(['Bad']);
    assert.equal(all.queue.status?.waiting, 0);
    all.queue.isLoadedAnew('Bad');
    all.follow(['Bad']);
    await eventually('another try', () => (all.order.length === 2 ? true : undefined));
  });

  it('releases, tells what is held, and prepares again what was released', async () => {
    const all = new Preparing();
    all.follow(['A'], ['Held.B']);
    await eventually('both', () => (all.order.length === 2 ? true : undefined));
    await all.done();
    all.follow(['A', 0, 'release'], ['Held.B', 0, 'release']);
    await eventually('the release', () => (all.held.length > 0 ? true : undefined));
    assert.deepEqual([all.released, all.held], [['A'], ['Held.B']]);
    all.follow(['A'], ['Held.B']);
    await eventually('A again', () => (all.order.length === 3 ? true : undefined));
    assert.equal(all.order[2], 'A');
  });

  it('stops preparing, but not releasing, when there is no room', async () => {
    const all = new Preparing();
    all.full = true;
    all.ms = 100;
    all.follow(['A', 0], ['B', 1], ['C', 2, 'release'], ['D', 3]);
    await eventually('the release', () => (all.released.length > 0 ? true : undefined));
    await all.done();
    assert.deepEqual(all.released, ['C']);
    assert(!all.order.includes('D'), 'what has no room waits for another plan');
    assert.equal(all.timesFull, 1, 'whoever plans hears of it');
  });

  it('forgets the rest of a plan that is cancelled, and all when the program is another one', async () => {
    const all = new Preparing();
    all.follow(['A']);
    await eventually('A', () => (all.order.length > 0 ? true : undefined));
    await all.done();
    all.queue.hold('test');
    all.follow(['B']);
    all.queue.cancel();
    all.queue.resume('test');
    assert.equal(all.queue.status, null);
    all.queue.reset();
    all.follow(['A']);
    await eventually('A again', () => (all.order.length === 2 ? true : undefined));
    assert.deepEqual(all.order, ['A', 'A']);
  });

  it('prepares exactly what the last of any plans wants and no module twice', async () => {
    const module = fc.constantFrom<string>('A', 'B', 'C', 'D', 'E', 'Bad.F');
    const plans = fc.array(fc.uniqueArray(module, { minLength: 1 }), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(plans, async (wanted) => {
        const all = new Preparing();
        for (const modules of wanted) all.follow(...modules.map((name, index): [string, number] => [name, index]));
        const last = wanted.at(-1) ?? [];
        await eventually('the last plan', () => (last.every((name) => all.order.includes(name)) ? true : undefined));
        assert.equal(new Set(all.order).size, all.order.length);
        assert(all.order.every((name) => wanted.flat().includes(name)));
        const [first = []] = wanted;
        const beyond = all.order.filter((name) => !first.includes(name) && !last.includes(name));
        assert.deepEqual(beyond, [], 'only the first plan, begun at once, and the last are worked at');
      }),
      { numRuns: 30 },
    );
  });
});

describe('the picture of a session', () => {
  const frame = (module: string, kind: 'interpreted' | 'native' = 'interpreted'): StackFrame => ({
    id: 1,
    name: `${module}.run/0`,
    module,
    line: 3,
    path: null,
    sourceReference: 0,
    kind,
    own: true,
  });
  const stop = (picture: SessionPicture, ...modules: string[]): string[] =>
    picture.stop(1, sessionFrames(modules.map((module) => frame(module)))).map(({ module }) => module);

  it('counts the hits of a breakpoint as long as it is wanted', () => {
    const picture = new SessionPicture();
    const states = [{ id: 7, verified: true, line: 5, modules: ['A'] }];
    picture.set('/a.ex', [{ id: 7, line: 4, condition: 'x' }], states);
    assert.deepEqual(picture.hit([7])[0]?.breakpoints, [
      { line: 5, verified: true, conditional: true, modules: ['A'], hits: 1 },
    ]);
    assert.deepEqual(picture.hit([99]), []);
    assert.equal(picture.set('/a.ex', [{ id: 7, line: 4 }], states).breakpoints[0]?.hits, 1);
    assert.deepEqual(picture.set('/a.ex', [], []), { file: '/a.ex', breakpoints: [] });
    assert.deepEqual(picture.breakpoints, []);
    assert.equal(picture.update({ id: 7, verified: false }), null);
  });

  it('tells a module as entered when it was not on the stack before, and not twice', () => {
    const picture = new SessionPicture();
    assert.deepEqual(stop(picture, 'B', 'A'), ['A', 'B']);
    assert.deepEqual(stop(picture, 'A'), [], 'a return enters nothing');
    assert.equal(picture.enter({ module: 'C', ready: false, ms: 2, bytes: 9 }).waitedMs, 2);
    assert.deepEqual(stop(picture, 'C', 'A'), [], 'the agent has told it');
    assert.deepEqual(stop(picture, 'A'), []);
    assert.deepEqual(stop(picture, 'C', 'A'), ['C'], 'entered once more');
  });

  it('knows who stands where, without native frames as entries', () => {
    const picture = new SessionPicture();
    assert.deepEqual(
      picture.stop(2, sessionFrames([frame('A'), frame('B', 'native')])).map(({ module }) => module),
      ['A'],
    );
    assert.deepEqual(
      picture.stopped.map(({ thread, frames }) => [thread, frames.map((one) => one.function)]),
      [[2, ['run/0', 'run/0']]],
    );
    picture.continue(2);
    assert.deepEqual(picture.stopped, []);
  });
});

describe('stops that are reported', () => {
  const stop = (thread: number) => ({
    thread,
    reason: 'step' as 'step' | 'pause' | 'breakpoint',
    description: '',
    hitBreakpointIds: [],
  });

  it('come in their order and before their end, one stack at a time', async () => {
    const told: string[] = [];
    const waiting: (() => void)[] = [];
    const reporter = new StopReporter({
      frames: () => new Promise((resolve) => waiting.push(() => resolve([]))),
      report: ({ thread }) => told.push(`stop ${thread}`),
      over: (thread) => told.push(`over ${thread}`),
    });
    for (const thread of [1, 2, 3]) reporter.stopped(stop(thread));
    reporter.continued(2);
    reporter.continued(3);
    assert.equal(waiting.length, 1);
    waiting[0]?.();
    await eventually('all', () => (told.length === 5 ? true : undefined));
    assert.deepEqual(told, ['stop 1', 'stop 2', 'over 2', 'stop 3', 'over 3']);
    reporter.continued(1);
    assert.equal(told.at(-1), 'over 1');
    assert.equal(waiting.length, 1, 'one that runs again needs no stack');
  });

  it('that follow each other at once are counted, and only the last one is looked at', async () => {
    const told: string[] = [];
    const looks: number[] = [];
    const reporter = new StopReporter({
      frames: (thread) => {
        looks.push(thread);
        return Promise.resolve([]);
      },
      report: ({ thread, reason }, _frames, times) => told.push(`${times} × ${reason} ${thread}`),
      over: (thread) => told.push(`over ${thread}`),
    });
    for (let count = 0; count < 50; count++) {
      reporter.stopped(stop(1));
      if (count === 20) reporter.stopped({ ...stop(2), reason: 'pause' });
      reporter.continued(1);
    }
    reporter.stopped({ ...stop(1), reason: 'breakpoint' });
    await eventually('the last', () => (told.at(-1) === '1 × breakpoint 1' ? true : undefined));
    assert.deepEqual(told, ['50 × step 1', 'over 1', '1 × pause 2', '1 × breakpoint 1']);
    assert.deepEqual(looks, [1, 2, 1]);
  });

  it('of a process that has ended have no stack, and are over', async () => {
    const told: string[] = [];
    const reporter = new StopReporter({
      frames: () => Promise.resolve([]),
      report: ({ thread }) => told.push(`stop ${thread}`),
      over: (thread) => told.push(`over ${thread}`),
    });
    reporter.stopped(stop(1));
    reporter.stopped(stop(2));
    reporter.exited(2);
    await eventually('both', () => (told.length === 3 ? true : undefined));
    assert.deepEqual(told, ['stop 1', 'stop 2', 'over 2']);
  });

  it('of a program that is gone are not reported', async () => {
    const told: number[] = [];
    const reporter = new StopReporter({
      frames: () => Promise.reject(new Error('gone')),
      report: ({ thread }) => told.push(thread),
      over: () => undefined,
    });
    reporter.stopped(stop(1));
    reporter.clear();
    reporter.stopped(stop(2));
    await eventually('the second', () => (told.length > 0 ? true : undefined));
    assert.deepEqual(told, [2]);
  });
});

describe('the way to the server', () => {
  it('is taken out of the environment, whole or not', () => {
    const env: NodeJS.ProcessEnv = {
      ECD_COORDINATION_PIPE: 'p',
      ECD_COORDINATION_TOKEN: 't',
      ECD_COORDINATION_SESSION: 's',
      PATH: 'x',
    };
    assert.deepEqual(takeServerPair(env), { pipe: 'p', token: 't', session: 's' });
    assert.deepEqual(env, { PATH: 'x' });
    assert.equal(takeServerPair(env), null);
    const half: NodeJS.ProcessEnv = { ECD_COORDINATION_TOKEN: 't' };
    assert.equal(takeServerPair(half), null);
    assert.deepEqual(half, {});
  });
});

describe('the stopwatch', () => {
  it('counts what is nested once, and what throws, too', () => {
    const watch = new Stopwatch();
    const busy = (ms: number): void => {
      const end = performance.now() + ms;
      while (performance.now() < end);
    };
    const began = performance.now();
    watch.measure(() => watch.measure(() => busy(5)));
    assert.throws(() =>
      watch.measure(() => {
        busy(5);
        throw new Error('x');
      }),
    );
    assert(watch.spentMs >= 10 && watch.spentMs <= performance.now() - began);
  });
});
