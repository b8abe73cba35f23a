%% Exception filters, dbg and the stop on entry. Real processes; waits for events.
-module(ecd_exceptions_tests).

-include_lib("eunit/include/eunit.hrl").

-import(ecd_debuggee, [break/3, run/1, event/1, no_event/1, stopped/1, command/2, result/1, frames/1, armed/0,
                       variables/1]).

-define(FAIL, 'Elixir.Control.Fail').

all_test_() ->
    ecd_debuggee:module([
        {#{}, [
            fun raise_stops_where_it_happens/1,
            fun raise_with_a_text_stops/1,
            fun raise_of_a_struct_stops/1,
            fun raise_of_an_own_exception_stops/1,
            fun an_exception_that_is_only_built_does_not_stop/1,
            fun a_throw_in_interpreted_code_stops/1,
            fun an_error_of_the_machine_in_interpreted_code_stops/1,
            fun raise_in_interpreted_code_stops/1,
            fun named_exceptions_are_the_only_ones/1,
            fun a_name_that_is_none_is_refused/1,
            fun nothing_stays_armed_without_filters/1,
            fun what_is_loaded_is_armed_at_once_and_the_rest_soon/1,
            fun nothing_is_armed_after_filters_that_were_soon_taken_back/1,
            fun closures_of_a_constructor_are_sought_for_a_breakpoint_only/1
        ]},
        {#{}, [
            fun an_uncaught_exception_stops_before_the_process_dies/1,
            fun a_rescued_exception_does_not_stop/1,
            fun a_rescued_exception_in_interpreted_code_does_not_stop/1,
            fun after_is_no_rescue/1,
            fun an_exception_raised_again_stops_at_the_second_raise/1,
            fun an_exception_in_a_server_stops/1,
            fun an_exception_in_a_task_stops/1,
            fun an_error_of_the_machine_that_nobody_rescues_stops/1,
            fun an_error_of_the_machine_that_is_rescued_does_not_stop/1,
            fun a_crash_of_interpreted_code_is_told/1,
            fun a_crash_at_which_the_process_has_stopped_is_not_told_again/1,
            fun a_crash_of_native_code_is_told/1
        ]},
        {#{}, [
            fun dbg_stops_any_number_of_processes/1,
            fun dbg_in_a_pipeline_stops/1,
            fun dbg_passes_when_it_is_not_wanted/1
        ]},
        {#{stopOnEntry => true}, [
            fun the_first_own_function_stops_once/1
        ]}
    ]).

