%% Beginning and end of debugging: nothing stays that is not needed, and nobody is harmed by what goes.
-module(ecd_life_tests).

-include_lib("eunit/include/eunit.hrl").

-export(['$handle_undefined_function'/2]).

-define(M, 'Elixir.Matrix').
-define(C, 'Elixir.Closures').

life_test_() ->
    [
        {"stop takes everything away", scene(fun stop/0)},
        {"stop resumes a stopped process and kills none", scene(fun stop_resumes/0)},
        {"stop leaves a process that never returns its rows", scene(fun stop_in_a_loop/0)},
        {"the death of the server disarms, resumes and harms nobody", scene(fun() -> death(ecd_iserver) end)},
        {"the death of the engine disarms, resumes and harms nobody", scene(fun() -> death(ecd_interpreter) end)},
        {"the death of the guardian disarms", scene(fun guardian_dies/0)},
        {"the death of the adapter stops the engine", scene(fun adapter_dies/0)},
        {"released rows are really given back", scene(fun release/0)},
        {"a refused release says what holds the rows", scene(fun refused_release/0)},
        {"what closures call stays when the rest is released", scene(fun release_with_closures/0)},
        {"releasing while functions are armed and called harms nobody", scene(fun release_storm/0)},
        {"a reloaded module is armed again", scene(fun reload/0)},
        {"code that is looked at again stays armed meanwhile", scene(fun looked_at_again/0)},
        {"functions that a reload has lost are reported", scene(fun reload_lost/0)},
        {"a closure of old code computes on after a reload", scene(fun reload_closure/0)}
    ].

scene(Fun) ->
    {timeout, 120, fun() -> ecd_scene:with(["matrix.ex", "closures.ex"], Fun) end}.

stop() ->
    Handler = beam_md5('Elixir.Kernel.ErrorHandler'),
    break(?M, "remote"),
    {2, [_]} = ecd_scene:stops(fun() -> ?M:remote(1) end),
    {Stays, Ref} = {spawn_monitor(fun() -> ?M:remote(1), receive stay -> ok end end), make_ref()},
    {Pid, Monitor} = Stays,
    {Meta, ?M, _} = ecd_scene:stopped(Pid),
    MetaMonitor = monitor(process, Meta),
    ok = ecd_meta:command(Meta, continue),
    ?assertEqual({ok, []}, ecd_engine:stop()),
    ?assertEqual([undefined, undefined, undefined], [whereis(P) || P <- [ecd_iserver, ecd_interpreter, ecd_guardian]]),
    ?assertEqual(undefined, ets:whereis(ecd_state)),
    ?assert(is_reference(Ref)),
    receive {'DOWN', MetaMonitor, process, Meta, _} -> ok end,
    ?assert(is_process_alive(Pid)),
    ?assertEqual(false, code:is_loaded(dbg_iserver)),
    ?assertEqual(false, erlang:function_exported('Elixir.Kernel.ErrorHandler', breakpoint, 3)),
    ?assertNotEqual(Handler, beam_md5('Elixir.Kernel.ErrorHandler')),
    ?assertEqual(2, ?M:remote(1)),
    ?assertEqual(none, ecd_engine:name()),
    demonitor(Monitor, [flush]),
    exit(Pid, kill).

beam_md5(Mod) ->
    Mod:module_info(md5).

stop_resumes() ->
    break(?M, "remote"),
    Self = self(),
    Pids = [spawn(fun() -> Self ! {self(), ?M:remote(N)} end) || N <- lists:seq(1, 20)],
    [ecd_scene:wait(fun({ecd, stopped, _, _, _, _}) -> {ok, ok}; (_) -> no end) || _ <- Pids],
    ?assertEqual({ok, []}, ecd_engine:stop()),
    ?assertEqual(lists:seq(2, 21), [receive {Pid, Result} -> Result end || Pid <- Pids]).

