%% What functions call, on which lines, and which of it comes last: pure functions on the interpreter's rows. Must not
%% touch the running system. Rows negate the line of an expression that is no stop of its own; here all are positive.
-module(ecd_calls).

-export([all/1, on_line/2, leaving_lines/1, entry_lines/1, else_lines/1, raises_on/2, catches/1, host/1, resolve/3]).
-export([servers/3]).

%% What a call names, before the bindings are known: nodes stand for expressions of the rows.
-type target() ::
    {local, atom(), arity()}
    | {remote, module(), atom(), arity()}
    | {apply, Module :: tuple(), Function :: tuple(), arity() | unknown}
    | {function, Node :: tuple(), arity()}
    | {capture, module(), atom(), arity()}
    | {closure, Name :: atom(), arity()}.
-type call() :: {Line :: integer(), target(), Tail :: boolean(), Args :: [tuple()]}.
-export_type([target/0, call/0]).

%% Every call of a function's clauses, closures and captures included, in the order of evaluation.
-spec all([tuple()]) -> [call()].
all(Clauses) ->
    lists:reverse(calls(Clauses, [])).

-spec on_line([tuple()], integer()) -> [call()].
on_line(Clauses, Line) ->
    [Call || {L, _, _, _} = Call <- all(Clauses), L =:= Line].

%% The lines after which the function may return without another stop in it.
-spec leaving_lines([tuple()]) -> [integer()].
leaving_lines(Clauses) ->
    [L || L <- lists:usort(lists:flatmap(fun leaving_clause/1, Clauses)), L > 0].

%% The first line of each clause that can stop.
-spec entry_lines([tuple()]) -> [integer()].
entry_lines(Clauses) ->
    lists:usort(lists:append([first_stop(Body) || {clause, _, _, _, Body} <- Clauses])).

%% Lines of closures that stand for a part of their function: Elixir, from 1.15 on, makes one of the `else` of a `with`.
-spec else_lines([tuple()]) -> [integer()].
else_lines(Clauses) ->
    lists:usort(in_else(Clauses)).

in_else({match, _, {var, _, V}, {make_fun, _, _, Clauses}}) ->
    case ecd_scope:name(V) of
        none -> [L || L <- lines(Clauses), L > 0];
        _ -> in_else(Clauses)
    end;
in_else({value, _, _}) -> [];
in_else(Node) when is_tuple(Node) -> in_else(tuple_to_list(Node));
in_else([Head | Tail]) -> in_else(Head) ++ in_else(Tail);
in_else(_) -> [].

%% A script's statements are a block of their own, whose result newer Elixir keeps in a variable.
first_stop([{block, L, Inside} | Rest]) when L =< 0 -> first_stop(Inside ++ Rest);
first_stop([{match, L, _, {block, _, Inside}} | Rest]) when L =< 0 -> first_stop(Inside ++ Rest);
first_stop([First | Rest]) ->
    case element(2, First) of
        L when L > 0 -> [L];
        _ -> first_stop(Rest)
    end;
first_stop([]) -> [].

%% Whether a line raises an exception that it makes there, hands on one that was rescued, or does neither.
-spec raises_on([tuple()], integer()) -> raise | reraise | none.
raises_on(Clauses, Line) ->
    case [Kind || {Kind, Node} <- raising(Clauses, []), on(Line, Node)] of
        [] -> none;
        Kinds -> hd(lists:sort(Kinds))
    end.

%% Lines that a `try` with catching clauses, or an old catch, watches over.
-spec catches([tuple()]) -> [integer()].
catches(Clauses) ->
    lists:usort(lists:append(watched(Clauses, []))).

%% The function in whose source a function stands: closures and comprehensions are functions of their own when compiled.
-spec host({atom(), arity()}) -> {atom(), arity()}.
host({Name, Arity}) ->
    case atom_to_binary(Name) of
        <<"-", _/binary>> = Text -> outer(Text, {Name, Arity});
        _ -> {Name, Arity}
    end.

outer(Text, Inner) ->
    Lifted = "^-+(.+?)/([0-9]+)-(?:fun|lc|lbc|mc|after|anonymous|inlined)",
    case re:run(Text, Lifted, [{capture, all_but_first, binary}]) of
        {match, [Name, Arity]} -> {binary_to_atom(Name), binary_to_integer(Arity)};
        nomatch -> Inner
    end.

%% The function that a call means, as far as module and bindings tell.
-spec resolve(target(), module(), [{atom(), term()}]) -> {ok, mfa()} | {fn, function()} | unknown.
resolve({local, Function, Arity}, Module, _Bindings) ->
    {ok, {Module, Function, Arity}};
resolve({remote, Module, Function, Arity}, _Module, _Bindings) ->
    {ok, {Module, Function, Arity}};
resolve({capture, Module, Function, Arity}, _Module, _Bindings) ->
    {ok, {Module, Function, Arity}};
resolve({apply, Module, Function, Arity}, _Module, Bindings) when is_integer(Arity) ->
    case {known(Module, Bindings), known(Function, Bindings)} of
        {{ok, M}, {ok, F}} when is_atom(M), is_atom(F) -> {ok, {M, F, Arity}};
        _ -> unknown
    end;
