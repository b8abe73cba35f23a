%% Pausing whatever a process does, going on from there, and holding the others. Real processes; waits for events.
-module(ecd_pause_tests).

-include_lib("eunit/include/eunit.hrl").

-import(ecd_debuggee, [break/3, breaks/3, run/1, event/1, no_event/1, stopped/1, command/2, command/3, result/1,
                       top/1, frames/1, armed/0, variables/1]).

-define(BUSY, 'Elixir.Control.Busy').
-define(BASIC, 'Elixir.Control.Basic').

all_test_() ->
    ecd_debuggee:module([
        {#{}, [
            fun a_blocked_process_shows_its_native_stack/1,
            fun a_busy_process_stops_with_its_values/1,
            fun a_busy_process_that_calls_nothing_of_its_own_shows_its_line/1,
            fun a_busy_interpreted_process_stops_at_its_line/1,
            fun a_process_in_an_interpreted_receive_stays_there/1,
            fun a_paused_process_stops_at_its_next_own_call/1,
            fun pausing_what_is_stopped_says_so_again/1,
            fun what_the_system_needs_is_not_paused/1,
            fun a_process_that_ends_while_paused_is_forgotten/1
        ]},
        {#{pauseOthers => true}, [
            fun the_others_wait_while_one_is_stopped/1
        ]},
        {#{}, [
            fun being_stopped_counts_for_nobodys_timeout/1
        ]}
    ]).

started(Fun) ->
    Pid = spawn(Fun),
    in(Pid, running),
    Pid.

asleep() ->
    Pid = spawn(fun() -> ?BUSY:sleep() end),
    in(Pid, waiting),
    Pid.

%% Waits until the process has come to what it is to be paused in.
in(Pid, waiting) ->
    case process_info(Pid, [status, current_function]) of
        [{_, waiting}, {_, {M, _, _}}] when M =/= code_server, M =/= gen -> ok;
        _ -> erlang:yield(), in(Pid, waiting)
    end;
in(Pid, running) ->
    case process_info(Pid, current_stacktrace) of
        {_, Stack} ->
            case lists:keymember(?BUSY, 1, Stack) of
                true -> ok;
                false -> erlang:yield(), in(Pid, running)
            end
    end.

