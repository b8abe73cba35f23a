%% Source text for modules whose file is not there, regenerated from their debug information, each expression on its
%% original line as far as it fits. Read-only; says so in its first line.
-module(ecd_source).

-export([reference/1, source/1, text/1]).

%% ms for regenerating one module.
-define(TIMEOUT, 10000).

%% The text under construction: lines done (newest first), the line being written, and its number.
%% What is laid out now must be done before the line `limit`, where the next thing stands.
-record(page, {
    done = [] :: [iodata()],
    line = [] :: iodata(),
    number = 1 :: pos_integer(),
    limit = infinity :: pos_integer() | infinity
}).

%% The number under which `source` serves a module; the same for the whole session.
-spec reference(module()) -> pos_integer().
reference(Module) ->
    ecd_handles:once(source, Module).

-spec source(map()) -> map().
source(#{reference := Reference}) ->
    case ecd_handles:get(source, Reference) of
        {ok, session, Module} ->
            {Content, MimeType} = text(Module),
            #{content => Content, mimeType => MimeType};
        error ->
            ecd_failure:user(<<"sourceMissing">>, ["There is no source ", integer_to_list(Reference), "."],
                             "Select a frame again; source numbers are valid within one session.")
    end.

%% Regenerating calls Elixir, hence the throw-away process.
-spec text(module()) -> {Content :: binary(), MimeType :: binary()}.
text(Module) ->
    case ecd_worker:run(fun() -> regenerate(Module) end, ?TIMEOUT) of
        {ok, {#page{} = Page, MimeType}} -> {content(Page), MimeType};
        {ok, {unavailable, Why}} -> unavailable(Module, Why);
        timeout -> unavailable(Module, "regenerating its source took too long");
        {died, _Reason} -> unavailable(Module, "its debug information cannot be read")
    end.

unavailable(Module, Why) ->
    Functions = [["# ", ecd_names:function(Module, F, A), $\n] || {F, A} <- lists:sort(Module:module_info(exports))],
    Text = ["# Source of ", ecd_names:module(Module), ": not available, ", Why, ". It exports:\n", Functions],
    {unicode:characters_to_binary(Text), <<"text/x-elixir">>}.

regenerate(Module) ->
    case ecd_modules:bytecode(Module) of
        {ok, Beam} -> regenerate(Module, beam_lib:chunks(Beam, [debug_info]));
        %% Also what the agent itself has changed (ecd_patience): the lines are those of the file.
        {error, changed_on_disk} -> regenerate(Module, beam_lib:chunks(code:which(Module), [debug_info]));
        {error, not_found} -> {unavailable, "its bytecode is nowhere to be found"}
    end.

regenerate(Module, {ok, {Module, [{debug_info, {debug_info_v1, elixir_erl, {elixir_v1, Map, _Specs}}}]}}) ->
    {elixir(Module, Map), <<"text/x-elixir">>};
regenerate(Module, {ok, {Module, [{debug_info, {debug_info_v1, Backend, Data}}]}}) ->
    case Backend:debug_info(erlang_v1, Module, Data, []) of
        {ok, Forms} -> {erlang(Module, Forms), <<"text/x-erlang">>};
        {error, _} -> {unavailable, "it was compiled without debug information"}
    end;
regenerate(_Module, _Other) ->
    {unavailable, "it was compiled without debug information"}.

notice(Comment, Module) ->
    [Comment, " Regenerated from the debug information of ", ecd_names:module(Module),
     ": read-only, without comments, macros expanded."].

%% Elixir

elixir(Module, #{definitions := Definitions}) ->
    Clauses = lists:keysort(1, [
        {proplists:get_value(line, Meta, 0), Kind, Name, Clause}
     || {{Name, _Arity}, Kind, _, Cs} <- Definitions, {Meta, _, _, _} = Clause <- Cs
    ]),
    Page = write(notice("#", Module), #page{}),
    Head = at(2, ["defmodule ", ecd_names:module(Module), " do"], Page),
    at_next("end", limited(Clauses, fun({Line, _, _, _}) -> Line end, fun definition/2, Head)).

definition({Line, Kind, Name, {_, Args, Guards, Body}}, Page) ->
    Call = plain({Name, [], Args}),
    Signature =
        case Guards of
            [] -> Call;
            _ -> {'when', [], [Call, plain(lists:foldr(fun any_guard/2, none, Guards))]}
        end,
    Head = at(Line, ["  ", atom_to_binary(Kind), " ", one_line(Signature), " do"], Page),
    at_next("  end", statements(plain(Body), "    ", Head)).

any_guard(Guard, none) -> Guard;
any_guard(Guard, Guards) -> {'when', [], [Guard, Guards]}.

statements({'__block__', _, Statements}, Indent, Page) ->
    limited(Statements, fun nested_line/1, fun(Statement, Acc) -> statement(Statement, Indent, "", Acc) end, Page);
statements(Statement, Indent, Page) ->
    statement(Statement, Indent, "", Page).

%% Constructs with clauses are laid out by their clauses' lines; everything else is written by Elixir on one place.
statement({'=', Meta, [Pattern, {Construct, _, Args} = Value]}, Indent, Prefix, Page) when
    is_list(Args), (Construct =:= 'case' orelse Construct =:= 'try' orelse Construct =:= 'receive' orelse
                    Construct =:= 'cond')
->
    Begun = at(line(Meta, Page), [Indent, Prefix, one_line(Pattern), " ="], Page),
    statement(Value, Indent, "", Begun);
statement({Construct, Meta, Args} = Statement, Indent, Prefix, Page) when
    Construct =:= 'case'; Construct =:= 'try'; Construct =:= 'receive'; Construct =:= 'cond'
->
    case is_list(Args) andalso Args =/= [] andalso lists:last(Args) of
        [{do, _} | _] = Blocks ->
            Heads = [one_line(Arg) || Arg <- lists:droplast(Args)],
            Opening = [Indent, Prefix, atom_to_binary(Construct), [[" ", Head] || Head <- Heads]],
            at_next([Indent, "end"], blocks(Blocks, Indent, at(line(Meta, Page), Opening, Page)));
        _ ->
            written(Statement, Meta, Indent, Prefix, Page)
    end;
statement({_, Meta, _} = Statement, Indent, Prefix, Page) when is_list(Meta) ->
    written(Statement, Meta, Indent, Prefix, Page);
statement(Literal, Indent, Prefix, Page) ->
    at_next([Indent, Prefix, one_line(Literal)], Page).

written(Statement, Meta, Indent, Prefix, Page) ->
    [First | Rest] = binary:split('Elixir.Macro':to_string(Statement), <<"\n">>, [global]),
    Line = case Meta of [] -> 0; _ -> first_line(Statement) end,
    lists:foldl(
        fun(More, Acc) -> at_next([Indent, More], Acc) end,
        at(Line, [Indent, Prefix, First], Page),
        Rest
    ).

blocks(Blocks, Indent, Page) ->
    lists:foldl(
        fun({Key, Body}, Acc) ->
            Named = case Key of do -> append(" do", Acc); _ -> at_next([Indent, atom_to_binary(Key)], Acc) end,
            clauses(Body, [Indent, "  "], Named)
        end,
        Page,
        Blocks
    ).

clauses([{'->', _, _} | _] = Clauses, Indent, Page) ->
    lists:foldl(
        fun({'->', Meta, [Head, Body]}, Acc) ->
            Text = lists:join(", ", [one_line(Pattern) || Pattern <- Head]),
            statements(Body, [Indent, "  "], at(line(Meta, Acc), [Indent, Text, " ->"], Acc))
        end,
        Page,
        Clauses
    );
clauses(Body, Indent, Page) ->
    statements(Body, Indent, Page).

line(Meta, _Page) -> proplists:get_value(line, Meta, 0).

%% A statement begins where its first part does: `a\n|> b` has its outermost call on the second line.
first_line({Left, Meta, Args}) ->
    Lines = [L || L <- [line(Meta, none), nested_line(Left) | [nested_line(A) || is_list(Args), A <- Args]], L > 0],
    case Lines of
        [] -> 0;
        _ -> lists:min(Lines)
    end.

nested_line({_, _, _} = Node) -> first_line(Node);
nested_line({Left, Right}) -> least([nested_line(Left), nested_line(Right)]);
nested_line(List) when is_list(List) -> least([nested_line(Element) || Element <- List]);
nested_line(_) -> 0.

least(Lines) ->
    case [Line || Line <- Lines, Line > 0] of
        [] -> 0;
        Positive -> lists:min(Positive)
    end.

one_line(Quoted) ->
    re:replace('Elixir.Macro':to_string(Quoted), <<"\\s*\\n\\s*">>, <<" ">>, [global, unicode, {return, binary}]).

%% The expanded code calls :erlang where the source had operators.
plain({{'.', _, [erlang, Operator]}, Meta, [Left, Right]}) ->
    {operator(Operator), Meta, [plain(Left), plain(Right)]};
plain({Form, Meta, Args}) ->
    {plain(Form), Meta, plain(Args)};
plain({Left, Right}) ->
    {plain(Left), plain(Right)};
plain([Head | Tail]) ->
    [plain(Head) | plain(Tail)];
plain(Other) ->
    Other.

operator('=:=') -> '===';
operator('=/=') -> '!==';
operator('/=') -> '!=';
operator('=<') -> '<=';
operator('andalso') -> 'and';
operator('orelse') -> 'or';
operator(Other) -> Other.

%% Erlang

erlang(Module, Forms) ->
    Page = at(2, ["-module(", atom_to_list(Module), ")."], write(notice("%%", Module), #page{})),
    Clauses = lists:append([terminated(Name, Arity, Cs) || {function, _, Name, Arity, Cs} <- Forms]),
    limited(Clauses, fun({_, _, Clause, _}) -> erlang_line(Clause) end, fun erlang_clause/2, Page).

terminated(Name, Arity, [Last]) -> [{Name, Arity, Last, "."}];
terminated(Name, Arity, [Clause | Clauses]) -> [{Name, Arity, Clause, ";"} | terminated(Name, Arity, Clauses)].

erlang_line(Node) -> erl_anno:line(element(2, Node)).

%% The pretty printer writes whole functions only: the head is what it writes before the arrow of an empty body.
erlang_clause({Name, Arity, {clause, Anno, Patterns, Guards, Body}, End}, Page) ->
    Whole = erl_pp:form({function, Anno, Name, Arity, [{clause, Anno, Patterns, Guards, [{atom, Anno, body}]}]}),
    [Head | _] = string:split(flat(Whole), "->", trailing),
    Count = length(Body),
    limited(
        lists:enumerate(Body),
        fun({_, Expression}) -> erlang_line(Expression) end,
        fun({N, Expression}, Acc) ->
            Comma = case N of Count -> End; _ -> "," end,
            erlang_expression(Expression, Comma, Acc)
        end,
        at(erl_anno:line(Anno), [string:trim(Head), " ->"], Page)
    ).

erlang_expression(Expression, Comma, Page) ->
    [First | Rest] = string:split(flat([erl_pp:expr(Expression, 4, none), Comma]), "\n", all),
    lists:foldl(fun at_next/2, at(erlang_line(Expression), ["    ", string:trim(First, leading)], Page), Rest).

flat(Chars) -> unicode:characters_to_list(Chars).

%% The page

%% On the wished line, when that is still to come; else behind what stands on the present one, so that a text that
%% is longer than the original does not push the rest away from its lines.
at(Line, Text, Page = #page{number = Number}) when Line > Number ->
    at(Line, Text, new_line(Page));
at(Line, Text, Page = #page{number = Number, line = []}) when Line =< Number ->
    write(Text, Page);
at(_Line, Text, Page) ->
    write(["  ", string:trim(unicode:characters_to_list(Text), leading)], Page).

%% On a line of its own, if there is one.
at_next(Text, Page = #page{number = Number, limit = Limit}) when Number + 1 < Limit ->
    write(Text, new_line(Page));
at_next(Text, Page) ->
    write([" ", string:trim(unicode:characters_to_list(Text), leading)], Page).

%% Lays out one after the other, each within the lines before the next one.
limited([], _LineOf, _Fun, Page) ->
    Page;
limited([Element | Rest], LineOf, Fun, Page = #page{limit = Outer}) ->
    Next = lists:min([Outer | [LineOf(After) || After <- lists:sublist(Rest, 1), LineOf(After) > 0]]),
    Done = Fun(Element, Page#page{limit = Next}),
    limited(Rest, LineOf, Fun, Done#page{limit = Outer}).

append(Text, Page) ->
    write(Text, Page).

write(Text, Page = #page{line = Line}) ->
    Page#page{line = [Line, Text]}.

new_line(Page = #page{done = Done, line = Line, number = Number}) ->
    Page#page{done = [Line | Done], line = [], number = Number + 1}.

content(#page{done = Done, line = Line}) ->
    unicode:characters_to_binary(lists:join($\n, lists:reverse(Done, [Line, []]))).