resolve({function, Node, _Arity}, _Module, Bindings) ->
    case known(Node, Bindings) of
        {ok, Fun} when is_function(Fun) -> resolve_fun(Fun);
        _ -> unknown
    end;
resolve(_Target, _Module, _Bindings) ->
    unknown.

resolve_fun(Fun) ->
    case erlang:fun_info(Fun, type) of
        {type, external} ->
            {module, M} = erlang:fun_info(Fun, module),
            {name, F} = erlang:fun_info(Fun, name),
            {arity, A} = erlang:fun_info(Fun, arity),
            {ok, {M, F, A}};
        {type, local} ->
            {fn, Fun}
    end.

known(Node, Bindings) ->
    known(Node, Bindings, fun(_) -> [] end).

%% The value of a literal, a variable, what is built of these, and what a function of one such clause returns: of names
%% of servers, `{:via, Registry, {Rooms, id}}` and `via(id)`. Clauses gives the rows of a function.
known({value, _, Value}, _Bindings, _Clauses) ->
    {ok, Value};
known({var, _, Name}, Bindings, _Clauses) ->
    case lists:keyfind(Name, 1, Bindings) of
        {_, Value} -> {ok, Value};
        false -> error
    end;
known({tuple, _, Nodes}, Bindings, Clauses) ->
    case known_all(Nodes, Bindings, Clauses) of
        {ok, Values} -> {ok, list_to_tuple(Values)};
        error -> error
    end;
known({local_call, _, F, Args, _}, Bindings, Clauses) ->
    returned(Clauses({F, length(Args)}), known_all(Args, Bindings, Clauses));
known({call_remote, _, M, F, Args, _}, Bindings, Clauses) ->
    returned(Clauses({M, F, length(Args)}), known_all(Args, Bindings, Clauses));
known(_Node, _Bindings, _Clauses) ->
    error.

known_all(Nodes, Bindings, Clauses) ->
    Known = [known(Node, Bindings, Clauses) || Node <- Nodes],
    case lists:member(error, Known) of
        true -> error;
        false -> {ok, [Value || {ok, Value} <- Known]}
    end.

returned([{clause, _, Params, [], [Body]}], {ok, Args}) ->
    Bound = lists:zip(Params, Args),
    case lists:all(fun({Param, _}) -> element(1, Param) =:= var end, Bound) of
        true -> known(Body, [{Name, Arg} || {{var, _, Name}, Arg} <- Bound]);
        false -> error
    end;
returned(_Clauses, _Args) ->
    error.

%% The names by which calls of a server name it, as far as the bindings tell.
-spec servers([call()], [{atom(), term()}], fun(({atom(), arity()} | mfa()) -> [tuple()])) -> [term()].
servers(Calls, Bindings, Clauses) ->
    lists:usort([
        Name
     || {_, {remote, M, F, _}, _, [Server | _]} <- Calls,
        is_server_call(M, F),
        {ok, Name} <- [known(Server, Bindings, Clauses)]
    ]).

is_server_call('Elixir.GenServer', F) -> lists:member(F, [call, cast]);
is_server_call('Elixir.Agent', F) -> lists:member(F, [get, update, get_and_update, cast]);
is_server_call(M, F) when M =:= gen_server; M =:= gen_statem -> lists:member(F, [call, cast]);
is_server_call(_, _) -> false.

%% Children first: arguments are evaluated before the call.
calls({value, Line, Fun}, Acc) when is_function(Fun) ->
    case resolve_fun(Fun) of
        {ok, {M, F, A}} -> [{abs(Line), {capture, M, F, A}, false, []} | Acc];
        {fn, _} -> Acc
    end;
calls({value, _, _}, Acc) ->
    Acc;
calls({var, _, _}, Acc) ->
    Acc;
calls({clause, _, _Patterns, _Guards, Body}, Acc) ->
    calls(Body, Acc);
calls({match, _, _Pattern, Value}, Acc) ->
    calls(Value, Acc);
calls({local_call, Line, F, Args, Tail}, Acc) ->
    [{abs(Line), {local, F, length(Args)}, Tail, Args} | calls(Args, Acc)];
calls({call_remote, Line, M, F, Args, Tail}, Acc) ->
    [{abs(Line), {remote, M, F, length(Args)}, Tail, Args} | calls(Args, Acc)];
calls({apply, Line, [M, F, Args], Tail}, Acc) ->
    [{abs(Line), {apply, M, F, list_length(Args)}, Tail, []} | calls([M, F, Args], Acc)];
calls({apply_fun, Line, Fun, Args, Tail}, Acc) ->
    [{abs(Line), {function, Fun, length(Args)}, Tail, Args} | calls([Fun | Args], Acc)];
calls({make_fun, Line, Name, [{clause, _, Patterns, _, _} | _] = Clauses}, Acc) ->
    calls(Clauses, [{abs(Line), {closure, Name, length(Patterns)}, false, []} | Acc]);
