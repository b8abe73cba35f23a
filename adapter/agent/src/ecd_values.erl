%% Values as a person reads them: text, children in pages, references. Puts no big term on the wire and runs a user's
%% Inspect implementation only in a throw-away process.
-module(ecd_values).

-export([variables/1, reference/2, locator/1, present/4, drop/1]).
-export_type([row/0]).

%% What stands in a scope or under a value. `scope` is answered by calling M:F(Args) when the user opens it.
-type row() :: {ecd_children:step(), {term, term()} | {text, binary(), binary()} | {scope, binary(), mfargs()}}.
-type mfargs() :: {module(), atom(), [term()]}.
%% What a reference stands for: rows to be computed, a value, or a place inside the value of another reference.
-type locator() ::
    {scope, mfargs()}
    | {root, term(), ecd_children:name()}
    | {path, pos_integer(), [ecd_children:step()], ecd_children:name()}.
-type purpose() :: list | repl | hover | whole.

%% ms for all texts of a page; when that is too little, for one text alone, and then for the page.
-define(TOGETHER, 1000).
-define(ALONE, 300).
-define(PAGE, 4000).
%% Characters of one text unless the whole is asked for, and then.
-define(TEXT_LIMIT, 4096).
-define(WHOLE_LIMIT, 16 * 1024 * 1024).

%% DAP variables. Rows of a scope are all `named`.
-spec variables(map()) -> map().
variables(#{reference := Reference, filter := Filter, start := Start, count := Count}) ->
    {Owner, Locator} = locator(Reference),
    Rows = page(Locator, Filter, Start, Count),
    #{variables => shown(Owner, Reference, Locator, Rows)}.

-spec reference(ecd_handles:owner(), locator()) -> pos_integer().
reference(Owner, Locator) ->
    ecd_handles:put(value, Owner, Locator).

%% Throws staleReference for what is gone.
-spec locator(integer()) -> {ecd_handles:owner(), locator()}.
locator(Reference) ->
    case ecd_handles:get(value, Reference) of
        {ok, Owner, Locator} -> {Owner, Locator};
        error -> ecd_failure:expected(<<"staleReference">>, "The process has moved on since this was shown.")
    end.

%% EvaluateResult of a value, whose children live as long as Owner's handles.
-spec present(ecd_handles:owner(), term(), ecd_children:name(), purpose()) -> map().
present(Owner, Term, Name, Purpose) ->
    [Text] = texts([Term], Purpose),
    maps:merge(#{result => Text, type => ecd_children:type(Term)}, expansion(Term, fun() ->
        reference(Owner, {root, Term, Name})
    end)).

-spec drop(pid()) -> ok.
drop(Pid) ->
    ecd_handles:drop(value, Pid).

page({scope, {M, F, Args}}, Filter, Start, Count) ->
    case Filter of
        <<"indexed">> -> [];
        _ -> slice(apply(M, F, Args), Start, Count)
    end;
page(Locator, Filter, Start, Count) ->
    Term = term(Locator),
    case Filter of
        <<"named">> -> slice(ecd_children:named(Term), Start, Count);
        <<"indexed">> -> ecd_children:indexed(Term, Start, Count);
        _ -> whole(Term, Start, Count)
    end.

%% Without a filter a client sees the indexed children first, as one sequence with the named ones.
whole(Term, Start, Count) ->
    {_, Indexed} = ecd_children:counts(Term),
    First = ecd_children:indexed(Term, Start, Count),
    case Count =:= 0 orelse length(First) < Count of
        true ->
            Left = case Count of 0 -> 0; _ -> Count - length(First) end,
            First ++ slice(ecd_children:named(Term), max(0, Start - Indexed), Left);
        false ->
            First
    end.

%% Count 0 means all, as in DAP.
slice(Rows, Start, 0) -> lists:nthtail(min(Start, length(Rows)), Rows);
slice(Rows, Start, Count) -> lists:sublist(slice(Rows, Start, 0), Count).

term({root, Term, _}) ->
    Term;
term({path, Root, Steps, _}) ->
    {_, Locator} = locator(Root),
    lists:foldl(fun ecd_children:follow/2, term(Locator), Steps).

shown(Owner, Reference, Locator, Rows) ->
    Keys = [Key || {{Kind, Key}, _} <- Rows, Kind =:= key],
    Texts = texts([Term || {_, {term, Term}} <- Rows] ++ Keys, list),
    {Values, KeyTexts} = lists:split(length(Texts) - length(Keys), Texts),
    zip(Rows, Values, KeyTexts, fun(Row, Text, KeyText) ->
        variable(Owner, Reference, Locator, Row, Text, KeyText)
    end).

zip([], [], [], _Fun) ->
    [];
zip([{Step, Content} = Row | Rows], Values0, Keys0, Fun) ->
    {Text, Values} = case Content of {term, _} -> pop(Values0); _ -> {<<>>, Values0} end,
    {KeyText, Keys} = case Step of {key, _} -> pop(Keys0); _ -> {<<>>, Keys0} end,
    [Fun(Row, Text, KeyText) | zip(Rows, Values, Keys, Fun)].

pop([Head | Tail]) -> {Head, Tail}.

variable(Owner, _Reference, _Locator, {Step, {scope, Text, MFArgs}}, _Text, KeyText) ->
    #{
        name => ecd_children:label(Step, KeyText),
        value => Text,
        type => <<>>,
        reference => reference(Owner, {scope, MFArgs}),
        readOnly => true
    };
