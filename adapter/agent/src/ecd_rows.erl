%% Interpreter rows, rewritten so that the evaluator stops where a person expects it. Pure; holds no state.
%%
%% The evaluator stops before each expression of a sequence, and nowhere else. So
%%  - a pipeline stage on a line of its own becomes a sequence expression that binds `'%pN'`, other calls on lines of
%%    their own become one-expression blocks;
%%  - further expressions of the same pass over one line get the negated line: no breakpoint matches it, and a step
%%    passes over it (ecd_inside). Generated code has line 0 and is passed over too, and so is what a `with` does when
%%    none of its clauses matches;
%%  - local calls of exported functions become remote calls: these look for a row of an exported function only, so that
%%    a function runs natively until its row says otherwise.
-module(ecd_rows).

-export([transform/2]).

-type clause() :: {clause, integer(), [tuple()], [term()], [tuple()]}.
-type row() :: {{module(), atom(), arity(), boolean()}, [clause()]}.
-export_type([clause/0, row/0]).

%% Remote functions that return to their caller and call closures meanwhile: see kept/2.
-define(RETURNING, [
    'Elixir.Enum', 'Elixir.List', 'Elixir.Map', 'Elixir.Keyword', 'Elixir.MapSet', 'Elixir.Access', 'Elixir.Range',
    'Elixir.String', 'Elixir.Regex', 'Elixir.File', 'Elixir.Agent', 'Elixir.Stream', 'Elixir.Tuple', lists, maps, sets,
    ordsets, dict, orddict, gb_trees, ets, array
]).

%% Those whose argument may be a stream or another collection with closures inside.
-define(ENUMERATING, ['Elixir.Enum', 'Elixir.Stream']).

