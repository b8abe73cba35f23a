defmodule Bench.Walk.Step do
  @moduledoc "What `Bench.Walk.across/1` calls; never named to the debugger."

  def add(x, y) do
    sum = x + y
    sum
  end
end
