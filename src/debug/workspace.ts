// Looks at the user's folders: which mix project a file belongs to, and what is in it. Reads only, never runs mix.
import * as path from 'node:path';
import * as vscode from 'vscode';
import { mixFacts, runOf, type Run } from './mixProject';

const NOT_OURS = '**/{deps,_build,node_modules,.git,.elixir_ls}/**';
const MAX_PROJECTS = 50;

/** Folder of the nearest mix.exs at or above `from`, not above `top`. */
export async function projectOf(from: string, top: string): Promise<string | undefined> {
  for (let folder = from; isInside(folder, top); folder = path.dirname(folder)) {
    if (await exists(path.join(folder, 'mix.exs'))) return folder;
    if (folder === path.dirname(folder)) return undefined;
  }
  return undefined;
}

/** Folders of all mix projects below a workspace folder, the outermost first. */
export async function projectsIn(folder: vscode.WorkspaceFolder, token?: vscode.CancellationToken): Promise<string[]> {
  const pattern = new vscode.RelativePattern(folder, '**/mix.exs');
  const found = await vscode.workspace.findFiles(pattern, NOT_OURS, MAX_PROJECTS, token);
  return found.map((uri) => path.dirname(uri.fsPath)).sort((a, b) => a.length - b.length || a.localeCompare(b));
}

/** How the project is started. */
export async function runOfProject(project: string): Promise<{ name: string; run: Run }> {
  const facts = mixFacts(await read(path.join(project, 'mix.exs')));
  const tests = await exists(path.join(project, 'test', 'test_helper.exs'));
  return runOf(facts, { endpoint: await hasEndpoint(project), tests });
}

/** How a file of statements is run: by `elixir`, by `mix run`, or not at all where the project loads it by itself. */
export async function runnerOf(file: string, project: string | undefined): Promise<'elixir' | 'mix' | undefined> {
  if (project === undefined) return 'elixir';
  const inside = path.relative(project, file);
  if (
    /^(mix|\.formatter|\.iex|\.credo)\.exs$/.test(inside) ||
    /^(config|rel)[/\\]/.test(inside) ||
    path.basename(file) === 'test_helper.exs'
  ) {
    return undefined;
  }
  // Mix.install refuses to run inside a project; such a script stands on its own.
  return /\bMix\.install\b/.test(await read(file)) ? 'elixir' : 'mix';
}

/** Whether `mix test` takes a file, named from the top of its project. */
export function isTest(inside: string): boolean {
  return /_test\.exs$/.test(inside) && inside.split(path.sep).includes('test');
}

async function hasEndpoint(project: string): Promise<boolean> {
  const pattern = new vscode.RelativePattern(vscode.Uri.file(project), '{lib,apps/*/lib}/**/endpoint.ex');
  for (const uri of await vscode.workspace.findFiles(pattern, NOT_OURS, 20)) {
    if (/^\s*use\s+Phoenix\.Endpoint\b/m.test(await read(uri.fsPath))) return true;
  }
  return false;
}

/** Text of a file on disk; an unreadable one counts as empty, since it only decides a suggestion. */
export async function read(file: string): Promise<string> {
  try {
    return Buffer.from(await vscode.workspace.fs.readFile(vscode.Uri.file(file))).toString('utf8');
  } catch {
    return '';
  }
}

async function exists(file: string): Promise<boolean> {
  try {
    await vscode.workspace.fs.stat(vscode.Uri.file(file));
    return true;
  } catch {
    return false;
  }
}

function isInside(folder: string, top: string): boolean {
  const relative = path.relative(top, folder);
  return relative === '' || (!relative.startsWith('..') && !path.isAbsolute(relative));
}
