// `npm run demo`: debugs the sample project through the real adapter and shows on the terminal what happens.
// `npm run demo -- --vscode`: opens the sample in VS Code with the extension instead. Leaves nothing running.
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { parseArgs } from 'node:util';
import path from 'node:path';
import { root, setup } from './setup.mjs';
import { bold, dim, red, say } from './demo/terminal.mjs';

const sample = path.join(root, 'demo', 'sample');

async function main() {
  const { values } = parseArgs({ options: { vscode: { type: 'boolean', default: false } } });
  say(bold('Elixir Coordinated Debugger'));
  say(dim('Elixir at native speed under a debugger: only what holds a breakpoint, or steps, is interpreted.'));
  say();
  const { elixir, otp } = setup();
  build();
  if (values.vscode) {
    await openWorkbench();
    return;
  }
  compileSample();
  const { tour } = await import('./demo/tour.mjs');
  await tour({ adapter: path.join(root, 'dist', 'adapter.js'), sample });
  say();
  say(dim(`Elixir ${elixir}, OTP ${otp}. All numbers: npm run bench. The same in VS Code: npm run demo -- --vscode`));
}

// ── what must be there ─────────────────────────────────────────────────────────────────────────────────────────────

function build() {
  const programs = ['adapter.js', 'extension.js', 'server.js'].map((name) => path.join(root, 'dist', name));
  const sources = ['adapter', 'protocol', 'server', 'src'].flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true }).map((file) => path.join(root, folder, String(file))),
  );
  const newest = Math.max(...sources.map((file) => statSync(file).mtimeMs));
  if (programs.every((file) => existsSync(file) && statSync(file).mtimeMs >= newest)) return;
  say('setup: building the debug adapter and the extension');
  run(process.execPath, [path.join(root, 'scripts', 'build.mjs')], root);
}

/** Otherwise the first session would show what compiling costs, and the second would not. */
function compileSample() {
  if (!existsSync(path.join(sample, '_build'))) say('setup: compiling the sample project');
  run('mix', ['compile'], sample);
}

/** Shows the command's output only when it fails. */
function run(command, args, cwd) {
  const shell = process.platform === 'win32' && command === 'mix';
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, shell, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${error?.message ?? stdout + stderr}`);
}

// ── the workbench ──────────────────────────────────────────────────────────────────────────────────────────────────

async function openWorkbench() {
  say();
  if (openDesktop()) {
    say('VS Code opens on the sample. Press F5 there to debug it.');
    return;
  }
  say('There is no desktop VS Code here (no `code` command): starting one in the browser.');
  const { serve } = await import('./vscode-web.mjs');
  const workbench = await serve({ folder: sample });
  const asked = Promise.race(['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => once(process, signal)));
  try {
    say();
    say(`   ${bold(workbench.url)}`);
    say();
    say('Open this address in a browser, then press F5 to debug the sample. Ctrl+C here ends it.');
    await Promise.race([asked, workbench.ended]);
  } finally {
    await workbench.stop();
  }
}

/** false where there is no `code` that opens a window: not installed, or refusing, as it does for root. */
function openDesktop() {
  const args = [`--extensionDevelopmentPath=${root}`, '--new-window', sample];
  const { status } = spawnSync('code', args, { stdio: 'ignore', shell: process.platform === 'win32' });
  return status === 0;
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${red('The demo could not go on:')} ${error.message}\n`);
  process.exitCode = 1;
}
