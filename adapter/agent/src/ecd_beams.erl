%% What the beams of the project say of themselves without being loaded: their source, and whether they call dbg/2. Each
%% is read once, in the background from the session's start, and again by a later session only if it has changed. Loads
%% and arms nothing.
-module(ecd_beams).

-export([start/0, stop/0, from/1, named/2, files/0, sources/0, calling_dbg/0, of_module/1, read_again/1]).

-define(TABLE, ?MODULE).
-define(READER, ?MODULE).
-define(DBG, {'Elixir.Macro', '__dbg__', 3}).
%% ms; thousands of beams on a slow disk.
-define(PATIENCE, 60000).

%% The table belongs to the caller. It is ordered, so that the beams of a source or of a folder are found by prefix:
%% {{file, Folder, Name}, Mod, Source}, {{source, Base, File}, Mod, Source}, {{beam, Mod, Folder}, File},
%% {{dbg, Mod}, File}. Source is what the beam says, Base its name without folders; where that lies here is looked up
%% when somebody asks.
-spec start() -> ok.
start() ->
    ?TABLE = ets:new(?TABLE, [named_table, public, ordered_set, {read_concurrency, true}]),
    %% Elixir starts meanwhile, and breakpoints are set: the launch waits for these.
    true = register(?READER, spawn_opt(fun read_new/0, [{priority, low}])),
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
            Path = <<Dir/binary, "/", File/binary>>,
            ok = enter(Dir, File, facts(ecd_file:read(Path))),
            Named = ets:match(?TABLE, {{source, filename:basename(Source), Path}, '$1', '$2'}),
            case [Mod || [Mod, Raw] <- Named, located(Raw, Path) =:= Source] of
                [Mod] -> Mod;
                [] -> error
            end;
        _ ->
            error
    end.

%% A source that lies elsewhere keeps its name.
known(Source) ->
    Named = ets:match(?TABLE, {{source, filename:basename(Source), '$1'}, '$2', '$3'}),
    lists:usort([Mod || [File, Mod, Raw] <- Named, located(Raw, File) =:= Source]).

%% {Module, beam file} of every beam.
-spec files() -> [{module(), binary()}].
files() ->
    [{Mod, File} || [File, Mod, _] <- all()].

%% {Module, source, beam file} of every beam.
-spec sources() -> [{module(), binary(), binary()}].
sources() ->
    [{Mod, located(Raw, File), File} || [File, Mod, Raw] <- all()].

all() ->
    ok = settled(),
    ok = read_new(),
    ets:match(?TABLE, {{source, '_', '$1'}, '$2', '$3'}).

%% {Module, beam file} of every beam that calls dbg/2.
-spec calling_dbg() -> [{module(), binary()}].
calling_dbg() ->
    ok = settled(),
    ok = read_new(),
    ets:select(?TABLE, [{{{dbg, '$1'}, '$2'}, [], [{{'$1', '$2'}}]}]).

%% The beams of a module: those in folders of the code path in its order, then others, which Mix puts before it later.
%% Quicker than to look into each folder, but knows only what was read.
-spec of_module(module()) -> [binary()].
of_module(Mod) ->
    case ets:select(?TABLE, [{{{beam, Mod, '$1'}, '$2'}, [], [{{'$1', '$2'}}]}]) of
        [] ->
            [];
        [{_, File}] ->
            [File];
        Known ->
            OnPath = [File || Dir <- code:get_path(), {Folder, File} <- Known, text(Dir) =:= Folder],
            OnPath ++ ([File || {_, File} <- Known] -- OnPath)
    end.

%% The module was compiled in this VM, and its beam has been written since.
-spec read_again(Beam :: file:filename_all()) -> ok.
read_again(Beam) ->
    ok = settled(),
    Path = text(Beam),
    enter(filename:dirname(Path), filename:basename(Path), facts(ecd_file:read(Path))).

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
    read_all(Folder, Names -- Known, Names).

%% What an earlier session has read of the same file needs no reading.
read_all(_Folder, [], _Names) ->
    ok;
