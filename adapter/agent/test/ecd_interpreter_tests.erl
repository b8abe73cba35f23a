%% What the interpreter engine promises about the program it debugs: the same results, no deaths, nothing left armed.
-module(ecd_interpreter_tests).

-include_lib("eunit/include/eunit.hrl").

-export([condition/1, busy/1]).

-define(M, 'Elixir.Closures').
-define(OTHER, 'Elixir.Closures.Other').

scene(Fun) ->
    {timeout, 180, fun() -> ecd_scene:with(["closures.ex", "inlined.ex", "matrix.ex"], Fun) end}.

engine_test_() ->
    [
        {"a step enters modules that nobody named", scene(fun step_in/0)},
        {"next stays in the function and passes over what it calls", scene(fun next/0)},
        {"finish arrives in the caller", scene(fun finish/0)},
        {"another process runs natively while one steps", scene(fun natively_meanwhile/0)},
        {"a step ends with its message", scene(fun no_leak/0)},
        {"a line stops once a pass", scene(fun once_a_pass/0)},
        {"a path that a macro goes down is one pass", scene(fun path/0)},
        {"variables are those of Elixir's scoping", scene(fun scoping/0)},
        {"an inlined function is seen through its callers", scene(fun inlined/0)},
        {"a closure made in interpreted code outlives the arm", scene(fun closure_survives/0)},
        {"a closure that was never made keeps nothing", scene(fun closure_unmade/0)},
        {"a loop leaves interpreted code when it is disarmed", scene(fun loop_leaves/0)},
        {"a loop leaves interpreted code when debugging ends", scene(fun loop_leaves_at_the_end/0)},
        {"conditions are asked in the meta process", scene(fun conditions/0)},
        {"functions are armed and disarmed while 20 processes run", scene(fun stress/0)},
        {"arms are counted by owner", scene(fun owners/0)},
        {"what cannot be armed says why", scene(fun refused/0)},
        {"evaluation runs in the stopped process and is no stop", scene(fun evaluation/0)},
        {"a process that ends is forgotten", scene(fun forgotten/0)},
        {"an exempt process never stops", scene(fun exempt/0)},
        {"a process that compiles Elixir can trap", scene(fun compiling/0)},
        {"the user is told once where interpreting copies a lot", scene(fun heavy/0)}
    ].

step_in() ->
    Native = ?M:step(1),
    break(?M, "step remote"),
    {Result, Stops} = ecd_scene:run(fun() -> ?M:step(1) end, fun step_over_foreign/2),
    ?assertEqual(Native, Result),
    Own = [{Mod, Line} || {Mod, Line, _} <- Stops],
    Bar = [{?OTHER, ecd_scene:line(?OTHER, L)} || L <- ["bar", "helper", "bar end"]],
    At = fun(Marker) -> {?M, ecd_scene:line(?M, Marker)} end,
    Expected =
        [At("step remote")] ++ Bar ++
            [At("step apply")] ++ Bar ++
            [{?M, ecd_scene:line(?M, "step dynamic") - 1}, At("step dynamic")] ++ Bar ++
            [At("step closure"), At("step closure")] ++ Bar ++
            [At("step local"), At("local"), At("step end")],
    ?assertEqual(Expected, Own),
    ?assertEqual([], [Mod || {Mod, {F, A}, _} <- ecd_engine:armed(), {Mod, F, A} =/= {?M, step, 1}]).

%% Steps on, with the modules of the fixture as those that may be entered.
step_over_foreign(_Stop, 1) ->
    [{Pid, _}] = ecd_state:all(pid),
    ok = ecd_engine:step_mode(Pid, {into, fun(Mod) -> lists:member(Mod, [?M, ?OTHER]) end}),
    step;
step_over_foreign(_Stop, _) ->
    step.

next() ->
    break(?M, "step remote"),
    {_, Stops} = ecd_scene:run(fun() -> ?M:step(1) end, fun(_, _) -> next end),
    First = ecd_scene:line(?M, "step remote"),
    ?assertEqual(lists:seq(First, First + 6), [Line || {?M, Line, _} <- Stops]).

