%% Which module belongs to which source file, whose code it is, and where its bytecode lies (on disk or only in memory).
%% Must not arm anything and loads no code.
-module(ecd_modules).
-behaviour(gen_server).

-export([start/0, stop/0, own/1, path/1, path/2, of_path/1, functions_of/2, bytecode/1, md5/1, written/1]).
-export([remember/4, is_as_remembered/2, forget_memory/0, add_roots/2, set_build_path/1, on_disk/1]).
-export([display/1, from_name/1, build_dirs/0, original/2]).
-export([init/1, handle_call/3, handle_cast/2]).

-define(TABLE, ?MODULE).
%% {{Name of the source file without its folder, Mod}} of what is loaded, and `indexed`: what is in it.
-define(BY_BASE, ecd_modules_by_base).

%% The process only owns the table; everything else is computed by the caller and cached there.
-spec start() -> ok.
start() ->
    {ok, _} = ecd_server:start(?MODULE),
    ok.

-spec stop() -> ok.
stop() ->
    ok = ecd_beams:stop(),
    ecd_server:stop(?MODULE).

%% Own is what the user edits: the project, the umbrella's applications, path dependencies. The deepest root decides,
%% so that deps/ inside the project is foreign and a path dependency inside deps/ is own.
-spec own(module()) -> boolean().
own(Mod) ->
    cached({own, Mod}, Mod, fun() ->
        case raw_source(Mod) of
            none -> false;
            Raw -> own_path(ecd_paths:canonical(Raw)) orelse (may_be_elsewhere(Mod) andalso is_own_path(path(Mod)))
        end
    end).

%% What the beam names may not be the file that the user edits.
may_be_elsewhere(Mod) ->
    ecd_config:get(attach) orelse is_file_under(beam(Mod), project()).

is_own_path({ok, Path}) -> own_path(Path);
is_own_path(error) -> false.

%% The source file of a module, absolute.
-spec path(module()) -> {ok, binary()} | error.
path(Mod) ->
    case cached({source, Mod}, Mod, fun() -> source(Mod) end) of
        none -> error;
        Path -> {ok, Path}
    end.

%% The source file of one function. It differs from the module's for functions compiled from a template.
-spec path(module(), {atom(), arity()}) -> {ok, binary()} | error.
path(Mod, FA) ->
    case template_files(Mod) of
        [] ->
            path(Mod);
        Templates ->
            Host = host(FA),
            case [File || {File, FAs} <- Templates, lists:member(Host, FAs)] of
                [File | _] -> {ok, File};
                [] -> path(Mod)
            end
    end.

%% The function that a closure is written in: `-render/2-fun-0-` belongs to render/2.
host({F, _} = FA) ->
    case re:run(atom_to_list(F), "^-(.+)/(\\d+)-", [{capture, all_but_first, list}]) of
        {match, [Name, Arity]} -> {list_to_atom(Name), list_to_integer(Arity)};
        nomatch -> FA
    end.

%% The modules with code from a file: loaded ones, those compiled into memory, and beams of the build path.
-spec of_path(file:filename_all()) -> [module()].
of_path(Path) ->
    Wanted = ecd_paths:canonical(Path),
    Disk = [M || M <- ecd_beams:from(Wanted), not erlang:module_loaded(M)],
    case lists:usort(loaded_from(Wanted) ++ Disk) of
        [] -> template_modules(Wanted);
        Mods -> Mods
    end.

loaded_from(Wanted) ->
    ok = index_loaded(),
    Base = filename:basename(Wanted),
    Named = ets:select(?BY_BASE, [{{{Base, '$1'}}, [], ['$1']}]),
    [M || M <- Named, erlang:module_loaded(M), is_from(M, Base, Wanted), not is_passing(M)].

%% Looking at hundreds of modules takes milliseconds, so only those are looked at that were loaded since; all of them
%% when something was compiled, which may be known under another file now.
index_loaded() ->
    Compiled = ets:lookup(?TABLE, compiled),
    Loaded = erlang:loaded(),
    case ets:lookup(?BY_BASE, indexed) of
        [{_, Compiled, Loaded}] -> ok;
        [{_, Compiled, Known}] -> index(added(Loaded, Known), Compiled, Loaded);
        _ -> index(Loaded, Compiled, Loaded)
    end.

