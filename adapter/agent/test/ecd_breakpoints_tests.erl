%% Breakpoints against the real engine and modules made by the real compilers.
-module(ecd_breakpoints_tests).
-include_lib("eunit/include/eunit.hrl").

breakpoints_test_() ->
    {setup, fun start/0, fun finish/1, fun(Dir) ->
        [{atom_to_list(Name), {timeout, 180, fun() -> Test(Dir) end}} || {Name, Test} <- tests()]
    end}.

tests() ->
    [
        {a_line_stops_and_its_breakpoint_is_known, fun a_line_stops/1},
        {a_line_without_code_snaps_or_says_why_not, fun a_line_snaps/1},
        {a_stage_of_a_pipeline_and_a_closure_stop, fun pipeline_and_closure/1},
        {functions_stop_public_or_private_by_arity_or_name, fun functions/1},
        {a_function_that_does_not_exist_says_what_does, fun wrong_functions/1},
        {a_file_without_a_module_is_pending_until_it_has_one, fun pending_file/1},
        {a_function_of_no_module_is_pending_until_there_is_one, fun pending_function/1},
        {a_reloaded_module_takes_its_breakpoint_along, fun reloaded/1},
        {what_was_compiled_is_armed_for_good_before_it_runs, fun compiled/1},
        {a_breakpoint_whose_line_is_gone_says_so, fun gone/1},
        {hit_conditions_count_as_written, fun hit_conditions/1},
        {a_condition_sees_the_variables_of_the_place, fun conditions/1},
        {a_condition_that_raises_does_not_stop_and_is_told_once, fun raising_condition/1},
        {what_cannot_be_parsed_is_not_verified, fun unparsable/1},
        {a_log_point_writes_and_does_not_stop, fun log_point/1},
        {unknown_variables_in_conditions_are_told_when_they_are_set, fun unknown_variable/1},
        {conditions_write_nothing_to_standard_error, fun silent/1},
        {two_hundred_conditional_breakpoints_work, fun many/1},
        {a_protocol_and_all_its_implementations_stop, fun protocols/1},
        {modules_of_one_file_and_what_use_and_delegation_make_stop, fun several_modules/1},
        {a_template_compiled_into_a_module_stops_in_the_template, fun template/1},
        {an_erlang_file_stops_with_a_condition_in_erlang, fun erlang_file/1},
        {locations_are_the_lines_that_stop, fun locations/1},
        {unchanged_breakpoints_keep_their_counts, fun keeps_counts/1},
        {nothing_stays_armed_when_the_breakpoints_are_gone, fun clears/1},
        {rapid_changes_under_load_change_no_result, fun rapid_changes/1},
        {a_place_of_another_owner_survives_the_users_at_the_same_line, fun owners/1}
    ].

source() ->
    "defmodule Shop do\n"
    "  @tax 2\n"
    "\n"
    "  # adds the tax\n"
    "  def gross(net, rate \\\\ 1) do\n"
    "    sum = net + @tax\n"
    "    sum * rate\n"
    "  end\n"
    "\n"
    "  def each(list) do\n"
    "    list\n"
    "    |> Enum.map(fn x -> x + 1 end)\n"
    "    |> Enum.sum()\n"
    "  end\n"
    "\n"
    "  defp hidden(x) do\n"
    "    x - 1\n"
    "  end\n"
    "\n"
    "  def open(x), do: hidden(x)\n"
    "\n"
    "  def open(x, y), do: x + y\n"
    "end\n"
    "# the end\n".

start() ->
    ok = ecd_fixture:elixir(),
    Dir = ecd_fixture:folder(),
    Dir.

finish(Dir) ->
    {ok, _} = ecd_engine:stop(),
    ecd_fixture:remove(Dir).

