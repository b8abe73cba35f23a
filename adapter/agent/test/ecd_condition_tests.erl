%% What users write into the fields of a breakpoint, before any code runs.
-module(ecd_condition_tests).
-include_lib("eunit/include/eunit.hrl").

spec(Fields) ->
    maps:merge(#{id => 1, kind => line}, Fields).

hit_conditions_test_() ->
    [?_assertMatch({ok, _}, ecd_condition:parse(elixir, spec(#{hitCondition => Text}))) || Text <- [
        <<"3">>, <<"== 3">>, <<">= 3">>, <<">3">>, <<"<= 3">>, <<" < 3 ">>, <<"% 3">>, <<>>, <<"  ">>
    ]] ++
    [?_assertMatch({error, _}, ecd_condition:parse(elixir, spec(#{hitCondition => Text}))) || Text <- [
        <<"three">>, <<"% 0">>, <<"=3">>, <<"-1">>, <<"3 4">>, <<"== x">>, <<"1234567890123456">>
    ]].

conditions_are_parsed_in_their_language_test_() ->
    {setup, fun ecd_fixture:elixir/0, fun(_) ->
        [
            ?_assertMatch({ok, _}, ecd_condition:parse(elixir, spec(#{condition => <<"x > 1 && y in [1]">>}))),
            ?_assertMatch({ok, _},
                ecd_condition:parse(erlang, spec(#{condition => <<"X > 1 andalso lists:member(X, Y).">>}))),
            ?_assertMatch({error, <<"The condition `x >` cannot be parsed: the expression is incomplete">>},
                ecd_condition:parse(elixir, spec(#{condition => <<"x >">>}))),
            ?_assertMatch({error, <<"The condition `X >` cannot be parsed: the expression is incomplete">>},
                ecd_condition:parse(erlang, spec(#{condition => <<"X >">>})))
        ]
    end}.

incomplete_log_expression_test_() ->
    {setup, fun ecd_fixture:elixir/0, fun(_) ->
        ?_assertEqual(
            {error, <<"The expression {m +} of the log message cannot be parsed: the expression is incomplete">>},
            ecd_condition:parse(elixir, spec(#{logMessage => <<"{m +}">>})))
    end}.

log_messages_test_() ->
    {setup, fun ecd_fixture:elixir/0, fun(_) ->
        [?_assertMatch({ok, _}, ecd_condition:parse(elixir, spec(#{logMessage => Text}))) || Text <- [
            <<"plain">>, <<"{x}">>, <<"{%{a: {1, 2}}} and {\"}\"}">>, <<"\\{x\\}">>, <<"}">>, <<"ä {x} €"/utf8>>
        ]] ++
        [?_assertMatch({error, _}, ecd_condition:parse(elixir, spec(#{logMessage => Text}))) || Text <- [
            <<"{x">>, <<"{}">>, <<"{1 +}">>
        ]]
    end}.

patterns_test_() ->
    [
        ?_assertEqual(Expected, ecd_patterns:matches(Pattern, Name))
     || {Pattern, Name, Expected} <- [
            {<<"Foo">>, <<"Foo">>, true},
            {<<"Foo">>, <<"FooBar">>, false},
            {<<"Foo.*">>, <<"Foo.Bar.Baz">>, true},
            {<<"Foo.*">>, <<"Food">>, false},
            {<<"*Repo">>, <<"My.Repo">>, true},
            {<<"Fo?">>, <<"Foo">>, true},
            {<<":lists">>, <<":lists">>, true},
            {<<"regex:^My\\.(A|B)">>, <<"My.Bee">>, true},
            {<<"regex:^My\\.(A|B)">>, <<"Not.My.A">>, false}
        ]
    ].
