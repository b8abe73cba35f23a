// Debug configurations: what F5 runs without a launch.json, what the debug menu offers, and defaults for those that exist.
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { Config } from '../config';
import { DEBUG_TYPE } from '../contributions';
import { isTest, projectOf, projectsIn, runnerOf, runOfProject } from './workspace';

/** Names in a resolved configuration what launch.json itself says of the coordination. */
export const GIVEN_COORDINATION = '__coordinationGiven';

type Folder = vscode.WorkspaceFolder | undefined;

/** Registers the provider for F5, for a new launch.json and for the dynamic list. */
export function registerConfigurations(provider: Configurations): vscode.Disposable {
  const triggers = [
    vscode.DebugConfigurationProviderTriggerKind.Initial,
    vscode.DebugConfigurationProviderTriggerKind.Dynamic,
  ];
  const [initial, dynamic] = triggers.map((trigger) =>
    vscode.debug.registerDebugConfigurationProvider(
      DEBUG_TYPE,
      trigger === vscode.DebugConfigurationProviderTriggerKind.Initial
        ? provider
        : { provideDebugConfigurations: (folder, token) => provider.provideDebugConfigurations(folder, token) },
      trigger,
    ),
  );
  return vscode.Disposable.from(...[initial, dynamic].filter((disposable) => disposable !== undefined));
}

export class Configurations implements vscode.DebugConfigurationProvider {
  constructor(private readonly config: Config) {}

  /** The open file first, then each project with its tests. Paths stay portable: these may go into a launch.json. */
  async provideDebugConfigurations(
    folder: Folder,
    token?: vscode.CancellationToken,
  ): Promise<vscode.DebugConfiguration[]> {
    if (folder === undefined) return [];
    const file = await this.ofActiveFile(folder, false);
    const projects = await projectsIn(folder, token);
    const ofProjects = await Promise.all(projects.map((project) => this.ofProject(project, folder)));
    return [...(file === undefined ? [] : [file]), ...ofProjects.flat()];
  }

  async resolveDebugConfiguration(
    folder: Folder,
    given: vscode.DebugConfiguration,
  ): Promise<vscode.DebugConfiguration> {
    // F5 without a launch.json arrives as an empty configuration.
    const empty = !given.type && !given.request && !given.name;
    const complete = empty ? { ...(await this.zeroConfig(folder)), ...noDebugOf(given) } : given;
    const scope = folder ?? vscode.window.activeTextEditor?.document.uri;
    const known = complete['projectDir'] !== undefined || folder === undefined;
    return {
      // Other clients list all processes unless told otherwise.
      showSystemProcesses: false,
      ...complete,
      ...(known ? {} : { projectDir: await mainProject(folder) }),
      // What launch.json says wins over the settings, key by key, also when they change while the session runs.
      coordination: coordinationOf(complete['coordination'], { ...this.config.coordination(scope) }),
      [GIVEN_COORDINATION]: keysOf(complete['coordination']),
    };
  }

  private async zeroConfig(folder: Folder): Promise<vscode.DebugConfiguration> {
    const file = await this.ofActiveFile(folder, true);
    if (file !== undefined) return file;
    const start = activeFile();
    const top = folder?.uri.fsPath;
    const project =
      (start === undefined ? undefined : await projectOf(path.dirname(start), top ?? path.parse(start).root)) ??
      (folder === undefined ? undefined : (await projectsIn(folder))[0]);
    if (project !== undefined) {
      const { name, run } = await runOfProject(project);
      return { ...launch(name), ...run, projectDir: project };
    }
    // Nothing to run was found: the adapter's answer says what it looked for and where.
    return { ...launch('mix run'), task: 'run' };
  }

  private async ofProject(project: string, folder: vscode.WorkspaceFolder): Promise<vscode.DebugConfiguration[]> {
    const { name, run } = await runOfProject(project);
    const inside = path.relative(folder.uri.fsPath, project);
    const suffix = inside === '' ? '' : ` (${inside})`;
    const projectDir = portable(project, folder);
    const configurations = [{ ...launch(name + suffix), ...run, projectDir }];
    if (run.task !== 'test') configurations.push({ ...launch(`mix test${suffix}`), task: 'test', projectDir });
    return configurations;
  }

  /** A test file runs its test at the cursor, a script runs itself; other files say nothing about what to run. */
  private async ofActiveFile(folder: Folder, absolute: boolean): Promise<vscode.DebugConfiguration | undefined> {
    const file = activeFile();
    if (file === undefined || path.extname(file) !== '.exs') return undefined;
    const top = folder?.uri.fsPath ?? path.parse(file).root;
    const project = await projectOf(path.dirname(file), top);
    const place = (at: string): string => (absolute || folder === undefined ? at : portable(at, folder));
    const name = path.basename(file);
    if (project !== undefined && isTest(path.relative(project, file))) {
      const inside = path.relative(project, file);
      const projectDir = place(project);
      const line = (vscode.window.activeTextEditor?.selection.active.line ?? 0) + 1;
      return absolute
        ? { ...launch(`mix test ${inside}:${line}`), task: 'test', taskArgs: [`${inside}:${line}`], projectDir }
        : { ...launch('mix test at the cursor'), task: 'test', taskArgs: ['${file}:${lineNumber}'], projectDir };
    }
    const runner = await runnerOf(file, project);
    if (runner === 'elixir')
      return { ...launch(`elixir ${name}`), script: place(file), projectDir: place(path.dirname(file)) };
    if (runner === undefined || project === undefined) return undefined;
    const inside = path.relative(project, file);
    const taskArgs = [absolute ? inside : '${file}'];
    return { ...launch(`mix run ${inside}`), task: 'run', taskArgs, projectDir: place(project) };
  }
}

/** The folder itself, or the outermost project in it. */
async function mainProject(folder: vscode.WorkspaceFolder): Promise<string> {
  const top = folder.uri.fsPath;
  return (await projectOf(top, top)) ?? (await projectsIn(folder))[0] ?? top;
}

function launch(name: string): vscode.DebugConfiguration {
  return { type: DEBUG_TYPE, request: 'launch', name };
}

/** "Run Without Debugging" arrives as a flag on the otherwise empty configuration. */
function noDebugOf(given: vscode.DebugConfiguration): { noDebug?: boolean } {
  return given['noDebug'] === true ? { noDebug: true } : {};
}

/** A value that is no object goes on as it is: the adapter's error names the field. */
function coordinationOf(given: unknown, settings: Record<string, unknown>): unknown {
  if (given === undefined || given === null) return settings;
  return typeof given === 'object' && !Array.isArray(given) ? { ...settings, ...given } : given;
}

function keysOf(given: unknown): string[] {
  return typeof given === 'object' && given !== null ? Object.keys(given) : [];
}

function portable(at: string, folder: vscode.WorkspaceFolder): string {
  const inside = path.relative(folder.uri.fsPath, at);
  if (inside.startsWith('..') || path.isAbsolute(inside)) return at;
  return inside === '' ? '${workspaceFolder}' : `\${workspaceFolder}/${inside.split(path.sep).join('/')}`;
}

/** The file on disk that the user looks at. */
function activeFile(): string | undefined {
  const document = vscode.window.activeTextEditor?.document;
  return document?.uri.scheme === 'file' ? document.uri.fsPath : undefined;
}
