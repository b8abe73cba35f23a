// Compiles the agent and its EUnit tests into .cache and runs them in a BEAM of their own. Changes nothing else.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import path from 'node:path';
import { root } from './setup.mjs';

const agent = path.join(root, 'adapter', 'agent');

/** ms; a run that takes longer hangs. */
const PATIENCE = 15 * 60_000;

/** Gives { passed, failed }; throws when the agent does not compile or the tests end without a count. */
export async function agentTests({ print, only = undefined, home = path.join(root, '.cache', 'agent-tests') }) {
  rmSync(home, { recursive: true, force: true });
  const folders = { src: 'src', standin: path.join('src', 'standin'), test: 'test' };
  const paths = [];
  for (const [name, folder] of Object.entries(folders)) {
    const ebin = path.join(home, name);
    mkdirSync(ebin, { recursive: true });
    await compile(path.join(agent, folder), ebin, print);
    // The stand-in must be found before OTP's module of the same name, as in a session.
    if (name !== 'standin') paths.push('-pa', ebin);
  }
  const { code, output } = await run(
    'erl',
    ['-noinput', ...paths, ...environment(home), '-s', 'ecd_eunit', 'main', ...(only ? [only] : [])],
    print,
  );
  const last = [...output.matchAll(/^(\d+) passed, (\d+) failed\r?$/gm)].at(-1);
  if (last === undefined) throw new Error(`the agent's tests ended with exit code ${code} before they had counted`);
  const [passed, failed] = last.slice(1).map(Number);
  return { passed, failed: code !== 0 && failed === 0 ? 1 : failed };
}

function environment(home) {
  return ['-ecd_standin', path.join(home, 'standin')];
}

async function compile(folder, ebin, print) {
  const files = existsSync(folder)
    ? readdirSync(folder)
        .filter((file) => file.endsWith('.erl'))
        .map((file) => path.join(folder, file))
    : [];
  if (files.length === 0) return;
  const { code } = await run('erlc', ['+debug_info', '-Wall', '-pa', ebin, '-o', ebin, ...files], print);
  if (code !== 0) throw new Error(`${path.relative(root, folder)} does not compile`);
}

async function run(command, args, print) {
  // A crash dump says nothing about a test that the output does not say, and takes seconds to write.
  const env = { ...process.env, ERL_CRASH_DUMP_SECONDS: '0' };
  const child = spawn(command, args, {
    cwd: agent,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: PATIENCE,
    killSignal: 'SIGKILL',
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data) => {
      output += data;
      print(data);
    });
  }
  const [code] = await once(child, 'close');
  return { code, output };
}
