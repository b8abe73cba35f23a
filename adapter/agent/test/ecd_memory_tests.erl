%% Code that exists in memory only: scripts, test files, what is typed into a shell. And modules that change under way.
-module(ecd_memory_tests).
-include_lib("eunit/include/eunit.hrl").

-export([doubled/2]).

memory_test_() ->
    {setup, fun start/0, fun finish/1, fun(Dir) ->
        [{atom_to_list(Name), {timeout, 60, in_session(Dir, Test)}} || {Name, Test} <- tests()]
    end}.

in_session(Dir, Test) ->
    fun() -> ecd_fixture:with_session(Dir, fun() -> Test(Dir) end) end.

tests() ->
    [
        {a_statement_of_a_script_stops_with_its_variables, fun statement/1},
        {the_first_line_of_a_script_stops_once, fun first_line/1},
        {a_script_without_breakpoints_is_left_alone, fun left_alone/1},
        {a_module_stops_in_the_callback_of_its_own_compilation, fun callback/1},
        {a_function_of_evaluated_code_stops, fun evaluated/1},
        {a_hooked_function_still_does_what_it_did, fun hook/1},
        {what_has_no_debug_info_is_not_hooked, fun no_hook/1},
        {reload_brings_in_a_changed_file, fun reload/1},
        {modules_that_the_program_compiles_anew_keep_their_breakpoints, fun compiled_anew/1},
        {a_beam_that_nobody_has_loaded_changes_nothing, fun not_loaded/1},
        {reload_keeps_what_runs_when_the_file_does_not_compile, fun reload_broken/1},
        {reload_refuses_while_the_previous_version_is_in_use, fun reload_in_use/1},
        {reload_of_a_template_compiles_the_module_that_it_is_part_of, fun reload_template/1},
        {reload_finds_changed_files_by_itself, fun reload_changed/1},
        {prepare_tells_what_it_did_and_what_it_could_not, fun prepare/1},
        {own_is_the_project_without_its_dependencies, fun own/1},
        {names_of_modules_are_found_without_making_atoms, fun names/1}
    ].

start() ->
    ok = ecd_fixture:elixir(),
    ok = ecd_tracer:install(),
    ecd_fixture:folder().

finish(Dir) ->
    ok = ecd_tracer:remove(),
    {ok, _} = ecd_engine:stop(),
    ecd_fixture:remove(Dir).

