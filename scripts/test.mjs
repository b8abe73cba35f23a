// `npm test`: everything that continuous integration runs, stage by stage. Every stage runs even when one before it failed;
// what failed is told again after all stages, because logs get cut in the middle; the last line is `N passed, N failed`, and
// the exit code is 1 when anything failed.
//
// Where real programs, sockets and windows take part, a file of tests that fails is run once more, alone: a machine that
// stood still for a moment is no defect. The second run decides, and the end names every file that needed it, so that an
// unsteady test is seen and mended.
//
//   npm test                                 all stages
//   npm test -- --only=unit,adapter          some of them
//   npm test -- --only=adapter --grep=TEXT   tests whose title contains TEXT (a regular expression)
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import path from 'node:path';
import { root, setup } from './setup.mjs';
import { agentTests } from './agentTests.mjs';
import { ensureChromium } from './vscode-web.mjs';

const compiled = path.join(root, 'dist', 'tests', 'test');

/** ms that mocha gives a test; every wait inside a test has a shorter deadline of its own, with a better message. */
const TEST_TIMEOUT = 180_000;

/** Files of a stage that are run once more. */
const MOST_REPEATED = 5;

/** Characters of a failed stage's output that are told again at the end. */
const TOLD_AGAIN = 6_000;

/**
 * Name → what it runs. A stage gives { passed, failed, output }; one that throws, or ends without having counted, has failed.
 */
const stages = {
  build: () => check(['scripts/build.mjs', '--tests']),
  typecheck: () => check(['scripts/typecheck.mjs']),
  lint: () =>
    check(['node_modules/eslint/bin/eslint.js', '.']).then(
      plus(() => check(['node_modules/prettier/bin/prettier.cjs', '--check', '.'])),
    ),
  agent: ({ grep }) => agentTests({ grep, print }),
  unit: ({ grep }) => mocha(testFiles('unit'), { grep }),
  server: ({ grep }) => twice(testFiles('server'), (files) => mocha(files, { grep })),
  adapter: ({ grep }) => twice(testFiles('adapter'), (files) => mocha(files, { grep, parallel: true })),
  dashboard: ({ grep }) => {
    ensureChromium();
    return twice(testFiles('dashboard'), (files) => mocha(files, { grep }));
  },
  extension: ({ grep }) => twice(testFiles('extension'), (files) => extension(files, { grep })),
};

async function main() {
  const { values } = parseArgs({ options: { only: { type: 'string' }, grep: { type: 'string' } } });
  const chosen = values.only?.split(',') ?? Object.keys(stages);
  const unknown = chosen.filter((name) => !(name in stages));
  if (unknown.length > 0)
    throw new Error(`no stage ${unknown.join(', ')}: there are ${Object.keys(stages).join(', ')}.`);

  const started = performance.now();
  // Without a locale Erlang reads and writes Latin-1, which is not what the tests are about.
  if (!/utf-?8/i.test(process.env.LC_ALL ?? process.env.LC_CTYPE ?? process.env.LANG ?? '')) {
    process.env.LC_ALL = 'C.UTF-8';
  }
  setup({ tests: true });
  const results = [];
  for (const name of chosen) {
    print(`\n── ${name}\n`);
    const begun = performance.now();
    const result = await stages[name]({ grep: values.grep }).catch((error) => {
      print(`${error.message}\n`);
      return { passed: 0, failed: 1, output: error.message };
    });
    results.push({ name, ...result, seconds: (performance.now() - begun) / 1000 });
    const { passed, failed, seconds } = results.at(-1);
    print(`── ${name}: ${passed} passed, ${failed} failed, ${seconds.toFixed(0)} s\n`);
  }

  for (const { name, failed, unsteady, output } of results) {
    if (failed > 0 || unsteady)
      print(`\n── what failed in ${name}${failed > 0 ? '' : ', once of two times'}\n${output.slice(-TOLD_AGAIN)}\n`);
  }
  const total = { passed: sum(results, 'passed'), failed: sum(results, 'failed') };
  print('\n');
  for (const { name, passed, failed, seconds } of results) {
    print(
      `${failed > 0 ? '✗' : '✓'} ${name.padEnd(10)} ${String(passed).padStart(5)} passed ${String(failed).padStart(3)} failed ${seconds.toFixed(0).padStart(5)} s\n`,
    );
  }
  for (const { unsteady = [] } of results) for (const file of unsteady) print(`run twice: ${file}\n`);
  print(`total ${((performance.now() - started) / 1000).toFixed(0)} s\n`);
  print(`${total.passed} passed, ${total.failed} failed\n`);
  process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
}

