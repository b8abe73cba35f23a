// Completes a fresh clone: npm packages, Elixir and OTP. Installs Debian packages only as root on Debian or Ubuntu, and
// says so first. Prints one short line a step; builds nothing.
import { existsSync, readFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import path from 'node:path';

export const root = fileURLToPath(new URL('..', import.meta.url)).replace(/[/\\]$/, '');

/** What a debug session needs, and what our tests need in addition. */
export const packages = { session: ['elixir', 'erlang-debugger'], tests: ['erlang-eunit', 'erlang-dev'] };

const oldest = { elixir: [1, 14], otp: 25 };

/** Throws an Error with one sentence and the next step when something cannot be completed here. */
export function setup({ tests = false } = {}) {
  npmPackages();
  return elixir({ tests });
}

function npmPackages() {
  const lock = path.join(root, 'package-lock.json');
  if (areInstalled(lock)) return;
  say('installing npm packages');
  // Nothing we use needs an install script, and a script is code that runs with the user's rights.
  const command = existsSync(lock) ? ['ci', '--ignore-scripts'] : ['install', '--ignore-scripts'];
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  run(npm, [...command, '--no-audit', '--no-fund', '--loglevel=error'], {
    otherwise: 'npm packages could not be installed: check the connection to the npm registry and run this again.',
    shell: process.platform === 'win32',
  });
}

/**
 * Whether every package of the lock file is there in its version. Compared by content: the times of files say nothing
 * in a copy of this folder.
 */
function areInstalled(lock) {
  const installed = path.join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installed) || !existsSync(lock)) return false;
  const packages = (file) => JSON.parse(readFileSync(file, 'utf8')).packages;
  const found = packages(installed);
  return Object.entries(packages(lock)).every(
    ([name, { version, optional, devOptional }]) =>
      name === '' || optional || devOptional || found[name]?.version === version,
  );
}

/** Elixir as found, e.g. { elixir: '1.14.0', otp: 25, eunit: true, debugger: true }; installs it where that is allowed. */
function elixir({ tests }) {
  const before = probe();
  const wanted = missingPackages(before, tests);
  if (wanted.length > 0) {
    if (!canUseApt()) throw new Error(explain(before, wanted));
    say(`installing by apt: ${wanted.join(' ')}`);
    apt(['update']);
    apt(['install', '-y', '--no-install-recommends', ...wanted]);
  }
  const found = probe();
  const still = missingPackages(found, tests);
  if (still.length > 0) throw new Error(explain(found, still));
  if (!recent(found)) throw new Error(explain(found, []));
  say(`Elixir ${found.elixir} on OTP ${found.otp}`);
  return found;
}

function missingPackages(found, tests) {
  if (found === undefined) return [...packages.session, ...(tests ? packages.tests : [])];
  return [
    ...(found.debugger ? [] : ['erlang-debugger']),
    ...(tests && !found.eunit ? ['erlang-eunit'] : []),
    ...(tests && !found.headers ? ['erlang-dev'] : []),
  ];
}

/** undefined where Elixir does not run. */
function probe() {
  const code = `
    there = fn app -> match?([_ | _], Path.wildcard(Path.join([:code.lib_dir(), app <> "-*", "ebin", app <> ".app"]))) end
    header = Path.wildcard(Path.join([:code.lib_dir(), "kernel-*", "include", "file.hrl"]))
    IO.puts(Enum.join([System.version(), System.otp_release(), there.("debugger"), there.("eunit"), header != []], " "))`;
  const { status, stdout } = spawnSync('elixir', ['-e', code], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C.UTF-8' },
  });
  if (status !== 0 || typeof stdout !== 'string') return undefined;
  const [version, otp, hasDebugger, eunit, headers] = stdout.trim().split(' ');
  return {
    elixir: version,
    otp: Number(otp),
    debugger: hasDebugger === 'true',
    eunit: eunit === 'true',
    headers: headers === 'true',
  };
}

function recent({ elixir, otp }) {
  const [major, minor] = elixir.split('.').map(Number);
  return otp >= oldest.otp && (major > oldest.elixir[0] || (major === oldest.elixir[0] && minor >= oldest.elixir[1]));
}

function explain(found, wanted) {
  const need = `Elixir ${oldest.elixir.join('.')} or newer on OTP ${oldest.otp} or newer`;
  if (found === undefined) return `Elixir was not found: install ${need} (on Debian: apt install ${wanted.join(' ')}).`;
  if (wanted.length > 0) {
    return `Elixir ${found.elixir} is here, but part of Erlang is missing: apt install ${wanted.join(' ')} (or an Erlang that has it).`;
  }
  return `Elixir ${found.elixir} on OTP ${found.otp} is too old: install ${need}.`;
}

/** On Debian and Ubuntu as root, unless ECD_NO_APT says not to; the only system we change. */
export function canUseApt() {
  if (process.env.ECD_NO_APT !== undefined) return false;
  if (process.getuid?.() !== 0 || !existsSync('/etc/os-release') || !existsSync('/usr/bin/apt-get')) return false;
  return /^ID(_LIKE)?=.*(debian|ubuntu)/m.test(readFileSync('/etc/os-release', 'utf8'));
}

export function apt(args) {
  run('apt-get', ['-qq', ...args], {
    otherwise: `apt-get ${args[0]} failed: install the packages by hand and run this again.`,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
}

/** Shows the command's output only when it fails. */
function run(command, args, { otherwise, env = process.env, shell = false }) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: root,
    env,
    shell,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status === 0) return;
  process.stderr.write(`${stdout ?? ''}${stderr ?? ''}\n`);
  throw new Error(otherwise);
}

export function say(text) {
  process.stdout.write(`setup: ${text}\n`);
}
