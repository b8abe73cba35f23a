// What may be written into the log that users attach to bug reports.
import assert from 'node:assert/strict';
import { redacted } from '../../../src/log';

describe('the log', () => {
  it('holds no cookies, tokens or values of environment variables', () => {
    const message = {
      command: 'attach',
      arguments: {
        cookie: 'monster',
        env: { API_KEY: 'k1', PATH: '/bin' },
        nested: [{ accessToken: 't1', password: 'p1' }],
      },
    };
    const text = redacted(message);
    for (const secret of ['monster', 'k1', '/bin', 't1', 'p1']) assert.ok(!text.includes(secret), secret);
    assert.match(text, /"command":"attach"/);
    assert.match(text, /API_KEY/);
  });
});
