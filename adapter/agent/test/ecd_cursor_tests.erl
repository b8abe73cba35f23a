-module(ecd_cursor_tests).
-include_lib("eunit/include/eunit.hrl").

%% What is open at the end of a text, by its last bracket.
code_test_() ->
    [
        {Text, ?_assertEqual({code, Code, Bracket}, ecd_cursor:place(unicode:characters_to_binary(Text)))}
     || {Text, Code, Bracket} <- [
            {"x = m.", <<"x = m.">>, none},
            {"f(a, b", <<"f(a, b">>, {$(, <<"f">>, <<"a, b">>}},
            {"%Book{ti", <<"%Book{ti">>, {${, <<"%Book">>, <<"ti">>}},
            {"f(g(1), m[:", <<"f(g(1), m[:">>, {$[, <<"f(g(1), m">>, <<":">>}},
            {"\"a\" <> b", <<"\"a\" <> b">>, none},
            {"\"a #{m.", <<"m.">>, none},
            {"\"a #{f(\"#{x}\", y", <<"f(\"#{x}\", y">>, {$(, <<"\"a #{f">>, <<"\"#{x}\", y">>}},
            {"\"\"\"\n a \" #{m.", <<"m.">>, none},
            {"empty?(x", <<"empty?(x">>, {$(, <<"empty?">>, <<"x">>}},
            {"[?\", ?(, ", <<"[?\", ?(, ">>, {$[, <<>>, <<"?\", ?(, ">>}},
            {"~s(a) <> b", <<"~s(a) <> b">>, none},
            {"~w[a b]a ++ c", <<"~w[a b]a ++ c">>, none},
            {"# note\nx", <<"# note\nx">>, none},
            {"a) + b", <<"a) + b">>, none}
        ]
    ].

text_test_() ->
    [
        {Text, ?_assertEqual(text, ecd_cursor:place(unicode:characters_to_binary(Text)))}
     || Text <- [
            "\"m", "\"a \\\" m", "'m", "\"\"\"\nm \"\" m", "# m", "x # m", "~s(m", "~S(a #{m", "~r/m", "\"#{x} m",
            "~s{a #{x} m", "~S\"\"\"\n m \" m"
        ]
    ].