statement(Dir) ->
    Path = ecd_fixture:write(Dir, "top.exs", "x = 20\ny = x + 1\n\nsend(:ecd_wire, {:sum, x + y})\n"),
    [#{verified := false, reason := <<"pending">>}] = ecd_fixture:set(Path, [
        #{id => 1, line => 3, condition => <<"y == 21">>}
    ]),
    {Pid, Meta, Mod, 4} = ecd_fixture:run(fun() -> 'Elixir.Code':eval_file(Path), 'Elixir.Code':require_file(Path) end),
    ?assertEqual(#{ids => [1], kind => line}, ecd_breakpoints:hit(Pid, Mod, 4)),
    ?assertMatch(#{id := 1, verified := true, line := 4}, ecd_fixture:event(breakpoint)),
    Clauses = ecd_engine:clauses(Mod, {'__FILE__', 1}),
    Seen = [{Name, Value} || {Name, Value, _} <- ecd_scope:visible(Clauses, 4, ecd_meta:bindings(Meta, nostack))],
    ?assertEqual([{<<"x">>, 20}, {<<"y">>, 21}], Seen),
    ok = ecd_fixture:continue(Meta),
    _ = ecd_fixture:result(),
    ?assertEqual([41, 41], [Sum || _ <- [1, 2], Sum <- [receive {sum, S} -> S after 60000 -> none end]]).

first_line(Dir) ->
    Path = ecd_fixture:write(Dir, "first.exs", "x = 1\nsend(:ecd_wire, {:x, x})\n"),
    [#{id := 1}] = ecd_fixture:set(Path, [#{id => 1, line => 1}]),
    {_, Meta, _, 1} = ecd_fixture:run(fun() -> 'Elixir.Code':require_file(Path) end),
    ok = ecd_fixture:continue(Meta),
    _ = ecd_fixture:result(),
    receive
        {ecd, stopped, _, _, _, Line} -> error({stopped_again, Line})
    after 0 -> ok
    end.

left_alone(Dir) ->
    Path = ecd_fixture:write(Dir, "free.exs", "send(:ecd_wire, {:free, 1 + 1})\n"),
    _ = 'Elixir.Code':require_file(Path),
    receive {free, 2} -> ok after 60000 -> error(not_run) end,
    ?assertEqual([], ecd_engine:armed()).

%% As ExUnit starts a module's tests from its after_compile callback.
callback(Dir) ->
    Path = ecd_fixture:write(Dir, "callback.exs", [
        "defmodule Called do\n"
        "  @after_compile __MODULE__\n"
        "  def __after_compile__(_env, _bytecode), do: send(:ecd_wire, {:called, work(2)})\n"
        "  def work(n) do\n"
        "    n * 21\n"
        "  end\n"
        "end\n"
    ]),
    [#{verified := false}] = ecd_fixture:set(Path, [#{id => 1, line => 5}]),
    {_, Meta, 'Elixir.Called', 5} = ecd_fixture:run(fun() -> 'Elixir.Code':require_file(Path) end),
    ok = ecd_fixture:continue(Meta),
    _ = ecd_fixture:result(),
    receive {called, 42} -> ok after 60000 -> error(not_called) end.

evaluated(_Dir) ->
    [#{verified := false}] = ecd_fixture:set_functions([#{id => 1, name => <<"Typed.go/1">>}]),
    Code = <<"defmodule Typed do\n  def go(n) do\n    n + 1\n  end\nend\nTyped.go(1)">>,
    {_, Meta, 'Elixir.Typed', 3} = ecd_fixture:run(fun() -> element(1, 'Elixir.Code':eval_string(Code)) end),
    ok = ecd_fixture:continue(Meta),
    ?assertEqual(2, ecd_fixture:result()).

hook(Dir) ->
    Source = "-module(hooked).\n-export([f/2, g/1]).\nf(A, B) -> A + B.\ng(A) -> f(A, 1).\n",
    Path = ecd_fixture:write(Dir, "hooked.erl", Source),
    ok = ecd_fixture:compile(Dir, Path),
    true = code:add_pathz(Dir),
    ok = ecd_hook:around(hooked, [{{f, 2}, {?MODULE, doubled}}]),
    ?assertEqual({6, 4}, {hooked:f(1, 2), hooked:g(1)}),
    ?assertMatch({error, _}, ecd_hook:around(hooked, [{{missing, 0}, {?MODULE, doubled}}])),
    true = code:del_path(Dir).

doubled(Original, [A, B]) -> 2 * Original(A, B).

no_hook(_Dir) ->
    ?assertMatch({error, _}, ecd_hook:around(no_such_module, [{{f, 0}, {?MODULE, doubled}}])).

reload(Dir) ->
    Path = changing(Dir, "n + 1"),
    [#{verified := true, line := 3}] = ecd_fixture:set(Path, [#{id => 1, line => 3}]),
    Changed = "# new\ndefmodule Changing do\n  def go(n) do\n    n + 2\n  end\nend\n",
    _ = ecd_fixture:write(Dir, "lib/changing.ex", Changed),
    ?assertEqual(#{reloaded => [Path], failed => []}, ecd_reload:reload(#{files => [Path]})),
    ?assertMatch(#{id := 1, line := 4}, ecd_fixture:event(breakpoint)),
    {_, Meta, 'Elixir.Changing', 4} = ecd_fixture:run(fun() -> 'Elixir.Changing':go(1) end),
    ok = ecd_fixture:continue(Meta),
    ?assertEqual(3, ecd_fixture:result()).

%% The second module's breakpoint survives that the first, from the same text, is there before it.
compiled_anew(Dir) ->
    Text = [
        "defmodule Anew.One do\n  def go(n), do: n\nend\n",
        "defmodule Anew.Two do\n  def go(n) do\n    n + 1\n  end\nend\n"
    ],
    Path = ecd_fixture:write(Dir, "lib/anew.ex", Text),
    ok = compile_and_load(Dir, "anew", Path),
    [#{verified := true, line := 6}] = ecd_fixture:set(Path, [#{id => 1, line => 6}]),
    _ = ecd_fixture:write(Dir, "lib/anew.ex", ["# new\n", Text]),
    _ = 'Elixir.Code':put_compiler_option(ignore_module_conflict, true),
    [
        begin
            _ = 'Elixir.Code':compile_file(Path),
            {Pid, Meta, 'Elixir.Anew.Two', 7} = ecd_fixture:run(fun() -> 'Elixir.Anew.Two':go(1) end),
            ?assertEqual(#{ids => [1], kind => line}, ecd_breakpoints:hit(Pid, 'Elixir.Anew.Two', 7)),
            ok = ecd_fixture:continue(Meta),
            ?assertEqual(2, ecd_fixture:result())
        end
     || _Again <- [1, 2]
    ],
    'Elixir.Code':put_compiler_option(ignore_module_conflict, false).

not_loaded(Dir) ->
    Path = changing(Dir, "n + 1"),
    [#{verified := true, line := 3}] = ecd_fixture:set(Path, [#{id => 1, line => 3}]),
    _ = ecd_fixture:write(Dir, "lib/changing.ex", "defmodule Changing do\n\n  def go(n) do\n    n + 2\n  end\nend\n"),
    ok = ecd_fixture:compile(filename:join(Dir, "changing"), Path),
    whereis(ecd_breakpoints) ! look,
    _ = ecd_breakpoints:describe(1),
    ok = ecd_fixture:no_event(breakpoint),
    {_, Meta, 'Elixir.Changing', 3} = ecd_fixture:run(fun() -> 'Elixir.Changing':go(1) end),
    ok = ecd_fixture:continue(Meta),
    ?assertEqual(2, ecd_fixture:result()).

reload_broken(Dir) ->
    Path = changing(Dir, "n + 1"),
    Broken = "defmodule Changing do\n  def go(n), do: nothing_of_this_name(n)\nend\n",
    _ = ecd_fixture:write(Dir, "lib/changing.ex", Broken),
    #{reloaded := [], failed := [#{file := Path, error := Error}]} = ecd_reload:reload(#{files => [Path]}),
    ?assertMatch({match, _}, re:run(Error, "nothing_of_this_name")),
    ?assertEqual(2, 'Elixir.Changing':go(1)),
    #{failed := [#{error := Missing}]} = ecd_reload:reload(#{files => [<<"/no/such/file.ex">>]}),
    ?assertEqual(<<"there is no such file">>, Missing).

reload_in_use(Dir) ->
    Path = changing(Dir, "receive do :stop -> n end"),
    Self = self(),
    Pid = spawn_link(fun() -> Self ! {result, 'Elixir.Changing':go(7)} end),
    wait_until(fun() -> process_info(Pid, status) =:= {status, waiting} end),
    _ = ecd_fixture:write(Dir, "lib/changing.ex", "defmodule Changing do\n  def go(n), do: n + 2\nend\n"),
    ?assertMatch(#{reloaded := [Path]}, ecd_reload:reload(#{files => [Path]})),
    _ = ecd_fixture:write(Dir, "lib/changing.ex", "defmodule Changing do\n  def go(n), do: n + 3\nend\n"),
    #{reloaded := [], failed := [#{error := Error}]} = ecd_reload:reload(#{files => [Path]}),
    ?assertMatch({match, _}, re:run(Error, "still used by <")),
    ?assertEqual(9, 'Elixir.Changing':go(7)),
    Pid ! stop,
    ?assertEqual(7, ecd_fixture:result()).

reload_template(Dir) ->
    Template = ecd_fixture:write(Dir, "lib/greet.eex", "Hello <%= name %>"),
    Path = ecd_fixture:write(Dir, "lib/greet.ex", [
        "defmodule Greet do\n  require EEx\n  EEx.function_from_file(:def, :render, \"", Template, "\", [:name])\nend\n"
    ]),
    ok = compile_and_load(Dir, "greet", Path),
    _ = ecd_fixture:write(Dir, "lib/greet.eex", "Good morning <%= name %>"),
    ?assertEqual(#{reloaded => [Template], failed => []}, ecd_reload:reload(#{files => [Template]})),
    ?assertEqual(<<"Good morning ann">>, 'Elixir.Greet':render(<<"ann">>)),
    Other = ecd_fixture:write(Dir, "lib/other.eex", "unused"),
    ?assertMatch(#{failed := [#{file := Other}]}, ecd_reload:reload(#{files => [Other]})).

reload_changed(Dir) ->
    Path = changing(Dir, "n + 1"),
    ?assertEqual(#{reloaded => [], failed => []}, ecd_reload:reload(#{files => nil})),
    _ = ecd_fixture:write(Dir, "lib/changing.ex", "defmodule Changing do\n  def go(n), do: n + 5\nend\n"),
    ok = file:change_time(Path, {{2100, 1, 1}, {0, 0, 0}}),
    ?assertEqual(#{reloaded => [Path], failed => []}, ecd_reload:reload(#{files => nil})),
    ?assertEqual(6, 'Elixir.Changing':go(1)),
    ?assertEqual(#{reloaded => [], failed => []}, ecd_reload:reload(#{files => nil})).

prepare(Dir) ->
    _ = changing(Dir, "n + 1"),
    Request = #{modules => [<<"Changing">>, <<"No.Such">>], mode => <<"immediate">>, reason => <<"plan">>},
    Now = ecd_prepared:prepare(Request),
    ?assertMatch(#{prepared := [<<"Changing">>], queued := [], failed := [#{module := <<"No.Such">>}]}, Now),
    ?assert(maps:get(ms, Now) >= 0),
    #{module := <<"Changing">>, cause := <<"plan">>} = ecd_fixture:event(interpreted),
    Later = ecd_prepared:prepare(Request#{modules => [<<"Changing">>], mode => <<"background">>}),
    ?assertMatch(#{queued := [<<"Changing">>], prepared := []}, Later),
    #{module := <<"Changing">>, cached := true} = ecd_fixture:event(interpreted),
    ?assertEqual([], ecd_engine:armed()),
    ?assertMatch(#{failed := [#{module := <<"No.Such">>}]}, ecd_prepared:release(#{modules => [<<"No.Such">>]})).

own(Dir) ->
    Mine = changing(Dir, "n + 1"),
    Dep = ecd_fixture:write(Dir, "deps/dep/lib/dep.ex", "defmodule OfDep do\n  def x, do: 1\nend\n"),
    ok = compile_and_load(Dir, "dep", Dep),
    ?assertEqual({ok, Mine}, ecd_modules:path('Elixir.Changing')),
    Mods = ['Elixir.Changing', 'Elixir.OfDep', lists, no_such_module],
    ?assertEqual([true, false, false, false], [ecd_modules:own(Mod) || Mod <- Mods]),
    ok = ecd_modules:add_roots([filename:join(Dir, "deps/dep")], []),
    ?assert(ecd_modules:own('Elixir.OfDep')),
    ?assertEqual(['Elixir.OfDep'], ecd_modules:of_path(Dep)),
    ?assertEqual(['Elixir.OfDep'], ecd_modules:of_path(filename:join(Dir, "lib/../deps/dep/lib/dep.ex"))).

names(_Dir) ->
    ?assertEqual({ok, 'Elixir.Enum'}, ecd_modules:from_name(<<"Enum">>)),
    ?assertEqual({ok, 'Elixir.Enum'}, ecd_modules:from_name(<<"Elixir.Enum">>)),
    ?assertEqual({ok, lists}, ecd_modules:from_name(<<":lists">>)),
    Name = <<"Not.There", (integer_to_binary(erlang:unique_integer([positive])))/binary>>,
    ?assertEqual(error, ecd_modules:from_name(Name)),
    ?assertError(badarg, binary_to_existing_atom(<<"Elixir.", Name/binary>>)),
    Shown = [ecd_modules:display(Mod) || Mod <- ['Elixir.Enum', lists, 'a b']],
    ?assertEqual([<<"Enum">>, <<":lists">>, <<":\"a b\"">>], Shown).

changing(Dir, Body) ->
    Text = ["defmodule Changing do\n  def go(n) do\n    ", Body, "\n  end\nend\n"],
    Path = ecd_fixture:write(Dir, "lib/changing.ex", Text),
    ok = file:change_time(Path, {{2020, 1, 1}, {0, 0, 0}}),
    ok = compile_and_load(Dir, "changing", Path),
    Path.

compile_and_load(Dir, Name, Path) ->
    Ebin = filename:join(Dir, Name),
    ok = filelib:ensure_path(Ebin),
    ok = ecd_fixture:compile(Ebin, Path),
    _ = ecd_fixture:load(Ebin),
    ok.

wait_until(Condition) ->
    case Condition() of
        true -> ok;
        false -> erlang:yield(), wait_until(Condition)
    end.
