// Prepared rows from disk against from bytecode, by the size of the module: shows for which sizes keeping them pays.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { compileAgent } from './agent.js';
import type { Plan } from './plan.js';
import { type Project, root } from './project.js';
import type { Figure } from './report.js';
import { Session } from './session.js';
import { median, ratioOfPairs } from './statistics.js';

const run = promisify(execFile);

/** ms in which what a session has prepared must be on disk: it is written aside, at low priority. */
const WRITTEN = 30_000;

/** Bytes of bytecode, upper ends. */
const classes = [
  { name: 'below 4 KB', below: 4 * 1024 },
  { name: '4 to 16 KB', below: 16 * 1024 },
  { name: '16 to 64 KB', below: 64 * 1024 },
  { name: '64 KB and more', below: Infinity },
];

interface Sample {
  size: number;
  /** ms */
  made: number;
  read: number;
}

/** Elixir's own modules, each in a process of its own, in turn from its bytecode and from disk. */
export async function disk(plan: Plan): Promise<Figure[]> {
  const home = await mkdtemp(path.join(tmpdir(), 'ecd-bench-disk-'));
  try {
    const ebin = await compileAgent(path.join(home, 'ebin'));
    const { stdout } = await run('elixir', [
      '-pa',
      ebin,
      path.join(root, 'bench', 'program', 'rows.exs'),
      `${plan.runs}`,
    ]);
    const samples = stdout.trim().split('\n').map(sample);
    const bySize = classes.map(({ name, below }, index): Figure => {
      const above = classes[index - 1]?.below ?? 0;
      const chosen = samples.filter(({ size }) => size >= above && size < below);
      const [made, read] = [chosen.map((one) => one.made), chosen.map((one) => one.read)];
      return {
        bench: 'disk',
        what: `rows of a module from disk, ${name}`,
        value: median(read),
        unit: 'ms',
        against: { what: 'prepared from its bytecode', value: median(made) },
        ratio: ratioOfPairs(read, made),
        samples: chosen.length,
      };
    });
    return [...bySize, await repeated(await plan.ordinary(), home)];
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

/** Of Elixir's own, large and small. */
const repeatedly = [
  'Enum',
  'String',
  'Macro',
  'Stream',
  'Keyword',
  'Inspect.Algebra',
  'Code.Formatter',
  'Module.Types.Expr',
  'Bitwise',
  'Access',
  'Integer',
  'Tuple',
];

/** Two sessions that prepare the same modules, with a cache that is empty before the first. */
async function repeated(project: Project, home: string): Promise<Figure> {
  const prepare = async (): Promise<Record<string, number>> => {
    const expression = 'Process.sleep(:infinity)';
    const session = await Session.launch({ project, mode: 'coordinated', expression, cache: home });
    try {
      await session.dap.request('interpretModules', { modules: repeatedly, strategy: 'immediate' });
      const deadline = performance.now() + WRITTEN;
      for (;;) {
        const { body } = await session.dap.request('getPerformanceMetrics');
        const figures = body['agent'] as Record<string, number>;
        if ((figures['diskEntries'] ?? 0) >= repeatedly.length) return figures;
        if (performance.now() > deadline) throw new Error(`only ${figures['diskEntries']} modules were kept`);
        await delay(50);
      }
    } finally {
      await session.close();
    }
  };
  await prepare();
  const { diskHits = NaN, diskMisses = NaN } = await prepare();
  return {
    bench: 'disk',
    what: 'share of its modules that a repeated session prepares anew',
    value: diskMisses / (diskHits + diskMisses),
    unit: '',
    target: { of: 'value', atMost: 0.2 },
    samples: diskHits + diskMisses,
  };
}

function sample(line: string): Sample {
  const [size = NaN, made = NaN, read = NaN] = line.split(' ').map(Number);
  return { size, made: made / 1000, read: read / 1000 };
}
