%% Whole modules by stock `int`, behind the same calls.
-module(ecd_traditional_tests).

-include_lib("eunit/include/eunit.hrl").

-export([never/1]).

-define(M, 'Elixir.Matrix').

traditional_test_() ->
    [
        {"breakpoints, variables and steps", scene(fun stops/0)},
        {"evaluation runs in the stopped process", scene(fun evaluation/0)},
        {"what interpreting would break is refused", scene(fun refused/0)},
        {"the configuration chooses modules", scene(fun chosen/0)},
        {"stop resumes and says what is left", scene(fun stop/0)},
        {"takes over with a notice where the interpreter engine fails its self-test", {timeout, 60, fun fallback/0}}
    ].

%% A server that answers nobody: the self-test's process dies of it instead of stopping.
fallback() ->
    ok = ecd_fixture:elixir(),
    _ = ecd_scene:compile("matrix.ex"),
    Exports = [{find, 0}, {call, 1}, {call, 2}, {cast, 1}, {cast, 2}, {start, 0}],
    Exit = {call, 1, {atom, 1, exit}, [{atom, 1, mute}]},
    Functions = [
        {function, 1, F, A, [{clause, 1, lists:duplicate(A, {var, 1, '_'}), [], [Exit]}]}
     || {F, A} <- Exports
    ],
    {ok, dbg_iserver, Mute} = compile:forms(
        [{attribute, 1, module, dbg_iserver}, {attribute, 1, export, Exports} | Functions], []
    ),
    {ok, traditional, [Notice]} = ecd_engine:start(#{
        engine => <<"auto">>, bytecode => fun ecd_scene:bytecode/1, standin => Mute
    }),
    try
        ?assertNotEqual(nomatch, binary:match(Notice, <<"self-test">>)),
        ?assertEqual(undefined, whereis(ecd_guardian)),
        ok = ecd_engine:subscribe(self()),
        Line = break("remote"),
        ?assertEqual({2, [{?M, Line, #{x => 1}}]}, ecd_scene:stops(fun() -> ?M:remote(1) end))
    after
        {ok, [{?M, [], 0}]} = ecd_engine:stop(),
        _ = int:n(int:interpreted()),
        dbg_iserver:stop(),
        ecd_engine:remove()
    end.

scene(Fun) ->
    {timeout, 60, fun() ->
        Options = #{engine => <<"traditional">>},
        ecd_scene:with(["matrix.ex"], Options, fun() ->
            ok = source_exists(?M),
            try
                Fun()
            after
                ecd_config:erase(),
                _ = ecd_engine:stop(),
                _ = int:n(int:interpreted()),
                dbg_iserver:stop(),
                _ = persistent_term:erase({ecd_engine, engine})
            end
        end)
    end}.

%% Stock `int` wants to read the source.
source_exists(Mod) ->
    true = filelib:is_regular(proplists:get_value(source, Mod:module_info(compile))),
    ok.

stops() ->
    ?assertEqual(traditional, ecd_engine:name()),
    Line = break("private"),
    ?assertEqual({3, [{?M, Line, #{x => 1}}]}, ecd_scene:stops(fun() -> ?M:calls_private(1) end)),
    {3, Stepped} = ecd_scene:run(fun() -> ?M:calls_private(1) end, fun(_, _) -> step end),
    ?assertEqual([Line], [L || {_, L, _} <- Stepped]),
    ok = ecd_engine:set_break(?M, Line, {?MODULE, never}),
    ?assertEqual({3, []}, ecd_scene:stops(fun() -> ?M:calls_private(1) end)),
    ok = ecd_engine:clear_break(?M, Line),
    ?assertMatch([#{module := ?M, state := interpreted, functions := [<<"private/1">>]}], ecd_engine:status()),
    ok = ecd_engine:disarm_all(?MODULE),
    ?assertEqual([], ecd_engine:armed()).

-spec never(list()) -> false.
never(_Bindings) -> false.

evaluation() ->
    Line = break("remote"),
    Self = self(),
    Pid = spawn(fun() -> Self ! {result, ?M:remote(1)} end),
    {Meta, ?M, Line} = ecd_scene:stopped(Pid),
    ?assertMatch([#{function := remote, arity := 1, line := Line, args := [1]}], ecd_meta:frames(Meta)),
    ?assertEqual({ok, Pid}, ecd_meta:eval_in_process(Meta, ?M, {erlang, self, []}, 1000)),
    ok = ecd_meta:command(Meta, continue),
    ?assertEqual(2, receive {result, R} -> R end).

refused() ->
    ?assertMatch({error, _}, ecd_engine:arm(crypto, {hash, 2}, ?MODULE)),
    ?assertMatch({error, _}, ecd_engine:arm('Elixir.Inspect', {inspect, 2}, ?MODULE)),
    ?assertMatch({error, _}, ecd_engine:arm(lists, {map, 2}, ?MODULE)),
    ?assertEqual([], int:interpreted()).

chosen() ->
    ecd_config:set(#{autoInterpretAllModules => false, interpretPatterns => [<<"No.Such.*">>], excludeModules => []}),
    ok = ecd_engine:compiled(),
    ?assertEqual([], int:interpreted()).

stop() ->
    Line = break("remote"),
    Self = self(),
    Pid = spawn(fun() -> Self ! {result, ?M:remote(1)} end),
    {_, ?M, Line} = ecd_scene:stopped(Pid),
    ?assertEqual({ok, [{?M, [], 0}]}, ecd_engine:stop()),
    ?assertEqual(2, receive {result, R} -> R end),
    ?assertEqual(2, ?M:remote(1)).

break(Marker) ->
    Line = ecd_scene:line(?M, Marker),
    [ok = ecd_engine:arm(?M, FA, ?MODULE) || {L, FAs} <- ecd_engine:lines(?M), L =:= Line, FA <- FAs],
    ok = ecd_engine:set_break(?M, Line, null),
    Line.