filter(Name) -> filter(Name, #{}).

filter(Name, More) ->
    #{filters := [#{verified := true}]} =
        ecd_exceptions:set_exception_breakpoints(#{filters => [More#{filter => Name}]}),
    ok = ecd_exceptions:settled().

crashing(Fun) ->
    Pid = spawn(Fun),
    {Pid, monitor(process, Pid)}.

%% The first frame that the client shows as the user's own.
own(Pid) ->
    hd([{Name, Line} || #{own := true, name := Name, line := Line} <- frames(Pid)]).

failing(Function) ->
    try
        ?FAIL:Function()
    catch
        error:Exception -> {raised, Exception}
    end.

info(Pid) ->
    ecd_exceptions:exception_info(#{thread => ecd_threads:id(Pid)}).

raise_stops_where_it_happens(S) ->
    filter(<<"raised">>),
    Pid = run(fun() -> ?FAIL:rescued() end),
    {Pid, <<"exception">>, _} = stopped(S),
    ?assertEqual({<<"Control.Fail.raises/1">>, ecd_debuggee:line(S, raises)}, own(Pid)),
    #{exceptionId := <<"ArgumentError">>, description := Message, breakMode := always, stackTrace := Stack} = info(Pid),
    ?assertEqual(<<"no 2">>, Message),
    ?assertNotEqual(nomatch, string:find(Stack, "Control.Fail.raises/1")),
    %% The constructor that the process stands in is not for stepping into: the next own line is where it is rescued.
    command(stepIn, Pid),
    ?assertEqual({Pid, <<"step">>, rescued_clause}, stopped(S)),
    command(continue, Pid),
    ?assertEqual({rescued, <<"no 2">>}, result(Pid)),
    ?assertThrow({failure, #{code := <<"noException">>}}, info(Pid)).

raise_with_a_text_stops(S) -> stops_at(S, fun() -> failing(text) end, raises_text, <<"RuntimeError">>, <<"just text">>).

raise_of_a_struct_stops(S) -> stops_at(S, fun() -> failing(struct) end, raises_struct, <<"ArgumentError">>, <<"made">>).

raise_of_an_own_exception_stops(S) ->
    stops_at(S, fun() -> failing(own) end, raises_own, <<"Control.Fail.Error">>, <<"own error: :own">>).

stops_at(S, Fun, Mark, Exception, Message) ->
    filter(<<"raised">>),
    Pid = run(Fun),
    {Pid, <<"exception">>, _} = stopped(S),
    {_, Line} = own(Pid),
    ?assertEqual(ecd_debuggee:line(S, Mark), Line),
    ?assertMatch(#{exceptionId := Exception, description := Message}, info(Pid)),
    command(continue, Pid),
    {raised, _} = result(Pid),
    no_event(stopped).

an_exception_that_is_only_built_does_not_stop(_S) ->
    filter(<<"raised">>),
    Pid = run(fun() -> ?FAIL:built() end),
    ?assertMatch({error, #{message := <<"only built">>}}, result(Pid)),
    no_event(stopped).

a_throw_in_interpreted_code_stops(S) ->
    filter(<<"raised">>),
    ok = break(S, 1, throws_y),
    Pid = run(fun() -> ?FAIL:catching(1) end),
    {Pid, <<"breakpoint">>, throws_y} = stopped(S),
    command(continue, Pid),
    ?assertEqual({Pid, <<"exception">>, throws}, stopped(S)),
    ?assertEqual(#{<<"x">> => 1, <<"y">> => 2}, variables(Pid)),
    #{exceptionId := <<"A throw">>, description := Text} = info(Pid),
    ?assertNotEqual(nomatch, string:find(Text, "{:thrown, 2}")),
    command(continue, Pid),
    ?assertEqual({thrown, 2}, result(Pid)).

an_error_of_the_machine_in_interpreted_code_stops(S) ->
    filter(<<"raised">>, #{condition => <<"ArgumentError">>}),
    ok = break(S, 1, machine_y),
    Pid = run(fun() -> ?FAIL:machine(1) end),
    {Pid, <<"breakpoint">>, machine_y} = stopped(S),
    command(continue, Pid),
    ?assertEqual({Pid, <<"exception">>, machine}, stopped(S)),
    #{exceptionId := <<"ArgumentError">>, breakMode := always, description := Message} = info(Pid),
    ?assertNotEqual(nomatch, string:find(Message, "1st argument: not a textual representation of an integer")),
    command(next, Pid),
    ?assertEqual({Pid, <<"step">>, machine_rescue}, stopped(S)),
    command(continue, Pid),
    ?assertEqual(rescued, result(Pid)).

raise_in_interpreted_code_stops(S) ->
    filter(<<"raised">>),
    ok = break(S, 1, explode),
    Pid = run(fun() -> 'Elixir.Control.Basic':catches(3) end),
    {Pid, <<"breakpoint">>, explode} = stopped(S),
    command(continue, Pid),
    {Pid, <<"exception">>, _} = stopped(S),
    ?assertMatch({_, Line} when Line > 0, own(Pid)),
    ?assertMatch(#{description := <<"exploded on 3">>}, info(Pid)),
    command(continue, Pid),
    ?assertEqual(rescued, result(Pid)).

named_exceptions_are_the_only_ones(S) ->
    filter(<<"raised">>, #{condition => <<"RuntimeError, Control.Fail.Error">>}),
    Quiet = run(fun() -> ?FAIL:rescued() end),
    ?assertMatch({rescued, _}, result(Quiet)),
    Pid = run(fun() -> failing(own) end),
    {Pid, <<"exception">>, _} = stopped(S),
    command(continue, Pid),
    {raised, _} = result(Pid).

a_name_that_is_none_is_refused(_S) ->
    #{filters := [#{verified := false, message := Message}]} = ecd_exceptions:set_exception_breakpoints(
        #{filters => [#{filter => <<"raised">>, condition => <<"no+name">>}]}),
    ?assertNotEqual(nomatch, string:find(Message, "no+name")),
    ?assertThrow({failure, _}, ecd_exceptions:set_exception_breakpoints(#{filters => [#{filter => <<"x">>}]})).

nothing_stays_armed_without_filters(_S) ->
    filter(<<"raised">>),
    ?assert(length(armed()) > 10),
    #{filters := []} = ecd_exceptions:set_exception_breakpoints(#{filters => []}),
    ?assertEqual([], armed()),
    Pid = run(fun() -> ?FAIL:rescued() end),
    ?assertMatch({rescued, _}, result(Pid)).

what_is_loaded_is_armed_at_once_and_the_rest_soon(_S) ->
    ok = unload('Elixir.Control.Fail.Error'),
    {module, _} = code:ensure_loaded('Elixir.ArgumentError'),
    #{filters := [_]} = ecd_exceptions:set_exception_breakpoints(#{filters => [#{filter => <<"raised">>}]}),
    ?assert(lists:member({'Elixir.ArgumentError', exception, 1}, armed())),
    ok = ecd_exceptions:settled(),
    ?assert(lists:member({'Elixir.Control.Fail.Error', exception, 1}, armed())).

nothing_is_armed_after_filters_that_were_soon_taken_back(_S) ->
    ok = unload('Elixir.Control.Fail.Error'),
    Set = fun(Filters) -> #{filters := _} = ecd_exceptions:set_exception_breakpoints(#{filters => Filters}) end,
    lists:foreach(fun(_) -> Set([#{filter => <<"raised">>}]), Set([]) end, lists:seq(1, 20)),
    ok = ecd_exceptions:settled(),
    ?assertEqual([], armed()).

unload(Mod) ->
    _ = code:purge(Mod),
    _ = code:delete(Mod),
    _ = code:purge(Mod),
    ok.

%% A constructor may have one, as those that older Elixir makes do, and finding it takes the compiler.
closures_of_a_constructor_are_sought_for_a_breakpoint_only(_S) ->
    Mod = 'Elixir.Control.Fail.Errors',
    Closures = fun() -> [MFA || {M, F, _} = MFA <- ecd_guardian:armed(), M =:= Mod, F =/= exception] end,
    filter(<<"raised">>),
    ok = ecd_engine:arm(Mod, {exception, 1}, {entry, test}),
    ?assertEqual([], Closures()),
    ok = ecd_engine:arm(Mod, {exception, 1}, test),
    ?assertMatch([{Mod, _, _}], until(fun() -> Closures() =/= [] end, Closures)),
    ok = ecd_engine:disarm_all(test),
    ok = ecd_engine:disarm_all({entry, test}).

until(Condition, Then) ->
    case Condition() of
        true -> Then();
        false -> erlang:yield(), until(Condition, Then)
    end.

%% --- uncaught ---

an_uncaught_exception_stops_before_the_process_dies(S) ->
    filter(<<"uncaught">>),
    {Pid, Monitor} = crashing(fun() -> ?FAIL:raises(1) end),
    {Pid, <<"exception">>, _} = stopped(S),
    ?assertEqual({<<"Control.Fail.raises/1">>, ecd_debuggee:line(S, raises)}, own(Pid)),
    ?assertMatch(#{breakMode := unhandled, description := <<"no 2">>}, info(Pid)),
    ?assert(is_process_alive(Pid)),
    command(continue, Pid),
    receive {'DOWN', Monitor, process, Pid, {#{message := <<"no 2">>}, _}} -> ok end.

a_rescued_exception_does_not_stop(_S) ->
    filter(<<"uncaught">>),
    Pid = run(fun() -> {?FAIL:rescued(), ?FAIL:rescued_native()} end),
    ?assertMatch({{rescued, _}, {rescued, _}}, result(Pid)),
    no_event(stopped).

a_rescued_exception_in_interpreted_code_does_not_stop(S) ->
    filter(<<"uncaught">>),
    ok = break(S, 1, catches_try),
    Pid = run(fun() -> 'Elixir.Control.Basic':catches(3) end),
    {Pid, <<"breakpoint">>, catches_try} = stopped(S),
    command(continue, Pid),
    ?assertEqual(rescued, result(Pid)),
    no_event(stopped).

after_is_no_rescue(S) ->
    filter(<<"uncaught">>),
    {Pid, Monitor} = crashing(fun() -> ?FAIL:after_only() end),
    {Pid, <<"exception">>, _} = stopped(S),
    command(continue, Pid),
    receive {'DOWN', Monitor, process, Pid, _} -> ok end.

an_exception_raised_again_stops_at_the_second_raise(S) ->
    filter(<<"uncaught">>),
    {Pid, Monitor} = crashing(fun() -> ?FAIL:reraised() end),
    {Pid, <<"exception">>, _} = stopped(S),
    ?assertEqual({<<"Control.Fail.reraised/0">>, ecd_debuggee:line(S, reraised)}, own(Pid)),
    command(continue, Pid),
    receive {'DOWN', Monitor, process, Pid, _} -> ok end.

an_exception_in_a_server_stops(S) ->
    filter(<<"uncaught">>),
    {ok, Server} = 'Elixir.Control.Server':start(5),
    Monitor = monitor(process, Server),
    Client = spawn(fun() -> 'Elixir.Control.Server':boom(Server) end),
    {Server, <<"exception">>, boom} = stopped(S),
    ?assertMatch(#{description := <<"server 5 fails">>}, info(Server)),
    command(continue, Server),
    receive {'DOWN', Monitor, process, Server, _} -> ok end,
    exit(Client, kill).

an_exception_in_a_task_stops(S) ->
    filter(<<"uncaught">>),
    Owner = spawn(fun() -> process_flag(trap_exit, true), 'Elixir.Control.Server':task(1), receive never -> ok end end),
    {Task, <<"exception">>, _} = stopped(S),
    ?assertEqual({<<"Control.Fail.raises/1">>, ecd_debuggee:line(S, raises)}, own(Task)),
    command(continue, Task),
    exit(Owner, kill).

an_error_of_the_machine_that_nobody_rescues_stops(S) ->
    filter(<<"uncaught">>),
    ok = break(S, 1, badmatch_y),
    {Pid, Monitor} = crashing(fun() -> ?FAIL:badmatch(1) end),
    {Pid, <<"breakpoint">>, badmatch_y} = stopped(S),
    command(continue, Pid),
    ?assertEqual({Pid, <<"exception">>, badmatch}, stopped(S)),
    ?assertMatch(#{<<"x">> := 1, <<"y">> := 2}, variables(Pid)),
    ?assertMatch(#{exceptionId := <<"MatchError">>, breakMode := unhandled}, info(Pid)),
    command(continue, Pid),
    receive {'DOWN', Monitor, process, Pid, {{badmatch, 2}, _}} -> ok end.

an_error_of_the_machine_that_is_rescued_does_not_stop(S) ->
    filter(<<"uncaught">>),
    ok = break(S, 1, machine_y),
    Pid = run(fun() -> ?FAIL:machine(1) end),
    {Pid, <<"breakpoint">>, machine_y} = stopped(S),
    command(continue, Pid),
    ?assertEqual(rescued, result(Pid)),
    no_event(stopped).

a_crash_of_interpreted_code_is_told(S) ->
    filter(<<"uncaught">>),
    ok = break(S, 1, badmatch),
    {Pid, Monitor} = crashing(fun() -> ?FAIL:badmatch(1) end),
    {Pid, <<"breakpoint">>, badmatch} = stopped(S),
    %% As from a process that it is linked to.
    exit(Pid, {{badmatch, 2}, [{?FAIL, badmatch, 1, []}]}),
    receive {'DOWN', Monitor, process, Pid, {{badmatch, 2}, _}} -> ok end,
    #{text := Text, line := Line} = event(output),
    ?assertEqual(ecd_debuggee:line(S, badmatch), Line),
    ?assertNotEqual(nomatch, string:find(Text, "no match of right hand side value")),
    ?assertNotEqual(nomatch, string:find(Text, "x = 1")),
    no_event(output).

a_crash_at_which_the_process_has_stopped_is_not_told_again(S) ->
    filter(<<"uncaught">>),
    ok = break(S, 1, badmatch),
    {Pid, Monitor} = crashing(fun() -> ?FAIL:badmatch(1) end),
    {Pid, <<"breakpoint">>, badmatch} = stopped(S),
    command(continue, Pid),
    {Pid, <<"exception">>, badmatch} = stopped(S),
    command(continue, Pid),
    receive {'DOWN', Monitor, process, Pid, {{badmatch, 2}, _}} -> ok end,
    no_event(output).

a_crash_of_native_code_is_told(S) ->
    filter(<<"uncaught">>),
    {Pid, Monitor} = crashing(fun() -> ?FAIL:badmatch(1) end),
    receive {'DOWN', Monitor, process, Pid, {{badmatch, 2}, _}} -> ok end,
    #{text := Text, line := Line} = event(output),
    ?assertEqual(ecd_debuggee:line(S, badmatch), Line),
    ?assertNotEqual(nomatch, string:find(Text, "Control.Fail.badmatch/1")).

%% --- dbg ---

dbg_stops_any_number_of_processes(S) ->
    ok = ecd_dbg:module_defined('Elixir.Control.Dbg'),
    Pids = [run(fun() -> 'Elixir.Control.Dbg':plain(N) end) || N <- [1, 2, 3]],
    Stopped = [P || _ <- Pids, {P, <<"dbg">>, dbg_plain} <- [stopped(S)]],
    ?assertEqual(lists:sort(Pids), lists:sort(Stopped)),
    ?assertMatch(#{<<"x">> := 1, <<"y">> := 2}, variables(hd(Pids))),
    command(next, hd(Pids)),
    ?assertEqual({hd(Pids), <<"step">>, dbg_after}, stopped(S)),
    lists:foreach(fun(P) -> command(continue, P) end, Pids),
    ?assertEqual([5, 6, 7], [result(P) || P <- Pids]),
    ok = ecd_breakpoints:unplace({dbg, 'Elixir.Control.Dbg'}).

dbg_in_a_pipeline_stops(S) ->
    ok = ecd_dbg:module_defined('Elixir.Control.Dbg'),
    Pid = run(fun() -> 'Elixir.Control.Dbg':piped(1) end),
    {Pid, <<"dbg">>, _} = stopped(S),
    command(continue, Pid),
    ?assertEqual(2, result(Pid)),
    ok = ecd_breakpoints:unplace({dbg, 'Elixir.Control.Dbg'}).

dbg_passes_when_it_is_not_wanted(_S) ->
    ok = ecd_config:set((ecd_config:all())#{breakOnDbg => false}),
    ok = ecd_dbg:module_defined('Elixir.Control.Dbg'),
    Pid = run(fun() -> 'Elixir.Control.Dbg':plain(1) end),
    ?assertEqual(5, result(Pid)),
    no_event(stopped).

%% --- entry ---

the_first_own_function_stops_once(S) ->
    ok = ecd_entry:compiled(),
    Pid = run(fun() -> 'Elixir.Control.Basic':outer(1) end),
    ?assertEqual({Pid, <<"entry">>, outer_a}, stopped(S)),
    command(continue, Pid),
    ?assertEqual(10, result(Pid)),
    Again = run(fun() -> 'Elixir.Control.Basic':outer(1) end),
    ?assertEqual(10, result(Again)),
    no_event(stopped),
    disarmed().

disarmed() ->
    case armed() of
        [] -> ok;
        _ -> erlang:yield(), disarmed()
    end.
