// A test that runs more than once in a run has failed when one of its runs has.
import assert from 'node:assert/strict';
import { Repeats } from '../../src/testing/repeats';

describe('a test that runs several times', () => {
  it('keeps what each of its failures says, and stays failed', () => {
    const repeats = new Repeats<string, string>();
    assert.equal(repeats.hasFailed('sum'), false);
    assert.deepEqual(repeats.failed('sum', ['with 1']), ['with 1']);
    assert.deepEqual(repeats.failed('sum', ['with 2']), ['with 1', 'with 2']);
    assert.equal(repeats.hasFailed('sum'), true);
    assert.equal(repeats.hasFailed('product'), false);
  });
});