variable(_Owner, _Reference, _Locator, {Step, {text, Value, Type}}, _Text, KeyText) ->
    #{name => ecd_children:label(Step, KeyText), value => Value, type => Type, reference => 0, readOnly => true};
variable(Owner, Reference, Locator, {Step, {term, Term}}, Text, KeyText) ->
    Name = ecd_children:name(name(Locator), Step, KeyText),
    Base = #{name => ecd_children:label(Step, KeyText), value => Text, type => ecd_children:type(Term)},
    Named = case Name of
        none -> Base;
        {_Syntax, EvaluateName} -> Base#{evaluateName => EvaluateName}
    end,
    maps:merge(Named, expansion(Term, fun() ->
        reference(Owner, below(Reference, Locator, Step, Term, Name))
    end)).

name({scope, _}) -> none;
name({root, _, Name}) -> Name;
name({path, _, _, Name}) -> Name.

%% A child is described by its way from the root, so that opening a deep term does not store it once per level. What
%% is computed anew each time (a process' details) has no such way.
below(_Reference, {scope, _}, _Step, Term, Name) -> {root, Term, Name};
below(_Reference, _Locator, {info, _}, Term, Name) -> {root, Term, Name};
below(Reference, {root, _, _}, Step, _Term, Name) -> {path, Reference, [Step], Name};
below(_Reference, {path, Root, Steps, _}, Step, _Term, Name) -> {path, Root, Steps ++ [Step], Name}.

expansion(Term, NewReference) ->
    case ecd_children:counts(Term) of
        {0, 0} -> #{reference => 0};
        {Named, Indexed} -> #{reference => NewReference(), named => Named, indexed => Indexed}
    end.

%% The texts of values, in order. A user's Inspect implementation that raises, hangs, or builds something huge costs
%% its own value the pretty text and nothing else: that value is then shown without anybody's implementation.
texts([], _Purpose) ->
    [];
texts(Terms, Purpose) ->
    case ecd_worker:run(fun() -> [inspect(Term, Purpose) || Term <- Terms] end, together(Purpose)) of
        {ok, Texts} -> Texts;
        _ when length(Terms) =:= 1 -> [bare(Term, Purpose) || Term <- Terms];
        _ -> one_by_one(Terms, Purpose, erlang:monotonic_time(millisecond) + ?PAGE)
    end.

together(whole) -> ecd_config:get(evaluateTimeout);
together(_) -> ?TOGETHER.

one_by_one([], _Purpose, _End) ->
    [];
one_by_one([Term | Terms], Purpose, End) ->
    Left = max(0, min(?ALONE, End - erlang:monotonic_time(millisecond))),
    Text =
        case ecd_worker:run(fun() -> inspect(Term, Purpose) end, Left) of
            {ok, Inspected} -> Inspected;
            _ -> bare(Term, Purpose)
        end,
    [Text | one_by_one(Terms, Purpose, End)].

%% A closure that was made while its function was interpreted is the evaluator's, which means nothing to anybody.
inspect(Fun, Purpose) when is_function(Fun) ->
    case ecd_children:written(Fun) of
        {ok, {Mod, Name}, _} ->
            {arity, Arity} = erlang:fun_info(Fun, arity),
            <<"#Function<", (ecd_names:function(Mod, Name, Arity))/binary, ">">>;
        error ->
            inspect(Fun, Purpose, options(Purpose))
    end;
inspect(Term, Purpose) ->
    inspect(Term, Purpose, options(Purpose)).

inspect(Term, Purpose, Options) ->
    try 'Elixir.Kernel':inspect(Term, Options) of
        Text when is_binary(Text) -> cut(ecd_private:hide(Text), Purpose)
    catch
        _:_ -> plain(Term, Purpose)
    end.

bare(Term, Purpose) ->
    case ecd_worker:run(fun() -> inspect(Term, Purpose, [{structs, false} | options(Purpose)]) end, ?ALONE) of
        {ok, Text} -> Text;
        _ -> plain(Term, Purpose)
    end.

options(Purpose) -> [{custom_options, [{sort_maps, true}]} | limits(Purpose)].

limits(list) -> [{limit, 30}, {printable_limit, 400}, {width, infinity}];
%% Clients show the first line of a value that opens.
limits(hover) -> [{limit, 50}, {printable_limit, 2000}, {width, infinity}];
limits(repl) -> [{limit, 100}, {printable_limit, ?TEXT_LIMIT}, {pretty, true}, {width, 100}];
limits(whole) -> [{limit, infinity}, {printable_limit, infinity}, {pretty, true}, {width, 100}].

%% As Erlang writes it, when there is no Elixir or its Inspect fails.
plain(Term, whole) ->
    cut(unicode:characters_to_binary(io_lib:format("~tp", [Term])), whole);
plain(Term, Purpose) ->
    cut(unicode:characters_to_binary(io_lib:format("~0tP", [Term, 30])), Purpose).

cut(Text, whole) when byte_size(Text) =< ?WHOLE_LIMIT -> Text;
cut(Text, whole) -> <<(string:slice(Text, 0, ?WHOLE_LIMIT div 4))/binary, "…"/utf8>>;
cut(Text, _Purpose) when byte_size(Text) =< ?TEXT_LIMIT -> Text;
cut(Text, _Purpose) -> <<(string:slice(Text, 0, ?TEXT_LIMIT div 2))/binary, "…"/utf8>>.
