// Entry that VS Code loads into its extension host: runs every host/*.test.js with mocha. VS Code calls `run`.
import { appendFileSync, readdirSync } from 'node:fs';
import * as path from 'node:path';
import { format } from 'node:util';

export async function run(): Promise<void> {
  // Mocha 12 is an ES module, the extension host loads CommonJS.
  const { default: Mocha } = await import('mocha');
  const report = process.env['ECD_TEST_REPORT'];
  if (report !== undefined) {
    // What an extension host prints does not reach the one who started the browser; a file does.
    Mocha.reporters.Base.consoleLog = (...args: unknown[]) => appendFileSync(report, `${format(...args)}\n`);
  }
  const mocha = new Mocha({ ui: 'bdd', timeout: 120_000, reporter: 'spec', color: false });
  const grep = process.env['ECD_TEST_GREP'];
  if (grep !== undefined) mocha.grep(grep);
  const folder = path.join(__dirname, 'host');
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.test.js')))
    mocha.addFile(path.join(folder, file));
  const failures = await new Promise<number>((resolve) => mocha.run(resolve));
  if (failures > 0) throw new Error(`${failures} tests failed`);
}
