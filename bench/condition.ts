// Conditional breakpoints that do not stop: how many hits a second the program gets through.
import type { Plan } from './plan.js';
import type { Project } from './project.js';
import type { Figure } from './report.js';
import { type DebuggedProgram, type Mode, modes, sideBySide } from './session.js';
import { median, orderOf, ratioOfPairs } from './statistics.js';

type Way = 'calls' | 'inside';
const hits: Record<Mode, number> = { coordinated: 100_000, traditional: 5_000 };

type Rates = Record<Way, number[]>;

export async function condition(plan: Plan): Promise<Figure[]> {
  const project = await plan.ordinary();
  const rates = await sideBySide(project, async (programs) => {
    const found: Record<Mode, Rates> = {
      coordinated: { calls: [], inside: [] },
      traditional: { calls: [], inside: [] },
    };
    for (let round = 0; round < plan.runs; round++) {
      for (const mode of orderOf(round, modes)) await measure(project, programs[mode], mode, found[mode]);
    }
    return found;
  });
  const figure = (way: Way, what: string): Figure => ({
    bench: 'condition',
    what: `conditional hits, ${what}`,
    value: median(rates.coordinated[way]),
    unit: '/s',
    against: { what: 'traditional', value: median(rates.traditional[way]) },
    ratio: ratioOfPairs(rates.coordinated[way], rates.traditional[way]),
    samples: plan.runs,
  });
  return [figure('calls', 'called from compiled code'), figure('inside', 'loop inside the function')];
}

async function measure(project: Project, program: DebuggedProgram, mode: Mode, rates: Rates): Promise<void> {
  const file = project.program('condition');
  for (const way of ['calls', 'inside'] as const) {
    const line = await project.line(file, way === 'calls' ? 'called' : 'inside');
    await program.session.click({ file, lines: [{ line, condition: 'n < 0' }] });
    const { micros } = await program.probe.ask(way, hits[mode]);
    rates[way].push(hits[mode] / (micros / 1e6));
  }
}