calls({make_named_fun, Line, Name, _, [{clause, _, Patterns, _, _} | _] = Clauses}, Acc) ->
    calls(Clauses, [{abs(Line), {closure, Name, length(Patterns)}, false, []} | Acc]);
calls([Head | Tail], Acc) ->
    calls(Tail, calls(Head, Acc));
calls(Node, Acc) when is_tuple(Node) ->
    calls(tuple_to_list(Node), Acc);
calls(_, Acc) ->
    Acc.

list_length({cons, _, _, Tail}) ->
    case list_length(Tail) of
        unknown -> unknown;
        N -> N + 1
    end;
list_length({value, _, List}) when is_list(List) -> length(List);
list_length(_) -> unknown.

leaving_clause({clause, _, _, _, Body}) -> leaving(Body).

leaving([]) -> [];
leaving(Body) -> leaving_expr(lists:last(Body)).

leaving_expr({block, _, Body}) -> leaving(Body);
leaving_expr({'case', L, _, Clauses}) ->
    %% A clause that cannot stop leaves from where the case stands.
    [case Line of 0 -> abs(L); _ -> Line end || Line <- lists:flatmap(fun leaving_clause/1, Clauses)];
leaving_expr({'if', _, Clauses}) -> lists:flatmap(fun leaving_clause/1, Clauses);
leaving_expr({'receive', _, Clauses}) -> lists:flatmap(fun leaving_clause/1, Clauses);
leaving_expr({'receive', _, Clauses, _, Body}) -> leaving(Body) ++ lists:flatmap(fun leaving_clause/1, Clauses);
leaving_expr({'try', _, Body, Clauses, Catching, []}) ->
    Through = case Clauses of [] -> leaving(Body); _ -> lists:flatmap(fun leaving_clause/1, Clauses) end,
    Through ++ lists:flatmap(fun leaving_clause/1, Catching);
leaving_expr({'try', _, _, _, _, After}) -> leaving(After);
leaving_expr(Leaf) -> [line(Leaf) | closures(Leaf)].

%% A closure's frame ends like a function's.
closures({make_fun, _, _, Clauses}) -> leaving_lines(Clauses);
closures({make_named_fun, _, _, _, Clauses}) -> leaving_lines(Clauses);
closures({value, _, _}) -> [];
closures([Head | Tail]) -> closures(Head) ++ closures(Tail);
closures(Node) when is_tuple(Node) -> closures(tuple_to_list(Node));
closures(_) -> [].

raising({value, _, _}, Acc) ->
    Acc;
raising({clause, _, _, _, Body}, Acc) ->
    raising(Body, Acc);
raising({dbg, _, error, Args} = Node, Acc) ->
    raising(Args, [{raise, Node} || makes_exception(Args)] ++ Acc);
raising({dbg, _, raise, _} = Node, Acc) ->
    [{reraise, Node} | Acc];
raising({bif, _, erlang, error, Args} = Node, Acc) ->
    raising(Args, [{raise, Node} || makes_exception(Args)] ++ Acc);
raising({bif, _, erlang, raise, _} = Node, Acc) ->
    [{reraise, Node} | Acc];
raising([Head | Tail], Acc) ->
    raising(Tail, raising(Head, Acc));
raising(Node, Acc) when is_tuple(Node) ->
    raising(tuple_to_list(Node), Acc);
raising(_, Acc) ->
    Acc.

%% `raise` is the call of erlang:error with an exception that is made right there.
makes_exception([{call_remote, _, _, exception, [_], _} | _]) -> true;
makes_exception([{call_remote, _, 'Elixir.Kernel.Utils', raise, [_], _} | _]) -> true;
makes_exception([{local_call, _, exception, [_], _} | _]) -> true;
makes_exception([{apply, _, [_, {value, _, exception}, _], _} | _]) -> true;
makes_exception([{block, _, Body} | _]) when Body =/= [] -> makes_exception([lists:last(Body)]);
makes_exception(_) -> false.

watched({'try', _, Body, Clauses, Catching, After}, Acc) ->
    Lines = [lines(Body) || Catching =/= []],
    watched([Body, Clauses, Catching, After], Lines ++ Acc);
watched({'catch', _, Expr}, Acc) ->
    watched(Expr, [lines(Expr) | Acc]);
watched({value, _, _}, Acc) ->
    Acc;
watched([Head | Tail], Acc) ->
    watched(Tail, watched(Head, Acc));
watched(Node, Acc) when is_tuple(Node) ->
    watched(tuple_to_list(Node), Acc);
watched(_, Acc) ->
    Acc.

on(Line, Node) -> lists:member(Line, lines(Node)).

lines({value, Line, _}) -> [abs(Line)];
lines({var, Line, _}) -> [abs(Line)];
lines([Head | Tail]) -> lines(Head) ++ lines(Tail);
lines(Node) when tuple_size(Node) > 1, is_integer(element(2, Node)) ->
    [line(Node) | lists:flatmap(fun lines/1, tl(tl(tuple_to_list(Node))))];
lines(Node) when is_tuple(Node) -> lists:flatmap(fun lines/1, tuple_to_list(Node));
lines(_) -> [].

line(Node) -> abs(element(2, Node)).
