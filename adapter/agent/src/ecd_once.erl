%% A call of dbg/2 is one stop, although the macro becomes several expressions on its line, with lines of its argument
%% in between. Pure function on the interpreter's rows.
-module(ecd_once).

-export([dbg/1]).

%% The expressions of a sequence, already marked by ecd_rows. From the first expression on a dbg's line to its call of
%% Macro.__dbg__/3, only the first one stops; closures stand on their own.
-spec dbg([tuple()]) -> [tuple()].
dbg(Es) ->
    lists:foldl(fun once/2, Es, lists:usort([Line || {Line, _} <- calls(Es)])).

calls(Es) ->
    [{abs(element(2, E)), N} || {N, E} <- lists:enumerate(Es), is_call(E)].

is_call({call_remote, _, 'Elixir.Macro', '__dbg__', [_, _, _], _}) -> true;
is_call({match, _, _, E}) -> is_call(E);
is_call(_) -> false.

once(Line, Es) ->
    Last = lists:max([N || {L, N} <- calls(Es), L =:= Line]),
    {Group, After} = lists:split(Last, Es),
    {Before, [First | Rest]} = lists:splitwith(fun(E) -> abs(element(2, E)) =/= Line end, Group),
    Before ++ [inside(First, Line) | again(Rest, Line)] ++ After.

again(Es, Line) ->
    [mark(inside(E, Line), Line) || E <- Es].

%% As ecd_rows does it: only the node that the evaluator looks at is marked, and a tail call stays one.
mark(E, Line) when element(2, E) =/= Line -> E;
mark({call_remote, Line, M, F, As, true}, Line) -> {call_remote, -Line, M, F, As, true};
mark({Kind, Line, Of}, Line) when Kind =:= var; Kind =:= value -> {Kind, -Line, Of};
mark(E, Line) -> {match, -Line, {var, Line, '_'}, E}.

inside({value, _, _} = E, _Line) -> E;
inside({make_fun, _, _, _} = E, _Line) -> E;
inside({make_named_fun, _, _, _, _} = E, _Line) -> E;
inside({block, L, Es}, Line) -> {block, L, again(Es, Line)};
inside({clause, L, Ps, Gs, Es}, Line) -> {clause, L, Ps, Gs, again(Es, Line)};
inside(E, Line) when is_tuple(E) -> list_to_tuple([inside(Part, Line) || Part <- tuple_to_list(E)]);
inside([Head | Tail], Line) -> [inside(Head, Line) | inside(Tail, Line)];
inside(Other, _Line) -> Other.
