// Mocha reporter: one line a test as it ends, details of failures at the end, `in FILE: N passed, N failed` for each file
// with a failure, and as the last line `N passed, N failed`.
// CommonJS, because mocha's parallel mode loads reporters in the main process by require.
const path = require('node:path');
const process = require('node:process');
const { reporters } = require('mocha');

class Reporter extends reporters.Base {
  constructor(runner, options) {
    super(runner, options);
    const line = (sign, test, more = '') => process.stdout.write(`${sign} ${test.fullTitle()}${more}\n`);
    const time = (test) => (test.duration > 1_000 ? ` (${(test.duration / 1_000).toFixed(1)} s)` : '');
    const files = new Map();
    const count = (test, state) => {
      const counts = files.get(test.file) ?? { passed: 0, failed: 0 };
      counts[state]++;
      files.set(test.file, counts);
    };
    runner.on('pass', (test) => (line('✓', test, time(test)), count(test, 'passed')));
    runner.on('pending', (test) => line('-', test));
    runner.on('fail', (test) => (line('✗', test, time(test)), count(test, 'failed')));
    runner.once('end', () => {
      reporters.Base.list(this.failures);
      for (const [file, { passed, failed }] of files) {
        if (failed === 0 || file === undefined) continue;
        process.stdout.write(`in ${path.relative(process.cwd(), file)}: ${passed} passed, ${failed} failed\n`);
      }
      process.stdout.write(`${this.stats.passes} passed, ${this.stats.failures} failed\n`);
    });
  }
}

module.exports = Reporter;