%% The VM lists what was loaded last first, unless something was unloaded before.
added(Loaded, Known) ->
    Count = max(0, length(Loaded) - length(Known)),
    case lists:split(Count, Loaded) of
        {New, Known} -> New;
        _ -> ordsets:subtract(lists:sort(Loaded), lists:sort(Known))
    end.

index(Mods, Compiled, Loaded) ->
    true = ets:insert(?BY_BASE, [{{base(Mod), Mod}} || Mod <- Mods]),
    true = ets:insert(?BY_BASE, {indexed, Compiled, Loaded}),
    ok.

%% Elixir runs the top-level code of a file in a module of its own for a moment; unless it was kept, nothing can stop
%% there.
is_passing(Mod) ->
    lists:prefix("elixir_compiler_", atom_to_list(Mod)) andalso not ets:member(?TABLE, {bytes, Mod}).

%% The functions of a module that a file holds: all but the templates' for its source, else those compiled from that
%% file.
-spec functions_of(module(), file:filename_all()) -> {all_but | only, [{atom(), arity()}]}.
functions_of(Mod, Path) ->
    Wanted = ecd_paths:canonical(Path),
    Templates = template_files(Mod),
    case [FAs || {File, FAs} <- Templates, ecd_paths:canonical(File) =:= Wanted] of
        [] -> {all_but, lists:append([FAs || {_, FAs} <- Templates])};
        Lists -> {only, lists:append(Lists)}
    end.

%% The bytecode of the version that runs, or, if the module is not loaded, of the one that would be loaded.
-spec bytecode(module()) -> {ok, binary()} | {error, not_found | changed_on_disk}.
bytecode(Mod) ->
    Md5 = md5(Mod),
    case ets:lookup(?TABLE, {bytes, Mod}) of
        [{_, Bytes, Made}] when Made =:= Md5; Made =:= none -> {ok, Bytes};
        _ -> from_disk(Mod, loaded_from_file(Mod) ++ ecd_beams:of_module(Mod))
    end.

%% The identity of the loaded version, without a message and without loading the module.
-spec md5(module()) -> binary() | none.
md5(Mod) ->
    try
        erlang:get_module_info(Mod, md5)
    catch
        error:badarg -> none
    end.

%% When the beam was written that a module was loaded from. It tells of moved lines, which the md5 does not.
-spec written(module()) -> integer().
written(Mod) ->
    case code:is_loaded(Mod) of
        {file, File} when is_list(File), File =/= [] -> ecd_file:written(File);
        _ -> 0
    end.

%% The compiler made a module; its bytecode may exist nowhere else. It is told of early, by hooks in the compiler, or
%% late, by its tracing, or by more than one: known is what a process told of early and now tells of again.
-spec remember(module(), binary(), file:filename_all(), early | late) -> new | known.
remember(Mod, Bytes, File, early) ->
    case {ets:lookup(?TABLE, {told, Mod}), ets:lookup(?TABLE, {bytes, Mod})} of
        {[{_, Self}], [{_, Bytes, _}]} when Self =:= self() ->
            known;
        _ ->
            true = ets:insert(?TABLE, {{told, Mod}, self()}),
            remember_new(Mod, Bytes, ecd_paths:canonical(File))
    end;
remember(Mod, Bytes, File, late) ->
    Self = self(),
    case ets:take(?TABLE, {told, Mod}) of
        [{_, Self}] -> known;
        _ -> remember_new(Mod, Bytes, ecd_paths:canonical(File))
    end.

remember_new(Mod, Bytes, Path) ->
    true = ets:insert(?TABLE, [{{bytes, Mod}, Bytes, md5(Mod)}, {{source, Mod}, {md5(Mod), Path}}]),
    true = ets:insert(?TABLE, {{made, Mod}, ecd_file:written(Path)}),
    true = ets:delete(?TABLE, {own, Mod}),
    _ = ets:update_counter(?TABLE, compiled, 1, {compiled, 0}),
    new.

%% Whether a source has not changed since a module made from it was last remembered.
-spec is_as_remembered(module(), file:filename_all()) -> boolean().
is_as_remembered(Mod, Path) ->
    ets:lookup(?TABLE, {made, Mod}) =:= [{{made, Mod}, ecd_file:written(Path)}].