a_line_stops(Dir) ->
    ecd_fixture:with_session(Dir, fun() ->
        Path = shop(Dir),
        ?assertMatch([#{id := 1, verified := true, line := 6}], ecd_fixture:set(Path, [#{id => 1, line => 6}])),
        {Pid, Meta, 'Elixir.Shop', 6} = ecd_fixture:run(fun() -> 'Elixir.Shop':gross(10) end),
        ?assertEqual(#{ids => [1], kind => line}, ecd_breakpoints:hit(Pid, 'Elixir.Shop', 6)),
        ok = ecd_fixture:continue(Meta),
        ?assertEqual(12, ecd_fixture:result())
    end).

a_line_snaps(Dir) ->
    ecd_fixture:with_session(Dir, fun() ->
        Path = shop(Dir),
        Lines = [1, 2, 3, 4, 5, 6, 8, 9, 10, 16, 20, 23, 24, 25, 99],
        Answers = ecd_fixture:set(Path, [#{id => Line, line => Line} || Line <- Lines]),
        At = [{Id, Line} || #{id := Id, verified := true, line := Line} <- Answers],
        ?assertEqual([{1, 6}, {2, 6}, {3, 6}, {4, 6}, {5, 6}, {6, 6}, {9, 12}, {10, 12}, {16, 17}, {20, 20}], At),
        Not = maps:from_list([{Id, Message} || #{id := Id, verified := false, message := Message} <- Answers]),
        ?assertEqual([8, 23, 24, 25, 99], maps:keys(Not)),
        ?assertMatch({match, _}, re:run(maps:get(8, Not), "in this function")),
        ?assertMatch({match, _}, re:run(maps:get(99, Not), "has only \\d+ lines"))
    end).

pipeline_and_closure(Dir) ->
    ecd_fixture:with_session(Dir, fun() ->
        Path = shop(Dir),
        [#{verified := true, line := 13}] = ecd_fixture:set(Path, [#{id => 1, line => 13}]),
        {_, Meta1, _, 13} = ecd_fixture:run(fun() -> 'Elixir.Shop':each([1, 2]) end),
        ok = ecd_fixture:continue(Meta1),
        ?assertEqual(5, ecd_fixture:result()),
        [#{verified := true, line := 12}] = ecd_fixture:set(Path, [#{id => 2, line => 12}]),
        {Pid, Meta2, _, 12} = ecd_fixture:run(fun() -> 'Elixir.Shop':each([1]) end),
        ?assertEqual(2, continue_to_the_end(Pid, Meta2))
    end).

functions(Dir) ->
    ecd_fixture:with_session(Dir, fun() ->
        _ = shop(Dir),
        [#{verified := true, line := 17}] = ecd_fixture:set_functions([#{id => 1, name => <<"Shop.hidden/1">>}]),
        {Pid, Meta, 'Elixir.Shop', 17} = ecd_fixture:run(fun() -> 'Elixir.Shop':open(5) end),
        ?assertEqual(#{ids => [1], kind => function}, ecd_breakpoints:hit(Pid, 'Elixir.Shop', 17)),
        ok = ecd_fixture:continue(Meta),
        ?assertEqual(4, ecd_fixture:result()),
        Conditional = #{id => 2, name => <<"Shop.open">>, condition => <<"x == 3">>},
        [#{verified := true}] = ecd_fixture:set_functions([Conditional]),
        'Elixir.Shop':open(5),
        {_, Meta2, 'Elixir.Shop', 22} = ecd_fixture:run(fun() -> 'Elixir.Shop':open(3, 4) end),
        ok = ecd_fixture:continue(Meta2),
        ?assertEqual(7, ecd_fixture:result())
    end).

wrong_functions(Dir) ->
    ecd_fixture:with_session(Dir, fun() ->
        _ = shop(Dir),
        [A, B, C] = ecd_fixture:set_functions([
            #{id => 1, name => <<"Shop.gross/5">>},
            #{id => 2, name => <<"Shop.missing">>},
            #{id => 3, name => <<"nonsense">>}
        ]),
        ?assertMatch(#{verified := false, reason := <<"failed">>}, A),
        ?assertMatch({match, _}, re:run(maps:get(message, A), "1 and 2")),
        ?assertMatch({match, _}, re:run(maps:get(message, B), "no function missing")),
        ?assertMatch({match, _}, re:run(maps:get(message, C), "Module.function/arity"))
    end).

pending_file(Dir) ->
    ecd_fixture:with_session(Dir, fun() ->
        Path = ecd_fixture:write(Dir, "lib/late.ex", "defmodule Late do\n  def go(x) do\n    x + 1\n  end\nend\n"),
        [#{verified := false, reason := <<"pending">>}] = ecd_fixture:set(Path, [#{id => 7, line => 2}]),
        compile_and_load(Dir, "late", Path),
        ?assertMatch(#{id := 7, verified := true, line := 3}, ecd_fixture:event(breakpoint)),
        {_, Meta, 'Elixir.Late', 3} = ecd_fixture:run(fun() -> 'Elixir.Late':go(1) end),
        ok = ecd_fixture:continue(Meta),
        ?assertEqual(2, ecd_fixture:result())
    end).

pending_function(Dir) ->
    ecd_fixture:with_session(Dir, fun() ->
        [Pending] = ecd_fixture:set_functions([#{id => 1, name => <<"Later.go/1">>}]),
        ?assertMatch(#{verified := false, reason := <<"pending">>}, Pending),
        Path = ecd_fixture:write(Dir, "lib/later.ex", "defmodule Later do\n  def go(x) do\n    x + 1\n  end\nend\n"),
        compile_and_load(Dir, "later", Path),
        ?assertMatch(#{id := 1, verified := true, line := 3}, ecd_fixture:event(breakpoint)),
        {_, Meta, 'Elixir.Later', 3} = ecd_fixture:run(fun() -> 'Elixir.Later':go(1) end),
        ok = ecd_fixture:continue(Meta),
        ?assertEqual(2, ecd_fixture:result())
    end).

reloaded(Dir) ->
    ecd_fixture:with_session(Dir, fun() ->
        Path = shop(Dir),
        [#{line := 6}] = ecd_fixture:set(Path, [#{id => 1, line => 6}]),
        Shop = fun() -> 'Elixir.Shop':gross(10) end,
        _ = ecd_fixture:write(Dir, "lib/shop.ex", ["# one\n", string:replace(source(), "@tax 2", "@tax 3\n")]),
        compile_and_load(Dir, "ebin", Path),
        #{module := #{name := <<"Shop">>}} = ecd_fixture:event(module, fun(#{reason := R}) -> R =:= <<"changed">> end),
        ?assertMatch(#{id := 1, verified := true, line := 8}, ecd_fixture:event(breakpoint)),
        {_, Meta, 'Elixir.Shop', 8} = ecd_fixture:run(Shop),
        ok = ecd_fixture:continue(Meta),
        ?assertEqual(13, ecd_fixture:result())
    end).

compiled(Dir) ->
    ecd_fixture:with_session(Dir, fun() ->
        Path = shop(Dir),
        [#{line := 6}] = ecd_fixture:set(Path, [#{id => 1, line => 6}]),
        %% The compiler writes the beam of what it has loaded, and the program runs.
        Beam = filename:join([Dir, "ebin", "Elixir.Shop.beam"]),
        ok = file:change_time(Beam, {{2100, 1, 1}, {0, 0, 0}}),
        ok = ecd_breakpoints:compiled(),
        %% It has been armed for that beam already, not later when somebody looks.
        receive {event, module, #{reason := <<"changed">>}} -> ok after 0 -> error(armed_anew_while_it_runs) end,
        {_, Meta, 'Elixir.Shop', 6} = ecd_fixture:run(fun() -> 'Elixir.Shop':gross(10) end),
        ok = ecd_fixture:continue(Meta),
        ?assertEqual(12, ecd_fixture:result())
    end).

gone(Dir) ->
    ecd_fixture:with_session(Dir, fun() ->
        Path = shop(Dir),
        [#{line := 17}] = ecd_fixture:set(Path, [#{id => 1, line => 17}]),
        _ = ecd_fixture:write(Dir, "lib/shop.ex", "defmodule Shop do\n  def gross(n), do: n\nend\n"),
        compile_and_load(Dir, "ebin", Path),
        #{id := 1, verified := false, message := _} = ecd_fixture:event(breakpoint),
        ?assertEqual([], ecd_engine:armed())
    end).

hit_conditions(Dir) ->
    ecd_fixture:with_session(Dir, fun() ->
        Path = shop(Dir),
        Cases = [
            {<<"3">>, [3, 4, 5, 6]}, {<<"== 3">>, [3]}, {<<">= 5">>, [5, 6]}, {<<"> 5">>, [6]}, {<<"<= 2">>, [1, 2]},
            {<<"< 2">>, [1]}, {<<"% 2">>, [2, 4, 6]}, {<<" %3 ">>, [3, 6]}
        ],
        [?assertEqual({Hit, Wanted}, {Hit, stops(Path, Hit)}) || {Hit, Wanted} <- Cases]
    end).

%% Which of six passes of the line stop.
stops(Path, Hit) ->
    Id = erlang:unique_integer([positive]),
    [#{verified := true}] = ecd_fixture:set(Path, [#{id => Id, line => 6, hitCondition => Hit}]),
    Passes = [
        {N, passes(fun() -> 'Elixir.Shop':gross(N) end)}
     || N <- lists:seq(1, 6)
    ],
    [N || {N, stopped} <- Passes].

passes(Fun) ->
    Self = self(),
    Pid = spawn_link(fun() -> Self ! {result, Fun()} end),
    receive
        {ecd, stopped, Pid, Meta, _, _} ->
            ok = ecd_fixture:continue(Meta),
            _ = ecd_fixture:result(),
            stopped;
        {result, _} ->
            passed
    after 60000 -> error(neither)
    end.

conditions(Dir) ->
    ecd_fixture:with_session(Dir, fun() ->
        Path = shop(Dir),
        Text = <<"sum > 10 and rate == 2 and String.length(to_string(self() |> inspect())) > 0">>,
        [#{verified := true, line := 7}] = ecd_fixture:set(Path, [#{id => 4, line => 7, condition => Text}]),
        ?assertEqual(passed, passes(fun() -> 'Elixir.Shop':gross(1, 2) end)),
        ?assertEqual(passed, passes(fun() -> 'Elixir.Shop':gross(100, 1) end)),
        {Pid, Meta, 'Elixir.Shop', 7} = ecd_fixture:run(fun() -> 'Elixir.Shop':gross(100, 2) end),
        ?assertEqual(#{ids => [4], kind => line}, ecd_breakpoints:hit(Pid, 'Elixir.Shop', 7)),
        ?assertEqual(none, ecd_breakpoints:hit('Elixir.Shop', 7)),
        ok = ecd_fixture:continue(Meta),
        ?assertEqual(204, ecd_fixture:result()),
        ok = ecd_fixture:no_event(output)
    end).

raising_condition(Dir) ->
    ecd_fixture:with_session(Dir, fun() ->
        Path = shop(Dir),
        [#{verified := true}] = ecd_fixture:set(Path, [#{id => 4, line => 7, condition => <<"sum.missing > hd([])">>}]),
        [?assertEqual(passed, passes(fun() -> 'Elixir.Shop':gross(N) end)) || N <- [1, 2, 3]],
        #{text := Text, line := 7, path := Path} = ecd_fixture:event(output),
        ?assertMatch({match, _}, re:run(Text, "does not stop")),
        ok = ecd_fixture:no_event(output)
    end).

unknown_variable(Dir) ->
    ecd_fixture:with_session(Dir, fun() ->
        Path = shop(Dir),
        [Plain, Called, Known, Bound] = ecd_fixture:set(Path, [
            #{id => 1, line => 7, condition => <<"summ > 3">>},
            #{id => 2, line => 7, condition => <<"rem(summ, 2) == 0">>},
            #{id => 3, line => 7, condition => <<"rem(sum, 2) == 7 and is_nil(__MODULE__)">>},
            #{id => 4, line => 7, condition => <<"Enum.any?([sum], fn summ -> summ == :none end)">>}
        ]),
        [
            begin
                ?assertMatch(#{verified := false, reason := <<"failed">>}, Answer),
                ?assertMatch({match, _}, re:run(maps:get(message, Answer), "names `summ`, which is no variable"))
            end
         || Answer <- [Plain, Called]
        ],
        [?assertMatch(#{verified := true}, Answer) || Answer <- [Known, Bound]],
        ?assertEqual(passed, passes(fun() -> 'Elixir.Shop':gross(1) end)),
        ok = ecd_fixture:no_event(output)
    end).

%% What the compiler says of a condition is for whoever wrote it, never for the program's standard error.
silent(Dir) ->
    ecd_fixture:with_session(Dir, fun() ->
        Path = shop(Dir),
        Text = <<"Enum.any?([sum], fn unused -> summ > 3 end)">>,
        [#{verified := true}] = ecd_fixture:set(Path, [#{id => 4, line => 7, condition => Text}]),
        Written = written_to_stderr(fun() -> ?assertEqual(passed, passes(fun() -> 'Elixir.Shop':gross(1) end)) end),
        ?assertEqual([], Written),
        #{text := Said} = ecd_fixture:event(output),
        ?assertMatch({match, _}, re:run(Said, "undefined variable \"summ\""))
    end).

written_to_stderr(Fun) ->
    Real = whereis(standard_error),
    true = unregister(standard_error),
    Test = self(),
    Listener = spawn_link(fun() -> listen(Test) end),
    true = register(standard_error, Listener),
    try
        Fun()
    after
        true = unregister(standard_error),
        true = register(standard_error, Real)
    end,
    Listener ! {written, Test},
    receive {written, Requests} -> Requests end.

listen(Test) -> listen(Test, []).

listen(Test, Seen) ->
    receive
        {io_request, From, Ref, Request} ->
            From ! {io_reply, Ref, ok},
            listen(Test, [Request | Seen]);
        {written, Test} ->
            Test ! {written, Seen}
    end.

unparsable(Dir) ->
    ecd_fixture:with_session(Dir, fun() ->
        Path = shop(Dir),
        [A, B, C, D] = ecd_fixture:set(Path, [
            #{id => 1, line => 6, condition => <<"net >">>},
            #{id => 2, line => 6, hitCondition => <<"about 3">>},
            #{id => 3, line => 6, logMessage => <<"is {net">>},
            #{id => 4, line => 6, logMessage => <<"is {net +}">>}
        ]),
        [?assertMatch(#{verified := false, reason := <<"failed">>, message := _}, X) || X <- [A, B, C, D]],
        ?assertMatch({match, _}, re:run(maps:get(message, A), "net >")),
        ?assertEqual([], ecd_engine:armed())
    end).

log_point(Dir) ->
    ecd_fixture:with_session(Dir, fun() ->
        Path = shop(Dir),
        Message = <<"\\{net\\} is {net}, {%{a: [net]}} {\"x\"}">>,
        LogPoint = #{id => 1, line => 6, logMessage => Message, hitCondition => <<"2">>},
        [#{verified := true}] = ecd_fixture:set(Path, [LogPoint]),
        [?assertEqual(passed, passes(fun() -> 'Elixir.Shop':gross(N) end)) || N <- [1, 2]],
        #{category := <<"console">>, text := Text, line := 6, path := Path} = ecd_fixture:event(output),
        ?assertEqual(<<"{net} is 2, %{a: [2]} x\n">>, Text),
        ok = ecd_fixture:no_event(output)
    end).

many(Dir) ->
    ecd_fixture:with_session(Dir, fun() ->
        Functions = [io_lib:format("  def f~w(x) do\n    x + ~w\n  end\n", [N, N]) || N <- lists:seq(1, 200)],
        Path = ecd_fixture:write(Dir, "lib/many.ex", ["defmodule Many do\n", Functions, "end\n"]),
        compile_and_load(Dir, "many", Path),
        Specs = [#{id => N, line => 3 * N, condition => <<"x == 1">>} || N <- lists:seq(1, 200)],
        ?assertEqual(200, length([ok || #{verified := true} <- ecd_fixture:set(Path, Specs)])),
        {Pid, Meta, 'Elixir.Many', 450} = ecd_fixture:run(fun() -> 'Elixir.Many':f150(1) end),
        ?assertEqual(#{ids => [150], kind => line}, ecd_breakpoints:hit(Pid, 'Elixir.Many', 450)),
        ok = ecd_fixture:continue(Meta),
        ?assertEqual(151, ecd_fixture:result()),
        ?assertEqual(passed, passes(fun() -> 'Elixir.Many':f151(2) end))
    end).

protocols(Dir) ->
    ecd_fixture:with_session(Dir, fun() ->
        Path = ecd_fixture:write(Dir, "lib/size.ex", [
            "defprotocol Size do\n  def of(x)\nend\n"
            "defimpl Size, for: [List, Map] do\n  def of(x) do\n    Enum.count(x)\n  end\nend\n"
            "defmodule Sized do\n  @derive {Inspect, only: [:a]}\n  defstruct a: 1\n  def new, do: %Sized{}\nend\n"
        ]),
        compile_and_load(Dir, "size", Path),
        [#{verified := true, line := 6}] = ecd_fixture:set(Path, [#{id => 1, line => 6}]),
        {_, Meta1, 'Elixir.Size.List', 6} = ecd_fixture:run(fun() -> 'Elixir.Size':'of'([1]) end),
        ok = ecd_fixture:continue(Meta1),
        ?assertEqual(1, ecd_fixture:result()),
        {_, Meta2, 'Elixir.Size.Map', 6} = ecd_fixture:run(fun() -> 'Elixir.Size':'of'(#{}) end),
        ok = ecd_fixture:continue(Meta2),
        ?assertEqual(0, ecd_fixture:result())
    end).

several_modules(Dir) ->
    ecd_fixture:with_session(Dir, fun() ->
        Path = ecd_fixture:write(Dir, "lib/made.ex", [
            "defmodule Made.Macro do\n"
            "  defmacro __using__(_) do\n"
            "    quote do\n"
            "      def made(x), do: x * 2\n"
            "    end\n"
            "  end\n"
            "end\n"
            "defmodule Made.User do\n"
            "  use Made.Macro\n"
            "  defdelegate size(x), to: Kernel, as: :map_size\n"
            "  def all(list), do: for(x <- list, x > 1, do:\n"
            "    x + 1)\n"
            "end\n"
        ]),
        compile_and_load(Dir, "made", Path),
        Answers = ecd_fixture:set(Path, [#{id => Line, line => Line} || Line <- [9, 10, 12]]),
        ?assertEqual([9, 10, 12], [Line || #{verified := true, line := Line} <- Answers]),
        {_, Meta1, 'Elixir.Made.User', 9} = ecd_fixture:run(fun() -> 'Elixir.Made.User':made(2) end),
        ok = ecd_fixture:continue(Meta1),
        ?assertEqual(4, ecd_fixture:result()),
        {_, Meta2, 'Elixir.Made.User', 10} = ecd_fixture:run(fun() -> 'Elixir.Made.User':size(#{}) end),
        ok = ecd_fixture:continue(Meta2),
        ?assertEqual(0, ecd_fixture:result()),
        {Pid, Meta3, 'Elixir.Made.User', 12} = ecd_fixture:run(fun() -> 'Elixir.Made.User':all([1, 2]) end),
        ?assertEqual([3], continue_to_the_end(Pid, Meta3))
    end).

template(Dir) ->
    ecd_fixture:with_session(Dir, fun() ->
        Template = ecd_fixture:write(Dir, "lib/page.eex", "<p>\n<%= name %>\n</p>\n<%= String.upcase(name) %>\n"),
        Path = ecd_fixture:write(Dir, "lib/page.ex", [
            "defmodule Page do\n  require EEx\n  EEx.function_from_file(:def, :render, \"", Template, "\", [:name])\n"
            "  def other(x) do\n    x\n  end\nend\n"
        ]),
        compile_and_load(Dir, "page", Path),
        [#{verified := true, line := 4}] = ecd_fixture:set(Template, [#{id => 1, line => 3}]),
        {_, Meta, 'Elixir.Page', 4} = ecd_fixture:run(fun() -> 'Elixir.Page':render(<<"ann">>) end),
        ok = ecd_fixture:continue(Meta),
        ?assertEqual(<<"<p>\nann\n</p>\nANN\n">>, ecd_fixture:result()),
        ?assertEqual({ok, Template}, ecd_modules:path('Elixir.Page', {render, 1})),
        ?assertEqual({ok, Path}, ecd_modules:path('Elixir.Page', {other, 1})),
        [#{verified := true, line := 5}] = ecd_fixture:set(Path, [#{id => 2, line => 4}])
    end).

erlang_file(Dir) ->
    ecd_fixture:with_session(Dir, fun() ->
        Path = ecd_fixture:write(Dir, "src/sample_math.erl", [
            "-module(sample_math).\n-export([add/2]).\n\nadd(A, B) ->\n    C = A + B,\n    C * 2.\n"
        ]),
        compile_and_load(Dir, "erl", Path),
        Conditional = #{id => 1, line => 6, condition => <<"C > 10 andalso A < B">>},
        [#{verified := true, line := 6}] = ecd_fixture:set(Path, [Conditional]),
        ?assertEqual(passed, passes(fun() -> sample_math:add(1, 2) end)),
        {_, Meta, sample_math, 6} = ecd_fixture:run(fun() -> sample_math:add(5, 7) end),
        ok = ecd_fixture:continue(Meta),
        ?assertEqual(24, ecd_fixture:result()),
        [#{verified := true, line := 5}] = ecd_fixture:set(Path, [#{id => 2, line => 4}]),
        [#{verified := false}] = ecd_fixture:set(Path, [#{id => 3, line => 7}])
    end).

locations(Dir) ->
    ecd_fixture:with_session(Dir, fun() ->
        Path = shop(Dir),
        #{lines := Lines} = ecd_breakpoints:breakpoint_locations(#{path => Path, line => 5, endLine => 17}),
        ?assertEqual([6, 7, 17], [Line || Line <- Lines, lists:member(Line, [3, 4, 6, 7, 8, 9, 15, 17, 20])])
    end).

keeps_counts(Dir) ->
    ecd_fixture:with_session(Dir, fun() ->
        Path = shop(Dir),
        Counting = #{id => 1, line => 6, hitCondition => <<"== 2">>},
        _ = ecd_fixture:set(Path, [Counting]),
        ?assertEqual(passed, passes(fun() -> 'Elixir.Shop':gross(1) end)),
        _ = ecd_fixture:set(Path, [Counting, #{id => 2, line => 17}]),
        ?assertEqual(stopped, passes(fun() -> 'Elixir.Shop':gross(1) end))
    end).

clears(Dir) ->
    ecd_fixture:with_session(Dir, fun() ->
        Path = shop(Dir),
        _ = ecd_fixture:set(Path, [#{id => 1, line => 6}, #{id => 2, line => 17}]),
        _ = ecd_fixture:set_functions([#{id => 3, name => <<"Shop.open/1">>}]),
        ?assert(length(ecd_engine:armed()) >= 3),
        [] = ecd_fixture:set(Path, []),
        [] = ecd_fixture:set_functions([]),
        ?assertEqual([], ecd_engine:armed()),
        ?assertEqual(passed, passes(fun() -> 'Elixir.Shop':gross(1) end))
    end).

owners(Dir) ->
    ecd_fixture:with_session(Dir, fun() ->
        Path = shop(Dir),
        ok = ecd_breakpoints:place({dbg, 'Elixir.Shop'}, dbg, [{{'Elixir.Shop', 6}, [{gross, 2}]}]),
        _ = ecd_fixture:set(Path, [#{id => 1, line => 6}]),
        {Pid, Meta, _, 6} = ecd_fixture:run(fun() -> 'Elixir.Shop':gross(1) end),
        ?assertEqual(#{ids => [1], kind => line}, ecd_breakpoints:hit(Pid, 'Elixir.Shop', 6)),
        ok = ecd_fixture:continue(Meta),
        3 = ecd_fixture:result(),
        [] = ecd_fixture:set(Path, []),
        {Pid2, Meta2, _, 6} = ecd_fixture:run(fun() -> 'Elixir.Shop':gross(1) end),
        ?assertEqual(#{ids => [], kind => dbg}, ecd_breakpoints:hit(Pid2, 'Elixir.Shop', 6)),
        ok = ecd_fixture:continue(Meta2),
        3 = ecd_fixture:result(),
        ok = ecd_breakpoints:unplace({dbg, 'Elixir.Shop'}),
        ?assertEqual(passed, passes(fun() -> 'Elixir.Shop':gross(1) end))
    end).

%% Twenty processes run through the lines all the while; each checks every result.
rapid_changes(Dir) ->
    ecd_fixture:with_session(Dir, fun() ->
        Path = shop(Dir),
        Workers = [spawn_monitor(fun() -> work(N) end) || N <- lists:seq(1, 20)],
        lists:foreach(
            fun(Turn) ->
                Lines = lists:sublist([6, 7, 13, 17, 20, 22], 1 + Turn rem 6),
                Answers = ecd_fixture:set(Path, [
                    #{id => 10 * Turn + Line, line => Line, condition => <<"false">>, logMessage => <<"x">>}
                 || Line <- Lines
                ]),
                ?assertEqual(length(Lines), length([ok || #{verified := true} <- Answers]))
            end,
            lists:seq(1, 100)
        ),
        [] = ecd_fixture:set(Path, []),
        [Pid ! stop || {Pid, _} <- Workers],
        Reasons = [receive {'DOWN', Ref, process, _, Reason} -> Reason after 60000 -> alive end || {_, Ref} <- Workers],
        ?assertEqual(lists:duplicate(20, normal), Reasons),
        ?assertEqual([], ecd_engine:armed())
    end).

work(N) ->
    {Gross, Sum, Less} = {(N + 2) * 3, N + 3, N - 1},
    {Gross, Sum, Less} = {'Elixir.Shop':gross(N, 3), 'Elixir.Shop':each([N, 1]), 'Elixir.Shop':open(N)},
    receive
        stop -> ok
    after 0 -> work(N)
    end.

%% Continues a process through all its further stops.
continue_to_the_end(Pid, Meta) ->
    ok = ecd_fixture:continue(Meta),
    receive
        {ecd, stopped, Pid, Meta, _, _} -> continue_to_the_end(Pid, Meta);
        {result, Value} -> Value
    after 60000 -> error(no_result)
    end.

shop(Dir) ->
    Path = ecd_fixture:write(Dir, "lib/shop.ex", source()),
    compile_and_load(Dir, "ebin", Path),
    Path.

compile_and_load(Dir, Name, Path) ->
    Ebin = filename:join(Dir, Name),
    ok = filelib:ensure_path(Ebin),
    ok = ecd_fixture:compile(Ebin, Path),
    ecd_fixture:load(Ebin).
