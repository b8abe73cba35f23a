defmodule Bench.Condition do
  @moduledoc "Two ways to meet a conditional breakpoint: called from compiled code, and from inside its own function."

  def calls(0, acc), do: acc
  def calls(n, acc), do: calls(n - 1, acc + called(n))

  def called(n) do
    n + 1 # bp:called
  end

  def inside(0, acc), do: acc

  def inside(n, acc) do
    next = acc + n # bp:inside
    inside(n - 1, next)
  end
end
