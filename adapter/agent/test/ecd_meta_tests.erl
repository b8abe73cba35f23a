%% What a stopped process shows: frames with the line of every level, values of every level, and answers in time.
-module(ecd_meta_tests).

-include_lib("eunit/include/eunit.hrl").

-define(M, 'Elixir.Frames').

meta_test_() ->
    [
        {"frames have the lines where they stand", scene(fun lines/0)},
        {"each frame has its own values", scene(fun values/0)},
        {"a deep recursion costs no copies of its arguments", scene(fun deep/0)},
        {"a process in a receive shows its frames", scene(fun waiting/0)},
        {"a process that runs is not waited for", scene(fun busy/0)},
        {"200 processes stop at once, each with its own values", scene(fun many/0)},
        {"a process that ends while it is asked answers nothing", scene(fun gone/0)},
        {"callers of tail calls show when asked for", {timeout, 60, fun tail_callers/0}}
    ].

tail_callers() ->
    Count = fun() ->
        ok = ecd_engine:arm(?M, {tail, 1}, ?MODULE),
        Line = ecd_scene:line(?M, "tail end"),
        ok = ecd_engine:set_break(?M, Line, null),
        Self = self(),
        Pid = spawn(fun() -> Self ! {result, ?M:tail(3)} end),
        {Meta, ?M, Line} = ecd_scene:stopped(Pid),
        Arguments = [As || #{function := tail, args := As} <- ecd_meta:frames(Meta)],
        ok = ecd_meta:command(Meta, continue),
        ?assertEqual(done, receive {result, R} -> R end),
        Arguments
    end,
    ?assertEqual([[0]], ecd_scene:with(["frames.ex"], Count)),
    ?assertEqual([[0], [1], [2], [3]], ecd_scene:with(["frames.ex"], #{stack => all}, Count)).

scene(Fun) ->
    {timeout, 120, fun() -> ecd_scene:with(["frames.ex"], Fun) end}.

lines() ->
    {_Pid, Meta} = in_bottom(),
    Frames = ecd_meta:frames(Meta),
    Places = [{F, A, L} || #{module := ?M, function := F, arity := A, line := L} <- Frames],
    ?assertMatch([{bottom, 1, _}, {_, 1, _}, {middle, 1, _}, {top, 1, _}], Places),
    Expected = [ecd_scene:line(?M, Marker) || Marker <- ["bottom", "closure call", "middle map", "top call"]],
    [Bottom, Closure, Middle, Top] = [L || {_, _, L} <- Places],
    ?assertEqual([Bottom, Closure, Middle, Top], Expected),
    ?assertMatch([#{args := [2]}, #{args := [2]}, #{args := [2]}, #{args := [1]}], Frames),
    Levels = [Level || #{level := Level} <- Frames],
    ?assertEqual(lists:reverse(lists:usort(Levels)), Levels),
    ok = ecd_meta:command(Meta, continue).

values() ->
    {_Pid, Meta} = in_bottom(),
    [Bottom, Closure, Middle, Top] = [
        maps:from_list([
            {Name, Value}
         || {Name, Value, _} <- ecd_scope:visible(
                ecd_engine:clauses(?M, host(F, A)), Line, ecd_meta:bindings(Meta, Level)
            )
        ])
     || #{level := Level, function := F, arity := A, line := Line} <- ecd_meta:frames(Meta)
    ],
    ?assertEqual(#{<<"v">> => 2, <<"w">> => 4}, Bottom),
    ?assertEqual(#{<<"a">> => 2, <<"e">> => 2}, Closure),
    ?assertEqual(#{<<"a">> => 2}, Middle),
    ?assertEqual(#{<<"x">> => 1, <<"y">> => 2}, Top),
    ok = ecd_meta:command(Meta, continue).

host(F, A) ->
    case atom_to_list(F) of
        "-middle/1-" ++ _ -> {middle, 1};
        _ -> {F, A}
    end.

in_bottom() ->
    [ok = ecd_engine:arm(?M, FA, ?MODULE) || FA <- [{top, 1}, {middle, 1}, {bottom, 1}]],
    Line = ecd_scene:line(?M, "bottom"),
    ok = ecd_engine:set_break(?M, Line, null),
    Pid = spawn(?M, top, [1]),
    {Meta, ?M, Line} = ecd_scene:stopped(Pid),
    {Pid, Meta}.

deep() ->
    ok = ecd_engine:arm(?M, {deep, 2}, ?MODULE),
    Line = ecd_scene:line(?M, "deepest"),
    ok = ecd_engine:set_break(?M, Line, null),
    List = lists:seq(1, 2000),
    Self = self(),
    Pid = spawn(fun() -> Self ! {result, ?M:deep(1000, List)} end),
    {Meta, ?M, Line} = ecd_scene:stopped(Pid),
    {Words, Frames} = measured(fun() -> ecd_meta:frames(Meta) end),
    ?assertEqual(1001, length(Frames)),
    Call = ecd_scene:line(?M, "deep call"),
    ?assertEqual([Call], lists:usort([L || #{line := L} <- tl(Frames)])),
    ?assertMatch(#{args := [0, List]}, hd(Frames)),
    ?assertMatch(#{args := []}, lists:last(Frames)),
    %% 1000 copies of the list would be four million words.
    ?assert(Words < 1000000),
    ok = ecd_meta:command(Meta, continue),
    ?assertEqual(3000, receive {result, R} -> R end).

%% Words of memory that the process which runs it has at the end.
measured(Fun) ->
    {Pid, Monitor} = spawn_monitor(fun() ->
        Result = Fun(),
        {total_heap_size, Words} = process_info(self(), total_heap_size),
        exit({Words, Result})
    end),
    receive {'DOWN', Monitor, process, Pid, Measured} -> Measured end.

waiting() ->
    ok = ecd_engine:arm(?M, {waiting, 1}, ?MODULE),
    Self = self(),
    Pid = spawn(fun() -> Self ! {result, ?M:waiting(Self)} end),
    receive waiting -> ok end,
    {ok, Meta} = ecd_engine:meta(Pid),
    ?assertMatch([#{module := ?M, function := waiting, arity := 1}], until_frames(Meta)),
    Pid ! go,
    ?assertEqual(gone, receive {result, R} -> R end).

until_frames(Meta) ->
    case ecd_meta:frames(Meta) of
        [] -> until_frames(Meta);
        Frames -> Frames
    end.

%% It spins in a function of its module, interpreted; the evaluator looks at its messages between two expressions.
busy() ->
    Counter = counters:new(1, []),
    persistent_term:put(frames_spin, Counter),
    ok = ecd_engine:arm(?M, {busy, 1}, ?MODULE),
    Self = self(),
    Pid = spawn(fun() -> Self ! {result, ?M:busy(Self)} end),
    receive busy -> ok end,
    {ok, Meta} = ecd_engine:meta(Pid),
    ?assertMatch({error, {error, not_stopped, []}}, ecd_meta:eval_in_process(Meta, ?M, {erlang, self, []}, 100)),
    ?assertMatch([#{module := ?M} | _], ecd_meta:frames(Meta)),
    ok = ecd_meta:command(Meta, step),
    counters:add(Counter, 1, 1),
    ?assertEqual(released, receive {result, R} -> R end).

many() ->
    ok = ecd_engine:arm(?M, {top, 1}, ?MODULE),
    Line = ecd_scene:line(?M, "top call"),
    ok = ecd_engine:set_break(?M, Line, null),
    Self = self(),
    Pids = [spawn(fun() -> Self ! {self(), ?M:top(N)} end) || N <- lists:seq(1, 200)],
    Stops = [
        ecd_scene:wait(fun({ecd, stopped, Pid, Meta, ?M, L}) when L =:= Line -> {ok, {Pid, Meta}}; (_) -> no end)
     || _ <- Pids
    ],
    ?assertEqual(lists:sort(Pids), lists:sort([Pid || {Pid, _} <- Stops])),
    [
        ?assertEqual({'_x@1', N}, lists:keyfind('_x@1', 1, ecd_meta:bindings(Meta, nostack)))
     || {N, Pid} <- lists:enumerate(Pids), {P, Meta} <- Stops, P =:= Pid
    ],
    [ok = ecd_meta:command(Meta, continue) || {_, Meta} <- Stops],
    [?assertEqual(2 * (N + 1) + 1 + N + 1, receive {Pid, Result} -> Result end) || {N, Pid} <- lists:enumerate(Pids)].

gone() ->
    {Pid, Meta} = in_bottom(),
    Monitor = monitor(process, Meta),
    exit(Pid, kill),
    receive {'DOWN', Monitor, process, Meta, _} -> ok end,
    ?assertEqual([], ecd_meta:frames(Meta)),
    ?assertEqual([], ecd_meta:bindings(Meta, nostack)),
    ?assertMatch({error, _}, ecd_meta:eval_in_process(Meta, ?M, {erlang, self, []}, 100)),
    ok = ecd_meta:command(Meta, continue),
    ecd_scene:wait(fun({ecd, exit, P, killed, _}) when P =:= Pid -> {ok, ok}; (_) -> no end).
