%% What stays of the debugger when closures made in interpreted code outlive it, and when that goes.
-module(ecd_remnant_tests).

-include_lib("eunit/include/eunit.hrl").

-define(M, 'Elixir.Closures').

remnant_test_() ->
    [
        {"nothing stays where all closures are forgotten", scene(fun forgotten/0)},
        {"a closure in a process's state", scene(fun in_process/0)},
        {"closures in a table and in a persistent term", scene(fun in_tables/0)},
        {"the next session takes over and lets go", scene(fun next_session/0)},
        {"processes that were interpreted lose their evaluators", scene(fun evaluators/0)}
    ].

scene(Fun) ->
    {timeout, 60, fun() -> ecd_scene:with(["closures.ex"], Fun) end}.

%% A closure that calls a private function and is made while its function is interpreted.
made(N) ->
    ok = ecd_engine:arm(?M, {make, 1}, ?MODULE),
    Fun = ?M:make(N),
    {module, dbg_ieval} = erlang:fun_info(Fun, module),
    Fun.

%% Keeps closures for others until it is told to forget them. Nothing says that it belongs to the agent, as a function
%% of this module at the bottom of its stack would.
keeper() ->
    spawn(timer, tc, [fun() -> keep([]) end]).

keep(Funs) ->
    receive
        {make, From, N} ->
            Made = made(N),
            From ! {self(), made},
            keep([Made | Funs]);
        {call, From, X} ->
            From ! {self(), [Fun(X) || Fun <- Funs]},
            keep(Funs);
        {forget, From} ->
            From ! {self(), forgotten},
            keep([])
    end.

ask(Keeper, Question) ->
    Keeper ! Question,
    receive {Keeper, Answer} -> Answer after 10000 -> error({no_answer, Question}) end.

forgotten() ->
    Keeper = keeper(),
    made = ask(Keeper, {make, self(), 3}),
    ?assertEqual([{{label, 3}, 14}], ask(Keeper, {call, self(), 5})),
    forgotten = ask(Keeper, {forget, self()}),
    ?assertEqual({ok, []}, ecd_engine:stop()),
    ?assertEqual([undefined, undefined], [whereis(Name) || Name <- [ecd_iserver, ecd_remnant]]),
    ?assertEqual([false, false], [erlang:module_loaded(Mod) || Mod <- [dbg_iserver, dbg_ieval]]),
    exit(Keeper, kill).

in_process() ->
    Keeper = keeper(),
    made = ask(Keeper, {make, self(), 3}),
    ?assertEqual({ok, [{?M, [Keeper], 0}]}, ecd_engine:stop()),
    ?assertEqual([undefined, undefined, undefined], [whereis(P) || P <- [ecd_iserver, ecd_interpreter, ecd_guardian]]),
    ?assertEqual(undefined, ets:whereis(ecd_state)),
    ?assert(dbg_iserver:bytes() > 0),
    %% The private function that it calls is there, for this process and for another one that calls it.
    ?assertEqual([{{label, 3}, 14}], ask(Keeper, {call, self(), 5})),
    ?assertEqual([{{label, 3}, 16}], ask(Keeper, {call, self(), 6})),
    ok = ecd_engine:remove(),
    ?assertEqual(undefined, whereis(ecd_remnant)),
    ?assertEqual(false, erlang:module_loaded(dbg_iserver)),
    exit(Keeper, kill).

in_tables() ->
    Table = ets:new(remnant_tests, [named_table, public]),
    Self = self(),
    %% In processes that end: nothing of the closures stays there.
    {_, First} = spawn_monitor(fun() -> true = ets:insert(Table, {made, made(3)}) end),
    receive {'DOWN', First, process, _, normal} -> ok end,
    {_, Second} = spawn_monitor(fun() -> persistent_term:put(?MODULE, [made(4)]) end),
    receive {'DOWN', Second, process, _, normal} -> ok end,
    {ok, [{?M, [], Elsewhere} = Held]} = ecd_engine:stop(),
    ?assert(Elsewhere > 0),
    ?assertEqual(
        [<<"the ETS table remnant_tests">>, <<"the persistent term ecd_remnant_tests">>],
        lists:sort(ecd_closures:describe(Held))
    ),
    spawn(fun() ->
        [{made, Fun}] = ets:lookup(Table, made),
        [Other] = persistent_term:get(?MODULE),
        Self ! {called, Fun(5), Other(5)}
    end),
    receive {called, One, Two} -> ?assertEqual({{{label, 3}, 14}, {{label, 4}, 15}}, {One, Two}) end,
    true = ets:delete(Table),
    true = persistent_term:erase(?MODULE).

next_session() ->
    Keeper = keeper(),
    made = ask(Keeper, {make, self(), 3}),
    {ok, [{?M, [Keeper], 0}]} = ecd_engine:stop(),
    [{_, _}] = ask(Keeper, {call, self(), 5}),
    ok = ecd_scene:start(#{}),
    ?assertEqual(undefined, whereis(ecd_remnant)),
    ?assertEqual([?M], ecd_detach:left()),
    %% Its evaluator is known again, and a breakpoint stops it as any other.
    ?assertEqual([{{label, 3}, 16}], ask(Keeper, {call, self(), 6})),
    ?assertMatch([{?M, [Keeper], 0}], ecd_detach:held()),
    {ok, [{?M, [Keeper], 0}]} = ecd_engine:stop(),
    ?assertEqual([{{label, 3}, 14}], ask(Keeper, {call, self(), 5})),
    ok = ecd_scene:start(#{}),
    forgotten = ask(Keeper, {forget, self()}),
    ?assertEqual([], ecd_detach:held()),
    ?assertEqual({ok, []}, ecd_engine:stop()),
    ?assertEqual(undefined, whereis(ecd_remnant)),
    exit(Keeper, kill).

evaluators() ->
    Keeper = keeper(),
    made = ask(Keeper, {make, self(), 3}),
    Other = keeper(),
    made = ask(Other, {make, self(), 4}),
    forgotten = ask(Other, {forget, self()}),
    Metas = [Meta || {_, Meta} <- ecd_state:all(pid)],
    ?assertMatch([_, _ | _], Metas),
    {ok, [{?M, [Keeper], 0}]} = ecd_engine:stop(),
    Monitors = [monitor(process, Meta) || Meta <- Metas],
    [receive {'DOWN', Monitor, process, _, _} -> ok after 10000 -> error(alive) end || Monitor <- Monitors],
    ?assertEqual([true, true], [is_process_alive(Pid) || Pid <- [Keeper, Other]]),
    [exit(Pid, kill) || Pid <- [Keeper, Other]].
