// A real VS Code in the browser, without a download from Microsoft: installs it from npm once, and serves it on a folder.
//
//   node scripts/vscode-web.mjs install                 installs into .vscode-test/web; prints the server's path
//   node scripts/vscode-web.mjs serve --folder DIR      serves until SIGTERM or Ctrl-C; prints one JSON line {url, port, data}
//        [--data DIR]        user data, kept between runs when given; else a fresh folder, removed at the end
//        [--tests FILE]      mocha entry to run in the extension host (the page must be opened by the test driver)
//        [--extension DIR]   another extension beside this one, repeatable; needs fresh data
//        [--package VSIX]    installs this package instead of showing the extension of this folder
//        [--setting K=JSON]  user setting, repeatable
//        [--chromium]        makes sure that Chromium is there too
//        [--open]            shows the page with the desktop's browser
//
// The npm package code-server holds VS Code's own server, extension host and workbench. Its install script wants the open
// internet, so the parts that are needed are installed and built one by one. It knows nothing of tests or of the product.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import path from 'node:path';

const root = fileURLToPath(new URL('..', import.meta.url)).replace(/[/\\]$/, '');
const home = path.join(root, '.vscode-test', 'web');
const vscode = path.join(home, 'node_modules', 'code-server', 'lib', 'vscode');
const server = path.join(vscode, 'out', 'server-main.js');

/** code-server 4.100.3 is VS Code 1.100.3, the floor of `engines.vscode`, and the last that runs on Node 20. */
const packages = ['code-server@4.100.3', 'node-gyp@11.4.2'];
const nativeModules = {
  '@vscode/spdlog': 'spdlog.node',
  'node-pty': 'pty.node',
  'native-watchdog': 'watchdog.node',
  '@parcel/watcher': 'watcher.node',
};
/** What must be on the PATH, any of the names, and the Debian package that brings it. */
const tools = [
  { names: ['rg'], debian: 'ripgrep' },
  { names: ['g++', 'c++'], debian: 'build-essential' },
  { names: ['make'], debian: 'build-essential' },
  { names: ['python3'], debian: 'python3' },
];
const browser = { names: ['chromium', 'chromium-browser', 'google-chrome'], debian: 'chromium' };

// ── install ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Installs what is missing and returns the path of VS Code's server; `chromium`: a browser for the test driver too. */
export async function install({ chromium = false } = {}) {
  await mkdir(home, { recursive: true });
  const stamp = path.join(home, 'complete.json');
  const wanted = JSON.stringify({ packages, node: process.version });
  ensureTools(chromium ? [...tools, browser] : tools);
  if (existsSync(stamp) && existsSync(server) && (await readFile(stamp, 'utf8')) === wanted) return server;

  say(`installing ${packages[0]} into ${path.relative(process.cwd(), home) || home} (about a minute)`);
  await npm(home, ['install', '--prefix', home, '--ignore-scripts', ...packages]);
  await npm(vscode, ['install', '--omit=dev', '--ignore-scripts']);
  for (const [name, binary] of Object.entries(nativeModules)) await buildNative(name, binary);

  await link('node_modules', path.join(vscode, 'node_modules.asar'));
  const ripgrep = path.join(vscode, 'node_modules', '@vscode', 'ripgrep', 'bin');
  await mkdir(ripgrep, { recursive: true });
  await link(which('rg'), path.join(ripgrep, 'rg'));
  await writeFile(stamp, wanted);
  return server;
}

/** A browser for tests that need no VS Code around it. */
export function ensureChromium() {
  ensureTools([browser]);
}

