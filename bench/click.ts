// click → armed: from the setBreakpoints request to its answer, in a running program. Stopping there is not part of it.
import type { Plan } from './plan.js';
import type { Project } from './project.js';
import type { Figure } from './report.js';
import { type DebuggedProgram, type Mode, modes, sideBySide } from './session.js';
import { orderOf, percentile } from './statistics.js';

const clicks = 200;

type State = 'cold' | 'prepared';

type Times = Record<State, number[]>;

export async function click(plan: Plan): Promise<Figure[]> {
  const project = await plan.ordinary();
  // Traditional interprets the module of a click too, when it did not interpret everything at the start.
  const onClick = { traditional: { debugAutoInterpretAllModules: false } };
  const times = await sideBySide(project, (programs) => clickThrough(project, programs), onClick);

  const figure = (state: State, name: string, p: number, atMost?: number): Figure => {
    const [ours, theirs] = modes.map((mode) => percentile(times[mode][state], p)) as [number, number];
    return {
      bench: 'click',
      what: `click → armed, ${state === 'cold' ? 'module never touched' : 'prepared module'}, ${name}`,
      value: ours,
      unit: 'ms',
      against: { what: `traditional, ${name}`, value: theirs },
      ratio: ours / theirs,
      samples: clicks,
      ...(atMost === undefined ? {} : { target: { of: 'value', atMost } }),
    };
  };
  return [
    figure('cold', 'p50', 0.5, 5),
    figure('cold', 'p95', 0.95, 20),
    figure('prepared', 'p50', 0.5, 1),
    figure('prepared', 'p95', 0.95),
  ];
}

/** One breakpoint at a time, each in a module of its own; cold first, then the same again. */
async function clickThrough(project: Project, programs: Record<Mode, DebuggedProgram>): Promise<Record<Mode, Times>> {
  const times: Record<Mode, Times> = {
    coordinated: { cold: [], prepared: [] },
    traditional: { cold: [], prepared: [] },
  };
  for (const state of ['cold', 'prepared'] as const) {
    for (let index = 0; index < clicks; index++) {
      const file = project.generated(index);
      const line = await project.line(file, 'run0');
      for (const mode of orderOf(index, modes)) {
        times[mode][state].push(await programs[mode].session.click({ file, lines: [{ line }] }));
        await programs[mode].session.click({ file, lines: [] });
      }
    }
  }
  return times;
}
