// Memory in the debugged BEAM: of the agent itself and of each prepared module; and of the adapter beside it.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { servePlain } from './plain.js';
import type { Plan } from './plan.js';
import type { Figure } from './report.js';
import { type DebuggedProgram, during, serveDebugged } from './session.js';

const [KB, MB] = [1024, 1024 * 1024];

/** Every module is to stay prepared, or there would be nothing to count. */
const generous = { coordination: { enabled: true, memoryThreshold: '4GB' } };

interface Status {
  state: string;
  bytes: number;
}

export async function memory(plan: Plan): Promise<Figure[]> {
  const project = await plan.ordinary();
  const generated = Array.from({ length: project.modules }, (_, index) => `Generated.M${index}`);
  const standard = await standardLibrary();

  const native = await during(servePlain(project), total);
  const coordinated = await during(serveDebugged(project, 'coordinated', generous), async (program) => {
    const empty = await total(program);
    const ofGenerated = await prepare(program, generated);
    return { empty, ofGenerated, adapter: await residentBytes(program.session.dap.pid) };
  });
  const ofStandard = await during(serveDebugged(project, 'coordinated', generous), (program) =>
    prepare(program, standard),
  );
  const traditional = await during(serveDebugged(project, 'traditional'), async (program) => {
    const modules = (await status(program)).filter(({ state }) => state === 'interpreted').length;
    return { whole: await total(program), modules };
  });

  const one = { bench: 'memory', samples: 1 } as const;
  const perTraditional = (traditional.whole - native) / traditional.modules;
  return [
    { ...one, what: 'agent in the BEAM, nothing prepared', value: (coordinated.empty - native) / MB, unit: 'MB' },
    {
      ...one,
      what: 'a prepared module',
      value: ofGenerated(coordinated) / KB,
      unit: 'KB',
      against: { what: 'traditional', value: perTraditional / KB },
      ratio: ofGenerated(coordinated) / perTraditional,
    },
    {
      ...one,
      what: 'a prepared module, as the session reports it',
      value: coordinated.ofGenerated.reported / KB,
      unit: 'KB',
      against: { what: 'as the BEAM counts', value: ofGenerated(coordinated) / KB },
      ratio: coordinated.ofGenerated.reported / ofGenerated(coordinated),
    },
    {
      ...one,
      what: `a prepared module of Elixir's own ${ofStandard.count}`,
      value: ofStandard.measured / KB,
      unit: 'KB',
    },
    {
      ...one,
      what: 'the debugged BEAM, nothing prepared',
      value: coordinated.empty / MB,
      unit: 'MB',
      against: { what: 'traditional', value: traditional.whole / MB },
      ratio: coordinated.empty / traditional.whole,
    },
    ...(coordinated.adapter === undefined
      ? []
      : [{ ...one, what: 'adapter process, resident', value: coordinated.adapter / MB, unit: 'MB' as const }]),
  ];
}

const ofGenerated = (coordinated: { ofGenerated: { measured: number } }): number => coordinated.ofGenerated.measured;

/** Bytes a module, as the BEAM counts them and as the session reports them, of those that can be prepared. */
async function prepare(
  program: DebuggedProgram,
  modules: string[],
): Promise<{ measured: number; reported: number; count: number }> {
  const before = await total(program);
  const { body } = await program.session.dap.request('interpretModules', { modules, strategy: 'immediate' });
  const count = (body['interpreted'] as unknown[]).length;
  if (count === 0) throw new Error(`no module could be prepared: ${JSON.stringify(body)}`);
  const reported = (await status(program)).reduce((sum, { bytes }) => sum + bytes, 0);
  return { measured: ((await total(program)) - before) / count, reported: reported / count, count };
}

async function status({ session }: DebuggedProgram): Promise<Status[]> {
  return (await session.dap.request('getInterpretationStatus')).body['modules'] as Status[];
}

async function total({ probe }: Pick<DebuggedProgram, 'probe'>): Promise<number> {
  return (await probe.ask('memory')).result;
}

/** Real modules, of real and uneven sizes. */
async function standardLibrary(): Promise<string[]> {
  const expression =
    'for app <- [:elixir, :mix, :ex_unit], m <- (Application.load(app); Application.spec(app, :modules)), do: IO.puts(inspect(m))';
  const { stdout } = await promisify(execFile)('elixir', ['-e', expression]);
  return stdout.trim().split('\n');
}

/** undefined where the system does not tell. */
async function residentBytes(pid: number): Promise<number | undefined> {
  if (process.platform !== 'linux') return undefined;
  const kilobytes = /VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}
