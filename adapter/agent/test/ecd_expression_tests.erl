-module(ecd_expression_tests).
-include_lib("eunit/include/eunit.hrl").

%% Names at places: nested modules, `use`, directives inside functions, attributes that change, protocols.
-define(SOURCE, "
defmodule ExpressionFixture.Helper do
  defmacro __using__(opts) do
    quote do
      import ExpressionFixture.Helper, only: [helped: 1]
      alias ExpressionFixture.Deep.Thing, as: unquote(opts[:as])
      @by_use {:used, unquote(opts[:as])}
    end
  end

  defmacro lasting(value) do
    quote do
      Module.register_attribute(__MODULE__, :lasting, persist: true)
      @lasting unquote(value)
      @passing unquote(value)
      def lasting, do: {@lasting, @passing}
    end
  end

  def helped(x), do: {:helped, x}
end

defmodule ExpressionFixture.Deep.Thing do
  def name, do: :thing
end

defmodule ExpressionFixture do
  @level 1
  alias String, as: Text

  defmodule Nested do
    defstruct value: 1
    @level :nested
    def nested_place(x) do
      {x, @level} # nested
    end
  end

  use ExpressionFixture.Helper, as: Thing

  def early(x) do
    {x, @level} # early
  end

  @level 2
  @derived @level + 40
  @grown [1]
  @grown [2 | @grown]
  Module.register_attribute(__MODULE__, :kept, accumulate: true)
  @kept @level
  @kept @level + 1
  Module.put_attribute(__MODULE__, :put, @level + 5)
  ExpressionFixture.Helper.lasting([1, %{a: 2}])

  def late(x) do
    import Enum, only: [sum: 1]
    alias Text, as: Inner
    {sum([x]), @level, @derived, Inner.upcase(\"\"), Thing.name(), helped(1), %Nested{}} # late
  end

  def inspect(x), do: {:own_inspect, x} # own
  import Kernel, except: [inspect: 1]
end

defprotocol ExpressionFixture.Proto do
  def go(x)
end

defimpl ExpressionFixture.Proto, for: Integer do
  @factor 3
  def go(x), do: factored(x)
  defp factored(x), do: x * @factor # impl
end
").

-define(OUTER, 'Elixir.ExpressionFixture').

expression_test_() ->
    {setup,
        fun() ->
            Dir = ecd_stopping:compile("expression.ex", source()),
            {ok, _} = ecd_handles:start(),
            ok = ecd_modules:start(),
            Dir
        end,
        fun(Dir) ->
            ok = ecd_private:unload_all(),
            ok = ecd_modules:stop(),
            ok = ecd_handles:stop(),
            ecd_stopping:remove(Dir)
        end,
        [
            {"directives count from their line on", fun lines/0},
            {"attributes have the value they had there", fun attributes/0},
            {"the environment of the place is the compiler's, and its stack trace", fun compiler_environment/0},
            {"a nested module has its own names", fun nested/0},
            {"use brings its imports and aliases", fun used/0},
            {"an implementation of a protocol is a place too", fun implementation/0},
            {"own functions hide imported ones", fun own/0},
            {"without a source file the module itself is known", fun no_source/0},
            {"only the variables that are named travel", fun few_variables/0},
            {"what an expression binds is told", fun bound/0},
            {"a template sees what its module sees at its end", fun template/0},
            {"a name that nobody knows is no function", fun unknown/0},
            {"macros may bind names", fun macros/0},
            {"companions go when nobody uses them", fun unloaded/0}
        ]}.

%% Elixir wants the exception from Kernel's imports before the function.
source() ->
    string:replace(
        string:replace(?SOURCE, "\n  import Kernel, except: [inspect: 1]", ""),
        "  def inspect(x)",
        "  import Kernel, except: [inspect: 1]\n  def inspect(x)"
    ).

frame(Module, Function, Arity, Marker) ->
    {ok, Path} = ecd_modules:path(Module),
    Line = case Marker of none -> 1; _ -> ecd_stopping:line_of(Path, Marker) end,
    #{kind => interpreted, pid => self(), module => Module, function => Function, arity => Arity, line => Line}.

value(Expression, Frame) -> value(Expression, Frame, [{<<"x">>, 5}]).

value(Expression, Frame, Variables) ->
    case run(Expression, Frame, Variables) of
        {ok, Value, _} -> Value;
        {error, Text} -> {error, Text}
    end.

run(Expression, Frame, Variables) ->
    case ecd_expression:prepare(Expression, Frame, Variables) of
        {ok, Evaluation} -> ecd_expression:run(Evaluation);
        {error, Text} -> {error, Text}
    end.

late() -> frame(?OUTER, late, 1, "late").
early() -> frame(?OUTER, early, 1, "early").

lines() ->
    ?assertEqual(5, value(<<"sum([x])">>, late())),
    ?assertEqual(<<"A">>, value(<<"Inner.upcase(\"a\")">>, late())),
    ?assertEqual(<<"A">>, value(<<"Text.upcase(\"a\")">>, early())),
    ?assertMatch({error, <<"** (CompileError)", _/binary>>}, value(<<"sum([x])">>, early())),
    ?assertMatch({error, <<"** (UndefinedFunctionError)", _/binary>>}, value(<<"Inner.upcase(\"a\")">>, early())).

attributes() ->
    ?assertEqual(1, value(<<"@level">>, early())),
    ?assertEqual(2, value(<<"@level">>, late())),
    ?assertEqual(42, value(<<"@derived">>, late())),
    ?assertEqual([2, 1], value(<<"@grown">>, late())),
    ?assertEqual([3, 2], value(<<"@kept">>, late())),
    ?assertEqual(7, value(<<"@put">>, late())),
    ?assertEqual({used, 'Elixir.ExpressionFixture.Deep.Thing'}, value(<<"@by_use">>, late())),
    ?assertEqual([1, #{a => 2}], value(<<"@lasting">>, late())),
    ?assertMatch({error, <<"undefined module attribute @passing", _/binary>>}, value(<<"@passing">>, late())),
    NotSet = <<"undefined module attribute @derived: the source sets it nowhere above this line, and what a macro "
               "sets is known to the compiler only">>,
    ?assertEqual({error, NotSet}, value(<<"@derived">>, early())),
    Nowhere = <<"undefined module attribute @level: there is no module around this place">>,
    ?assertEqual({error, Nowhere}, value(<<"@level">>, none)).

compiler_environment() ->
    {ok, Path} = ecd_modules:path(?OUTER),
    ?assertEqual({late, 1}, value(<<"__ENV__.function">>, late())),
    ?assertEqual(?OUTER, value(<<"__ENV__.module">>, late())),
    ?assertEqual(Path, value(<<"__ENV__.file">>, late())),
    ?assertEqual(maps:get(line, late()), value(<<"__ENV__.line">>, late())),
    ?assertEqual(nil, value(<<"__ENV__.function">>, none)),
    Trace = [{m, f, 1, []}],
    ?assertEqual(Trace, value(<<"__STACKTRACE__">>, late(), [{<<"__STACKTRACE__">>, Trace}])),
    {error, Unknown} = value(<<"unknown_function(x)">>, late()),
    ?assertMatch({match, _}, re:run(Unknown, "undefined function unknown_function/1")),
    ?assertEqual(nomatch, re:run(Unknown, "nofile")).

nested() ->
    Frame = frame('Elixir.ExpressionFixture.Nested', nested_place, 1, "nested"),
    ?assertEqual(nested, value(<<"@level">>, Frame)),
    ?assertEqual('Elixir.ExpressionFixture.Nested', value(<<"__MODULE__">>, Frame)),
    ?assertEqual(1, value(<<"%__MODULE__{}.value">>, Frame)),
    ?assertEqual(1, value(<<"%Nested{}.value">>, late())).

used() ->
    ?assertEqual({helped, 5}, value(<<"helped(x)">>, late())),
    ?assertEqual(thing, value(<<"Thing.name()">>, late())).

implementation() ->
    Frame = frame('Elixir.ExpressionFixture.Proto.Integer', factored, 1, "impl"),
    ?assertEqual(3, value(<<"@factor">>, Frame)),
    ?assertEqual(15, value(<<"factored(x)">>, Frame)).

own() ->
    ?assertEqual({own_inspect, 5}, value(<<"inspect(x)">>, frame(?OUTER, inspect, 1, "own"))).

no_source() ->
    Frame = #{kind => interpreted, pid => self(), module => 'Elixir.Enum', function => map, arity => 2, line => 1},
    ?assertEqual([2], value(<<"map([1], &(&1 + 1))">>, Frame)),
    ?assertEqual(self(), value(<<"self()">>, Frame)).

few_variables() ->
    Big = lists:seq(1, 100000),
    {ok, Small} = ecd_expression:prepare(<<"x + 1">>, late(), [{<<"x">>, 1}, {<<"big">>, Big}]),
    {ok, All} = ecd_expression:prepare(<<"binding()">>, late(), [{<<"x">>, 1}, {<<"big">>, Big}]),
    ?assert(erts_debug:flat_size(Small) < 100000),
    ?assert(erts_debug:flat_size(All) > 200000),
    ?assertEqual([{big, Big}, {x, 1}], value(<<"Enum.sort(binding())">>, late(), [{<<"x">>, 1}, {<<"big">>, Big}])).

bound() ->
    ?assertEqual({ok, 7, #{<<"y">> => 7}}, run(<<"y = x + 2">>, late(), [{<<"x">>, 5}])),
    ?assertEqual({ok, 6, #{<<"x">> => 6}}, run(<<"x = x + 1">>, late(), [{<<"x">>, 5}])),
    ?assertEqual({ok, 5, #{}}, run(<<"x">>, late(), [{<<"x">>, 5}])).

template() ->
    {ok, Path} = ecd_modules:path(?OUTER),
    #{env := Env, module := Module} = ecd_env:build(?OUTER, Path),
    ?assertEqual(?OUTER, Module),
    ?assertNotEqual(false, lists:keyfind('Elixir.Thing', 1, maps:get(aliases, Env))),
    ?assertEqual(false, lists:keyfind('Elixir.Inner', 1, maps:get(aliases, Env))),
    #{attributes := #{level := [{2, _}]}} = ecd_env:build(?OUTER, Path).

unknown() ->
    Undefined = fun(Name) -> {error, <<"undefined variable \"", Name/binary, $">>} end,
    ?assertEqual(Undefined(<<"node">>), value(<<"node">>, late())),
    ?assertEqual(Undefined(<<"nothing">>), value(<<"[x, %{a: nothing.name}]">>, late())),
    ?assertEqual(Undefined(<<"other">>), value(<<"x + Map.get(other, 1)">>, late())),
    {error, Native} = value(<<"nothing">>, (late())#{kind := native}),
    ?assertEqual(<<"undefined variable \"nothing\": this frame ran natively, its values are not available">>, Native).

macros() ->
    ?assertEqual(true, value(<<"match?({:ok, v} when v > 1, {:ok, x})">>, late())),
    ?assertEqual([1, 2], value(<<"for [v] <- [[1], [2]], do: v">>, late())),
    ?assertEqual(6, value(<<"(fn v -> v + 1 end).(x)">>, late())),
    ?assertEqual(<<"5!">>, value(<<"\"#{x}!\"">>, late())).

unloaded() ->
    _ = value(<<"factored(x)">>, frame('Elixir.ExpressionFixture.Proto.Integer', factored, 1, "impl")),
    Companions = fun() -> [M || {M, _} <- code:all_loaded(), lists:prefix("ecd_private_", atom_to_list(M))] end,
    ?assertMatch([_ | _], Companions()),
    ok = ecd_private:unload_all(),
    ?assertEqual([], Companions()).
