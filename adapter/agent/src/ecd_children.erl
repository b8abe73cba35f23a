%% What is inside a term: its type, its children, how each is called and reached. Pure, but for what processes and
%% ports say of themselves. Renders nothing.
-module(ecd_children).

-export([type/1, counts/1, named/1, indexed/3, follow/2, label/2, name/3, written/1]).
-export_type([step/0, name/0]).

%% From a term to one of its children. `info` is a detail that is not part of the term.
-type step() ::
    {var, binary()}
    | {at, non_neg_integer()}
    | {tail, non_neg_integer()}
    | {elem, non_neg_integer()}
    | {keyword, non_neg_integer(), atom()}
    | {key, term()}
    | {field, atom()}
    | {member, non_neg_integer()}
    | {byte, non_neg_integer()}
    | {info, binary()}.
%% An expression that yields the value at its frame.
-type name() :: {elixir | erlang, binary()} | none.
-type row() :: {step(), {term, term()}}.

%% Clients page indexed children only: a map with more keys than this is paged like a list.
-define(NAMED_LIMIT, 100).

-spec type(term()) -> binary().
type(Term) when is_boolean(Term) -> <<"boolean">>;
type(Term) when is_atom(Term) -> <<"atom">>;
type(Term) when is_integer(Term) -> <<"integer">>;
type(Term) when is_float(Term) -> <<"float">>;
type(Term) when is_binary(Term) -> <<"binary">>;
type(Term) when is_bitstring(Term) -> <<"bitstring">>;
type(Term) when is_tuple(Term) -> <<"tuple">>;
type(Term) when is_function(Term) -> <<"function">>;
type(Term) when is_pid(Term) -> <<"pid">>;
type(Term) when is_port(Term) -> <<"port">>;
type(Term) when is_reference(Term) -> <<"reference">>;
type(#{'__struct__' := Struct}) when is_atom(Struct) -> <<"%", (ecd_names:module(Struct))/binary, "{}">>;
type(Term) when is_map(Term) -> <<"map">>;
type([]) -> <<"list">>;
type(Term) when is_list(Term) ->
    case kind(Term) of
        {improper, _} -> <<"improper list">>;
        {keyword, _} -> <<"keyword">>;
        {list, Length} ->
            case Length =< 1000 andalso printable(Term) of
                true -> <<"charlist">>;
                false -> <<"list">>
            end
    end.

printable(Chars) ->
    lists:all(
        fun(C) -> is_integer(C) andalso (C >= 32 andalso C =< 126 orelse C >= 7 andalso C =< 13 orelse C =:= 27) end,
        Chars
    ).

%% How many named and how many indexed children.
-spec counts(term()) -> {non_neg_integer(), non_neg_integer()}.
counts(Term) when is_list(Term) ->
    case kind(Term) of
        {list, Length} -> {0, Length};
        {improper, Length} -> {0, Length + 1};
        {keyword, Length} when Length > ?NAMED_LIMIT -> {0, Length};
        {keyword, Length} -> {Length, 0}
    end;
counts(Term) when is_tuple(Term) -> {0, tuple_size(Term)};
counts(Term) when is_binary(Term) ->
    case is_text(Term) of
        true -> {0, 0};
        false -> {0, byte_size(Term)}
    end;
counts(Term) when is_map(Term) ->
    case members(Term) of
        {ok, Set} -> {0, map_size(Set)};
        error ->
            case length_of_fields(Term) of
                Size when Size > ?NAMED_LIMIT -> {0, Size};
                Size -> {Size, 0}
            end
    end;
counts(Term) when is_function(Term); is_pid(Term), node(Term) =:= node(); is_port(Term) ->
    {length(named(Term)), 0};
counts(_Term) ->
    {0, 0}.

-spec named(term()) -> [row()].
named(Term) when is_function(Term) ->
    details(function_details(Term));
named(Term) when is_pid(Term), node(Term) =:= node() ->
    details(process_details(Term));
named(Term) when is_port(Term) ->
    details(port_details(Term));
named(Term) ->
    case counts(Term) of
        {Named, 0} when Named > 0 -> window(Term, 0, Named);
        _ -> []
    end.

%% Count 0 means all from Start on.
-spec indexed(term(), non_neg_integer(), non_neg_integer()) -> [row()].
indexed(Term, Start, Count) ->
    case counts(Term) of
        {_, Indexed} when Start >= Indexed -> [];
        {_, Indexed} when Count =:= 0 -> window(Term, Start, Indexed - Start);
        {_, Indexed} -> window(Term, Start, min(Count, Indexed - Start))
    end.

window(Term, Start, Count) when is_tuple(Term) ->
    [{{elem, I}, {term, element(I + 1, Term)}} || I <- lists:seq(Start, Start + Count - 1)];
window(Term, Start, Count) when is_binary(Term) ->
    [{{byte, I}, {term, binary:at(Term, I)}} || I <- lists:seq(Start, Start + Count - 1)];
window(Term, Start, Count) when is_list(Term) ->
    list_rows(nthtail(Start, Term), Start, Count, element(1, kind(Term)));
window(Term, Start, Count) ->
    Keys = lists:sublist(nthtail(Start, keys(Term)), Count),
    case members(Term) of
        {ok, _Set} -> [{{member, I}, {term, Member}} || {I, Member} <- numbered(Keys, Start)];
        error -> [{step(Term, Key), {term, map_get(Key, Term)}} || Key <- Keys]
    end.

%% Only the keys are sorted, and only what is shown is looked up: a map may be large.
keys(Term) ->
    case members(Term) of
        {ok, Set} -> lists:sort(maps:keys(Set));
        error -> lists:sort([Key || Key <- maps:keys(Term), shown_key(Term, Key)])
    end.

list_rows(_List, _I, 0, _Kind) -> [];
list_rows([{Key, Value} | Tail], I, Count, keyword) ->
    [{{keyword, I, Key}, {term, Value}} | list_rows(Tail, I + 1, Count - 1, keyword)];
list_rows([Head | Tail], I, Count, Kind) ->
    [{{at, I}, {term, Head}} | list_rows(Tail, I + 1, Count - 1, Kind)];
list_rows(Tail, I, _Count, _Kind) ->
    [{{tail, I}, {term, Tail}}].

nthtail(N, List) -> lists:nthtail(N, List).

step(#{'__struct__' := _}, Key) when is_atom(Key) -> {field, Key};
step(_Map, Key) -> {key, Key}.

shown_key(#{'__struct__' := Struct}, '__struct__') when is_atom(Struct) -> false;
shown_key(_Map, _Key) -> true.

length_of_fields(#{'__struct__' := Struct} = Term) when is_atom(Struct) -> map_size(Term) - 1;
length_of_fields(Term) -> map_size(Term).

%% A MapSet shows its members; its only field is an implementation detail.
members(#{'__struct__' := 'Elixir.MapSet', map := Set}) when is_map(Set) -> {ok, Set};
members(_Term) -> error.

details(Details) -> [{{info, Name}, {term, Value}} || {Name, Value} <- Details].

function_details(Fun) ->
    Info = erlang:fun_info(Fun),
    {module, Module} = lists:keyfind(module, 1, Info),
    {name, Name} = lists:keyfind(name, 1, Info),
    {arity, Arity} = lists:keyfind(arity, 1, Info),
    {type, Type} = lists:keyfind(type, 1, Info),
    {Mod, As, Captured} =
        case {Type, written(Fun)} of
            {external, _} -> {Module, Name, []};
            {local, {ok, {M, F}, Bindings}} -> {M, F, [{N, Value} || {N, Value, _Raw} <- ecd_scope:shown(Bindings)]};
            {local, error} -> {Module, Name, element(2, lists:keyfind(env, 1, Info))}
        end,
    Shown = [{<<"module">>, Mod}, {<<"name">>, As}, {<<"arity">>, Arity}],
    Shown ++ [{<<"captured">>, Captured} || Type =:= local].

%% Where a closure that interpreted code has made stands in the source, and its variables: its environment is the
%% evaluator's own description of it.
-spec written(fun()) -> {ok, {module(), atom()}, [{atom(), term()}]} | error.
written(Fun) ->
    case {erlang:fun_info(Fun, module), erlang:fun_info(Fun, env)} of
        {{module, dbg_ieval}, {env, [Closure]}} ->
            {Mod, Name} = element(1, Closure),
            {ok, {Mod, Name}, element(2, Closure)};
        _ ->
            error
    end.

process_details(Pid) ->
    Items = [
        registered_name, current_function, initial_call, status, message_queue_len, links, monitors, trap_exit,
        group_leader, memory, reductions
    ],
    case ecd_process:info(Pid, Items) of
        undefined -> [{<<"alive">>, false}];
        Info -> [{atom_to_binary(Key), Value} || {Key, Value} <- Info]
    end.

port_details(Port) ->
    case erlang:port_info(Port) of
        undefined -> [{<<"open">>, false}];
        Info -> [{atom_to_binary(Key), Value} || {Key, Value} <- Info]
    end.

%% The child at a step; steps come from named/1 and indexed/3 of the same term.
-spec follow(step(), term()) -> term().
follow({at, I}, Term) -> hd(nthtail(I, Term));
follow({tail, I}, Term) -> nthtail(I, Term);
follow({elem, I}, Term) -> element(I + 1, Term);
follow({byte, I}, Term) -> binary:at(Term, I);
follow({keyword, I, _}, Term) -> element(2, hd(nthtail(I, Term)));
follow({key, Key}, Term) -> map_get(Key, Term);
follow({field, Key}, Term) -> map_get(Key, Term);
follow({member, I}, #{map := Set}) -> lists:nth(I + 1, lists:sort(maps:keys(Set))).

%% How the child is called in the list; KeyText is the rendered key of a `key` step.
-spec label(step(), binary()) -> binary().
label({var, Name}, _) -> Name;
label({info, Name}, _) -> Name;
label({tail, _}, _) -> <<"| tail">>;
label({keyword, _, Key}, _) -> atom_to_binary(Key);
label({field, Key}, _) -> atom_to_binary(Key);
label({key, _}, <<$:, Text/binary>>) -> Text;
label({key, _}, Text) -> Text;
label({_, I}, _) -> integer_to_binary(I).

%% The expression for a child, from the one for its parent.
-spec name(name(), step(), binary()) -> name().
name(_Parent, {var, Name}, _) ->
    %% The first letter tells: Erlang's variables begin with a capital, Elixir's never do.
    case Name of
        <<C, _/binary>> when C >= $A, C =< $Z -> {erlang, Name};
        _ -> {elixir, Name}
    end;
name(none, _Step, _KeyText) ->
    none;
name({Syntax, Parent}, Step, KeyText) ->
    case expression(Syntax, Parent, Step, KeyText) of
        none -> none;
        Chars -> {Syntax, unicode:characters_to_binary(Chars)}
    end.

expression(elixir, P, {at, I}, _) -> ["Enum.at(", P, ", ", integer_to_list(I), ")"];
expression(elixir, P, {member, I}, _) -> ["Enum.at(Enum.sort(", P, "), ", integer_to_list(I), ")"];
expression(elixir, P, {elem, I}, _) -> ["elem(", P, ", ", integer_to_list(I), ")"];
expression(elixir, P, {byte, I}, _) -> [":binary.at(", P, ", ", integer_to_list(I), ")"];
expression(elixir, P, {keyword, I, _}, _) -> ["elem(Enum.at(", P, ", ", integer_to_list(I), "), 1)"];
expression(elixir, P, {field, Key}, _) -> elixir_field(P, Key);
expression(elixir, P, {key, Key}, _) when is_atom(Key) -> elixir_field(P, Key);
expression(elixir, P, {key, Key}, Text) when is_binary(Key); is_number(Key) -> ["Map.fetch!(", P, ", ", Text, ")"];
expression(erlang, P, {at, I}, _) -> ["lists:nth(", integer_to_list(I + 1), ", ", P, ")"];
expression(erlang, P, {elem, I}, _) -> ["element(", integer_to_list(I + 1), ", ", P, ")"];
expression(erlang, P, {byte, I}, _) -> ["binary:at(", P, ", ", integer_to_list(I), ")"];
expression(erlang, P, {keyword, I, _}, _) -> ["element(2, lists:nth(", integer_to_list(I + 1), ", ", P, "))"];
expression(erlang, P, {Kind, Key}, _) when (Kind =:= field orelse Kind =:= key), (is_atom(Key) orelse is_number(Key)) ->
    io_lib:format("maps:get(~tp, ~ts)", [Key, P]);
expression(_Syntax, _P, _Step, _KeyText) -> none.

elixir_field(P, Key) ->
    case ecd_names:is_identifier(atom_to_binary(Key)) of
        true -> [P, ".", atom_to_binary(Key)];
        false -> ["Map.fetch!(", P, ", ", ecd_names:atom(Key), ")"]
    end.

%% One walk tells a proper list, its length, and whether it is a keyword list.
kind(List) -> kind(List, 0, true).

kind([], 0, _) -> {list, 0};
kind([], N, true) -> {keyword, N};
kind([], N, false) -> {list, N};
kind([{Key, _} | Tail], N, true) when is_atom(Key) -> kind(Tail, N + 1, true);
kind([_ | Tail], N, _) -> kind(Tail, N + 1, false);
kind(_Tail, N, _) -> {improper, N}.

%% Text needs no children. Only the beginning is looked at: a large binary must not cost its whole length.
is_text(<<Head:512/binary, _/binary>>) ->
    case unicode:characters_to_list(Head) of
        List when is_list(List) -> is_printable(List);
        {incomplete, List, Rest} when byte_size(Rest) < 4 -> is_printable(List);
        _ -> false
    end;
is_text(Binary) ->
    case unicode:characters_to_list(Binary) of
        List when is_list(List) -> is_printable(List);
        _ -> false
    end.

is_printable(List) -> io_lib:printable_unicode_list(List).

numbered(List, First) -> lists:enumerate(First, List).
