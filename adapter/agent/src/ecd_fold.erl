%% Constants in Erlang abstract forms, folded before the interpreter's loader expands them. Pure; holds no state.
%%
%% The loader turns a binary literal into one row element per byte, 50 to 90 times its size, and turns `{integer, L, X}`
%% into `{value, L, X}` without looking at X. So a folded constant travels as an `integer` form that holds any term;
%% only erl_parse:map_anno/2, which the loader calls, would take tuples and lists in it for forms: they travel in a map.
-module(ecd_fold).

-export([forms/2, shrink/1, revealed/1]).

-define(LARGE, 1024).

-type placeholders() :: #{integer() => binary()}.
-export_type([placeholders/0]).

%% Forms the loader needs, with constant expressions folded and placeholders put back.
-spec forms([tuple()], placeholders()) -> [tuple()].
forms(Forms, Placeholders) ->
    [form(put_back(Form, Placeholders)) || Form <- Forms, needed(Form)].

%% Elixir keeps its own syntax tree and writes a binary literal out as a list of bytes, 16 bytes for one, when it is
%% asked for forms. Large literals are therefore replaced by unlikely integers first and put back by forms/2.
-spec shrink(term()) -> {term(), placeholders()}.
shrink({elixir_v1, #{definitions := Definitions} = Map, Specs}) ->
    Base = binary:decode_unsigned(<<1, (erlang:md5(term_to_binary(make_ref())))/binary>>) bsl 32,
    {Small, {_, Found}} = lists:mapfoldl(fun definition/2, {Base, #{}}, Definitions),
    {{elixir_v1, Map#{definitions := Small}, Specs}, Found};
shrink(Other) ->
    {Other, #{}}.

definition({Tuple, Kind, Meta, Clauses}, Acc0) ->
    {Small, Acc} = lists:mapfoldl(
        fun({ClauseMeta, Args, Guards, Body}, A0) ->
            {Body1, A} = quoted(Body, A0),
            {{ClauseMeta, Args, Guards, Body1}, A}
        end,
        Acc0,
        Clauses
    ),
    {{Tuple, Kind, Meta, Small}, Acc};
definition(Other, Acc) ->
    {Other, Acc}.

%% The parts of `<<>>` must stay binaries: there an integer would mean one byte.
quoted(Bin, {Next, Found}) when is_binary(Bin), byte_size(Bin) >= ?LARGE ->
    {Next, {Next + 1, Found#{Next => Bin}}};
quoted({'<<>>', _, _} = Node, Acc) ->
    {Node, Acc};
quoted({Name, Meta, Args}, Acc0) when is_list(Meta) ->
    {Name1, Acc1} = quoted(Name, Acc0),
    {Args1, Acc} = quoted(Args, Acc1),
    {{Name1, Meta, Args1}, Acc};
quoted({Left, Right}, Acc0) ->
    {Left1, Acc1} = quoted(Left, Acc0),
    {Right1, Acc} = quoted(Right, Acc1),
    {{Left1, Right1}, Acc};
quoted([Head | Tail], Acc0) ->
    {Head1, Acc1} = quoted(Head, Acc0),
    {Tail1, Acc} = quoted(Tail, Acc1),
    {[Head1 | Tail1], Acc};
quoted(Other, Acc) ->
    {Other, Acc}.

needed({function, _, _, _, _}) -> true;
needed({attribute, _, Name, _}) -> lists:member(Name, [module, file, import, record]);
needed(_) -> false.

%% Anywhere: in guards and generators as well as where constants are folded.
put_back(Form, Placeholders) ->
    case has_placeholder(Form, Placeholders) of
        true -> replaced(Form, Placeholders);
        false -> Form
    end.

has_placeholder(_Form, Placeholders) when map_size(Placeholders) =:= 0 -> false;
has_placeholder({integer, _, I}, Placeholders) -> is_map_key(I, Placeholders);
has_placeholder([Head | Tail], Placeholders) ->
    has_placeholder(Head, Placeholders) orelse has_placeholder(Tail, Placeholders);
has_placeholder(Node, Placeholders) when is_tuple(Node) -> has_placeholder(tuple_to_list(Node), Placeholders);
has_placeholder(_Other, _Placeholders) -> false.

replaced({integer, L, I}, Placeholders) -> {integer, L, maps:get(I, Placeholders, I)};
replaced(Node, Placeholders) when is_tuple(Node) -> list_to_tuple(replaced(tuple_to_list(Node), Placeholders));
replaced([Head | Tail], Placeholders) -> [replaced(Head, Placeholders) | replaced(Tail, Placeholders)];
replaced(Other, _Placeholders) -> Other.

form({function, L, F, A, Clauses}) -> {function, L, F, A, clauses(Clauses)};
form(Attribute) -> Attribute.

clauses(Clauses) ->
    [{clause, L, patterns(Ps), Guards, exprs(Body)} || {clause, L, Ps, Guards, Body} <- Clauses].

exprs(Es) -> [expr(E) || E <- Es].

expr({cons, _, _, _} = E) ->
    case loader_folds(E) of
        true -> E;
        false -> cons(E)
    end;
expr({tuple, L, Es}) ->
    compound({tuple, L, exprs(Es)});
expr({map, L, Fields}) ->
    compound({map, L, fields(Fields)});
expr({map, L, E, Fields}) ->
    {map, L, expr(E), fields(Fields)};
expr({bin, L, Elements}) ->
    compound({bin, L, [segment(B) || B <- Elements]});
expr({op, L, Op, E}) ->
    {op, L, Op, expr(E)};
expr({op, L, Op, E1, E2}) ->
    {op, L, Op, expr(E1), expr(E2)};
expr({match, L, Pattern, E}) ->
    {match, L, pattern(Pattern), expr(E)};
expr({maybe_match, L, Pattern, E}) ->
    {maybe_match, L, pattern(Pattern), expr(E)};
expr({call, L, Callee, Args}) ->
    {call, L, callee(Callee), exprs(Args)};
expr({block, L, Es}) ->
    {block, L, exprs(Es)};
expr({'case', L, E, Cs}) ->
    {'case', L, expr(E), clauses(Cs)};
expr({'if', L, Cs}) ->
    {'if', L, clauses(Cs)};
expr({'try', L, Es, Cs, Hs, As}) ->
    {'try', L, exprs(Es), clauses(Cs), clauses(Hs), exprs(As)};
expr({'receive', L, Cs}) ->
    {'receive', L, clauses(Cs)};
expr({'receive', L, Cs, To, Es}) ->
    {'receive', L, clauses(Cs), expr(To), exprs(Es)};
expr({'catch', L, E}) ->
    {'catch', L, expr(E)};
expr({'fun', L, {clauses, Cs}}) ->
    {'fun', L, {clauses, clauses(Cs)}};
expr({named_fun, L, Name, Cs}) ->
    {named_fun, L, Name, clauses(Cs)};
expr(Other) ->
    Other.

callee({remote, L, M, F}) -> {remote, L, expr(M), expr(F)};
callee(F) -> expr(F).

%% The loader folds lists itself, also over record indices, which are no constants here; it would hide ours inside its
%% own. Such lists are left to it.
loader_folds({cons, _, {record_index, _, _, _}, _}) -> true;
loader_folds({cons, _, H, T}) -> loader_folds(H) orelse loader_folds(T);
loader_folds(_) -> false.

%% A long list literal is a deep chain of cons cells; it is taken apart in a loop.
cons(E) ->
    {Cells, Tail0} = cells(E, []),
    Tail = expr(Tail0),
    lists:foldl(fun({L, Head}, Rest) -> compound({cons, L, Head, Rest}) end, Tail, Cells).

cells({cons, L, H, T}, Acc) -> cells(T, [{L, expr(H)} | Acc]);
cells(Tail, Acc) -> {Acc, Tail}.

fields(Fields) ->
    [{Kind, L, expr(K), expr(V)} || {Kind, L, K, V} <- Fields].

segment({bin_element, L, {string, _, _} = S, Size, Types}) -> {bin_element, L, S, Size, Types};
segment({bin_element, L, E, Size, Types}) -> {bin_element, L, expr(E), Size, Types}.

patterns(Ps) -> [pattern(Pattern) || Pattern <- Ps].

%% Only whole binaries: the loader looks into lists (`++`) and tuples (records) of patterns.
pattern({bin, _, _} = Bin) -> compound(Bin);
pattern({tuple, L, Ps}) -> {tuple, L, patterns(Ps)};
pattern({cons, L, H, T}) -> {cons, L, pattern(H), pattern(T)};
pattern({match, L, P1, P2}) -> {match, L, pattern(P1), pattern(P2)};
pattern({map, L, Fields}) -> {map, L, [{Kind, Lf, K, pattern(V)} || {Kind, Lf, K, V} <- Fields]};
pattern(Other) -> Other.

compound(Form) ->
    case constant(Form) of
        {ok, Term} -> {integer, element(2, Form), hidden(Term)};
        false -> Form
    end.

hidden(Term) when is_tuple(Term); is_list(Term) -> #{?MODULE => Term};
hidden(Term) -> Term.

%% The loader's rows with the constants as they are.
-spec revealed(Rows) -> Rows when Rows :: term().
revealed({value, L, #{?MODULE := Term}}) -> {value, L, Term};
revealed({value, _, _} = Literal) -> Literal;
revealed(Node) when is_tuple(Node) -> list_to_tuple(revealed(tuple_to_list(Node)));
revealed([Head | Tail]) -> [revealed(Head) | revealed(Tail)];
revealed(Other) -> Other.

constant({integer, _, #{?MODULE := Term}}) -> {ok, Term};
constant({integer, _, Term}) -> {ok, Term};
constant({float, _, Term}) -> {ok, Term};
constant({atom, _, Term}) -> {ok, Term};
constant({char, _, Term}) -> {ok, Term};
constant({string, _, Term}) -> {ok, Term};
constant({nil, _}) -> {ok, []};
constant({'fun', _, {function, {atom, _, M}, {atom, _, F}, {integer, _, A}}}) when is_integer(A), A < 256 ->
    {ok, fun M:F/A};
constant({op, _, '-', {integer, _, I}}) when is_integer(I) -> {ok, -I};
constant({op, _, '-', {float, _, F}}) -> {ok, -F};
constant({cons, _, H, T}) ->
    case {constant(H), constant(T)} of
        {{ok, Head}, {ok, Tail}} -> {ok, [Head | Tail]};
        _ -> false
    end;
constant({tuple, _, Es}) ->
    case constants(Es, []) of
        {ok, Terms} -> {ok, list_to_tuple(Terms)};
        false -> false
    end;
constant({map, _, Fields}) ->
    Keys = constants([K || {map_field_assoc, _, K, _} <- Fields], []),
    Values = constants([V || {map_field_assoc, _, _, V} <- Fields], []),
    case {Keys, Values} of
        {{ok, Ks}, {ok, Vs}} when length(Ks) =:= length(Fields) -> {ok, maps:from_list(lists:zip(Ks, Vs))};
        _ -> false
    end;
constant({bin, _, Elements}) ->
    segments(Elements, []);
constant(_) ->
    false.

constants([E | Es], Acc) ->
    case constant(E) of
        {ok, Term} -> constants(Es, [Term | Acc]);
        false -> false
    end;
constants([], Acc) ->
    {ok, lists:reverse(Acc)}.

segments([{bin_element, _, {string, _, S}, default, default} | Es], Acc) ->
    segments(Es, [<<<<C>> || C <- S>> | Acc]);
segments([{bin_element, _, {Kind, _, I}, default, Types} | Es], Acc) when
    (Kind =:= integer orelse Kind =:= char) andalso is_integer(I) andalso (Types =:= default orelse Types =:= [integer])
->
    segments(Es, [<<I>> | Acc]);
segments([{bin_element, _, {integer, _, B}, default, [Type]} | Es], Acc) when
    is_bitstring(B), Type =:= binary orelse Type =:= bitstring
->
    segments(Es, [B | Acc]);
segments([], Acc) ->
    {ok, list_to_bitstring(lists:reverse(Acc))};
segments(_, _Acc) ->
    false.
