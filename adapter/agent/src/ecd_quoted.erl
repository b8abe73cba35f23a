%% Names for the variables that macros make. Elixir's compiler drops those: `x` of a `quote` becomes `_@1`, and a
%% function that `use` defines would show no variable. Pure; works on Elixir's syntax tree, before it becomes Erlang's.
%%
%% A variable `x` of the macros of My.Mod becomes `_x@My@Mod@1`, which ecd_scope:name/1 reads. It stays another variable
%% than an `x` of the user's in the same function, as Elixir's hygiene has it.
-module(ecd_quoted).

-export([named/1, renamed/2]).

%% Characters: an atom has 255 at most, and the compiler adds a few.
-define(LONGEST, 240).
%% Beside the application elixir itself.
-define(LANGUAGE, ["Elixir.ExUnit", "Elixir.Logger", "Elixir.Mix", "Elixir.IEx", "Elixir.EEx"]).

%% Debug information whose variables carry such names. Elixir's own macros are left out: nobody wrote the `x` of `||`.
%% Only parameters are named whoever made them.
-spec named(term()) -> term().
named({elixir_v1, #{definitions := Definitions} = Map, Specs}) ->
    {elixir_v1, Map#{definitions := [definition(Definition) || Definition <- Definitions]}, Specs};
named(Other) ->
    Other.

%% The new name of each variable, from the same form before and after.
-spec renamed(Form, Form) -> #{atom() => atom()} when Form :: tuple().
renamed(Before, After) ->
    maps:from_list(pairs(Before, After, [])).

definition({Function, Kind, Meta, Clauses}) ->
    {Function, Kind, Meta, [clause(Clause) || Clause <- Clauses]};
definition(Other) ->
    Other.

clause({Meta, Args, Guards, Body} = Clause) ->
    Params = versions(Args),
    case Params =/= [] orelse has_named(Body) of
        true -> {Meta, name(Args, Params), name(Guards, Params), name(Body, Params)};
        false -> Clause
    end.

versions({Name, Meta, Context}) when is_atom(Context), Context =/= nil, is_list(Meta) ->
    [Version || is_made(Name, Context), {version, Version} <- Meta];
versions({_, Meta, Args}) when is_list(Meta) -> versions(Args);
versions({Left, Right}) -> versions(Left) ++ versions(Right);
versions([Head | Tail]) -> versions(Head) ++ versions(Tail);
versions(_) -> [].

has_named({Name, Meta, Context}) when is_atom(Context), is_list(Meta) ->
    Context =/= nil andalso is_named(Name, Meta, Context, []);
has_named({Node, Meta, Args}) when is_list(Meta) -> has_named(Args) orelse has_named(Node);
has_named({Left, Right}) -> has_named(Left) orelse has_named(Right);
has_named([Head | Tail]) -> has_named(Head) orelse has_named(Tail);
has_named(_) -> false.

name({Name, Meta, Context} = Variable, Params) when is_atom(Context), is_list(Meta) ->
    case Context =/= nil andalso is_named(Name, Meta, Context, Params) of
        true -> with_context(Name, Meta, Context);
        false -> Variable
    end;
name({Node, Meta, Args}, Params) when is_list(Meta) -> {name(Node, Params), Meta, name(Args, Params)};
name({Left, Right}, Params) -> {name(Left, Params), name(Right, Params)};
name([Head | Tail], Params) -> [name(Head, Params) | name(Tail, Params)];
name(Other, _Params) -> Other.

is_named(Name, Meta, Context, Params) ->
    case lists:keyfind(version, 1, Meta) of
        {_, Version} ->
            is_made(Name, Context) andalso (lists:member(Version, Params) orelse not is_language(Context));
        false ->
            false
    end.

%% By a macro: the compiler's own variables, for arguments left out, have a module of the compiler's for context.
is_made('_', _Context) -> false;
is_made(_Name, Context) -> lists:prefix("Elixir.", atom_to_list(Context)).

is_language(Context) ->
    Name = atom_to_list(Context),
    lists:any(fun(Prefix) -> lists:prefix(Prefix, Name) end, ?LANGUAGE) orelse
        case application:get_key(elixir, modules) of
            {ok, Modules} -> lists:member(Context, Modules);
            undefined -> false
        end.

with_context(Name, Meta, Context) ->
    ["Elixir" | Parts] = string:split(atom_to_list(Context), ".", all),
    Long = lists:flatten(lists:join("@", [atom_to_list(Name) | Parts])),
    case length(Long) =< ?LONGEST of
        true -> {list_to_atom(Long), Meta, nil};
        false -> {Name, Meta, Context}
    end.

pairs({var, _, Before}, {var, _, After}, Acc) -> [{Before, After} | Acc];
pairs([Before | Befores], [After | Afters], Acc) -> pairs(Befores, Afters, pairs(Before, After, Acc));
pairs(Before, After, Acc) when is_tuple(Before), is_tuple(After) ->
    pairs(tuple_to_list(Before), tuple_to_list(After), Acc);
pairs(_, _, Acc) ->
    Acc.