%% Bytecode that by now lies on disk need not be kept: called when a compilation has written its beams.
-spec forget_memory() -> ok.
forget_memory() ->
    lists:foreach(
        fun([Mod]) ->
            Beam = beam_file(Mod),
            case from_file(Mod, Beam) of
                {ok, _} ->
                    ok = ecd_beams:read_again(Beam),
                    ets:delete(?TABLE, {bytes, Mod});
                {error, _} ->
                    kept
            end
        end,
        ets:match(?TABLE, {{bytes, '$1'}, '_', '_'})
    ).

%% What Mix knows about the project; adds to what the layout of the project directory says.
-spec add_roots(Own :: [file:filename_all()], Foreign :: [file:filename_all()]) -> ok.
add_roots(Own, Foreign) ->
    New = [{ecd_paths:directory(R), true} || R <- Own] ++ [{ecd_paths:directory(R), false} || R <- Foreign],
    true = ets:insert(?TABLE, {roots, lists:usort(New ++ roots())}),
    true = ets:match_delete(?TABLE, {{own, '_'}, '_'}),
    ok.

%% Known for certain once Mix has loaded the project; guessed from the environment before.
-spec set_build_path(file:filename_all()) -> ok.
set_build_path(Dir) ->
    true = ets:insert(?TABLE, {build_path, text(Dir)}),
    ok.

%% The beam file that a module has or would be loaded from, and whether its source has not changed since.
-spec on_disk(module()) -> {fresh | stale, file:filename_all()} | none.
on_disk(Mod) ->
    case beam_file(Mod) of
        none ->
            none;
        File ->
            case path(Mod) of
                {ok, Source} ->
                    case ecd_file:written(Source) > ecd_file:written(File) of
                        true -> {stale, File};
                        false -> {fresh, File}
                    end;
                error ->
                    {fresh, File}
            end
    end.

%% `Foo.Bar` for Elixir modules, `:lists` for others, as people write them.
-spec display(module()) -> binary().
display(Mod) ->
    ecd_names:module(Mod).

%% The module that a name means: loaded, or with a beam on disk. Never makes an atom of a name that is neither.
-spec from_name(binary()) -> {ok, module()} | error.
from_name(<<":", Name/binary>>) ->
    existing_module(string:trim(Name, both, "\"'"));
from_name(<<"Elixir.", _/binary>> = Name) ->
    existing_module(Name);
from_name(Name) ->
    case existing_module(<<"Elixir.", Name/binary>>) of
        error -> existing_module(Name);
        Found -> Found
    end.

-spec init([]) -> {ok, nil}.
init([]) ->
    ?TABLE = ets:new(?TABLE, [named_table, public, set, {read_concurrency, true}]),
    ?BY_BASE = ets:new(?BY_BASE, [named_table, public, ordered_set, {read_concurrency, true}]),
    ok = ecd_beams:start(),
    {ok, nil}.

-spec handle_call(term(), gen_server:from(), nil) -> {reply, {error, unknown_call}, nil}.
handle_call(_Request, _From, State) ->
    {reply, {error, unknown_call}, State}.

-spec handle_cast(term(), nil) -> {noreply, nil}.
handle_cast(_Message, State) ->
    {noreply, State}.

%% A fact about a module stays true as long as the same version is loaded. Nothing is kept about modules not loaded.
cached(Key, Mod, Compute) ->
    Md5 = md5(Mod),
    case ets:lookup(?TABLE, Key) of
        [{_, {Md5, Value}}] ->
            Value;
        _ ->
            Value = Compute(),
            _ = [ets:insert(?TABLE, {Key, {Md5, Value}}) || Md5 =/= none],
            Value
    end.

%% Comparing the last part first spares resolving the paths of hundreds of modules that nobody asks for.
is_from(Mod, Base, Wanted) ->
    base(Mod) =:= Base andalso path(Mod) =:= {ok, Wanted}.

base(Mod) ->
    cached({base, Mod}, Mod, fun() ->
        case raw_source(Mod) of
            none -> none;
            Raw -> filename:basename(Raw)
        end
    end).

raw_source(Mod) ->
    case ets:lookup(?TABLE, {source, Mod}) of
        [{_, {_, Source}}] ->
            Source;
        [] ->
            case compile_info(Mod) of
                {ok, Info} -> raw_source_of(Info);
                error -> none
            end
    end.

