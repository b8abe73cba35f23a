-module(ecd_quoted_tests).
-include_lib("eunit/include/eunit.hrl").

-define(SOURCE, "
defmodule QuotedFixture.Base do
  defmacro __using__(_options) do
    quote location: :keep do
      def greet(name, opts \\\\ []) do
        full = name <> \"!\"
        {full, opts} # greet
      end

      def handle_call({:add, x}, _from, state) do
        sum = state + x
        {:reply, sum, sum} # callback
      end

      def made(n) do
        fn m ->
          m + n # closure
        end
      end
    end
  end

  defmacro twice(expression) do
    quote do
      x = unquote(expression)
      x * 2
    end
  end
end

defmodule QuotedFixture do
  use QuotedFixture.Base
  import QuotedFixture.Base

  def hygienic(x) do
    y = twice(x + 1) || :none
    {x, y} # hygienic
  end

  def only_macros(z) do
    y = twice(z)
    {z, y} # only macros
  end

  defdelegate upcase(text), to: String # delegate
end

defmodule QuotedFixture.Worker do
  use GenServer
  def init(state), do: {:ok, state}
end
").

-define(NAME, "quoted.ex").
-define(FIXTURE, 'Elixir.QuotedFixture').

quoted_test_() ->
    {setup,
        fun() ->
            Dir = ecd_stopping:compile(?NAME, ?SOURCE),
            ok = ecd_stopping:start(Dir),
            Dir
        end,
        fun(Dir) ->
            ok = ecd_stopping:stop(),
            ecd_stopping:remove(Dir)
        end,
        fun(Dir) ->
            [
                {atom_to_list(Name), {timeout, 60, fun() -> session(Dir, Marker, Call, Test) end}}
             || {Name, Marker, Call, Test} <- [
                    {a_function_that_use_defines_shows_its_variables, "greet",
                        fun() -> ?FIXTURE:greet(<<"Ann">>) end, fun defined/1},
                    {so_does_a_callback, "callback",
                        fun() -> ?FIXTURE:handle_call({add, 2}, from, 3) end, fun callback/1},
                    {a_closure_made_before_finds_its_variables,
                        "closure", fun() -> (persistent_term:get(?MODULE))(4) end, fun closure/1},
                    {a_macros_variable_is_another_than_the_users, "hygienic",
                        fun() -> ?FIXTURE:hygienic(4) end, fun hygienic/1},
                    {alone_it_goes_by_its_own_name, "only macros",
                        fun() -> ?FIXTURE:only_macros(5) end, fun alone/1},
                    {a_delegate_shows_its_argument, "delegate",
                        fun() -> ?FIXTURE:upcase(<<"a">>) end, fun delegated/1}
                ]
            ] ++ [{"of elixirs own macros only arguments have names", fun generated/0}]
        end}.

session(Dir, Marker, Call, Test) ->
    %% Made natively, before anything is armed.
    persistent_term:put(?MODULE, ?FIXTURE:made(10)),
    ecd_stopping:session(fun() ->
        ok = ecd_stopping:breakpoints(Dir, ?NAME, [Marker]),
        Arguments = fun(Frame) -> values(Frame, <<"Arguments">>) end,
        Self = self(),
        Lambda = Marker =:= "closure",
        _ = Lambda andalso until_armed('-made/1-fun-0-'),
        {Pid, Thread} = ecd_stopping:run(fun() -> Self ! {result, self(), Call()} end),
        try
            #{frames := [#{id := Top} | _]} = ecd_frames:stack_trace(#{thread => Thread, start => 0, levels => 0}),
            Test(#{locals => values(Top, <<"Locals">>), arguments => Arguments(Top), frame => Top})
        after
            ok = ecd_stopping:breakpoints(Dir, ?NAME, []),
            ok = ecd_stopping:go_on(Thread),
            receive {result, Pid, _} -> ok after 60000 -> error(no_result) end
        end
    end).

%% What native closures are called is found out aside.
until_armed(Name) ->
    case [F || {?FIXTURE, F, _} <- ecd_guardian:armed(), F =:= Name] of
        [] -> receive after 10 -> until_armed(Name) end;
        _ -> ok
    end.

values(Frame, Name) ->
    #{scopes := Scopes} = ecd_frames:scopes(#{frame => Frame}),
    [
        {Label, Value}
     || #{name := N, reference := Reference} <- Scopes,
        N =:= Name,
        #{name := Label, value := Value} <- rows(Reference)
    ].

rows(Reference) ->
    #{variables := Rows} =
        ecd_values:variables(#{reference => Reference, filter => nil, start => 0, count => 0}),
    Rows.

evaluate(Expression, #{frame := Frame}) ->
    #{result := Result} =
        ecd_eval:evaluate(#{expression => Expression, frame => Frame, context => <<"watch">>}),
    Result.

defined(#{locals := Locals, arguments := Arguments} = Stop) ->
    ?assertEqual([{<<"full">>, <<"\"Ann!\"">>}, {<<"name">>, <<"\"Ann\"">>}, {<<"opts">>, <<"[]">>}], Locals),
    ?assertEqual([{<<"name">>, <<"\"Ann\"">>}, {<<"opts">>, <<"[]">>}], Arguments),
    ?assertEqual(<<"\"Ann!?\"">>, evaluate(<<"full <> \"?\"">>, Stop)).

callback(#{locals := Locals} = Stop) ->
    ?assertEqual(
        [{<<"_from">>, <<":from">>}, {<<"state">>, <<"3">>}, {<<"sum">>, <<"5">>}, {<<"x">>, <<"2">>}], Locals
    ),
    ?assertEqual(<<"{2, 3}">>, evaluate(<<"{x, state}">>, Stop)).

closure(#{locals := Locals} = Stop) ->
    ?assertEqual([{<<"m">>, <<"4">>}, {<<"n">>, <<"10">>}], Locals),
    ?assertEqual(<<"6">>, evaluate(<<"n - m">>, Stop)).

hygienic(#{locals := Locals} = Stop) ->
    ?assertEqual([{<<"x">>, <<"4">>}, {<<"x (QuotedFixture.Base)">>, <<"5">>}, {<<"y">>, <<"10">>}], Locals),
    ?assertEqual(<<"4">>, evaluate(<<"x">>, Stop)),
    ?assertEqual(<<"5">>, evaluate(<<"x + 1">>, Stop)).

alone(#{locals := Locals} = Stop) ->
    ?assertEqual([{<<"x">>, <<"5">>}, {<<"y">>, <<"10">>}, {<<"z">>, <<"5">>}], Locals),
    ?assertEqual(<<"5">>, evaluate(<<"x">>, Stop)).

delegated(#{locals := Locals, arguments := Arguments}) ->
    ?assertEqual([{<<"text">>, <<"\"a\"">>}], Locals),
    ?assertEqual([{<<"text">>, <<"\"a\"">>}], Arguments).

generated() ->
    Mod = 'Elixir.QuotedFixture.Worker',
    [{clause, _, [Argument], [], _}] = ecd_engine:clauses(Mod, {child_spec, 1}),
    ?assertMatch({var, _, '_init_arg@GenServer@1'}, Argument),
    [{clause, _, _, [], Body}] = ecd_engine:clauses(?FIXTURE, {hygienic, 1}),
    Line = ecd_stopping:line_of(path(), "hygienic"),
    ?assertEqual([<<"x">>, <<"y">>], ecd_scope:names([{clause, 0, [], [], Body}], Line)).

path() ->
    {ok, Path} = ecd_modules:path(?FIXTURE),
    Path.
