// Sizes and durations with units, as settings and launch.json have them.
import assert from 'node:assert/strict';
import { parseDuration, parseSize } from '../../protocol/units';

describe('units', () => {
  it('read sizes in bytes', () => {
    assert.equal(parseSize('100MB'), 104_857_600);
    assert.equal(parseSize(' 1.5 kb '), 1536);
    assert.equal(parseSize('7B'), 7);
  });

  it('read durations in milliseconds', () => {
    assert.equal(parseDuration('2000ms'), 2000);
    assert.equal(parseDuration('2s'), 2000);
    assert.equal(parseDuration('1 min'), 60_000);
  });

  it('refuse what has no unit, another unit, or a sign', () => {
    for (const text of ['', '100', '-1MB', '1 parsec', 'MB', '1MBs', '10ms', 'constructor']) {
      assert.equal(parseSize(text), undefined, text);
    }
    assert.equal(parseDuration('5MB'), undefined);
  });

  it('refuse a duration that no timer can wait for, and a size that no number holds', () => {
    assert.equal(parseDuration('35791min'), 35_791 * 60_000);
    assert.equal(parseDuration('35792min'), undefined);
    assert.equal(parseSize('8388607GB'), 8_388_607 * 1024 ** 3);
    assert.equal(parseSize('8388608GB'), undefined);
    assert.equal(parseSize(`${'9'.repeat(400)}MB`), undefined);
  });
});
