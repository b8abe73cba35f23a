// `npm run bench`: runs the benchmarks, prints one table, writes JSON when asked to. Must not measure by itself.
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { parseArgs, promisify } from 'node:util';
import { ahead } from './ahead.js';
import { alive } from './alive.js';
import { click } from './click.js';
import { condition } from './condition.js';
import { disk } from './disk.js';
import { hot } from './hot.js';
import { memory } from './memory.js';
import { Plan } from './plan.js';
import { type Environment, type Figure, toJson, toTable } from './report.js';
import { cold, start } from './start.js';
import { step } from './step.js';

const benchmarks: Record<string, (plan: Plan) => Promise<Figure[]>> = {
  start,
  cold,
  hot,
  click,
  step,
  condition,
  memory,
  disk,
  ahead,
  alive,
};

const usage = `usage: npm run bench -- [--only=${Object.keys(benchmarks).join(',')}] [--modules 100,300,1000] [--runs 5] [--out FILE.json]`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: Object.keys(benchmarks).join(',') },
      modules: { type: 'string', default: '100,300,1000' },
      runs: { type: 'string', default: '5' },
      out: { type: 'string' },
    },
  });
  const chosen = values.only.split(',');
  const unknown = chosen.filter((name) => !(name in benchmarks));
  if (unknown.length > 0) throw new Error(`there is no benchmark ${unknown.join(', ')}\n${usage}`);
  const plan = new Plan(
    positive('--runs', values.runs),
    values.modules.split(',').map((n) => positive('--modules', n)),
  );

  const load = loadavg()[0] ?? 0;
  const environment = await describe(load);
  const figures: Figure[] = [];
  let failures = 0;
  say(
    `OTP ${environment.otp}, Elixir ${environment.elixir}, Node ${environment.node}, ${environment.cores} × ${environment.cpu}\n`,
  );
  try {
    for (const name of chosen) {
      const from = performance.now();
      say(`${name} … `);
      try {
        figures.push(...((await benchmarks[name]?.(plan)) ?? []));
        say(`${((performance.now() - from) / 1000).toFixed(0)} s\n`);
      } catch (error) {
        // One benchmark that cannot run must not take the others' numbers with it.
        failures++;
        say(`failed\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
      }
    }
  } finally {
    await plan.dispose();
  }
  environment.load[1] = loadavg()[0] ?? 0;
  process.stdout.write(`\n${toTable(figures)}\n`);
  if (values.out !== undefined) await writeFile(values.out, toJson(environment, figures));
  return failures === 0 ? 0 : 1;
}

function positive(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`${option} takes whole numbers from 1 on, not "${text}"\n${usage}`);
  return value;
}

async function describe(load: number): Promise<Environment> {
  const expression = 'IO.puts("#{System.otp_release()} #{System.version()}")';
  const { stdout } = await promisify(execFile)('elixir', ['-e', expression]);
  const [otp = '?', elixir = '?'] = stdout.trim().split(' ');
  const cores = cpus();
  return {
    date: new Date().toISOString().slice(0, 10),
    otp,
    elixir,
    node: process.versions.node,
    cpu: cores[0]?.model ?? '?',
    cores: cores.length,
    load: [load, load],
  };
}

/** Progress goes to stderr, so that stdout holds the table alone. */
function say(text: string): void {
  process.stderr.write(text);
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    say(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 2;
  },
);
