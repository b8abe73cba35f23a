// `npm run test:matrix`: the agent's and the adapter's tests on OTP 25, 27 and 29. The system's own Elixir serves where its
// OTP fits; the others are Debian folders made by debootstrap, kept in .cache/matrix or BEAM_MATRIX_DIR. Where mounting is
// not permitted it says so and runs what can run. The last line is `N passed, N failed`.
//
//   npm run test:matrix                       all releases
//   npm run test:matrix -- --only=27,29       some of them
//   npm run test:matrix -- --grep=TEXT        adapter tests whose title contains TEXT
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import path from 'node:path';
import { apt, canUseApt, packages, root, setup } from './setup.mjs';

/** OTP release → the Debian suite that has it. Debian has no OTP 26 and 28. */
const suites = { 25: 'bookworm', 27: 'trixie', 29: 'sid' };
/** Where this machine's node goes inside a folder. */
const node = '/usr/local/bin/node';
const home = process.env.BEAM_MATRIX_DIR ?? path.join(root, '.cache', 'matrix');

async function main() {
  const { values } = parseArgs({ options: { only: { type: 'string' }, grep: { type: 'string' } } });
  const wanted = values.only?.split(',') ?? Object.keys(suites);
  const unknown = wanted.filter((otp) => !(otp in suites));
  if (unknown.length > 0)
    throw new Error(`no OTP ${unknown.join(', ')} here: there are ${Object.keys(suites).join(', ')}.`);

  const host = setup({ tests: true });
  const results = [];
  for (const otp of wanted) {
    say(`\n── OTP ${otp}`);
    const begun = performance.now();
    const result = await release(Number(otp), host, values.grep).catch((error) => {
      say(error.message);
      return { passed: 0, failed: 1 };
    });
    results.push({ otp, ...result, seconds: (performance.now() - begun) / 1000 });
  }
  say('');
  for (const { otp, passed, failed, skipped, seconds } of results) {
    say(`OTP ${otp}  ${skipped ?? `${passed} passed ${failed} failed`}  ${seconds.toFixed(0)} s`);
  }
  const passed = results.reduce((sum, result) => sum + result.passed, 0);
  const failed = results.reduce((sum, result) => sum + result.failed, 0);
  say(`${passed} passed, ${failed} failed`);
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
}

async function release(otp, host, grep) {
  if (otp === host.otp) return tests([process.execPath], process.env, grep);
  const folder = path.join(home, suites[otp]);
  const obstacle = await prepare(folder, suites[otp]);
  if (obstacle !== undefined) {
    say(`not run: ${obstacle}`);
    return { passed: 0, failed: 0, skipped: `not run: ${obstacle}` };
  }
  copyNode(folder);
  // Erlang nodes find each other by name, and `localhost` is known from this file alone.
  copyFileSync('/etc/hosts', path.join(folder, 'etc', 'hosts'));
  if (spawnSync('chroot', [folder, node, '--version']).status !== 0) {
    say(`not run: this node does not run in ${folder}`);
    return { passed: 0, failed: 0, skipped: `not run: this node does not run in ${suites[otp]}` };
  }
  // What is missing belongs into the folder, never onto this machine.
  const env = {
    PATH: '/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: '/root',
    LC_ALL: 'C.UTF-8',
    ECD_NO_APT: '1',
  };
  mkdirSync(path.join(folder, root), { recursive: true });
  return await tests([...inside(folder, { and: [root] }), node], env, grep);
}

/** Beside its place and renamed: the one that is there may be running. */
function copyNode(folder) {
  const target = path.join(folder, node);
  copyFileSync(process.execPath, `${target}.new`);
  renameSync(`${target}.new`, target);
}

/** `npm test` in the folder of that release, or here. */
async function tests([command, ...before], env, grep) {
  const args = [
    path.join(root, 'scripts', 'test.mjs'),
    '--only=build,agent,adapter',
    ...(grep ? [`--grep=${grep}`] : []),
  ];
  const child = spawn(command, [...before, ...args], { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] });
  const stop = () => child.kill('SIGKILL');
  process.once('exit', stop);
  let output = '';
  child.stdout.on('data', (data) => {
    output += data;
    process.stdout.write(data);
  });
  await once(child, 'close');
  process.off('exit', stop);
  const last = [...output.matchAll(/^(\d+) passed, (\d+) failed$/gm)].at(-1);
  if (last === undefined) throw new Error('the tests ended before they had counted');
  const [passed, failed] = last.slice(1).map(Number);
  return { passed, failed };
}

// ── Debian folders ─────────────────────────────────────────────────────────────────────────────────────────────────

/** undefined when the folder is ready; otherwise what stands in the way. */
async function prepare(folder, suite) {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs root on Linux for chroot and mount';
  if (!mayMount()) return 'mounting is not permitted here';
  if (complete(folder)) return undefined;
  if (!existsSync(path.join(folder, 'usr', 'bin', 'apt-get'))) {
    if (!canUseApt()) return `needs Debian or Ubuntu to make a ${suite} folder by debootstrap`;
    bootstrap(folder, suite);
  }
  const [chroot, ...into] = inside(folder);
  command(chroot, [...into, 'apt-get', '-qq', 'update']);
  command(chroot, [...into, 'apt-get', '-qq', 'install', '-y', ...packages.session, ...packages.tests]);
  return complete(folder) ? undefined : `${folder} did not get all of ${packages.session.join(', ')}`;
}

