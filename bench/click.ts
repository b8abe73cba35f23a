// click → armed: from the setBreakpoints request to its answer, in a running program. Stopping there is not part of it.
import type { Plan } from './plan.js';
import type { Project } from './project.js';
import type { Figure } from './report.js';
import { type Mode, serveDebugged } from './session.js';
import { percentile } from './statistics.js';

const clicks = 200;

export async function click(plan: Plan): Promise<Figure[]> {
  const project = await plan.ordinary();
  const coordinated = await clickThrough(project, 'coordinated');
  const traditional = await clickThrough(project, 'traditional');

  const figure = (state: 'cold' | 'prepared', name: string, p: number, atMost?: number): Figure => ({
    bench: 'click',
    what: `click → armed, ${state === 'cold' ? 'module never touched' : 'prepared module'}, ${name}`,
    value: percentile(coordinated[state], p),
    unit: 'ms',
    against: { what: `traditional, ${name}`, value: percentile(traditional[state], p) },
    ratio: percentile(coordinated[state], p) / percentile(traditional[state], p),
    samples: clicks,
    ...(atMost === undefined ? {} : { target: { of: 'value', atMost } }),
  });
  return [
    figure('cold', 'p50', 0.5, 5),
    figure('cold', 'p95', 0.95, 20),
    figure('prepared', 'p50', 0.5, 1),
    figure('prepared', 'p95', 0.95),
  ];
}

/** One breakpoint at a time, each in a module of its own; cold first, then the same again. */
async function clickThrough(project: Project, mode: Mode): Promise<{ cold: number[]; prepared: number[] }> {
  // Traditional interprets the module of a click too, when it did not interpret everything at the start.
  const program = await serveDebugged(project, mode, { debugAutoInterpretAllModules: mode === 'coordinated' });
  try {
    const round = async (): Promise<number[]> => {
      const times: number[] = [];
      for (let index = 0; index < clicks; index++) {
        const file = project.generated(index);
        const line = await project.line(file, 'run0');
        times.push(await program.session.click({ file, lines: [{ line }] }));
        await program.session.click({ file, lines: [] });
      }
      return times;
    };
    return { cold: await round(), prepared: await round() };
  } finally {
    await program.close();
  }
}
