%% Steps: next, step in, step out, with and without native code between. Real processes; waits for events.
-module(ecd_step_tests).

-include_lib("eunit/include/eunit.hrl").

-import(ecd_debuggee, [break/3, breaks/3, run/1, event/1, no_event/1, stopped/1, command/2, command/3, result/1,
                       top/1, armed/0, variables/1]).

-define(BASIC, 'Elixir.Control.Basic').
-define(NATIVE, 'Elixir.Control.Native').
-define(SERVER, 'Elixir.Control.Server').

all_test_() ->
    ecd_debuggee:module([
        {#{}, [
            fun continue_runs_to_the_end/1,
            fun next_stays_in_its_function/1,
            fun step_in_enters_a_module_nobody_named/1,
            fun step_in_enters_a_private_function/1,
            fun step_out_arrives_in_an_interpreted_caller/1,
            fun next_stops_at_a_breakpoint_on_the_way/1,
            fun next_over_a_recursive_call_stays_at_its_depth/1,
            fun next_in_a_tail_recursive_loop_stops_in_the_next_pass/1,
            fun next_after_an_exception_arrives_at_the_rescue/1,
            fun next_at_a_tail_call_does_not_enter_it/1
        ]},
        {#{}, [
            fun step_in_passes_through_enum_to_the_closure/1,
            fun step_out_of_a_closure_arrives_after_the_loop/1,
            fun step_in_enters_a_capture_that_foreign_code_calls/1,
            fun step_in_enters_an_implementation_that_foreign_code_calls/1,
            fun step_in_enters_what_apply_calls/1,
            fun next_passes_over_the_closure_of_its_own_line/1,
            fun step_in_passes_through_the_dispatch_of_a_protocol/1
        ]},
        {#{}, [
            fun targets_are_the_calls_of_the_line/1,
            fun stepping_into_a_target_passes_over_the_others/1,
            fun a_stage_of_a_pipeline_is_a_stop/1
        ]},
        {#{}, [
            fun step_out_arrives_in_a_native_caller/1,
            fun step_in_from_a_native_caller_shows_what_it_called/1,
            fun next_at_the_end_arrives_in_the_native_caller/1,
            fun step_out_of_a_native_callers_last_call_says_so/1,
            fun next_in_a_native_caller_goes_from_call_to_call/1,
            fun a_native_loop_is_left_for_the_line_after_it/1
        ]},
        {#{}, [
            fun a_step_does_not_leak_into_the_next_message/1,
            fun a_step_does_not_leak_into_messages_that_are_there_already/1,
            fun a_step_that_waits_for_a_message_says_so/1,
            fun a_step_that_waits_for_native_code_says_so/1,
            fun step_in_follows_a_call_into_the_server/1,
            fun step_in_waits_for_its_own_call/1,
            fun step_in_follows_a_tail_call_into_the_server/1,
            fun step_in_finds_a_server_by_the_name_it_is_registered_under/1,
            fun continuing_the_server_continues_its_client/1,
            fun step_in_follows_a_closure_into_an_agent/1,
            fun several_stop_and_go_alone/1,
            fun all_continue_together/1,
            fun a_command_waits_for_an_evaluation_in_the_process/1,
            fun nothing_stops_an_evaluation_in_the_process/1,
            fun what_a_step_arms_is_listed_with_its_reason/1,
            fun a_function_that_others_loop_in_is_not_armed_for_long/1
        ]},
        {#{justMyCode => false}, [fun without_just_my_code_a_step_enters_everything/1]},
        {#{stepFilters => [<<"Control.Oth*">>]}, [fun a_filtered_module_is_passed_over/1]}
    ]).

