-module(ecd_source_tests).
-include_lib("eunit/include/eunit.hrl").

-define(SOURCE, "
defmodule SourceFixture do
  # A comment that is lost.

  def plain(a, b) when a > b do
    sum = a + b

    case sum do
      0 ->
        :zero

      n when n != 1 ->
        hidden(n)
    end
  end

  def plain(_, _), do: :other

  defp hidden(n), do: n && to_string(n)

  defmacro twice(x), do: quote(do: unquote(x) * 2)
end
").

source_test_() ->
    {setup,
        fun() ->
            Dir = ecd_stopping:compile("source.ex", ?SOURCE),
            {ok, _} = ecd_handles:start(),
            ok = ecd_modules:start(),
            Dir
        end,
        fun(Dir) ->
            ok = ecd_modules:stop(),
            ok = ecd_handles:stop(),
            ecd_stopping:remove(Dir)
        end,
        [
            {"the first line says what it is", fun labelled/0},
            {"functions and statements stand on their original lines", fun lines/0},
            {"private functions and macros are shown", fun private/0},
            {"Erlang modules are written in Erlang", fun erlang/0},
            {"large modules of Elixir and OTP are regenerated in time", {timeout, 30, fun large/0}},
            {"a module that was compiled anew is shown as it is on disk", fun changed/0},
            {"a module without debug information names its functions", fun stripped/0},
            {"a module has one number, and an unknown number is an error", fun references/0}
        ]}.

text() ->
    {Content, <<"text/x-elixir">>} = ecd_source:text('Elixir.SourceFixture'),
    Content.

line(Number, Text) ->
    string:trim(lists:nth(Number, binary:split(Text, <<"\n">>, [global]))).

original(Marker) ->
    Lines = string:split(?SOURCE, "\n", all),
    [Number | _] = [N || {N, Line} <- lists:enumerate(Lines), string:find(Line, Marker) =/= nomatch],
    Number.

labelled() ->
    First = line(1, text()),
    ?assertMatch(<<"# Regenerated from the debug information of SourceFixture", _/binary>>, First),
    ?assertNotEqual(nomatch, string:find(First, "read-only")).

lines() ->
    Text = text(),
    [
        ?assertEqual({Marker, match}, {Marker, found(line(original(Marker), Text), Expected)})
     || {Marker, Expected} <- [
            {"def plain(a, b)", "def plain(a, b) when a > b do"},
            {"sum = a + b", "sum = a + b"},
            {"case sum do", "case sum do"},
            {":zero", ":zero"},
            {"        hidden(n)", "hidden(n)"},
            {"n when n != 1", "n when n != 1 ->"},
            {"def plain(_, _)", "def plain(_, _) do"}
        ]
    ].

found(Line, Expected) ->
    case string:find(Line, Expected) of
        nomatch -> {Line, Expected};
        _ -> match
    end.

private() ->
    Text = text(),
    ?assertNotEqual(nomatch, string:find(Text, "defp hidden(n) do")),
    ?assertNotEqual(nomatch, string:find(Text, "defmacro twice(x) do")).

erlang() ->
    {Content, <<"text/x-erlang">>} = ecd_source:text(ecd_names),
    {ok, Original} = file:read_file(proplists:get_value(source, ecd_names:module_info(compile))),
    Lines = binary:split(Original, <<"\n">>, [global]),
    [Number] = [N || {N, <<"is_identifier(Text) ->", _/binary>>} <- lists:enumerate(Lines)],
    ?assertEqual(<<"is_identifier(Text) ->">>, line(Number, Content)).

large() ->
    [
        ?assertNotEqual({Module, nomatch}, {Module, string:find(element(1, ecd_source:text(Module)), "Regenerated")})
     || Module <- ['Elixir.Enum', 'Elixir.Macro', 'Elixir.GenServer', gen_server, lists, erl_lint]
    ].

changed() ->
    {ok, Beam} = ecd_modules:bytecode('Elixir.SourceFixture'),
    {ok, {_, [{abstract_code, {_, Forms}}]}} = beam_lib:chunks(Beam, [abstract_code]),
    Added = {function, 1, added, 0, [{clause, 1, [], [], [{atom, 1, added}]}]},
    {Begin, End} = lists:splitwith(fun(Form) -> element(1, Form) =/= function end, Forms),
    {ok, Module, Other} = compile:forms(Begin ++ [Added | End], [binary, export_all, nowarn_export_all]),
    {module, Module} = code:load_binary(Module, code:which(Module), Other),
    ?assertEqual({error, changed_on_disk}, ecd_modules:bytecode(Module)),
    ?assertMatch({<<"# Regenerated", _/binary>>, _}, ecd_source:text(Module)).

stripped() ->
    {ok, Tokens, _} = erl_scan:string("-module(source_stripped). -export([f/1]). f(X) -> X."),
    Forms = [begin {ok, Form} = erl_parse:parse_form(Part), Form end || Part <- split(Tokens, [])],
    {ok, source_stripped, Binary} = compile:forms(Forms, [binary]),
    {module, source_stripped} = code:load_binary(source_stripped, "", Binary),
    {Content, _} = ecd_source:text(source_stripped),
    ?assertNotEqual(nomatch, string:find(Content, ":source_stripped.f/1")),
    ?assertMatch(<<"# Source of :source_stripped: not available, its bytecode is nowhere", _/binary>>, Content),
    code:purge(source_stripped),
    code:delete(source_stripped).

split([], []) -> [];
split([{dot, _} = Dot | Rest], Acc) -> [lists:reverse([Dot | Acc]) | split(Rest, [])];
split([Token | Rest], Acc) -> split(Rest, [Token | Acc]).

references() ->
    Reference = ecd_source:reference('Elixir.SourceFixture'),
    ?assertEqual(Reference, ecd_source:reference('Elixir.SourceFixture')),
    ?assertMatch(#{content := <<"# Regenerated", _/binary>>}, ecd_source:source(#{reference => Reference})),
    ?assertThrow(
        {failure, #{blame := user, code := <<"sourceMissing">>}},
        ecd_source:source(#{reference => Reference + 1000})
    ).
