%% The end of debugging, in the only order that harms nobody: disarm, resume, wait until all have left interpreted code,
%% then take the server away, unless closures or frames still need it. Kills and purges nothing.
-module(ecd_detach).

-export([run/0]).

%% ms for processes to leave interpreted code. A loop that never returns keeps the small server for good.
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
            ecd_state:put(mode, remnant),
            lists:foreach(fun ecd_guardian:disarm/1, ecd_guardian:armed()),
            ok = ecd_guardian:resume_all(),
            Until = erlang:monotonic_time(millisecond) + ?LEAVE,
            Busy = wait(Until),
            finish(left(Busy), Guardian)
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

%% Modules with a frame in a busy process, and those of whose rows a closure may have been made.
left(Busy) ->
    Framed = lists:append([ecd_state:held(Meta) || Meta <- Busy]),
    Closures = [
        Mod
     || {Mod, Table} <- ecd_state:all(prepared), ecd_state:member({entered, Mod}), makes_closures(Table)
    ],
    lists:usort(Framed ++ Closures).

makes_closures(Table) ->
    lists:any(fun({_, Clauses}) -> has_closure(Clauses) end, ecd_prepare:rows(Table)).

has_closure({value, _, _}) -> false;
has_closure({Kind, _, _, _}) when Kind =:= make_fun -> true;
has_closure({Kind, _, _, _, _}) when Kind =:= make_named_fun -> true;
has_closure(Node) when is_tuple(Node) -> has_closure(tuple_to_list(Node));
has_closure([H | T]) -> has_closure(H) orelse has_closure(T);
has_closure(_) -> false.

%% An idle meta ends as if its server had told it to; the process it served does not wait for it.
finish([], Guardian) ->
    lists:foreach(fun({Meta, _}) -> Meta ! {'EXIT', Guardian, normal} end, ecd_state:all(meta)),
    ok = unguarded(whereis(ecd_iserver)),
    ok = ecd_iserver:stop(),
    ok = ecd_guardian:stop(),
    ok = ecd_standin:remove(),
    [];
finish(Left, _Guardian) ->
    lists:foreach(
        fun({Mod, Table}) ->
            lists:member(Mod, Left) orelse ets:delete_all_objects(Table)
        end,
        ecd_state:all(prepared)
    ),
    Left.

unguarded(undefined) -> ok;
unguarded(Pid) -> ecd_guardian:unguard(Pid).