raw_source_of(Info) ->
    case proplists:get_value(source, Info) of
        undefined -> none;
        Source -> text(Source)
    end.

source(Mod) ->
    case compile_info(Mod) of
        {ok, Info} ->
            case raw_source_of(Info) of
                none ->
                    none;
                Raw ->
                    Folders = application_folder(Mod) ++ [ecd_config:get(projectDir)],
                    original(ecd_paths:located(Raw, Folders), beam(Mod))
            end;
        error ->
            none
    end.

%% A project that was copied with its build, as into another work tree, has beams that name the files it was copied
%% from. What Mix has not compiled again since was the same in the copy, so the file there is the one meant.
-spec original(Source :: binary(), Beam :: none | file:filename_all()) -> binary().
original(Source, Beam) ->
    Project = project(),
    case is_under(Source, Project) orelse not is_file_under(Beam, Project) of
        true -> Source;
        false -> ecd_paths:copied(Source, Project)
    end.

is_file_under(none, _Project) -> false;
is_file_under(File, Project) -> is_under(ecd_paths:canonical(File), Project).

beam(Mod) ->
    case loaded_from_file(Mod) of
        [File] -> File;
        [] -> beam_file(Mod)
    end.

project() ->
    ecd_paths:directory(umbrella(text(ecd_config:get(projectDir)))).

application_folder(Mod) ->
    case code:is_loaded(Mod) of
        {file, File} when is_list(File), File =/= [] -> [filename:dirname(filename:dirname(text(File)))];
        _ -> []
    end.

compile_info(Mod) ->
    try
        {ok, erlang:get_module_info(Mod, compile)}
    catch
        error:badarg ->
            case beam_file(Mod) of
                none -> error;
                File -> compile_info_of_file(File)
            end
    end.

%% A beam of a newer OTP makes beam_lib fail instead of answering.
compile_info_of_file(File) ->
    try beam_lib:chunks(path_string(File), [compile_info]) of
        {ok, {_, [{compile_info, Info}]}} -> {ok, Info};
        {error, beam_lib, _} -> error
    catch
        error:_ -> error
    end.

own_path(Path) ->
    Roots = [{byte_size(Root), Own} || {Root, Own} <- roots(), is_under(Path, Root)],
    case lists:max([{-1, false} | Roots]) of
        {_, Own} -> Own
    end.

is_under(Path, Root) ->
    Size = byte_size(Root),
    case Path of
        <<Root:Size/binary, "/", _/binary>> -> true;
        _ -> false
    end.

roots() ->
    case ets:lookup(?TABLE, roots) of
        [{_, Roots}] ->
            Roots;
        [] ->
            Project = ecd_paths:directory(ecd_config:get(projectDir)),
            Layout = [{Project, true} | [{filename:join(Project, D), false} || D <- [<<"deps">>, <<"_build">>]]],
            true = ets:insert(?TABLE, {roots, Layout}),
            Layout
    end.

%% The beam of a module: where the loaded one came from, else what is known of the project, else on the code path, else
%% below the build path. What the code path has in archives, only the code server finds.
beam_file(Mod) ->
    Name = atom_to_list(Mod) ++ ".beam",
    first_regular([
        fun() -> loaded_from_file(Mod) end,
        fun() -> ecd_beams:of_module(Mod) end,
        fun() -> [filename:join(Dir, Name) || Dir <- code:get_path()] end,
        fun() -> [filename:join(Dir, Name) || Dir <- build_dirs()] end,
        fun() -> [Found || Found <- [code:where_is_file(Name)], Found =/= non_existing] end
    ]).

%% The code server, which may just be busy with loading it, is asked only for what is there.
loaded_from_file(Mod) ->
    case erlang:module_loaded(Mod) andalso code:is_loaded(Mod) of
        {file, File} when is_list(File), File =/= [] -> [File];
        _ -> []
    end.

%% The later candidates take longer to find.
first_regular([Candidates | Later]) ->
    case [File || File <- Candidates(), ecd_file:is_regular(File)] of
        [First | _] -> First;
        [] -> first_regular(Later)
    end;
first_regular([]) ->
    none.

%% The first of the files that can be read; where none of these can, the module is looked for.
from_disk(Mod, [File | Others]) ->
    case ecd_file:read(File) of
        {ok, Bytes} -> of_version(md5(Mod), Bytes);
        {error, _} -> from_disk(Mod, Others)
    end;