/** A bare Debian or Ubuntu is completed when we may; elsewhere the message names what is missing. */
function ensureTools(needed) {
  const missing = needed.filter(({ names }) => !names.some(which));
  if (missing.length === 0) return;
  const wanted = [...new Set(missing.map(({ debian }) => debian))];
  if (process.getuid?.() !== 0 || !which('apt-get')) {
    const names = missing.map(({ names: [name] }) => name).join(', ');
    throw new Error(`VS Code in the browser needs ${names}. Install: ${wanted.join(' ')}`);
  }
  say(`installing by apt: ${wanted.join(' ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  for (const args of [['update'], ['install', '-y', '--no-install-recommends', ...wanted]]) {
    const { status } = spawnSync('apt-get', ['-qq', ...args], { stdio: ['ignore', 2, 2], env });
    if (status !== 0) throw new Error(`apt-get ${args[0]} failed with exit code ${status}`);
  }
}

async function buildNative(name, binary) {
  const folder = path.join(vscode, 'node_modules', name);
  const built = path.join(folder, 'build', 'Release', binary);
  if (existsSync(built)) return;
  say(`building ${name}`);
  // Node's headers beside the running node save a download; where they are absent node-gyp fetches them.
  const prefix = path.resolve(process.execPath, '..', '..');
  const headers = existsSync(path.join(prefix, 'include', 'node', 'node.h')) ? [`--nodedir=${prefix}`] : [];
  const gyp = path.join(home, 'node_modules', 'node-gyp', 'bin', 'node-gyp.js');
  const output = await run(process.execPath, [gyp, 'rebuild', ...headers], folder, { mayFail: true });
  // The exit code says little (optional targets fail); the file decides.
  if (!existsSync(built)) throw new Error(`${name} did not build:\n${output.slice(-3000)}`);
}

async function npm(cwd, args) {
  await run('npm', ['--no-audit', '--no-fund', '--loglevel=error', ...args], cwd, {});
}

async function run(command, args, cwd, { mayFail = false }) {
  const env = { ...process.env };
  // An outer `npm run` hands its own project down; these installs have another. A registry or proxy is kept.
  const outer = /^npm_(package_|lifecycle_|config_(local_|global_)?prefix$|config_engine_strict$)/i;
  for (const name of Object.keys(env)) if (outer.test(name)) delete env[name];
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (data) => (output += data));
  child.stderr.on('data', (data) => (output += data));
  const [code] = await once(child, 'close');
  if (code !== 0 && !mayFail) throw new Error(`${command} ${args.join(' ')} failed:\n${output.slice(-3000)}`);
  return output;
}

async function link(target, name) {
  await rm(name, { force: true });
  await symlink(target, name);
}

function which(tool) {
  const found = (process.env.PATH ?? '')
    .split(path.delimiter)
    .map((folder) => path.join(folder, tool))
    .find(existsSync);
  return found ?? '';
}

function say(text) {
  process.stderr.write(`vscode-web: ${text}\n`);
}

// ── serve ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Starts the server on a free loopback port. `url` opens the workbench on the folder with this extension in it. */
export async function serve({ folder, data, tests, extensions = [], settings = {}, chromium = false, vsix }) {
  const main = await install({ chromium });
  const userData = data ?? (await mkdtemp(path.join(tmpdir(), 'ecd-vscode-')));
  await writeSettings(userData, settings);
  const places = [
    ...['--server-data-dir', path.join(userData, 'server')],
    ...['--user-data-dir', path.join(userData, 'user')],
    ...['--extensions-dir', path.join(userData, 'extensions')],
  ];
  for (const other of extensions) await installExtension(other, path.join(userData, 'extensions'));
  if (vsix !== undefined) {
    await run(
      process.execPath,
      [main, '--accept-server-license-terms', ...places, '--install-extension', path.resolve(vsix)],
      root,
      {},
    );
  }
  const child = spawn(
    process.execPath,
    // Port 0 lets the system choose, so two runs never meet; the server prints what it got.
    [
      main,
      '--host',
      '127.0.0.1',
      '--port',
      '0',
      '--without-connection-token',
      '--accept-server-license-terms',
      ...places,
      '--telemetry-level',
      'off',
      ...['--log', 'warn', '--log', 'elixir-coordinated-debugger.elixir-coordinated-debugger:debug'],
    ],
    // A process group of its own, so that the extension hosts and terminals below it end with it.
    { stdio: ['ignore', 'pipe', 'pipe'], detached: true, env: { ...process.env, VSCODE_SKIP_PRELAUNCH: '1' } },
  );
  const ended = once(child, 'close');
  const stop = async () => {
    await endGroup(child, ended);
    if (data === undefined) await rm(userData, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const port = await listening(child, ended);
    const remote = (file) => `vscode-remote://127.0.0.1:${port}${file}`;
    // By a link: VS Code takes every theme below the extension's folder, its own in .vscode-test too, for the
    // extension's, and would show the first of them whatever the settings say.
    const extension = path.join(userData, 'extension');
    await link(root, extension);
    const payload = vsix === undefined ? [['extensionDevelopmentPath', remote(extension)]] : [];
    if (tests !== undefined) payload.push(['extensionTestsPath', remote(path.resolve(tests))]);
    const query = new URLSearchParams({ folder: path.resolve(folder), payload: JSON.stringify(payload) });
    return { url: `http://127.0.0.1:${port}/?${query}`, port, data: userData, ended, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** VS Code takes up what lies in its extensions folder when that has no index yet. */
async function installExtension(from, folder) {
  const { publisher, name, version } = JSON.parse(await readFile(path.join(from, 'package.json'), 'utf8'));
  await cp(from, path.join(folder, `${publisher}.${name}-${version}`), { recursive: true });
}

/** The port the server says it listens on; its output goes on being read, or it would block. */
async function listening(child, ended) {
  let output = '';
  const port = new Promise((resolve) => {
    const read = (line) => {
      output += `${line}\n`;
      const found = /Extension host agent listening on (\d+)/.exec(line);
      if (found) resolve(Number(found[1]));
    };
    createInterface({ input: child.stdout }).on('line', read);
    createInterface({ input: child.stderr }).on('line', read);
  });
  const early = ended.then(([code]) => {
    throw new Error(`VS Code's server ended with code ${code}:\n${output}`);
  });
  const late = new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`VS Code's server did not listen within 60 s:\n${output}`)), 60_000).unref();
  });
  early.catch(() => {});
  return Promise.race([port, early, late]);
}

