%% What a plan may cost: several modules at once, only as many as the program leaves room for, and no more memory than
%% the threshold and one module.
-module(ecd_planned_tests).

-include_lib("eunit/include/eunit.hrl").

-define(DEADLINE, 60000).
%% Small and large, for sizes that differ.
-define(MODULES, [
    'Elixir.Access', 'Elixir.Base', 'Elixir.Bitwise', 'Elixir.Calendar.ISO', 'Elixir.Date', 'Elixir.Enum',
    'Elixir.Inspect.Algebra', 'Elixir.Integer', 'Elixir.Keyword', 'Elixir.List', 'Elixir.Map', 'Elixir.Path',
    'Elixir.Range', 'Elixir.Regex', 'Elixir.String', 'Elixir.Tuple', 'Elixir.URI', 'Elixir.Version'
]).

planned_test_() ->
    [
        {"the threshold is exceeded by one module at most", scene(fun threshold/0)},
        {"of many that are ready at once one takes the last room", held(fun last_room/0)},
        {"what is demanded meanwhile has its place all the same", held(fun demanded/0)},
        {"as many begin at once as the program leaves schedulers, the first of the plan first", held(fun idle/0)},
        {"a busy program leaves one, in the order of the plan", held(fun busy/0)},
        {"how many is looked at again with every module that is done", held(fun again/0)},
        {"a program that keeps all schedulers busy is seen as busy", fun seen_busy/0},
        {"nothing is begun where there is no room", scene(fun no_room/0)},
        {"a piece that is cancelled waits for nothing more", held(fun cancelled/0)},
        {"the end of debugging ends what is under way", held(fun ended/0)}
    ].

scene(Fun) ->
    scene(fun ecd_modules:bytecode/1, Fun).

%% Each module that begins tells so, and goes on when it is let go.
held(Fun) ->
    fun() ->
        Test = self(),
        Bytecode = fun(Mod) ->
            Test ! {begun, Mod, self()},
            receive go -> ecd_modules:bytecode(Mod) end
        end,
        (scene(Bytecode, Fun))()
    end.

