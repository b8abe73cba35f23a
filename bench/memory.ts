// Memory in the debugged BEAM: of the agent itself and of each prepared module; and of the adapter beside it.
import { readFile } from 'node:fs/promises';
import { servePlain } from './plain.js';
import type { Plan } from './plan.js';
import type { Figure } from './report.js';
import { serveDebugged } from './session.js';

const prepared = 200;
const [KB, MB] = [1024, 1024 * 1024];

export async function memory(plan: Plan): Promise<Figure[]> {
  const project = await plan.ordinary();
  const modules = Array.from({ length: prepared }, (_, index) => `Generated.M${index}`);

  const plain = await servePlain(project);
  const native = (await plain.probe.ask('memory')).result;
  await plain.close();

  const debugged = await serveDebugged(project, 'coordinated');
  const empty = (await debugged.probe.ask('memory')).result;
  const { body } = await debugged.session.dap.request('interpretModules', { modules, strategy: 'immediate' });
  const failed = body['failed'] as unknown[];
  if (failed.length > 0) throw new Error(`modules were not prepared: ${JSON.stringify(failed)}`);
  const full = (await debugged.probe.ask('memory')).result;
  const status = (await debugged.session.dap.request('getInterpretationStatus')).body['modules'] as { bytes: number }[];
  const reported = status.reduce((sum, { bytes }) => sum + bytes, 0);
  const adapter = await residentBytes(debugged.session.dap.pid);
  await debugged.close();

  const traditional = await serveDebugged(project, 'traditional');
  const whole = (await traditional.probe.ask('memory')).result;
  await traditional.close();
  const all = project.modules;

  const one = { bench: 'memory', samples: 1 } as const;
  return [
    { ...one, what: 'agent in the BEAM, nothing prepared', value: (empty - native) / MB, unit: 'MB' },
    {
      ...one,
      what: 'a prepared module',
      value: (full - empty) / prepared / KB,
      unit: 'KB',
      against: { what: 'traditional, a module', value: (whole - native) / all / KB },
      ratio: (full - empty) / prepared / ((whole - native) / all),
    },
    {
      ...one,
      what: 'a prepared module as the session reports it',
      value: reported / prepared / KB,
      unit: 'KB',
      against: { what: 'measured in the BEAM', value: (full - empty) / prepared / KB },
      ratio: reported / (full - empty),
    },
    {
      ...one,
      what: 'a session that prepared nothing, whole BEAM',
      value: empty / MB,
      unit: 'MB',
      against: { what: 'traditional', value: whole / MB },
      ratio: empty / whole,
    },
    ...(adapter === undefined
      ? []
      : [{ ...one, what: 'adapter process, resident', value: adapter / MB, unit: 'MB' as const }]),
  ];
}

/** undefined where the system does not tell. */
async function residentBytes(pid: number): Promise<number | undefined> {
  if (process.platform !== 'linux') return undefined;
  const kilobytes = /VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}
