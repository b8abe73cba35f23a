// A hot loop at full speed, while breakpoints exist that it does not meet, or meets once in a million turns.
import { type DebuggedProgram, serveDebugged } from './session.js';
import { type PlainProgram, servePlain } from './plain.js';
import type { Plan } from './plan.js';
import type { Probe } from './probe.js';
import type { Figure } from './report.js';
import { inTurn, median, ratioOfPairs } from './statistics.js';

/** About a quarter of a second of compiled code. */
const turns = 50_000_000;
const every = 1_000_000;
/** The same, interpreted; the figures are per turn. */
const interpretedTurns = 50_000;

export async function hot(plan: Plan): Promise<Figure[]> {
  const project = await plan.ordinary();
  const open: (PlainProgram | DebuggedProgram)[] = [];
  const opened = async <P extends PlainProgram | DebuggedProgram>(program: Promise<P>): Promise<P> => {
    open.push(await program);
    return program;
  };
  try {
    const native = await opened(servePlain(project));
    const debugged = await opened(serveDebugged(project, 'coordinated'));
    const traditional = await opened(serveDebugged(project, 'traditional'));

    const hotFile = project.program('hot');
    const quietFile = project.program('quiet');
    const elsewhere = { line: await project.line(hotFile, 'elsewhere') };
    // The condition is asked at each call and never true, so the loop goes on.
    const touched = { line: await project.line(hotFile, 'touched'), condition: 'acc < 0' };
    const quiet = { line: await project.line(quietFile, 'quiet') };
    await traditional.session.click({ file: hotFile, lines: [elsewhere] });

    const results = new Set<number>();
    const spin = async (probe: Probe, n: number): Promise<number> => {
      const { micros, result } = await probe.ask('spin', n);
      if (n === turns) results.add(result);
      return (micros * 1000) / n;
    };
    const rarely = async (probe: Probe): Promise<number> => {
      const { micros } = await probe.ask('rarely', turns, every);
      return (micros * 1000) / turns;
    };
    const armed = async (inHot: (typeof touched | typeof elsewhere)[], inQuiet: (typeof quiet)[]): Promise<void> => {
      await debugged.session.click({ file: hotFile, lines: inHot });
      await debugged.session.click({ file: quietFile, lines: inQuiet });
    };

    const samples = await inTurn(Math.max(5, plan.runs), {
      native: () => spin(native.probe, turns),
      session: async () => {
        await armed([], []);
        return spin(debugged.probe, turns);
      },
      sameModule: async () => {
        await armed([elsewhere], []);
        return spin(debugged.probe, turns);
      },
      otherModule: async () => {
        await armed([], [quiet]);
        return spin(debugged.probe, turns);
      },
      nativeRarely: () => rarely(native.probe),
      rarely: async () => {
        await armed([touched], []);
        return rarely(debugged.probe);
      },
      traditional: () => spin(traditional.probe, interpretedTurns),
    });
    if (results.size !== 1) throw new Error('the loop computed different results under the debugger');

    const figure = (what: string, sample: number[], base: number[], atMost?: number): Figure => ({
      bench: 'hot',
      what: `a turn of a hot loop, ${what}`,
      value: median(sample),
      unit: 'ns',
      against: { what: 'no debugger', value: median(base) },
      ratio: ratioOfPairs(sample, base),
      samples: sample.length,
      ...(atMost === undefined ? {} : { target: { of: 'ratio', atMost } }),
    });
    return [
      figure('session without breakpoints', samples.session, samples.native, 1.05),
      figure('breakpoint elsewhere in its module', samples.sameModule, samples.native, 1.05),
      figure('breakpoint in another module', samples.otherModule, samples.native, 1.05),
      figure('breakpoint in what it calls once in 10⁶ turns', samples.rarely, samples.nativeRarely, 1.05),
      figure('traditional', samples.traditional, samples.native),
    ];
  } finally {
    for (const program of open) await program.close();
  }
}
