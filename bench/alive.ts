// Closures and processes from before the first breakpoint, called while breakpoints come and go in their module.
import type { Plan } from './plan.js';
import type { Figure } from './report.js';
import { serveDebugged } from './session.js';

/** Four closures each: 10⁵ calls. */
const rounds = 25_000;

export async function alive(plan: Plan): Promise<Figure[]> {
  const project = await plan.ordinary();
  const { session, probe, close } = await serveDebugged(project, 'coordinated');
  const file = project.program('alive');
  const lines = await Promise.all(['private', 'public', 'serve'].map((mark) => project.line(file, mark)));
  try {
    const called = { done: false };
    const calls = probe.ask('alive', rounds).finally(() => (called.done = true));
    let changes = 0;
    for (; !called.done; changes++) {
      // A condition that never holds: armed and disarmed, but nobody is stopped.
      const armed = lines.filter((_, i) => (changes >> i) % 2 === 0).map((line) => ({ line, condition: '1 > 2' }));
      await session.click({ file, lines: armed });
    }
    const { micros, result } = await calls;
    return [
      {
        bench: 'alive',
        what: `wrong answers of closures and processes from before, 10⁵ calls under ${changes} changes of breakpoints`,
        value: result,
        unit: '',
        target: { of: 'value', atMost: 0 },
        samples: 1,
      },
      { bench: 'alive', what: 'such a call', value: micros / (4 * rounds), unit: 'µs', samples: 1 },
    ];
  } finally {
    await close();
  }
}
