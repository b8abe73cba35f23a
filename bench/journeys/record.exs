# Records debugging journeys: which modules of an application each test of a suite enters, in order of first entry.
# It runs the suite as it is and must not change it. Tests that use call tracing themselves must be left out: a node has
# one set of trace patterns.
#
#   elixir record.exs APP OUT TEST_FOLDER              an application of Elixir's own, in its source folder
#   MIX_ENV=test mix run record.exs APP OUT test       an application of a mix project
#
# Writes OUT.jsonl (a line per test), OUT.graph.json (imports), OUT.refs.json (atoms that name modules) and
# OUT.files.json (module to file), the four files that `npm run bench:prediction` reads.

defmodule Journeys.Tracer do
  @moduledoc "Collects the modules that traced processes enter, from a test's start to its end."

  def start(runner_modules), do: spawn(fn -> loop(%{own: runner_modules, test: nil, path: [], seen: %{}, done: []}) end)

  def stop(tracer) do
    reference = make_ref()
    send(tracer, {:stop, self(), reference})

    receive do
      {^reference, journeys} -> journeys
    end
  end

  # The match specification of test functions sends their end, too, so that what ExUnit does between tests is not counted.
  defp loop(state) do
    receive do
      {:trace, _pid, :call, {module, function, 1}} when is_map_key(state.own, module) ->
        case test_name(module, function) do
          nil -> loop(state)
          name -> loop(%{finish(state) | test: name, path: [], seen: %{}})
        end

      {:trace, _pid, kind, {module, function, 1}, _result} when kind in [:return_from, :exception_from] ->
        if state.test != nil and test_name(module, function) == state.test,
          do: loop(finish(state)),
          else: loop(state)

      {:trace, _pid, :call, {module, _function, _arity}}
      when state.test != nil and not is_map_key(state.seen, module) ->
        loop(%{state | path: [module | state.path], seen: Map.put(state.seen, module, true)})

      {:stop, from, reference} ->
        send(from, {reference, Enum.reverse(finish(state).done)})

      _other ->
        loop(state)
    end
  end

  defp finish(%{test: nil} = state), do: state
  defp finish(state), do: %{state | test: nil, done: [{state.test, Enum.reverse(state.path)} | state.done]}

  defp test_name(module, function) do
    case Atom.to_string(function) do
      "test " <> _ = name -> "#{inspect(module)} | #{name}"
      _ -> nil
    end
  end
end

defmodule Journeys.Facts do
  @moduledoc "What the compiled modules of an application say about each other."

  def of(modules) do
    own = MapSet.new(modules)

    for module <- Enum.sort(modules) do
      {:ok, {_, [imports: imports, atoms: atoms]}} = :beam_lib.chunks(:code.which(module), [:imports, :atoms])
      called = for {to, _, _} <- imports, to in own, to != module, do: to
      named = for {_, to} <- atoms, to in own, to != module, do: to
      {module, names(called), names(called ++ named), file(module)}
    end
  end

  defp names(modules), do: modules |> Enum.uniq() |> Enum.map(&inspect/1) |> Enum.sort()

  defp file(module) do
    source = to_string(module.module_info(:compile)[:source])

    case Regex.run(~r{(?:^|/)((?:lib|src|test)/(?!.*/(?:lib|src)/).*)$}, source) do
      [_, relative] -> relative
      nil -> Path.basename(source)
    end
  end
end

defmodule Journeys.Json do
  @moduledoc "Just enough JSON: names, lists of names, and objects of these."

  def object(pairs), do: ["{", Enum.intersperse(for({k, v} <- pairs, do: [value(k), ":", value(v)]), ","), "}"]
  defp value(text) when is_binary(text), do: [?", Enum.map(String.to_charlist(text), &character/1), ?"]
  defp value(list) when is_list(list), do: ["[", Enum.intersperse(Enum.map(list, &value/1), ","), "]"]
  defp character(c) when c in [?", ?\\], do: [?\\, c]
  defp character(c) when c < 32, do: "\\u" <> String.pad_leading(Integer.to_string(c, 16), 4, "0")
  defp character(c), do: <<c::utf8>>
end

[app_name, out, folder] = System.argv()
app = String.to_atom(app_name)

case Application.load(app) do
  :ok -> :ok
  {:error, {:already_loaded, ^app}} -> :ok
end

modules =
  for module <- Application.spec(app, :modules), Code.ensure_loaded?(module), is_list(:code.which(module)), do: module

facts = Journeys.Facts.of(modules)

# Other helpers of suites may call ExUnit.start themselves; nothing runs before ExUnit.run below.
ExUnit.start(autorun: false, max_cases: 1, seed: 0, formatters: [])
helper = Path.join(folder, "test_helper.exs")
if File.exists?(helper), do: Code.require_file(helper)
ExUnit.configure(max_cases: 1, seed: 0, formatters: [], timeout: 60_000)

tests =
  for file <- Enum.sort(Path.wildcard(Path.join(folder, "**/*_test.exs"))),
      {module, _} <- Code.require_file(file),
      function_exported?(module, :__ex_unit__, 0),
      into: %{},
      do: {module, true}

tracer = Journeys.Tracer.start(tests)
ended = [{:_, [], [{:exception_trace}]}]
for module <- modules, do: :erlang.trace_pattern({module, :_, :_}, true, [:local])

for {module, _} <- tests,
    {name, 1} <- module.__info__(:functions),
    do: :erlang.trace_pattern({module, name, 1}, ended, [:local])

result =
  Task.async(fn ->
    :erlang.trace(self(), true, [:call, :arity, :set_on_spawn, {:tracer, tracer}])
    ExUnit.run()
  end)
  |> Task.await(:infinity)

:erlang.trace(:all, false, [:call])
journeys = Journeys.Tracer.stop(tracer)

lines =
  for {test, path} <- journeys, length(path) > 1 do
    [Journeys.Json.object([{"app", app_name}, {"test", test}, {"path", Enum.map(path, &inspect/1)}]), "\n"]
  end

File.write!(out <> ".jsonl", lines)
File.write!(out <> ".graph.json", Journeys.Json.object(for {m, called, _, _} <- facts, do: {inspect(m), called}))
File.write!(out <> ".refs.json", Journeys.Json.object(for {m, _, named, _} <- facts, do: {inspect(m), named}))
File.write!(out <> ".files.json", Journeys.Json.object(for {m, _, _, file} <- facts, do: {inspect(m), file}))
IO.puts("#{length(lines)} journeys of #{length(journeys)} tests, #{length(modules)} modules; #{inspect(result)}")
# What the suite left to run at exit is not part of the recording.
System.halt(0)
