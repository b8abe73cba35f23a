// The checks of the environment, one by one: each says what was found and, where something is missing, the next step. They
// change nothing and run no code of the project.
import { execFile } from 'node:child_process';
import { access, constants, mkdir, readFile, stat } from 'node:fs/promises';
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { EnvironmentCheck } from '../../protocol/adapter';
import type { Server } from '../client';
import { DEBUG_TYPE } from '../contributions';
import { mixFacts } from '../debug/mixProject';
import { projectsIn } from '../debug/workspace';

/** ms; the agent may have to be compiled first. */
const CHECK_TIMEOUT = 120_000;
/** Projects to look into; a workspace with more has one mistake in all of them. */
const MOST_PROJECTS = 20;

export interface Finding {
  grade: 'good' | 'hint' | 'bad';
  /** One sentence. */
  text: string;
  /** What to do about it, one sentence. */
  next?: string;
}

export interface CheckParts {
  extensionPath: string;
  storage: vscode.Uri | undefined;
  server: Pick<Server, 'request'>;
}

export interface Check {
  title: string;
  run: (signal: AbortSignal) => Promise<Finding[]>;
}

export function checksOf(parts: CheckParts): Check[] {
  return [
    { title: vscode.l10n.t('Elixir and Erlang'), run: (signal) => runtime(parts, signal) },
    { title: vscode.l10n.t('Mix projects'), run: () => projects() },
    { title: vscode.l10n.t('Build folders'), run: () => builds() },
    { title: vscode.l10n.t('Coordination server'), run: () => serverHealth(parts) },
    { title: vscode.l10n.t('Folder for learned usage'), run: () => storage(parts) },
    { title: vscode.l10n.t('Other extensions'), run: () => Promise.resolve(others()) },
  ];
}

/** By the debug adapter itself, so that it is what a session would find, down to the compiled agent. */
async function runtime({ extensionPath }: CheckParts, signal: AbortSignal): Promise<Finding[]> {
  const folder = vscode.workspace.workspaceFolders?.[0];
  const [project] = folder === undefined ? [] : await projectsIn(folder);
  const projectDir = project ?? folder?.uri.fsPath ?? extensionPath;
  const answer = await adapterCheck(extensionPath, { projectDir, ...pathsOf(folder) }, signal);
  if (!answer.found) {
    const { message, hint } = answer.failure;
    return [{ grade: 'bad', text: message, ...(hint === undefined ? {} : { next: hint }) }];
  }
  const { elixirVersion, otp, elixir, erl, debuggerDir, cacheDir } = answer;
  return [
    good(vscode.l10n.t('Elixir {0} runs: {1}.', elixirVersion, elixir)),
    good(vscode.l10n.t('Erlang/OTP {0} runs: {1}.', otp, erl)),
    good(vscode.l10n.t('The debugger application of Erlang is there: {0}.', debuggerDir)),
    good(vscode.l10n.t('The debug agent is compiled, in {0}.', cacheDir)),
  ];
}

/** Executables that launch.json names, if it does; the first configuration of ours counts. */
function pathsOf(folder: vscode.WorkspaceFolder | undefined): Record<string, string> {
  const given = vscode.workspace.getConfiguration('launch', folder).get<unknown>('configurations');
  if (!Array.isArray(given)) return {};
  const ours = given.filter((each): each is Record<string, unknown> => {
    return typeof each === 'object' && each !== null && (each as { type?: unknown }).type === DEBUG_TYPE;
  });
  return Object.fromEntries(
    ['elixirPath', 'erlPath'].flatMap((key) => {
      const value = ours.map((each) => each[key]).find((each) => typeof each === 'string');
      return value === undefined ? [] : [[key, value.replace('${workspaceFolder}', folder?.uri.fsPath ?? '')]];
    }),
  );
}

function adapterCheck(extensionPath: string, request: object, signal: AbortSignal): Promise<EnvironmentCheck> {
  const adapter = path.join(extensionPath, 'dist', 'adapter.js');
  const options = {
    // In the desktop the executable is Electron, which is a Node only when told so.
    env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
    timeout: CHECK_TIMEOUT,
    signal,
    windowsHide: true,
  };
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [adapter, `--check=${JSON.stringify(request)}`], options, (error, stdout) => {
      if (error === null) resolve(JSON.parse(stdout) as EnvironmentCheck);
      else reject(new Error(error.message));
    });
  });
}