a_blocked_process_shows_its_native_stack(_S) ->
    Pid = asleep(),
    command(pause, Pid),
    #{reason := <<"pause">>} = event(stopped),
    Names = [Name || #{name := Name} <- frames(Pid)],
    ?assert(lists:member(<<"Process.sleep/1">>, Names)),
    ?assertMatch({stopped, #{kind := native}}, ecd_control:stop_info(Pid)),
    command(continue, Pid),
    ?assertEqual(running, ecd_control:stop_info(Pid)),
    ?assertMatch({status, waiting}, process_info(Pid, status)),
    exit(Pid, kill).

a_busy_process_stops_with_its_values(S) ->
    Pid = started(fun() -> ?BUSY:spin(0) end),
    command(pause, Pid),
    {Pid, <<"pause">>, Mark} = stopped(S),
    ?assert(lists:member(Mark, [spin_step, spin_again, busy_step, busy_rem])),
    ?assertMatch(#{<<"n">> := N} when is_integer(N), variables(Pid)),
    ?assertEqual([], armed()),
    %% From the end of either function it would go on in a spin/1 that runs natively, where no step can follow.
    lists:member(Mark, [spin_again, busy_rem]) orelse begin
        command(next, Pid),
        {Pid, <<"step">>, _} = stopped(S)
    end,
    command(continue, Pid),
    event(continued),
    no_event(stopped),
    ?assertMatch({reductions, _}, process_info(Pid, reductions)),
    exit(Pid, kill).

a_busy_process_that_calls_nothing_of_its_own_shows_its_line(S) ->
    List = lists:seq(1, 3000000),
    Pid = started(fun() -> ?BUSY:alone(List) end),
    command(pause, Pid),
    event(stopped),
    ?assertMatch([_ | _], [Line || #{name := <<"Control.Busy.alone/1">>, line := Line} <- frames(Pid),
                                   Line =:= ecd_debuggee:line(S, alone_fold)]),
    command(continue, Pid),
    event(continued),
    exit(Pid, kill).

a_busy_interpreted_process_stops_at_its_line(S) ->
    ok = breaks(S, [{1, spin_step}], #{hitCondition => <<"== 1">>}),
    Pid = spawn(fun() -> ?BUSY:spin(0) end),
    {Pid, <<"breakpoint">>, spin_step} = stopped(S),
    command(continue, Pid),
    command(pause, Pid),
    {Pid, <<"pause">>, Mark} = stopped(S),
    ?assert(lists:member(Mark, [spin_step, spin_again, busy_step, busy_rem])),
    exit(Pid, kill).

a_process_in_an_interpreted_receive_stays_there(S) ->
    ok = break(S, 1, wait_x),
    Pid = run(fun() -> ?BUSY:wait() end),
    {Pid, _, wait_x} = stopped(S),
    command(continue, Pid),
    waits(Pid),
    command(pause, Pid),
    ?assertEqual({Pid, <<"pause">>, wait_receive}, stopped(S)),
    ?assertMatch(#{<<"x">> := Pid}, variables(Pid)),
    Pid ! {go, 42},
    ?assertEqual({Pid, <<"pause">>, wait_done}, stopped(S)),
    ?assertMatch(#{<<"value">> := 42}, variables(Pid)),
    command(continue, Pid),
    ?assertEqual({Pid, 42}, result(Pid)).

%% Its evaluator waits for a message on its behalf.
waits(Pid) ->
    {ok, Meta} = ecd_engine:meta(Pid),
    case process_info(Meta, current_function) of
        {_, {dbg_ieval, do_receive, _}} -> ok;
        _ -> erlang:yield(), waits(Pid)
    end.

a_paused_process_stops_at_its_next_own_call(S) ->
    Pid = spawn(fun() -> 'Elixir.Control.Native':slow(20) end),
    in(Pid, waiting),
    command(pause, Pid),
    event(stopped),
    command(next, Pid),
    ?assertEqual({Pid, <<"step">>, slow_second}, stopped(S)),
    command(stepIn, Pid),
    ?assertEqual({Pid, <<"step">>, second_y}, stopped(S)),
    ?assertEqual(#{<<"x">> => 20}, variables(Pid)),
    command(stepOut, Pid),
    ?assertEqual({Pid, <<"step">>, slow_third}, stopped(S)),
    exit(Pid, kill),
    forgotten(Pid),
    ?assertEqual([], armed()).

pausing_what_is_stopped_says_so_again(S) ->
    ok = break(S, 1, outer_b),
    Pid = run(fun() -> ?BASIC:outer(1) end),
    {Pid, <<"breakpoint">>, outer_b} = stopped(S),
    command(pause, Pid),
    {Pid, <<"pause">>, outer_b} = stopped(S),
    command(continue, Pid),
    ?assertEqual(10, result(Pid)).

what_the_system_needs_is_not_paused(_S) ->
    ?assertThrow({failure, #{code := <<"notPausable">>}}, command(pause, whereis(code_server))),
    ?assertThrow({failure, #{code := <<"notPausable">>}}, command(pause, whereis(ecd_control))).

a_process_that_ends_while_paused_is_forgotten(_S) ->
    Pid = asleep(),
    command(pause, Pid),
    event(stopped),
    Monitor = monitor(process, Pid),
    exit(Pid, kill),
    receive {'DOWN', Monitor, process, Pid, killed} -> ok end,
    forgotten(Pid),
    ?assertThrow({failure, #{code := <<"threadMissing">>}}, command(continue, Pid)).

forgotten(Pid) ->
    case ecd_control:stop_info(Pid) of
        running -> ok;
        {stopped, _} -> erlang:yield(), forgotten(Pid)
    end.

the_others_wait_while_one_is_stopped(S) ->
    ok = break(S, 1, outer_b),
    %% By this name the debugger takes it for one of its own.
    true = register(ecd_test, self()),
    Counter = counters:new(1, []),
    Other = orphan(fun() -> count(Counter) end),
    Pid = run(fun() -> ?BASIC:outer(1) end),
    {Pid, _, outer_b} = stopped(S),
    ?assertEqual({status, suspended}, suspended(Other)),
    Before = counters:get(Counter, 1),
    no_event(stopped),
    ?assertEqual(Before, counters:get(Counter, 1)),
    command(continue, Pid),
    ?assertEqual(10, result(Pid)),
    counts(Counter, Before),
    exit(Other, kill).

%% What the debugger's own processes start is theirs, unless they have ended.
orphan(Fun) ->
    Test = self(),
    {Parent, Monitor} = spawn_monitor(fun() -> Test ! {orphan, proc_lib:spawn(Fun)} end),
    receive {'DOWN', Monitor, process, Parent, normal} -> ok end,
    receive {orphan, Pid} -> Pid end.

count(Counter) ->
    counters:add(Counter, 1, 1),
    count(Counter).

counts(Counter, Before) ->
    case counters:get(Counter, 1) > Before of
        true -> ok;
        false -> erlang:yield(), counts(Counter, Before)
    end.

suspended(Pid) ->
    case process_info(Pid, status) of
        {status, suspended} = Status -> Status;
        _ -> erlang:yield(), suspended(Pid)
    end.

being_stopped_counts_for_nobodys_timeout(S) ->
    ok = break(S, 1, outer_b),
    Pid = run(fun() -> ?BASIC:outer(1) end),
    Before = ecd_patience:stopped_ms(),
    {Pid, _, outer_b} = stopped(S),
    no_event(stopped),
    ?assert(ecd_patience:stopped_ms() > Before + 100),
    command(continue, Pid),
    ?assertEqual(10, result(Pid)),
    After = ecd_patience:stopped_ms(),
    no_event(stopped),
    ?assertEqual(After, ecd_patience:stopped_ms()).
