// The environment that the program gets: the adapter's own, an env file, launch.json's env, the chosen Erlang first on
// the path. Reads one file, starts nothing.
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { Failure } from '../../protocol/failure';

export type Environment = Readonly<Record<string, string>>;
/** Differences to the adapter's own environment; null removes a variable. */
export type EnvironmentChanges = Readonly<Record<string, string | null>>;

export interface EnvironmentRequest {
  env: EnvironmentChanges;
  envFile?: string | undefined;
  elixirPath?: string | undefined;
  erlPath?: string | undefined;
  /** Relative paths start here. */
  baseDir: string;
}

/** What the configuration changes, in the order of precedence: env, then envFile; the chosen executables' folders lead PATH. */
export async function environmentChanges(request: EnvironmentRequest, own: Environment): Promise<EnvironmentChanges> {
  const fromFile =
    request.envFile === undefined ? {} : await readEnvFile(path.resolve(request.baseDir, request.envFile));
  const changes: Record<string, string | null> = { ...fromFile, ...request.env };
  const folders: string[] = [];
  for (const [field, given] of [
    ['elixirPath', request.elixirPath],
    ['erlPath', request.erlPath],
  ] as const) {
    if (given !== undefined) folders.push(await executableFolder(field, path.resolve(request.baseDir, given)));
  }
  if (folders.length > 0) {
    const name = pathVariable({ ...own, ...changes });
    const before = changes[name] ?? own[name] ?? '';
    changes[name] = [...folders, ...(before === '' ? [] : [before])].join(path.delimiter);
  }
  return changes;
}

export function applyChanges(own: Environment, changes: EnvironmentChanges): Environment {
  const result: Record<string, string> = { ...own };
  for (const [name, value] of Object.entries(changes)) {
    // Windows ignores the case of names: a second spelling would hide the first at random.
    const existing =
      process.platform === 'win32' ? Object.keys(result).find((key) => key.toLowerCase() === name.toLowerCase()) : name;
    if (existing !== undefined && existing !== name) Reflect.deleteProperty(result, existing);
    if (value === null) Reflect.deleteProperty(result, name);
    else result[name] = value;
  }
  return result;
}

/** Names of the variables that say which characters a program reads and writes. */
const LOCALE = ['LC_ALL', 'LC_CTYPE', 'LANG'];

/**
 * Where no locale is set at all, as in containers and in editors that a desktop starts, Erlang would read and write
 * Latin-1, and everything else would come out as `?` or `\x{…}`. A locale that somebody has chosen stays.
 */
export function localeChanges(env: Environment, platform = process.platform): EnvironmentChanges {
  if (platform === 'win32' || LOCALE.some((name) => (env[name] ?? '') !== '')) return {};
  return { LC_CTYPE: platform === 'darwin' ? 'UTF-8' : 'C.UTF-8' };
}

/** What only an editor's or the adapter's own processes are meant to see. */
const NOT_FOR_PROGRAMS = /^(ELECTRON_RUN_AS_NODE|VSCODE_.*|ECD_.*)$/;

/** The adapter's own environment as far as the program should have it. */
export function ownEnvironment(): Environment {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && !NOT_FOR_PROGRAMS.test(entry[0]),
    ),
  );
}

/** `PATH`, or as Windows happens to spell it. */
export function pathVariable(env: Readonly<Record<string, unknown>>): string {
  return Object.keys(env).find((name) => name.toUpperCase() === 'PATH') ?? 'PATH';
}

async function executableFolder(field: string, given: string): Promise<string> {
  try {
    const found = await stat(given);
    if (!found.isDirectory()) return path.dirname(given);
  } catch {
    throw Failure.user('executableMissing', `"${field}" is ${given}, which does not exist.`, `Correct "${field}".`);
  }
  // An installation's folder is as good as its bin folder.
  const bin = path.join(given, 'bin');
  return stat(bin).then(
    (found) => (found.isDirectory() ? bin : given),
    () => given,
  );
}

async function readEnvFile(file: string): Promise<Record<string, string>> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch {
    throw Failure.user('envFileMissing', `The env file ${file} cannot be read.`, 'Correct "envFile" in launch.json.');
  }
  return parseEnvFile(text);
}

/** NAME=value lines; `export` and quotes are allowed, # begins a comment. */
export function parseEnvFile(text: string): Record<string, string> {
  const result: Record<string, string> = {};
  for (const line of text.replace(/^\uFEFF/, '').split(/\r?\n/)) {
    const match = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.]*)\s*=\s*(.*?)\s*$/.exec(line);
    if (match?.[1] !== undefined && match[2] !== undefined) result[match[1]] = envValue(match[2]);
  }
  return result;
}

function envValue(raw: string): string {
  const single = /^'([^']*)'\s*(?:#.*)?$/.exec(raw)?.[1];
  if (single !== undefined) return single;
  const double = /^"((?:[^"\\]|\\.)*)"\s*(?:#.*)?$/.exec(raw)?.[1];
  if (double === undefined) return raw.replace(/\s+#.*$/, '');
  const escapes: Record<string, string> = { n: '\n', r: '\r', t: '\t' };
  return double.replace(/\\(.)/g, (_all, letter: string) => escapes[letter] ?? letter);
}
