// Closures and processes from before the first breakpoint, called while breakpoints come and go in their module.
import type { Plan } from './plan.js';
import type { Figure } from './report.js';
import { serveDebugged } from './session.js';

/** 250 times 100 rounds of four closures: 10⁵ calls. */
const changes = 250;
const rounds = 100;

export async function alive(plan: Plan): Promise<Figure[]> {
  const project = await plan.ordinary();
  const { session, probe, close } = await serveDebugged(project, 'coordinated');
  const file = project.program('alive');
  const lines = await Promise.all(['private', 'public', 'serve'].map((mark) => project.line(file, mark)));
  try {
    let wrong = 0;
    let micros = 0;
    for (let change = 0; change < changes; change++) {
      // A condition that never holds: armed and disarmed, but nobody is stopped.
      const armed = lines.filter((_, i) => (change >> i) % 2 === 0).map((line) => ({ line, condition: '1 > 2' }));
      // Both at once, so that the change meets calls that are on their way.
      const [calls] = await Promise.all([probe.ask('alive', rounds), session.click({ file, lines: armed })]);
      wrong += calls.result;
      micros += calls.micros;
    }
    return [
      {
        bench: 'alive',
        what: `wrong answers of closures and processes from before, 10⁵ calls under ${changes} changes of breakpoints`,
        value: wrong,
        unit: '',
        target: { of: 'value', atMost: 0 },
        samples: 1,
      },
      { bench: 'alive', what: 'such a call', value: micros / (4 * rounds * changes), unit: 'µs', samples: 1 },
    ];
  } finally {
    await close();
  }
}
