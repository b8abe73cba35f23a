%% stopOnEntry: the first function of the user's that is entered stops, once. Arms them all until then, so it is only
%% for who asked for it; a script's first statement is one of them. Must not resume anything.
-module(ecd_entry).

-export([compiled/0, module_defined/1, is_first/0]).

-define(STATE, {?MODULE, state}).

-spec compiled() -> ok.
compiled() ->
    case is_pending() of
        true -> lists:foreach(fun place/1, [M || M <- ecd_scan:own_modules(), not is_of_build(M)]);
        false -> ok
    end.

%% A module that lives in memory only.
-spec module_defined(module()) -> ok.
module_defined(Mod) ->
    case is_pending() andalso ecd_modules:own(Mod) andalso not is_of_build(Mod) of
        true -> place(Mod);
        false -> ok
    end.

%% A process has stopped at one of our stop points: true for the first, which ends the matter.
-spec is_first() -> boolean().
is_first() ->
    case is_pending() of
        true ->
            Placed = persistent_term:get(?STATE, []),
            persistent_term:put(?STATE, over),
            _ = spawn(fun() -> lists:foreach(fun(Mod) -> ecd_breakpoints:unplace({entry, Mod}) end, Placed) end),
            true;
        false ->
            false
    end.

is_pending() ->
    ecd_config:get(stopOnEntry) andalso not ecd_config:get(noDebug) andalso persistent_term:get(?STATE, []) =/= over.

%% Mix and the compiler call what is in mix.exs; the program does not.
is_of_build(Mod) ->
    case ecd_modules:path(Mod) of
        {ok, Path} -> filename:basename(Path) =:= <<"mix.exs">>;
        error -> false
    end.

place(Mod) ->
    persistent_term:put(?STATE, [Mod | persistent_term:get(?STATE, [])]),
    ecd_breakpoints:place({entry, Mod}, internal, [
        {{Mod, Line}, [FA]}
     || {FA, _, _, _} <- ecd_engine:functions(Mod),
        not is_generated(FA),
        Line <- ecd_calls:entry_lines(ecd_engine:clauses(Mod, FA))
    ]).

%% What Elixir adds to every module. The top-level code of a script is `__FILE__/1`.
is_generated({'__FILE__', 1}) -> false;
is_generated({Name, _}) -> lists:prefix("__", atom_to_list(Name)).
