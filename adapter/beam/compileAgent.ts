// The agent's beams for the user's OTP: compiled on first use, kept per user, found again by the sources' hash.
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import path from 'node:path';
import { Failure } from '../../protocol/failure';
import type { Log } from '../log';
import { erlPathOf } from './command';
import type { Environment } from './environment';
import type { Beam } from './find';
import { run } from './run';

/** ms; a busy machine may take long, but not for ever. */
const COMPILE_TIMEOUT = 180_000;
/** ms since its last use after which a build of other sources is removed: a session may still run from it. */
const STALE_AFTER = 24 * 60 * 60 * 1000;
/** ms after which an unfinished build is another's leftover. */
const ABANDONED_AFTER = 10 * 60 * 1000;

export interface AgentBuild {
  /** Folder of the agent's beams; the stand-in's folder is its sibling `standin`. */
  ebin: string;
  sources: string;
}

export interface CompileRequest {
  beam: Beam;
  env: Environment;
  /** Folder with the Erlang sources. */
  sources: string;
  cache: string;
}

/** `onCompile` is called when there is something to do that takes seconds. */
export async function compiledAgent(
  request: CompileRequest,
  onCompile: () => void,
  log: Log,
  signal: AbortSignal,
): Promise<AgentBuild> {
  const { beam, sources } = request;
  const builds = path.join(request.cache, 'agent');
  const family = `${beam.otp}-${beam.erts}-`;
  const folder = path.join(builds, `${family}${hashOf(sources)}`);
  const build = { ebin: path.join(folder, 'ebin'), sources };
  if (await exists(folder)) {
    // Marks the build as used, so that another session does not take it for stale.
    const now = new Date();
    await utimes(folder, now, now).catch((thrown: unknown) => {
      log.warn('beam.compile', 'the agent cannot be marked as used', { folder, error: String(thrown) });
    });
    return build;
  }
  onCompile();
  await compileInto(folder, request, log, signal);
  await removeStale(builds, family, path.basename(folder), log);
  return build;
}

/** Without the thread pool: a hundred small files would go through it one by one, and the launch waits for them. */
function hashOf(sources: string): string {
  const hash = createHash('sha256');
  const files = readdirSync(sources, { recursive: true, encoding: 'utf8' }).filter((file) => /\.[eh]rl$/.test(file));
  for (const file of files.sort())
    hash
      .update(file)
      .update('\0')
      .update(readFileSync(path.join(sources, file)))
      .update('\0');
  return hash.digest('hex').slice(0, 16);
}

async function compileInto(folder: string, request: CompileRequest, log: Log, signal: AbortSignal): Promise<void> {
  const draft = `${folder}.${randomBytes(6).toString('hex')}`;
  const began = performance.now();
  try {
    await mkdir(draft, { recursive: true });
  } catch (thrown) {
    throw Failure.user(
      'cacheUnwritable',
      `The folder ${path.dirname(folder)} cannot be written: ${String(thrown)}.`,
      'Make it writable, or set the environment variable XDG_CACHE_HOME.',
    );
  }
  try {
    await compile(draft, request, signal);
    await rename(draft, folder).catch(async (thrown: unknown) => {
      // Another session was faster: its build is as good.
      if (!(await exists(folder))) throw thrown;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  log.info('beam.compile', 'compiled the agent', { folder, ms: Math.round(performance.now() - began) });
}

/**
 * Compiles every source of each folder, in as many processes as there are cores: more would only fill the memory and wait
 * for each other. Large sources go first, dealt out in turn. Prints the errors and ends with 1 if there are any.
 */
const PROGRAM = `
[Sources, Out] = init:get_plain_arguments(),
Jobs = [{filelib:file_size(File), File, filename:join(Out, Name)}
        || {Folder, Name} <- [{Sources, "ebin"}, {filename:join(Sources, "standin"), "standin"}],
           ok =:= filelib:ensure_dir(filename:join([Out, Name, "x"])),
           File <- filelib:wildcard(filename:join(Folder, "*.erl"))],
Numbered = lists:zip(lists:seq(1, length(Jobs)), lists:reverse(lists:sort(Jobs))),
Cores = erlang:system_info(schedulers_online),
Compile = fun(Mine) ->
    exit({results, [{File, compile:file(File, [{outdir, To}, {i, Sources}, return_errors, deterministic])}
                    || {_, {_, File, To}} <- Mine]})
end,
Refs = [begin
            Mine = [Job || {Number, _} = Job <- Numbered, Number rem Cores =:= Core],
            {_, Ref} = spawn_monitor(fun() -> Compile(Mine) end),
            Ref
        end || Core <- lists:seq(0, Cores - 1)],
Failed = lists:flatmap(fun(Ref) ->
    receive
        {'DOWN', Ref, process, _, {results, Results}} -> [Result || {_, Made} = Result <- Results, element(1, Made) =/= ok];
        {'DOWN', Ref, process, _, Crash} -> [{"the agent", Crash}]
    end
end, Refs),
[case Why of
     {error, Errors, _} ->
         [io:format(standard_error, "~ts:~0tp: ~ts~n", [filename:basename(Where), At, Module:format_error(What)])
          || {Where, Found} <- Errors, {At, Module, What} <- Found];
     _ -> io:format(standard_error, "~ts: ~0tp~n", [File, Why])
 end || {File, Why} <- Failed],
halt(case Failed of [] -> 0; _ -> 1 end).
`;

async function compile(draft: string, request: CompileRequest, signal: AbortSignal): Promise<void> {
  const { beam, sources } = request;
  const args = [
    '-noshell',
    '-noinput',
    '-eval',
    PROGRAM.replaceAll('\n', ' '),
    '-extra',
    ...[sources, draft].map(erlPathOf),
  ];
  // The program's own flags (node name, boot file, …) are none of the compiler's business.
  const env = Object.fromEntries(Object.entries(request.env).filter(([name]) => !/^ERL_(.*FLAGS|LIBS)$/.test(name)));
  const done = await run(beam.erl, args, { cwd: draft, env, timeout: COMPILE_TIMEOUT, signal });
  if (done.exitCode === 0) return;
  const why = done.exitCode === null ? 'it took too long' : `${done.stderr}${done.stdout}`.trim().slice(0, 2000);
  throw Failure.bug(`The debug agent does not compile on Erlang/OTP ${beam.otp}: ${why}`);
}

async function removeStale(builds: string, family: string, current: string, log: Log): Promise<void> {
  for (const name of await readdir(builds)) {
    if (name === current || !name.startsWith(family)) continue;
    const folder = path.join(builds, name);
    const limit = name.includes('.', family.length) ? ABANDONED_AFTER : STALE_AFTER;
    try {
      if (Date.now() - (await stat(folder)).mtimeMs > limit) await rm(folder, { recursive: true, force: true });
    } catch (thrown) {
      log.warn('beam.compile', 'a stale agent cannot be removed', { folder, error: String(thrown) });
    }
  }
}

function exists(folder: string): Promise<boolean> {
  return stat(folder).then(
    () => true,
    () => false,
  );
}
