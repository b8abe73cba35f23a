%% What a launch loads of OTP, Elixir and Mix before any code of the user's runs: its names are remembered on disk, and
%% the next launch of the same kind loads all of it in one step, on all cores, before Elixir starts. One at a time takes
%% longer: the VM copies its tables of functions for each. Must not load what a launch does not load anyway.
-module(ecd_ahead).

-export([load/0, remember/0, settle/0]).

-define(KIND, {?MODULE, kind}).
%% ms for writing it down; a few hundred files are read.
-define(PATIENCE, 2000).

%% What is not there any more is passed over.
-spec load() -> ok.
load() ->
    Kind = kind(),
    case ecd_disk:read(ahead, Kind) of
        {ok, Mods} ->
            load(Mods);
        missing ->
            persistent_term:put(?KIND, Kind)
    end.

%% Newer Elixir puts its other applications on the code path only when it starts, first and in its own order; they lie
%% next to it.
load(Mods) ->
    Root = filename:dirname(code:lib_dir(elixir)),
    Beside = [filename:join([Root, App, "ebin"]) || App <- ["eex", "ex_unit", "iex", "logger", "mix"]],
    ok = code:add_pathsz(Beside -- code:get_path()),
    _ = code:ensure_modules_loaded(Mods),
    ok.

%% The user's code is about to run, and nothing was known before: written down in the background, once.
-spec remember() -> ok.
remember() ->
    case persistent_term:get(?KIND, known) of
        known ->
            ok;
        Kind ->
            _ = persistent_term:erase(?KIND),
            Writer = spawn(fun() -> receive go -> ecd_disk:write(ahead, Kind, loaded()) end end),
            true = register(?MODULE, Writer),
            Writer ! go,
            ok
    end.

%% The program may end sooner than that is written.
-spec settle() -> ok.
settle() ->
    Ref = monitor(process, ?MODULE),
    receive
        {'DOWN', Ref, process, _, _} -> ok
    after ?PATIENCE ->
        true = demonitor(Ref, [flush]),
        ok
    end.

%% The program and the task or script that it runs; Mix changes the path later.
kind() ->
    {lists:sublist(init:get_plain_arguments(), 4), code:get_path(), erlang:system_info(version)}.

%% Without the user's own, and without what the agent has rebuilt.
loaded() ->
    Roots = [code:root_dir(), filename:dirname(code:lib_dir(elixir))],
    [
        Mod
     || {Mod, File} <- code:all_loaded(), is_list(File),
        lists:any(fun(Root) -> lists:prefix(Root ++ "/", File) end, Roots), is_as_in_file(Mod, File)
    ].

is_as_in_file(Mod, File) ->
    case beam_lib:md5(File) of
        {ok, {Mod, Md5}} -> erlang:get_module_info(Mod, md5) =:= Md5;
        _ -> false
    end.