async function projects(): Promise<Finding[]> {
  const found = await allProjects();
  if (found.length === 0) {
    return [
      {
        grade: 'hint',
        text: vscode.l10n.t('There is no mix.exs in this workspace: scripts alone can be debugged.'),
        next: vscode.l10n.t('Open the folder of a mix project, or create one with "mix new".'),
      },
    ];
  }
  const findings = await Promise.all(
    found.map(async (project): Promise<Finding[]> => {
      const facts = mixFacts(await readFile(path.join(project, 'mix.exs'), 'utf8'));
      const kind = facts.umbrella ? vscode.l10n.t('umbrella') : vscode.l10n.t('project');
      const lock = await exists(path.join(project, 'mix.lock'));
      const fetched = await exists(path.join(project, 'deps'));
      const all = good(`${shown(project)}: ${kind}`);
      if (!lock || fetched || (await partOfUmbrella(project))) return [all];
      const text = vscode.l10n.t('{0} has dependencies that were not fetched.', shown(project));
      return [all, { grade: 'bad', text, next: vscode.l10n.t('Run "mix deps.get" there.') }];
    }),
  );
  return findings.flat();
}

/** Applications of an umbrella keep their dependencies above. */
function partOfUmbrella(project: string): Promise<boolean> {
  const parent = path.dirname(project);
  return path.basename(parent) === 'apps' ? exists(path.join(path.dirname(parent), 'mix.exs')) : Promise.resolve(false);
}

async function builds(): Promise<Finding[]> {
  const found = await allProjects();
  const findings = await Promise.all(
    found.map(async (project): Promise<Finding> => {
      const build = path.join(project, '_build');
      const there = await exists(build);
      if (!(await writable(there ? build : project))) {
        const text = vscode.l10n.t(
          '{0} cannot be written to, so nothing can be compiled.',
          shown(there ? build : project),
        );
        return { grade: 'bad', text, next: vscode.l10n.t('Give yourself the right to write there.') };
      }
      if (there) return good(vscode.l10n.t('{0} can be written to.', shown(build)));
      return {
        grade: 'hint',
        text: vscode.l10n.t('{0} was not compiled yet; the first session does it.', shown(project)),
      };
    }),
  );
  return findings.length > 0 ? findings : [good(vscode.l10n.t('Nothing has to be built.'))];
}

async function serverHealth({ server }: CheckParts): Promise<Finding[]> {
  let health;
  try {
    health = await server.request('coordination/health', {});
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const next = vscode.l10n.t(
      'Restart it by "Restart Coordination Server"; sessions work without it, on demand only.',
    );
    return [{ grade: 'bad', text, next }];
  }
  const known = health.indexed
    ? vscode.l10n.t('It runs and knows {0} modules in {1} files.', health.modules, health.files)
    : vscode.l10n.t('It runs and still reads the project.');
  const next = vscode.l10n.t('The log says more: "Show Log".');
  return [good(known), ...health.troubles.map((text): Finding => ({ grade: 'hint', text, next }))];
}

async function storage({ storage: uri }: CheckParts): Promise<Finding[]> {
  if (uri === undefined) {
    return [{ grade: 'hint', text: vscode.l10n.t('No folder is open, so nothing that is learned is kept.') }];
  }
  await mkdir(uri.fsPath, { recursive: true }).catch(() => undefined);
  if (await writable(uri.fsPath)) return [good(vscode.l10n.t('It can be written to.'))];
  const text = vscode.l10n.t('{0} cannot be written to: nothing that is learned is kept.', uri.fsPath);
  return [{ grade: 'bad', text, next: vscode.l10n.t('Give yourself the right to write there.') }];
}

function others(): Finding[] {
  const found = vscode.extensions.all.filter(({ packageJSON }) => {
    const { contributes } = packageJSON as { contributes?: { debuggers?: { type: string }[] } };
    return contributes?.debuggers?.some(({ type }) => type === 'mix_task') === true;
  });
  if (found.length === 0) return [good(vscode.l10n.t('No other debugger for Elixir is installed.'))];
  return found.map(({ id }) => ({
    grade: 'hint',
    text: vscode.l10n.t('{0} is installed as well: its configurations have the type "mix_task", ours "elixir".', id),
  }));
}

function good(text: string): Finding {
  return { grade: 'good', text };
}

async function allProjects(): Promise<string[]> {
  const folders = vscode.workspace.workspaceFolders ?? [];
  const found = await Promise.all(folders.map((folder) => projectsIn(folder)));
  return found.flat().slice(0, MOST_PROJECTS);
}

function shown(file: string): string {
  return vscode.workspace.asRelativePath(file, true);
}

function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

function writable(file: string): Promise<boolean> {
  return access(file, constants.W_OK).then(
    () => true,
    () => false,
  );
}
