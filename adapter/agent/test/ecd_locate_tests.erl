%% Lines of a source, where a breakpoint on them goes, and where they are after an edit.
-module(ecd_locate_tests).
-include_lib("eunit/include/eunit.hrl").

source() ->
    <<
        "defmodule A do\n"
        "  @moduledoc \"\"\"\n"
        "  # not a comment\n"
        "  \"\"\"\n"
        "\n"
        "  # a comment\n"
        "  def f(x,\n"
        "        y) do\n"
        "    x + y\n"
        "  end\n"
        "\n"
        "  describe \"g\" do\n"
        "    test \"h\" do\n"
        "      :ok\n"
        "    end\n"
        "  end\n"
        "\n"
        "  defmodule B do\n"
        "    def b, do: 1\n"
        "  end\n"
        "end\n"
        "IO.puts(1)\n"
    >>.

outline_test_() ->
    {setup, fun ecd_fixture:elixir/0, fun(_) ->
        Outline = ecd_outline:of_text(source(), <<".exs">>),
        [
            ?_assertEqual({module, {1, 21}}, ecd_outline:module_at(9, Outline)),
            ?_assertEqual({module, {18, 20}}, ecd_outline:module_at(19, Outline)),
            ?_assertEqual(top, ecd_outline:module_at(22, Outline)),
            ?_assertEqual({{7, 10}, code}, ecd_outline:item_at(8, Outline)),
            ?_assertEqual({{13, 15}, code}, ecd_outline:item_at(14, Outline)),
            ?_assertEqual({{2, 4}, attribute}, ecd_outline:item_at(3, Outline)),
            ?_assertEqual(none, ecd_outline:item_at(5, Outline)),
            ?_assertEqual(blank, ecd_outline:kind(5, Outline)),
            ?_assertEqual(comment, ecd_outline:kind(6, Outline)),
            ?_assertEqual(attribute, ecd_outline:kind(2, Outline)),
            ?_assertEqual(past_end, ecd_outline:kind(99, Outline)),
            ?_assert(ecd_outline:has_statement(5, Outline)),
            ?_assert(ecd_outline:has_statement(22, Outline)),
            ?_assertNot(ecd_outline:has_statement(23, Outline))
        ]
    end}.

configuration_is_known_by_what_it_imports_test() ->
    ok = ecd_fixture:elixir(),
    Is = fun(Text, Extension) -> maps:get(configuration, ecd_outline:of_text(Text, Extension)) end,
    ?assert(Is(<<"import Config\n\nconfig :app, a: 1\n">>, <<".exs">>)),
    ?assert(Is(<<"use Mix.Config\n">>, <<".exs">>)),
    ?assertNot(Is(<<"import Config.Other\nIO.puts(1)\n">>, <<".exs">>)),
    ?assertNot(Is(<<"import Config\n">>, <<".ex">>)).

