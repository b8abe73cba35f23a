// launch → first stop, against plain `mix run` reaching the same line and against everything interpreted.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { reachLine } from './plain.js';
import type { Plan } from './plan.js';
import type { Project } from './project.js';
import type { Figure } from './report.js';
import { type Mode, Session } from './session.js';
import { inTurn, median, ratioOfPairs } from './statistics.js';

/** Project and agent are compiled, as from the second session of a day on. */
export async function start(plan: Plan): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const modules of plan.modules) figures.push(...(await compare(await plan.project(modules), plan.runs, 'warm')));
  return figures;
}

/** Nothing is compiled. That dominates, so a few rounds say as much as many. */
export async function cold(plan: Plan): Promise<Figure[]> {
  const figures: Figure[] = [];
  const runs = Math.ceil(plan.runs / 3);
  for (const modules of plan.modules) figures.push(...(await compare(await plan.project(modules), runs, 'cold')));
  return figures;
}

/** Cold: the project is not compiled, and the debugger was never used on this machine. */
async function compare(project: Project, runs: number, state: 'warm' | 'cold'): Promise<Figure[]> {
  const where = `${project.modules} modules, ${state}`;
  const line = await project.line(project.program('start'), 'start');
  const fromProcess: number[] = [];
  const debugged = async (mode: Mode): Promise<number> => {
    const cache = state === 'cold' ? await mkdtemp(path.join(tmpdir(), 'ecd-bench-cache-')) : undefined;
    try {
      if (state === 'cold') await project.clean();
      const stop = await firstStop(project, mode, line, cache);
      if (mode === 'coordinated') fromProcess.push(stop.sinceProcess);
      return stop.sinceLaunch;
    } finally {
      if (cache !== undefined) await rm(cache, { recursive: true, force: true });
    }
  };
  const plain = async (): Promise<number> => {
    if (state === 'cold') await project.clean();
    return reachLine(project);
  };

  if (state === 'warm') {
    // The first round would pay for compiling the project and the agent, and for reading them from the disk.
    await project.compile();
    for (const warmUp of [plain, () => debugged('coordinated'), () => debugged('traditional')]) await warmUp();
    fromProcess.length = 0;
  }
  const samples = await inTurn(runs, {
    plain,
    coordinated: () => debugged('coordinated'),
    traditional: () => debugged('traditional'),
  });
  const coordinated = {
    bench: state === 'warm' ? 'start' : 'cold',
    value: median(samples.coordinated),
    unit: 'ms',
    samples: runs,
  } as const;
  const against = (what: string, sample: number[]): Pick<Figure, 'against' | 'ratio'> => ({
    against: { what, value: median(sample) },
    ratio: ratioOfPairs(samples.coordinated, sample),
  });
  return [
    {
      ...coordinated,
      what: `launch → first stop, ${where}`,
      ...against('plain `mix run` to that line', samples.plain),
      ...(state === 'warm' ? { target: { of: 'ratio', atMost: 1.3 } as const } : {}),
    },
    { ...coordinated, what: `launch → first stop, ${where}`, ...against('traditional', samples.traditional) },
    {
      ...coordinated,
      what: `adapter started → first stop, ${where}`,
      value: median(fromProcess),
      against: { what: 'plain `mix run` to that line', value: median(samples.plain) },
      ratio: ratioOfPairs(fromProcess, samples.plain),
    },
  ];
}

async function firstStop(
  project: Project,
  mode: Mode,
  line: number,
  cache?: string,
): Promise<{ sinceLaunch: number; sinceProcess: number }> {
  const session = await Session.launch({
    project,
    mode,
    expression: 'Bench.Start.go()',
    breakpoints: [{ file: project.program('start'), lines: [{ line }] }],
    ...(cache === undefined ? {} : { cache }),
  });
  try {
    const { at, thread } = await session.stop();
    const frame = await session.top(thread);
    if (frame.line !== line) throw new Error(`stopped at line ${frame.line} instead of ${line}`);
    await Promise.all([session.dap.request('continue', { threadId: thread }), session.dap.event('terminated')]);
    return { sinceLaunch: at - session.launched, sinceProcess: at - session.dap.started };
  } finally {
    await session.close();
  }
}