from_disk(Mod, []) ->
    from_file(Mod, beam_file(Mod)).

from_file(_Mod, none) ->
    {error, not_found};
from_file(Mod, File) ->
    case ecd_file:read(File) of
        {ok, Bytes} -> of_version(md5(Mod), Bytes);
        {error, _} -> {error, not_found}
    end.

of_version(Md5, Bytes) ->
    case {Md5, beam_lib:md5(Bytes)} of
        {none, {ok, _}} -> {ok, Bytes};
        {Md5, {ok, {_, Md5}}} -> {ok, Bytes};
        _ -> {error, changed_on_disk}
    end.

%% Directories with beams of the user's own applications. Dependencies are found once they are loaded.
-spec build_dirs() -> [file:filename_all()].
build_dirs() ->
    Dirs = filelib:wildcard(path_string(filename:join([build_path(), "lib", "*", "ebin"]))),
    OnPath = [D || D <- code:get_path(), own_path(ecd_paths:directory(D))],
    lists:usort(Dirs ++ OnPath).

build_path() ->
    case ets:lookup(?TABLE, build_path) of
        [{_, Dir}] -> Dir;
        [] -> guessed_build_path()
    end.

guessed_build_path() ->
    Project = text(ecd_config:get(projectDir)),
    case os:getenv("MIX_BUILD_PATH") of
        false ->
            Root = text(os:getenv("MIX_BUILD_ROOT", "_build")),
            filename:join([umbrella(Project), Root, text(os:getenv("MIX_ENV", guessed_env()))]);
        Path ->
            filename:absname(text(Path), Project)
    end.

%% Mix picks `test` for its test task and `dev` for the others unless the project says otherwise.
guessed_env() ->
    case lists:member("test", init:get_plain_arguments()) of
        true -> "test";
        false -> "dev"
    end.

%% An application of an umbrella builds into the umbrella's directory.
umbrella(Project) ->
    Above = filename:dirname(filename:dirname(Project)),
    case filename:basename(filename:dirname(Project)) =:= <<"apps">> andalso
        ecd_file:is_regular(filename:join(Above, "mix.exs")) of
        true -> Above;
        false -> Project
    end.

%% [{File, Functions}] for functions whose code comes from another file than the module's source.
template_files(Mod) ->
    cached({templates, Mod}, Mod, fun() ->
        case bytecode(Mod) of
            {ok, Bytes} -> ecd_templates:files(Bytes, path(Mod));
            {error, _} -> []
        end
    end).

%% Whoever refers to a file has its name in the line table: only such modules are looked at closely.
template_modules(Wanted) ->
    Base = filename:basename(Wanted),
    Loaded = [{M, path(M), bytecode(M)} || {M, _} <- code:all_loaded(), own(M)],
    Built = [
        {M, {ok, Source}, ecd_file:read(File)}
     || {M, Source, File} <- ecd_beams:sources(), not erlang:module_loaded(M), own_path(Source)
    ],
    lists:usort([
        Mod
     || {Mod, Source, {ok, Bytes}} <- Loaded ++ Built,
        binary:match(Bytes, Base) =/= nomatch,
        {File, _} <- ecd_templates:files(Bytes, Source),
        ecd_paths:canonical(File) =:= Wanted
    ]).

existing_module(Name) when byte_size(Name) =< 255 ->
    try binary_to_existing_atom(Name) of
        Mod ->
            case erlang:module_loaded(Mod) orelse beam_file(Mod) =/= none of
                true -> {ok, Mod};
                false -> error
            end
    catch
        error:badarg -> named_on_disk(Name)
    end;
existing_module(_Name) ->
    error.

named_on_disk(Name) ->
    File = <<Name/binary, ".beam">>,
    case filename:basename(File) =:= File andalso is_beam_somewhere(File) of
        true -> {ok, binary_to_atom(Name)};
        false -> error
    end.

is_beam_somewhere(File) ->
    code:where_is_file(path_string(File)) =/= non_existing orelse
        lists:any(fun(Dir) -> ecd_file:is_regular(filename:join(Dir, File)) end, build_dirs()).

text(Chars) when is_binary(Chars) ->
    Chars;
text(Chars) ->
    unicode:characters_to_binary(Chars).

path_string(Path) ->
    unicode:characters_to_list(Path).
