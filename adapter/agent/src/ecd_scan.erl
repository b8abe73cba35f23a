%% Finds modules by what their bytecode mentions. Arms nothing.
-module(ecd_scan).

-export([calling_dbg/0, exceptions/0, own_modules/0]).

%% The modules of the project and its dependencies that call dbg/2; they are loaded then. One that runs code when it is
%% loaded is left to the program.
-spec calling_dbg() -> [module()].
calling_dbg() ->
    [Mod || {Mod, File} <- ecd_beams:calling_dbg(), is_loaded(Mod, File)].

%% The modules of exceptions outside of OTP, likewise.
-spec exceptions() -> [module()].
exceptions() ->
    [
        Mod
     || {Mod, File} <- files(),
        has(File, [<<"exception">>, <<"__struct__">>], {exports, {exception, 1}}),
        is_loaded(Mod, File),
        erlang:function_exported(Mod, '__struct__', 0)
    ].

%% The user's own modules, loaded or to be loaded.
-spec own_modules() -> [module()].
own_modules() ->
    lists:usort([M || {M, _} <- code:all_loaded(), ecd_modules:own(M)] ++
                [M || {M, File} <- ecd_beams:files(), ecd_modules:own(M), is_loaded(M, File)]).

files() ->
    Otp = code:lib_dir() ++ "/",
    Dirs = [Dir || Dir <- code:get_path(), not lists:prefix(Otp, Dir), Dir =/= "."],
    OnPath = [{list_to_atom(filename:basename(F, ".beam")), F}
              || Dir <- Dirs, F <- filelib:wildcard(filename:join(Dir, "*.beam"))],
    lists:ukeysort(1, OnPath ++ ecd_beams:files()).

%% Looking for the names first spares taking most files apart.
has(File, Names, {Chunk, Entry}) ->
    case file:read_file(File) of
        {ok, Bytes} ->
            lists:all(fun(Name) -> binary:match(Bytes, Name) =/= nomatch end, Names) andalso
                has_entry(beam_lib:chunks(Bytes, [Chunk]), Entry);
        {error, _} ->
            false
    end.

has_entry({ok, {_, [{_, Entries}]}}, Entry) -> lists:member(Entry, Entries);
has_entry({error, beam_lib, _}, _Entry) -> false.

is_loaded(Mod, File) ->
    erlang:module_loaded(Mod) orelse
        (not runs_at_load(File) andalso code:ensure_loaded(Mod) =:= {module, Mod}).

runs_at_load(File) ->
    case beam_lib:chunks(unicode:characters_to_list(File), [attributes]) of
        {ok, {_, [{attributes, Attributes}]}} -> proplists:is_defined(on_load, Attributes);
        {error, beam_lib, _} -> true
    end.
