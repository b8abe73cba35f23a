%% Every kind of function that a breakpoint may be in: armed is the host function of the line only.
-module(ecd_matrix_tests).

-include_lib("eunit/include/eunit.hrl").

-define(M, 'Elixir.Matrix').

matrix_test_() ->
    {setup, fun() -> ok end, fun(_) ->
        {timeout, 60, fun() -> ecd_scene:with(["matrix.ex"], fun all/0) end}
    end}.

all() ->
    lists:foreach(fun({Name, Case}) -> try Case() catch C:R:S -> error({Name, C, R, S}) end end, [
        {remote_call, fun() -> hit("remote", 2, #{x => 1}, fun() -> ?M:remote(1) end) end},
        {native_call_of_a_private_function, fun() ->
            hit("private", 3, #{x => 1}, fun() -> ?M:calls_private(1) end)
        end},
        {private_function_captured_before, fun captured_before/0},
        {external_capture, fun() ->
            Fun = fun ?M:remote/1,
            hit("remote", 8, #{x => 7}, fun() -> Fun(7) end)
        end},
        {spawned_process, fun() ->
            hit("remote", 2, #{x => 1}, fun() ->
                {Pid, Ref} = spawn_monitor(?M, remote, [1]),
                receive
                    {'DOWN', Ref, process, Pid, normal} -> 2
                end
            end)
        end},
        {delegate, fun() ->
            hit('Elixir.Matrix.Delegate', "delegate target", 2, #{x => 1}, fun() -> ?M:target(1) end)
        end},
        {default_argument, fun() -> hit("default", 11, #{a => 1, b => 10}, fun() -> ?M:default(1) end) end},
        {guarded_clause, fun() -> hit("guarded", 1, #{n => -1}, fun() -> ?M:many(-1) end) end},
        {function_made_by_use, fun() ->
            hit("used", 4, #{x => 1}, fun() -> ?M:generated(1) end)
        end},
        {protocol_implementation, fun() ->
            Impl = 'Elixir.Matrix.Shape.Matrix.Square',
            hit(Impl, "impl", 9, #{side => 3}, fun() -> ?M:area('Elixir.Matrix.Square':new(3)) end)
        end},
        {handle_call, fun() ->
            {ok, Server} = gen_server:start('Elixir.Matrix.Server', 1, []),
            hit('Elixir.Matrix.Server', "handle_call", 3, #{n => 2, state => 1}, fun() ->
                gen_server:call(Server, {add, 2})
            end),
            hit('Elixir.Matrix.Server', "handle_info", 8, #{n => 8}, fun() ->
                Server ! {set, 8},
                sys:get_state(Server)
            end),
            gen_server:stop(Server)
        end},
        {closure, fun() ->
            hits("closure body", [2, 4], [#{x => 1, list => [1, 2]}, #{x => 2, list => [1, 2]}], fun() ->
                ?M:closure([1, 2])
            end)
        end},
        {comprehension, fun() ->
            hits("comprehension body", [6, 9], [#{x => 2, list => [1, 2, 3]}, #{x => 3, list => [1, 2, 3]}], fun() ->
                ?M:comprehension([1, 2, 3])
            end)
        end},
        {rescue_and_after, fun() ->
            {Result, Stops} = at(?M, ["rescue", "after"], fun() -> ?M:rescued(0) end),
            ?assertEqual(<<"bad argument in arithmetic expression">>, Result),
            ?assertMatch([{?M, _, #{x := 0, e := _}}, {?M, _, #{x := 0}}], Stops)
        end},
        {receive_and_timeout, fun() ->
            hit("received", 6, #{x => 5, timeout => 1000}, fun() ->
                self() ! {ok, 5},
                ?M:received(1000)
            end),
            hit("timeout", 2, #{timeout => 1}, fun() -> ?M:received(1) end)
        end},
        {tail_recursion, fun() ->
            hits("tail", 6, [#{n => 3, acc => 0}, #{n => 2, acc => 3}, #{n => 1, acc => 5}], fun() -> ?M:tail(3, 0) end)
        end},
        {recursion, fun() ->
            hits("recursion", 3, [#{n => 2}, #{n => 1}], fun() -> ?M:recursion(2) end)
        end},
        {with_do_and_else, fun() ->
            hit("with do", 8, #{x => {ok, 3}, y => 3, z => 4}, fun() -> ?M:with_else({ok, 3}) end),
            hit("with else", false, #{x => error}, fun() -> ?M:with_else(error) end)
        end},
        {stages_of_a_pipeline, fun() ->
            {Result, Stops} = at(?M, ["stage 1", "stage 2", "stage 3"], fun() -> ?M:pipeline(1) end),
            ?assertEqual(2, Result),
            %% The closure of the second stage stands on that line, too.
            Expected = lines(?M, ["stage 1", "stage 2", "stage 2", "stage 3"]),
            ?assertEqual(Expected, [Line || {_, Line, _} <- Stops])
        end},
        {assignment_of_a_pipeline, fun() ->
            Markers = ["assignment", "last stage", "after assignment"],
            {Result, Stops} = at(?M, Markers, fun() -> ?M:assigned(1) end),
            ?assertEqual(3, Result),
            ?assertEqual([#{x => 1}, #{x => 1}, #{x => 1, y => 2}], [Vars || {_, _, Vars} <- Stops]),
            ?assertEqual(lines(?M, Markers), [Line || {_, Line, _} <- Stops])
        end},
        {long_running_process, fun long_running/0}
    ]).

captured_before() ->
    Fun = ?M:capture(),
    hit("private", 9, #{x => 7}, fun() -> Fun(7) end).

%% A process that has been in the function all along traps at its next call of it, and goes on afterwards.
long_running() ->
    Self = self(),
    Pid = spawn(?M, loop, [Self, 1]),
    receive {at, 1} -> ok end,
    Line = ecd_scene:line(?M, "loop"),
    ok = ecd_engine:arm(?M, {loop, 2}, ?MODULE),
    ok = ecd_engine:set_break(?M, Line, null),
    Pid ! next,
    {Meta, ?M, Line} = ecd_scene:stopped(Pid),
    ok = ecd_engine:clear_break(?M, Line),
    ok = ecd_engine:disarm_all(?MODULE),
    ok = ecd_meta:command(Meta, continue),
    receive {at, 2} -> ok end,
    Pid ! {stop, Self},
    ?assertEqual(2, receive {ended, N} -> N end).

hit(Marker, Result, Variables, Fun) ->
    hit(?M, Marker, Result, Variables, Fun).

hit(Mod, Marker, Result, Variables, Fun) ->
    hits(Mod, Marker, Result, [Variables], Fun).

hits(Marker, Result, Variables, Fun) ->
    hits(?M, Marker, Result, Variables, Fun).

hits(Mod, Marker, Result, Variables, Fun) ->
    {Got, Stops} = at(Mod, [Marker], Fun),
    Line = ecd_scene:line(Mod, Marker),
    ?assertEqual(Result, Got),
    ?assertEqual([{Mod, Line, Vars} || Vars <- Variables], Stops).

lines(Mod, Markers) ->
    [ecd_scene:line(Mod, Marker) || Marker <- Markers].

%% Breakpoints at the markers while Fun runs, and none afterwards.
at(Mod, Markers, Fun) ->
    Lines = lines(Mod, Markers),
    Index = ecd_engine:lines(Mod),
    Hosts = lists:usort([{FA, Line} || Line <- Lines, {L, FAs} <- Index, L =:= Line, FA <- FAs]),
    ?assertNotEqual([], Hosts),
    [ok = ecd_engine:arm(Mod, FA, ?MODULE) || {FA, _} <- Hosts],
    [ok = ecd_engine:set_break(Mod, Line, null) || Line <- Lines],
    try
        ecd_scene:stops(Fun)
    after
        [ok = ecd_engine:clear_break(Mod, Line) || Line <- Lines],
        ok = ecd_engine:disarm_all(?MODULE),
        ?assertEqual([], ecd_guardian:armed())
    end.
