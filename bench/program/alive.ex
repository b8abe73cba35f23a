defmodule Bench.Alive do
  @moduledoc "Closures and a process that exist before any breakpoint does, like the telemetry handlers of real programs."

  def start do
    offset = 7
    process = spawn(fn -> serve(offset) end)
    made = [fn x -> private(x) + offset end, &private/1, &public/1, fn x -> ask(process, x) end]
    :persistent_term.put(__MODULE__, made)
  end

  def closures, do: :persistent_term.get(__MODULE__)

  defp private(x) do
    x * 3 # bp:private
  end

  def public(x) do
    private(x) # bp:public
  end

  # Loops in the code of before: a reload that is not careful kills it.
  defp serve(offset) do
    receive do
      {from, reference, x} ->
        send(from, {reference, private(x) + offset}) # bp:serve
        serve(offset)
    end
  end

  defp ask(process, x) do
    reference = Process.monitor(process)
    send(process, {self(), reference, x})

    receive do
      {^reference, answer} ->
        Process.demonitor(reference, [:flush])
        answer

      {:DOWN, ^reference, _, _, reason} ->
        exit(reason)
    end
  end
end