read_all(Folder, New, Names) ->
    Kept =
        case ecd_disk:read(beams, Folder) of
            {ok, Facts} -> Facts;
            missing -> #{}
        end,
    case lists:foldl(fun(Name, Facts) -> read(Folder, Name, Facts) end, maps:with(Names, Kept), New) of
        Kept -> ok;
        Now -> ecd_disk:write(beams, Folder, Now)
    end.

read(Folder, Name, Kept) ->
    File = <<Folder/binary, "/", Name/binary>>,
    Stamp = ecd_file:stamp(File),
    case Kept of
        #{Name := {Stamp, Facts}} ->
            ok = enter(Folder, Name, Facts),
            Kept;
        #{} ->
            Facts = facts(ecd_file:read(File)),
            ok = enter(Folder, Name, Facts),
            keep(Name, Stamp, Facts, Kept)
    end.

keep(Name, Stamp, Facts, Kept) ->
    case ecd_file:settled(Stamp) of
        none -> maps:remove(Name, Kept);
        Settled -> Kept#{Name => {Settled, Facts}}
    end.

names(Folder) ->
    case file:list_dir(Folder) of
        {ok, Names} -> Names;
        {error, _} -> []
    end.

forget(Folder, Name) ->
    case ets:take(?TABLE, {file, Folder, Name}) of
        [{_, Mod, Source}] ->
            true = ets:delete(?TABLE, {source, filename:basename(Source), <<Folder/binary, "/", Name/binary>>}),
            true = ets:delete(?TABLE, {beam, Mod, Folder}),
            true = ets:delete(?TABLE, {dbg, Mod}),
            ok;
        [] ->
            ok
    end.

enter(Folder, Name, Facts) ->
    ok = forget(Folder, Name),
    File = <<Folder/binary, "/", Name/binary>>,
    Read = {file, Folder, Name},
    Rows =
        case Facts of
            {Source, CallsDbg} ->
                Mod = binary_to_atom(filename:basename(Name, <<".beam">>)),
                Known = [{{source, filename:basename(Source), File}, Mod, Source}, {{beam, Mod, Folder}, File}],
                [{{dbg, Mod}, File} || CallsDbg] ++ [{Read, Mod, Source} | Known];
            none ->
                [{Read, none, <<>>}]
        end,
    true = ets:insert(?TABLE, Rows),
    ok.

%% A beam of a newer OTP makes beam_lib fail instead of answering.
facts({ok, Bytes}) ->
    try
        {source, Source} = lists:keyfind(source, 1, compile_info(Bytes)),
        {text(Source), calls_dbg(Bytes)}
    catch
        error:_ -> none
    end;
facts({error, _}) ->
    none.

%% As beam_lib would answer, which takes ten times as long; a compressed file is left to it.
compile_info(<<"FOR1", _Size:32, "BEAM", Chunks/binary>>) ->
    binary_to_term(chunk(<<"CInf">>, Chunks));
compile_info(Bytes) ->
    {ok, {_, [{compile_info, Info}]}} = beam_lib:chunks(Bytes, [compile_info]),
    Info.

chunk(Wanted, <<Name:4/binary, Size:32, Chunk:Size/binary, Rest/binary>>) ->
    case Name of
        Wanted ->
            Chunk;
        _ ->
            Padding = (4 - Size rem 4) rem 4,
            <<_:Padding/binary, Next/binary>> = Rest,
            chunk(Wanted, Next)
    end.

%% Looking for the name first spares taking most imports apart.
calls_dbg(Bytes) ->
    binary:match(Bytes, <<"__dbg__">>) =/= nomatch andalso
        case beam_lib:chunks(Bytes, [imports]) of
            {ok, {_, [{imports, Imports}]}} -> lists:member(?DBG, Imports);
            {error, beam_lib, _} -> false
        end.

%% Where the source lies on this machine.
located(Source, File) ->
    ecd_modules:original(ecd_paths:located(Source, [ecd_config:get(projectDir)]), File).

text(Chars) when is_binary(Chars) ->
    Chars;
text(Chars) ->
    unicode:characters_to_binary(Chars).
