-module(ecd_values_tests).
-include_lib("eunit/include/eunit.hrl").

-define(SOURCE, "
defmodule ValuesFixture.Hangs do
  defstruct [:a]
  defimpl Inspect do
    def inspect(_, _), do: Process.sleep(:infinity)
  end
end

defmodule ValuesFixture.Eats do
  defstruct [:a]
  defimpl Inspect do
    def inspect(_, _), do: grow([])
    defp grow(list), do: grow([list, list | list])
  end
end

defmodule ValuesFixture.Plain do
  defstruct name: nil, age: 0
end
").

values_test_() ->
    {setup, fun start/0, fun stop/1, [
        {atom_to_list(Name), {timeout, 30, fun() -> Test() end}}
     || {Name, Test} <- [
            {a_map_shows_its_keys_and_how_to_reach_them, fun map/0},
            {nested_values_open_level_by_level, fun nested/0},
            {a_long_list_is_paged, fun paged/0},
            {a_large_map_is_paged_like_a_list, fun large_map/0},
            {an_improper_list_shows_its_tail, fun improper/0},
            {a_keyword_list_shows_each_pair_even_with_equal_keys, fun keyword/0},
            {structs_show_inspect_text_and_fields, fun structs/0},
            {a_set_shows_its_members, fun set/0},
            {binaries_that_are_no_text_show_bytes, fun binaries/0},
            {a_function_shows_what_it_captured, fun function/0},
            {a_process_shows_its_details, fun process/0},
            {a_hanging_inspect_costs_only_its_own_text, fun hanging/0},
            {an_inspect_that_eats_memory_is_ended, fun eating/0},
            {a_value_is_cut_in_a_list_and_whole_on_the_clipboard, fun whole/0},
            {a_reference_ends_with_its_owner, fun stale/0},
            {without_a_filter_indexed_children_come_first, fun unfiltered/0}
        ]
    ]}.

start() ->
    Dir = ecd_stopping:compile("values.ex", ?SOURCE),
    {ok, _} = ecd_handles:start(),
    Dir.

stop(Dir) ->
    ecd_handles:stop(),
    ecd_stopping:remove(Dir).

shown(Value) -> ecd_values:present(session, Value, {elixir, <<"v">>}, list).

children(#{reference := Reference}) -> children(Reference, nil, 0, 0).

children(Reference, Filter, Start, Count) ->
    #{variables := Variables} =
        ecd_values:variables(#{reference => Reference, filter => Filter, start => Start, count => Count}),
    Variables.

child(Name, Value) ->
    [Found] = [V || #{name := N} = V <- children(Value), N =:= Name],
    Found.

map() ->
    Shown = shown(#{name => <<"x">>, <<"k">> => 1, {1, 2} => 3, 'odd key' => 4}),
    ?assertMatch(#{type := <<"map">>, named := 4, indexed := 0}, Shown),
    ?assertMatch(#{value := <<"\"x\"">>, type := <<"binary">>, evaluateName := <<"v.name">>}, child(<<"name">>, Shown)),
    ?assertMatch(#{value := <<"1">>, evaluateName := <<"Map.fetch!(v, \"k\")">>}, child(<<"\"k\"">>, Shown)),
    ?assertMatch(#{evaluateName := <<"Map.fetch!(v, :\"odd key\")">>}, child(<<"\"odd key\"">>, Shown)),
    ?assertNot(is_map_key(evaluateName, child(<<"{1, 2}">>, Shown))).

nested() ->
    Shown = shown(#{a => [{1, #{b => deep}}]}),
    Tuple = child(<<"0">>, child(<<"a">>, Shown)),
    Deep = child(<<"b">>, child(<<"1">>, Tuple)),
    ?assertMatch(#{value := <<":deep">>, reference := 0, evaluateName := <<"elem(Enum.at(v.a, 0), 1).b">>}, Deep).

paged() ->
    #{reference := Reference, indexed := 100000} = Shown = shown(lists:seq(1, 100000)),
    ?assertMatch(#{result := <<"[1, 2, 3,", _/binary>>}, Shown),
    ?assert(byte_size(maps:get(result, Shown)) < 500),
    ?assertMatch(
        [#{name := <<"99998">>, value := <<"99999">>}, #{name := <<"99999">>, value := <<"100000">>}],
        children(Reference, <<"indexed">>, 99998, 10)
    ),
    ?assertEqual([], children(Reference, <<"named">>, 0, 10)),
    ?assertEqual([], children(Reference, <<"indexed">>, 100000, 10)).

large_map() ->
    #{reference := Reference, indexed := 150, named := 0} = shown(maps:from_list([{I, I} || I <- lists:seq(1, 150)])),
    ?assertMatch([#{name := <<"150">>, value := <<"150">>}], children(Reference, <<"indexed">>, 149, 100)).

improper() ->
    ?assertMatch(
        [#{name := <<"0">>}, #{name := <<"1">>}, #{name := <<"| tail">>, value := <<"3">>}],
        children(shown([1, 2 | 3]))
    ).

keyword() ->
    ?assertMatch(
        [
            #{name := <<"a">>, value := <<"1">>},
            #{name := <<"a">>, value := <<"2">>, evaluateName := <<"elem(Enum.at(v, 1), 1)">>}
        ],
        children(shown([{a, 1}, {a, 2}]))
    ).

structs() ->
    Struct = 'Elixir.ValuesFixture.Plain':'__struct__'([{name, <<"Jo">>}]),
    Shown = shown(Struct),
    ?assertMatch(
        #{type := <<"%ValuesFixture.Plain{}">>, result := <<"%ValuesFixture.Plain{", _/binary>>, named := 2},
        Shown
    ),
    ?assertEqual([<<"age">>, <<"name">>], [N || #{name := N} <- children(Shown)]),
    {ok, Date} = 'Elixir.Date':new(2020, 1, 31),
    ?assertMatch(#{result := <<"~D[2020-01-31]">>, type := <<"%Date{}">>, named := 4}, shown(Date)).

set() ->
    Shown = shown('Elixir.MapSet':new([3, 1, 2])),
    ?assertMatch([#{value := <<"1">>}, #{value := <<"2">>}, #{value := <<"3">>}], children(Shown)).

binaries() ->
    ?assertMatch(#{reference := 0, result := <<"\"gr", _/binary>>}, shown(<<"grün"/utf8>>)),
    ?assertMatch([#{value := <<"1">>}, #{value := <<"255">>}], children(shown(<<1, 255>>))),
    ?assertMatch(#{reference := 0, type := <<"bitstring">>}, shown(<<1:3>>)).

function() ->
    Captured = make_ref(),
    Fun = fun(_) -> Captured end,
    Shown = shown(Fun),
    ?assertMatch(#{value := <<"1">>}, child(<<"arity">>, Shown)),
    ?assertMatch(#{type := <<"reference">>}, child(<<"0">>, child(<<"captured">>, Shown))).

process() ->
    Shown = shown(whereis(ecd_handles)),
    ?assertMatch(#{value := <<":ecd_handles">>}, child(<<"registered_name">>, Shown)),
    {Dead, Monitor} = spawn_monitor(fun() -> ok end),
    receive {'DOWN', Monitor, process, Dead, _} -> ok end,
    ?assertMatch([#{name := <<"alive">>, value := <<"false">>}], children(shown(Dead))).

hanging() ->
    Hangs = #{'__struct__' => 'Elixir.ValuesFixture.Hangs', a => 1},
    Shown = shown([{good, 1}, {bad, Hangs}, {last, 2}]),
    [#{value := <<"1">>}, Bad, #{value := <<"2">>}] = children(Shown),
    ?assertMatch(#{type := <<"%ValuesFixture.Hangs{}">>, named := 1}, Bad),
    ?assertEqual(fields(<<"__struct__: ValuesFixture.Hangs, a: 1">>), fields(maps:get(value, Bad))).

%% Their order depends on the version of OTP.
fields(Text) ->
    lists:sort(string:split(string:trim(Text, both, "%{}"), ", ", all)).

eating() ->
    #{result := Text} = shown(#{'__struct__' => 'Elixir.ValuesFixture.Eats', a => 1}),
    ?assertEqual(fields(<<"__struct__: ValuesFixture.Eats, a: 1">>), fields(Text)).

whole() ->
    Long = binary:copy(<<"x">>, 100000),
    #{result := Cut} = ecd_values:present(session, Long, none, list),
    #{result := Whole} = ecd_values:present(session, Long, none, whole),
    ?assert(byte_size(Cut) < 5000),
    ?assertEqual(100002, byte_size(Whole)).

stale() ->
    Owner = spawn(fun() -> receive stop -> ok end end),
    #{reference := Reference} = ecd_values:present(Owner, [1, [2]], none, list),
    [_, #{reference := Below}] = children(Reference, nil, 0, 0),
    ecd_values:drop(Owner),
    exit(Owner, kill),
    [
        ?assertThrow({failure, #{blame := expected, code := <<"staleReference">>}}, children(R, nil, 0, 0))
     || R <- [Reference, Below]
    ].

unfiltered() ->
    #{reference := Reference} = shown([10, 20, 30]),
    ?assertMatch([#{value := <<"20">>}], children(Reference, nil, 1, 1)),
    ?assertMatch([#{value := <<"20">>}, #{value := <<"30">>}], children(Reference, nil, 1, 0)).
