// Brings a program under the debugger, step by step: environment, Elixir, agent, start or attach, configure. Keeps nothing.
import path from 'node:path';
import type { ConfigureArgs, ConfigureResult } from '../protocol/agent';
import type { AttachArguments, LaunchArguments } from '../protocol/adapter';
import { attach } from './beam/attach';
import { cacheDir } from './beam/cacheDir';
import { compiledAgent, type AgentBuild } from './beam/compileAgent';
import {
  applyChanges,
  environmentChanges,
  localeChanges,
  ownEnvironment,
  pathVariable,
  type Environment,
  type EnvironmentChanges,
} from './beam/environment';
import { completedPath, findBeam, type Beam } from './beam/find';
import { launch, type LaunchEnvironment } from './beam/launch';
import type { Program } from './beam/program';
import {
  configureForAttach,
  configureForLaunch,
  programArguments,
  resolveLaunch,
  resolveProjectDir,
} from './launchPlan';
import type { Progress } from './progress';
import type { Start } from './state';

/** ms; the first time, parts of OTP are compiled anew, and the engine tests itself. */
const CONFIGURE_TIMEOUT = 120_000;

/** dist/agent: Erlang sources and launchers, laid out by the build beside the bundle. */
const AGENT = path.join(__dirname, 'agent');
const LAUNCHERS = path.join(AGENT, 'launch');

export interface Started {
  program: Program;
  /** Absolute folders where the configuration, its env file included, has Mix build. */
  builds: string[];
  configured: ConfigureResult;
}

/** What the caller does while the program starts. */
export interface Meanwhile {
  /** All that the user can get wrong is right: from now on it is only a matter of time. */
  starting: () => void;
  /** Before the first command, for events that the agent sends meanwhile. */
  connected: (program: Program) => void;
}

export async function startProgram(
  start: Start,
  around: LaunchEnvironment,
  progress: Progress,
  meanwhile: Meanwhile,
  signal: AbortSignal,
): Promise<Started> {
  const [program, configuration, builds] =
    start.kind === 'launch'
      ? await startLaunch(start.args, around, progress, meanwhile.starting, signal)
      : await startAttach(start.args, around, progress, signal);
  // Whether an attach succeeds is known only now.
  if (start.kind === 'attach') meanwhile.starting();
  meanwhile.connected(program);
  try {
    progress.update('Preparing the debugger');
    const configured = await program.agent.request('configure', configuration, { signal, timeout: CONFIGURE_TIMEOUT });
    return { program, configured, builds };
  } catch (thrown) {
    program.kill();
    throw thrown;
  }
}

async function startLaunch(
  args: LaunchArguments,
  around: LaunchEnvironment,
  progress: Progress,
  starting: () => void,
  signal: AbortSignal,
): Promise<[Program, ConfigureArgs, string[]]> {
  const resolved = await resolveLaunch(args);
  const { projectDir } = resolved;
  const found = await prepare(args, projectDir, !args.noDebug, around, progress, signal);
  progress.update(`Starting ${resolved.name}`);
  const plan = {
    name: resolved.name,
    file: resolved.program === 'iex' ? found.beam.iex : found.beam.elixir,
    args: programArguments(resolved, args),
    cwd: projectDir,
    env: found.env,
    changes: found.changes,
    ebin: found.agent.ebin,
    console: args.console,
    terminalScript: path.join(LAUNCHERS, 'terminal.sh'),
  };
  const launched = launch(plan, around, signal);
  starting();
  return [await launched, configureForLaunch(resolved, args), buildsOf(found.changes, projectDir)];
}

async function startAttach(
  args: AttachArguments,
  around: LaunchEnvironment,
  progress: Progress,
  signal: AbortSignal,
): Promise<[Program, ConfigureArgs, string[]]> {
  const projectDir = await resolveProjectDir(args);
  // The debugger application must be there, not here.
  const found = await prepare(args, projectDir, false, around, progress, signal);
  progress.update(`Connecting to ${args.remoteNode}`);
  const plan = {
    remoteNode: args.remoteNode,
    cookie: args.cookie ?? null,
    erl: found.beam.erl,
    env: found.env,
    cwd: projectDir,
    agent: found.agent,
  };
  const builds = buildsOf(found.changes, projectDir);
  return [await attach(plan, around.log, signal), configureForAttach(args, projectDir), builds];
}

function buildsOf({ MIX_BUILD_PATH, MIX_BUILD_ROOT }: EnvironmentChanges, projectDir: string): string[] {
  return [MIX_BUILD_PATH, MIX_BUILD_ROOT].flatMap((dir) => (dir ? path.resolve(projectDir, dir) : []));
}

interface Prepared {
  env: Environment;
  changes: EnvironmentChanges;
  beam: Beam;
  agent: AgentBuild;
}

/** Elixir, Erlang and the agent, ready to start something with. */
export async function prepare(
  args: Pick<LaunchArguments, 'elixirPath' | 'erlPath' | 'envFile' | 'env'>,
  projectDir: string,
  debug: boolean,
  { log }: Pick<LaunchEnvironment, 'log'>,
  progress: Pick<Progress, 'update'>,
  signal: AbortSignal,
): Promise<Prepared> {
  const own = ownEnvironment();
  const { elixirPath, erlPath, envFile, env: given } = args;
  const asked = await environmentChanges({ env: given, envFile, elixirPath, erlPath, baseDir: projectDir }, own);
  const configured = { ...localeChanges(applyChanges(own, asked)), ...asked };
  const before = applyChanges(own, configured);
  const completed = completedPath(before);
  const pathName = pathVariable(before);
  const changes = completed === before[pathName] ? configured : { ...configured, [pathName]: completed };
  const env = applyChanges(own, changes);
  const cache = cacheDir(own);
  const probeScript = path.join(LAUNCHERS, 'probe.exs');
  const beam = await findBeam({ env, projectDir, probeScript, cache, debug }, log, signal);
  const sources = path.join(AGENT, 'src');
  const onCompile = (): void => progress.update(`Compiling the debug agent for Erlang/OTP ${beam.otp} (once)`);
  const agent = await compiledAgent({ beam, env, sources, cache }, onCompile, log, signal);
  return { env, changes, beam, agent };
}