finish() ->
    break(?OTHER, "bar"),
    ok = ecd_engine:arm(?M, {step, 1}, ?MODULE),
    {_, Stops} = ecd_scene:run(fun() -> ?M:step(1) end, fun(_, 1) -> finish; (_, _) -> continue end),
    ?assertMatch(
        [{?OTHER, _, _}, {?M, _, #{a := _}} | _],
        Stops
    ),
    ?assertEqual(ecd_scene:line(?M, "step apply"), element(2, lists:nth(2, Stops))).

%% Nothing of the entered module is armed: only the one that steps interprets it.
natively_meanwhile() ->
    break(?M, "step remote"),
    Probe = fun(_, Count) ->
        case Count of
            3 ->
                {Pid, Ref} = spawn_monitor(fun() -> exit(?OTHER:bar(4)) end),
                receive
                    {'DOWN', Ref, process, Pid, 41} -> ok
                end,
                ?assertEqual(1, length(ecd_state:all(pid))),
                continue;
            _ ->
                step_over_foreign(none, Count)
        end
    end,
    {_, Stops} = ecd_scene:run(fun() -> ?M:step(1) end, Probe),
    ?assertEqual(3, length(Stops)).

no_leak() ->
    Mod = 'Elixir.Matrix.Server',
    {ok, Server} = gen_server:start(Mod, 1, []),
    break(Mod, "handle_call"),
    {3, [{Mod, _, _}]} = ecd_scene:run(fun() -> gen_server:call(Server, {add, 2}) end, fun(_, _) -> step end),
    ok = ecd_engine:clear_break(Mod, ecd_scene:line(Mod, "handle_call")),
    ?assertEqual({8, []}, ecd_scene:stops(fun() -> gen_server:call(Server, {add, 5}) end)),
    gen_server:stop(Server).

once_a_pass() ->
    break(?M, "one line"),
    break(?M, "branch"),
    Line = ecd_scene:line(?M, "one line"),
    ?assertMatch({6, [{?M, Line, #{x := 1}}]}, ecd_scene:stops(fun() -> ?M:one_line(1) end)),
    ?assertMatch({6, [{?M, Line, #{x := 1}}]}, ecd_scene:run(fun() -> ?M:one_line(1) end, fun(_, _) -> step end)),
    ?assertMatch({6, [{?M, Line, #{x := 1}}]}, ecd_scene:run(fun() -> ?M:one_line(1) end, fun(_, _) -> next end)),
    Branch = ecd_scene:line(?M, "branch"),
    ?assertMatch({{pos, 1}, [{?M, Branch, _}]}, ecd_scene:stops(fun() -> ?M:branch(1) end)),
    ?assertMatch({neg, [{?M, Branch, _}]}, ecd_scene:run(fun() -> ?M:branch(-1) end, fun(_, _) -> next end)),
    ?assertMatch({neg, [{?M, Branch, _}]}, ecd_scene:run(fun() -> ?M:branch(-1) end, fun(_, _) -> step end)),
    %% Called again, it stops again.
    ?assertMatch({[6, 9], [_, _]}, ecd_scene:stops(fun() -> [?M:one_line(1), ?M:one_line(2)] end)).

scoping() ->
    break(?M, "rebound"),
    break(?M, "eleven"),
    {_, [{_, _, Rebound}]} = ecd_scene:stops(fun() -> ?M:rebound(1) end),
    ?assertEqual(#{x => 4, y => 101}, Rebound),
    {_, [{_, _, Eleven}]} = ecd_scene:stops(fun() -> ?M:eleven(1) end),
    ?assertEqual(#{v => 12}, Eleven).

inlined() ->
    Mod = 'Elixir.Inlined',
    break(Mod, "small"),
    Line = ecd_scene:line(Mod, "small"),
    ?assertEqual({304, [{Mod, Line, #{x => 1}}]}, ecd_scene:stops(fun() -> Mod:outer(1) end)),
    ok = ecd_engine:disarm_all(?MODULE),
    ?assertEqual([], ecd_guardian:armed()).

closure_survives() ->
    break(?M, "made body"),
    {Fun, []} = ecd_scene:stops(fun() -> ?M:make(3) end),
    ?assertEqual({module, dbg_ieval}, erlang:fun_info(Fun, module)),
    ok = keep(Fun),
    ok = ecd_engine:clear_break(?M, ecd_scene:line(?M, "made body")),
    ok = ecd_engine:disarm_all(?MODULE),
    ?assertEqual({{label, 3}, 14}, Fun(5)),
    ?assertEqual({{{label, 3}, 14}, []}, ecd_scene:stops(fun() -> Fun(5) end)),
    %% Also when the engine has gone as far as it can.
    {ok, Left} = ecd_engine:stop(),
    ?assert(lists:keymember(?M, 1, Left)),
    ?assertEqual({{label, 3}, 14}, Fun(5)),
    {Pid, Ref} = spawn_monitor(fun() -> exit(Fun(6)) end),
    receive
        {'DOWN', Ref, process, Pid, Value} -> ?assertEqual({{label, 3}, 16}, Value)
    end,
    %% The next session starts over what was left, and leaves it again.
    ok = ecd_scene:start(#{}),
    Line = break('Elixir.Matrix', "remote"),
    ?assertMatch({2, [{_, Line, _}]}, ecd_scene:stops(fun() -> 'Elixir.Matrix':remote(1) end)),
    ?assertEqual({{label, 3}, 14}, Fun(5)),
    ?assertMatch({ok, [{?M, _, _}]}, ecd_engine:stop()),
    ?assertEqual({{label, 3}, 14}, Fun(5)),
    ok = ecd_engine:remove(),
    forget(),
    ?assertEqual(undefined, whereis(ecd_iserver)).

closure_unmade() ->
    Line = break(?M, "maybe made"),
    {1, [{?M, Line, _}]} = ecd_scene:stops(fun() -> ?M:perhaps(1) end),
    ?assertEqual({ok, []}, ecd_engine:stop()),
    ?assertEqual(undefined, whereis(ecd_iserver)),
    ok = ecd_scene:start(#{}),
    Line = break(?M, "maybe made"),
    {Fun, [{?M, Line, _}]} = ecd_scene:stops(fun() -> ?M:perhaps(-1) end),
    ok = keep(Fun),
    ?assertMatch({ok, [{?M, _, _}]}, ecd_engine:stop()),
    ?assertEqual(3, Fun(2)),
    forget().

%% This process counts as one of the agent's, by the name of its module: what it holds alone keeps nothing.
keep(Fun) -> persistent_term:put(?MODULE, Fun).

forget() -> persistent_term:erase(?MODULE).

loop_leaves() ->
    {Pid, Meta} = stopped_loop(),
    ok = ecd_engine:clear_break('Elixir.Matrix', ecd_scene:line('Elixir.Matrix', "loop")),
    ok = ecd_engine:disarm_all(?MODULE),
    ok = ecd_meta:command(Meta, continue),
    receive {at, 0} -> ?assert(is_interpreted(Pid)) end,
    Pid ! next,
    receive {at, 1} -> ?assertNot(is_interpreted(Pid)) end,
    end_loop(Pid, 1).

loop_leaves_at_the_end() ->
    {Pid, _} = stopped_loop(),
    %% It waits for a message inside.
    {ok, _} = ecd_engine:stop(),
    receive {at, 0} -> ?assert(is_interpreted(Pid)) end,
    Pid ! next,
    receive {at, 1} -> ?assertNot(is_interpreted(Pid)) end,
    end_loop(Pid, 1).

stopped_loop() ->
    Line = break('Elixir.Matrix', "loop"),
    Pid = spawn('Elixir.Matrix', loop, [self(), 0]),
    {Meta, 'Elixir.Matrix', Line} = ecd_scene:stopped(Pid),
    {Pid, Meta}.

end_loop(Pid, Passes) ->
    Pid ! {stop, self()},
    receive {ended, N} -> ?assertEqual(Passes, N) end.

is_interpreted(Pid) ->
    {current_stacktrace, Stack} = process_info(Pid, current_stacktrace),
    lists:keymember(dbg_debugged, 1, Stack).

%% Its closures are the macro's. One of the user's stops when it is called, also on that line.
path() ->
    Map = #{a => #{b => 1}, c => 2},
    Stops = fun(F, Marker) ->
        break(?M, Marker),
        Line = ecd_scene:line(?M, Marker),
        {Result, Stops} = ecd_scene:stops(fun() -> ?M:F(Map) end),
        ?assertEqual([Line], lists:usort([L || {?M, L, _} <- Stops])),
        {Result, length(Stops)}
    end,
    ?assertEqual({#{a => #{b => 3}, c => 2}, 1}, Stops(on_path, "on a path")),
    ?assertEqual({#{a => #{b => 5}, c => 2}, 1}, Stops(by_key, "by key")),
    ?assertEqual({#{a => #{b => 2}, c => 2}, 2}, Stops(updated, "updated")).

conditions() ->
    Line = ecd_scene:line('Elixir.Matrix', "tail"),
    ok = ecd_engine:arm('Elixir.Matrix', {tail, 2}, ?MODULE),
    ok = ecd_engine:set_break('Elixir.Matrix', Line, {?MODULE, condition}),
    {6, Stops} = ecd_scene:stops(fun() -> 'Elixir.Matrix':tail(3, 0) end),
    ?assertEqual([#{n => 2, acc => 3}], [Vars || {_, _, Vars} <- Stops]).

-spec condition([{atom(), term()}]) -> boolean().
condition(Bindings) ->
    %% In the meta process: that one is not the user's, but knows it.
    true = is_pid(get(self)) andalso get(self) =/= self(),
    lists:keyfind('_n@1', 1, Bindings) =:= {'_n@1', 2}.

%% 20 processes make 14 kinds of calls, and check each result, while their functions are armed and disarmed.
stress() ->
    M = 'Elixir.Matrix',
    Square = 'Elixir.Matrix.Square':new(3),
    Calls = [
        {fun() -> M:remote(1) end, 2},
        {fun() -> M:calls_private(1) end, 3},
        {fun() -> (M:capture())(1) end, 3},
        {fun() -> M:default(1) end, 11},
        {fun() -> M:many(-4) end, 4},
        {fun() -> M:closure([1, 2]) end, [2, 4]},
        {fun() -> M:comprehension([1, 2, 3]) end, [6, 9]},
        {fun() -> M:tail(10, 0) end, 55},
        {fun() -> M:recursion(10) end, 55},
        {fun() -> M:with_else({ok, 3}) end, 8},
        {fun() -> M:pipeline(1) end, 2},
        {fun() -> M:area(Square) end, 9},
        {fun() -> M:target(1) end, 2},
        {fun() -> (?M:make(1))(2) end, {{label, 1}, 6}}
    ],
    Counter = counters:new(1, []),
    Workers = [spawn_monitor(fun() -> work(Calls, Counter) end) || _ <- lists:seq(1, 20)],
    Functions = [{Mod, FA} || Mod <- [M, ?M, 'Elixir.Matrix.Delegate'], {FA, _, _, _} <- ecd_engine:functions(Mod)],
    %% On newer OTP every change waits until all schedulers stand still, which takes long where other programs have the
    %% cores: there fewer changes have to do.
    Soon = erlang:monotonic_time(second) + 60,
    toggle(Functions, 0, fun(Toggled) ->
        Wanted = case erlang:monotonic_time(second) < Soon of true -> 500; false -> 100 end,
        Toggled < Wanted orelse counters:get(Counter, 1) < 100000
    end),
    ok = ecd_engine:disarm_all(?MODULE),
    [Pid ! finish || {Pid, _} <- Workers],
    [receive {'DOWN', Ref, process, Pid, Reason} -> ?assertEqual(done, Reason) end || {Pid, Ref} <- Workers],
    ?assertEqual([], ecd_guardian:armed()).

work(Calls, Counter) ->
    [exit({wrong, N}) || {N, {Call, Right}} <- lists:enumerate(Calls), Call() =/= Right],
    counters:add(Counter, 1, length(Calls)),
    receive
        finish -> exit(done)
    after 0 -> work(Calls, Counter)
    end.

toggle(Functions, Toggled, GoOn) ->
    {Mod, FA} = lists:nth(1 + Toggled rem length(Functions), Functions),
    case Toggled rem 3 of
        0 -> ok = ecd_engine:disarm_all(?MODULE);
        _ -> _ = ecd_engine:arm(Mod, FA, ?MODULE)
    end,
    receive
        {'DOWN', _, process, _, Reason} -> error({died, Reason})
    after 1 -> ok
    end,
    GoOn(Toggled + 1) andalso toggle(Functions, Toggled + 1, GoOn).

owners() ->
    FA = {remote, 1},
    M = 'Elixir.Matrix',
    ok = ecd_engine:arm(M, FA, one),
    ok = ecd_engine:arm(M, FA, one),
    ok = ecd_engine:arm(M, FA, two),
    [{M, FA, Owners}] = ecd_engine:armed(),
    ?assertEqual([one, two], lists:sort(Owners)),
    ok = ecd_engine:disarm(M, FA, one),
    ?assertEqual([{M, remote, 1}], ecd_guardian:armed()),
    ok = ecd_engine:disarm_all(two),
    ?assertEqual([], ecd_guardian:armed()),
    ?assertEqual([], ecd_engine:armed()).

refused() ->
    ?assertMatch({error, _}, ecd_engine:arm(lists, {map, 2}, ?MODULE)),
    ?assertMatch({error, _}, ecd_engine:arm(ecd_iserver, {init, 1}, ?MODULE)),
    ?assertMatch({error, _}, ecd_engine:arm('Elixir.Matrix', {nothing, 3}, ?MODULE)),
    ?assertMatch({error, _}, ecd_engine:arm('Elixir.NoSuchModule', {f, 0}, ?MODULE)),
    ?assertEqual([], ecd_engine:lines('Elixir.NoSuchModule')),
    ?assertEqual([], ecd_guardian:armed()).

evaluation() ->
    break(?M, "branch"),
    Self = self(),
    Pid = spawn(fun() -> Self ! {result, ?M:branch(1)} end),
    {Meta, ?M, _} = ecd_scene:stopped(Pid),
    ?assertEqual({ok, Pid}, ecd_meta:eval_in_process(Meta, ?M, {erlang, self, []}, 1000)),
    ?assertMatch({error, {error, badarith, _}}, ecd_meta:eval_in_process(Meta, ?M, {erlang, '+', [1, a]}, 1000)),
    ?assertEqual([], stops_waiting()),
    %% What is busy in the user's process cannot be interrupted; nothing else is evaluated until it has ended.
    ?assertEqual(timeout, ecd_meta:eval_in_process(Meta, ?M, {?MODULE, busy, [Self]}, 50)),
    Pid ! go_on,
    ?assertMatch({error, {error, not_stopped, _}}, ecd_meta:eval_in_process(Meta, ?M, {erlang, self, []}, 1000)),
    Self = receive busy_no_more -> Self end,
    ?assertEqual({ok, Pid}, again(Meta)),
    [#{function := branch, line := Line}] = ecd_meta:frames(Meta),
    ?assertEqual(ecd_scene:line(?M, "branch"), Line),
    ok = ecd_meta:command(Meta, continue),
    ?assertEqual({pos, 1}, receive {result, R} -> R end).

again(Meta) ->
    case ecd_meta:eval_in_process(Meta, ?M, {erlang, self, []}, 1000) of
        {error, {error, not_stopped, []}} -> again(Meta);
        Result -> Result
    end.

-spec busy(pid()) -> ok.
busy(Test) ->
    receive go_on -> ok end,
    receive after 100 -> ok end,
    Test ! busy_no_more,
    ok.

stops_waiting() ->
    receive
        {ecd, stopped, _, _, _, _} = Stop -> [Stop | stops_waiting()]
    after 0 -> []
    end.

forgotten() ->
    ok = ecd_engine:arm('Elixir.Matrix', {remote, 1}, ?MODULE),
    Pids = [
        begin
            {Pid, Ref} = spawn_monitor('Elixir.Matrix', remote, [N]),
            receive {'DOWN', Ref, process, Pid, normal} -> Pid end
        end
     || N <- lists:seq(1, 50)
    ],
    Ended = [ecd_scene:wait(fun({ecd, exit, Pid, _, _}) -> {ok, Pid}; (_) -> no end) || _ <- Pids],
    ?assertEqual(lists:sort(Pids), lists:sort(Ended)),
    ?assertEqual([], ecd_state:all(pid)),
    ?assertEqual([], ecd_state:all(meta)),
    ?assertEqual([], ecd_state:all(watched)),
    ?assertEqual([], ecd_state:holders('Elixir.Matrix')).

exempt() ->
    break('Elixir.Matrix', "remote"),
    {Result, Stops} = ecd_scene:stops(fun() ->
        ok = ecd_engine:exempt(self()),
        'Elixir.Matrix':remote(1)
    end),
    ?assertEqual({2, []}, {Result, Stops}).

%% The compiler's processes have an error handler of their own, which takes no traps by itself.
compiling() ->
    break('Elixir.Matrix', "remote"),
    Line = ecd_scene:line('Elixir.Matrix', "remote"),
    {Result, Stops} = ecd_scene:stops(fun() ->
        _ = process_flag(error_handler, 'Elixir.Kernel.ErrorHandler'),
        'Elixir.Matrix':remote(1)
    end),
    ?assertEqual({2, [{'Elixir.Matrix', Line, #{x => 1}}]}, {Result, Stops}).

heavy() ->
    Mod = 'Elixir.Matrix',
    ok = ecd_engine:arm(Mod, {many, 1}, ?MODULE),
    Call = fun(Size) ->
        {Pid, Ref} = spawn_monitor(fun() -> exit(Mod:many(lists:seq(1, Size))) end),
        receive {'DOWN', Ref, process, Pid, positive} -> Pid end
    end,
    _ = Call(10),
    Heavy = Call(2000000),
    _ = Call(2000000),
    Told = fun Told(Patience) ->
        receive
            {ecd, heavy, Pid, MFA, Bytes} -> [{Pid, MFA, Bytes} | Told(100)]
        after Patience -> []
        end
    end,
    ?assertMatch([{Heavy, {Mod, many, 1}, Bytes}] when Bytes > 16000000, Told(10000)).

break(Mod, Marker) ->
    Line = ecd_scene:line(Mod, Marker),
    [ok = ecd_engine:arm(Mod, FA, ?MODULE) || {L, FAs} <- ecd_engine:lines(Mod), L =:= Line, FA <- FAs],
    ok = ecd_engine:set_break(Mod, Line, null),
    Line.