stop_in_a_loop() ->
    Self = self(),
    ok = ecd_engine:arm(?M, {loop, 2}, ?MODULE),
    Pid = spawn(?M, loop, [Self, 1]),
    receive {at, 1} -> ok end,
    %% It waits in a receive of an interpreted function.
    {ok, Left} = ecd_engine:stop(),
    ?assertEqual([{?M, [Pid], 0}], Left),
    ?assertEqual([undefined, undefined], [whereis(P) || P <- [ecd_iserver, ecd_guardian]]),
    Pid ! next,
    receive {at, 2} -> ok end,
    Pid ! {stop, Self},
    receive {ended, 2} -> ok end.

death(Name) ->
    break(?M, "remote"),
    {Result, []} = {element(2, spawn_all(3)), []},
    Stopped = [ecd_scene:wait(fun({ecd, stopped, P, _, _, _}) -> {ok, P}; (_) -> no end) || _ <- Result],
    ?assertEqual(3, length(Stopped)),
    exit(whereis(Name), kill),
    ecd_scene:wait(fun({ecd, engine_down, killed}) -> {ok, ok}; (_) -> no end),
    [receive {P, done, Value} -> ?assertEqual(2, Value) end || P <- Result],
    ?assertEqual([], ecd_guardian:armed()),
    %% Natively, and in the same processes.
    [P ! again || P <- Result],
    [receive {P, done, Value} -> ?assertEqual(2, Value) end || P <- Result],
    ?assertEqual([], [P || P <- Result, not is_process_alive(P)]),
    [exit(P, kill) || P <- Result],
    is_pid(whereis(ecd_iserver)) orelse error(no_server).

spawn_all(Count) ->
    Self = self(),
    {ok, [spawn(fun() -> again(Self) end) || _ <- lists:seq(1, Count)]}.

again(Test) ->
    Test ! {self(), done, ?M:remote(1)},
    receive again -> again(Test) end.

guardian_dies() ->
    ok = ecd_engine:arm(?M, {remote, 1}, ?MODULE),
    ok = ecd_engine:set_break(?M, ecd_scene:line(?M, "remote"), null),
    Self = self(),
    Pid = spawn(fun() -> Self ! {self(), ?M:remote(1)} end),
    {_, ?M, _} = ecd_scene:stopped(Pid),
    exit(whereis(ecd_guardian), kill),
    ecd_scene:wait(fun({ecd, engine_down, guardian_down}) -> {ok, ok}; (_) -> no end),
    receive {Pid, 2} -> ok end,
    ?assertEqual(2, ?M:remote(1)),
    [ok = gen_server:stop(Name) || Name <- [ecd_iserver, ecd_interpreter]],
    persistent_term:erase({ecd_engine, engine}),
    ok = ecd_standin:remove().

adapter_dies() ->
    break(?M, "remote"),
    Adapter = spawn(fun() -> receive die -> ok end end),
    ok = ecd_guardian:watch(Adapter),
    Self = self(),
    Pid = spawn(fun() -> Self ! {self(), ?M:remote(1)} end),
    {_, ?M, _} = ecd_scene:stopped(Pid),
    Guardian = monitor(process, ecd_guardian),
    Adapter ! die,
    receive {Pid, 2} -> ok end,
    receive {'DOWN', Guardian, process, _, normal} -> ok end,
    %% Whoever stops it again waits for the same end.
    ?assertEqual({ok, []}, ecd_engine:stop()),
    ?assertEqual(none, ecd_engine:name()).

