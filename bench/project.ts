// A mix project of a wished number of modules with the benchmark's program in it. Must not measure.
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const root = path.resolve(__dirname, '..', '..', '..');

export interface Project {
  dir: string;
  modules: number;
  /** Absolute path of `lib/bench/NAME.ex`. */
  program: (name: string) => string;
  /** Absolute path of the generated module number `index`. */
  generated: (index: number) => string;
  /** The line that carries the comment `# bp:MARK`. */
  line: (file: string, mark: string) => Promise<number>;
  compile: () => Promise<void>;
  /** Beams of the generated modules that say who calls whom, and can do nothing: for whoever reads them only. */
  outline: () => Promise<void>;
  /** Forgets what is compiled, as on a fresh clone. */
  clean: () => Promise<void>;
  remove: () => Promise<void>;
}

export async function createProject(modules: number): Promise<Project> {
  const dir = await mkdtemp(path.join(tmpdir(), `ecd-bench-${modules}-`));
  const program = path.join(dir, 'lib', 'bench');
  const generated = path.join(dir, 'lib', 'generated');
  await Promise.all([mkdir(program, { recursive: true }), mkdir(generated, { recursive: true })]);
  await writeFile(path.join(dir, 'mix.exs'), mixfile);
  const sources = path.join(root, 'bench', 'program');
  for (const name of await readdir(sources)) await cp(path.join(sources, name), path.join(program, name));
  for (let index = 0; index < modules; index++) {
    await writeFile(path.join(generated, `m${index}.ex`), moduleSource(index, modules));
  }
  return {
    dir,
    modules,
    program: (name) => path.join(program, `${name}.ex`),
    generated: (index) => path.join(generated, `m${index}.ex`),
    line: lineOf,
    compile: async () => {
      await run('mix', ['compile'], { cwd: dir, maxBuffer: 1 << 26 });
    },
    outline: async () => {
      const ebin = path.join(dir, '_build', 'dev', 'lib', 'generated', 'ebin');
      await run('elixir', [path.join(root, 'bench', 'beams.exs'), ebin, `${modules}`]);
    },
    clean: () => rm(path.join(dir, '_build'), { recursive: true, force: true }),
    remove: () => rm(dir, { recursive: true, force: true, maxRetries: 5 }),
  };
}

async function lineOf(file: string, mark: string): Promise<number> {
  const index = (await readFile(file, 'utf8')).split('\n').findIndex((text) => text.endsWith(`# bp:${mark}`));
  if (index < 0) throw new Error(`${file} has no line marked bp:${mark}`);
  return index + 1;
}

const mixfile = `defmodule Generated.MixProject do
  use Mix.Project
  def project, do: [app: :generated, version: "1.0.0", elixir: "~> 1.14", deps: []]
  def application, do: [extra_applications: [:logger]]
end
`;

/**
 * What an ordinary module holds: a struct, public and private functions, case, cond, with, pipes, comprehensions, and
 * calls into three others. Every tenth is about eight times as long, because real sizes are that uneven.
 */
function moduleSource(index: number, modules: number): string {
  const [first, second, third] = [1, 7, 31].map((distance) => `Generated.M${(index + distance) % modules}`);
  const parts = Array.from({ length: index % 10 === 9 ? 8 : 1 }, (_, part) => functions(part, first, second, third));
  return `defmodule Generated.M${index} do
  @moduledoc "Generated module ${index}."
  defstruct name: "m${index}", total: 0, items: []

  def new(items) when is_list(items), do: %__MODULE__{items: items, total: Enum.sum(items)}

${parts.join('\n')}end
`;
}

function functions(part: number, first = '', second = '', third = ''): string {
  return `  def run${part}(depth) when depth <= 0, do: 0

  def run${part}(depth) do
    base = shift${part}(depth, ${part}) # bp:run${part}
    if rem(depth, 2) == 0, do: base + ${first}.run0(depth - 1), else: base + ${second}.run0(depth - 1)
  end

  def grade${part}(value) do
    case value do
      {:ok, number} when number > 100 -> :high
      {:ok, number} when number > 10 -> :middle
      {:ok, _} -> :low
      {:error, reason} -> {:unknown, reason}
    end
  end

  def clean${part}(text) do
    text
    |> String.trim()
    |> String.downcase()
    |> String.split(",", trim: true)
    |> Enum.map(&String.length/1)
    |> Enum.reduce(%{}, fn size, seen -> Map.update(seen, size, 1, &(&1 + 1)) end)
  end

  def check${part}(input) do
    with {:ok, number} <- Map.fetch(input, :number),
         true <- is_integer(number),
         low when low in [:low, :middle] <- grade${part}({:ok, number}) do
      {:ok, ${third}.shift0(number)}
    else
      :error -> {:error, "missing number"}
      other -> {:error, other}
    end
  end

  def shift${part}(value, by \\\\ ${part + 1}) do
    cond do
      value > 1_000 -> value - by
      value < 0 -> -value
      true -> value + by
    end
  end

  def table${part}(size) do
    for row <- 1..size, column <- 1..size, row != column, into: %{}, do: {{row, column}, weigh${part}(row, column)}
  end

  defp weigh${part}(row, column), do: row * 10 + column
`;
}
