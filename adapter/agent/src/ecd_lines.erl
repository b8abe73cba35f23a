%% Where transformed rows can stop, by line, and what a function spans. Pure; holds no state.
-module(ecd_lines).

-export([index/1, functions/1, spans/1, nested/1]).

-type function_key() :: {atom(), arity()}.

%% Lines that stop, with the functions they stop in, sorted.
-spec index([ecd_rows:row()]) -> [{pos_integer(), [function_key()]}].
index(Rows) ->
    Pairs = [{Line, {F, A}} || {{_, F, A, _}, Clauses} <- Rows, Line <- stops(Clauses)],
    ByLine = lists:foldl(
        fun({Line, FA}, Acc) -> maps:update_with(Line, fun(FAs) -> [FA | FAs] end, [FA], Acc) end,
        #{},
        lists:usort(Pairs)
    ),
    [{Line, without_defaults(lists:reverse(FAs), Rows)} || {Line, FAs} <- lists:sort(maps:to_list(ByLine))].

%% First line (of the head), last line, and whether it is exported.
-spec functions([ecd_rows:row()]) -> [{function_key(), integer(), integer(), boolean()}].
functions(Rows) ->
    lists:keysort(2, [
        {{F, A}, lists:min([L || {clause, L, _, _, _} <- Clauses]), last(Clauses), Exported}
     || {{_, F, A, Exported}, [_ | _] = Clauses} <- Rows
    ]).

%% Lines of all nodes of a term of the rows, the marked ones by their true line.
-spec spans(term()) -> [pos_integer()].
spans(Node) ->
    lists:usort(lines(Node, [])).

%% The sequences directly below an expression: of its blocks, clauses and closures, not those inside them.
-spec nested(tuple()) -> [{block | clause | closure, [tuple()], [tuple()]}].
nested({block, _, Es}) -> [{block, [], Es}];
nested({value, _, _}) -> [];
nested({make_fun, _, _, Cs}) -> bodies(closure, Cs);
nested({make_named_fun, _, _, _, Cs}) -> bodies(closure, Cs);
nested({'case', _, E, Cs}) -> nested(E) ++ bodies(clause, Cs);
nested({'if', _, Cs}) -> bodies(clause, Cs);
nested({'receive', _, Cs}) -> bodies(clause, Cs);
nested({'receive', _, Cs, To, Es}) -> bodies(clause, Cs) ++ nested(To) ++ [{clause, [], Es}];
nested({'try', _, Es, Cs, Hs, As}) ->
    [{block, [], Es}] ++ bodies(clause, Cs) ++ bodies(clause, Hs) ++ [{clause, [], As}];
nested({'maybe', _, Es}) -> [{block, [], Es}];
nested({'maybe', _, Es, Cs}) -> [{block, [], Es} | bodies(clause, Cs)];
nested(Node) when is_tuple(Node) -> nested_list(tuple_to_list(Node));
nested(_) -> [].

nested_list(Parts) ->
    lists:flatmap(
        fun
            (Part) when is_list(Part) -> nested_list(Part);
            (Part) -> nested(Part)
        end,
        Parts
    ).

bodies(Kind, Clauses) ->
    [{Kind, Ps, Body} || {clause, _, Ps, _, Body} <- Clauses].

stops(Clauses) ->
    lists:usort(lists:append([sequence(Body) || {clause, _, _, _, Body} <- Clauses])).

sequence(Es) ->
    lists:append([
        [element(2, E) || element(2, E) > 0] ++ lists:append([sequence(Body) || {_, _, Body} <- nested(E)])
     || E <- Es
    ]).

%% `def f(a, b \\ 1)` makes an f/1 that only calls f/2. On a line that both have, one stop is enough.
without_defaults([_] = FAs, _Rows) ->
    FAs;
without_defaults(FAs, Rows) ->
    case [FA || FA <- FAs, not defaults(FA, FAs, Rows)] of
        [] -> FAs;
        Rest -> Rest
    end.

defaults({F, A}, FAs, Rows) ->
    lists:any(fun({F1, A1}) -> F1 =:= F andalso A1 > A end, FAs) andalso
        lists:any(
            fun
                ({{_, F1, A1, _}, [{clause, _, _, _, [E]}]}) when F1 =:= F, A1 =:= A -> calls(E, F, A);
                (_) -> false
            end,
            Rows
        ).

calls({call_remote, _, _, F, As, true}, F, A) -> length(As) > A;
calls({local_call, _, F, As, true}, F, A) -> length(As) > A;
calls(_, _, _) -> false.

last(Clauses) ->
    lists:max([0 | lines(Clauses, [])]).

lines({value, L, _}, Acc) when is_integer(L), L =/= 0 ->
    [abs(L) | Acc];
lines({value, _, _}, Acc) ->
    Acc;
lines(Node, Acc) when is_tuple(Node), tuple_size(Node) > 1 ->
    Acc1 =
        case Node of
            _ when is_atom(element(1, Node)), is_integer(element(2, Node)), element(2, Node) =/= 0 ->
                [abs(element(2, Node)) | Acc];
            _ ->
                Acc
        end,
    lists:foldl(fun lines/2, Acc1, tuple_to_list(Node));
lines([H | T], Acc) ->
    lines(T, lines(H, Acc));
lines(_, Acc) ->
    Acc.
