%% Loads modules from known files, in one step and beside the code server: it and the file loader behind it take one
%% request at a time, and the start of Elixir makes many. Must not know what the modules are for.
-module(ecd_code).

-export([load/2]).

%% Not for modules that somebody else may load just now. What is not in the folder is looked for on the code path.
-spec load(file:filename(), [module()]) -> ok | {error, term()}.
load(Folder, Mods) ->
    _ = code:atomic_load([
        {Mod, File, Bytecode}
     || Mod <- Mods, not erlang:module_loaded(Mod),
        File <- [filename:join(Folder, atom_to_list(Mod) ++ ".beam")],
        {ok, Bytecode} <- [ecd_file:read(File)]
    ]),
    code:ensure_modules_loaded([Mod || Mod <- Mods, not erlang:module_loaded(Mod)]).
