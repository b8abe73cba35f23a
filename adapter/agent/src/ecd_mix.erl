%% Runs a Mix task as the `mix` command does, with two places to step in: when the project's configuration is loaded and
%% when the project is compiled. Knows nothing about break points but whom to tell.
-module(ecd_mix).

-export([prepare/0, main/0, config_loaded/2, compiled/2, arrived/2, counted/0]).

%% The compilation under way: its progress and how many modules have come of it.
-define(COMPILATION, {?MODULE, compilation}).

%% While Elixir starts.
-spec prepare() -> ok.
prepare() ->
    Debug = not ecd_config:get(noDebug),
    Covers = Debug andalso lists:member("--cover", init:get_plain_arguments()),
    Divides = Debug andalso os:getenv("MIX_OS_DEPS_COMPILE_PARTITION_COUNT") =/= false,
    lists:foreach(fun hook/1, [
        {'Elixir.Mix.Tasks.Loadconfig', {run, 1}, config_loaded} || Debug orelse asks_for_more()
    ] ++ [{'Elixir.Mix.Tasks.Compile', {run, 1}, compiled} || Debug]
      ++ [{'Elixir.Mix.Tasks.Deps.Loadpaths', {run, 1}, arrived} || Divides]
      ++ [{'Elixir.Mix.Tasks.Test.Coverage', {start, 2}, arrived} || Covers]).

%% What the adapter has Elixir evaluate. The program's arguments are a task and its arguments.
-spec main() -> term().
main() ->
    Args = 'Elixir.System':argv(),
    'Elixir.Mix':start(),
    ok = ecd_boot:await(),
    ok = ecd_launch:before_code(),
    _ = [
        report(ecd_tracer:install_early())
     || not ecd_config:get(noDebug), lists:member(<<"test">>, Args) orelse runs_early()
    ],
    lists:foreach(fun ecd_script:install_for/1, scripts(Args)),
    ecd_launch:run(fun() -> 'Elixir.Mix.CLI':main(Args) end).

%% Code with breakpoints that does not exist yet, and that other files may run as soon as it does.
runs_early() ->
    ecd_tracer:is_lazy() andalso ecd_breakpoints:are_pending().

scripts([<<"run">> | Args]) ->
    [File || File <- Args, filename:extension(File) =:= <<".exs">>];
scripts(_Args) ->
    [].

hook({Task, Function, Handler}) ->
    report(ecd_hook:around(Task, [{Function, {?MODULE, Handler}}])).

report(ok) ->
    ok;
report({error, Reason}) ->
    ecd_launch:notice(warning, ["Some breakpoints may be armed a moment late: ", Reason]).

asks_for_more() ->
    ecd_config:get(startApps) orelse ecd_config:get(requireFiles) =/= [].

%% Mix loads the configuration right before the task, when environment and target are settled; later calls of the same
%% Mix task are none of our business.
-spec config_loaded(fun(([binary()]) -> Result), [term()]) -> Result.
config_loaded(Original, [Args]) ->
    Result = Original(Args),
    case put({?MODULE, prepared}, true) of
        undefined -> prepare('Elixir.Mix.Project':get());
        true -> ok
    end,
    Result.

prepare(nil) ->
    require_files();
prepare(_Project) ->
    _ = ecd_config:get(noDebug) orelse ecd_modules:set_build_path('Elixir.Mix.Project':build_path()),
    _ = ecd_config:get(startApps) andalso 'Elixir.Mix.Task':run(<<"app.start">>, []),
    require_files().

%% Once for each application of an umbrella and once for the project itself, before any of them starts.
-spec compiled(fun(([binary()]) -> Result), [term()]) -> Result.
compiled(Original, [Args]) ->
    Result = in_progress(<<"Compiling the project">>, fun() -> Original(Args) end),
    add_roots(),
    ok = ecd_modules:forget_memory(),
    ok = ecd_ahead:remember(),
    ok = ecd_patience:await(),
    ok = ecd_launch:tell([ecd_engine, ecd_breakpoints, ecd_dbg, ecd_entry, ecd_exceptions], compiled, []),
    Result.

