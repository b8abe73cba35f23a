%% Where a breakpoint on a line really goes, and why not. Pure: works on an outline of the source and on the lines that can
%% stop.
-module(ecd_locate).

-export([line/3]).

%% Line, where it stops, and whether that is a statement of the top level rather than of a function.
-type stop() :: {pos_integer(), {module(), {atom(), arity()}}, function | top_level}.
-type answer() :: {ok, pos_integer(), [{module(), {atom(), arity()}}]} | {pending | failed, unicode:chardata()}.
-export_type([stop/0, answer/0]).

%% Stops: of all modules that the file made so far. Without an outline, extents of functions come with the stops' modules:
%% [{First line, Last line}] of those functions.
-spec line(pos_integer(), ecd_outline:outline(), {[stop()], [{pos_integer(), pos_integer()}]}) -> answer().
line(Line, #{parsed := true} = Outline, {Stops, _Functions}) ->
    case ecd_outline:module_at(Line, Outline) of
        {module, Span} -> in_module(Line, Outline, within(Span, of_kind(function, Stops)));
        top -> at_top(Line, Outline, Stops)
    end;
line(Line, Outline, {Stops, Functions}) ->
    Around = [Extent || {First, Last} = Extent <- Functions, First =< Line, Line =< Last],
    case {Around, [Stop || {First, Last} <- Around, Stop <- within({First, Last}, Stops), element(1, Stop) >= Line]} of
        {_, [_ | _] = Inside} -> nearest(Inside);
        {[_ | _], []} -> {failed, nothing_below()};
        {[], []} -> forward(Line, Outline, Stops)
    end.

in_module(_Line, _Outline, []) ->
    {pending, <<"The module around this line has not been compiled or loaded yet.">>};
in_module(Line, Outline, Stops) ->
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
        {_, []} -> {failed, nothing_below()}
    end.

%% Statements of a script outside of its modules. A module inside the script is not one of them.
at_top(Line, #{modules := Modules} = Outline, Stops) ->
    Top = [
        Stop
     || {At, _, top_level} = Stop <- Stops, not lists:any(fun({First, Last}) -> First =< At andalso At =< Last end, Modules)
    ],
    case {[Stop || {At, _, _} = Stop <- Top, At >= Line], Top} of
        {[_ | _] = Below, _} -> nearest(Below);
        {[], [_ | _]} -> {failed, nothing(Line, Outline)};
        {[], []} -> {pending, <<"The statement on this line is not compiled yet, or runs only while the file is compiled.">>}
    end.

forward(Line, Outline, Stops) ->
    case [Stop || {At, _, _} = Stop <- Stops, At >= Line] of
        [] -> {failed, nothing(Line, Outline)};
        Below -> nearest(Below)
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
        attribute -> "A module attribute is evaluated only while the module is compiled, and no code that can stop follows it.";
        other -> "Nothing on this line can stop, nor anything that follows it here."
    end.

nothing_below() ->
    "Nothing on this line can stop, nor anything below it in this function.".
