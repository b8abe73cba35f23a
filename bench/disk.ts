// Prepared rows from disk against from bytecode, by the size of the module: decides from which size on they are kept.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Plan } from './plan.js';
import { root } from './project.js';
import type { Figure } from './report.js';
import { median, ratioOfPairs } from './statistics.js';

const run = promisify(execFile);

/** Bytes of bytecode, upper ends. */
const classes = [
  { name: 'below 16 KB', below: 16 * 1024 },
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
    const ebin = await compiledAgent(home);
    const { stdout } = await run('elixir', [
      '-pa',
      ebin,
      path.join(root, 'bench', 'program', 'rows.exs'),
      `${plan.runs}`,
    ]);
    const samples = stdout.trim().split('\n').map(sample);
    return classes.map(({ name, below }, index) => {
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
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

/** In a folder named as the adapter names it: only there does the agent keep anything. */
async function compiledAgent(home: string): Promise<string> {
  const ebin = path.join(home, 'ebin');
  const sources = path.join(root, 'adapter', 'agent', 'src');
  await mkdir(ebin);
  const files = (await readdir(sources)).filter((name) => name.endsWith('.erl'));
  await run('erlc', ['-o', ebin, ...files.map((name) => path.join(sources, name))]);
  return ebin;
}

function sample(line: string): Sample {
  const [size = NaN, made = NaN, read = NaN] = line.split(' ').map(Number);
  return { size, made: made / 1000, read: read / 1000 };
}