a_text_that_does_not_parse_has_lines_all_the_same_test() ->
    ok = ecd_fixture:elixir(),
    Outline = ecd_outline:of_text(<<"defmodule A do\n  def (\n">>, <<".ex">>),
    ?assertMatch(#{parsed := false, modules := []}, Outline),
    ?assertEqual(3, ecd_outline:last_line(Outline)).

a_body_that_is_a_literal_stops_at_its_head_test() ->
    ok = ecd_fixture:elixir(),
    Source = <<"defmodule A do\n  def f do\n    :world\n  end\n\n  def g do\n    f()\n    :ok\n  end\nend\n">>,
    Outline = ecd_outline:of_text(Source, <<".ex">>),
    Stops = [{2, {'A', {f, 0}}, function}, {7, {'A', {g, 0}}, function}],
    At = fun(Line) -> ecd_locate:line(Line, Outline, {Stops, []}) end,
    ?assertEqual({ok, 2, [{'A', {f, 0}}]}, At(3)),
    ?assertEqual({ok, 7, [{'A', {g, 0}}]}, At(6)),
    ?assertMatch({failed, _}, At(8)).

located_test_() ->
    {setup, fun ecd_fixture:elixir/0, fun(_) ->
        Outline = ecd_outline:of_text(source(), <<".exs">>),
        Stops = [
            {7, {'A', {f, 1}}, function}, {9, {'A', {f, 2}}, function}, {14, {'A', {t, 1}}, function},
            {19, {'B', {b, 0}}, function}, {1, {c, {'__FILE__', 1}}, top_level}, {22, {c, {'__FILE__', 1}}, top_level}
        ],
        At = fun(Line) -> ecd_locate:line(Line, Outline, {Stops, []}) end,
        [
            ?_assertEqual({ok, 9, [{'A', {f, 2}}]}, At(7)),
            ?_assertEqual({ok, 9, [{'A', {f, 2}}]}, At(8)),
            ?_assertMatch({failed, _}, At(10)),
            ?_assertEqual({ok, 9, [{'A', {f, 2}}]}, At(3)),
            ?_assertEqual({ok, 14, [{'A', {t, 1}}]}, At(11)),
            ?_assertEqual({ok, 14, [{'A', {t, 1}}]}, At(13)),
            ?_assertEqual({ok, 19, [{'B', {b, 0}}]}, At(18)),
            ?_assertEqual({ok, 22, [{c, {'__FILE__', 1}}]}, At(22)),
            ?_assertMatch({failed, _}, At(23))
        ]
    end}.

%% The compiler itself runs what defstruct makes.
a_struct_is_no_place_to_stop_test() ->
    ok = ecd_fixture:elixir(),
    Outline = ecd_outline:of_text(<<"defmodule A do\n  defstruct [:a]\n\n  def f(x), do: x\nend\n">>, <<".ex">>),
    Struct = [{2, {'A', {'__struct__', 0}}, generated}, {2, {'A', {'__struct__', 1}}, generated}],
    Stops = [{4, {'A', {f, 1}}, function} | Struct],
    [?assertEqual({ok, 4, [{'A', {f, 1}}]}, ecd_locate:line(Line, Outline, {Stops, []})) || Line <- [1, 2]],
    [?assertMatch({failed, _}, ecd_locate:line(Line, Outline, {Struct, []})) || Line <- [1, 2]].

names_are_all_known_unless_one_takes_more_than_the_text_test_() ->
    {setup, fun ecd_fixture:elixir/0, fun(_) ->
        Names = fun(Text) -> maps:get(names, ecd_outline:of_text(Text, <<".ex">>)) end,
        [
            ?_assertEqual({some, [<<"Elixir.A">>, <<"Elixir.A.B">>]}, Names(source())),
            ?_assertEqual(
                {all, [<<"Elixir.A.B">>, <<"Elixir.A.B.C.D">>, <<"Elixir.P">>]},
                Names(<<"defmodule A.B do\n  defmodule C.D do\n  end\nend\ndefprotocol P do\nend\n">>)
            ),
            ?_assertEqual({some, [<<"Elixir.A">>]}, Names(<<"defmodule A do\n  defimpl P, for: A do\n  end\nend\n">>)),
            ?_assertEqual({some, []}, Names(<<"defmodule unquote(name) do\nend\n">>)),
            ?_assertEqual(
                {some, [<<"Elixir.A">>]},
                Names(<<"defmodule A do\n  for n <- [B, C] do\n    defmodule n do\n    end\n  end\nend\n">>)
            ),
            ?_assertEqual(
                {some, [<<"Elixir.A">>]},
                Names(<<"defmodule A do\n  embeds_one :b, B do\n    field :c\n  end\nend\n">>)
            ),
            ?_assertEqual(
                {some, []},
                Names(<<"Enum.each([B, C], fn n ->\n  defmodule n, do: def(f, do: 1)\nend)\n">>)
            ),
            ?_assertEqual(
                {all, [<<"Elixir.A">>]},
                Names(<<"defmodule A do\n  use B\n  defmacro m do\n    quote(do: defmodule(C, do: 1))\n  end\nend\n">>)
            )
        ]
    end}.

a_line_of_a_module_that_is_not_there_yet_is_pending_test() ->
    ok = ecd_fixture:elixir(),
    Outline = ecd_outline:of_text(source(), <<".exs">>),
    ?assertMatch({pending, _}, ecd_locate:line(9, Outline, {[], []})),
    ?assertMatch({pending, _}, ecd_locate:line(22, Outline, {[], []})).

without_an_outline_functions_go_as_far_as_the_next_begins_test() ->
    Outline = ecd_outline:of_text(<<"f(A) ->\n  A.\n\ng(B) ->\n  B.\n">>, <<".erl">>),
    Found = {[{2, {m, {f, 1}}, function}, {5, {m, {g, 1}}, function}], [{1, 3}, {4, 6}]},
    ?assertEqual({ok, 2, [{m, {f, 1}}]}, ecd_locate:line(1, Outline, Found)),
    ?assertMatch({failed, _}, ecd_locate:line(3, Outline, Found)),
    ?assertEqual({ok, 5, [{m, {g, 1}}]}, ecd_locate:line(4, Outline, Found)).

moved_test_() ->
    Old = {<<"a">>, <<"b">>, <<"c">>, <<"d">>},
    [
        ?_assertEqual(Expected, ecd_locate:moved(Line, Old, New))
     || {Line, New, Expected} <- [
            {2, Old, 2},
            {3, {<<"x">>, <<"a">>, <<"b">>, <<"c">>, <<"d">>}, 4},
            {1, {<<"a">>, <<"x">>, <<"b">>, <<"c">>, <<"d">>}, 1},
            {4, {<<"a">>, <<"d">>}, 2},
            {2, {<<"a">>, <<"x">>, <<"y">>, <<"  b">>, <<"z">>, <<"d">>}, 4},
            {3, {<<"a">>, <<"b">>, <<"changed">>, <<"d">>}, 3}
        ]
    ].
