%% What a source file says about its lines: modules, definitions, attributes, blank lines, comments. Reads the text
%% only; knows nothing of compiled code.
-module(ecd_outline).

-export([read/1, read/2, last_read/1, of_text/2, module_at/2, item_at/2, has_statement/2, kind/2, last_line/1]).

-type span() :: {First :: pos_integer(), Last :: pos_integer()}.
-type kind() :: code | attribute.
-type outline() :: #{
    %% from the outermost to the innermost
    modules := [span()],
    %% what its modules are called, where the text alone says that
    names := {all | some, [binary()]},
    %% expressions of module bodies, and top-level statements
    items := [{span(), kind()}],
    %% false: the text could not be parsed, or there is no parser for it
    parsed := boolean(),
    %% statements outside of modules are what it is for
    script := boolean(),
    %% Elixir evaluates such a text instead of compiling it
    configuration := boolean(),
    lines := tuple()
}.
-export_type([outline/0]).

%% A client sends all breakpoints of a file with each change of one: the caller keeps the outline of a text it has read.
-spec read(file:filename_all()) -> {ok, outline()} | {error, file:posix() | badarg}.
read(Path) ->
    read(Path, ecd_file:stamp(Path)).

%% With the stamp at hand.
-spec read(file:filename_all(), {integer(), non_neg_integer()} | none) ->
    {ok, outline()} | {error, file:posix() | badarg}.
read(Path, Stamp) ->
    case get({?MODULE, Path}) of
        {Stamp, _Md5, Outline} when Stamp =/= none -> {ok, Outline};
        Known -> read_anew(Path, Stamp, Known)
    end.

read_anew(Path, Stamp, Known) ->
    case ecd_file:read(Path) of
        {ok, Text} ->
            Md5 = erlang:md5(Text),
            Outline =
                case Known of
                    {_, Md5, Same} -> Same;
                    _ -> of_text(Text, filename:extension(Path))
                end,
            _ = put({?MODULE, Path}, {ecd_file:settled(Stamp), Md5, Outline}),
            {ok, Outline};
        {error, Reason} ->
            {error, Reason}
    end.

%% The same as when this process read it last.
-spec last_read(file:filename_all()) -> {ok, outline()} | none.
last_read(Path) ->
    case get({?MODULE, Path}) of
        {_Stamp, _Md5, Outline} -> {ok, Outline};
        undefined -> none
    end.

-spec of_text(binary(), binary()) -> outline().
of_text(Text, Extension) ->
    Empty = #{
        modules => [], names => {some, []}, items => [], parsed => false, script => Extension =:= <<".exs">>,
        configuration => false, lines => lines(Text)
    },
    case lists:member(Extension, [<<".ex">>, <<".exs">>]) andalso parse(Text) of
        {ok, Quoted} ->
            {Modules, Items} = body(Quoted, {[], []}),
            Names = names(Quoted, <<"Elixir">>),
            Known = [Name || Name <- Names, is_binary(Name)],
            Empty#{
                modules := lists:reverse(Modules),
                names := {case Known of Names -> all; _ -> some end, Known},
                items := lists:reverse(Items),
                configuration := Extension =:= <<".exs">> andalso is_configuration(Quoted),
                parsed := true
            };
        _ ->
            Empty
    end.

%% The text line by line.
lines(Text) ->
    list_to_tuple(binary:split(Text, [<<"\r\n">>, <<"\n">>], [global])).

