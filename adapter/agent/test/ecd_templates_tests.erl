-module(ecd_templates_tests).
-include_lib("eunit/include/eunit.hrl").

%% As ExUnit makes them of a docstring: in the module of the test file, from another file.
a_doctest_stands_in_the_file_of_its_docstring_test() ->
    Function = fun(Name, Line) ->
        {function, Line, Name, 0, [{clause, Line, [], [], [{call, Line, {remote, Line, {atom, Line, erlang},
            {atom, Line, self}}, []}]}]}
    end,
    Forms = [
        {attribute, 1, file, {"test/doc_test.exs", 1}}, {attribute, 1, module, doctested},
        {attribute, 1, export, [{own, 0}, {doctest, 0}]}, Function(own, 3),
        {attribute, 1, file, {"(for doctest at) lib/doc.ex", 1}}, Function(doctest, 5)
    ],
    {ok, doctested, Bytecode} = compile:forms(Forms, [debug_info]),
    Project = filename:absname("project"),
    ?assertEqual(
        [{filename:join(unicode:characters_to_binary(Project), "lib/doc.ex"), [{doctest, 0}]}],
        ecd_templates:files(Bytecode, {ok, unicode:characters_to_binary(filename:join(Project, "test/doc_test.exs"))})
    ).
