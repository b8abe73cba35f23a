%% Where in an Elixir text a cursor at its end is: in code, and inside which bracket there, or in a string or comment.
%% Pure; knows as much of the syntax as that takes, and parses nothing.
-module(ecd_cursor).

-export([place/1]).

%% An open bracket, what stands before it and what after it.
-type bracket() :: {char(), Before :: binary(), Since :: binary()}.
%% code: the innermost bracket, and the text since the string's interpolation began, or all of it.
-type place() :: {code, Text :: binary(), bracket() | none} | text.
-export_type([place/0]).

-define(IS_WORD(C), (C >= $a andalso C =< $z orelse C >= $A andalso C =< $Z orelse C >= $0 andalso C =< $9 orelse
    C =:= $_ orelse C >= 128)).

-spec place(binary()) -> place().
place(Text) ->
    code(Text, 0, [{code, 0}], Text).

%% At is the number of bytes read. The stack holds what is open: {code, Start} for all of the text or an interpolation,
%% {Bracket, At} for a bracket, and below an interpolation the string that it belongs to, {text, How}.
code(<<>>, _At, Stack, Text) ->
    Start = hd([Start || {code, Start} <- Stack]),
    {code, binary:part(Text, Start, byte_size(Text) - Start), bracket(hd(Stack), Text)};
code(<<$#, Rest/binary>>, At, Stack, Text) ->
    case binary:split(Rest, <<"\n">>) of
        [_Comment] -> text;
        [Comment, After] -> code(After, At + byte_size(Comment) + 2, Stack, Text)
    end;
code(<<C, _/binary>> = Rest, At, Stack, Text) when ?IS_WORD(C) ->
    {Size, After} = word(Rest, 0),
    code(After, At + Size, Stack, Text);
code(<<$?, $\\, _, Rest/binary>>, At, Stack, Text) ->
    code(Rest, At + 3, Stack, Text);
code(<<$?, C, Rest/binary>>, At, Stack, Text) when C =:= $"; C =:= $'; C =:= $#; C =:= $(; C =:= $[; C =:= ${ ->
    code(Rest, At + 2, Stack, Text);
code(<<$?, C, Rest/binary>>, At, Stack, Text) when C =:= $); C =:= $]; C =:= $} ->
    code(Rest, At + 2, Stack, Text);
code(<<"\"\"\"", Rest/binary>>, At, Stack, Text) ->
    text(Rest, At + 3, {<<"\"\"\"">>, interpolates}, Stack, Text);
code(<<"'''", Rest/binary>>, At, Stack, Text) ->
    text(Rest, At + 3, {<<"'''">>, interpolates}, Stack, Text);
code(<<Quote, Rest/binary>>, At, Stack, Text) when Quote =:= $"; Quote =:= $' ->
    text(Rest, At + 1, {<<Quote>>, interpolates}, Stack, Text);
code(<<$~, Rest/binary>>, At, Stack, Text) ->
    sigil(Rest, At + 1, Stack, Text);
code(<<Open, Rest/binary>>, At, Stack, Text) when Open =:= $(; Open =:= $[; Open =:= ${ ->
    code(Rest, At + 1, [{Open, At} | Stack], Text);
code(<<Close, Rest/binary>>, At, Stack, Text) when Close =:= $); Close =:= $]; Close =:= $} ->
    closed(Close, Rest, At + 1, Stack, Text);
code(<<_, Rest/binary>>, At, Stack, Text) ->
    code(Rest, At + 1, Stack, Text).

%% A name with its question mark, which begins no character.
word(<<C, Rest/binary>>, Size) when ?IS_WORD(C) -> word(Rest, Size + 1);
word(<<C, Rest/binary>>, Size) when C =:= $?; C =:= $! -> {Size + 1, Rest};
word(Rest, Size) -> {Size, Rest}.

%% The brace that ends an interpolation goes on with its string; a bracket too many changes nothing.
closed($}, Rest, At, [{code, _}, {text, How} | Stack], Text) -> text(Rest, At, How, Stack, Text);
closed(_Close, Rest, At, [{code, _} | _] = Stack, Text) -> code(Rest, At, Stack, Text);
closed(_Close, Rest, At, [_Open | Stack], Text) -> code(Rest, At, Stack, Text).

text(<<>>, _At, _How, _Stack, _Text) ->
    text;
text(<<$\\, _, Rest/binary>>, At, How, Stack, Text) ->
    text(Rest, At + 2, How, Stack, Text);
text(<<"#{", Rest/binary>>, At, {_, interpolates} = How, Stack, Text) ->
    code(Rest, At + 2, [{code, At + 2}, {text, How} | Stack], Text);
text(<<_, Tail/binary>> = Rest, At, {End, _} = How, Stack, Text) ->
    Size = byte_size(End),
    case Rest of
        <<End:Size/binary, After/binary>> -> code(After, At + Size, Stack, Text);
        _ -> text(Tail, At + 1, How, Stack, Text)
    end.

%% Upper-case sigils know no interpolation.
sigil(Rest, At, Stack, Text) ->
    Pattern = <<"^([a-zA-Z][A-Z0-9]*)(\"\"\"|'''|[\"'/|(\\[{<])">>,
    case re:run(Rest, Pattern, [{capture, all_but_first, binary}]) of
        {match, [<<First, _/binary>> = Name, Open]} ->
            Size = byte_size(Name) + byte_size(Open),
            <<_:Size/binary, After/binary>> = Rest,
            Kind = case First >= $a of true -> interpolates; false -> literal end,
            text(After, At + Size, {closing(Open), Kind}, Stack, Text);
        nomatch ->
            code(Rest, At, Stack, Text)
    end.

closing(<<"(">>) -> <<")">>;
closing(<<"[">>) -> <<"]">>;
closing(<<"{">>) -> <<"}">>;
closing(<<"<">>) -> <<">">>;
closing(Same) -> Same.

bracket({code, _}, _Text) ->
    none;
bracket({Open, At}, Text) ->
    <<Before:At/binary, Open, Since/binary>> = Text,
    {Open, Before, Since}.
