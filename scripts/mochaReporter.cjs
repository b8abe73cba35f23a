// Mocha reporter: one line a test as it ends, details of failures at the end, and as the last line `N passed, N failed`.
// CommonJS, because mocha's parallel mode loads reporters in the main process by require.
const process = require('node:process');
const { reporters } = require('mocha');

class Reporter extends reporters.Base {
  constructor(runner, options) {
    super(runner, options);
    const line = (sign, test, more = '') => process.stdout.write(`${sign} ${test.fullTitle()}${more}\n`);
    const time = (test) => (test.duration > 1_000 ? ` (${(test.duration / 1_000).toFixed(1)} s)` : '');
    runner.on('pass', (test) => line('✓', test, time(test)));
    runner.on('pending', (test) => line('-', test));
    runner.on('fail', (test) => line('✗', test, time(test)));
    runner.once('end', () => {
      reporters.Base.list(this.failures);
      process.stdout.write(`${this.stats.passes} passed, ${this.stats.failures} failed\n`);
    });
  }
}

module.exports = Reporter;
