// Finds the user's Elixir and Erlang, asks them once for their versions, and says what is missing. Starts no program of
// the user's.
import { access, constants, readFile, realpath, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import * as v from 'valibot';
import { Failure } from '../../protocol/failure';
import type { Log } from '../log';
import { writeAtomically } from './cacheDir';
import { pathVariable, type Environment } from './environment';
import { run } from './run';

const OLDEST_OTP = 25;
const OLDEST_ELIXIR = [1, 14] as const;
/** ms; version managers may have to look around first. */
const PROBE_TIMEOUT = 60_000;
/** Installations to remember; each takes some hundred bytes. */
const REMEMBERED = 50;

const Probed = v.object({
  elixirVersion: v.string(),
  otp: v.number(),
  erts: v.string(),
  rootDir: v.string(),
  /** Folder of the debugger application; null where Erlang lacks it. */
  debuggerDir: v.nullable(v.string()),
});
type Probed = v.InferOutput<typeof Probed>;

export interface Beam extends Probed {
  elixir: string;
  iex: string;
  erl: string;
}

export interface FindRequest {
  /** The complete environment of the program. */
  env: Environment;
  /** Version managers choose by it. */
  projectDir: string;
  /** Elixir script that prints the versions. */
  probeScript: string;
  cache: string;
  /** false: the program runs without a debugger, so the debugger application may be missing. */
  debug: boolean;
}

/** One clear failure, naming the next step, when what is there cannot be used. */
export async function findBeam(request: FindRequest, log: Log, signal: AbortSignal): Promise<Beam> {
  const elixir = await onPath('elixir', request.env);
  if (elixir === null) {
    throw Failure.user(
      'elixirMissing',
      'Elixir was not found on the PATH.',
      'Install Elixir 1.14 or later (Debian: apt install elixir erlang-debugger), or set "elixirPath" in launch.json.',
    );
  }
  const probed = await probe(elixir, request, log, signal);
  check(probed, request.debug);
  const suffix = process.platform === 'win32' ? '.exe' : '';
  return {
    ...probed,
    elixir,
    iex: path.join(path.dirname(elixir), path.basename(elixir).replace('elixir', 'iex')),
    erl: path.join(probed.rootDir, 'bin', `erl${suffix}`),
  };
}

function check(probed: Probed, debug: boolean): void {
  if (probed.otp < OLDEST_OTP) {
    throw Failure.user(
      'otpTooOld',
      `Erlang/OTP ${probed.otp} is too old to debug: ${OLDEST_OTP} is the oldest that works.`,
      'Install a newer Erlang/OTP, or set "erlPath" in launch.json.',
    );
  }
  const [major = 0, minor = 0] = probed.elixirVersion.split('.').map(Number);
  if (major < OLDEST_ELIXIR[0] || (major === OLDEST_ELIXIR[0] && minor < OLDEST_ELIXIR[1])) {
    throw Failure.user(
      'elixirTooOld',
      `Elixir ${probed.elixirVersion} is too old to debug: ${OLDEST_ELIXIR.join('.')} is the oldest that works.`,
      'Install a newer Elixir, or set "elixirPath" in launch.json.',
    );
  }
  if (debug && probed.debuggerDir === null) {
    throw Failure.user(
      'debuggerMissing',
      `The debugger application is missing from Erlang/OTP ${probed.otp} in ${probed.rootDir}.`,
      'Install it (Debian and Ubuntu: apt install erlang-debugger; Fedora: dnf install erlang-debugger), or run without debugging.',
    );
  }
}

// The versions, remembered by what could change them ----------------------------------------------------------------

const Remembered = v.record(v.string(), Probed);

async function probe(elixir: string, request: FindRequest, log: Log, signal: AbortSignal): Promise<Probed> {
  const file = path.join(request.cache, 'installations.json');
  const key = await installationKey(elixir, request);
  const remembered = await readRemembered(file, log);
  const known = remembered[key];
  if (known !== undefined && (await stillThere(known))) return known;
  const probed = await ask(elixir, request, signal);
  log.info('beam.find', 'found Elixir', { elixir, ...probed });
  // Without the debugger application the next step is to install it: that answer must not be remembered.
  if (probed.debuggerDir !== null) {
    const entries = Object.entries({ ...remembered, [key]: probed }).slice(-REMEMBERED);
    await writeAtomically(file, JSON.stringify(Object.fromEntries(entries), null, 1)).catch((thrown: unknown) => {
      log.warn('beam.find', 'versions cannot be remembered', { file, error: String(thrown) });
    });
  }
  return probed;
}

async function ask(elixir: string, request: FindRequest, signal: AbortSignal): Promise<Probed> {
  const { env, projectDir, probeScript } = request;
  const done = await run(elixir, [probeScript], { cwd: projectDir, env, timeout: PROBE_TIMEOUT, signal });
  const lines = done.stdout.split(/\r?\n/);
  const start = lines.indexOf('ecd-probe');
  const [elixirVersion, otp, erts, rootDir, debuggerDir] = start === -1 ? [] : lines.slice(start + 1);
  const parsed = v.safeParse(Probed, {
    elixirVersion,
    otp: Number(otp),
    erts,
    rootDir,
    debuggerDir: debuggerDir === '' ? null : debuggerDir,
  });
  if (parsed.success) return parsed.output;
  const said = `${done.stderr}\n${done.stdout}`.trim().split('\n').slice(0, 3).join(' ');
  throw Failure.user(
    'elixirFails',
    `${elixir} does not run${said === '' ? '' : `: ${said}`}${/[.!?]$/.test(said) ? '' : '.'}`,
    'Check that Erlang is installed and on the PATH, or set "erlPath" in launch.json.',
  );
}

/** Everything that makes the same path mean another version: the files themselves, and what version managers read. */
async function installationKey(elixir: string, request: FindRequest): Promise<string> {
  const { env, projectDir } = request;
  const erl = await onPath('erl', env);
  const choices = [...parents(projectDir), homedir()].flatMap((dir) =>
    ['.tool-versions', 'mise.toml', '.mise.toml'].map((name) => path.join(dir, name)),
  );
  const parts = await Promise.all([elixir, ...(erl === null ? [] : [erl]), ...choices].map(identity));
  const chosen = Object.entries(env).filter(([name]) => /^(ASDF|MISE|RTX|KIEX|KERL)_.*(VERSION|ROOT|DIR)/.test(name));
  return JSON.stringify([...parts.filter((part) => part !== null), ...chosen]);
}

async function identity(file: string): Promise<string | null> {
  try {
    const real = await realpath(file);
    return `${file}>${real}@${(await stat(real)).mtimeMs}`;
  } catch {
    return null;
  }
}

function parents(dir: string): string[] {
  const parent = path.dirname(dir);
  return parent === dir ? [dir] : [dir, ...parents(parent)];
}

async function readRemembered(file: string, log: Log): Promise<Record<string, Probed>> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch {
    return {};
  }
  try {
    return v.parse(Remembered, JSON.parse(text));
  } catch (thrown) {
    log.warn('beam.find', 'remembered versions are unreadable and asked for again', { file, error: String(thrown) });
    return {};
  }
}

