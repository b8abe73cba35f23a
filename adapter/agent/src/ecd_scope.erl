%% Which variables a person sees at a line, and under which names. Pure; reads no process.
%%
%% The evaluator's bindings hold more than that: every version of a rebound variable, and the variables of `case` and
%% `if` clauses that have ended. What is visible follows from the rows: only what was bound on the way to the line.
-module(ecd_scope).

-export([visible/3, names/2, shown/1, entry/2, is_entering/2, pipeline/1, name/1, bare/1]).

-type binding() :: {atom(), term()}.

%% Elixir's scoping, the highest version of each name. Variables of Erlang modules keep their names. A macro's variable
%% `x` is `x` where that is clear, else `x (My.Macros)`.
-spec visible([ecd_rows:clause()], integer(), [binding()]) -> [{binary(), term(), atom()}].
visible(Clauses, Line, Bindings) ->
    Bound = maps:from_list(Bindings),
    shown([{Raw, maps:get(Raw, Bound)} || Raw <- scope(Clauses, Line, Bound)]).

%% The same of any bindings, all of which are taken to be visible.
-spec shown([binding()]) -> [{binary(), term(), atom()}].
shown(Bindings) ->
    Named = lists:foldl(
        fun({Raw, Value}, Acc) ->
            case name(Raw) of
                {Name, Version} ->
                    case Acc of
                        #{Name := {Higher, _, _}} when Higher > Version -> Acc;
                        _ -> Acc#{Name => {Version, Value, Raw}}
                    end;
                none ->
                    Acc
            end
        end,
        #{},
        Bindings
    ),
    Names = [bare(Name) || Name <- maps:keys(Named)],
    lists:sort([{clear(Name, Names), Value, Raw} || {Name, {_, Value, Raw}} <- maps:to_list(Named)]).

clear(Name, Names) ->
    Bare = bare(Name),
    case [Other || Other <- Names, Other =:= Bare] of
        [_] -> Bare;
        _ -> Name
    end.

%% Every name that may be visible at the line, whatever is bound.
-spec names([ecd_rows:clause()], integer()) -> [binary()].
names(Clauses, Line) ->
    lists:usort([
        bare(Name)
     || {clause, _, Ps, _, Body} <- Clauses,
        {_, Env} <- places(Body, variables(Ps), Line),
        Raw <- Env,
        {Name, _} <- [name(Raw)]
    ]).

%% What the heads of the clauses bind whose first line this is.
-spec entry([ecd_rows:clause()], integer()) -> [[atom()]].
entry(Clauses, Line) ->
    [variables(Ps) || {clause, _, Ps, _, _} = Clause <- Clauses, lists:member(Line, ecd_calls:entry_lines([Clause]))].

%% Whether nothing is bound but what a head binds. A closure on the line has bound more: its parameters, or `%c`
%% (ecd_rows).
-spec is_entering([[atom()]], [binding()]) -> boolean().
is_entering(Heads, Bindings) ->
    Bound = [Raw || {Raw, _} <- Bindings],
    lists:any(fun(Head) -> Bound -- Head =:= [] end, Heads).

%% Values of the stages of a pipeline, in order, under the names `ecd_rows` gave them.
-spec pipeline([binding()]) -> [{binary(), term()}].
pipeline(Bindings) ->
    Stages = lists:sort([
        {list_to_integer(N), Value}
     || {Raw, Value} <- Bindings, "%p" ++ N <- [atom_to_list(Raw)]
    ]),
    [{<<"%p", (integer_to_binary(N))/binary>>, Value} || {N, Value} <- Stages].

%% `_x@3` is Elixir's third `x`, `_x@My@Macros@3` that of a macro (ecd_quoted); `_@1` (`_1` from Elixir 1.20 on) and
%% `%…` are nobody's; `State` is Erlang's.
-spec name(atom()) -> {binary(), non_neg_integer()} | none.
name('_') ->
    none;
name(Raw) ->
    case atom_to_binary(Raw, utf8) of
        <<"%", _/binary>> -> none;
        <<"_@", _/binary>> -> none;
        <<"_", Rest/binary>> = Whole ->
            case is_numeral(Rest) of
                true -> none;
                false -> versioned(Whole, binary:split(Rest, <<"@">>, [global]))
            end;
        Whole -> {Whole, 0}
    end.

versioned(Whole, Parts) when length(Parts) > 1 ->
    Last = lists:last(Parts),
    case is_numeral(Last) of
        true -> {of_context(lists:droplast(Parts)), binary_to_integer(Last)};
        false -> {Whole, 0}
    end;
versioned(Whole, _Parts) ->
    {Whole, 0}.

of_context([Name]) -> Name;
of_context([Name | Context]) -> iolist_to_binary([Name, " (", lists:join($., Context), ")"]).

%% Without the module of the macro that has made it: what a person would write.
-spec bare(binary()) -> binary().
bare(Name) ->
    hd(binary:split(Name, <<" (">>)).

