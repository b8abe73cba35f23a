// How often the adapter asks the coordination server, and what it tells in one message.
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { SessionEvent, SessionFrame } from '../../protocol/coordination';
import { Decisions } from '../../adapter/coordination/decisions';
import { merged } from '../../adapter/coordination/gathered';
import type { FallbackReason } from '../../adapter/coordination/pipe';
import { eventually } from '../support/deadline';

/** A session whose picture the test paints. */
class Painted {
  basis = 'first';
  connected = true;
  /** ms that an answer takes. */
  answering = 0;
  fallback: FallbackReason | null = null;
  readonly asked: { basis: string; at: number }[] = [];
  readonly decisions = new Decisions({
    basis: () => this.basis,
    connected: () => this.connected,
    ask: async () => {
      this.asked.push({ basis: this.basis, at: performance.now() });
      await delay(this.answering);
      return { fallback: this.fallback };
    },
  });

  async answered(count: number): Promise<void> {
    await eventually(`question ${count}`, () => (this.asked.length >= count ? true : undefined));
    await delay(this.answering + 1);
  }
}

describe('decisions about what to prepare', () => {
  it('are taken at once when something changed, and not again while nothing does', async () => {
    const session = new Painted();
    session.decisions.due();
    assert.equal(session.asked.length, 1, 'the first one waits for nothing');
    await session.answered(1);
    session.decisions.due();
    session.basis = 'second';
    session.decisions.due();
    await session.answered(2);
    assert.deepEqual(
      session.asked.map(({ basis }) => basis),
      ['first', 'second'],
    );
    assert.deepEqual(session.decisions.figures.decisions, 2);
  });

  it('rest on the newest of many changes, and leave planning a small share of the time', async () => {
    const session = new Painted();
    const began = performance.now();
    for (let change = 0; performance.now() - began < 600; change++) {
      session.basis = `change ${change}`;
      session.decisions.due();
      await delay(1);
    }
    assert(session.asked.length <= 7, `${session.asked.length} questions`);
    const last = session.basis;
    await eventually('the last change', () => (session.asked.at(-1)?.basis === last ? true : undefined));
  });

  it('are rarer the longer an answer takes', async () => {
    const session = new Painted();
    session.answering = 15;
    session.decisions.due();
    await session.answered(1);
    session.basis = 'second';
    session.decisions.due();
    await session.answered(2);
    const [first, second] = session.asked;
    assert((second?.at ?? 0) - (first?.at ?? 0) >= 15 * 20, 'twenty times as long at least');
  });

  it('are taken again where no plan came, or nobody keeps it up to date, and counted', async () => {
    const session = new Painted();
    session.fallback = 'late';
    session.decisions.due();
    await session.answered(1);
    session.decisions.due();
    await session.answered(2);
    session.fallback = null;
    session.decisions.due();
    await session.answered(3);
    session.connected = false;
    session.decisions.due();
    await session.answered(4);
    const { decisions, fallbacks, fallbackRate } = session.decisions.figures;
    assert.deepEqual([decisions, fallbacks.late, fallbackRate], [4, 2, 0.5]);
  });
});

describe('events that are told together', () => {
  const frame = (module: string): SessionFrame => ({ module, file: null, line: 1, own: true, kind: 'interpreted' });
  const stopped = (at: number, thread: number): SessionEvent => ({
    kind: 'stopped',
    at,
    thread,
    reason: 'step',
    frames: [frame('Top'), frame('Below')],
  });
  const depths = (events: readonly SessionEvent[]): number[] =>
    merged(events).flatMap((event) => (event.kind === 'stopped' ? event.frames.length : []));

  it('hold the whole stack of a stop that lasts, the top of one that is over', () => {
    assert.deepEqual(depths([stopped(1, 1), { kind: 'continued', at: 2, thread: 1 }, stopped(3, 1)]), [1, 2]);
    assert.deepEqual(depths([stopped(1, 1), stopped(2, 2)]), [2, 2], 'processes that stand at the same time');
    assert.deepEqual(depths([{ kind: 'continued', at: 1, thread: 1 }, stopped(2, 1)]), [2]);
  });

  it('hold loaded modules in their order, and of a file’s breakpoints only how they are in the end', () => {
    const set = (at: number, file: string, hits: number): SessionEvent => ({
      kind: 'breakpointsSet',
      at,
      file: { file, breakpoints: [{ line: 1, verified: true, conditional: false, modules: ['A'], hits }] },
    });
    const told = merged([
      set(1, '/a.ex', 1),
      { kind: 'modulesLoaded', at: 2, modules: ['A'] },
      { kind: 'modulesLoaded', at: 3, modules: ['B', 'C'] },
      set(4, '/b.ex', 1),
      set(5, '/a.ex', 2),
    ]);
    assert.deepEqual(told, [
      { kind: 'modulesLoaded', at: 2, modules: ['A', 'B', 'C'] },
      set(4, '/b.ex', 1),
      set(5, '/a.ex', 2),
    ]);
  });

  it('hold every time that was measured, in one list a kind', () => {
    const latency = (at: number, of: 'step' | 'plan', ms: number): SessionEvent => ({ kind: 'latency', at, of, ms });
    const told = merged([latency(1, 'step', 1), latency(2, 'plan', 9), latency(3, 'step', 2), latency(4, 'step', 3)]);
    const times = told.map((event) => (event.kind === 'latency' ? [event.of, [event.ms, ...(event.more ?? [])]] : []));
    assert.deepEqual(
      new Map(times.map(([of, all]) => [of, [...(all as number[])].sort()])),
      new Map<unknown, number[]>([
        ['plan', [9]],
        ['step', [1, 2, 3]],
      ]),
    );
  });

  it('count what is entered again and again, and keep the order of places', () => {
    const entered = (at: number, module: string, ready = true): SessionEvent => ({
      kind: 'entered',
      at,
      module,
      ready,
      waitedMs: ready ? 0 : 1,
    });
    const told = merged([
      entered(1, 'A', false),
      entered(2, 'A'),
      entered(3, 'A'),
      entered(4, 'B'),
      entered(5, 'A'),
      stopped(6, 1),
      entered(7, 'A'),
    ]);
    const shown = told.map((event) => (event.kind === 'entered' ? `${event.module} ${event.times ?? 1}` : event.kind));
    assert.deepEqual(shown, ['A 1', 'A 2', 'B 1', 'A 1', 'stopped', 'A 1']);
  });
});
