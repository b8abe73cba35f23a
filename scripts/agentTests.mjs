// Compiles the agent and its EUnit tests into .cache and runs each test module in a BEAM of its own, two at a time: the
// agent lives once in a VM, and what one module left behind must not be what the next one finds. Each has a folder of beams
// of its own too, because the agent keeps rows on disk beside its beams. A module that fails is run once more after all
// others, alone. Changes nothing else.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, linkSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import path from 'node:path';
import { root } from './setup.mjs';

const agent = path.join(root, 'adapter', 'agent');
const home = path.join(root, '.cache', 'agent-tests');

/** ms; a module that takes longer hangs. */
const PATIENCE = 6 * 60_000;

/** Gives { passed, failed, output of the modules that failed }; throws when the agent does not compile. `grep` chooses test modules by name. */
export async function agentTests({ print, grep = '' }) {
  rmSync(home, { recursive: true, force: true });
  await Promise.all([compile('src', 'ebin'), compile(path.join('src', 'standin'), 'standin'), compile('test', 'test')]);
  const modules = readdirSync(path.join(home, 'test'))
    .filter((file) => file.endsWith('_tests.beam'))
    .map((file) => path.basename(file, '.beam'))
    .filter((name) => new RegExp(grep).test(name));

  const total = { passed: 0, failed: 0, output: '' };
  const unsteady = [];
  const told = async (name) => {
    const result = await runModule(name);
    const { passed, failed, output, seconds } = result;
    if (failed > 0) {
      print(output);
      total.output += output;
    }
    print(`${failed > 0 ? '✗' : '✓'} ${name}: ${passed} passed, ${failed} failed (${seconds.toFixed(1)} s)\n`);
    return result;
  };
  const count = ({ passed, failed }) => {
    total.passed += passed;
    total.failed += failed;
  };
  const queue = modules.sort();
  const worker = async () => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
      const result = await told(name);
      if (result.failed > 0) unsteady.push(name);
      else count(result);
    }
  };
  await Promise.all([worker(), worker()]);
  for (const name of unsteady) count(await told(name));
  return unsteady.length > 0 ? { ...total, unsteady } : total;
}

async function runModule(name) {
  const begun = performance.now();
  const own = path.join(home, 'run', name);
  for (const part of ['ebin', 'standin']) link(path.join(home, part), path.join(own, part));
  const ebin = (part) => path.join(part === 'test' ? home : own, part);
  // The stand-in has a folder of its own: the agent puts it before OTP's module of the same name itself.
  const args = ['-noinput', '-pa', ebin('ebin'), '-pa', ebin('test'), '-ecd_standin', ebin('standin')];
  const { code, output } = await run('erl', [...args, '-s', 'ecd_eunit', 'main', name]);
  const seconds = (performance.now() - begun) / 1000;
  rmSync(own, { recursive: true, force: true });
  const last = [...output.matchAll(/^(\d+) passed, (\d+) failed\r?$/gm)].at(-1);
  if (last === undefined) {
    return { passed: 0, failed: 1, output: `${output}\n${name} ended with exit code ${code} uncounted\n`, seconds };
  }
  const [passed, failed] = last.slice(1).map(Number);
  return { passed, failed: code !== 0 && failed === 0 ? 1 : failed, output, seconds };
}

function link(from, to) {
  mkdirSync(to, { recursive: true });
  for (const file of readdirSync(from)) linkSync(path.join(from, file), path.join(to, file));
}

async function compile(folder, part) {
  const from = path.join(agent, folder);
  const ebin = path.join(home, part);
  mkdirSync(ebin, { recursive: true });
  const names = existsSync(from) ? readdirSync(from).filter((name) => name.endsWith('.erl')) : [];
  if (names.length === 0) return;
  const files = names.map((name) => path.join(from, name));
  const { code, output } = await run('erlc', ['+debug_info', '-o', ebin, ...files]);
  if (code !== 0) throw new Error(`${path.relative(root, from)} does not compile:\n${output}`);
}

async function run(command, args) {
  // A crash dump says nothing about a test that the output does not say, and takes seconds to write.
  const env = { ...process.env, ERL_CRASH_DUMP_SECONDS: '0', ERL_LIBS: elixirLibs() };
  const child = spawn(command, args, {
    cwd: agent,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: PATIENCE,
    killSignal: 'SIGKILL',
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data));
  const [code] = await once(child, 'close');
  return { code, output };
}

/** The folder with Elixir's applications, which plain `erl` does not have on its path. */
function elixirLibs() {
  libs ??= execFileSync('elixir', ['-e', 'IO.write(Path.dirname(:code.lib_dir(:elixir)))'], { encoding: 'utf8' });
  return libs;
}
let libs;
