%% The end of a session while processes are stopped, paused and stepping: all go on, none dies, nothing stays behind.
-module(ecd_control_end_tests).

-include_lib("eunit/include/eunit.hrl").

-import(ecd_debuggee, [breaks/3, run/1, event/1, stopped/1, command/2, result/1]).

all_test_() ->
    ecd_debuggee:module([{#{}, [
        fun everyone_goes_on_when_control_ends/1,
        fun a_process_that_stepped_leaves_nothing_behind/1,
        fun a_hundred_processes_step_at_once/1
    ]}]).

everyone_goes_on_when_control_ends(S) ->
    #{filters := [_, _]} = ecd_exceptions:set_exception_breakpoints(
        #{filters => [#{filter => <<"raised">>}, #{filter => <<"uncaught">>}]}),
    ok = breaks(S, [{1, outer_b}, {2, work_y}], #{}),
    Stopped = run(fun() -> 'Elixir.Control.Basic':outer(1) end),
    {Stopped, <<"breakpoint">>, outer_b} = stopped(S),
    Raising = run(fun() -> 'Elixir.Control.Fail':rescued() end),
    {Raising, <<"exception">>, _} = stopped(S),
    Stepping = run(fun() -> 'Elixir.Control.Native':waits(1) end),
    {Stepping, _, work_y} = stopped(S),
    command(stepOut, Stepping),
    {ok, Server} = 'Elixir.Control.Server':start(5),
    command(pause, Server),
    #{reason := <<"pause">>} = event(stopped),
    {status, suspended} = process_info(Server, status),

    ok = ecd_exceptions:stop(),
    ok = ecd_breakpoints:stop(),
    ok = ecd_control:stop(),

    ?assertEqual(10, result(Stopped)),
    ?assertEqual({rescued, <<"no 2">>}, result(Raising)),
    Stepping ! go,
    ?assertEqual(14, result(Stepping)),
    ?assertEqual(7, 'Elixir.Control.Server':add(Server, 2)),
    ?assertEqual([], ecd_debuggee:armed()),
    ?assertNot(lists:member(ecd_post_mortem, logger:get_handler_ids())),
    ?assertEqual(running, ecd_control:stop_info(Stopped)),
    ok = ecd_control:start(),
    ok = ecd_breakpoints:start(),
    ok = ecd_exceptions:start().

a_process_that_stepped_leaves_nothing_behind(S) ->
    ok = breaks(S, [{1, outer_b}], #{}),
    Pid = run(fun() -> 'Elixir.Control.Basic':outer(1) end),
    {Pid, <<"breakpoint">>, outer_b} = stopped(S),
    command(next, Pid),
    {Pid, <<"step">>, outer_c} = stopped(S),
    Monitor = monitor(process, Pid),
    command(continue, Pid),
    ?assertEqual(10, result(Pid)),
    receive {'DOWN', Monitor, process, Pid, _} -> ok end,
    emptied(ecd_step_points),
    ?assertEqual([], ets:tab2list(ecd_control)).

emptied(Table) ->
    case ets:info(Table, size) of
        0 -> ok;
        _ -> erlang:yield(), emptied(Table)
    end.

%% Each over a call of its own, at the same time; everyone comes out where it should and computes what it should.
a_hundred_processes_step_at_once(S) ->
    ok = breaks(S, [{1, outer_b}], #{}),
    Pids = [run(fun() -> 'Elixir.Control.Basic':outer(N) end) || N <- lists:seq(1, 100)],
    Stopped = [Pid || _ <- Pids, {Pid, <<"breakpoint">>, outer_b} <- [stopped(S)]],
    ?assertEqual(lists:sort(Pids), lists:sort(Stopped)),
    lists:foreach(fun(Pid) -> command(next, Pid) end, Pids),
    Stepped = [Pid || _ <- Pids, {Pid, <<"step">>, outer_c} <- [stopped(S)]],
    ?assertEqual(lists:sort(Pids), lists:sort(Stepped)),
    #{all := true} = ecd_debuggee:command(continue, hd(Pids), #{single => false}),
    ?assertEqual([4 * N + 6 || N <- lists:seq(1, 100)], [result(Pid) || Pid <- Pids]).
