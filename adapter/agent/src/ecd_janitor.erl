%% Takes the agent's code out of an attached node when its session has ended, however that came about: the helper node
%% may have been killed. Must not purge what somebody still runs.
-module(ecd_janitor).

-export([start/2]).
%% Spawned, so that no function of this module is on the stack at its end.
-export([await/2]).

%% Processes of the agent's that have just been told to end may take a moment: ms between two looks, and how many.
-define(PAUSE, 20).
-define(LOOKS, 250).

%% Wire is the process that ends a session and ends last. Modules are the agent's, apart from the stand-in, which stays
%% for closures or takes itself out.
-spec start(pid(), [module()]) -> pid().
start(Wire, Modules) ->
    Janitor = spawn(?MODULE, await, [Wire, Modules]),
    true = register(?MODULE, Janitor),
    Janitor.

-spec await(pid(), [module()]) -> boolean().
await(Wire, Modules) ->
    Monitor = monitor(process, Wire),
    receive {'DOWN', Monitor, process, Wire, _} -> ok end,
    case whereis(ecd_guardian) of
        undefined ->
            ok = ecd_config:erase(),
            ok = take_out(Modules -- [?MODULE], ?LOOKS),
            _ = code:soft_purge(?MODULE) andalso code:delete(?MODULE),
            code:soft_purge(?MODULE);
        _Guardian ->
            false
    end.

take_out(Modules, Looks) ->
    case [Module || Module <- Modules, not is_out(Module)] of
        Left when Left =/= [], Looks > 0 ->
            receive after ?PAUSE -> ok end,
            take_out(Left, Looks - 1);
        _ ->
            ok
    end.

is_out(Module) ->
    code:soft_purge(Module) andalso
        (not erlang:module_loaded(Module) orelse (code:delete(Module) andalso code:soft_purge(Module))).
