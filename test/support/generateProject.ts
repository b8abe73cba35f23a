// Writes a mix project of N modules, each of which calls the next, for tests about projects with many modules.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** `Generated.main()` goes through the first ten modules and gives 10. */
export function generateProject(dir: string, { modules }: { modules: number }): void {
  mkdirSync(path.join(dir, 'lib'), { recursive: true });
  writeFileSync(
    path.join(dir, 'mix.exs'),
    `defmodule Generated.MixProject do
  use Mix.Project
  def project, do: [app: :generated, version: "0.1.0", elixir: "~> 1.14", deps: []]
end
`,
  );
  writeFileSync(
    path.join(dir, 'lib', 'generated.ex'),
    'defmodule Generated do\n  def main, do: Generated.M0.work(10)\nend\n',
  );
  for (let index = 0; index < modules; index++) {
    writeFileSync(
      path.join(dir, 'lib', `m${index}.ex`),
      `defmodule Generated.M${index} do
  defstruct name: "m${index}", items: []

  def work(0), do: 0

  def work(depth) do
    rest = depth - 1 # bp:work
    Generated.M${(index + 1) % modules}.work(rest) + 1 # bp:call
  end

  def describe(%__MODULE__{items: items} = module) do
    items |> Enum.map(&to_string/1) |> Enum.join(module.name)
  end
end
`,
    );
  }
}
