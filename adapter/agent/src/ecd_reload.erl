%% Brings changed source files into the running program. Replaces a module only when nobody uses its previous version
%% any more: no process dies of a reload, and a file that does not compile changes nothing.
-module(ecd_reload).

-export([reload/1]).

%% files: absolute paths, or nil for all of the user's own files that are newer than the code that runs.
-spec reload(#{files := [binary()] | nil}) -> #{reloaded := [binary()], failed := [map()]}.
reload(#{files := nil}) ->
    reload(#{files => changed()});
reload(#{files := []}) ->
    #{reloaded => [], failed => []};
reload(#{files := Files}) ->
    Wanted = [{File, sources(File, filelib:is_regular(File))} || File <- Files],
    Compiled = compile(lists:usort(lists:append([Sources || {_, {ok, Sources}} <- Wanted]))),
    Outcomes = [{File, reload_file(Sources, Compiled)} || {File, Sources} <- Wanted],
    #{
        reloaded => [File || {File, ok} <- Outcomes],
        failed => [#{file => File, error => Reason} || {File, {error, Reason}} <- Outcomes]
    }.

%% A template is part of the modules that it was compiled into.
sources(_File, false) ->
    {error, <<"there is no such file">>};
sources(File, true) ->
    case lists:member(filename:extension(File), [<<".ex">>, <<".exs">>, <<".erl">>]) of
        true ->
            {ok, [ecd_paths:canonical(File)]};
        false ->
            case lists:usort([Path || Mod <- ecd_modules:of_path(File), {ok, Path} <- [ecd_modules:path(Mod)]]) of
                [] -> {error, <<"no module of the program is made from this file">>};
                Sources -> {ok, Sources}
            end
    end.

compile([]) -> #{};
compile(Files) -> ecd_compile:run(Files).

reload_file({error, _} = Error, _Compiled) ->
    Error;
reload_file({ok, Sources}, Compiled) ->
    case [Reason || Source <- Sources, {error, Reason} <- [load(maps:get(Source, Compiled))]] of
        [] -> ok;
        Reasons -> {error, unicode:characters_to_binary(lists:join("; ", Reasons))}
    end.

%% All modules of a file or none: half a file is a program that nobody wrote.
load({error, _} = Error) ->
    Error;
load({ok, Modules}) ->
    New = [{Mod, Code} || {Mod, Code} <- Modules, is_new(Mod, Code)],
    case [Mod || {Mod, _} <- New, not code:soft_purge(Mod)] of
        [] -> replace(New);
        Used -> {error, unicode:characters_to_binary(lists:join("; ", [used(Mod) || Mod <- Used]))}
    end.

%% The same code on other lines is new, too: breakpoints, steps and stack traces go by them.
is_new(Mod, Code) ->
    {ok, {Mod, Md5}} = beam_lib:md5(Code),
    case ecd_modules:bytecode(Mod) of
        {ok, Running} -> Md5 =/= ecd_modules:md5(Mod) orelse lines(Code) =/= lines(Running);
        {error, _} -> true
    end.

lines(Code) ->
    {ok, {_, [{"Line", Lines}]}} = beam_lib:chunks(Code, ["Line"], [allow_missing_chunks]),
    Lines.

replace(New) ->
    Outcomes = [{Mod, Code, code:load_binary(Mod, file_of(Mod), Code)} || {Mod, Code} <- New],
    lists:foreach(
        fun({Mod, Code, {module, _}}) ->
            new = ecd_modules:remember(Mod, Code, source(Code), early),
            ok = ecd_breakpoints:module_defined(Mod)
        end,
        [Outcome || {_, _, {module, _}} = Outcome <- Outcomes]
    ),
    Refused = fun(Mod, Reason) -> io_lib:format("~ts cannot be loaded: ~0tp", [ecd_modules:display(Mod), Reason]) end,
    case [Refused(Mod, Reason) || {Mod, _, {error, Reason}} <- Outcomes] of
        [] -> ok;
        Reasons -> {error, unicode:characters_to_binary(lists:join("; ", Reasons))}
    end.

file_of(Mod) ->
    case code:is_loaded(Mod) of
        {file, File} when is_list(File) -> File;
        _ -> atom_to_list(Mod)
    end.

source(Code) ->
    {ok, {_, [{compile_info, Info}]}} = beam_lib:chunks(Code, [compile_info]),
    unicode:characters_to_binary(proplists:get_value(source, Info)).

used(Mod) ->
    Pids = [Pid || Pid <- processes(), erlang:check_process_code(Pid, Mod) =:= true],
    [
        "the previous version of ", ecd_modules:display(Mod), " is still used by ",
        case Pids of
            [] -> "a process that has ended meanwhile; try again";
            _ -> lists:join(", ", [name(Pid) || Pid <- lists:sublist(Pids, 5)])
        end,
        case length(Pids) of
            More when More > 5 -> io_lib:format(" and ~w more", [More - 5]);
            _ -> ""
        end
    ].

name(Pid) ->
    case process_info(Pid, registered_name) of
        {registered_name, Name} -> io_lib:format("~tp ~w", [Name, Pid]);
        _ -> io_lib:format("~w", [Pid])
    end.

%% A module that was reloaded before has no newer file to compare with but its source; what runs tells by its own age.
changed() ->
    lists:usort([
        Path
     || {Mod, _} <- code:all_loaded(),
        ecd_modules:own(Mod),
        {ok, Path} <- [ecd_modules:path(Mod)],
        filelib:is_regular(Path),
        is_newer(Path, Mod)
    ]).

is_newer(Path, Mod) ->
    case ecd_modules:on_disk(Mod) of
        {stale, _} -> not ecd_modules:is_as_remembered(Mod, Path);
        _ -> false
    end.
