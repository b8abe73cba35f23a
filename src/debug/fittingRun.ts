// What to run instead, when a program ended without reaching its breakpoints: the test, the script, the project or the
// server that holds them. Reads files, starts nothing.
import * as path from 'node:path';
import * as vscode from 'vscode';
import { DEBUG_TYPE } from '../contributions';
import { isTest, projectOf, runnerOf, runOfProject } from './workspace';

/** What ran, as its launch configuration said. */
export interface Ran {
  task: string | undefined;
  taskArgs: string[];
  script: string | undefined;
  /** Absolute. */
  projectDir: string | undefined;
  /** Projects are looked for up to here. */
  top: string | undefined;
  /** It ended with an error, e.g. because it does not compile: what else could call the code would end the same way. */
  failed: boolean;
}

export interface FittingRun {
  /** A sentence: why this run would reach the breakpoint. */
  why: string;
  /** Of the button. */
  title: string;
  configuration: vscode.DebugConfiguration;
}

export function ranBy({ configuration, workspaceFolder }: vscode.DebugSession, exitCode: number): Ran {
  const { task, taskArgs, script, projectDir } = configuration as Record<string, unknown>;
  const top = workspaceFolder?.uri.fsPath;
  return {
    task: typeof task === 'string' ? task : undefined,
    taskArgs: Array.isArray(taskArgs) ? taskArgs.map(String) : [],
    script: typeof script === 'string' ? script : undefined,
    projectDir: typeof projectDir === 'string' ? path.resolve(top ?? '', projectDir) : top,
    top,
    failed: exitCode !== 0,
  };
}

/** For the first breakpoint that a run other than the one that ended would reach. */
export async function fittingRun(ran: Ran, breakpoints: vscode.Location[]): Promise<FittingRun | undefined> {
  for (const { uri, range } of breakpoints) {
    const file = uri.fsPath;
    const project = await projectOf(path.dirname(file), ran.top ?? path.parse(file).root);
    const found =
      path.extname(file) === '.exs' ? ofScript(ran, file, range, project) : await ofCode(ran, file, project);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A test is run by its line, which includes it also where its tag is excluded; any other script as F5 runs it. */
async function ofScript(
  ran: Ran,
  file: string,
  range: vscode.Range,
  project: string | undefined,
): Promise<FittingRun | undefined> {
  const name = path.basename(file);
  const inside = project === undefined ? name : path.relative(project, file);
  if (project !== undefined && isTest(inside)) {
    const place = `${inside}:${range.start.line + 1}`;
    // The same run once more would not reach it either.
    if (ran.projectDir === project && ran.task === 'test' && ran.taskArgs.includes(place)) return undefined;
    return {
      why: vscode.l10n.t('The breakpoint in {0} is in a test.', name),
      title: vscode.l10n.t('Debug the Test'),
      configuration: launch(`mix test ${place}`, { task: 'test', taskArgs: [place], projectDir: project }),
    };
  }
  const runner = await runnerOf(file, project);
  if (runner === undefined || ran.script === file || ran.taskArgs.includes(inside)) return undefined;
  return {
    why: vscode.l10n.t('The breakpoint in {0} is in a script.', name),
    title: vscode.l10n.t('Debug the Script'),
    configuration:
      runner === 'elixir'
        ? launch(`elixir ${name}`, { script: file, projectDir: path.dirname(file) })
        : launch(`mix run ${inside}`, { task: 'run', taskArgs: [inside], projectDir: project }),
  };
}

/** Code belongs to a project: one that did not run, one that has to go on running, or one whose tests may call it. */
async function ofCode(ran: Ran, file: string, project: string | undefined): Promise<FittingRun | undefined> {
  if (project === undefined) return undefined;
  const name = path.basename(file);
  const usual = await runOfProject(project);
  const tests = launch('mix test', { task: 'test', projectDir: project });
  if (!isWithin(project, ran.projectDir)) {
    const inside = ran.top === undefined ? project : path.relative(ran.top, project) || path.basename(project);
    return offer(
      vscode.l10n.t('{0} belongs to the project in {1}.', name, inside.split(path.sep).join('/')),
      launch(`${usual.name} (${path.basename(project)})`, { ...usual.run, projectDir: project }),
    );
  }
  if (ran.failed) return undefined;
  if (usual.run.exitAfterTaskReturns === false && ran.task !== 'test' && !goesOn(ran)) {
    return offer(
      vscode.l10n.t('The application may call {0} later, as long as it goes on running.', name),
      launch(usual.name, { ...usual.run, projectDir: project }),
    );
  }
  if (ran.task === 'test' || !(await hasTests(project))) return undefined;
  return {
    why: vscode.l10n.t('Its tests may call {0}.', name),
    title: vscode.l10n.t('Debug the Tests'),
    configuration: tests,
  };
}

function offer(why: string, configuration: vscode.DebugConfiguration): FittingRun {
  return { why, title: vscode.l10n.t('Debug "{0}"', configuration.name), configuration };
}

/** An umbrella runs all of its applications. */
function isWithin(project: string, ran: string | undefined): boolean {
  if (ran === undefined) return true;
  const relative = path.relative(ran, project);
  return relative === '' || (!relative.startsWith('..') && !path.isAbsolute(relative));
}

function goesOn({ task, taskArgs }: Ran): boolean {
  return task === 'phx.server' || taskArgs.includes('--no-halt');
}

async function hasTests(project: string): Promise<boolean> {
  const pattern = new vscode.RelativePattern(project, 'test/**/*_test.exs');
  return (await vscode.workspace.findFiles(pattern, null, 1)).length > 0;
}

function launch(name: string, args: Record<string, unknown>): vscode.DebugConfiguration {
  return { type: DEBUG_TYPE, request: 'launch', name, ...args };
}
