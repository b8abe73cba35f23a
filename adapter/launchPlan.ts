// From launch and attach arguments to what is started and what the agent is told; says clearly what is missing.
// Looks at the file system, starts nothing.
import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { ConfigureArgs } from '../protocol/agent';
import { AttachArguments, LaunchArguments } from '../protocol/adapter';
import { Failure } from '../protocol/failure';

/** A launch whose contradictions and gaps are settled. */
export interface Launch {
  /** For people, e.g. `mix test`. */
  name: string;
  program: 'mix' | 'elixir' | 'iex';
  projectDir: string;
  /** Absolute; null when mix runs a task. */
  script: string | null;
}

export async function resolveLaunch(args: LaunchArguments): Promise<Launch> {
  const { script } = args;
  const program = args.program ?? (script === undefined ? 'mix' : 'elixir');
  if (program === 'elixir' && script === undefined) {
    throw Failure.user(
      'scriptMissing',
      'The program "elixir" needs a "script" to run.',
      'Set "script" to an .exs file.',
    );
  }
  if (program === 'mix' && script !== undefined) {
    throw Failure.user('contradiction', 'A "script" is run by elixir, not by mix.', 'Remove "program" or "script".');
  }
  if (script !== undefined && args.task !== undefined) {
    throw Failure.user('contradiction', 'Both "script" and "task" are given.', 'Remove one of them.');
  }
  if (program === 'iex' && args.console === 'internalConsole') {
    throw Failure.user('terminalNeeded', 'iex needs a terminal.', 'Set "console" to "integratedTerminal".');
  }
  const projectDir = path.resolve(args.projectDir ?? '.');
  await mustBeFolder(projectDir);
  if (script !== undefined) {
    const file = path.resolve(projectDir, script);
    if (!(await isFile(file))) {
      throw Failure.user('scriptMissing', `There is no script ${file}.`, 'Correct "script" in launch.json.');
    }
    return { name: `${program} ${path.basename(file)}`, program, projectDir, script: file };
  }
  if (!args.taskArgs.includes('--no-mix-exs') && !(await isFile(path.join(projectDir, 'mix.exs')))) {
    throw Failure.user(
      'projectMissing',
      `${projectDir} is no mix project: it has no mix.exs.`,
      'Set "projectDir" to the folder of the project, or "script" to an .exs file.',
    );
  }
  const task = args.task === undefined ? '' : ` ${args.task}`;
  return { name: `${program === 'iex' ? 'iex -S mix' : 'mix'}${task}`, program, projectDir, script: null };
}

export async function resolveProjectDir(args: AttachArguments): Promise<string> {
  const projectDir = path.resolve(args.projectDir ?? '.');
  await mustBeFolder(projectDir);
  return projectDir;
}

/**
 * Executable's arguments: the launcher, then what the program itself sees. The launcher is evaluated, because Elixir would
 * compile a file, which takes longer than to start it.
 */
export function programArguments(launch: Launch, args: LaunchArguments): string[] {
  const [launcher, program] =
    launch.script === null
      ? [':ecd_mix.main', args.task === undefined ? [] : [args.task]]
      : [':ecd_script.main', [launch.script]];
  return ['-e', launcher, '--', ...program, ...args.taskArgs];
}

export function configureForLaunch(launch: Launch, args: LaunchArguments): ConfigureArgs {
  return {
    ...configureCommon(args, launch.projectDir),
    noDebug: args.noDebug,
    stopOnEntry: args.stopOnEntry,
    script: launch.script,
    attach: false,
    program: launch.program,
    task: args.task ?? null,
    taskArgs: args.taskArgs,
    startApps: args.startApps,
    requireFiles: args.requireFiles.map((file) => path.resolve(launch.projectDir, file)),
    exitAfterTaskReturns: args.exitAfterTaskReturns,
    console: args.console === 'internalConsole' ? 'internal' : 'terminal',
  };
}

export function configureForAttach(args: AttachArguments, projectDir: string): ConfigureArgs {
  return {
    ...configureCommon(args, projectDir),
    noDebug: false,
    stopOnEntry: false,
    script: null,
    attach: true,
    program: 'mix',
    task: null,
    taskArgs: [],
    startApps: false,
    requireFiles: [],
    exitAfterTaskReturns: false,
    console: 'terminal',
  };
}