/** A program that says by its exit code whether all is well: one test. */
async function check(args) {
  const { code, output } = await run(process.execPath, args);
  return code === 0 ? { passed: 1, failed: 0, output: '' } : { passed: 0, failed: 1, output };
}

const plus = (next) => async (first) => {
  const second = await next();
  return {
    passed: first.passed + second.passed,
    failed: first.failed + second.failed,
    output: first.output + second.output,
  };
};

/** The compiled tests of one folder. A folder without tests counts as failed: something did not get built. */
function testFiles(folder) {
  const dir = path.join(compiled, folder);
  const files = existsSync(dir)
    ? readdirSync(dir, { recursive: true })
        .map(String)
        .filter((file) => file.endsWith('.test.js'))
    : [];
  if (files.length === 0) throw new Error(`there are no compiled tests in dist/tests/test/${folder}`);
  return files.sort().map((file) => path.join(dir, file));
}

function mocha(files, { grep, parallel = false }) {
  return counted(process.execPath, [
    '--enable-source-maps',
    path.join(root, 'node_modules', 'mocha', 'bin', 'mocha.js'),
    '--reporter',
    path.join(root, 'scripts', 'mochaReporter.cjs'),
    '--timeout',
    String(TEST_TIMEOUT),
    ...(parallel ? ['--parallel', '--jobs', '2'] : []),
    ...(grep === undefined ? [] : ['--grep', grep]),
    ...files,
  ]);
}

function extension(files, { grep }) {
  const args = grep === undefined ? [] : [`--grep=${grep}`];
  return counted(process.execPath, [path.join(compiled, 'extension', 'run.js'), ...args, ...files]);
}

/** Files with a failure once more. What failed outside any file stays failed. */
async function twice(files, stage) {
  const first = await stage(files);
  const failing = [...first.output.matchAll(/^in (.+): (\d+) passed, (\d+) failed$/gm)].map(
    ([, file, passed, failed]) => ({ file: path.resolve(root, file), passed: Number(passed), failed: Number(failed) }),
  );
  // So many are no accident.
  if (failing.length === 0 || failing.length > MOST_REPEATED) return first;
  print(`\n── once more, alone: ${failing.map(({ file }) => path.basename(file)).join(', ')}\n`);
  const second = await stage(failing.map(({ file }) => file));
  return {
    passed: first.passed - sum(failing, 'passed') + second.passed,
    failed: first.failed - sum(failing, 'failed') + second.failed,
    output: first.output + second.output,
    unsteady: failing.map(({ file }) => path.relative(compiled, file)),
  };
}

/** A program whose output ends with `N passed, N failed`. */
async function counted(command, args) {
  const { code, output } = await run(command, args);
  const last = [...output.matchAll(/^(\d+) passed, (\d+) failed$/gm)].at(-1);
  if (last === undefined) throw new Error(`it ended with exit code ${code} before it had counted its tests`);
  const [passed, failed] = last.slice(1).map(Number);
  // A run that counts no failure and yet says by its exit code that something went wrong did go wrong.
  return { passed, failed: code !== 0 && failed === 0 ? 1 : failed, output };
}

async function run(command, args) {
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data) => {
      output += data;
      process.stdout.write(data);
    });
  }
  const [code] = await once(child, 'close');
  return { code, output };
}

function sum(results, key) {
  return results.reduce((total, result) => total + result[key], 0);
}

function print(text) {
  process.stdout.write(text);
}

try {
  await main();
} catch (error) {
  print(`${error.message}\n0 passed, 1 failed\n`);
  process.exitCode = 1;
}
