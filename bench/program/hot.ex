defmodule Bench.Hot do
  @moduledoc "Loops that do nothing but arithmetic, so that every nanosecond a debugger adds shows."

  def spin(0, acc), do: acc
  def spin(n, acc), do: spin(n - 1, rem(acc * 31 + n, 1_000_003))

  @doc "Calls `touched/1` once in `every` turns."
  def rarely(0, _every, acc), do: acc
  def rarely(n, every, acc) when rem(n, every) == 0, do: rarely(n - 1, every, touched(acc))
  def rarely(n, every, acc), do: rarely(n - 1, every, rem(acc * 31 + n, 1_000_003))

  def touched(acc) do
    rem(acc + 1, 1_000_003) # bp:touched
  end

  @doc "Nothing of the loops calls this."
  def elsewhere(x) do
    x + 1 # bp:elsewhere
  end
end
