%% Breakpoints against the real engine and modules made by the real compilers.
-module(ecd_breakpoints_tests).
-include_lib("eunit/include/eunit.hrl").

breakpoints_test_() ->
    {setup, fun start/0, fun finish/1, fun(Dir) ->
        [{atom_to_list(Name), {timeout, 60, fun() -> Test(Dir) end}} || {Name, Test} <- tests()]
    end}.

tests() ->
    [
        {a_line_stops_and_its_breakpoint_is_known, fun a_line_stops/1}
    ].

source() ->
    "defmodule Shop do\n"
    "  @tax 2\n"
    "\n"
    "  # adds the tax\n"
    "  def gross(net, rate \\\\ 1) do\n"
    "    sum = net + @tax\n"
    "    sum * rate\n"
    "  end\n"
    "\n"
    "  def each(list) do\n"
    "    list\n"
    "    |> Enum.map(fn x -> x + 1 end)\n"
    "    |> Enum.sum()\n"
    "  end\n"
    "\n"
    "  defp hidden(x) do\n"
    "    x - 1\n"
    "  end\n"
    "\n"
    "  def open(x), do: hidden(x)\n"
    "end\n".

start() ->
    ok = ecd_fixture:elixir(),
    Dir = ecd_fixture:folder(),
    ok = ecd_config:set(#{projectDir => list_to_binary(Dir), script => <<"none.exs">>}),
    Dir.

finish(Dir) ->
    ecd_fixture:remove(Dir).

a_line_stops(Dir) ->
    with_session(Dir, fun() ->
        Path = shop(Dir),
        #{breakpoints := [B]} = set(Path, [#{id => 1, line => 6}]),
        ?assertEqual(#{id => 1, verified => true, line => 6}, B),
        {Pid, Meta, 'Elixir.Shop', 6} = run(fun() -> 'Elixir.Shop':gross(10) end),
        ?assertEqual(#{ids => [1], kind => line}, ecd_breakpoints:hit(Pid, 'Elixir.Shop', 6)),
        ok = ecd_fixture:continue(Meta),
        ?assertEqual(12, result())
    end).

with_session(Dir, Test) ->
    ok = ecd_fixture:session(#{projectDir => list_to_binary(Dir), script => <<"none.exs">>}),
    try
        Test()
    after
        ecd_fixture:end_session()
    end.

shop(Dir) ->
    Path = ecd_fixture:write(Dir, "lib/shop.ex", source()),
    Ebin = filename:join(Dir, "ebin"),
    ok = filelib:ensure_path(Ebin),
    ok = ecd_fixture:compile(Ebin, Path),
    _ = ecd_fixture:load(Ebin),
    Path.

set(Path, Breakpoints) ->
    ecd_breakpoints:set_breakpoints(#{path => Path, breakpoints => Breakpoints}).

%% Runs Fun in a process of its own, which is expected to stop.
run(Fun) ->
    Self = self(),
    _ = spawn_link(fun() -> Self ! {result, Fun()} end),
    ecd_fixture:stopped().

result() ->
    receive
        {result, Value} -> Value
    after 10000 -> error(no_result)
    end.