%% Native: the exported functions, which may run natively when interpreted code calls them.
-spec transform([row()], #{{atom(), arity()} => true}) -> [row()].
transform(Rows, Native) ->
    [{Key, function(Clauses, Key, Native)} || {Key, Clauses} <- Rows].

function(Clauses0, {Mod, Name, _, _}, Native) ->
    Clauses = [in_macro(Name, Clause) || Clause <- Clauses0],
    {Staged, _} = stages_clauses(Clauses, 1),
    marked(calls(Staged, Mod, Native)).

%% A macro that returns the same code each time does so on no line; it is entered on that of its head.
in_macro(Name, {clause, L, Ps, Gs, [{value, 0, Quoted}]} = Clause) ->
    case atom_to_binary(Name) of
        <<"MACRO-", _/binary>> -> {clause, L, Ps, Gs, [{value, L, Quoted}]};
        _ -> Clause
    end;
in_macro(_Name, Clause) ->
    Clause.

is_call(E) ->
    lists:member(element(1, E), [call_remote, local_call, apply, apply_fun]).

%% --- stages: more expressions become members of a sequence. N numbers the temporaries of a function. ---

stages_clauses(Clauses, N0) ->
    lists:mapfoldl(
        fun({clause, L, Ps, Gs, Body}, N) ->
            {Body1, N1} = stages(Body, N),
            {{clause, L, Ps, Gs, Body1}, N1}
        end,
        N0,
        Clauses
    ).

stages(Body, N0) ->
    {Nested, N} = lists:mapfoldl(
        fun(E, N1) ->
            {Pre, E1, N2} = stage(located(E), N1),
            {Last, N3} = kept(E1, N2),
            {Pre ++ Last, N3}
        end,
        N0,
        Body
    ),
    {lists:append(Nested), N}.

%% Elixir knows no line of a list or a pair and gives it that of the clause: `{:noreply, state}` is where `state` is.
located({Kind, L, _} = E) when Kind =:= tuple ->
    located(E, L);
located({cons, L, _, _} = E) ->
    located(E, L);
located(E) ->
    E.

located(E, L) ->
    case parts_lines(E) of
        [First | _] when First > L -> setelement(2, E, First);
        _ -> E
    end.

parts_lines({value, _, _}) -> [];
parts_lines({tuple, _, Es}) -> lists:umerge([parts_lines(E) || E <- Es]);
parts_lines({cons, _, H, T}) -> lists:umerge(parts_lines(H), parts_lines(T));
parts_lines(E) -> [element(2, E)].

%% A tail call leaves the evaluator; closures that the callee calls would enter it again on the same level, and `next`
%% would stop inside them. Where the callee is known to return, the call is taken out of the tail position.
kept({call_remote, L, M, F, As, true}, N) ->
    Brings = lists:any(fun is_closure/1, As) orelse
        lists:member(M, ?ENUMERATING) andalso not lists:all(fun is_value/1, As),
    case lists:member(M, ?RETURNING) andalso Brings of
        true ->
            {Var, N1} = temporary(L, N),
            {[{match, L, Var, {call_remote, L, M, F, As, false}}, Var], N1};
        false ->
            {[{call_remote, L, M, F, As, true}], N}
    end;
kept(E, N) ->
    {[E], N}.

is_value(E) ->
    element(1, E) =:= value.

is_closure(E) ->
    element(1, E) =:= make_fun orelse element(1, E) =:= make_named_fun.

temporary(L, N) ->
    {{var, L, list_to_atom("%p" ++ integer_to_list(N))}, N + 1}.

%% Stages that run before E, and what is left of E.
stage({match, L, P, E}, N0) ->
    {Pre, E1, N} = stage(E, N0),
    case element(2, E1) > L andalso L > 0 andalso wants_stop(E1) of
        true ->
            %% `y =` or `y = x` on a line before the last stage: stop there first, and at that stage in its turn.
            Last = {match, element(2, E1), {var, L, '_'}, {match, L, P, E1}},
            {[{value, L, ok} | Pre], Last, N};
        false ->
            {Pre, {match, L, P, E1}, N}
    end;
stage({call_remote, L, M, F, [A | As], Lc}, N0) ->
    {Pre, A1, N1} = first(L, A, N0),
    {As1, N} = inner_list(L, As, N1),
    {Pre, {call_remote, L, M, F, [A1 | As1], Lc}, N};
stage({local_call, L, F, [A | As], Lc}, N0) ->
    {Pre, A1, N1} = first(L, A, N0),
    {As1, N} = inner_list(L, As, N1),
    {Pre, {local_call, L, F, [A1 | As1], Lc}, N};
stage({apply_fun, L, {make_fun, _, _, _} = Fun, [A | As], Lc}, N0) ->
    %% `value |> then(fn …)`: that the closure is made before the value is nobody's business.
    {Pre, A1, N1} = first(L, A, N0),
    {Fun1, N2} = below(Fun, N1),
    {As1, N} = inner_list(L, As, N2),
    {Pre, {apply_fun, L, Fun1, [A1 | As1], Lc}, N};
stage({Bif, L, M, F, [A | As]}, N0) when Bif =:= bif; Bif =:= safe_bif ->
    {Pre, A1, N1} = first(L, A, N0),
    {As1, N} = inner_list(L, As, N1),
    {Pre, {Bif, L, M, F, [A1 | As1]}, N};
stage({op, L, Op, [A | As]}, N0) ->
    {Pre, A1, N1} = first(L, A, N0),
    {As1, N} = inner_list(L, As, N1),
    {Pre, {op, L, Op, [A1 | As1]}, N};
stage({'case', L, E, Cs}, N0) ->
    Line = choice_line(L, E, Cs),
    {Pre, E1, N1} = first(Line, E, N0),
    {Cs1, N} = stages_clauses(passing(Cs), N1),
    {Pre, {'case', Line, E1, Cs1}, N};
stage(E, N0) ->
    {E1, N} = below(E, N0),
    {[], E1, N}.

%% The first argument (or what a case looks at) is evaluated before all else, so it can be taken out.
first(L, A, N0) ->
    case is_stage(A) andalso element(2, A) > 0 of
        true when element(2, A) < L ->
            {Pre, A1, N1} = stage(A, N0),
            {Var, N} = temporary(element(2, A), N1),
            {Pre ++ [{match, element(2, A), Var, A1}], Var, N};
        true when element(2, A) =:= L ->
            stage(A, N0);
        _ ->
            {A1, N} = inner(L, A, N0),
            {[], A1, N}
    end.

%% A condition of `cond` may take several lines: Elixir gives the choice that of its arrow.
choice_line(L, {'case', At, _, _}, [First | _]) when At > 0, At < L ->
    case is_condition(First) of
        true -> At;
        false -> L
    end;
choice_line(L, _E, _Cs) ->
    L.

is_condition({clause, _, [{value, _, true}], [], _}) -> true;
is_condition({clause, _, [{var, _, Name}], [_ | _], _}) -> is_compiler_variable(Name);
is_condition(_) -> false.

%% What a pipeline may be made of; the compiler turns some functions of Kernel into operators and native ones.
is_stage(E) ->
    is_call(E) orelse lists:member(element(1, E), [bif, safe_bif, op]).

%% An expression below another one that starts on line L: a block, hence a place to stop, if it is on its own line.
inner(L, E, N0) ->
    case wants_stop(E) andalso element(2, E) > 0 andalso element(2, E) =/= L of
        true ->
            {Es, N} = stages([E], N0),
            {{block, element(2, E), Es}, N};
        false ->
            below(E, N0)
    end.

wants_stop(E) ->
    is_call(E) orelse lists:member(element(1, E), ['case', 'try', 'receive', bif, safe_bif]).

is_leaf(E) ->
    lists:member(element(1, E), [var, value, block]).

is_compiler_variable(Name) ->
    ecd_scope:name(Name) =:= none.

inner_list(L, Es, N) ->
    lists:mapfoldl(fun(E, N1) -> inner(L, E, N1) end, N, Es).

below({block, L, Es}, N0) ->
    {Es1, N} = stages(Es, N0),
    {{block, L, Es1}, N};
below({match, L, P, E}, N0) ->
    {E1, N} = inner(L, E, N0),
    {{match, L, P, E1}, N};
below({maybe_match, L, P, E}, N0) ->
    {E1, N} = inner(L, E, N0),
    {{maybe_match, L, P, E1}, N};
below({'maybe', L, Es}, N0) ->
    {Es1, N} = stages(Es, N0),
    {{'maybe', L, Es1}, N};
below({'maybe', L, Es, Cs}, N0) ->
    {Es1, N1} = stages(Es, N0),
    {Cs1, N} = stages_clauses(Cs, N1),
    {{'maybe', L, Es1, Cs1}, N};
below({call_remote, L, M, F, As, Lc}, N0) ->
    {As1, N} = inner_list(L, As, N0),
    {{call_remote, L, M, F, As1, Lc}, N};
below({local_call, L, F, As, Lc}, N0) ->
    {As1, N} = inner_list(L, As, N0),
    {{local_call, L, F, As1, Lc}, N};
below({apply, L, As, Lc}, N0) ->
    {As1, N} = inner_list(L, As, N0),
    {{apply, L, As1, Lc}, N};
below({apply_fun, L, F, As, Lc}, N0) ->
    {F1, N1} = below(F, N0),
    {As1, N} = inner_list(L, As, N1),
    {{apply_fun, L, F1, As1, Lc}, N};
below({bif, L, M, F, As}, N0) ->
    {As1, N} = inner_list(L, As, N0),
    {{bif, L, M, F, As1}, N};
below({safe_bif, L, M, F, As}, N0) ->
    {As1, N} = inner_list(L, As, N0),
    {{safe_bif, L, M, F, As1}, N};
below({dbg, L, Op, As}, N0) ->
    {As1, N} = inner_list(L, As, N0),
    {{dbg, L, Op, As1}, N};
below({op, L, Op, As}, N0) ->
    {As1, N} = inner_list(L, As, N0),
    {{op, L, Op, As1}, N};
below({cons, L, Body, {var, Lv, Acc}}, N0) when L > 0 ->
    %% `for` collects its body's values like this; any expression can be a body.
    case is_compiler_variable(Acc) andalso element(2, Body) > L andalso not is_leaf(Body) of
        true ->
            {Es, N} = stages([Body], N0),
            {{cons, L, {block, element(2, Body), Es}, {var, Lv, Acc}}, N};
        false ->
            {Body1, N} = inner(L, Body, N0),
            {{cons, L, Body1, {var, Lv, Acc}}, N}
    end;
below({'orelse', 0, _, _} = Passed, N) ->
    {Passed, N};
below({Op, L, E1, E2}, N0) when Op =:= 'andalso'; Op =:= 'orelse'; Op =:= cons; Op =:= send ->
    {A, N1} = inner(L, E1, N0),
    {B, N} = inner(L, E2, N1),
    {{Op, L, A, B}, N};
below({tuple, L, Es}, N0) ->
    {Es1, N} = inner_list(L, Es, N0),
    {{tuple, L, Es1}, N};
below({map, L, Fields}, N0) ->
    {Fields1, N} = fields(L, Fields, N0),
    {{map, L, Fields1}, N};
below({map, L, E, Fields}, N0) ->
    {E1, N1} = inner(L, E, N0),
    {Fields1, N} = fields(L, Fields, N1),
    {{map, L, E1, Fields1}, N};
below({bin, L, Segments}, N0) ->
    {Segments1, N} = lists:mapfoldl(fun(S, N1) -> segment(L, S, N1) end, N0, Segments),
    {{bin, L, Segments1}, N};
below({make_fun, L, Name, Cs}, N0) ->
    {Cs1, N} = stages_clauses(Cs, N0),
    {{make_fun, L, Name, Cs1}, N};
below({make_named_fun, L, Name, FName, Cs}, N0) ->
    {Cs1, N} = stages_clauses(Cs, N0),
    {{make_named_fun, L, Name, FName, Cs1}, N};
below({'catch', L, E}, N0) ->
    {E1, N} = inner(L, E, N0),
    {{'catch', L, E1}, N};
below({'case', L, E, Cs}, N0) ->
    {E1, N1} = inner(L, E, N0),
    {Cs1, N} = stages_clauses(passing(Cs), N1),
    {{'case', L, E1, Cs1}, N};
below({'if', L, Cs}, N0) ->
    {Cs1, N} = stages_clauses(Cs, N0),
    {{'if', L, Cs1}, N};
below({'receive', L, Cs}, N0) ->
    {Cs1, N} = stages_clauses(Cs, N0),
    {{'receive', L, Cs1}, N};
below({'receive', L, Cs, To, Es}, N0) ->
    {Cs1, N1} = stages_clauses(Cs, N0),
    {Es1, N} = stages(Es, N1),
    {{'receive', L, Cs1, To, Es1}, N};
below({'try', L, Es, Cs, Hs, As}, N0) ->
    {Es1, N1} = stages(Es, N0),
    {Cs1, N2} = stages_clauses(Cs, N1),
    {Hs1, N3} = stages_clauses(Hs, N2),
    {As1, N} = stages(As, N3),
    {{'try', L, Es1, Cs1, Hs1, As1}, N};
below({lc, L, E, Qs}, N0) when is_tuple(E) ->
    {E1, N} = inner(L, E, N0),
    {{lc, L, E1, Qs}, N};
below(E, N) ->
    {E, N}.

%% What no clause of a `with` matches goes to its `else`, or out of it, on the line of the `with`, where nothing happens
%% any more. Elixir up to 1.14 repeats the clauses of `else` for that, newer ones call a closure of them.
passing(Clauses) ->
    lists:map(
        fun
            ({clause, L, [{var, _, V}] = Ps, [], [E]} = Clause) ->
                case is_compiler_variable(V) of
                    true -> {clause, L, Ps, [], [passed(E, V)]};
                    false -> Clause
                end;
            (Clause) ->
                Clause
        end,
        Clauses
    ).

passed({var, _, V}, V) ->
    {var, 0, V};
passed({'case', L, {var, _, V} = E, Cs}, V) ->
    {'case', 0, E, [alone(Clause, L) || Clause <- Cs]};
passed({apply_fun, _, {var, _, F}, [{var, _, V}], _} = Call, V) ->
    case is_compiler_variable(F) of
        %% Evaluates the call without a stop, as the last one that it is, under its own line.
        true -> {'orelse', 0, {value, 0, false}, Call};
        false -> Call
    end;
passed(E, _V) ->
    E.

%% A literal has the line of the `with`, too.
alone({clause, L, Ps, Gs, [Leaf]}, With) when element(2, Leaf) =:= With ->
    case lists:member(element(1, Leaf), [value, var, tuple, cons, map, bin]) of
        true -> {clause, L, Ps, Gs, [setelement(2, Leaf, 0)]};
        false -> {clause, L, Ps, Gs, [Leaf]}
    end;
alone(Clause, _With) ->
    Clause.

fields(L, Fields, N) ->
    lists:mapfoldl(
        fun
            ({Lf, K, V}, N0) ->
                {V1, N1} = inner(L, V, N0),
                {{Lf, K, V1}, N1};
            ({Kind, Lf, K, V}, N0) ->
                {V1, N1} = inner(L, V, N0),
                {{Kind, Lf, K, V1}, N1}
        end,
        N,
        Fields
    ).

segment(L, {bin_element, Le, E, Size, Types}, N0) ->
    {E1, N} = inner(L, E, N0),
    {{bin_element, Le, E1, Size, Types}, N}.

%% --- calls: local calls of functions that may run natively. Literals are data, whatever they look like. ---

calls({value, _, _} = Literal, _Mod, _Native) ->
    Literal;
calls({local_call, L, F, As, Lc}, Mod, Native) ->
    As1 = calls(As, Mod, Native),
    case Native of
        #{{F, length(As)} := true} -> {call_remote, L, Mod, F, As1, Lc};
        _ -> {local_call, L, F, As1, Lc}
    end;
calls(Node, Mod, Native) when is_tuple(Node) ->
    list_to_tuple(calls(tuple_to_list(Node), Mod, Native));
calls([H | T], Mod, Native) ->
    [calls(H, Mod, Native) | calls(T, Mod, Native)];
calls(Other, _Mod, _Native) ->
    Other.

%% --- marked: the second and later expressions of one pass over a line. At is the line the pass is on, or `none`. ---

marked(Clauses) ->
    {Marked, _} = branches(Clauses, none),
    Marked.

%% Alternatives start where their expression stands; if they end on different lines the next one starts a new pass.
branches(Clauses, At) ->
    {Marked, Ends} = lists:unzip([
        begin
            {Body1, End} = sequence(written(Ps, Body), At),
            {{clause, L, Ps, Gs, Body1}, End}
        end
     || {clause, L, Ps, Gs, Body} <- Clauses
    ]),
    {Marked, common(Ends, At)}.

%% The call inside `&local/1` is what nobody wrote: no stop, but under its own line, and the last one that it is.
written(Ps, [Call]) when element(1, Call) =:= local_call; element(1, Call) =:= call_remote ->
    case is_capture(Ps, lists:nth(tuple_size(Call) - 1, tuple_to_list(Call))) of
        true -> [{'orelse', 0, {value, 0, false}, Call}];
        false -> [Call]
    end;
written(_Ps, Body) ->
    Body.

%% The loader names the parameters of the closure that it makes of a captured function.
is_capture([_ | _] = Ps, Ps) -> lists:all(fun({var, _, Name}) -> hd(atom_to_list(Name)) =:= $%; (_) -> false end, Ps);
is_capture(_Ps, _Args) -> false.

common([], At) ->
    At;
common(Ends, _At) ->
    case lists:usort(Ends) of
        [End] -> End;
        _ -> none
    end.

sequence(Es, At) ->
    {Marked, End} = in_order(Es, At),
    {ecd_once:dbg(Marked), End}.

in_order([], At) ->
    {[], At};
in_order([E | Es], At) ->
    Line = element(2, E),
    {E1, At1} = within(E, place(Line, At)),
    E2 =
        case Line > 0 andalso Line =:= At of
            true -> again(E1, Line, Es =:= []);
            false -> E1
        end,
    {Es1, End} = in_order(Es, At1),
    {[E2 | Es1], End}.

place(Line, At) when Line =< 0 -> At;
place(Line, _At) -> Line.

%% Only the node that the evaluator looks at when it decides to stop gets the mark; errors keep the true line, except
%% where a wrapper would spoil a tail call.
again(E, Line, Last) ->
    case lists:member(element(1, E), [var, value]) orelse (Last andalso holds_tail(E)) of
        true -> setelement(2, E, -Line);
        false -> {match, -Line, {var, Line, '_'}, E}
    end.

holds_tail(E) ->
    is_call(E) orelse lists:member(element(1, E), [block, 'case', 'if', 'try', 'receive', 'maybe']).

within({block, L, Es}, At) ->
    {Es1, End} = sequence(Es, At),
    {{block, L, Es1}, End};
within({call_remote, L, M, F, [A1, A2, {make_fun, L, _, [Clause]} = Fun], Lc} = Call, At) ->
    case is_on_path(M, F) andalso is_made_by_macro(L, Clause) of
        true ->
            {[B1, B2], _} = within_list([A1, A2], At),
            {clause, L, Ps, Gs, Body} = Clause,
            {Passed, _} = sequence(Body, L),
            {{call_remote, L, M, F, [B1, B2, setelement(4, Fun, [told({clause, L, Ps, Gs, Passed})])], Lc}, At};
        false ->
            {Parts, End} = within_list(tuple_to_list(Call), At),
            {list_to_tuple(Parts), End}
    end;
within({make_fun, L, Name, Cs}, At) ->
    {{make_fun, L, Name, [told(Clause) || Clause <- marked(Cs)]}, At};
within({make_named_fun, L, Name, FName, Cs}, At) ->
    {{make_named_fun, L, Name, FName, [told(Clause) || Clause <- marked(Cs)]}, At};
within({'case', L, E, Cs}, At0) ->
    {E1, At} = within(E, At0),
    {Cs1, End} = branches(Cs, At),
    {{'case', L, E1, Cs1}, End};
within({'if', L, Cs}, At) ->
    {Cs1, End} = branches(Cs, At),
    {{'if', L, Cs1}, End};
within({'receive', L, Cs}, At) ->
    {Cs1, End} = branches(Cs, At),
    {{'receive', L, Cs1}, End};
within({'receive', L, Cs, To, Es}, At) ->
    {Cs1, End1} = branches(Cs, At),
    {Es1, End2} = sequence(Es, At),
    {{'receive', L, Cs1, To, Es1}, common([End1, End2], At)};
within({'try', L, Es, Cs, Hs, As}, At) ->
    {Es1, Tried} = sequence(Es, At),
    {Cs1, End1} = branches(Cs, Tried),
    {Hs1, End2} = branches(Hs, none),
    {As1, End3} = sequence(As, none),
    End =
        case {Hs, As} of
            {[], []} -> End1;
            {_, []} -> common([End1, End2], At);
            _ -> End3
        end,
    {{'try', L, Es1, Cs1, Hs1, As1}, End};
within({'maybe', L, Es}, At) ->
    {Es1, _} = sequence(Es, At),
    {{'maybe', L, Es1}, none};
within({'maybe', L, Es, Cs}, At) ->
    {Es1, _} = sequence(Es, At),
    {Cs1, _} = branches(Cs, none),
    {{'maybe', L, Es1, Cs1}, none};
within({lc, L, E, Qs}, _At) when is_tuple(E) ->
    {E1, _} = within(E, none),
    {{lc, L, E1, Qs}, none};
within({value, _, _} = E, At) ->
    {E, At};
within(E, At) when is_tuple(E) ->
    {Parts, End} = within_list(tuple_to_list(E), At),
    {list_to_tuple(Parts), End};
within(Other, At) ->
    {Other, At}.

%% `put_in(m.a.b, value)` and its like go down a path by closures that the macro makes: what they do belongs to the pass
%% over the line. `&` has its parameters on no line, and those of the user's own closures have names.
is_on_path('Elixir.Map', F) -> F =:= 'update!' orelse F =:= 'get_and_update!';
is_on_path('Elixir.Access', F) -> F =:= get_and_update;
is_on_path(_, _) -> false.

is_made_by_macro(L, {clause, L, [{var, L, Name}], [], [_ | _]}) -> Name =:= '_' orelse is_compiler_variable(Name);
is_made_by_macro(_L, _Clause) -> false.

%% A closure that binds nothing looks like the function around it when that is entered (ecd_scope:is_entering/2).
told({clause, L, Ps, Gs, Body} = Clause) ->
    case binds(Ps) of
        true -> Clause;
        false -> {clause, L, Ps, Gs, [{match, 0, {var, 0, '%c'}, {value, 0, true}} | Body]}
    end.

binds({var, _, V}) -> V =/= '_';
binds({value, _, _}) -> false;
binds(Node) when is_tuple(Node) -> binds(tuple_to_list(Node));
binds([H | T]) -> binds(H) orelse binds(T);
binds(_) -> false.

within_list(Parts, At0) ->
    lists:mapfoldl(
        fun
            (Part, At) when is_list(Part) -> within_list(Part, At);
            (Part, At) -> within(Part, At)
        end,
        At0,
        Parts
    ).