scene(Bytecode, Fun) ->
    fun() ->
        ok = ecd_fixture:elixir(),
        [{module, Mod} = code:ensure_loaded(Mod) || Mod <- ?MODULES],
        ok = ecd_modules:start(),
        try
            ecd_scene:with([], #{bytecode => Bytecode}, Fun)
        after
            ok = ecd_modules:stop(),
            ok = ecd_config:erase()
        end
    end.

threshold() ->
    lists:foreach(fun any_threshold/1, lists:seq(1, 25)).

%% Any modules, any number of them at once, any threshold, and some that are demanded in between.
any_threshold(Seed) ->
    _ = rand:seed(exsss, Seed),
    Modules = shuffled(?MODULES),
    {Demanded, Ahead} = lists:split(rand:uniform(4) - 1, Modules),
    Threshold = bytes() + rand:uniform(3000000),
    Workers = rand:uniform(8),
    Asked = [{Mod, asked(fun() -> ecd_engine:prepare(Mod, <<"demand">>) end)} || Mod <- Demanded],
    Done = lists:append(pieces(Workers, Ahead, Threshold)),
    Given = [{Mod, answer(Ref)} || {Mod, Ref} <- Asked],
    ?assertEqual({Seed, []}, {Seed, [Other || {_, Other} <- Given, element(1, Other) =/= ok]}),
    Sizes = maps:from_list([{Mod, Bytes} || #{module := Mod, bytes := Bytes} <- ecd_engine:status()]),
    Prepared = [Mod || {Mod, {ok, _}} <- Done],
    Full = [Mod || {Mod, full} <- Done],
    ?assertEqual({Seed, length(Ahead)}, {Seed, length(Prepared) + length(Full)}),
    ?assertEqual({Seed, lists:sort(Demanded ++ Prepared)}, {Seed, lists:sort(maps:keys(Sizes))}),
    %% The rows of what was demanded may have come after the last that was prepared ahead, which was let in below.
    Last = lists:max([0 | [maps:get(Mod, Sizes) || Mod <- Prepared]]),
    Beside = lists:sum([maps:get(Mod, Sizes) || Mod <- Demanded]),
    ?assert(bytes() - Beside - Last < Threshold, {seed, Seed}),
    [ok = ecd_engine:release(Mod) || Mod <- maps:keys(Sizes)],
    ok.

%% Each worker has a share of the modules.
pieces(Workers, Modules, Threshold) ->
    Share = fun(Worker) -> [Mod || {N, Mod} <- lists:enumerate(Modules), N rem Workers =:= Worker] end,
    Refs = [
        asked(fun() -> [{Mod, ecd_engine:prepare_ahead(Mod, <<"plan">>, Threshold)} || Mod <- Share(Worker)] end)
     || Worker <- lists:seq(0, Workers - 1)
    ],
    [answer(Ref) || Ref <- Refs].

last_room() ->
    Modules = lists:sublist(?MODULES, 8),
    Before = bytes(),
    Refs = [{Mod, asked(fun() -> ecd_engine:prepare_ahead(Mod, <<"plan">>, Before + 1) end)} || Mod <- Modules],
    Begun = begun(8),
    [Pid ! go || {_, Pid} <- Begun],
    Answers = [{Mod, answer(Ref)} || {Mod, Ref} <- Refs],
    [{Only, {ok, #{bytes := Bytes}}}] = [Answer || {_, {ok, _}} = Answer <- Answers],
    ?assertEqual(lists:duplicate(7, full), [Full || {Mod, Full} <- Answers, Mod =/= Only]),
    ?assertEqual(Before + Bytes, bytes()),
    ?assertEqual([Only], [Mod || #{module := Mod} <- ecd_engine:status()]).

demanded() ->
    Modules = lists:sublist(?MODULES, 2),
    Before = bytes(),
    Ahead = [asked(fun() -> ecd_engine:prepare_ahead(Mod, <<"plan">>, Before + 1) end) || Mod <- Modules],
    Begun = begun(2),
    %% Two more calls, of which the engine has heard when it answers a third.
    Demand = [gen_server:send_request(ecd_interpreter, {with, Mod, none, {prepare, <<"demand">>}}) || Mod <- Modules],
    [] = ecd_engine:armed(),
    [Pid ! go || {_, Pid} <- Begun],
    ?assertMatch([{reply, {ok, _}}, {reply, {ok, _}}], [gen_server:receive_response(Ref, ?DEADLINE) || Ref <- Demand]),
    ?assertMatch([{ok, _}, {ok, _}], [answer(Ref) || Ref <- Ahead]).

idle() ->
    {AtOnce, Look} = idle_schedulers(),
    {Ref, Names} = piece(AtOnce + 3, Look),
    Begun = begun(AtOnce),
    ?assertEqual(lists:sort(lists:sublist(Names, AtOnce)), lists:sort([ecd_modules:display(Mod) || {Mod, _} <- Begun])),
    [Pid ! go || {_, Pid} <- Begun],
    ok = let_go(3),
    #{prepared := Prepared, failed := [], full := false, atOnce := AtOnce, ms := Ms} = answer(Ref),
    ?assertEqual(lists:sort(Names), lists:sort(Prepared)),
    ?assert(Ms > 0).

busy() ->
    {Ref, Names} = piece(4, fun(_) -> 1.0 end),
    ?assertEqual(Names, one_by_one(4)),
    ?assertMatch(#{atOnce := 1, busy := 1.0, failed := []}, answer(Ref)).

again() ->
    {AtOnce, Idle} = idle_schedulers(),
    %% Busy at first, and idle from the first module on.
    Looks = counters:new(1, []),
    Look = fun(UnderWay) ->
        ok = counters:add(Looks, 1, 1),
        case counters:get(Looks, 1) of 1 -> 1.0; _ -> Idle(UnderWay) end
    end,
    {Ref, _} = piece(AtOnce + 2, Look),
    [{_, First}] = begun(1),
    ?assertEqual(none, receive {begun, _, _} = More -> More after 0 -> none end),
    First ! go,
    [Pid ! go || {_, Pid} <- begun(AtOnce)],
    ok = let_go(1),
    ?assertMatch(#{atOnce := AtOnce}, answer(Ref)).

seen_busy() ->
    Spin = fun Spin() -> Spin() end,
    Pids = [spawn(Spin) || _ <- lists:seq(1, erlang:system_info(schedulers_online) + 2)],
    try
        ?assertEqual(1.0, ecd_session:busy(0)),
        ?assertEqual(1, ecd_planned:at_once(ecd_session:busy(1)))
    after
        [exit(Pid, kill) || Pid <- Pids]
    end.

no_room() ->
    ok = ecd_config:set(#{memoryThreshold => bytes()}),
    Wanted = [#{module => <<"Enum">>, reason => <<"plan">>}, #{module => <<"No.Such">>, reason => <<"plan">>}],
    Done = ecd_planned:prepare_ahead(#{modules => Wanted}, fun(_) -> 1.0 end),
    ?assertMatch(#{prepared := [], failed := [], full := true}, Done),
    ?assertEqual([], ecd_engine:status()).

cancelled() ->
    {AtOnce, Look} = idle_schedulers(),
    {Pid, Monitor} = spawn_monitor(fun() -> ecd_planned:prepare_ahead(wanted(3), Look) end),
    Begun = begun(AtOnce),
    {links, Waiting} = process_info(Pid, links),
    ?assertEqual(length(Begun), length(Waiting)),
    Monitors = [Monitor | [monitor(process, Each) || Each <- Waiting]],
    exit(Pid, kill),
    gone(Monitors),
    [Worker ! go || {_, Worker} <- Begun].

ended() ->
    {AtOnce, Look} = idle_schedulers(),
    {_, Monitor} = spawn_monitor(fun() -> ecd_planned:prepare_ahead(wanted(3), Look) end),
    Workers = [monitor(process, Pid) || {_, Pid} <- begun(AtOnce)],
    {ok, []} = ecd_engine:stop(),
    gone([Monitor | Workers]).

%% --- what the tests share ---

piece(Count, Look) ->
    #{modules := Modules} = Args = wanted(Count),
    {asked(fun() -> ecd_planned:prepare_ahead(Args, Look) end), [Name || #{module := Name} <- Modules]}.

%% Two, or one where there is no more: how many are idle, and a look at a program that leaves them so.
idle_schedulers() ->
    Schedulers = erlang:system_info(schedulers_online),
    Idle = min(2, Schedulers),
    Busy = 1 - Idle / Schedulers,
    ?assertEqual([Schedulers, Idle, 1], [ecd_planned:at_once(B) || B <- [0.0, Busy, 1.0]]),
    {Idle, fun(_) -> Busy end}.

wanted(Count) ->
    Modules = lists:sublist(?MODULES, Count),
    #{modules => [#{module => ecd_modules:display(Mod), reason => <<"plan">>} || Mod <- Modules]}.

one_by_one(0) ->
    [];
one_by_one(Count) ->
    [{Mod, Pid}] = begun(1),
    ?assertEqual(none, receive {begun, _, _} = More -> More after 0 -> none end),
    Pid ! go,
    [ecd_modules:display(Mod) | one_by_one(Count - 1)].

%% Each as soon as it begins.
let_go(Count) ->
    lists:foreach(fun(_) -> [Pid ! go || {_, Pid} <- begun(1)] end, lists:seq(1, Count)).

begun(Count) ->
    [receive {begun, Mod, Pid} -> {Mod, Pid} after ?DEADLINE -> error(not_begun) end || _ <- lists:seq(1, Count)].

asked(Fun) ->
    Test = self(),
    Ref = make_ref(),
    _ = spawn_link(fun() -> Test ! {Ref, Fun()} end),
    Ref.

answer(Ref) ->
    receive {Ref, Answer} -> Answer after ?DEADLINE -> error(no_answer) end.

gone(Monitors) ->
    [receive {'DOWN', Monitor, process, _, _} -> ok after ?DEADLINE -> error(still_there) end || Monitor <- Monitors].

bytes() ->
    #{preparedBytes := Bytes} = ecd_engine:metrics(),
    Bytes.

shuffled(List) ->
    [Element || {_, Element} <- lists:sort([{rand:uniform(), Element} || Element <- List])].
