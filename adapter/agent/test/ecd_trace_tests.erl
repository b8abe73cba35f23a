%% Stack traces of interpreted code, against those of the same code when it runs natively.
-module(ecd_trace_tests).

-include_lib("eunit/include/eunit.hrl").

-define(M, 'Elixir.Traces').

trace_test_() ->
    [
        {atom_to_list(Function) ++ ": the trace is that of compiled code", scene(fun() -> same(Function, Marker) end)}
     || {Function, Marker} <- [
            {raised, "raised"}, {built_in, "built in"}, {thrown, "thrown"}, {native, "native"}, {nowhere, "nowhere"},
            {no_clause, "no clause"}, {no_match, "no match"}, {inside, "inside"}
        ]
    ] ++
        [{"a trace that interpreted code catches is that of compiled code", scene(fun caught/0)}].

scene(Fun) ->
    {timeout, 60, fun() -> ecd_scene:with(["traces.ex"], Fun) end}.

same(Function, Marker) ->
    Call = fun() -> ?M:caught(Function, 1) end,
    Expected = traced(Call),
    ok = ecd_engine:arm(?M, {Function, 1}, test),
    compare(Call, Marker, Expected).

caught() ->
    Call = fun() -> ?M:caught(raised, 1) end,
    Expected = traced(Call),
    ok = ecd_engine:arm(?M, {caught, 2}, test),
    compare(Call, "caught", Expected).

compare(Call, Marker, Expected) ->
    Line = ecd_scene:line(?M, Marker),
    ok = ecd_engine:set_break(?M, Line, null),
    {Result, Stops} = ecd_scene:stops(fun() -> told(Call()) end),
    ?assertMatch([{?M, Line, _}], Stops),
    {_, _, [_, _ | _]} = Expected,
    ?assertEqual(Expected, Result).

traced(Call) ->
    {Result, []} = ecd_scene:stops(fun() -> told(Call()) end),
    Result.

%% The frames up to this module, which is not in question.
told({Class, Reason, Trace}) ->
    {Class, Reason, lists:takewhile(fun(Entry) -> element(1, Entry) =/= ?MODULE end, Trace)}.
