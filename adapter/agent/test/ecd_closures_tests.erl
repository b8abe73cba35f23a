%% Closures that native code has made before a breakpoint was set in them, and those of interpreted code afterwards.
-module(ecd_closures_tests).

-include_lib("eunit/include/eunit.hrl").

-define(M, 'Elixir.Closures').

closures_test_() ->
    [
        {"an older closure stops with its variables", scene(fun free_variables/0)},
        {"a closure in a closure", scene(fun nested/0)},
        {"a closure of several clauses", scene(fun clauses/0)},
        {"variables taken out of arguments", scene(fun pattern/0)},
        {"two closures on one line", scene(fun two/0)},
        {"captures, constants and Erlang's closures", scene(fun erlang/0)},
        {"every older closure computes the same while its function is armed", scene(fun same/0)}
    ].

scene(Fun) ->
    {timeout, 120, fun() -> ecd_scene:with(["closures.ex", "lambdas.erl"], Fun) end}.

free_variables() ->
    Fun = ?M:make(3),
    Line = break(?M, {make, 1}, 1, "made body"),
    ?assertEqual(
        {{{label, 3}, 14}, [{?M, Line, #{x => 5, offset => 4, label => {label, 3}}}]},
        ecd_scene:stops(fun() -> Fun(5) end)
    ).

nested() ->
    Outer = ?M:nested(1),
    Inner = Outer(10),
    Line = break(?M, {nested, 1}, 2, "nested body"),
    Stop = {?M, Line, #{a => 1, b => 10, c => 11, d => 100}},
    ?assertEqual({122, [Stop]}, ecd_scene:stops(fun() -> Inner(100) end)),
    %% The line makes the inner closure before it is called.
    Made = {?M, Line, #{a => 1, b => 10, c => 11}},
    ?assertEqual({122, [Made, Stop]}, ecd_scene:stops(fun() -> (Outer(10))(100) end)).

clauses() ->
    Fun = ?M:clauses(1000),
    One = break(?M, {clauses, 1}, 1, "clause one"),
    Two = break(?M, {clauses, 1}, 1, "clause two"),
    ?assertEqual({1001, [{?M, One, #{k => 1000, y => 1}}]}, ecd_scene:stops(fun() -> Fun(one, 1) end)),
    ?assertEqual({1003, [{?M, Two, #{k => 1000, y => 1, z => 2}}]}, ecd_scene:stops(fun() -> Fun({two, 2}, 1) end)).

pattern() ->
    Fun = ?M:pattern(#{k => 7}, [8, 9]),
    Line = break(?M, {pattern, 2}, 1, "pattern body"),
    Variables = #{map => #{k => 7}, v => 7, h => 8, x => 9},
    ?assertEqual({{1, 7, 8, 9}, [{?M, Line, Variables}]}, ecd_scene:stops(fun() -> Fun(9) end)).

two() ->
    {Plus, Minus} = ?M:two(10, 1),
    Line = break(?M, {two, 2}, 2, "two on a line"),
    ?assertEqual({15, [{?M, Line, #{x => 5, a => 10}}]}, ecd_scene:stops(fun() -> Plus(5) end)),
    ?assertEqual({4, [{?M, Line, #{x => 5, b => 1}}]}, ecd_scene:stops(fun() -> Minus(5) end)).

erlang() ->
    M = lambdas,
    Shadow = M:shadow(1),
    Constant = M:constant(),
    Alias = M:alias(4),
    Line = break(M, {constant, 0}, 1, "constant"),
    ?assertEqual({{42, 1}, [{M, Line, #{'C' => 42, 'X' => 1}}]}, ecd_scene:stops(fun() -> Constant(1) end)),
    AliasLine = break(M, {alias, 1}, 1, "alias"),
    Aliased = {M, AliasLine, #{'A' => 4, 'B' => 4, 'X' => 2}},
    ?assertEqual({{4, 4, 2}, [Aliased]}, ecd_scene:stops(fun() -> Alias(2) end)),
    %% Where a name means two things the closure stays native, and right.
    ok = ecd_engine:arm(M, {shadow, 1}, ?MODULE),
    ?assertEqual({{both, 2, 2}, []}, ecd_scene:stops(fun() -> Shadow({2, 2}) end)).

same() ->
    Calls = [
        {?M, {make, 1}, fun() -> [F(X) || F <- [?M:make(1), ?M:make(2)], X <- [1, 2]] end},
        {?M, {nested, 1}, fun() -> ((?M:nested(1))(2))(3) end},
        {?M, {clauses, 1}, fun() -> [(?M:clauses(5))(one, 1), (?M:clauses(5))({two, 2}, 1)] end},
        {?M, {tail_closure, 1}, fun() -> ?M:tail_closure([1, 2, 3]) end}
    ],
    Makers = [?M:make(1), ?M:nested(1)],
    Native = [Call() || {_, _, Call} <- Calls] ++ [F(1) || F <- [hd(Makers)]],
    [ok = ecd_engine:arm(M, FA, ?MODULE) || {M, FA, _} <- Calls],
    {Result, []} = ecd_scene:stops(fun() -> [Call() || {_, _, Call} <- Calls] ++ [F(1) || F <- [hd(Makers)]] end),
    ?assertEqual(Native, Result),
    %% A call with too many or wrong arguments fails as it would.
    Fun = ?M:clauses(1),
    ?assertError(function_clause, Fun(three, 3)).

%% Arms the function and waits until so many of its older closures are armed as well.
break(Mod, FA, Count, Marker) ->
    Line = ecd_scene:line(Mod, Marker),
    ok = ecd_engine:arm(Mod, FA, ?MODULE),
    ok = ecd_engine:set_break(Mod, Line, null),
    Lambdas = fun() ->
        [F || {M, F, _} <- ecd_guardian:armed(), M =:= Mod, lists:prefix(prefix(FA), atom_to_list(F))]
    end,
    until(fun() -> length(Lambdas()) >= Count end, 6000),
    %% What is written down is armed a moment later; the engine answers after that.
    _ = ecd_engine:armed(),
    Line.

prefix({F, A}) ->
    lists:flatten(io_lib:format("-~ts/~b-fun-", [F, A])).

until(_Done, 0) ->
    error({not_armed, ecd_guardian:armed()});
until(Done, Tries) ->
    case Done() of
        true -> ok;
        false ->
            receive after 10 -> ok end,
            until(Done, Tries - 1)
    end.