%% Modules are there that no hook of the compiler's has seen. Dependencies may have been compiled by other programs, and
%% the project's own compilation calls them. Coverage has put versions in place that count their lines, as interpreted
%% code would not: nothing of them may be interpreted any more when the first test file is loaded.
-spec arrived(fun(), [term()]) -> term().
arrived(Original, Args) ->
    Result = apply(Original, Args),
    ok = ecd_launch:tell([ecd_breakpoints], compiled, []),
    Result.

%% Shown by the adapter if it takes long enough to be noticed.
in_progress(Title, Fun) ->
    Id = integer_to_binary(erlang:unique_integer([positive])),
    ok = ecd_wire:event(progress, #{id => Id, phase => start, title => Title}),
    %% An umbrella compiles its applications inside of its own compilation.
    Around = persistent_term:get(?COMPILATION, none),
    ok = persistent_term:put(?COMPILATION, {Id, counters:new(1, [])}),
    try
        Fun()
    after
        ok = persistent_term:put(?COMPILATION, Around),
        ok = ecd_wire:event(progress, #{id => Id, phase => 'end'})
    end.

%% The compiler is done with a module. How many there will be nobody knows: Mix counts files.
-spec counted() -> ok.
counted() ->
    case persistent_term:get(?COMPILATION, none) of
        none ->
            ok;
        {Id, Modules} ->
            ok = counters:add(Modules, 1, 1),
            ecd_wire:event(progress, #{id => Id, phase => update, message => so_many(counters:get(Modules, 1))})
    end.

so_many(1) -> <<"1 module">>;
so_many(N) -> <<(integer_to_binary(N))/binary, " modules">>.

%% Path dependencies and the umbrella's applications are the user's own; what Mix fetched is not.
add_roots() ->
    Paths = 'Elixir.Mix.Project':deps_paths(),
    Sources = 'Elixir.Mix.Project':deps_scms(),
    {Own, Fetched} = lists:partition(
        fun({App, _}) -> maps:get(App, Sources) =:= 'Elixir.Mix.SCM.Path' end,
        maps:to_list(Paths)
    ),
    {ok, Here} = file:get_cwd(),
    ecd_modules:add_roots(
        [Here | [Path || {_, Path} <- Own]],
        ['Elixir.Mix.Project':deps_path(), build_root() | [Path || {_, Path} <- Fetched]]
    ).

build_root() ->
    filename:dirname('Elixir.Mix.Project':build_path()).

%% Files that the task would load itself must not be loaded twice.
require_files() ->
    Files = lists:append([matches(Pattern) || Pattern <- ecd_config:get(requireFiles)]),
    {Skipped, Wanted} = lists:partition(fun is_loaded_by_task/1, lists:uniq(Files)),
    _ = [ecd_launch:notice(info, skipped(Skipped)) || Skipped =/= []],
    lists:foreach(fun(File) -> 'Elixir.Code':require_file(File) end, Wanted).

matches(Pattern) ->
    Absolute = 'Elixir.Path':expand(Pattern, ecd_config:get(projectDir)),
    case 'Elixir.Path':wildcard(Absolute) of
        [] ->
            ecd_launch:notice(warning, ["requireFiles: no file matches ", Pattern]),
            [];
        Files ->
            Files
    end.

is_loaded_by_task(File) ->
    Args = [ecd_config:get(task) | ecd_config:get(taskArgs)],
    Named = [Arg || Arg <- Args, is_binary(Arg), 'Elixir.Path':expand(Arg) =:= File],
    Named =/= [] orelse (lists:member(<<"test">>, Args) andalso is_test_file(filename:basename(File))).

is_test_file(Name) ->
    Name =:= <<"test_helper.exs">> orelse binary:longest_common_suffix([Name, <<"_test.exs">>]) =:= 9.

skipped(Files) ->
    ["The task loads these files itself, requireFiles need not name them: ", lists:join(", ", Files)].
