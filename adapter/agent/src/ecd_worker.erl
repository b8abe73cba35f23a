%% Throw-away processes with a deadline, for whatever calls code that is not the agent's. They end with their requester,
%% are never stopped by a breakpoint, and answer nothing after their time.
-module(ecd_worker).

-export([run/2, is/1]).

-type outcome(Result) :: {ok, Result} | timeout | {died, term()}.

%% A user's Inspect implementation may build what it likes; it must not take the VM down.
-define(MAX_HEAP_WORDS, 64 * 1024 * 1024).

-spec run(fun(() -> Result), timeout()) -> outcome(Result).
run(Fun, Timeout) ->
    Requester = self(),
    Tag = make_ref(),
    Heap = {max_heap_size, #{size => ?MAX_HEAP_WORDS, kill => true, error_logger => false}},
    Work = fun() ->
        receive Tag -> ok end,
        Requester ! {Tag, outcome(Fun)}
    end,
    {Pid, Monitor} = spawn_opt(Work, [monitor, Heap]),
    true = ets:insert(ecd_handles:workers(), {Pid}),
    exempt(Pid),
    Guard = spawn(fun() -> guard(Requester, Pid, Timeout) end),
    Pid ! Tag,
    Outcome =
        receive
            {Tag, Done} -> Done;
            {'DOWN', Monitor, process, Pid, killed} -> late(Tag, timeout);
            {'DOWN', Monitor, process, Pid, Reason} -> late(Tag, {died, Reason})
        end,
    Guard ! {done, Pid},
    demonitor(Monitor, [flush]),
    Outcome.

%% Whether a process is the agent's throw-away, by what the table says; false when there is no table (any more).
-spec is(pid()) -> boolean().
is(Pid) ->
    try
        ets:member(ecd_handles:workers(), Pid)
    catch
        error:badarg -> false
    end.

%% Without an engine, or with one that is going down, there is nothing to stop at.
exempt(Pid) ->
    try
        ecd_engine:name() =:= none orelse ecd_engine:exempt(Pid)
    catch
        exit:_ -> true
    end.

%% Caught, because the program's logger would report a process that dies of an error.
outcome(Fun) ->
    try
        {ok, Fun()}
    catch
        exit:Reason -> {died, Reason};
        Class:Reason:Stack -> {died, {Class, Reason, Stack}}
    end.

%% The result may have been sent right before the deadline.
late(Tag, Otherwise) ->
    receive
        {Tag, Done} -> Done
    after 0 -> Otherwise
    end.

%% Outlives the requester when that is killed (a cancelled request) and the worker when that traps exits.
guard(Requester, Pid, Timeout) ->
    Monitor = monitor(process, Requester),
    receive
        {done, Pid} -> ok;
        {'DOWN', Monitor, process, Requester, _} -> ok
    after Timeout -> ok
    end,
    exit(Pid, kill),
    try
        ets:delete(ecd_handles:workers(), Pid)
    catch
        %% The session has ended, and its tables with it.
        error:badarg -> true
    end.