function complete(folder) {
  const installed = (name) => existsSync(path.join(folder, 'var', 'lib', 'dpkg', 'info', `${name}.list`));
  return [...packages.session, ...packages.tests].every(installed);
}

function bootstrap(folder, suite) {
  if (spawnSync('which', ['debootstrap']).status !== 0) {
    say('installing by apt: debootstrap');
    apt(['update']);
    apt(['install', '-y', '--no-install-recommends', 'debootstrap']);
  }
  say(`making ${folder} (a few minutes, 1 GB)`);
  mkdirSync(home, { recursive: true });
  refuseMounts(folder);
  rmSync(folder, { recursive: true, force: true });
  // A suite that this debootstrap does not know by name is made by the script that serves all of them.
  const script = existsSync(`/usr/share/debootstrap/scripts/${suite}`) ? [] : ['/usr/share/debootstrap/scripts/sid'];
  const [unshare, ...alone] = apart;
  command(unshare, [
    ...alone,
    'debootstrap',
    '--variant=minbase',
    '--include=ca-certificates',
    suite,
    folder,
    mirror(),
    ...script,
  ]);
  write(folder, 'etc/apt/apt.conf.d/99small', 'APT::Install-Recommends "false";\nAcquire::Languages "none";\n');
  // The clock of a machine may be ahead of the mirror, and then the release file counts as expired.
  write(folder, 'etc/apt/apt.conf.d/98clock', 'Acquire::Check-Valid-Until "false";\nAcquire::Check-Date "false";\n');
  // Services must not start in a folder.
  write(folder, 'usr/sbin/policy-rc.d', '#!/bin/sh\nexit 101\n');
  chmodSync(path.join(folder, 'usr/sbin/policy-rc.d'), 0o755);
  copyFileSync('/etc/resolv.conf', path.join(folder, 'etc', 'resolv.conf'));
  for (const name of aptProxies()) copyFileSync(name, path.join(folder, name));
}

/**
 * A program behind these words has mounts and processes of its own: however it or this script ends, no process of it and no
 * mount stays behind. A mount that stays is a danger: who removes the folder then removes this machine's /dev.
 */
const apart = ['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];

/** The words before a command that is to run inside the folder, where `and` names folders of this machine to be seen there. */
function inside(folder, { and = [] } = {}) {
  const binds = ['/dev', ...and].map((each) => `mount --rbind ${quoted(each)} ${quoted(path.join(folder, each))}`);
  const mounts = [...binds, `mount -t proc proc ${quoted(path.join(folder, 'proc'))}`];
  // The shell stays as the first process, which has to bury those that lost their parent.
  return [...apart, 'sh', '-c', `${mounts.join(' && ')} && chroot "$@"; exit $?`, 'sh', folder];
}

function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Whether mounting works, tried on a folder of our own. */
function mayMount() {
  const probe = path.join(root, '.cache', 'mount-probe');
  mkdirSync(probe, { recursive: true });
  const [unshare, ...alone] = apart;
  return spawnSync(unshare, [...alone, 'mount', '--bind', probe, probe]).status === 0;
}

/** Somebody else may have mounted something in the folder. */
function refuseMounts(folder) {
  const points = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((point) => point.startsWith(`${folder}${path.sep}`));
  if (points.length > 0)
    throw new Error(`${folder} is not complete and holds mounts: unmount ${points.join(', ')} first.`);
}

function mirror() {
  for (const name of ['/etc/apt/sources.list', '/etc/apt/sources.list.d/debian.sources']) {
    const text = existsSync(name) ? readFileSync(name, 'utf8') : '';
    const url = /https?:\/\/\S*debian\/?(?=\s|$)/m.exec(text)?.[0];
    if (url !== undefined) return url;
  }
  return 'http://deb.debian.org/debian';
}

/** A machine behind a proxy says so in its apt configuration; the folder needs the same. */
function aptProxies() {
  const { stdout } = spawnSync('grep', ['-lis', '-e', 'proxy', '-r', '/etc/apt/apt.conf.d'], { encoding: 'utf8' });
  return (stdout ?? '').split('\n').filter((name) => name !== '');
}

function write(folder, name, text) {
  const file = path.join(folder, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
}

function command(name, args) {
  const { status, stdout, stderr } = spawnSync(name, args, {
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' },
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status !== 0) throw new Error(`${name} ${args.join(' ')} failed:\n${stdout ?? ''}${stderr ?? ''}`);
}

function say(text) {
  process.stdout.write(`${text}\n`);
}

// Ending by `exit` is what stops the tests, whose processes are not this script's own.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));

try {
  await main();
} catch (error) {
  say(`${error.message}\n0 passed, 1 failed`);
  process.exitCode = 1;
}
