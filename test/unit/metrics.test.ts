// The figures of the coordination: latencies, bounded lists, alerts.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { alertsOf, type Figures, type SessionFigures } from '../../server/metrics/alerts';
import { Latencies } from '../../server/metrics/latencies';
import { Ring } from '../../server/metrics/ring';
import { toldOf } from '../../server/metrics/timeline';

describe('latencies', () => {
  it('are null as long as nothing was measured', () => {
    const { p50, p95, p99, max, count } = new Latencies().summary();
    assert.deepEqual({ p50, p95, p99, max, count }, { p50: null, p95: null, p99: null, max: null, count: 0 });
  });

  it('have percentiles within one per cent and a count in every bucket', () => {
    const latencies = new Latencies();
    for (let ms = 1; ms <= 1_000; ms++) latencies.record(ms);
    const { p50, p95, p99, max, bounds, counts, count } = latencies.summary();
    for (const [actual, wanted] of [
      [p50, 500],
      [p95, 950],
      [p99, 990],
    ] as const) {
      assert.ok(actual !== null && Math.abs(actual - wanted) <= wanted / 100, `${actual} instead of ${wanted}`);
    }
    assert.equal(max, 1_000);
    assert.equal(count, 1_000);
    assert.equal(counts.length, bounds.length + 1);
    assert.equal(counts[bounds.indexOf(10)], 5);
  });

  it('count each measurement once, however short or long', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1e9, noNaN: true })), (times) => {
        const latencies = new Latencies();
        for (const ms of times) latencies.record(ms);
        const { counts, count, max, p99 } = latencies.summary();
        assert.equal(count, times.length);
        assert.equal(
          counts.reduce((sum, each) => sum + each, 0),
          times.length,
        );
        if (times.length > 0) assert.ok(p99 !== null && max === Math.max(...times) && p99 <= max);
      }),
    );
  });
});

describe('a ring', () => {
  it('keeps the newest items, and knows those that came since', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.nat(100), fc.nat(100), (most, total, seen) => {
        const ring = new Ring<number>(most);
        const items = Array.from({ length: total }, (_, index) => index);
        for (const item of items) ring.push(item);
        assert.deepEqual(ring.all(), items.slice(-most));
        assert.deepEqual(ring.since(seen), items.slice(seen).slice(-most));
      }),
    );
  });
});

describe('alerts', () => {
  const quiet: SessionFigures = {
    id: 'one',
    name: 'mix run',
    strategy: 'predictive',
    preparedBytes: 10,
    memoryThreshold: 1_000,
    heldBytes: 0,
    decisions: 100,
    fallbacks: 0,
    firstBeamBytes: 1e8,
    beamBytes: 1.1e8,
    failed: 0,
  };
  const refused = { wrongToken: 0, wrongVersion: 0, oversized: 0, malformed: 0, notGreeted: 0 };
  const figures = (session: Partial<SessionFigures> = {}, more: Partial<Figures> = {}): Figures => ({
    sessions: [{ ...quiet, ...session }],
    prediction: [],
    refused,
    corrupt: 0,
    ...more,
  });
  const ids = (given: Figures): string[] => alertsOf(given).map(({ id }) => id);
  const score = { outcomes: 50, hit1: 0, hit5: 0.1, hit10: 0.1, coverage: 0, wastedBytes: 0, weight: null };

  it('are none while all is well', () => {
    assert.deepEqual(ids(figures()), []);
  });

  for (const [what, given, wanted] of [
    ['the memory threshold is reached', figures({ preparedBytes: 1_000 }), ['memory:one']],
    ['many decisions are taken without the server', figures({ fallbacks: 10 }), ['fallback:one']],
    ['the debugged program grows', figures({ beamBytes: 9e8 }), ['growth:one']],
    ['a module cannot be prepared', figures({ failed: 1 }), ['failed:one']],
    ['messages are refused', figures({}, { refused: { ...refused, wrongToken: 2 } }), ['refused']],
    ['cached modules are damaged', figures({}, { corrupt: 1 }), ['corrupt']],
    [
      'the strategy in use predicts poorly',
      figures({}, { prediction: [{ strategy: 'predictive', ...score }] }),
      ['prediction:one'],
    ],
  ] as const) {
    it(`come up when ${what}`, () => {
      assert.deepEqual(ids(given), wanted);
      for (const { text } of alertsOf(given)) assert.match(text, /^\S.*\.$/);
    });
  }

  it('do not judge by a handful of figures, or a strategy that is not in use', () => {
    assert.deepEqual(ids(figures({ decisions: 4, fallbacks: 2 })), []);
    assert.deepEqual(ids(figures({}, { prediction: [{ strategy: 'learning', ...score }] })), []);
    assert.deepEqual(ids(figures({}, { prediction: [{ strategy: 'predictive', ...score, outcomes: 3 }] })), []);
  });

  it('are a warning, with another hint, where nothing can be released', () => {
    const [held] = alertsOf(figures({ preparedBytes: 2_000, heldBytes: 2_000 }));
    const [full] = alertsOf(figures({ preparedBytes: 2_000, heldBytes: 0 }));
    assert.equal(held?.severity, 'warning');
    assert.equal(full?.severity, 'info');
    assert.notEqual(held.hint, full.hint);
  });
});

describe('the timeline', () => {
  it('names a file of any system by its last part', () => {
    for (const file of ['/home/me/shop/till.ex', 'C:\\shop\\till.ex']) {
      const told = toldOf('one', { kind: 'breakpointsSet', at: 1, file: { file, breakpoints: [] } });
      assert.equal(told?.text, '0 breakpoints in till.ex');
    }
  });

  it('says that a module cannot be prepared, but not of one that is yet to be compiled', () => {
    const told = (error: string) => toldOf('one', { kind: 'failed', at: 1, module: 'Shop.Till', error })?.text;
    assert.equal(
      told('it was compiled without debug information'),
      'Shop.Till cannot be prepared: it was compiled without debug information',
    );
    assert.equal(told('there is no such module'), undefined);
    assert.equal(told('Shop.Till cannot be interpreted: its beam file was not found'), undefined);
  });

  it('has no line for what happens all the time', () => {
    assert.equal(toldOf('one', { kind: 'latency', at: 1, of: 'step', ms: 1 }), null);
  });
});
