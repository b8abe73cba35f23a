%% Top-level statements of scripts and test files. Elixir compiles them into a nameless module that exists only while it
%% runs and has no debug info; here it gets some, and is announced before it runs. Must not change what it computes.
-module(ecd_script).

-export([install/0, install_for/1, main/0, compiling/2, loaded/2]).

%% What Elixir calls at the end of top-level code.
-define(NOOP, {call, _, {remote, _, {atom, _, elixir_utils}, {atom, _, noop}}, []}).

%% Needed as soon as there is a breakpoint in a script; costs some 50 ms, so not done without need.
-spec install() -> ok | {error, binary()}.
install() ->
    ecd_hook:once(elixir_erl_compiler, [{{noenv_forms, 3}, {?MODULE, compiling}}, {{spawn, 1}, {?MODULE, loaded}}]).

%% The same for a script that is about to run, if what is wanted of it needs that.
-spec install_for(file:filename_all()) -> ok.
install_for(File) ->
    case not ecd_config:get(noDebug) andalso is_needed(File) andalso install() of
        {error, Reason} -> ecd_launch:notice(warning, ["Top-level statements will not stop: ", Reason]);
        _ -> ok
    end.

%% What the adapter has Elixir evaluate: runs a script as `elixir SCRIPT ARGS` does.
-spec main() -> term().
main() ->
    [File | Args] = 'Elixir.System':argv(),
    ok = ecd_boot:await(),
    'Elixir.System':argv(Args),
    ok = ecd_launch:before_code(),
    ok = install_for(File),
    ecd_launch:run(fun() -> 'Elixir.Code':require_file(File) end).

%% Exceptions that top-level code raises stop only where its text is known.
is_needed(File) ->
    ecd_config:get(stopOnEntry) orelse ecd_exceptions:is_wanted() orelse mentions_dbg(File).

%% A call of dbg among the top-level statements is to stop like any other.
mentions_dbg(File) ->
    case file:read_file(File) of
        {ok, Text} -> ecd_config:get(breakOnDbg) andalso binary:match(Text, <<"dbg">>) =/= nomatch;
        {error, _} -> false
    end.

%% Around the compiler: top-level code gets debug info. The compiler runs this and the loading in one process, whose
%% dictionary carries the result over.
-spec compiling(fun((list(), binary(), list()) -> {module(), binary()}), [term()]) -> {module(), binary()}.
compiling(Compile, [Forms, File, Options]) ->
    case is_top_level(Forms) andalso is_looked_at(File) of
        true ->
            DebugInfo = {debug_info, {erl_abstract_code, {without_epilogue(Forms), []}}},
            {Mod, Beam} = Compile(Forms, File, [DebugInfo | Options]),
            put({?MODULE, compiled}, {Mod, Beam, File}),
            {Mod, Beam};
        false ->
            Compile(Forms, File, Options)
    end.

%% Elixir keeps the result and calls a function that does nothing before it returns it, all on the first line; nobody
%% wrote that, so nothing of it is a place to stop.
without_epilogue({block, _, [{match, _, {var, _, Result}, Body} | [?NOOP, {var, _, Result}] = Epilogue]}) ->
    Kept = {match, 0, {var, 0, Result}, {block, 0, [without_epilogue(Body)]}},
    {block, 0, [Kept | without_epilogue(Epilogue)]};
without_epilogue([?NOOP = Noop, {var, _, Result}]) ->
    [setelement(2, Noop, 0), {var, 0, Result}];
without_epilogue([Head | Tail]) ->
    [without_epilogue(Head) | without_epilogue(Tail)];
without_epilogue(Tuple) when is_tuple(Tuple) ->
    list_to_tuple(without_epilogue(tuple_to_list(Tuple)));
without_epilogue(Other) ->
    Other.

%% Around the process that compiles and loads: when it ends, the module is there and has not run yet.
-spec loaded(fun((fun(() -> term())) -> term()), [fun(() -> term())]) -> term().
loaded(Spawn, [Fun]) ->
    Spawn(fun() ->
        Result = Fun(),
        case get({?MODULE, compiled}) of
            {Mod, Beam, File} ->
                ecd_launch:module_defined(Mod, Beam, File, early);
            undefined ->
                ok
        end,
        Result
    end).

is_looked_at(File) ->
    ecd_breakpoints:wants_file(File) orelse lists:member(ecd_paths:canonical(File), scripts()).

%% What runs as a script: named as such, or for `mix run`.
scripts() ->
    Given =
        case {ecd_config:get(script), ecd_config:get(task)} of
            {nil, <<"run">>} -> ecd_config:get(taskArgs);
            {nil, _} -> [];
            {Script, _} -> [Script]
        end,
    [ecd_paths:canonical(filename:absname(File, ecd_config:get(projectDir))) || File <- Given].

is_top_level(Forms) ->
    lists:any(
        fun
            ({function, _, '__FILE__', 1, _}) -> true;
            (_) -> false
        end,
        Forms
    ).
