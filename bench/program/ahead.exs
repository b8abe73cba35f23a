# Prints for each of ARGV's rounds, of a program that idles and of one that keeps every scheduler busy: how many modules were
# let be prepared at once; the ms of the clock that 60 of Elixir's own modules took one at a time, and as many at once as that;
# and the ms of processors, of all that the VM did. Runs with the agent on the code path; ARGV names the folder of its
# stand-in server first.
[standin, rounds] = System.argv()
{:ok, bytecode} = File.read(Path.join(standin, "dbg_iserver.beam"))
:ok = :ecd_config.set(%{memoryThreshold: 1_000_000_000})
_ = :ecd_handles.start()
:ok = :ecd_modules.start()

{:ok, :interpreter, []} =
  :ecd_engine.start(%{engine: "interpreter", stack: :no_tail, bytecode: &:ecd_modules.bytecode/1, standin: bytecode})

# Of all sizes, and the same ones each time; the engine has put another version in the place of one.
{:ok, all} = :application.get_key(:elixir, :modules)
modules = (all -- [Kernel.ErrorHandler]) |> Enum.sort() |> Enum.take_every(4) |> Enum.take(60)
Enum.each(modules, &Code.ensure_loaded!/1)
wanted = %{modules: Enum.map(modules, &%{module: :ecd_modules.display(&1), reason: "bench"})}

prepared = fn look ->
  {before, _} = :erlang.statistics(:runtime)
  %{failed: [], full: false, ms: ms, atOnce: at_once} = :ecd_planned.prepare_ahead(wanted, look)
  {later, _} = :erlang.statistics(:runtime)
  Enum.each(modules, fn module -> :ok = :ecd_engine.release(module) end)
  {ms, later - before, at_once}
end

one = fn -> prepared.(fn _ -> 1.0 end) end
several = fn -> prepared.(&:ecd_session.busy/1) end

round = fn program, number ->
  # Every other round in reversed order, so that load that comes and goes hits both.
  {{one_ms, one_cpu, 1}, {several_ms, several_cpu, at_once}} =
    if rem(number, 2) == 0 do
      first = one.()
      {first, several.()}
    else
      first = several.()
      {one.(), first}
    end

  IO.puts("#{program} #{at_once} #{one_ms} #{several_ms} #{one_cpu} #{several_cpu}")
end

one.()

for number <- 1..String.to_integer(rounds) do
  round.("idle", number)
  busy = for _ <- 0..System.schedulers_online(), do: spawn(fn -> Stream.run(Stream.cycle([:busy])) end)
  round.("busy", number)
  Enum.each(busy, &Process.exit(&1, :kill))
end