release() ->
    {ok, #{bytes := Bytes}} = ecd_engine:prepare(?M, <<"test">>),
    Table = ecd_state:get({prepared, ?M}, none),
    Before = ets:info(Table, memory),
    ?assert(Bytes > 20000),
    ok = ecd_engine:release(?M),
    ?assert(ets:info(Table, memory) * 10 < Before),
    ?assertEqual([], [1 || #{module := ?M} <- ecd_engine:status()]),
    %% On demand they come back.
    ?assertMatch({ok, #{cached := false}}, ecd_engine:prepare(?M, <<"again">>)),
    ?assertMatch({ok, #{cached := true}}, ecd_engine:prepare(?M, <<"again">>)),
    ?assertEqual(Before, ets:info(Table, memory)).

refused_release() ->
    break(?M, "remote"),
    ?assertMatch({error, <<"remote/1 is armed">>}, ecd_engine:release(?M)),
    Pid = spawn(?M, remote, [1]),
    {Meta, ?M, _} = ecd_scene:stopped(Pid),
    ok = ecd_engine:disarm_all(?MODULE),
    {error, Why} = ecd_engine:release(?M),
    ?assertNotEqual(nomatch, binary:match(Why, list_to_binary(pid_to_list(Pid)))),
    Monitor = monitor(process, Pid),
    ok = ecd_meta:command(Meta, continue),
    receive {'DOWN', Monitor, process, Pid, normal} -> ok end.

release_storm() ->
    Callers = [spawn_monitor(fun() -> call_on() end) || _ <- lists:seq(1, 4)],
    Releasers = [spawn_monitor(fun() -> release_on(60) end) || _ <- lists:seq(1, 2)],
    arm_on(150),
    [receive {'DOWN', Ref, process, Pid, Reason} -> ?assertEqual(normal, Reason) end || {Pid, Ref} <- Releasers],
    [Pid ! finish || {Pid, _} <- Callers],
    [receive {'DOWN', Ref, process, Pid, Reason} -> ?assertEqual(done, Reason) end || {Pid, Ref} <- Callers],
    ?assertEqual([], ecd_guardian:armed()).

call_on() ->
    {3, 2, 55, [2, 4]} = {?M:calls_private(1), ?M:remote(1), ?M:tail(10, 0), ?M:closure([1, 2])},
    receive
        finish -> exit(done)
    after 0 -> call_on()
    end.

release_on(0) ->
    ok;
release_on(N) ->
    _ = ecd_engine:release(?M),
    receive after 3 -> release_on(N - 1) end.

arm_on(0) ->
    ok;
arm_on(N) ->
    FA = lists:nth(1 + N rem 4, [{calls_private, 1}, {remote, 1}, {tail, 2}, {closure, 1}]),
    ok = ecd_engine:arm(?M, FA, ?MODULE),
    receive after 2 -> ok end,
    ok = ecd_engine:disarm_all(?MODULE),
    arm_on(N - 1).

release_with_closures() ->
    ok = ecd_engine:arm(?C, {make, 1}, ?MODULE),
    {Fun, []} = ecd_scene:stops(fun() -> ?C:make(3) end),
    ok = ecd_engine:disarm_all(?MODULE),
    Table = ecd_state:get({prepared, ?C}, none),
    {error, Why} = release_after_grace(?C),
    ?assertNotEqual(nomatch, binary:match(Why, <<"private/1">>)),
    ?assertEqual([{private, 1}], [{F, A} || {{_, F, A, _}, _} <- ecd_prepare:rows(Table)]),
    ?assertEqual({{label, 3}, 14}, Fun(5)).

%% Private functions and closures that were armed just now are kept for a moment.
release_after_grace(Mod) ->
    case ecd_engine:release(Mod) of
        {error, Why} ->
            case binary:match(Why, <<"a moment ago">>) of
                nomatch -> {error, Why};
                _ ->
                    receive after 100 -> ok end,
                    release_after_grace(Mod)
            end;
        ok ->
            ok
    end.

reload() ->
    break(?M, "remote"),
    ok = replace("x + 1 # remote", "x + 1000 # remote"),
    ?assertEqual(1001, ?M:remote(1)),
    ?assertEqual(ok, ecd_engine:code_changed(?M)),
    Line = ecd_scene:line(?M, "remote"),
    ?assertEqual({1001, [{?M, Line, #{x => 1}}]}, ecd_scene:stops(fun() -> ?M:remote(1) end)),
    ok = replace("x + 1000 # remote", "x + 1 # remote").

%% As when the file of the same code is written again: every call passes the stop point, also those of a closure made
%% before anything was armed.
looked_at_again() ->
    ?MODULE = ets:new(?MODULE, [named_table, public, {write_concurrency, true}]),
    Closure = ?C:make(3),
    count_at(?M, "remote"),
    count_at(?C, "made body"),
    until(fun() -> [1 || {?C, F, _} <- ecd_guardian:armed(), F =/= make] =/= [] end),
    %% Noted before it is done. Who is asked has done it.
    _ = ecd_engine:armed(),
    Callers = [caller(?M, fun() -> ?M:remote(1) end), caller(?C, fun() -> Closure(1) end)],
    lists:foreach(
        fun(_) ->
            ?assertEqual(ok, ecd_engine:code_changed(?M)),
            ?assertEqual(ok, ecd_engine:code_changed(?C))
        end,
        lists:seq(1, 50)
    ),
    lists:foreach(
        fun({Pid, Mod}) ->
            Pid ! {enough, self()},
            receive {Pid, Calls} -> ?assertEqual([{Mod, Calls}], ets:lookup(?MODULE, Mod)) end
        end,
        Callers
    ),
    ets:delete(?MODULE).

count_at(Mod, Marker) ->
    break(Mod, Marker),
    ok = ecd_engine:set_break(Mod, ecd_scene:line(Mod, Marker), {?MODULE, Mod}).

until(Condition) ->
    case Condition() of
        true -> ok;
        false -> erlang:yield(), until(Condition)
    end.

caller(Mod, Call) ->
    {spawn_link(fun() -> call_on(Call, 0) end), Mod}.

call_on(Call, Calls) ->
    receive
        {enough, Test} -> Test ! {self(), Calls}
    after 0 ->
        _ = Call(),
        call_on(Call, Calls + 1)
    end.

%% The conditions, in the meta process: nobody stops, but is counted under the name of the module.
-spec '$handle_undefined_function'(module(), [term()]) -> false.
'$handle_undefined_function'(Mod, [_Bindings]) ->
    _ = ets:update_counter(?MODULE, Mod, 1, {Mod, 0}),
    false.

reload_lost() ->
    break(?M, "guarded"),
    ok = ecd_engine:arm(?M, {remote, 1}, other),
    ok = replace("def many(", "def several("),
    ?assertEqual({lost, [{{many, 1}, [?MODULE]}]}, ecd_engine:code_changed(?M)),
    ?assertEqual([{?M, {remote, 1}, [other]}], ecd_engine:armed()),
    ecd_scene:wait(fun({ecd, lost, ?M, [{{many, 1}, _}]}) -> {ok, ok}; (_) -> no end),
    ok = replace("def several(", "def many(").

reload_closure() ->
    ok = ecd_engine:arm(?C, {make, 1}, ?MODULE),
    {Fun, []} = ecd_scene:stops(fun() -> ?C:make(3) end),
    ok = load(?C, "closures.ex", fun(Text) ->
        Without = string:replace(Text, "{label, private(x) + offset} # made body", "{label, offset, x}", all),
        string:replace(Without, "  defp private(x) do\n    x * 2\n  end\n", "", all)
    end),
    ?assertEqual(ok, ecd_engine:code_changed(?C)),
    ?assertEqual({{label, 3}, 14}, Fun(5)),
    ?assertEqual({{label, 3}, 4, 5}, (?C:make(3))(5)).

%% Loads the module anew, with a part of its text replaced.
replace(From, To) ->
    load(?M, "matrix.ex", fun(Text) -> string:replace(Text, From, To, all) end).

load(Mod, Fixture, Change) ->
    Dir = filename:dirname(proplists:get_value(source, module_info(compile))),
    {ok, Text} = file:read_file(filename:join([Dir, "fixtures", Fixture])),
    Source = unicode:characters_to_binary(Change(Text)),
    _ = code:soft_purge(Mod),
    Modules = 'Elixir.Code':compile_string(Source, list_to_binary(Fixture)),
    [persistent_term:put({ecd_scene, M}, Bytecode) || {M, Bytecode} <- Modules],
    ok.

break(Mod, Marker) ->
    Line = ecd_scene:line(Mod, Marker),
    [ok = ecd_engine:arm(Mod, FA, ?MODULE) || {L, FAs} <- ecd_engine:lines(Mod), L =:= Line, FA <- FAs],
    ok = ecd_engine:set_break(Mod, Line, null).
