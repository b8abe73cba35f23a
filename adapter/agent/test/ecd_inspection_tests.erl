-module(ecd_inspection_tests).
-include_lib("eunit/include/eunit.hrl").

-define(SOURCE, "
defmodule InspectionFixture.Other do
  def shout(text), do: String.upcase(text)
  defmacro double(x), do: quote(do: unquote(x) * 2)
end

defmodule InspectionFixture do
  alias InspectionFixture.Other, as: Renamed
  require Integer
  import Renamed, only: [double: 1]
  @limit 10
  @twice_limit @limit * 2
  defstruct [:name]

  def limits, do: {@limit, @twice_limit}

  def outer(list) do
    count = length(list)
    mapped = Enum.map(list, fn element ->
      sum = element + count
      step = inner(sum, %{deep: [sum], name: \"x\"})
      step + 0 # in closure
    end)
    {mapped, Renamed.shout(\"done\"), double(2), Integer.is_odd(3)}
  end

  defp inner(value, options) do
    value = value * 2
    text =
      \"a b\"
      |> String.upcase()
      |> String.split()
    value = value + length(text)
    send(self(), {:reached, options}) # inner
    value
  end

  defp hidden(n), do: secret(n) + 1
  defmacrop secret(n), do: quote(do: unquote(n) * 100)
  def unhide(n), do: hidden(n)

  def deep(0), do: throw_away(0)
  def deep(n), do: 1 + deeper(n - 1)
  def deeper(0), do: 0
  def deeper(n), do: 1 + deep(n - 1)
  defp throw_away(n) do
    n # deep
  end
end

defmodule InspectionFixture.Server do
  use GenServer
  def init(state), do: {:ok, state}
  def handle_call(:ask, _from, state) do
    answer = Map.fetch!(state, :answer)
    {:reply, answer, state} # server
  end
end
").

-define(NAME, "inspection.ex").
-define(FIXTURE, 'Elixir.InspectionFixture').
-define(SERVER, 'Elixir.InspectionFixture.Server').

inspection_test_() ->
    {setup,
        fun() ->
            Dir = ecd_stopping:compile(?NAME, source()),
            ok = ecd_stopping:start(Dir),
            Dir
        end,
        fun(Dir) ->
            ok = ecd_stopping:stop(),
            ecd_stopping:remove(Dir)
        end,
        fun(Dir) ->
            [
                {atom_to_list(Name), {timeout, 60, fun() -> session(Dir, Markers, Test) end}}
             || {Name, Markers, Test} <- [
                    {the_stack_shows_interpreted_and_native_frames, ["inner"], fun stack/1},
                    {interpreted_frames_lie_between_native_ones, ["in closure", "inner"], fun between/1},
                    {a_deep_native_stack_is_complete_with_lines, ["deep"], fun deep/1},
                    {levels_and_start_page_the_stack, ["inner"], fun paged/1},
                    {scopes_show_what_elixir_shows_at_the_line, ["inner"], fun scopes/1},
                    {native_frames_say_that_values_are_missing, ["inner"], fun native/1},
                    {a_blocked_process_shows_its_native_stack, [], fun blocked/1},
                    {watch_knows_the_names_of_the_place, ["inner"], fun names/1},
                    {results_open_and_name_their_parts, ["inner"], fun parts/1},
                    {watch_changes_nothing_in_the_process, ["inner"], fun harmless/1},
                    {watch_has_a_deadline, ["inner"], fun deadline/1},
                    {watch_does_not_stop_at_breakpoints, ["inner"], fun no_stop/1},
                    {the_console_evaluates_in_the_stopped_process, ["inner"], fun console/1},
                    {the_console_keeps_its_variables, ["inner"], fun bindings/1},
                    {the_console_works_without_a_frame, [], fun without_frame/1},
                    {an_error_is_text_as_elixir_writes_it, ["inner"], fun errors/1},
                    {an_endless_evaluation_ends_with_its_process, ["inner"], fun endless/1},
                    {a_continue_during_an_evaluation_comes_after_it, ["inner"], fun continued/1},
                    {a_variable_of_the_top_frame_can_be_set, ["inner"], fun settable/1},
                    {what_cannot_be_set_says_why, ["inner"], fun not_settable/1},
                    {references_end_when_the_process_goes_on, ["inner"], fun stale/1},
                    {completions_know_the_place, ["inner"], fun completions/1},
                    {a_stopped_server_shows_its_state_and_who_waits, ["server"], fun server/1},
                    {stopped_threads_come_first, ["inner"], fun threads/1},
                    {starts_and_ends_are_announced, [], fun comings_and_goings/1},
                    {terminated_threads_die, ["inner"], fun terminated/1}
                ]
            ]
        end}.

%% A function that uses the private macro must come after it in Elixir.
source() ->
    Text = lists:flatten(?SOURCE),
    [Before, After] = string:split(Text, "  defp hidden(n), do: secret(n) + 1\n"),
    [Macro, Rest] = string:split(After, "\n"),
    [Before, Macro, "\n  defp hidden(n), do: secret(n) + 1\n", Rest].

session(Dir, Markers, Test) ->
    ecd_stopping:session(fun() ->
        ok = ecd_stopping:breakpoints(Dir, ?NAME, Markers),
        try
            Test(Dir)
        after
            ok = ecd_stopping:breakpoints(Dir, ?NAME, [])
        end
    end).

stopped() ->
    Self = self(),
    ecd_stopping:run(fun() ->
        put(own_key, own_value),
        Self ! {result, self(), ?FIXTURE:outer([1])}
    end).

end_of({Pid, Thread}, Dir) ->
    ok = ecd_stopping:breakpoints(Dir, ?NAME, []),
    ok = ecd_stopping:go_on(Thread),
    receive
        {result, Pid, Result} -> Result
    after 60000 -> error(no_result)
    end.

frames(Thread) ->
    #{frames := Frames} = ecd_frames:stack_trace(#{thread => Thread, start => 0, levels => 0}),
    Frames.

top(Thread) ->
    [#{id := Top} | _] = frames(Thread),
    Top.

scope(Frame, Name) ->
    #{scopes := Scopes} = ecd_frames:scopes(#{frame => Frame}),
    [#{reference := Reference}] = [S || #{name := N} = S <- Scopes, N =:= Name],
    Reference.

rows(Reference) ->
    #{variables := Rows} =
        ecd_values:variables(#{reference => Reference, filter => nil, start => 0, count => 0}),
    Rows.

values(Reference) -> [{Name, Value} || #{name := Name, value := Value} <- rows(Reference)].

evaluate(Expression, Frame, Context) ->
    #{result := Result} =
        ecd_eval:evaluate(#{expression => Expression, frame => Frame, context => Context}),
    Result.

failure(Fun) ->
    try Fun() of
        Value -> error({no_failure, Value})
    catch
        throw:{failure, Failure} -> Failure
    end.

stack(Dir) ->
    {_, Thread} = Stop = stopped(),
    Frames = frames(Thread),
    ?assertMatch(
        [
            #{name := <<"InspectionFixture.inner/2">>, kind := <<"interpreted">>, own := true, sourceReference := 0},
            #{name := <<"InspectionFixture.", _/binary>>}
            | _
        ],
        [F || #{own := true} = F <- Frames]
    ),
    [#{path := Path, line := Line} | _] = Frames,
    ?assertEqual(ecd_stopping:line_of(Path, "inner"), Line),
    [Outer] = [F || #{name := <<"InspectionFixture.outer/1">>} = F <- Frames],
    ?assertMatch(#{kind := <<"native">>, path := Path}, Outer),
    ?assert(maps:get(line, Outer) < Line),
    [Enum] = [F || #{module := <<"Enum">>} = F <- Frames],
    ?assertMatch(#{own := false, kind := <<"native">>, name := <<"Enum.map/2">>}, Enum),
    ?assertEqual([], [M || #{module := M} <- Frames, re:run(M, "dbg_|ecd_(?!inspection)") =/= nomatch]),
    ?assertMatch({[_], <<"DONE">>, 4, true}, end_of(Stop, Dir)).

%% With outer/1 interpreted too, Enum runs natively between its closure and itself.
between(Dir) ->
    {Pid, Thread} = stopped(),
    ok = ecd_stopping:breakpoints(Dir, ?NAME, ["in closure"]),
    ok = ecd_stopping:go_on(Thread),
    Thread = ecd_stopping:await_stop(Pid),
    Frames = frames(Thread),
    Kinds = [
        {Kind, Module}
     || #{kind := Kind, module := Module, own := Own} <- Frames, Own orelse Module =:= <<"Enum">>
    ],
    ?assertEqual(
        [
            {<<"interpreted">>, <<"InspectionFixture">>},
            {<<"native">>, <<"Enum">>},
            {<<"interpreted">>, <<"InspectionFixture">>}
        ],
        Kinds
    ),
    [#{name := Closure, id := Top} | _] = Frames,
    ?assertEqual(<<"anonymous fn/1 in InspectionFixture.outer/1">>, Closure),
    ?assertMatch(
        [
            {<<"count">>, <<"1">>},
            {<<"element">>, <<"1">>},
            {<<"list">>, <<"[1]">>},
            {<<"step">>, <<"6">>},
            {<<"sum">>, <<"2">>}
        ],
        values(scope(Top, <<"Locals">>))
    ),
    [Outer] = [Id || #{name := <<"InspectionFixture.outer/1">>, id := Id} <- Frames],
    ?assertEqual([{<<"count">>, <<"1">>}, {<<"list">>, <<"[1]">>}], values(scope(Outer, <<"Locals">>))),
    ?assertEqual(<<"2">>, evaluate(<<"count + 1">>, Outer, <<"watch">>)),
    end_of({Pid, Thread}, Dir).

deep(Dir) ->
    Self = self(),
    {Pid, Thread} = ecd_stopping:run(fun() -> Self ! {result, self(), ?FIXTURE:deep(30)} end),
    Frames = [F || #{kind := <<"native">>} = F <- frames(Thread)],
    Native = [L || #{name := <<"InspectionFixture.deep", _/binary>>, line := L} <- Frames],
    ?assertEqual(30, length(Native)),
    ?assert(lists:all(fun(L) -> L > 0 end, Native)),
    ?assertEqual(30, end_of({Pid, Thread}, Dir)).

paged(Dir) ->
    {_, Thread} = Stop = stopped(),
    Names = [Name || #{name := Name} <- frames(Thread)],
    #{frames := [#{name := Second}], total := Total} =
        ecd_frames:stack_trace(#{thread => Thread, start => 1, levels => 1}),
    ?assertEqual(length(Names), Total),
    ?assertEqual(lists:nth(2, Names), Second),
    ?assertMatch(#{frames := []}, ecd_frames:stack_trace(#{thread => Thread, start => 1000, levels => 20})),
    end_of(Stop, Dir).

scopes(Dir) ->
    {Pid, Thread} = Stop = stopped(),
    Top = top(Thread),
    ?assertEqual(
        [
            {<<"options">>, <<"%{deep: [2], name: \"x\"}">>},
            {<<"text">>, <<"[\"A\", \"B\"]">>},
            {<<"value">>, <<"6">>}
        ],
        values(scope(Top, <<"Locals">>))
    ),
    ?assertMatch([{<<"value">>, <<"2">>}, {<<"options">>, _}], values(scope(Top, <<"Arguments">>))),
    [{Stage, <<"\"A B\"">>} | _] = values(scope(Top, <<"Pipeline values">>)),
    ?assertMatch({match, _}, re:run(Stage, "^String\\.upcase/1 in line [0-9]+$")),
    [#{evaluateName := <<"options">>, reference := Options} | _] = rows(scope(Top, <<"Locals">>)),
    ?assertMatch([#{name := <<"deep">>, evaluateName := <<"options.deep">>} | _], rows(Options)),
    Process = rows(scope(Top, <<"Process">>)),
    [Dictionary] = [R || #{name := <<"dictionary">>, reference := R} <- Process],
    ?assertEqual([{<<"own_key">>, <<":own_value">>}], values(Dictionary)),
    %% What the launcher leaves in the process that runs a Mix task.
    _ = evaluate(<<"Process.put({:ecd_mix, :prepared}, true)">>, Top, <<"repl">>),
    ?assertEqual([{<<"own_key">>, <<":own_value">>}], values(Dictionary)),
    %% The evaluator and its server watch the process, and it waits for them.
    Others = [<<"links">>, <<"monitors">>, <<"monitored_by">>],
    ?assertEqual([], [Name || #{name := Name} <- Process, lists:member(Name, Others)]),
    [Function] = [Value || #{name := <<"current_function">>, value := Value} <- Process],
    ?assertEqual(<<"{InspectionFixture, :inner, 2}">>, Function),
    Pid ! waiting_message,
    [Mailbox] = [R || #{name := <<"mailbox">>, reference := R} <- rows(scope(Top, <<"Process">>))],
    ?assertEqual([{<<"0">>, <<":waiting_message">>}], values(Mailbox)),
    end_of(Stop, Dir).

native(Dir) ->
    {_, Thread} = Stop = stopped(),
    [Outer] = [Id || #{name := <<"InspectionFixture.outer/1">>, id := Id} <- frames(Thread)],
    #{scopes := [#{name := Name, reference := Reference}, _Process]} = ecd_frames:scopes(#{frame => Outer}),
    ?assertNotEqual(nomatch, string:find(Name, "not available")),
    ?assertMatch([#{reference := 0}], rows(Reference)),
    end_of(Stop, Dir).

blocked(_Dir) ->
    Pid = spawn(timer, tc, ['Elixir.Process', sleep, [infinity]]),
    wait_until(fun() -> process_info(Pid, status) =:= {status, waiting} end),
    Thread = ecd_threads:id(Pid),
    #{} = ecd_stepping:pause(#{thread => Thread}),
    Thread = ecd_stopping:await_stop(Pid),
    [#{line := Line, sourceReference := Reference} = Sleep | _] = frames(Thread),
    ?assertMatch(#{name := <<"Process.sleep/1">>, kind := <<"native">>, path := nil}, Sleep),
    #{content := Source} = ecd_source:source(#{reference => Reference}),
    Lines = binary:split(Source, <<"\n">>, [global]),
    ?assertNotEqual(nomatch, string:find(lists:nth(Line, Lines), "sleep(")),
    ok = ecd_stopping:go_on(Thread),
    exit(Pid, kill).

names(Dir) ->
    {Pid, Thread} = Stop = stopped(),
    Top = top(Thread),
    [
        ?assertEqual({Expression, Expected}, {Expression, evaluate(Expression, Top, Context)})
     || Context <- [<<"watch">>, <<"hover">>, <<"repl">>],
        {Expression, Expected} <- [
            {<<"value">>, <<"6">>},
            {<<"value + 1">>, <<"7">>},
            {<<"options.deep">>, <<"[2]">>},
            {<<"Renamed.shout(\"a\")">>, <<"\"A\"">>},
            {<<"double(4)">>, <<"8">>},
            {<<"Integer.is_odd(3)">>, <<"true">>},
            {<<"@limit">>, <<"10">>},
            {<<"@twice_limit + @limit">>, <<"30">>},
            {<<"hidden(2)">>, <<"201">>},
            {<<"value |> hidden()">>, <<"601">>},
            {<<"Enum.map([5], &hidden/1)">>, <<"[501]">>},
            {<<"secret(3)">>, <<"300">>},
            {<<"__MODULE__">>, <<"InspectionFixture">>},
            {<<"%__MODULE__{name: value}">>, <<"%InspectionFixture{name: 6}">>},
            {<<"self()">>, list_to_binary("#PID" ++ pid_to_list(Pid))},
            {<<"Process.get(:own_key)">>, <<":own_value">>},
            {<<"for i <- 1..3, rem(i, 2) == 1, do: i * value">>, <<"[6, 18]">>}
        ]
    ],
    end_of(Stop, Dir).

parts(Dir) ->
    {_, Thread} = Stop = stopped(),
    Top = top(Thread),
    Names = fun(Expression, Context) ->
        #{reference := Reference} =
            ecd_eval:evaluate(#{expression => Expression, frame => Top, context => Context}),
        [maps:get(evaluateName, Row, none) || Row <- rows(Reference)]
    end,
    ?assertEqual([<<"options.deep">>, <<"options.name">>], Names(<<"options">>, <<"repl">>)),
    ?assertEqual(
        [<<"Enum.at((text ++ []), 0)">>, <<"Enum.at((text ++ []), 1)">>],
        Names(<<"text ++ []">>, <<"watch">>)
    ),
    ?assertEqual([none, none], Names(<<"Enum.reverse(text)">>, <<"repl">>)),
    end_of(Stop, Dir).

harmless(Dir) ->
    {Pid, Thread} = Stop = stopped(),
    Top = top(Thread),
    Before = process_info(Pid, dictionary),
    _ = evaluate(<<"Process.put(:own_key, :changed)">>, Top, <<"watch">>),
    _ = evaluate(<<"value = 1000">>, Top, <<"hover">>),
    ?assertEqual(Before, process_info(Pid, dictionary)),
    ?assertEqual(<<"6">>, evaluate(<<"value">>, Top, <<"watch">>)),
    ?assertMatch({[6], _, _, _}, end_of(Stop, Dir)).

deadline(Dir) ->
    {_, Thread} = Stop = stopped(),
    Top = top(Thread),
    Evaluators = fun() -> ets:info(ecd_handles:workers(), size) end,
    Endless = <<"Process.flag(:trap_exit, true); Process.sleep(:infinity)">>,
    Failure = failure(fun() -> evaluate(Endless, Top, <<"watch">>) end),
    ?assertMatch(#{blame := user, code := <<"evaluateTimeout">>}, Failure),
    wait_until(fun() -> Evaluators() =:= 0 end),
    end_of(Stop, Dir).

wait_until(Condition) ->
    case Condition() of
        true -> ok;
        false -> receive after 10 -> wait_until(Condition) end
    end.

no_stop(Dir) ->
    {_, Thread} = Stop = stopped(),
    ?assertEqual(<<"{[6], \"DONE\", 4, true}">>, evaluate(<<"outer([1])">>, top(Thread), <<"watch">>)),
    receive
        {event, stopped, Event} -> error({stopped, Event})
    after 0 -> ok
    end,
    end_of(Stop, Dir).

console(Dir) ->
    {Pid, Thread} = Stop = stopped(),
    Top = top(Thread),
    ?assertEqual(<<":own_value">>, evaluate(<<"Process.put(:own_key, value)">>, Top, <<"repl">>)),
    ?assertEqual({dictionary, [{own_key, 6}]}, process_info(Pid, dictionary)),
    ?assertEqual(<<"{:done, 1}">>, evaluate(<<"send(self(), {:done, 1})">>, Top, <<"repl">>)),
    ?assertEqual({messages, [{done, 1}]}, process_info(Pid, messages)),
    end_of(Stop, Dir).

bindings(Dir) ->
    {_, Thread} = Stop = stopped(),
    Top = top(Thread),
    _ = evaluate(<<"mine = value * 10; value = :shadow">>, Top, <<"repl">>),
    ?assertEqual(<<"61">>, evaluate(<<"mine + 1">>, Top, <<"repl">>)),
    ?assertEqual(<<":shadow">>, evaluate(<<"value">>, Top, <<"watch">>)),
    ?assertMatch({<<"value">>, <<"6">>}, lists:last(values(scope(Top, <<"Locals">>)))),
    ?assertMatch({[6], _, _, _}, end_of(Stop, Dir)).

without_frame(_Dir) ->
    ?assertEqual(<<"3">>, evaluate(<<"kept = 1 + 2">>, nil, <<"repl">>)),
    ?assertEqual(<<"[3]">>, evaluate(<<"[kept]">>, nil, <<"repl">>)),
    ?assertEqual(<<"true">>, evaluate(<<"is_pid(self())">>, nil, <<"watch">>)).

errors(Dir) ->
    {_, Thread} = Stop = stopped(),
    Top = top(Thread),
    [
        begin
            #{blame := user, code := <<"evaluateError">>, message := Message} =
                failure(fun() -> evaluate(Expression, Top, Context) end),
            Size = min(byte_size(Start), byte_size(Message)),
            ?assertEqual({Expression, Start}, {Expression, binary:part(Message, 0, Size)})
        end
     || Context <- [<<"watch">>, <<"repl">>],
        {Expression, Start} <- [
            {<<"raise \"x\"">>, <<"** (RuntimeError) x">>},
            {<<"foo(">>, <<"** (TokenMissingError)">>},
            {<<"1 +* 2">>, <<"** (SyntaxError)">>},
            {<<"nothing_like_that">>, <<"undefined variable \"nothing_like_that\"">>},
            {<<"nothing_like_that(1)">>, <<"** (CompileError)">>},
            {<<"throw(:ball)">>, <<"** (throw) :ball">>},
            {<<"exit(:now)">>, <<"** (exit) :now">>},
            {<<"hidden(:x)">>, <<"** (ArithmeticError)">>}
        ]
    ],
    ?assertMatch({[6], _, _, _}, end_of(Stop, Dir)).

endless(_Dir) ->
    {Pid, Thread} = stopped(),
    Top = top(Thread),
    Expression = <<"send(:ecd_wire, :begun); Process.sleep(:infinity)">>,
    Request = #{expression => Expression, frame => Top, context => <<"repl">>},
    {Handler, _} = spawn_monitor(fun() -> ecd_eval:evaluate(Request) end),
    receive begun -> ok end,
    %% As a cancel does it: nobody waits for the result any more.
    exit(Handler, kill),
    #{text := Busy} = ecd_fixture:event(notice, fun(#{level := Level}) -> Level =:= <<"warning">> end),
    ?assertMatch({match, _}, re:run(Busy, [ecd_names:pid(Pid), ".* still busy"])),
    ?assertMatch(#{code := <<"evaluationBusy">>}, failure(fun() -> evaluate(<<"1 + 1">>, Top, <<"repl">>) end)),
    ?assertEqual(<<"7">>, evaluate(<<"value + 1">>, Top, <<"watch">>)),
    Monitor = monitor(process, Pid),
    ?assertEqual(#{}, ecd_eval:end_evaluation(#{thread => Thread})),
    receive {'DOWN', Monitor, process, Pid, Reason} -> ?assertEqual(killed, Reason) end,
    _ = ecd_fixture:event(thread, fun(#{thread := T, reason := R}) -> T =:= Thread andalso R =:= <<"exited">> end).

continued(Dir) ->
    {_, Thread} = Stop = stopped(),
    Top = top(Thread),
    Self = self(),
    Expression = <<"send(:ecd_wire, :begun); receive(do: (:end_of_evaluation -> value))">>,
    Request = #{expression => Expression, frame => Top, context => <<"repl">>},
    spawn(fun() -> Self ! {evaluated, ecd_eval:evaluate(Request)} end),
    receive begun -> ok end,
    ok = ecd_stopping:breakpoints(Dir, ?NAME, []),
    ok = ecd_stopping:go_on(Thread),
    element(1, Stop) ! end_of_evaluation,
    receive {evaluated, #{result := Result}} -> ?assertEqual(<<"6">>, Result) end,
    receive {result, _, Done} -> ?assertMatch({[6], _, _, _}, Done) end.

settable(Dir) ->
    {_, Thread} = Stop = stopped(),
    Locals = scope(top(Thread), <<"Locals">>),
    ?assertMatch(
        #{result := <<"701">>, type := <<"integer">>},
        ecd_eval:set_variable(#{reference => Locals, name => <<"value">>, value => <<"hidden(7)">>})
    ),
    ?assertMatch({<<"value">>, <<"701">>}, lists:last(values(Locals))),
    ?assertMatch({[701], _, _, _}, end_of(Stop, Dir)).

not_settable(Dir) ->
    {_, Thread} = Stop = stopped(),
    Top = top(Thread),
    Locals = scope(Top, <<"Locals">>),
    [#{reference := Options} | _] = rows(Locals),
    Set = fun(Reference, Name) ->
        failure(fun() -> ecd_eval:set_variable(#{reference => Reference, name => Name, value => <<"1">>}) end)
    end,
    ?assertMatch(#{code := <<"notSettable">>}, Set(Options, <<"deep">>)),
    ?assertMatch(#{code := <<"notSettable">>}, Set(scope(Top, <<"Arguments">>), <<"value">>)),
    ?assertMatch(#{code := <<"notSettable">>}, Set(Locals, <<"no_such_variable">>)),
    ?assertMatch({[6], _, _, _}, end_of(Stop, Dir)).

stale(Dir) ->
    {_, Thread} = Stop = stopped(),
    Top = top(Thread),
    Locals = scope(Top, <<"Locals">>),
    _ = end_of(Stop, Dir),
    [
        ?assertMatch(#{blame := expected, code := <<"staleReference">>}, failure(Stale))
     || Stale <- [
            fun() -> rows(Locals) end,
            fun() -> ecd_frames:scopes(#{frame => Top}) end,
            fun() -> evaluate(<<"1">>, Top, <<"watch">>) end,
            fun() -> ecd_complete:completions(#{frame => Top, text => <<"a">>, column => 1}) end
        ]
    ].

completions(Dir) ->
    {_, Thread} = Stop = stopped(),
    Top = top(Thread),
    Labels = fun(Text) ->
        #{targets := Targets} =
            ecd_complete:completions(#{frame => Top, text => Text, column => string:length(Text)}),
        [Label || #{label := Label} <- Targets]
    end,
    ?assertEqual([<<"value">>], [L || L <- Labels(<<"1 + valu">>), L =:= <<"value">>]),
    ?assertEqual([<<"deep">>], Labels(<<"options.de">>)),
    ?assertEqual([<<"hidden/1">>], Labels(<<"hidd">>)),
    ?assertEqual([<<"double/1">>], Labels(<<"doub">>)),
    ?assertEqual([<<"shout/1">>], Labels(<<"Renamed.sh">>)),
    ?assertEqual([<<"@limit">>], Labels(<<"@lim">>)),
    ?assert(lists:member(<<"Other">>, Labels(<<"InspectionFixture.">>))),
    ?assert(lists:member(<<"reverse/1">>, Labels(<<":lists.rev">>))),
    end_of(Stop, Dir).

server(_Dir) ->
    {ok, Server} = 'Elixir.GenServer':start(?SERVER, #{answer => 42}),
    Self = self(),
    Client = spawn(fun() -> Self ! {answer, 'Elixir.GenServer':call(Server, ask)} end),
    Thread = ecd_threads:id(Server),
    #{text := Text} = ecd_fixture:event(stopped, fun(#{thread := T}) -> T =:= Thread end),
    Expected = [ecd_names:pid(Client), " .* is waiting in GenServer.call"],
    ?assertMatch({match, _}, re:run(Text, Expected)),
    Process = rows(scope(top(Thread), <<"Process">>)),
    ?assertMatch([<<"InspectionFixture.Server">>], [V || #{name := <<"name">>, value := V} <- Process]),
    [State] = [R || #{name := <<"state">>, reference := R} <- Process],
    ?assertEqual([{<<"state">>, <<"%{answer: 42}">>}], values(State)),
    wait_until(fun() ->
        [#{pid := Waiter, ms := Ms}] = ecd_waiting:waiters(Server),
        Waiter =:= Client andalso Ms > 150
    end),
    ?assertMatch({match, _}, re:run(ecd_waiting:text(Server), "has been waiting in GenServer.call for [0-9.]+ s")),
    ok = ecd_stopping:go_on(Thread),
    receive {answer, Answer} -> ?assertEqual(42, Answer) end,
    ?assertEqual(none, ecd_waiting:text(Server)),
    'Elixir.GenServer':stop(Server).

threads(Dir) ->
    {Pid, Thread} = Stop = stopped(),
    #{threads := [First | Rest], total := Total} = ecd_threads:threads(#{limit => 500, system => true}),
    ?assertMatch(#{id := Thread, stopped := true}, First),
    ?assertEqual(ecd_names:pid(Pid), maps:get(pid, First)),
    ?assertEqual(Total, 1 + length(Rest)),
    ?assertEqual([], [T || #{name := <<":ecd_", _/binary>>} = T <- Rest]),
    ?assertMatch([#{application := false}], [T || #{name := <<":application_controller">>} = T <- Rest]),
    Applications = [A || #{application := A} <- Rest],
    ?assertEqual(Applications, lists:reverse(lists:sort(Applications))),
    ?assertMatch(#{threads := [_], total := Total}, ecd_threads:threads(#{limit => 1, system => true})),
    end_of(Stop, Dir).

comings_and_goings(_Dir) ->
    Pid = ecd_stopping:spawned(fun() -> receive stop -> ok end end),
    #{thread := Thread} = ecd_fixture:event(thread, fun(#{thread := T, reason := R}) ->
        R =:= <<"started">> andalso ecd_threads:pid(T) =:= {ok, Pid}
    end),
    Pid ! stop,
    _ = ecd_fixture:event(thread, fun(#{thread := T, reason := R}) -> T =:= Thread andalso R =:= <<"exited">> end),
    ?assertEqual(error, ecd_threads:pid(Thread)).

terminated(_Dir) ->
    {Pid, Thread} = stopped(),
    Monitor = monitor(process, Pid),
    ?assertMatch(
        #{code := <<"threadMissing">>},
        failure(fun() -> ecd_threads:terminate_threads(#{threads => [Thread, 99999]}) end)
    ),
    ?assert(is_process_alive(Pid)),
    ?assertEqual(#{}, ecd_threads:terminate_threads(#{threads => [Thread]})),
    receive {'DOWN', Monitor, process, Pid, Reason} -> ?assertEqual(killed, Reason) end.