async function stillThere(known: Probed): Promise<boolean> {
  const folders = [path.join(known.rootDir, `erts-${known.erts}`), known.debuggerDir];
  const found = await Promise.all(folders.map(async (folder) => (folder === null ? null : await identity(folder))));
  return found.every((one) => one !== null);
}

// The path ----------------------------------------------------------------------------------------------------------

/** Folders where Elixir often is though an editor started from the desktop does not have them on its PATH. */
const USUAL_FOLDERS = ['.asdf/shims', '.local/share/mise/shims', '.local/bin', '.elixir-install/bin'];
const USUAL_SYSTEM_FOLDERS = ['/usr/local/bin', '/opt/homebrew/bin', '/opt/local/bin'];

async function onPath(name: string, env: Environment): Promise<string | null> {
  const names = process.platform === 'win32' ? [`${name}.bat`, `${name}.exe`] : [name];
  for (const folder of pathFolders(env)) {
    for (const candidate of names) {
      const file = path.join(folder, candidate);
      const usable = await access(file, constants.X_OK).then(
        async () => (await stat(file)).isFile(),
        () => false,
      );
      if (usable) return file;
    }
  }
  return null;
}

function pathFolders(env: Environment): string[] {
  return (env[pathVariable(env)] ?? '').split(path.delimiter).filter((folder) => path.isAbsolute(folder));
}

/** PATH completed by the usual folders, at its end: what the user has chosen wins. */
export function completedPath(env: Environment): string {
  const usual =
    process.platform === 'win32'
      ? []
      : [...USUAL_FOLDERS.map((folder) => path.join(homedir(), folder)), ...USUAL_SYSTEM_FOLDERS];
  const present = pathFolders(env);
  return [env[pathVariable(env)] ?? '', ...usual.filter((folder) => !present.includes(folder))]
    .filter((part) => part !== '')
    .join(path.delimiter);
}
