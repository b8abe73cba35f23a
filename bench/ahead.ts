// Modules that a plan wants prepared, as many at once as the program leaves schedulers idle, against one at a time.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { compileAgent } from './agent.js';
import type { Plan } from './plan.js';
import { root } from './project.js';
import type { Figure } from './report.js';
import { median, ratioOfPairs } from './statistics.js';

interface Sample {
  program: 'idle' | 'busy';
  /** How many modules were let be under way at once. */
  atOnce: number;
  /** ms for all modules. */
  oneByOne: number;
  several: number;
  /** ms of all processors together. */
  oneByOneCpu: number;
  severalCpu: number;
}

/** Threads of the VM that wait must not count as work. */
const quiet = '+sbwt none +sbwtdcpu none +sbwtdio none';

/** 60 of Elixir's own modules, made from their bytecode each time. */
export async function ahead(plan: Plan): Promise<Figure[]> {
  const home = await mkdtemp(path.join(tmpdir(), 'ecd-bench-ahead-'));
  try {
    const beams = await compileAgent(path.join(home, 'agent'));
    const standin = await compileAgent(path.join(home, 'standin'), 'src/standin');
    const script = path.join(root, 'bench', 'program', 'ahead.exs');
    const { stdout } = await promisify(execFile)('elixir', [
      ...['--erl', quiet, '-pa', beams],
      ...[script, standin, `${plan.runs}`],
    ]);
    const samples = stdout.trim().split('\n').map(sample);
    const figure = (
      program: Sample['program'],
      of: string,
      side: (one: Sample) => number,
      other: (one: Sample) => number,
    ): Figure => {
      const chosen = samples.filter((one) => one.program === program);
      const [several, oneByOne] = [chosen.map(side), chosen.map(other)];
      return {
        bench: 'ahead',
        what: `${of}, up to ${Math.max(...chosen.map((one) => one.atOnce))} at once, ${program} program`,
        value: median(several),
        unit: 'ms',
        against: { what: 'one at a time', value: median(oneByOne) },
        ratio: ratioOfPairs(several, oneByOne),
        samples: chosen.length,
      };
    };
    return [
      figure(
        'idle',
        '60 modules prepared',
        ({ several }) => several,
        ({ oneByOne }) => oneByOne,
      ),
      figure(
        'idle',
        'processor time for them',
        (one) => one.severalCpu,
        (one) => one.oneByOneCpu,
      ),
      figure(
        'busy',
        '60 modules prepared',
        ({ several }) => several,
        ({ oneByOne }) => oneByOne,
      ),
    ];
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

function sample(line: string): Sample {
  const [program = '', ...figures] = line.split(' ');
  const [atOnce = NaN, oneByOne = NaN, several = NaN, oneByOneCpu = NaN, severalCpu = NaN] = figures.map(Number);
  return { program: program === 'busy' ? 'busy' : 'idle', atOnce, oneByOne, several, oneByOneCpu, severalCpu };
}
