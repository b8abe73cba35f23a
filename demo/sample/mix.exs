defmodule Shop.MixProject do
  use Mix.Project

  @default_task "checkout"

  def project do
    [
      app: :shop,
      version: "0.1.0",
      elixir: "~> 1.14",
      default_task: @default_task,
      deps: []
    ]
  end

  # Elixir 1.15 and later look for the default task here, earlier ones in project/0.
  def cli, do: [default_task: @default_task]

  def application do
    [extra_applications: [:logger]]
  end
end
