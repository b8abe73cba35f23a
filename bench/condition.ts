// Conditional breakpoints that do not stop: how many hits a second the program gets through.
import type { Plan } from './plan.js';
import type { Project } from './project.js';
import type { Figure } from './report.js';
import { type Mode, serveDebugged } from './session.js';
import { median } from './statistics.js';

type Way = 'calls' | 'inside';
const hits: Record<Mode, number> = { coordinated: 100_000, traditional: 5_000 };

export async function condition(plan: Plan): Promise<Figure[]> {
  const project = await plan.ordinary();
  const coordinated = await perSecond(project, 'coordinated', plan.runs);
  const traditional = await perSecond(project, 'traditional', plan.runs);
  const figure = (way: Way, what: string): Figure => ({
    bench: 'condition',
    what: `conditional hits, ${what}`,
    value: median(coordinated[way]),
    unit: '/s',
    against: { what: 'traditional', value: median(traditional[way]) },
    ratio: median(coordinated[way]) / median(traditional[way]),
    samples: plan.runs,
  });
  return [figure('calls', 'called from compiled code'), figure('inside', 'loop inside the function')];
}

async function perSecond(project: Project, mode: Mode, rounds: number): Promise<Record<Way, number[]>> {
  const rates: Record<Way, number[]> = { calls: [], inside: [] };
  const program = await serveDebugged(project, mode);
  const file = project.program('condition');
  try {
    for (const way of ['calls', 'inside'] as const) {
      const line = await project.line(file, way === 'calls' ? 'called' : 'inside');
      await program.session.click({ file, lines: [{ line, condition: 'n < 0' }] });
      for (let round = 0; round < rounds; round++) {
        const { micros } = await program.probe.ask(way, hits[mode]);
        rates[way].push(hits[mode] / (micros / 1e6));
      }
    }
    return rates;
  } finally {
    await program.close();
  }
}
