-module(ecd_names_tests).
-include_lib("eunit/include/eunit.hrl").

functions_are_named_as_elixir_writes_them_test_() ->
    [
        ?_assertEqual(Expected, ecd_names:function(Module, Function, Arity))
     || {Expected, Module, Function, Arity} <- [
            {<<"Foo.Bar.go/2">>, 'Elixir.Foo.Bar', go, 2},
            {<<":lists.map/2">>, lists, map, 2},
            {<<":\"odd name\".f/0">>, 'odd name', f, 0},
            {<<"Foo.\"test adds\"/1">>, 'Elixir.Foo', 'test adds', 1},
            {<<"Foo.ok?/1">>, 'Elixir.Foo', 'ok?', 1},
            {<<"Foo.+/2">>, 'Elixir.Foo', '+', 2},
            {<<"Foo.m/1">>, 'Elixir.Foo', 'MACRO-m', 2},
            {<<"anonymous fn/2 in Foo.go/1">>, 'Elixir.Foo', '-go/1-fun-0-', 2},
            {<<"comprehension in :m.f/1">>, m, '-f/1-lc$^0/1-0-', 1},
            {<<"(file)">>, elixir_compiler_3, '__FILE__', 1}
        ]
    ].

atoms_are_quoted_where_elixir_quotes_them_test() ->
    ?assertEqual(
        [<<":ok">>, <<"nil">>, <<"true">>, <<":\"a b\"">>, <<":\"say \\\"x\\\"\"">>, <<"Foo">>],
        [ecd_names:atom(A) || A <- [ok, nil, true, 'a b', 'say "x"', 'Elixir.Foo']]
    ).
