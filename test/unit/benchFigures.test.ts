// The arithmetic and the table of the benchmarks: what is printed is what was measured.
import assert from 'node:assert/strict';
import { digits, holds, toTable, type Figure } from '../../bench/report';
import { inTurn, median, orderOf, percentile, ratioOfPairs } from '../../bench/statistics';

const figure = (more: Partial<Figure>): Figure => ({
  bench: 'start',
  what: 'launch → first stop',
  value: 400,
  unit: 'ms',
  samples: 5,
  ...more,
});

describe('figures of the benchmarks', () => {
  it('interpolate a percentile between its neighbours, whatever the order of the sample', () => {
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 3, 2]), 2.5);
    assert.equal(percentile([10, 20, 30, 40, 50], 0.95), 48);
    assert.throws(() => median([]), RangeError);
  });

  it('take the ratio within each round, so that a slow round does not distort it', () => {
    assert.equal(ratioOfPairs([10, 100, 12], [5, 50, 6]), 2);
    assert.throws(() => ratioOfPairs([1, 2], [1]), RangeError);
  });

  it('are taken in turn, every other round in reversed order', async () => {
    const order: string[] = [];
    const measure = (name: string) => (round: number) => {
      order.push(`${name}${round}`);
      return Promise.resolve(round);
    };
    const samples = await inTurn(2, { plain: measure('p'), debugged: measure('d') });
    assert.deepEqual(order, ['p0', 'd0', 'd1', 'p1']);
    assert.deepEqual(samples, { plain: [0, 1], debugged: [0, 1] });
    assert.deepEqual(orderOf(1, [1, 2, 3]), [3, 2, 1]);
  });

  it('hold their target by value or by ratio, and have no verdict without one', () => {
    assert.equal(holds(figure({})), undefined);
    assert.equal(holds(figure({ target: { of: 'value', atMost: 400 } })), true);
    assert.equal(holds(figure({ target: { of: 'value', atMost: 399.9 } })), false);
    assert.equal(holds(figure({ ratio: 1.31, target: { of: 'ratio', atMost: 1.3 } })), false);
    assert.throws(() => holds(figure({ target: { of: 'ratio', atMost: 1.3 } })), /ratio that was not taken/);
  });

  it('are printed with three digits and never rounded to nothing', () => {
    assert.deepEqual([0, 0.0123, 1.2345, 12.345, 123.45, 1234567].map(digits), [
      '0',
      '0.0123',
      '1.23',
      '12.3',
      '123',
      '1 234 567',
    ]);
  });

  it('stand in one table with what they are compared to, and a miss is named', () => {
    const rows = toTable([
      figure({
        against: { what: 'plain', value: 300 },
        ratio: 400 / 300,
        target: { of: 'ratio', atMost: 1.3 },
      }),
    ]).split('\n');
    assert.deepEqual(
      rows[2]?.split('|').map((cell) => cell.trim()),
      ['', 'launch → first stop', '400 ms', 'plain', '300 ms', '1.33 ×', '≤ 1.3 ×', 'MISS', ''],
    );
    assert.equal(new Set(rows.map((row) => row.length)).size, 1, 'all rows are equally wide');
  });
});
