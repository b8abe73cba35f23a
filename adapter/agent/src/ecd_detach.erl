%% The end of debugging, in the only order that harms nobody: disarm, resume, wait until all have left interpreted code,
%% then take the server away, unless closures or frames still need it. Kills and purges nothing.
-module(ecd_detach).

-export([run/0, left/0, remove/0]).

%% ms for processes to leave interpreted code. A private function that calls itself for ever keeps the small
%% server for good.
-define(LEAVE, 2000).
-define(PAUSE, 20).

%% Modules that keep the server. It may be run again; nothing is armed meanwhile.
-spec run() -> [module()].
run() ->
    case whereis(ecd_guardian) of
        undefined ->
            [];
        Guardian ->
            ok = end_engine(),
            ok = ecd_guardian:end_all(stopped),
            ok = close_all(),
            Until = erlang:monotonic_time(millisecond) + ?LEAVE,
            Framed = lists:append([ecd_state:held(Meta) || Meta <- wait(Until)]),
            Closures = [
                Mod
             || {Mod, Table} <- ecd_state:all(prepared),
                ecd_state:member({left, Mod}) orelse ecd_release:makes_closures(Mod, Table)
            ],
            finish(lists:usort(Framed), lists:usort(Closures), Guardian)
    end.

%% After this nobody arms any more; its terminate/2 disarms.
end_engine() ->
    case whereis(ecd_interpreter) of
        undefined ->
            ok;
        Engine ->
            ok = ecd_guardian:unguard(Engine),
            gen_server:stop(Engine, normal, 10000)
    end.

%% Calls of exported functions run natively from now on, also those that a loop makes of itself.
close_all() ->
    lists:foreach(
        fun({Mod, Table}) ->
            case ecd_prepare:info(Table) of
                {ok, #{exported := Exported}} -> ecd_prepare:close(Table, Mod, maps:keys(Exported));
                none -> ok
            end
        end,
        ecd_state:all(prepared)
    ),
    ecd_iserver:flush().

%% Metas that are still inside after the time given to them.
wait(Until) ->
    Busy = [Meta || {Meta, _} <- ecd_state:all(meta), is_process_alive(Meta), ecd_meta:is_idle(Meta) =/= true],
    case Busy =:= [] orelse erlang:monotonic_time(millisecond) > Until of
        true ->
            Busy;
        false ->
            timer:sleep(?PAUSE),
            wait(Until)
    end.

finish([], [], Guardian) ->
    take_away(Guardian),
    [];
finish(Framed, Closures, _Guardian) ->
    %% What was shrunk once has lost the rows that tell what its closures call.
    Shrunk = left(),
    ok = ecd_iserver:unsubscribe_all(),
    lists:foreach(fun(Mod) -> ecd_state:put({left, Mod}, true) end, Closures),
    lists:foreach(
        fun({Mod, Table}) -> lists:member(Mod, Framed ++ Shrunk) orelse ecd_release:shrink(Mod, Table) end,
        ecd_state:all(prepared)
    ),
    lists:usort(Framed ++ Closures).

%% Modules that an earlier session left the server for.
-spec left() -> [module()].
left() ->
    case whereis(ecd_guardian) of
        undefined -> [];
        _ -> [Mod || {Mod, true} <- ecd_state:all(left)]
    end.

%% Whatever is left goes, too.
-spec remove() -> ok.
remove() ->
    case whereis(ecd_guardian) of
        undefined -> ok;
        Guardian -> take_away(Guardian)
    end.

%% An idle meta ends as if its server had told it to; the process it served does not wait for it.
take_away(Guardian) ->
    lists:foreach(fun({Meta, _}) -> Meta ! {'EXIT', Guardian, normal} end, ecd_state:all(meta)),
    ok = unguarded(whereis(ecd_iserver)),
    ok = ecd_iserver:stop(),
    ok = ecd_guardian:stop(),
    ecd_standin:remove().

unguarded(undefined) -> ok;
unguarded(Pid) -> ecd_guardian:unguard(Pid).