continue_runs_to_the_end(S) ->
    ok = break(S, 7, outer_b),
    Pid = run(fun() -> ?BASIC:outer(1) end),
    #{reason := <<"breakpoint">>, hitBreakpointIds := [7], thread := Thread} = event(stopped),
    ?assertEqual({ok, Pid}, ecd_threads:pid(Thread)),
    ?assertEqual(#{<<"x">> => 1, <<"a">> => 2}, variables(Pid)),
    #{all := false} = command(continue, Pid),
    #{thread := Thread} = event(continued),
    ?assertEqual(10, result(Pid)),
    ?assertThrow({failure, #{code := <<"threadMissing">>}}, command(continue, Pid)).

next_stays_in_its_function(S) ->
    ok = break(S, 1, outer_a),
    Pid = run(fun() -> ?BASIC:outer(1) end),
    {Pid, <<"breakpoint">>, outer_a} = stopped(S),
    Next = fun() ->
        command(next, Pid),
        {Pid, <<"step">>, Line} = stopped(S),
        Line
    end,
    ?assertEqual([outer_b, outer_c, outer_end], [Next() || _ <- [1, 2, 3]]),
    command(continue, Pid),
    ?assertEqual(10, result(Pid)).

step_in_enters_a_module_nobody_named(S) ->
    ok = break(S, 1, outer_b),
    Pid = run(fun() -> ?BASIC:outer(1) end),
    {Pid, _, outer_b} = stopped(S),
    command(stepIn, Pid),
    ?assertEqual({Pid, <<"step">>, double_y}, stopped(S)),
    ?assertEqual(#{<<"x">> => 2}, variables(Pid)),
    command(stepIn, Pid),
    {Pid, <<"step">>, double_end} = stopped(S),
    command(stepIn, Pid),
    ?assertEqual({Pid, <<"step">>, outer_c}, stopped(S)),
    command(continue, Pid),
    ?assertEqual(10, result(Pid)),
    ?assertEqual([{?BASIC, outer, 1}], armed()).

step_in_enters_a_private_function(S) ->
    ok = break(S, 1, outer_c),
    Pid = run(fun() -> ?BASIC:outer(1) end),
    {Pid, _, outer_c} = stopped(S),
    command(stepIn, Pid),
    ?assertEqual({Pid, <<"step">>, helper_y}, stopped(S)),
    command(continue, Pid),
    ?assertEqual(10, result(Pid)).

step_out_arrives_in_an_interpreted_caller(S) ->
    ok = break(S, 1, outer_b),
    Pid = run(fun() -> ?BASIC:outer(1) end),
    {Pid, _, outer_b} = stopped(S),
    command(stepIn, Pid),
    {Pid, _, double_y} = stopped(S),
    command(stepOut, Pid),
    ?assertEqual({Pid, <<"step">>, outer_c}, stopped(S)),
    command(continue, Pid),
    ?assertEqual(10, result(Pid)).

next_stops_at_a_breakpoint_on_the_way(S) ->
    ok = breaks(S, [{1, over_b}, {2, double_end}], #{}),
    Pid = run(fun() -> ?BASIC:over_breakpoint(1) end),
    {Pid, _, over_b} = stopped(S),
    command(next, Pid),
    ?assertEqual({Pid, <<"breakpoint">>, double_end}, stopped(S)),
    command(stepOut, Pid),
    ?assertEqual({Pid, <<"step">>, over_end}, stopped(S)),
    command(continue, Pid),
    ?assertEqual(6, result(Pid)).

next_over_a_recursive_call_stays_at_its_depth(S) ->
    ok = breaks(S, [{1, fact_m}], #{condition => <<"n == 5">>}),
    Pid = run(fun() -> ?BASIC:fact(5) end),
    {Pid, _, fact_m} = stopped(S),
    command(next, Pid),
    {Pid, _, fact_call} = stopped(S),
    command(next, Pid),
    ?assertEqual({Pid, <<"step">>, fact_end}, stopped(S)),
    ?assertEqual(#{<<"n">> => 5, <<"m">> => 4, <<"rest">> => 24}, variables(Pid)),
    command(continue, Pid),
    ?assertEqual(120, result(Pid)).

next_in_a_tail_recursive_loop_stops_in_the_next_pass(S) ->
    ok = breaks(S, [{1, loop_next}], #{hitCondition => <<"== 1">>}),
    Pid = run(fun() -> ?BASIC:loop(3, 0) end),
    {Pid, _, loop_next} = stopped(S),
    command(next, Pid),
    {Pid, <<"step">>, loop_call} = stopped(S),
    command(next, Pid),
    ?assertEqual({Pid, <<"step">>, loop_next}, stopped(S)),
    ?assertEqual(#{<<"n">> => 2, <<"acc">> => 3}, variables(Pid)),
    command(continue, Pid),
    ?assertEqual(6, result(Pid)).

next_after_an_exception_arrives_at_the_rescue(S) ->
    ok = break(S, 1, catches_try),
    Pid = run(fun() -> ?BASIC:catches(1) end),
    {Pid, _, catches_try} = stopped(S),
    command(next, Pid),
    ?assertEqual({Pid, <<"step">>, catches_rescue}, stopped(S)),
    command(next, Pid),
    ?assertEqual({Pid, <<"step">>, catches_end}, stopped(S)),
    command(continue, Pid),
    ?assertEqual(rescued, result(Pid)).

next_at_a_tail_call_does_not_enter_it(S) ->
    ok = break(S, 1, tail_call),
    Pid = run(fun() -> stays(?BASIC:tail(1)) end),
    {Pid, _, tail_call} = stopped(S),
    command(next, Pid),
    #{text := Text} = event(notice),
    ?assertNotEqual(nomatch, string:find(Text, "natively")),
    Pid ! go,
    ?assertEqual(5, result(Pid)).

%% A process that ends at once is not lost, it is gone.
stays(Value) ->
    receive go -> Value end.

%% --- closures and callbacks ---

step_in_passes_through_enum_to_the_closure(S) ->
    ok = break(S, 1, closures_start),
    Pid = run(fun() -> ?BASIC:closures([1, 2]) end),
    {Pid, _, closures_start} = stopped(S),
    command(next, Pid),
    {Pid, _, _} = stopped(S),
    command(stepIn, Pid),
    ?assertEqual({Pid, <<"step">>, closure_y}, stopped(S)),
    ?assertMatch(#{<<"x">> := 2}, variables(Pid)),
    command(continue, Pid),
    ?assertEqual(16, result(Pid)).

step_out_of_a_closure_arrives_after_the_loop(S) ->
    ok = breaks(S, [{1, closure_y}], #{hitCondition => <<"== 1">>}),
    Pid = run(fun() -> ?BASIC:closures([1, 2]) end),
    {Pid, _, closure_y} = stopped(S),
    command(next, Pid),
    {Pid, <<"step">>, closure_end} = stopped(S),
    command(next, Pid),
    ?assertEqual({Pid, <<"step">>, closure_y}, stopped(S)),
    ?assertMatch(#{<<"x">> := 1}, variables(Pid)),
    command(stepOut, Pid),
    ?assertEqual({Pid, <<"step">>, closures_captured}, stopped(S)),
    command(continue, Pid),
    ?assertEqual(16, result(Pid)).

step_in_enters_a_capture_that_foreign_code_calls(S) ->
    ok = break(S, 1, closures_captured),
    Pid = run(fun() -> ?BASIC:closures([1, 2]) end),
    {Pid, _, closures_captured} = stopped(S),
    command(stepIn, Pid),
    ?assertEqual({Pid, <<"step">>, double_y}, stopped(S)),
    ?assertEqual(#{<<"x">> => 5}, variables(Pid)),
    command(continue, Pid),
    ?assertEqual(16, result(Pid)),
    ?assertEqual([{?BASIC, closures, 1}], armed()).

step_in_enters_an_implementation_that_foreign_code_calls(S) ->
    ok = break(S, 1, shows_text),
    Thing = #{'__struct__' => 'Elixir.Control.Thing', name => <<"x">>, items => [1, 2]},
    Pid = run(fun() -> ?BASIC:shows(Thing) end),
    {Pid, _, shows_text} = stopped(S),
    command(stepIn, Pid),
    ?assertEqual({Pid, <<"step">>, impl_name}, stopped(S)),
    command(stepOut, Pid),
    ?assertEqual({Pid, <<"step">>, shows_count}, stopped(S)),
    command(stepIn, Pid),
    ?assertEqual({Pid, <<"step">>, impl_count}, stopped(S)),
    command(continue, Pid),
    ?assertEqual({<<"thing x">>, 2}, result(Pid)).

step_in_enters_what_apply_calls(S) ->
    ok = break(S, 1, dynamic_apply),
    Pid = run(fun() -> ?BASIC:dynamic('Elixir.Control.Other', double, 3) end),
    {Pid, _, dynamic_apply} = stopped(S),
    command(stepIn, Pid),
    ?assertEqual({Pid, <<"step">>, double_y}, stopped(S)),
    command(stepOut, Pid),
    {Pid, _, dynamic_mod} = stopped(S),
    command(stepIn, Pid),
    ?assertEqual({Pid, <<"step">>, double_y}, stopped(S)),
    command(continue, Pid),
    ?assertEqual(12, result(Pid)).

next_passes_over_the_closure_of_its_own_line(S) ->
    ok = break(S, 1, one_line),
    Pid = run(fun() -> ?BASIC:one_line([1, 2, 3]) end),
    {Pid, _, one_line} = stopped(S),
    command(next, Pid),
    ?assertEqual({Pid, <<"step">>, one_line_end}, stopped(S)),
    command(continue, Pid),
    ?assertEqual(12, result(Pid)).

step_in_passes_through_the_dispatch_of_a_protocol(S) ->
    ok = break(S, 1, area),
    Pid = run(fun() -> ?BASIC:area(5) end),
    {Pid, _, area} = stopped(S),
    command(stepIn, Pid),
    ?assertEqual({Pid, <<"step">>, area_impl}, stopped(S)),
    command(continue, Pid),
    ?assertEqual(25, result(Pid)).

%% --- targets ---

targets_are_the_calls_of_the_line(S) ->
    ok = break(S, 1, nested),
    Pid = run(fun() -> ?BASIC:nested(3) end),
    {Pid, _, nested} = stopped(S),
    #{targets := Targets} = ecd_step:step_in_targets(#{frame => maps:get(id, top(Pid))}),
    ?assertEqual([<<"Control.Other.double/1">>, <<"Control.Basic.helper/1">>, <<"Control.Other.add/2">>],
                 [Label || #{label := Label} <- Targets]),
    command(continue, Pid),
    ?assertEqual(13, result(Pid)),
    #{id := Id} = hd(Targets),
    ?assertThrow({failure, _}, command(stepIn, Pid, #{target => Id})).

stepping_into_a_target_passes_over_the_others(S) ->
    ok = break(S, 1, nested),
    Pid = run(fun() -> ?BASIC:nested(3) end),
    {Pid, _, nested} = stopped(S),
    #{targets := Targets} = ecd_step:step_in_targets(#{frame => maps:get(id, top(Pid))}),
    [Add] = [Id || #{id := Id, label := <<"Control.Other.add/2">>} <- Targets],
    command(stepIn, Pid, #{target => Add}),
    ?assertEqual({Pid, <<"step">>, add_z}, stopped(S)),
    command(continue, Pid),
    ?assertEqual(13, result(Pid)).

a_stage_of_a_pipeline_is_a_stop(S) ->
    ok = break(S, 1, pipe_one),
    Pid = run(fun() -> ?BASIC:pipeline(3) end),
    {Pid, _, pipe_one} = stopped(S),
    command(next, Pid),
    ?assertEqual({Pid, <<"step">>, pipe_two}, stopped(S)),
    command(next, Pid),
    ?assertEqual({Pid, <<"step">>, pipe_three}, stopped(S)),
    command(stepIn, Pid),
    ?assertEqual({Pid, <<"step">>, helper_y}, stopped(S)),
    command(continue, Pid),
    ?assertEqual(19, result(Pid)).

%% --- native callers ---

step_out_arrives_in_a_native_caller(S) ->
    ok = break(S, 1, work_y),
    Pid = run(fun() -> ?NATIVE:caller(1) end),
    {Pid, _, work_y} = stopped(S),
    command(stepOut, Pid),
    ?assertEqual({Pid, <<"step">>, native_second}, stopped(S)),
    ?assertMatch(#{kind := <<"native">>, name := <<"Control.Native.caller/1">>}, top(Pid)),
    command(continue, Pid),
    ?assertEqual(115, result(Pid)),
    ?assertEqual([{'Elixir.Control.Callee', work, 1}], armed()).

step_in_from_a_native_caller_shows_what_it_called(S) ->
    ok = break(S, 1, work_y),
    Pid = run(fun() -> ?NATIVE:caller(1) end),
    {Pid, _, work_y} = stopped(S),
    command(stepOut, Pid),
    {Pid, _, native_second} = stopped(S),
    command(stepIn, Pid),
    ?assertEqual({Pid, <<"step">>, second_y}, stopped(S)),
    ?assertEqual(#{<<"x">> => 4}, variables(Pid)),
    command(continue, Pid),
    ?assertEqual(115, result(Pid)).

next_at_the_end_arrives_in_the_native_caller(S) ->
    ok = break(S, 1, work_end),
    Pid = run(fun() -> ?NATIVE:caller(1) end),
    {Pid, _, work_end} = stopped(S),
    command(next, Pid),
    ?assertEqual({Pid, <<"step">>, native_second}, stopped(S)),
    command(continue, Pid),
    ?assertEqual(115, result(Pid)).

next_in_a_native_caller_goes_from_call_to_call(S) ->
    ok = break(S, 1, work_end),
    Pid = run(fun() -> ?NATIVE:over(1) end),
    {Pid, _, work_end} = stopped(S),
    command(next, Pid),
    {Pid, _, native_second} = stopped(S),
    command(next, Pid),
    %% The last call of caller/1 is a tail call: its frame is gone, its place is known.
    ?assertEqual({Pid, <<"step">>, native_third}, stopped(S)),
    command(next, Pid),
    ?assertEqual({Pid, <<"step">>, native_over_second}, stopped(S)),
    command(continue, Pid),
    ?assertEqual(125, result(Pid)).

step_out_of_a_native_callers_last_call_says_so(S) ->
    ok = break(S, 1, work_y),
    Pid = run(fun() -> stays(?NATIVE:last(1)) end),
    {Pid, _, work_y} = stopped(S),
    command(stepOut, Pid),
    #{text := Text} = event(notice),
    ?assertNotEqual(nomatch, string:find(Text, "natively")),
    no_event(stopped),
    Pid ! go,
    ?assertEqual(4, result(Pid)).

a_native_loop_is_left_for_the_line_after_it(S) ->
    ok = breaks(S, [{1, work_end}], #{hitCondition => <<"== 3">>}),
    Pid = run(fun() -> ?NATIVE:each([1, 2, 3]) end),
    {Pid, _, work_end} = stopped(S),
    command(next, Pid),
    ?assertEqual({Pid, <<"step">>, native_total}, stopped(S)),
    command(continue, Pid),
    ?assertEqual(18, result(Pid)).

%% --- several processes, servers ---

a_step_does_not_leak_into_the_next_message(S) ->
    ok = breaks(S, [{1, add_reply}], #{hitCondition => <<"== 1">>}),
    {ok, Server} = ?SERVER:start(0),
    Pid = run(fun() -> {?SERVER:add(Server, 1), ?SERVER:add(Server, 2), ?SERVER:get(Server)} end),
    {Server, _, add_reply} = stopped(S),
    command(next, Server),
    ?assertEqual({1, 3, 3}, result(Pid)),
    no_event(stopped),
    ?assertEqual([{?SERVER, handle_call, 3}], armed()).

a_step_does_not_leak_into_messages_that_are_there_already(S) ->
    ok = breaks(S, [{1, add_reply}], #{hitCondition => <<"== 1">>}),
    {ok, Server} = ?SERVER:start(0),
    Callers = [run(fun() -> ?SERVER:add(Server, 1) end) || _ <- lists:seq(1, 20)],
    {Server, _, add_reply} = stopped(S),
    lists:foreach(fun calls/1, Callers),
    command(next, Server),
    ?assertEqual(lists:seq(1, 20), lists:sort([result(Caller) || Caller <- Callers])),
    #{text := Text} = event(notice),
    ?assertNotEqual(nomatch, string:find(Text, "runs on")),
    no_event(stopped).

a_step_that_waits_for_a_message_says_so(S) ->
    ok = break(S, 1, listens_before),
    Pid = run(fun() -> ?NATIVE:listens(1) end),
    {Pid, _, listens_before} = stopped(S),
    command(next, Pid),
    {Pid, <<"step">>, listens_receive} = stopped(S),
    command(next, Pid),
    #{text := Text} = event(notice),
    ?assertNotEqual(nomatch, string:find(Text, "waits for a message")),
    Pid ! {go, 2},
    {Pid, <<"step">>, _} = stopped(S),
    command(next, Pid),
    ?assertEqual({Pid, <<"step">>, listens_got}, stopped(S)),
    command(continue, Pid),
    ?assertEqual(4, result(Pid)).

a_step_that_waits_for_native_code_says_so(S) ->
    ok = break(S, 1, work_end),
    Pid = run(fun() -> ?NATIVE:waits(1) end),
    {Pid, _, work_end} = stopped(S),
    command(next, Pid),
    #{text := Text} = event(notice),
    ?assertNotEqual(nomatch, string:find(Text, "runs natively in Control.Native.waits/1")),
    Pid ! go,
    ?assertEqual({Pid, <<"step">>, waits_second}, stopped(S)),
    command(continue, Pid),
    ?assertEqual(14, result(Pid)).

step_in_follows_a_call_into_the_server(S) ->
    ok = break(S, 1, client_call),
    {ok, Server} = ?SERVER:start(5),
    Pid = run(fun() -> ?SERVER:client(Server, 1) end),
    {Pid, _, client_call} = stopped(S),
    command(stepIn, Pid),
    ?assertEqual({Server, <<"step">>, add_state}, stopped(S)),
    ?assertMatch(#{<<"n">> := 2, <<"state">> := 5}, variables(Server)),
    command(next, Server),
    {Server, <<"step">>, add_reply} = stopped(S),
    command(stepOut, Server),
    ?assertEqual({Pid, <<"step">>, client_end}, stopped(S)),
    no_event(notice),
    command(continue, Pid),
    ?assertEqual(7, result(Pid)),
    ?assertEqual([{?SERVER, client, 2}], armed()).

step_in_waits_for_its_own_call(S) ->
    ok = break(S, 1, client_call),
    {ok, Server} = ?SERVER:start(5),
    Pid = run(fun() -> ?SERVER:client(Server, 1) end),
    {Pid, _, client_call} = stopped(S),
    ok = sys:suspend(Server),
    Other = run(fun() -> ?SERVER:add(Server, 10) end),
    calls(Other),
    command(stepIn, Pid),
    ok = sys:resume(Server),
    ?assertEqual({Server, <<"step">>, add_state}, stopped(S)),
    ?assertMatch(#{<<"n">> := 2, <<"state">> := 15}, variables(Server)),
    ?assertEqual(15, result(Other)),
    command(continue, Server),
    ?assertEqual(17, result(Pid)).

step_in_follows_a_tail_call_into_the_server(S) ->
    ok = break(S, 1, add_api),
    {ok, Server} = ?SERVER:start(5),
    Pid = run(fun() -> ?SERVER:add(Server, 2) end),
    {Pid, _, add_api} = stopped(S),
    command(stepIn, Pid),
    ?assertEqual({Server, <<"step">>, add_state}, stopped(S)),
    command(continue, Server),
    ?assertEqual(7, result(Pid)),
    no_event(stopped).

step_in_finds_a_server_by_the_name_it_is_registered_under(S) ->
    {ok, _} = 'Elixir.Registry':start_link([{keys, unique}, {name, 'Elixir.Control.Registry'}]),
    Start = fun(Name) -> {ok, Pid} = 'Elixir.GenServer':start_link(?SERVER, 5, [{name, Name}]), Pid end,
    Room = Start({via, 'Elixir.Registry', {'Elixir.Control.Registry', 1}}),
    Known = Start({global, {control, 1}}),
    lists:foreach(
        fun({Function, Server, Before}) ->
            ok = break(S, 1, Function),
            Pid = run(fun() -> ?SERVER:Function(1, 2) end),
            {Pid, _, Function} = stopped(S),
            command(stepIn, Pid),
            _ = [
                begin
                    ?assertEqual({Pid, <<"step">>, via}, stopped(S)),
                    command(stepIn, Pid)
                end
             || Function =:= via_function
            ],
            ?assertEqual({Server, <<"step">>, add_state}, stopped(S)),
            command(continue, Server),
            ?assertEqual(Before + 2, result(Pid))
        end,
        [{via_registry, Room, 5}, {via_function, Room, 7}, {via_global, Known, 5}]
    ),
    no_event(stopped).

%% The process has sent its request.
calls(Pid) ->
    case process_info(Pid, [status, current_function]) of
        [{_, waiting}, {_, {gen, do_call, 4}}] -> ok;
        _ -> erlang:yield(), calls(Pid)
    end.

continuing_the_server_continues_its_client(S) ->
    ok = break(S, 1, client_call),
    {ok, Server} = ?SERVER:start(5),
    Pid = run(fun() -> ?SERVER:client(Server, 1) end),
    {Pid, _, client_call} = stopped(S),
    command(stepIn, Pid),
    {Server, <<"step">>, add_state} = stopped(S),
    command(continue, Server),
    ?assertEqual(7, result(Pid)),
    no_event(stopped).

step_in_follows_a_closure_into_an_agent(S) ->
    ok = break(S, 1, agent_m),
    {ok, Agent} = 'Elixir.Agent':start(fun() -> 10 end),
    Pid = run(fun() -> ?SERVER:agent(Agent, 1) end),
    {Pid, _, agent_m} = stopped(S),
    command(next, Pid),
    {Pid, <<"step">>, _} = stopped(S),
    command(stepIn, Pid),
    ?assertEqual({Agent, <<"step">>, agent_sum}, stopped(S)),
    ?assertMatch(#{<<"state">> := 10, <<"m">> := 2}, variables(Agent)),
    command(continue, Agent),
    ?assertEqual(12, result(Pid)).

a_command_waits_for_an_evaluation_in_the_process(S) ->
    ok = break(S, 1, outer_b),
    Pid = run(fun() -> ?BASIC:outer(1) end),
    {Pid, _, outer_b} = stopped(S),
    Test = self(),
    #{id := Frame} = top(Pid),
    spawn(fun() ->
        Expression = <<"send(:ecd_test, :evaluating); Process.sleep(300); a">>,
        Test ! {evaluated, ecd_eval:evaluate(#{expression => Expression, frame => Frame, context => <<"repl">>})}
    end),
    true = register(ecd_test, self()),
    receive evaluating -> ok end,
    command(continue, Pid),
    ?assertEqual(10, result(Pid)),
    receive {evaluated, #{result := Result}} -> ?assertEqual(<<"2">>, Result) end.

nothing_stops_an_evaluation_in_the_process(S) ->
    #{filters := [_]} = ecd_exceptions:set_exception_breakpoints(#{filters => [#{filter => <<"raised">>}]}),
    ok = breaks(S, [{1, outer_b}, {2, fact_m}], #{}),
    Pid = run(fun() -> ?BASIC:outer(1) end),
    {Pid, _, outer_b} = stopped(S),
    #{id := Frame} = top(Pid),
    Expression = <<"{Control.Basic.fact(3), Control.Fail.rescued()}">>,
    ?assertMatch(#{result := <<"{6, {:rescued, \"no 2\"}}">>},
                 ecd_eval:evaluate(#{expression => Expression, frame => Frame, context => <<"repl">>})),
    no_event(stopped),
    command(next, Pid),
    ?assertEqual({Pid, <<"step">>, outer_c}, stopped(S)),
    command(continue, Pid),
    ?assertEqual(10, result(Pid)).

what_a_step_arms_is_listed_with_its_reason(S) ->
    ok = break(S, 1, work_y),
    Pid = run(fun() -> 'Elixir.Control.Native':waits(1) end),
    {Pid, _, work_y} = stopped(S),
    command(stepOut, Pid),
    event(continued),
    #{modules := Modules} = ecd_session:status(#{}),
    [Reason] = [R || #{module := <<"Control.Callee">>, reason := R, functions := F} <- Modules,
                     lists:member(<<"second/1">>, F)],
    ?assertNotEqual(nomatch, string:find(Reason, "step")),
    Pid ! go,
    ?assertEqual({Pid, <<"step">>, waits_second}, stopped(S)),
    command(continue, Pid),
    ?assertEqual(14, result(Pid)).

a_function_that_others_loop_in_is_not_armed_for_long(S) ->
    ok = break(S, 1, work_y),
    Other = spawn(fun() -> ?NATIVE:hot(1) end),
    Pid = run(fun() -> ?NATIVE:waits(1) end),
    {Pid, _, work_y} = stopped(S),
    command(stepOut, Pid),
    ?assert(lists:member({'Elixir.Control.Callee', second, 1}, armed())),
    cooled({'Elixir.Control.Callee', second, 1}),
    Pid ! go,
    ?assertEqual(14, result(Pid)),
    exit(Other, kill).

cooled(MFA) ->
    case lists:member(MFA, armed()) of
        true -> timer:sleep(5), cooled(MFA);
        false -> ok
    end.

without_just_my_code_a_step_enters_everything(S) ->
    ok = break(S, 1, closures_start),
    Pid = run(fun() -> ?BASIC:closures([1]) end),
    {Pid, _, closures_start} = stopped(S),
    command(stepIn, Pid),
    #{reason := <<"step">>} = event(stopped),
    ?assertMatch(#{module := <<"Enum">>}, top(Pid)),
    command(stepOut, Pid),
    event(stopped),
    ?assertMatch(#{module := <<"Control.Basic">>}, top(Pid)),
    command(continue, Pid),
    ?assertEqual(6, result(Pid)).

a_filtered_module_is_passed_over(S) ->
    ok = break(S, 1, outer_b),
    Pid = run(fun() -> ?BASIC:outer(1) end),
    {Pid, _, outer_b} = stopped(S),
    command(stepIn, Pid),
    ?assertEqual({Pid, <<"step">>, outer_c}, stopped(S)),
    command(continue, Pid),
    ?assertEqual(10, result(Pid)).

several_stop_and_go_alone(S) ->
    ok = break(S, 1, outer_b),
    Pids = [run(fun() -> ?BASIC:outer(N) end) || N <- lists:seq(1, 20)],
    Stopped = [Pid || _ <- Pids, {Pid, <<"breakpoint">>, outer_b} <- [stopped(S)]],
    ?assertEqual(lists:sort(Pids), lists:sort(Stopped)),
    [One | Rest] = Stopped,
    command(next, One),
    ?assertEqual({One, <<"step">>, outer_c}, stopped(S)),
    ?assert(lists:all(fun(P) -> ecd_control:stop_info(P) =/= running end, Rest)),
    lists:foreach(fun(P) -> command(continue, P) end, Stopped),
    ?assertEqual(lists:sum([2 * (N + 1) * 2 + 2 || N <- lists:seq(1, 20)]), lists:sum([result(P) || P <- Pids])).

all_continue_together(S) ->
    ok = break(S, 1, outer_b),
    Pids = [run(fun() -> ?BASIC:outer(N) end) || N <- lists:seq(1, 5)],
    [{_, _, outer_b} = stopped(S) || _ <- Pids],
    #{all := true} = command(continue, hd(Pids), #{single => false}),
    ?assertEqual([10, 14, 18, 22, 26], [result(P) || P <- Pids]).
