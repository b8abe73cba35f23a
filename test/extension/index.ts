// Entry that VS Code loads into its extension host: runs test files with mocha. VS Code calls `run`.
import { appendFileSync } from 'node:fs';
import { format } from 'node:util';

export async function run(): Promise<void> {
  // Mocha 12 is an ES module, the extension host loads CommonJS.
  const { default: Mocha } = await import('mocha');
  // What an extension host prints does not reach the one who started the browser; a file does.
  const report = process.env['ECD_TEST_REPORT'] ?? '';
  const print = (...args: unknown[]): void => appendFileSync(report, `${format(...args)}\n`);
  Mocha.reporters.Base.consoleLog = print;
  const mocha = new Mocha({ ui: 'bdd', timeout: 120_000, reporter: 'spec', color: false });
  const grep = process.env['ECD_TEST_GREP'];
  if (grep !== undefined) mocha.grep(grep);
  for (const file of JSON.parse(process.env['ECD_TEST_FILES'] ?? '[]') as string[]) mocha.addFile(file);
  const failures = await new Promise<number>((resolve) => {
    const files = new Map<string, { passed: number; failed: number }>();
    const runner = mocha.run((failed) => {
      // As scripts/mochaReporter.cjs has it: whoever reads knows which files to run again.
      for (const [file, counts] of files) {
        if (counts.failed > 0) print(`in ${file}: ${counts.passed} passed, ${counts.failed} failed`);
      }
      print(`${runner.stats?.passes ?? 0} passed, ${failed} failed`);
      resolve(failed);
    });
    const count = (test: Mocha.Runnable, state: 'passed' | 'failed'): void => {
      const counts = files.get(test.file ?? '') ?? { passed: 0, failed: 0 };
      counts[state]++;
      files.set(test.file ?? '', counts);
    };
    runner.on('pass', (test) => count(test, 'passed'));
    runner.on('fail', (test) => count(test, 'failed'));
  });
  if (failures > 0) throw new Error(`${failures} tests failed`);
}
