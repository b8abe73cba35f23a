%% The end of debugging, in the only order that harms nobody: disarm, resume, wait until all have left interpreted code,
%% then take everything away. What closures and frames still need stays in the stand-in alone (dbg_iserver). Kills no
%% process of the program, purges nothing.
-module(ecd_detach).

-export([run/0, left/0, held/0, bytes/0, remove/0]).

%% ms for processes to leave interpreted code. A private function that calls itself for ever keeps its rows for good.
-define(LEAVE, 2000).
-define(PAUSE, 20).
%% Entries of a stack that are looked at: whoever asks the agent for something has it on top.
-define(TOP, 8).

%% What something is kept for: modules with closures or frames, and who holds them. It may be run again; nothing is
%% armed meanwhile.
-spec run() -> [ecd_closures:held()].
run() ->
    case whereis(ecd_guardian) of
        undefined ->
            [];
        Guardian ->
            ok = end_engine(),
            ok = ecd_guardian:end_all(stopped),
            ok = close_all(),
            Until = erlang:monotonic_time(millisecond) + ?LEAVE,
            Busy = wait(Until),
            ok = retire(Until),
            finish(framed(Busy), held(), Guardian)
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

%% Modules that processes are still in.
framed(Metas) ->
    Users = [{Mod, ecd_state:meta(Meta, pid)} || Meta <- Metas, Mod <- ecd_state:held(Meta)],
    [{Mod, lists:usort(Pids), 0} || {Mod, Pids} <- grouped(Users)].

grouped(Pairs) ->
    maps:to_list(maps:groups_from_list(fun({Key, _}) -> Key end, fun({_, Value}) -> Value end, Pairs)).

%% Ends the metas of processes that are outside. In a process of its own: should it be ended in the middle, the VM
%% resumes whom it has suspended.
retire(Until) ->
    {Pid, Monitor} = spawn_monitor(fun() ->
        lists:foreach(fun({User, Meta}) -> retire(User, Meta) end, ecd_state:all(pid))
    end),
    receive
        {'DOWN', Monitor, process, Pid, _} -> ok
    after max(0, Until - erlang:monotonic_time(millisecond)) + ?LEAVE ->
        exit(Pid, kill),
        receive {'DOWN', Monitor, process, Pid, _} -> ok end
    end.

%% Suspended, a process cannot be on its way to its meta unless its stack shows it.
retire(User, Meta) ->
    try erlang:suspend_process(User) of
        true ->
            _ = [end_meta(User, Meta) || not is_on_the_way(User), ecd_meta:is_idle(Meta) =:= true],
            erlang:resume_process(User)
    catch
        %% It has ended.
        error:badarg -> true
    end.

end_meta(User, Meta) ->
    ecd_state:delete({pid, User}),
    exit(Meta, kill).

is_on_the_way(Pid) ->
    is_in(Pid, fun(Mod) -> lists:member(Mod, [dbg_ieval, dbg_debugged, dbg_iserver, ecd_inside]) end).

is_in(Pid, Is) ->
    case process_info(Pid, current_stacktrace) of
        {current_stacktrace, Stack} -> lists:any(fun({Mod, _, _, _}) -> Is(Mod) end, lists:sublist(Stack, ?TOP));
        undefined -> false
    end.

finish([], [], Guardian) ->
    take_away(Guardian),
    [];
finish(InFrames, InClosures, _Guardian) ->
    Framed = [Mod || {Mod, _, _} <- InFrames],
    Closures = [Mod || {Mod, _, _} <- InClosures],
    %% What was shrunk once has lost the rows that tell what its closures call.
    Shrunk = left(),
    Tables = [
        {Mod, Table}
     || {Mod, Table} <- ecd_state:all(prepared),
        lists:member(Mod, Framed ++ Closures),
        lists:member(Mod, Framed ++ Shrunk) orelse ecd_release:shrink(Mod, Table) =/= []
    ],
    Left = lists:usort(Framed ++ Closures),
    Remnant = dbg_iserver:stay(
        [{stack, ecd_state:get(stack, no_tail)}] ++
            [{{left, Mod}, true} || Mod <- Left] ++
            [{{made, Mod}, ecd_state:get({made, Mod}, none)} || Mod <- Closures] ++
            [{{held, Meta}, ecd_state:held(Meta)} || {_, Meta} <- ecd_state:all(pid)] ++
            [{{pid, Pid}, Meta} || {Pid, Meta} <- ecd_state:all(pid)] ++
            [{{prepared, Mod}, Table} || {Mod, Table} <- Tables]
    ),
    ok = ecd_guardian:give_away([Table || {_, Table} <- Tables], Remnant),
    ok = nobody_asks(erlang:monotonic_time(millisecond) + ?LEAVE),
    ok = end_servers(),
    ok = ecd_standin:leave(),
    joined(InFrames ++ InClosures).

joined(Held) ->
    [
        {Mod, lists:usort(lists:append([Pids || {Pids, _} <- All])), lists:sum([Elsewhere || {_, Elsewhere} <- All])}
     || {Mod, All} <- grouped([{Mod, {Pids, Elsewhere}} || {Mod, Pids, Elsewhere} <- Held])
    ].

%% Nobody calls the agent any more who has not done so already.
nobody_asks(Until) ->
    Asking = [
        Meta
     || {Pid, Meta} <- ecd_state:all(pid),
        is_in(Meta, fun ecd_process:is_agent_name/1) orelse is_in(Pid, fun(Mod) -> Mod =:= ecd_inside end)
    ],
    case Asking =:= [] orelse erlang:monotonic_time(millisecond) > Until of
        true ->
            ok;
        false ->
            timer:sleep(?PAUSE),
            nobody_asks(Until)
    end.

%% Modules that an earlier session left something for.
-spec left() -> [module()].
left() ->
    case ets:whereis(ecd_state) of
        undefined -> [];
        _ -> [Mod || {Mod, true} <- ecd_state:all(left)]
    end.

%% Modules with closures of this session and earlier ones, and who holds them.
-spec held() -> [ecd_closures:held()].
held() ->
    Metas = [Meta || {Meta, _} <- ecd_state:all(meta)],
    case ecd_evaluator:tells_closures() of
        true ->
            ecd_closures:held(Metas);
        false ->
            [
                {Mod, [], 1}
             || {Mod, Table} <- ecd_state:all(prepared),
                ecd_state:member({left, Mod}) orelse ecd_release:makes_closures(Mod, Table)
            ]
    end.

%% Memory that what has stayed takes, without the evaluator, which is Erlang's.
-spec bytes() -> non_neg_integer().
bytes() ->
    case whereis(ecd_remnant) of
        undefined -> 0;
        _ -> dbg_iserver:bytes()
    end.

%% Whatever is left goes, too.
-spec remove() -> ok.
remove() ->
    case {whereis(ecd_guardian), whereis(ecd_remnant)} of
        {undefined, undefined} -> ok;
        {undefined, _} -> _ = dbg_iserver:hand_over(), ecd_standin:remove();
        {Guardian, _} -> take_away(Guardian)
    end.

%% A meta ends as if its server had told it to; the process it served does not wait for it.
take_away(Guardian) ->
    lists:foreach(fun({Meta, _}) -> Meta ! {'EXIT', Guardian, normal} end, ecd_state:all(meta)),
    ok = end_servers(),
    ecd_standin:remove().

end_servers() ->
    ok = unguarded(whereis(ecd_iserver)),
    ok = ecd_iserver:stop(),
    ecd_guardian:stop().

unguarded(undefined) -> ok;
unguarded(Pid) -> ecd_guardian:unguard(Pid).
