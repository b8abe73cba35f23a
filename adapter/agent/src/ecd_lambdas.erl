%% Rows for closures that exist already, made by native code: which lambda function the compiler has made of each
%% closure of a function, and which of its parameters are which variables. Pure but for calls of the compiler; no state.
%%
%% A native closure is a function like `-f/1-fun-0-` whose parameters are the closure's and then its free variables, in
%% the compiler's order. To learn both, the function is compiled again, alone, with a call at the head of each closure
%% that names the closure and passes the variables it uses: the compiled code shows what they have become. The same
%% function without these calls must come out alike, else nothing is answered: what is unknown is left native.
-module(ecd_lambdas).

-export([rows/5, has_closures/1]).

-type lambda() :: {Name :: atom(), arity(), [ecd_rows:clause()]}.

-define(MARK, '$ecd_mark').

-spec has_closures([ecd_rows:clause()]) -> boolean().
has_closures(Clauses) ->
    closures(Clauses) =/= [].

%% Forms: all forms of the module, unfolded, with placeholders for large literals. Clauses: rows of the function, whose
%% variables are called otherwise than in the forms where Renamed says so.
-spec rows([tuple()], ecd_fold:placeholders(), {atom(), arity()}, [ecd_rows:clause()], #{atom() => atom()}) ->
    [lambda()].
rows(Forms, Placeholders, {F, A}, Clauses, Renamed) ->
    case [Form || {function, _, F1, A1, _} = Form <- Forms, F1 =:= F, A1 =:= A] of
        [{function, L, F, A, Cs}] ->
            {Marked, {Count, Marks}} = mark(Cs, {0, []}),
            Closures = closures(Clauses),
            case length(Closures) =:= Count of
                true ->
                    Plain = compiled(slice(Forms, {function, L, F, A, Cs})),
                    WithMarks = lifted(compiled(slice(Forms, {function, L, F, A, Marked})), {F, A}),
                    Named = maps:from_list([{N, [maps:get(V, Renamed, V) || V <- Free]} || {N, Free} <- Marks]),
                    found(maps:from_list(Plain), WithMarks, Named, Closures, Placeholders);
                false ->
                    []
            end;
        [] ->
            []
    end.

%% A closure that the function calls itself is inlined: then its mark is found in the function, which is no lambda.
lifted(Functions, {F, A}) ->
    Prefix = lists:flatten([$-, atom_to_list(F), $/, integer_to_list(A), $-]),
    [Function || {Name, _} = Function <- Functions, lists:prefix(Prefix, atom_to_list(Name))].

%% --- the function alone, with stubs for those it calls ---

slice(Forms, {function, _, F, A, Cs} = Function) ->
    Called = lists:usort(local(Cs)) -- [{F, A}],
    Stubs = [
        {function, 0, F1, A1, [{clause, 0, [{var, 0, '_'} || _ <- lists:seq(1, A1)], [], [{atom, 0, stub}]}]}
     || {function, _, F1, A1, _} <- Forms, lists:member({F1, A1}, Called)
    ],
    Exports = [{F, A} | [{F1, A1} || {function, _, F1, A1, _} <- Stubs]],
    Kept = [Form || {attribute, _, Name, _} = Form <- Forms, lists:member(Name, [module, record, import])],
    Kept ++ [{attribute, 0, export, Exports}, Function | Stubs].

local({call, _, {atom, _, F}, As}) -> [{F, length(As)} | local(As)];
local({'fun', _, {function, F, A}}) when is_atom(F), is_integer(A) -> [{F, A}];
local(Node) when is_tuple(Node) -> local(tuple_to_list(Node));
local([H | T]) -> local(H) ++ local(T);
local(_) -> [].

%% {Name, {Parameters, Body}} of the lambda functions, as the compiler has them right after it has lifted them out.
compiled(Forms) ->
    Options = [binary, no_auto_import, nowarn_deprecated_function],
    case code:ensure_loaded(beam_core_to_ssa) of
        {module, _} ->
            case compile:noenv_forms(Forms, [to_core | Options]) of
                {ok, _, Core} ->
                    {b_module, _, _, _, _, Functions} = element(2, beam_core_to_ssa:module(Core, [])),
                    [
                        {element(2, maps:get(func_info, Anno)), {[V || {b_var, V} <- Args], Blocks}}
                     || {b_function, Anno, Args, Blocks, _} <- Functions
                    ];
                _ ->
                    []
            end;
        {error, _} ->
            case compile:noenv_forms(Forms, [to_kernel | Options]) of
                {ok, _, {k_mdef, _, _, _, _, Functions}} ->
                    [{Name, {[V || {k_var, _, V} <- Args], Body}} || {k_fdef, _, Name, _, Args, Body} <- Functions];
                _ ->
                    []
            end
    end.

%% --- marks. Closures are numbered in the order in which the interpreter's loader numbers them: inner ones first. ---

mark({'fun', L, {clauses, Cs0}}, Acc0) ->
    {Cs, Acc} = mark(Cs0, Acc0),
    marked({'fun', L, {clauses, Cs}}, L, Cs0, Acc);
mark({named_fun, L, Name, Cs0}, Acc0) ->
    {Cs, {Count, Marks}} = mark(Cs0, Acc0),
    %% Its own name is no variable of its surroundings; left out.
    {{named_fun, L, Name, Cs}, {Count + 1, Marks}};
mark({'fun', _, {function, F, A}} = Form, {Count, Marks}) when is_atom(F), is_integer(A) ->
    case captures_bif(F, A) of
        true -> {Form, {Count, Marks}};
        false -> {Form, {Count + 1, Marks}}
    end;
mark({'receive', L, Cs0, To0, Es0}, Acc0) ->
    {To, Acc1} = mark(To0, Acc0),
    {Es, Acc2} = mark(Es0, Acc1),
    {Cs, Acc} = mark(Cs0, Acc2),
    {{'receive', L, Cs, To, Es}, Acc};
mark({Kind, L, E0, Qs0}, Acc0) when Kind =:= lc; Kind =:= bc; Kind =:= mc ->
    {Qs, Acc1} = mark(Qs0, Acc0),
    {E, Acc} = mark(E0, Acc1),
    {{Kind, L, E, Qs}, Acc};
mark({match, L, P, E0}, Acc0) ->
    {E, Acc} = mark(E0, Acc0),
    {{match, L, P, E}, Acc};
mark({clause, L, Ps, Gs, Body0}, Acc0) ->
    {Body, Acc} = mark(Body0, Acc0),
    {{clause, L, Ps, Gs, Body}, Acc};
mark(Node, Acc0) when is_tuple(Node) ->
    {Parts, Acc} = mark(tuple_to_list(Node), Acc0),
    {list_to_tuple(Parts), Acc};
mark([H0 | T0], Acc0) ->
    {H, Acc1} = mark(H0, Acc0),
    {T, Acc} = mark(T0, Acc1),
    {[H | T], Acc};
mark(Other, Acc) ->
    {Other, Acc}.

%% From OTP 27 on a captured BIF is a literal for the loader.
captures_bif(F, A) ->
    erl_internal:bif(F, A) andalso code:which(beam_core_to_ssa) =/= non_existing.

marked({'fun', L, {clauses, Cs}}, L, Plain, {Count, Marks}) ->
    Free = free(Plain),
    Vars = [{var, L, V} || V <- Free],
    Call = {call, L, {remote, L, {atom, L, ?MARK}, {atom, L, list_to_atom(integer_to_list(Count))}}, Vars},
    Headed = [{clause, Lc, Ps, Gs, [Call | Body]} || {clause, Lc, Ps, Gs, Body} <- Cs],
    {{'fun', L, {clauses, Headed}}, {Count + 1, [{Count, Free} | Marks]}}.

%% Variables that a closure uses and does not bind: what its clauses mention, less what they bind. In a clause that
%% binds a variable which another uses from outside, that name is ambiguous; found/5 leaves such closures out.
free(Clauses) ->
    lists:usort(lists:append([mentioned(C) -- bound_in(C) || C <- Clauses])).

mentioned(Node) ->
    lists:usort(variables(Node)).

variables({var, _, '_'}) -> [];
variables({var, _, V}) -> [V];
variables(Node) when is_tuple(Node) -> variables(tuple_to_list(Node));
variables([H | T]) -> variables(H) ++ variables(T);
variables(_) -> [].

%% Patterns of the clause, and what its body binds anywhere. Elixir's names are unique in a function; in Erlang a name
%% that is bound in the body and free in the closure at once means a match with the outer value: then it is left out.
bound_in({clause, _, Ps, _, Body}) ->
    lists:usort(variables(Ps) ++ binds(Body)).

binds({match, _, P, E}) -> variables(P) ++ binds(E);
binds({maybe_match, _, P, E}) -> variables(P) ++ binds(E);
binds({clause, _, Ps, _, Body}) -> variables(Ps) ++ binds(Body);
binds({named_fun, _, Name, Cs}) -> [Name | binds(Cs)];
binds({Generate, _, P, E}) when
    Generate =:= generate; Generate =:= b_generate; Generate =:= m_generate;
    Generate =:= generate_strict; Generate =:= b_generate_strict; Generate =:= m_generate_strict
->
    variables(P) ++ binds(E);
binds(Node) when is_tuple(Node) -> binds(tuple_to_list(Node));
binds([H | T]) -> binds(H) ++ binds(T);
binds(_) -> [].

%% --- what came out ---

closures(Clauses) ->
    lists:sort([{number(Name), Cs} || {Name, Cs} <- made(Clauses)]).

number(Name) ->
    [Number | _] = lists:reverse(string:lexemes(atom_to_list(Name), "-")),
    list_to_integer(Number).

made({value, _, _}) -> [];
made({make_fun, _, Name, Cs}) -> [{Name, Cs} | made(Cs)];
made({make_named_fun, _, Name, _, Cs}) -> [{Name, none} | made(Cs)];
made(Node) when is_tuple(Node) -> made(tuple_to_list(Node));
made([H | T]) -> made(H) ++ made(T);
made(_) -> [].

found(Plain, WithMarks, Marks, Closures, Placeholders) ->
    lists:append([
        lambda(Name, Params, Values, maps:get(N, Marks), element(2, lists:nth(N + 1, Closures)), Placeholders)
     || {Name, {Params, Body}} <- WithMarks,
        {N, Values} <- own_mark(Body),
        is_map_key(N, Marks),
        alike(Params, maps:get(Name, Plain, none))
    ]).

%% The calls of a lambda's clauses all name the same closure; inner closures are lambdas of their own.
own_mark(Body) ->
    case lists:usort(calls(Body)) of
        [{N, Values}] -> [{N, Values}];
        _ -> []
    end.

calls({b_set, _, _, call, [{b_remote, {b_literal, ?MARK}, {b_literal, N}, _} | Args]}) ->
    [{list_to_integer(atom_to_list(N)), [value(Arg) || Arg <- Args]}];
calls({Call, _, {k_remote, _, {k_literal, _, ?MARK}, {k_literal, _, N}, _}, Args, _}) when Call =:= k_call ->
    [{list_to_integer(atom_to_list(N)), [value(Arg) || Arg <- Args]}];
calls(Map) when is_map(Map) -> calls(maps:values(Map));
calls(Node) when is_tuple(Node) -> calls(tuple_to_list(Node));
calls([H | T]) -> calls(H) ++ calls(T);
calls(_) -> [].

value({b_var, V}) -> {var, V};
value({b_literal, Term}) -> {literal, Term};
value({k_var, _, V}) -> {var, V};
value({k_literal, _, Term}) -> {literal, Term};
value(_) -> unknown.

%% As many parameters, and the named ones in the same places: numbers differ by the marks' own.
alike(Params, {Others, _}) when length(Params) =:= length(Others) ->
    lists:all(fun({A, B}) -> A =:= B orelse (is_integer(A) andalso is_integer(B)) end, lists:zip(Params, Others));
alike(_, _) ->
    false.

lambda(_Name, _Params, _Values, _Vars, none, _Placeholders) ->
    [];
lambda(Name, Params, Values, Vars, [{clause, _, Ps, _, _} | _] = Clauses, Placeholders) ->
    Free = lists:nthtail(length(Ps), Params),
    Known = lists:zip(Vars, Values),
    Places = [{V, P} || {V, {var, P}} <- Known],
    Constants = [{V, maps:get(Term, Placeholders, Term)} || {V, {literal, Term}} <- Known],
    Found = lists:all(fun({_, P}) -> lists:member(P, Free) end, Places),
    case Found andalso not lists:keymember(unknown, 2, Known) andalso not shadowed(Vars, Clauses) of
        true ->
            Patterns = [pattern([V || {V, P} <- Places, P =:= Param]) || Param <- Free],
            [{Name, length(Params), [
                {clause, L, Own ++ Patterns, Guards, constants(Constants) ++ Body}
             || {clause, L, Own, Guards, Body} <- Clauses
            ]}];
        false ->
            []
    end.

%% A parameter of the same name as a free variable would be compared with it.
shadowed(Vars, Clauses) ->
    lists:any(fun({clause, _, Ps, _, _}) -> lists:any(fun(V) -> lists:member(V, Vars) end, variables(Ps)) end, Clauses).

%% Several variables can have become one.
pattern([]) -> {var, 0, '_'};
pattern([V]) -> {var, 0, V};
pattern([V | Vs]) -> {match, 0, {var, 0, V}, pattern(Vs)}.

%% Values that the compiler has put in place of variables; line 0 is passed over by steps.
constants(Constants) ->
    [{match, 0, {var, 0, V}, {value, 0, Term}} || {V, Term} <- Constants].
