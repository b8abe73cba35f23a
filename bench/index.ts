// `npm run bench:index`: how long a project of N modules takes to index, cold, from the cache, and after one edit, and what
// it keeps in memory. All sizes in one run, so that they compare. Measures the index in this process, scan thread included.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ProjectIndex } from '../server/index/projectIndex.js';
import { writeBeam } from '../test/support/beamWriter.js';
import { root } from '../test/support/paths.js';

const USAGE = 'usage: npm run bench:index -- [--modules 100,1000,5000] [--out FILE.json]';

/** ms of the clock and of processors (all threads), and heap and external memory that are kept. */
interface Figures {
  modules: number;
  edges: number;
  coldMs: number;
  coldCpuMs: number;
  cachedMs: number;
  cachedCpuMs: number;
  longestBlockMs: number;
  editMs: number;
  keptMb: number;
}

function nameOf(index: number): string {
  return `Shop.Area${index % 20}.Module${index}`;
}

/** A module of about a hundred lines that calls eight others, as sources of applications do. */
function sourceOf(index: number, modules: number): string {
  const other = (step: number): string => nameOf((index * 7 + step * 31) % modules);
  const functions = Array.from(
    { length: 12 },
    (_, number) => `
  @doc "Does the work of step ${number}."
  @spec step_${number}(map(), keyword()) :: {:ok, map()} | {:error, term()}
  def step_${number}(%{items: items} = state, options \\\\ []) do
    with {:ok, found} <- Other${number % 8}.fetch(items, options),
         %Other${(number + 1) % 8}{} = next <- Enum.find(found, &(&1.id == state.id)) do
      {:ok, %{state | items: [next | items], total: Map.get(state, :total, 0) + 1}}
    else
      reason -> {:error, {:step_${number}, reason, Other${(number + 2) % 8}}}
    end
  end`,
  );
  const aliases = Array.from({ length: 8 }, (_, step) => `  alias ${other(step + 1)}, as: Other${step}`);
  return `defmodule ${nameOf(index)} do
  use GenServer
${aliases.join('\n')}

  defstruct id: nil, items: [], total: 0
${functions.join('\n')}

  defp label(state), do: "#{inspect(state)} of module ${index}"
end
`;
}

function generate(dir: string, modules: number): void {
  const ebin = path.join(dir, '_build', 'dev', 'lib', 'shop', 'ebin');
  mkdirSync(ebin, { recursive: true });
  writeFileSync(path.join(dir, 'mix.exs'), 'defmodule Shop.MixProject do\n  def project, do: [app: :shop]\nend\n');
  for (let index = 0; index < modules; index++) {
    const file = path.join(dir, 'lib', `area${index % 20}`, `module${index}.ex`);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, sourceOf(index, modules));
    const target = (step: number): string => `Elixir.${nameOf((index * 7 + step * 31) % modules)}`;
    const module = `Elixir.${nameOf(index)}`;
    const beam = writeBeam({
      module,
      calls: [1, 2, 3, 4].map(target).concat('Elixir.Enum', 'Elixir.Map', 'erlang'),
      atoms: [5, 6, 7, 8].map(target),
      literals: [9, 10].map(target),
      source: file,
      behaviours: ['Elixir.GenServer'],
      padding: 12_000,
    });
    writeFileSync(path.join(ebin, `${module}.beam`), beam);
  }
}

async function measure(modules: number): Promise<Figures> {
  const home = mkdtempSync(path.join(tmpdir(), 'ecd-bench-index-'));
  try {
    const project = path.join(home, 'project');
    generate(project, modules);
    const storage = path.join(home, 'storage');
    const cold = await opened(project, storage);
    await cold.index.dispose();
    const empty = path.join(home, 'empty');
    mkdirSync(empty);
    const baseline = await opened(empty, null);
    const before = kept();
    await baseline.index.dispose();

    const cached = await opened(project, storage);
    const { edges } = cached.index.size();
    const keptMb = (kept() - before) / 1024 / 1024;
    const file = path.join(project, 'lib', 'area0', 'module0.ex');
    const text = sourceOf(0, modules);
    cached.index.update(file, text);
    cached.index.modulesOfFile(file);
    const from = performance.now();
    cached.index.update(file, text.replace('total: 0', 'total: 1'));
    cached.index.modulesOfFile(file);
    const editMs = performance.now() - from;
    await cached.index.dispose();
    const longestBlockMs = Math.max(cold.longestBlockMs, cached.longestBlockMs);
    return {
      modules,
      edges,
      coldMs: cold.ms,
      coldCpuMs: cold.cpuMs,
      cachedMs: cached.ms,
      cachedCpuMs: cached.cpuMs,
      longestBlockMs,
      editMs,
      keptMb,
    };
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

async function opened(folder: string, storage: string | null) {
  const index = new ProjectIndex({
    programs: path.join(root, 'dist'),
    warn: (message) => process.stderr.write(`${message}\n`),
  });
  let longestBlockMs = 0;
  let last = performance.now();
  const beat = setInterval(() => {
    const now = performance.now();
    longestBlockMs = Math.max(longestBlockMs, now - last - 1);
    last = now;
  }, 1);
  const cpu = process.cpuUsage();
  const from = performance.now();
  await index.open([folder], storage);
  const ms = performance.now() - from;
  clearInterval(beat);
  const { user, system } = process.cpuUsage(cpu);
  return { index, ms, cpuMs: (user + system) / 1000, longestBlockMs };
}

/** What is left after everything unused was collected. */
function kept(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let round = 0; round < 3; round++) collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { modules: { type: 'string', default: '100,1000,5000' }, out: { type: 'string' } },
  });
  const sizes = values.modules.split(',').map(Number);
  if (sizes.some((size) => !Number.isInteger(size) || size < 1)) throw new Error(USAGE);
  const figures: Figures[] = [];
  for (const size of sizes) figures.push(await measure(size));
  const columns = Object.keys(figures[0] ?? {}) as (keyof Figures)[];
  const rows = figures.map((row) => columns.map((column) => Number(row[column].toFixed(1)).toString()));
  for (const row of [columns, ...rows]) process.stdout.write(`${row.map((cell) => cell.padStart(16)).join('')}\n`);
  if (values.out !== undefined) writeFileSync(values.out, `${JSON.stringify(figures, null, 2)}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