is_numeral(<<>>) -> false;
is_numeral(Digits) -> lists:all(fun(C) -> C >= $0 andalso C =< $9 end, binary_to_list(Digits)).

%% Of all expressions that the line may mean, the one whose variables are all bound, and which binds the most: clauses
%% of a function and closures written on one line differ in nothing else. Only bound variables are answered.
scope(Clauses, Line, Bound) ->
    Places = lists:append([places(Body, variables(Ps), Line) || {clause, _, Ps, _, Body} <- Clauses]),
    Exact = [Env || {exact, Env} <- Places],
    Candidates =
        case Exact of
            [] -> [Env || {_, Env} <- Places];
            _ -> Exact
        end,
    Ranked = [{unbound(Env, Bound), -length(Env), Env} || Env <- Candidates],
    case lists:sort(Ranked) of
        [{_, _, Env} | _] -> [V || V <- Env, is_map_key(V, Bound)];
        [] -> []
    end.

unbound(Env, Bound) ->
    length([V || V <- Env, not is_map_key(V, Bound)]).

%% Environments in force at the expressions of a sequence that stand on the line, or that reach over it.
places(Es, Env, Line) ->
    places(Es, Env, Line, []).

%% Cases: those around the sequence, the outermost last, with the environments in which they begin.
places([], _Env, _Line, _Cases) ->
    [];
places([E | Es], Outside, Line, Cases) ->
    Env = otherwise(E, Outside, Cases),
    Here =
        case abs(element(2, E)) of
            Line -> [{exact, Env}];
            _ -> [{around, Env} || lists:member(Line, ecd_lines:spans(E))]
        end,
    Before = Env ++ scrutinee(E),
    Around = [{abs(element(2, E)), Env} || is_case(E)] ++ Cases,
    Inside = lists:append([
        places(Body, variables(Ps) ++ Before, Line, case Kind of closure -> []; _ -> Around end)
     || {Kind, Ps, Body} <- ecd_lines:nested(E)
    ]),
    Here ++ Inside ++ places(Es, bound(E) ++ Env, Line, Cases).

%% The `else` clauses of a `with` are compiled into each of its clauses, and see none of their variables. ecd_rows has
%% taken the line from that choice; its clauses have that of the `with`.
otherwise({'case', 0, {var, _, Name}, [{clause, L, _, _, _} | _]}, Env, Cases) ->
    case name(Name) =:= none andalso lists:keyfind(L, 1, lists:reverse(Cases)) of
        {_, AtWith} -> AtWith;
        false -> Env
    end;
otherwise(_E, Env, _Cases) ->
    Env.

is_case(E) ->
    element(1, E) =:= 'case'.

%% A variable bound in what a `case` looks at is visible in its clauses.
scrutinee({'case', _, E, _}) -> bound(E);
scrutinee({match, _, _, E}) -> scrutinee(E);
scrutinee(_) -> [].

%% Variables that an expression leaves behind. Those of a clause end with it, in Elixir always, in Erlang unless all
%% clauses bind them.
bound({match, _, P, E}) -> variables(P) ++ bound(E);
bound({maybe_match, _, P, E}) -> variables(P) ++ bound(E);
bound({block, _, Es}) -> lists:append([bound(E) || E <- Es]);
bound({'case', _, E, Cs}) -> bound(E) ++ in_all(Cs);
bound({'if', _, Cs}) -> in_all(Cs);
bound({'receive', _, Cs}) -> in_all(Cs);
bound({value, _, _}) -> [];
bound(E) when is_tuple(E), element(1, E) =/= make_fun, element(1, E) =/= make_named_fun -> parts(E);
bound(_) -> [].

in_all([]) ->
    [];
in_all(Clauses) ->
    [First | Rest] = [variables(Ps) ++ lists:append([bound(E) || E <- Body]) || {clause, _, Ps, _, Body} <- Clauses],
    Shared = lists:foldl(fun(Vars, Acc) -> [V || V <- Acc, lists:member(V, Vars)] end, First, Rest),
    [V || V <- Shared, {_, 0} <- [name(V)]].

%% `foo(x = 1)` binds x.
parts(E) ->
    case lists:member(element(1, E), ['receive', 'try', 'maybe', lc, bc, mc, var, 'catch']) of
        true -> [];
        false -> lists:append([bound(Part) || Part <- flat(tuple_to_list(E))])
    end.

flat(Parts) ->
    lists:flatmap(
        fun
            (Part) when is_list(Part) -> flat(Part);
            (Part) when is_tuple(Part) -> [Part];
            (_) -> []
        end,
        Parts
    ).

variables({var, _, '_'}) -> [];
variables({var, _, V}) -> [V];
variables({value, _, _}) -> [];
variables(Node) when is_tuple(Node) -> variables(tuple_to_list(Node));
variables([H | T]) -> variables(H) ++ variables(T);
variables(_) -> [].
