// Small parts of the adapter: breakpoint ids, cancellation, places, failures, measurements, the log.
import assert from 'node:assert/strict';
import { Breakpoints } from '../../adapter/breakpoints';
import { Cancellation, orAborted } from '../../adapter/cancellation';
import { toDapError } from '../../adapter/errors';
import { redact } from '../../adapter/log';
import { Conventions } from '../../adapter/sources';
import { Durations } from '../../adapter/timings';
import { Failure } from '../../protocol/failure';

describe('breakpoints', () => {
  it('keep their ids as long as they are wanted', () => {
    const breakpoints = new Breakpoints(new Conventions());
    const first = breakpoints.setLines('/a.ex', [{ line: 1 }, { line: 5 }]);
    const second = breakpoints.setLines('/a.ex', [{ line: 5, condition: 'x' }, { line: 9 }]);
    assert.equal(second[0]?.id, first[1]?.id);
    assert.ok(![...first].some(({ id }) => id === second[1]?.id));
    const again = breakpoints.setLines('/a.ex', [{ line: 1 }]);
    assert.ok(![...first, ...second].some(({ id }) => id === again[0]?.id), 'a removed id is not used again');
  });

  it('of two on one line get two ids', () => {
    const breakpoints = new Breakpoints(new Conventions());
    const ids = breakpoints.setLines('/a.ex', [{ line: 1 }, { line: 1 }]).map(({ id }) => id);
    assert.equal(new Set(ids).size, 2);
  });

  it('leave out empty conditions', () => {
    const breakpoints = new Breakpoints(new Conventions());
    const [only] = breakpoints.setLines('/a.ex', [{ line: 1, condition: '', logMessage: undefined }]);
    assert.deepEqual(Object.keys(only ?? {}), ['id', 'line']);
  });

  it('of a client that counts from 0 are answered that way', () => {
    const conventions = new Conventions();
    conventions.linesStartAt1 = false;
    const breakpoints = new Breakpoints(conventions);
    const [only] = breakpoints.setLines('/a.ex', [{ line: conventions.fromLine(4) }]);
    assert.equal(only?.line, 5);
    const dap = breakpoints.toDap({ id: only.id, verified: true, line: 6 });
    assert.deepEqual(dap, { id: only.id, verified: true, line: 5, source: { name: 'a.ex', path: '/a.ex' } });
  });

  it('refuse an unknown exception filter by name', () => {
    assert.throws(() => new Breakpoints(new Conventions()).setExceptions([{ filter: 'all' }]), /"all".*"raised"/);
  });
});

describe('places', () => {
  it('travel as URIs for a client that wants them', () => {
    const conventions = new Conventions();
    conventions.uris = true;
    assert.equal(conventions.toPath('/a b.ex'), 'file:///a%20b.ex');
    assert.equal(conventions.fromPath('file:///a%20b.ex'), '/a b.ex');
    assert.throws(() => conventions.fromPath('file://host/a.ex'), Failure);
  });
});

describe('cancellation', () => {
  it('by a resume ends reads only', () => {
    const cancellation = new Cancellation();
    const [read, change, evaluation] = (['read', 'change', 'evaluation'] as const).map((kind, seq) =>
      cancellation.begin(seq, kind),
    );
    cancellation.cancelReads();
    assert.deepEqual([read?.aborted, change?.aborted, evaluation?.aborted], [true, false, false]);
  });

  it('finds a request by its number or its progress, and ignores what is over', () => {
    const cancellation = new Cancellation();
    const [one, two, three] = [1, 2, 3].map((seq) => cancellation.begin(seq, 'evaluation'));
    cancellation.bindProgress(2, 'p');
    cancellation.end(3);
    cancellation.cancel(1, 'p');
    cancellation.cancel(3, undefined);
    assert.deepEqual([one?.aborted, two?.aborted, three?.aborted], [true, true, false]);
  });

  it('rejects the waiter at once, even if the work never ends', async () => {
    const controller = new AbortController();
    const waiting = orAborted(new Promise(() => undefined), controller.signal);
    controller.abort(Failure.expected('cancelled', 'Cancelled.'));
    await assert.rejects(waiting, (thrown: Failure) => thrown.code === 'cancelled');
  });
});

describe('failures in DAP', () => {
  it('are shown only when the user can mend them, and not twice', () => {
    assert.equal(toDapError(Failure.user('x', 'No.', 'Do that.')).body.error.showUser, true);
    assert.equal(toDapError(Failure.user('x', 'No.', 'Do that.'), true).body.error.showUser, false);
    assert.equal(toDapError(Failure.user('x', 'No.', 'Do that.')).message, 'No. Do that.');
    assert.equal(toDapError(Failure.expected('x', 'No.')).body.error.showUser, false);
    assert.equal(toDapError(Failure.expected('cancelled', 'Cancelled.')).message, 'cancelled');
    assert.match(toDapError(Failure.from(new Error('boom'))).body.error.format, /^Internal error: boom/);
  });
});

describe('measurements', () => {
  it('are null before there are any', () => {
    assert.deepEqual(new Durations().summary(), { count: 0, totalMs: 0, p50Ms: null, p95Ms: null, maxMs: null });
  });

  it('summarise the latest samples and count all', () => {
    const durations = new Durations();
    for (let ms = 1; ms <= 1100; ms++) durations.add(ms);
    const { count, p50Ms, p95Ms, maxMs } = durations.summary();
    assert.deepEqual({ count, p50Ms, p95Ms, maxMs }, { count: 1100, p50Ms: 600, p95Ms: 1050, maxMs: 1100 });
  });
});

describe('log', () => {
  it('never holds a secret', () => {
    const line = JSON.stringify(
      { cookie: 'c1', ECD_TOKEN: 't1', env: { HOME: 'h1' }, nested: { api_key: 'k1' }, name: 'kept', big: 2n ** 70n },
      redact,
    );
    assert.doesNotMatch(line, /c1|t1|h1|k1/);
    assert.match(line, /kept.*1180591620717411303424/);
  });
});
