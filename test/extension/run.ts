// Runs the extension's tests: those in the extension host, then those that use the workbench as a person does.
//
//   node dist/tests/test/extension/run.js [host|workbench] [--grep=TEXT] [FILE.test.js ...]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { readdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import * as path from 'node:path';
import { root } from '../support/paths';
import { marked } from '../support/processes';
import { copySample } from '../support/sampleProject';
import { VsCodeInChromium } from '../support/vscodeInChromium';

const tests = path.join(root, 'dist', 'tests', 'test', 'extension');

/** A stuck workbench must not hold up everything else. */
const DEADLINE = 10 * 60_000;

interface Count {
  passed: number;
  failed: number;
}

const { values, positionals } = parseArgs({ allowPositionals: true, options: { grep: { type: 'string' } } });
const isPart = (word: string): boolean => word === 'host' || word === 'workbench';
const parts = positionals.filter(isPart);
const chosen = positionals.filter((word) => !isPart(word)).map((file) => path.resolve(file));

async function main(): Promise<number> {
  const files = (part: string): string[] => {
    if (parts.length > 0 && !parts.includes(part)) return [];
    const folder = path.join(tests, part);
    const all = readdirSync(folder)
      .filter((name) => name.endsWith('.test.js'))
      .map((name) => path.join(folder, name));
    return chosen.length === 0 ? all : all.filter((file) => chosen.includes(file));
  };
  const counts: Count[] = [];
  const host = files('host');
  if (host.length > 0) counts.push(await inExtensionHost(host));
  const workbench = files('workbench');
  if (workbench.length > 0) counts.push(await inWorkbench(workbench));
  const passed = counts.reduce((sum, count) => sum + count.passed, 0);
  const failed = counts.reduce((sum, count) => sum + count.failed, 0);
  process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

/** Mocha runs inside VS Code and reports into a file. */
async function inExtensionHost(files: readonly string[]): Promise<Count> {
  const sample = await copySample();
  try {
    const report = path.join(path.dirname(sample.folder), 'report.txt');
    await writeFile(report, '');
    const code = await runIn(sample.folder, report, files);
    const output = await readFile(report, 'utf8');
    process.stdout.write(output);
    return countOf(output, code);
  } finally {
    await sample.remove();
  }
}

async function runIn(folder: string, report: string, files: readonly string[]): Promise<number> {
  const opened = await VsCodeInChromium.open({
    folder,
    tests: path.join(tests, 'index.js'),
    env: {
      ECD_TEST_REPORT: report,
      ECD_TEST_GREP: values.grep,
      ECD_TEST_FILES: JSON.stringify(files),
      ...marked(`extension ${process.pid}`),
    },
  });
  let deadline: NodeJS.Timeout | undefined;
  const late = new Promise<number>((resolve) => {
    deadline = setTimeout(() => {
      process.stdout.write(`The extension host did not finish within ${DEADLINE / 1000} s.\n`);
      process.stdout.write(`${opened.output.join('\n')}\n`);
      resolve(1);
    }, DEADLINE);
  });
  try {
    return await Promise.race([opened.exitCode, late]);
  } finally {
    clearTimeout(deadline);
    await opened.close();
  }
}

/** Mocha runs here and drives the page from outside. */
async function inWorkbench(files: readonly string[]): Promise<Count> {
  const mocha = path.join(root, 'node_modules', 'mocha', 'bin', 'mocha.js');
  const child = spawn(
    process.execPath,
    [
      mocha,
      '--no-color',
      '--reporter',
      path.join(root, 'scripts', 'mochaReporter.cjs'),
      '--require',
      path.join(tests, 'workbenchWindow.js'),
      '--timeout',
      '180000',
      ...(values.grep === undefined ? [] : ['--grep', values.grep]),
      ...files,
    ],
    { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  // Ended with this process, it takes the workbench along.
  const end = (): boolean => child.kill();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, end);
  let output = '';
  child.stdout.on('data', (data: Buffer) => {
    output += data.toString();
    process.stdout.write(data);
  });
  const [code] = (await once(child, 'close')) as [number];
  return countOf(output, code);
}

/** An exit code without a count still fails: a suite that never reported has not passed. */
function countOf(output: string, code: number): Count {
  const [, passed = 0, failed = 0] = [...output.matchAll(/^(\d+) passed, (\d+) failed$/gm)].at(-1)?.map(Number) ?? [];
  return { passed, failed: code !== 0 && failed === 0 ? 1 : failed };
}

void main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(1);
  },
);
