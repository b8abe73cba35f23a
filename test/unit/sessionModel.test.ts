// What the server knows of a session, event by event: the fold itself, without a process or a clock.
import assert from 'node:assert/strict';
import type { SessionEvent, SessionFrame } from '../../protocol/coordination';
import {
  begin,
  breakpointModules,
  frameModules,
  interpretedModules,
  preparedBytes,
  reduce,
  situationOf,
  unreleasable,
  type SessionModel,
} from '../../server/sessions/model';
import { sessionState } from '../support/pipeClient';

const frame = (module: string, kind: SessionFrame['kind'] = 'interpreted'): SessionFrame => ({
  module,
  file: null,
  line: 1,
  own: true,
  kind,
});
const stop = (at: number, thread: number, ...frames: SessionFrame[]): SessionEvent => ({
  kind: 'stopped',
  at,
  thread,
  reason: 'breakpoint',
  frames,
});
const breakpoints = (at: number, file: string, ...modules: string[]): SessionEvent => ({
  kind: 'breakpointsSet',
  at,
  file: {
    file,
    breakpoints: modules.map((module) => ({ line: 1, verified: true, conditional: false, modules: [module], hits: 0 })),
  },
});
const interpreted = (at: number, module: string, trigger: 'demand' | 'plan' = 'plan'): SessionEvent => ({
  kind: 'interpreted',
  at,
  module,
  bytes: 10,
  ms: 1,
  cached: false,
  cause: 'because',
  trigger,
});
const entered = (at: number, module: string): SessionEvent => ({
  kind: 'entered',
  at,
  module,
  ready: true,
  waitedMs: 0,
});
const told = (events: SessionEvent[], from: SessionModel = begin(sessionState('one'))): SessionModel =>
  events.reduce(reduce, from);

describe('the model of a session', () => {
  it('is changed by no event in place', () => {
    const before = told([interpreted(1, 'A'), entered(2, 'A'), stop(3, 1, frame('A'))]);
    const copy = structuredClone(before);
    told([interpreted(4, 'B'), entered(5, 'B'), { kind: 'released', at: 6, modules: ['A'] }, stop(7, 1)], before);
    assert.deepEqual(before, copy);
  });

  it('has breakpoints, those of the file touched last first', () => {
    const model = told([breakpoints(1, '/a.ex', 'A'), breakpoints(2, '/b.ex', 'B', 'A')]);
    assert.deepEqual(breakpointModules(model), ['B', 'A']);
    assert.deepEqual(breakpointModules(told([breakpoints(3, '/b.ex')], model)), ['A']);
  });

  it('has the frames of all stopped processes, the newest stop first, until each goes on', () => {
    const model = told([stop(1, 1, frame('A'), frame('B')), stop(2, 2, frame('C'), frame('A'))]);
    assert.deepEqual(frameModules(model), ['C', 'A', 'B']);
    assert.deepEqual(frameModules(told([{ kind: 'continued', at: 3, thread: 2 }], model)), ['A', 'B']);
  });

  it('knows where execution went, without immediate repetition', () => {
    const model = told([entered(1, 'A'), stop(2, 1, frame('A')), entered(3, 'B'), entered(4, 'A')]);
    assert.deepEqual(model.path, ['A', 'B', 'A']);
    assert.deepEqual(model.used.get('A'), { uses: 3, lastUsedAt: 4 });
  });

  it('interprets what a verified breakpoint or an interpreted frame is in, not what runs natively', () => {
    const pending = breakpoints(1, '/p.ex', 'Pending');
    if (pending.kind === 'breakpointsSet') for (const each of pending.file.breakpoints) each.verified = false;
    const model = told([pending, breakpoints(2, '/a.ex', 'A'), stop(3, 1, frame('B'), frame('C', 'native'))]);
    assert.deepEqual(interpretedModules(model), new Set(['A', 'B']));
    assert.deepEqual(unreleasable(model, 3), new Set(['A', 'B', 'C']));
  });

  it('does not release for a while what was held, and then asks again', () => {
    const model = told([interpreted(1, 'A'), { kind: 'held', at: 2, module: 'A', by: 'a closure' }]);
    assert.ok(unreleasable(model, 3).has('A'));
    assert.ok(!unreleasable(model, 60_000).has('A'));
  });

  it('gives the credit for a module to whoever had it prepared first', () => {
    const model = told([interpreted(1, 'A', 'plan'), interpreted(2, 'A', 'demand')]);
    assert.equal(model.prepared.get('A')?.trigger, 'plan');
    assert.equal(preparedBytes(model), 10);
    assert.equal(preparedBytes(told([{ kind: 'released', at: 3, modules: ['A'] }], model)), 0);
  });

  it('keeps what only the server knows when the adapter tells everything anew', () => {
    const before = told([interpreted(1, 'A', 'plan'), entered(2, 'A')]);
    const prepared = {
      module: 'A',
      state: 'prepared' as const,
      functions: [],
      reason: 'a plan',
      bytes: 20,
      prepareMs: 2,
    };
    const again = begin(sessionState('one', { prepared: [prepared] }), before);
    assert.deepEqual(again.path, ['A']);
    assert.equal(again.prepared.get('A')?.trigger, 'plan');
    assert.equal(preparedBytes(again), 20);
  });

  it('gives strategies what they predict from', () => {
    const model = told([breakpoints(1, '/a.ex', 'A'), entered(2, 'B'), stop(3, 1, frame('C'))]);
    assert.deepEqual(situationOf(model, { focused: ['F'], edited: ['E'] }), {
      session: 'one',
      breakpoints: ['A'],
      frames: ['C'],
      path: ['B', 'C'],
      focused: ['F'],
      edited: ['E'],
      scope: 'conservative',
    });
  });

  it('plans for what steps may lead to: not for what runs natively and is not the project’s', () => {
    const on = (kind: SessionFrame['kind'], own: boolean, module: string): SessionFrame => ({
      ...frame(module),
      kind,
      own,
    });
    const frames = [on('interpreted', false, 'Enum'), on('native', true, 'Shop'), on('native', false, ':gen_server')];
    const framesOf = (model: SessionModel): readonly string[] => situationOf(model, { focused: [], edited: [] }).frames;
    assert.deepEqual(framesOf(told([stop(1, 1, ...frames)])), ['Enum', 'Shop']);
    const everywhere = begin(sessionState('one', { justMyCode: false }));
    assert.deepEqual(framesOf(told([stop(1, 1, ...frames)], everywhere)), ['Enum', 'Shop', ':gen_server']);
  });

  it('says how the session ended, with nothing stopped any more', () => {
    const model = told([stop(1, 1, frame('A')), { kind: 'sessionEnded', at: 2, exitCode: 3 }]);
    assert.deepEqual(model.ended, { at: 2, exitCode: 3 });
    assert.deepEqual(frameModules(model), []);
  });
});
