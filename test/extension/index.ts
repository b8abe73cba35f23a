// Entry that VS Code loads into its extension host: runs host/*.test.js, or those that it is told, with mocha. VS Code calls
// `run`.
import { appendFileSync, readdirSync } from 'node:fs';
import * as path from 'node:path';
import { format } from 'node:util';

export async function run(): Promise<void> {
  // Mocha 12 is an ES module, the extension host loads CommonJS.
  const { default: Mocha } = await import('mocha');
  // What an extension host prints does not reach the one who started a browser; a file does.
  const report = process.env['ECD_TEST_REPORT'];
  const print = (...args: unknown[]): void => {
    const text = `${format(...args)}\n`;
    if (report === undefined) process.stdout.write(text);
    else appendFileSync(report, text);
  };
  Mocha.reporters.Base.consoleLog = print;
  const mocha = new Mocha({ ui: 'bdd', timeout: 120_000, reporter: 'spec', color: false });
  const grep = process.env['ECD_TEST_GREP'];
  if (grep !== undefined) mocha.grep(grep);
  for (const file of files()) mocha.addFile(file);
  const failures = await new Promise<number>((resolve) => {
    const counted = new Map<string, { passed: number; failed: number }>();
    const runner = mocha.run((failed) => {
      // As scripts/mochaReporter.cjs has it: whoever reads knows which files to run again.
      for (const [file, counts] of counted) {
        if (counts.failed > 0) print(`in ${file}: ${counts.passed} passed, ${counts.failed} failed`);
      }
      print(`${runner.stats?.passes ?? 0} passed, ${failed} failed`);
      resolve(failed);
    });
    const count = (test: Mocha.Runnable, state: 'passed' | 'failed'): void => {
      const counts = counted.get(test.file ?? '') ?? { passed: 0, failed: 0 };
      counts[state]++;
      counted.set(test.file ?? '', counts);
    };
    runner.on('pass', (test) => count(test, 'passed'));
    runner.on('fail', (test) => count(test, 'failed'));
  });
  if (failures > 0) throw new Error(`${failures} tests failed`);
}

function files(): string[] {
  const told = process.env['ECD_TEST_FILES'];
  if (told !== undefined) return JSON.parse(told) as string[];
  const folder = path.join(__dirname, 'host');
  const names = readdirSync(folder).filter((name) => name.endsWith('.test.js'));
  return names.map((name) => path.join(folder, name));
}