%% The innermost module around a line, or the whole file.
-spec module_at(pos_integer(), outline()) -> {module, span()} | top.
module_at(Line, #{modules := Modules}) ->
    case innermost(Line, Modules) of
        none -> top;
        Span -> {module, Span}
    end.

%% The expression of a module body, or the top-level statement, that a line is part of.
-spec item_at(pos_integer(), outline()) -> {span(), kind()} | none.
item_at(Line, #{items := Items}) ->
    case innermost(Line, [Span || {Span, _} <- Items]) of
        none -> none;
        Span -> lists:keyfind(Span, 1, Items)
    end.

%% Whether a statement outside of modules stands at the line or below it.
-spec has_statement(pos_integer(), outline()) -> boolean().
has_statement(Line, #{items := Items} = Outline) ->
    lists:any(fun({{First, Last}, _}) -> Last >= Line andalso module_at(First, Outline) =:= top end, Items).

%% What a line is when no code stands on it.
-spec kind(pos_integer(), outline()) -> past_end | blank | comment | attribute | other.
kind(Line, #{lines := Lines}) when Line > tuple_size(Lines) ->
    past_end;
kind(Line, #{lines := Lines} = Outline) ->
    case string:trim(element(Line, Lines)) of
        <<>> -> blank;
        <<"#", _/binary>> -> comment;
        <<"%", _/binary>> -> comment;
        _ when map_get(parsed, Outline) ->
            case item_at(Line, Outline) of
                {_, attribute} -> attribute;
                _ -> other
            end;
        _ -> other
    end.

-spec last_line(outline()) -> pos_integer().
last_line(#{lines := Lines}) ->
    tuple_size(Lines).

innermost(Line, Spans) ->
    case [{Last - First, Span} || {First, Last} = Span <- Spans, First =< Line, Line =< Last] of
        [] -> none;
        Around -> element(2, lists:min(Around))
    end.

%% The parser is Elixir's own, which needs its application's tables.
parse(Text) ->
    case application:ensure_all_started(elixir) of
        {ok, _} ->
            Options = [{token_metadata, true}, {emit_warnings, false}, {existing_atoms_only, false}],
            case 'Elixir.Code':string_to_quoted(Text, Options) of
                {ok, Quoted} -> {ok, Quoted};
                {error, _} -> error
            end;
        {error, _} ->
            error
    end.

%% The expressions of a body; modules and blocks of tests are looked into, functions are not.
body({'__block__', _, Expressions}, Acc) ->
    lists:foldl(fun item/2, Acc, Expressions);
body(Expression, Acc) ->
    item(Expression, Acc).

item({Name, Meta, Args} = Expression, {Modules, Items}) when is_list(Args), is_list(Meta) ->
    case span(Expression) of
        none ->
            {Modules, Items};
        Span ->
            case {is_module(Name), is_group(Name), do_block(Args)} of
                {true, _, {ok, Body}} -> body(Body, {[Span | Modules], Items});
                {_, true, {ok, Body}} -> body(Body, {Modules, [{Span, code} | Items]});
                _ -> {Modules, [{Span, item_kind(Name)} | Items]}
            end
    end;
item(_Literal, Acc) ->
    Acc.

%% `import Config`, or as it was once, `use Mix.Config`, among the statements.
is_configuration({'__block__', _, Statements}) -> lists:any(fun is_configuration/1, Statements);
is_configuration({import, _, [{'__aliases__', _, ['Config']} | _]}) -> true;
is_configuration({use, _, [{'__aliases__', _, ['Mix', 'Config']} | _]}) -> true;
is_configuration(_) -> false.

%% The names of the modules that the text defines below Prefix; `unknown` stands for one that depends on more than text.
names({'__block__', _, Expressions}, Prefix) ->
    lists:append([names(Expression, Prefix) || Expression <- Expressions]);
names({Definition, _, [{'__aliases__', _, Parts} | _] = Args}, Prefix)
        when Definition =:= defmodule; Definition =:= defprotocol ->
    case lists:all(fun is_atom/1, Parts) of
        true ->
            Name = iolist_to_binary(lists:join($., [Prefix | [atom_to_binary(Part) || Part <- Parts]])),
            [Name | inner_names(do_block(Args), Name)];
        false ->
            [unknown]
    end;
names({Name, _, Args}, _Prefix) when is_list(Args) ->
    case is_module(Name) orelse (not is_definition(Name) andalso may_define(Args)) of
        true -> [unknown];
        false -> []
    end;
names(_Other, _Prefix) ->
    [].

inner_names({ok, Body}, Prefix) -> names(Body, Prefix);
inner_names(none, _Prefix) -> [].

%% A loop, a condition, or a macro that is given a body may make modules of any name; so may a closure that is called.
may_define({do, _Body}) -> true;
may_define({Name, _Meta, Args}) -> is_module(Name) orelse may_define(Name) orelse may_define(Args);
may_define({Left, Right}) -> may_define(Left) orelse may_define(Right);
may_define([Head | Tail]) -> may_define(Head) orelse may_define(Tail);
may_define(_Other) -> false.

%% What makes modules in there makes them when it is called or expanded.
is_definition(Name) ->
    lists:member(Name, [def, defp, defmacro, defmacrop]).

is_module(Name) ->
    lists:member(Name, [defmodule, defimpl, defprotocol]).

is_group(Name) ->
    Name =:= describe.

item_kind('@') -> attribute;
item_kind(_) -> code.

do_block([]) ->
    none;
do_block(Args) ->
    case lists:last(Args) of
        [{do, Body} | _] -> {ok, Body};
        _ -> none
    end.

%% From the line of the expression to the last line that any part of it mentions.
span({_, Meta, _} = Expression) ->
    case [Line || Line <- mentioned(Expression), is_integer(Line)] of
        [] ->
            none;
        Lines ->
            First = proplists:get_value(line, Meta, lists:min(Lines)),
            {min(First, lists:min(Lines)), lists:max(Lines)}
    end.

mentioned({Left, Meta, Right}) when is_list(Meta) ->
    meta_lines(Meta) ++ mentioned(Left) ++ mentioned(Right);
mentioned({Left, Right}) ->
    mentioned(Left) ++ mentioned(Right);
mentioned(List) when is_list(List) ->
    lists:append([mentioned(E) || E <- List]);
mentioned(_) ->
    [].

meta_lines(Meta) ->
    [proplists:get_value(line, Meta) | [proplists:get_value(line, M) || {Key, M} <- Meta, is_list(M), is_extent(Key)]].

is_extent(Key) ->
    lists:member(Key, ['end', closing, end_of_expression]).
