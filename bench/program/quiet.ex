defmodule Bench.Quiet do
  @moduledoc "Another module that may hold a breakpoint while `Bench.Hot` runs."

  def wait(x) do
    x + 1 # bp:quiet
  end
end
