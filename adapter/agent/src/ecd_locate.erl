%% Where a breakpoint on a line really goes, and why not. Pure: works on an outline of the source and on the lines that
%% can stop.
-module(ecd_locate).

-export([line/3, moved/3]).

%% Line, where it stops, and whether that is in a function, in a statement of the top level, or in a function that
%% Elixir adds for defstruct: the compiler itself runs that, so nobody's breakpoint goes there.
-type stop() :: {pos_integer(), {module(), {atom(), arity()}}, function | top_level | generated}.
-type answer() :: {ok, pos_integer(), [{module(), {atom(), arity()}}]} | {pending | failed, unicode:chardata()}.
-export_type([stop/0, answer/0]).

%% Stops: of all modules that the file made so far. Without an outline, extents of functions come with the stops'
%% modules: [{First line, Last line}] of those functions.
-spec line(pos_integer(), ecd_outline:outline(), {[stop()], [{pos_integer(), pos_integer()}]}) -> answer().
line(Line, #{parsed := true} = Outline, {Stops, _Functions}) ->
    case ecd_outline:module_at(Line, Outline) of
        {module, Span} -> in_module(Line, Outline, within(Span, Stops));
        top -> at_top(Line, Outline, Stops)
    end;
line(Line, Outline, {All, Functions}) ->
    Stops = [Stop || {_, _, Kind} = Stop <- All, Kind =/= generated],
    Around = [Extent || {First, Last} = Extent <- Functions, First =< Line, Line =< Last],
    case {Around, [Stop || {First, Last} <- Around, Stop <- within({First, Last}, Stops), element(1, Stop) >= Line]} of
        {_, [_ | _] = Inside} -> nearest(Inside);
        {[_ | _], []} -> {failed, nothing_below()};
        {[], []} -> forward(Line, Outline, Stops)
    end.

in_module(_Line, _Outline, []) ->
    {pending, <<"The module around this line has not been compiled or loaded yet.">>};
in_module(Line, Outline, All) ->
    Stops = of_kind(function, All),
    case ecd_outline:item_at(Line, Outline) of
        {Item, code} -> in_item(Line, Item, Outline, Stops);
        _ -> forward(Line, Outline, Stops)
    end.

%% On its head a definition means its first statement, though a clause made for default arguments may stop at the head.
in_item(Line, {First, Last} = Item, Outline, Stops) ->
    Inside = within(Item, Stops),
    Body = [Stop || Stop <- Inside, element(1, Stop) > Line],
    case {Inside, [Stop || Stop <- Inside, element(1, Stop) =:= Line]} of
        {[], _} -> forward(Line, Outline, Stops);
        {_, _} when Line =:= First, Last > First, Body =/= [] -> nearest(Body);
        {_, [_ | _] = Here} -> nearest(Here);
        {_, []} when Body =/= [] -> nearest(Body);
        {_, []} ->
            %% A literal has no line of its own: a body that is nothing else is run where its definition begins.
            case within({First, First}, Inside) of
                Inside -> nearest(Inside);
                _ -> {failed, nothing_below()}
            end
    end.

%% Statements of a script outside of its modules. A module inside the script is not one of them.
at_top(Line, #{modules := Modules} = Outline, Stops) ->
    Inside = fun(At) -> lists:any(fun({First, Last}) -> First =< At andalso At =< Last end, Modules) end,
    Top = [Stop || {At, _, top_level} = Stop <- Stops, not Inside(At)],
    case {[Stop || {At, _, _} = Stop <- Top, At >= Line], ecd_outline:kind(Line, Outline)} of
        {[_ | _] = Below, _} -> nearest(Below);
        {[], Kind} when map_get(script, Outline), Top =:= [], Kind =/= past_end ->
            case ecd_outline:has_statement(Line, Outline) of
                true -> {pending, <<"This statement is not compiled yet.">>};
                false -> {failed, nothing(Line, Outline)}
            end;
        {[], other} when Top =:= [] ->
            {failed, <<"This line is outside of any function: it runs only while it is compiled.">>};
        {[], _} -> {failed, nothing(Line, Outline)}
    end.

forward(Line, Outline, Stops) ->
    case [Stop || {At, _, _} = Stop <- Stops, At >= Line] of
        [] ->
            {failed, nothing(Line, Outline)};
        Below ->
            {ok, At, _} = Nearest = nearest(Below),
            case ecd_outline:item_at(At, Outline) of
                {{At, Last} = Item, code} when Last > At -> in_item(At, Item, Outline, Stops);
                _ -> Nearest
            end
    end.

%% Where a line of the old text is in the new one: what stands before and after all changes moves with its surroundings,
%% a line among the changes is looked for by its text, and one that is nowhere stays.
-spec moved(pos_integer(), Old :: tuple(), New :: tuple()) -> pos_integer().
moved(Line, Old, New) ->
    Shorter = min(tuple_size(Old), tuple_size(New)),
    Before = common(fun(N) -> element(N, Old) =:= element(N, New) end, 1, Shorter),
    FromEnd = fun(N, Lines) -> element(tuple_size(Lines) + 1 - N, Lines) end,
    After = common(fun(N) -> FromEnd(N, Old) =:= FromEnd(N, New) end, 1, Shorter - Before),
    Delta = tuple_size(New) - tuple_size(Old),
    if
        Line =< Before -> Line;
        Line > tuple_size(Old) - After -> Line + Delta;
        true -> by_text(Line, string:trim(element(Line, Old)), New, {Before + 1, tuple_size(New) - After})
    end.

common(Same, N, Limit) when N =< Limit ->
    case Same(N) of
        true -> 1 + common(Same, N + 1, Limit);
        false -> 0
    end;
common(_Same, _N, _Limit) ->
    0.

by_text(Line, Text, New, {First, Last}) ->
    Same = [{abs(N - Line), N} || N <- lists:seq(First, Last), string:trim(element(N, New)) =:= Text],
    case lists:sort(Same) of
        [{_, Nearest} | _] -> Nearest;
        [] -> Line
    end.

nearest(Stops) ->
    Line = lists:min([At || {At, _, _} <- Stops]),
    {ok, Line, lists:usort([Place || {At, Place, _} <- Stops, At =:= Line])}.

within({First, Last}, Stops) ->
    [Stop || {At, _, _} = Stop <- Stops, First =< At, At =< Last].

of_kind(Kind, Stops) ->
    [Stop || {_, _, K} = Stop <- Stops, K =:= Kind].

nothing(Line, Outline) ->
    case ecd_outline:kind(Line, Outline) of
        past_end -> io_lib:format("The file has only ~w lines.", [ecd_outline:last_line(Outline)]);
        blank -> "This line is blank, and no code that can stop follows it.";
        comment -> "This line is a comment, and no code that can stop follows it.";
        attribute -> "A module attribute is evaluated only by the compiler, and no code that can stop follows it.";
        other -> "Nothing on this line can stop, nor anything that follows it here."
    end.

nothing_below() ->
    "Nothing on this line can stop, nor anything below it in this function.".
