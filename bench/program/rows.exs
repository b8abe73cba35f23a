# Prints for each of Elixir's own modules its size and the µs that its rows take from bytecode and from disk, medians of
# ARGV rounds in turn. Runs with the agent on the code path and without an engine.
[runs] = Enum.map(System.argv(), &String.to_integer/1)

# In a process of its own, as the agent does it: what is built on the way is many times larger than what stays.
timed = fn fun -> Task.await(Task.async(fn -> elem(:timer.tc(fun), 0) end), :infinity) end

keep = fn %{rows: rows} -> :ets.insert(:ets.new(:rows, [:ordered_set, :public]), rows) end
median = fn values -> values |> Enum.sort() |> Enum.at(div(length(values), 2)) end

:ok = :ecd_prepare.debugger()
{:ok, modules} = :application.get_key(:elixir, :modules)

for module <- modules, file = :code.which(module), is_list(file) do
  bytes = File.read!(file)
  make = fn -> :ecd_prepare.make(module, bytes) end
  :ok = :ecd_disk.write(:rows, module, make.())

  read = fn ->
    # As the agent, which names what it keeps by the content of the file.
    _ = :erlang.md5(bytes)
    {:ok, rows} = :ecd_disk.read(:rows, module)
    rows
  end

  rounds = for _ <- 1..runs, do: {timed.(fn -> keep.(make.()) end), timed.(fn -> keep.(read.()) end)}
  {made, read} = Enum.unzip(rounds)
  IO.puts("#{byte_size(bytes)} #{median.(made)} #{median.(read)}")
end