async function endGroup(child, ended) {
  const signal = (name) => {
    try {
      process.kill(-child.pid, name);
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
    }
  };
  signal('SIGTERM');
  const patience = setTimeout(() => signal('SIGKILL'), 5_000);
  await ended;
  clearTimeout(patience);
  // What the server started and left behind is still in its group.
  signal('SIGKILL');
}

/** The trust dialog, the welcome page and tips would stand between the driver and the workbench. */
async function writeSettings(userData, settings) {
  const text = JSON.stringify(
    {
      'security.workspace.trust.enabled': false,
      'workbench.startupEditor': 'none',
      'workbench.tips.enabled': false,
      'workbench.welcomePage.walkthroughs.openOnInstall': false,
      'telemetry.telemetryLevel': 'off',
      'extensions.autoCheckUpdates': false,
      'extensions.ignoreRecommendations': true,
      'chat.commandCenter.enabled': false,
      'git.openRepositoryInParentFolders': 'never',
      'remote.autoForwardPorts': false,
      ...settings,
    },
    null,
    2,
  );
  const file = path.join(userData, 'user', 'User', 'settings.json');
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, text);
}

// ── command line ───────────────────────────────────────────────────────────────────────────────────────────────────

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      folder: { type: 'string' },
      data: { type: 'string' },
      tests: { type: 'string' },
      extension: { type: 'string', multiple: true },
      package: { type: 'string' },
      setting: { type: 'string', multiple: true },
      chromium: { type: 'boolean' },
      open: { type: 'boolean' },
    },
  });
  const [command] = positionals;
  if (command === 'install') {
    process.stdout.write(`${await install({ chromium: values.chromium })}\n`);
    return;
  }
  if (command !== 'serve' || values.folder === undefined) {
    throw new Error(
      'usage: vscode-web.mjs install | serve --folder DIR [--data DIR] [--tests FILE] [--extension DIR] [--package VSIX] [--setting K=JSON] [--chromium] [--open]',
    );
  }
  const settings = Object.fromEntries(
    (values.setting ?? []).map((text) => [
      text.slice(0, text.indexOf('=')),
      JSON.parse(text.slice(text.indexOf('=') + 1)),
    ]),
  );
  const { folder, data, tests, chromium, extension: extensions, package: vsix } = values;
  const running = await serve({ folder, data, tests, extensions, settings, chromium, vsix });
  process.stdout.write(`${JSON.stringify({ url: running.url, port: running.port, data: running.data })}\n`);
  if (values.open) spawn(which('xdg-open') || 'open', [running.url], { stdio: 'ignore', detached: true }).unref();
  const asked = new Promise((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(name, resolve);
    // Started with a channel, as the test driver does: whoever started us may also just be gone.
    process.once('disconnect', resolve);
  });
  await Promise.race([asked, running.ended]);
  await running.stop();
  if (process.connected) process.disconnect();
}

if (process.argv[1] && fileURLToPath(import.meta.url) === path.resolve(process.argv[1])) {
  try {
    await main();
  } catch (error) {
    process.stderr.write(`vscode-web: ${error.message}\n`);
    process.exitCode = 1;
  }
}
