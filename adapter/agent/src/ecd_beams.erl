%% What the beams of the project say of themselves without being loaded: their source, and whether they call dbg/2. Each
%% is read once, in the background from the session's start. Loads and arms nothing.
-module(ecd_beams).

-export([start/0, stop/0, from/1, named/2, all/0, calling_dbg/0, on_path/1, read_again/1]).

-define(TABLE, ?MODULE).
-define(READER, ?MODULE).
-define(DBG, {'Elixir.Macro', '__dbg__', 3}).
%% ms; thousands of beams on a slow disk.
-define(PATIENCE, 60000).

%% The table belongs to the caller. It is ordered, so that the beams of a source or of a folder are found by prefix:
%% {{file, Folder, Name}, Mod, Source}, {{source, Source, Mod}, File}, {{beam, Mod, Folder}, File}, {{dbg, Mod}, File}.
-spec start() -> ok.
start() ->
    ?TABLE = ets:new(?TABLE, [named_table, public, ordered_set, {read_concurrency, true}]),
    %% Elixir starts meanwhile, on another core.
    true = register(?READER, spawn(fun read_new/0)),
    ok.

%% The table is about to go.
-spec stop() -> ok.
stop() ->
    case whereis(?READER) of
        undefined ->
            ok;
        Reader ->
            exit(Reader, kill),
            settled()
    end.

%% The modules whose beams name this source. Folders are looked at again only when none is known.
-spec from(Source :: binary()) -> [module()].
from(Source) ->
    ok = settled(),
    case known(Source) of
        [] ->
            ok = read_new(),
            known(Source);
        Mods ->
            Mods
    end.

%% The same where the source names all its modules, without waiting until all beams are read; error if one is missing.
-spec named(Source :: binary(), [Name :: binary()]) -> {ok, [module()]} | error.
named(Source, Names) ->
    Dirs = [text(Dir) || Dir <- ecd_modules:build_dirs()],
    Found = [one_named(Source, <<Name/binary, ".beam">>, Dirs) || Name <- Names],
    case lists:member(error, Found) of
        true -> error;
        false -> {ok, Found}
    end.

one_named(Source, File, Dirs) ->
    case [Dir || Dir <- Dirs, ecd_file:is_regular(<<Dir/binary, "/", File/binary>>)] of
        [Dir] ->
            ok = read(Dir, File),
            case ets:lookup(?TABLE, {file, Dir, File}) of
                [{_, Mod, Source}] -> Mod;
                _ -> error
            end;
        _ ->
            error
    end.

known(Source) ->
    ets:select(?TABLE, [{{{source, Source, '$1'}, '_'}, [], ['$1']}]).

%% {Module, source, beam file} of every beam.
-spec all() -> [{module(), binary(), binary()}].
all() ->
    ok = settled(),
    ok = read_new(),
    Rows = ets:match(?TABLE, {{file, '$1', '$2'}, '$3', '$4'}),
    [{Mod, Source, filename:join(Folder, Name)} || [Folder, Name, Mod, Source] <- Rows, Mod =/= none].

%% {Module, beam file} of every beam that calls dbg/2.
-spec calling_dbg() -> [{module(), binary()}].
calling_dbg() ->
    ok = settled(),
    ok = read_new(),
    ets:select(?TABLE, [{{{dbg, '$1'}, '$2'}, [], [{{'$1', '$2'}}]}]).

%% The beams of a module in folders of the code path. Quicker than to look into each folder, but knows only what was
%% read.
-spec on_path(module()) -> [binary()].
on_path(Mod) ->
    case ets:select(?TABLE, [{{{beam, Mod, '$1'}, '$2'}, [], [{{'$1', '$2'}}]}]) of
        [] -> [];
        Known -> [File || Dir <- code:get_path(), {Folder, File} <- Known, text(Dir) =:= Folder]
    end.

%% The module was compiled in this VM, and its beam has been written since.
-spec read_again(Beam :: file:filename_all()) -> ok.
read_again(Beam) ->
    ok = settled(),
    Path = text(Beam),
    read(filename:dirname(Path), filename:basename(Path)).

settled() ->
    Ref = monitor(process, ?READER),
    receive
        {'DOWN', Ref, process, _, _} -> ok
    after ?PATIENCE ->
        true = demonitor(Ref, [flush]),
        ok
    end.

%% A beam that is written over keeps its source; what else changes in it, read_again/1 is told.
read_new() ->
    lists:foreach(fun read_folder/1, ecd_modules:build_dirs()).

read_folder(Dir) ->
    Folder = text(Dir),
    Known = ets:select(?TABLE, [{{{file, Folder, '$1'}, '_', '_'}, [], ['$1']}]),
    Names = lists:sort([text(Name) || Name <- names(Folder), filename:extension(Name) =:= ".beam"]),
    lists:foreach(fun(Name) -> forget(Folder, Name) end, Known -- Names),
    lists:foreach(fun(Name) -> read(Folder, Name) end, Names -- Known).

names(Folder) ->
    case file:list_dir(Folder) of
        {ok, Names} -> Names;
        {error, _} -> []
    end.

forget(Folder, Name) ->
    case ets:take(?TABLE, {file, Folder, Name}) of
        [{_, Mod, Source}] ->
            true = ets:delete(?TABLE, {source, Source, Mod}),
            true = ets:delete(?TABLE, {beam, Mod, Folder}),
            true = ets:delete(?TABLE, {dbg, Mod}),
            ok;
        [] ->
            ok
    end.

read(Folder, Name) ->
    ok = forget(Folder, Name),
    File = <<Folder/binary, "/", Name/binary>>,
    {Mod, Source, CallsDbg} = facts(File),
    _ = [ets:insert(?TABLE, [{{source, Source, Mod}, File}, {{beam, Mod, Folder}, File}]) || Mod =/= none],
    _ = [ets:insert(?TABLE, {{dbg, Mod}, File}) || CallsDbg],
    true = ets:insert(?TABLE, {{file, Folder, Name}, Mod, Source}),
    ok.

%% A beam of a newer OTP makes beam_lib fail instead of answering.
facts(File) ->
    try
        {ok, Bytes} = ecd_file:read(File),
        {ok, {Mod, [{compile_info, Info}]}} = beam_lib:chunks(Bytes, [compile_info]),
        {_, Source} = lists:keyfind(source, 1, Info),
        Located = ecd_paths:located(Source, [ecd_config:get(projectDir)]),
        {Mod, ecd_modules:original(Located, File), calls_dbg(Bytes)}
    catch
        error:_ -> {none, <<>>, false}
    end.

%% Looking for the name first spares taking most imports apart.
calls_dbg(Bytes) ->
    binary:match(Bytes, <<"__dbg__">>) =/= nomatch andalso
        case beam_lib:chunks(Bytes, [imports]) of
            {ok, {_, [{imports, Imports}]}} -> lists:member(?DBG, Imports);
            {error, beam_lib, _} -> false
        end.

text(Chars) when is_binary(Chars) ->
    Chars;
text(Chars) ->
    unicode:characters_to_binary(Chars).