function configureCommon(args: LaunchArguments | AttachArguments, projectDir: string) {
  return {
    engine: engineFor(args),
    projectDir,
    justMyCode: args.justMyCode,
    stepFilters: args.stepFilters.map(agentPattern),
    autoInterpretAllModules: args.debugAutoInterpretAllModules,
    interpretPatterns: args.debugInterpretModulesPatterns.map(agentPattern),
    excludeModules: args.excludeModules.map(agentPattern),
    stackTraceMode: args.stackTraceMode,
    breakOnDbg: args.breakOnDbg,
    pauseOthers: args.pauseOthers,
    memoryThreshold: args.coordination.memoryThreshold,
    evaluateTimeout: args.evaluateTimeout,
  };
}

/** Without coordination modules are interpreted as the stock debugger does; a named engine is the user's own choice. */
export function engineFor(args: {
  engine: LaunchArguments['engine'];
  coordination: Pick<LaunchArguments['coordination'], 'enabled'>;
}): ConfigureArgs['engine'] {
  return args.engine === 'auto' && !args.coordination.enabled ? 'traditional' : args.engine;
}

// Module patterns -------------------------------------------------------------------------------------------------------

/** Characters that no glob over module names has, but the regular expressions of older configurations do. */
const REGEX_ONLY = /[\^$\\([|]/;

export function agentPattern(pattern: string): string {
  return REGEX_ONLY.test(pattern) ? `regex:${pattern}` : pattern;
}

/** What the user should know about how the patterns are read. */
export function patternNotices(args: LaunchArguments | AttachArguments): string[] {
  const fields = [
    ['debugInterpretModulesPatterns', args.debugInterpretModulesPatterns],
    ['excludeModules', args.excludeModules],
    ['stepFilters', args.stepFilters],
  ] as const;
  return fields.flatMap(([field, patterns]) =>
    patterns
      .filter((pattern) => REGEX_ONLY.test(pattern))
      .map(
        (pattern) =>
          `"${pattern}" in "${field}" is read as a regular expression; globs such as "MyApp.*" are anchored.`,
      ),
  );
}

// Files -------------------------------------------------------------------------------------------------------------------

async function mustBeFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch(() => null);
  if (found?.isDirectory() === true) return;
  throw Failure.user('projectMissing', `The folder ${folder} does not exist.`, 'Correct "projectDir" in launch.json.');
}

async function isFile(file: string): Promise<boolean> {
  const found = await stat(file).catch(() => null);
  return found?.isFile() === true;
}

// Unknown arguments -----------------------------------------------------------------------------------------------------

/** What VS Code and other clients keep in a configuration for themselves. */
const OF_CLIENTS = new Set([
  'name',
  'type',
  'request',
  'preLaunchTask',
  'postDebugTask',
  'internalConsoleOptions',
  'presentation',
  'serverReadyAction',
  'debugServer',
  'suppressMultipleSessionWarning',
  'linux',
  'osx',
  'windows',
  'restart',
  'noDebug',
]);

/** A misspelt argument would otherwise do nothing, and say nothing. */
export function unknownArgumentNotices(kind: 'launch' | 'attach', given: unknown): string[] {
  const known = Object.keys(kind === 'launch' ? LaunchArguments.entries : AttachArguments.entries);
  return Object.keys(given ?? {})
    .filter((name) => !known.includes(name) && !OF_CLIENTS.has(name) && !name.startsWith('__'))
    .map((name) => {
      const nearest = nearestName(name, known);
      const meant = nearest === null ? '' : ` Did you mean "${nearest}"?`;
      return `The argument "${name}" of this ${kind} configuration is unknown and has no effect.${meant}`;
    });
}

/** Null if none is so near that it may be meant. */
function nearestName(name: string, known: readonly string[]): string | null {
  const [best] = known
    .map((candidate) => ({ candidate, edits: distance(name.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits);
  return best !== undefined && best.edits <= Math.max(1, Math.floor(name.length / 3)) ? best.candidate : null;
}

/** Letters to insert, remove or replace. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (const [index, letter] of Array.from(from).entries()) {
    const next = [index + 1];
    for (const [column, other] of Array.from(to).entries()) {
      const replaced = (row[column] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1));
    }
    row = next;
  }
  return row[row.length - 1] ?? 0;
}
