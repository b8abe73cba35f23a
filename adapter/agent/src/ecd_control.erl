%% What each process does: running, stopped, stepping. The only place that resumes a process, and that decides when the
%% client hears of a stop (ecd_news tells it). Must not read values, and waits for no process: what takes long is
%% computed by ecd_stepping.
-module(ecd_control).
-behaviour(gen_server).

-export([start/0, stop/0, stop_info/1, order/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).

%% kind: interpreted = its evaluator waits for commands; native = suspended. caller: the frame shown on top instead of
%% the one that was only entered, when a step came back to a native caller or an exception is raised.
-type stop() :: #{
    meta := pid() | none,
    reason := binary(),
    kind := interpreted | native,
    module := module(),
    line := integer(),
    serial := integer(),
    caller => ecd_verdict:caller(),
    %% The process whose step has led into this server.
    client => pid()
}.
-export_type([stop/0]).

-record(thread, {
    monitor :: reference(),
    meta = none :: pid() | none,
    stop = none :: stop() | none,
    step = none :: ecd_step:plan() | none,
    %% Whether the process has left interpreted code since the step began.
    left = false :: boolean(),
    timer = none :: reference() | none,
    %% Whether the user knows what the step waits for.
    told = false :: boolean(),
    %% The user asked for a pause that has not come yet.
    pausing = false :: boolean(),
    %% Sent to the evaluator, which has not said yet that it goes on. While it evaluates an expression of the user's in
    %% the stopped process it hears no command.
    command = none :: {continue | step, Turn :: reference()} | none
}).

-record(state, {
    %% Only processes that are stopped or on their way to a stop.
    threads = #{} :: #{pid() => #thread{}},
    serial = 0 :: integer(),
    %% Suspended because another process is stopped (pauseOthers).
    others = [] :: [pid()],
    %% Attached to an evaluator, it makes that evaluator stop; nobody reads what is sent to it.
    nobody :: pid()
}).

-define(STOPS, ecd_control).
-define(DEADLINE, 30000).
%% ms between two looks at a process that is to stop by itself, running interpreted code.
-define(PAUSE_INTERPRETED, 200).
%% ms: a busy native process gets this long to call a function that is armed for the pause.
-define(PAUSE_NATIVE, 60).
%% ms between two looks at a step that has left interpreted code. Functions of others are armed until the first.
-define(LOOK, 500).
%% ms after which a command that the evaluator did not hear is given again.
-define(REPEAT, 100).

%% --- life ---

-spec start() -> ok.
start() ->
    {ok, _} = ecd_server:start(?MODULE),
    ok.

%% Resumes everyone and takes every arm of a step back. Nobody dies of it.
-spec stop() -> ok.
stop() ->
    ecd_server:stop(?MODULE, normal, ?DEADLINE).

%% Never blocks; safe when there is no session.
-spec stop_info(pid()) -> {stopped, stop()} | running.
stop_info(Pid) ->
    try ets:lookup(?STOPS, Pid) of
        [{_, Stop}] -> {stopped, Stop};
        [] -> running
    catch
        error:badarg -> running
    end.

%% From ecd_stepping: what the user orders a process to do.
-spec order(tuple()) -> ok | {error, gone | running | moved}.
order(Order) ->
    gen_server:call(?MODULE, Order, ?DEADLINE).

running_or_gone(Pid) ->
    case is_process_alive(Pid) of
        true -> running;
        false -> gone
    end.

%% --- server ---

-spec init([]) -> {ok, #state{}}.
init([]) ->
    process_flag(trap_exit, true),
    process_flag(priority, high),
    ?STOPS = ets:new(?STOPS, [named_table, protected, set, {read_concurrency, true}]),
    ok = ecd_step:tables(),
    ok = ecd_engine:subscribe(self()),
    {ok, #state{nobody = spawn(fun() -> ok end)}}.

-spec handle_call(term(), gen_server:from(), #state{}) -> {reply, term(), #state{}}.
handle_call({continue, Pid, Single}, _From, S) ->
    case [P || P <- stopped_ones(S), P =:= Pid orelse not Single] of
        [] -> {reply, {error, running_or_gone(Pid)}, S};
        Pids -> {reply, ok, continue_all(Pids, S)}
    end;
handle_call({step, Pid, Serial, Plan, Single}, _From, S) ->
    case thread(Pid, S) of
        #thread{stop = #{serial := Serial}} = T ->
            Others = [P || P <- stopped_ones(S), P =/= Pid, not Single],
            {reply, ok, continue_all(Others, begin_step(Pid, T, Plan, S))};
        #thread{stop = #{}} ->
            {reply, {error, moved}, S};
        _ ->
            {reply, {error, running_or_gone(Pid)}, S}
    end;
handle_call({reveal, Pid, Serial}, _From, S) ->
    case thread(Pid, S) of
        #thread{stop = #{serial := Serial, meta := Meta} = Stop} = T ->
            {ok, {Mod, Line}} = ecd_engine:place(Meta),
            drop_references(Pid),
            Shown = (maps:remove(caller, Stop))#{module := Mod, line := Line},
            Why = #{reason => <<"step">>, description => <<"Paused after a step">>, ids => []},
            {reply, ok, stopped(Pid, T, Shown, Why, S)};
        _ ->
            {reply, {error, moved}, S}
    end;
handle_call({pause, Pid}, _From, S) ->
    case is_process_alive(Pid) of
        true -> {reply, ok, begin_pause(Pid, thread(Pid, S), S)};
        false -> {reply, {error, gone}, S}
    end.

-spec handle_cast(term(), #state{}) -> {noreply, #state{}}.
handle_cast(_Message, S) ->
    {noreply, S}.

-spec handle_info(term(), #state{}) -> {noreply, #state{}}.
handle_info({ecd, stopped, Pid, Meta, Mod, Line}, S) ->
    {noreply, on_stop(Pid, Meta, {Mod, Line}, thread(Pid, S), S)};
handle_info({ecd, idle, Pid}, S) ->
    {noreply, on_idle(Pid, confirmed(Pid, S))};
handle_info({ecd, exit, Pid, Reason, ExitInfo}, S) ->
    ecd_exceptions:post_mortem(Pid, Reason, ExitInfo),
    ok = ecd_step:forget_dead(),
    {noreply, forget(Pid, S)};
handle_info({ecd, engine_down, _Reason}, S) ->
    {noreply, engine_lost(S)};
handle_info({ecd, heavy, _Pid, MFA, Bytes}, S) ->
    ok = ecd_news:heavy(MFA, Bytes),
    {noreply, S};
handle_info({ecd, entered, Mod, Facts}, S) ->
    ok = ecd_news:entered(Mod, Facts),
    {noreply, S};
handle_info({ecd, waiting, Pid}, S) ->
    _ = erlang:send_after(?LOOK, self(), {still_waiting, Pid}),
    {noreply, confirmed(Pid, S)};
handle_info({still_waiting, Pid}, S) ->
    {noreply, on_still_waiting(Pid, thread(Pid, S), S)};
handle_info({ecd, _Move, Pid}, S) ->
    {noreply, confirmed(Pid, S)};
handle_info({repeat, Pid, Turn}, S) ->
    {noreply, repeat(Pid, Turn, S)};
handle_info({look, Pid}, S) ->
    {noreply, on_look(Pid, S)};
handle_info({pause_late, Pid}, S) ->
    {noreply, on_pause_late(Pid, thread(Pid, S), S)};
handle_info({announce, Pid, Serial, Event}, S) ->
    announce(Serial, Event, thread(Pid, S)),
    {noreply, S};
handle_info({'DOWN', _Ref, process, Pid, _Reason}, S) ->
    {noreply, forget(Pid, S)};
handle_info({Meta, {Waiting, Mod, Line, _Level}}, S) when
    Waiting =:= wait_at; Waiting =:= wait_after_at; Waiting =:= func_at
->
    %% An evaluator that waits, for a message or for native code, where it had not stopped.
    ok = ecd_meta:waits_at(Meta, {Mod, abs(Line)}),
    {noreply, S};
handle_info(_Other, S) ->
    {noreply, S}.

%% Suspended processes are resumed by the VM when this process ends; here they get their order: steps end, then all run.
-spec terminate(term(), #state{}) -> ok.
terminate(_Reason, S = #state{threads = Threads}) ->
    Ended = maps:fold(fun(Pid, T, Acc) -> end_step(Pid, T, Acc) end, S, Threads),
    _ = continue_all(stopped_ones(Ended), Ended),
    ok.

%% --- stops ---

on_stop(_Pid, _Meta, _Place, #thread{stop = #{kind := interpreted, reason := Reason}}, S) when Reason =/= <<"pause">> ->
    %% The end of an evaluation in the stopped process, of which the stock interpreter tells.
    S;
on_stop(Pid, Meta, Place, #thread{stop = #{kind := Kind}} = T, S) ->
    %% Paused natively, it trapped at that moment; or it was paused in a receive that has got its message. Now its
    %% evaluator holds it.
    Kind =:= native andalso ecd_pause:resume(Pid),
    drop_references(Pid),
    on_stop(Pid, Meta, Place, T#thread{stop = none, pausing = true}, S);
on_stop(Pid, Meta, Place, T0, S) ->
    T = T0#thread{meta = Meta, command = none},
    Facts = #{step => T#thread.step, left => T#thread.left, pausing => T#thread.pausing, meta => Meta},
    case ecd_verdict:of_stop(Pid, Place, ecd_step:hit(Meta), Facts) of
        {stop, Why} -> stop_at(Pid, Place, #{}, Why, T, S);
        {stop, {_, {Mod, _, _, Line}} = Caller, Why} -> stop_at(Pid, {Mod, Line}, #{caller => Caller}, Why, T, S);
        {again, Command} -> again(Pid, Command, T, S)
    end.

again(Pid, Command, #thread{step = #{kind := native, points := Points} = Step, meta = Meta} = T, S) ->
    %% The first time that it enters interpreted code: from now on stop points do.
    ok = ecd_step:begin_points(Meta, Points),
    ok = ecd_engine:step_mode(Pid, off),
    ecd_meta:command(Meta, Command),
    put_thread(Pid, T#thread{step = Step#{kind := over}}, S);
again(Pid, Command, #thread{meta = Meta} = T, S) ->
    ecd_meta:command(Meta, Command),
    put_thread(Pid, T, S).

stop_at(Pid, {Mod, Line}, More, #{reason := Reason} = Why, #thread{meta = Meta, step = Step} = T, S0) ->
    T#thread.pausing andalso stop_soon(Meta, S0#state.nobody),
    Client = case Step of #{kind := serving, client := C} -> #{client => C}; _ -> #{} end,
    S = end_step(Pid, T, S0),
    Stop = #{meta => Meta, reason => Reason, kind => interpreted, module => Mod, line => Line, serial => 0},
    stopped(Pid, thread(Pid, S), maps:merge(Stop, maps:merge(More, Client)), Why, S).

stopped(Pid, T0, #{meta := Meta} = Stop0, #{reason := Reason} = Why, S = #state{serial = Last}) ->
    Serial = Last + 1,
    T = T0#thread{meta = Meta, pausing = false, left = false},
    Stop = Stop0#{serial := Serial, reason := Reason},
    true = ets:insert(?STOPS, {Pid, Stop}),
    ok = ecd_patience:stopped(true),
    ok = ecd_news:stopping(Pid, Serial, Why),
    hold_others(put_thread(Pid, T#thread{stop = Stop}, S#state{serial = Serial})).

%% Unless it has gone on before all was known of the stop.
announce(Serial, Event, #thread{stop = #{serial := Serial}}) -> ecd_news:stopped(Event);
announce(_Serial, _Event, _Thread) -> ok.

%% --- going on ---

%% A server that a step has led into goes on: so does its client, as if it had not stepped.
continue_all(Pids, S) ->
    lists:foldl(
        fun(Pid, Acc) ->
            case thread(Pid, Acc) of
                #thread{stop = #{client := Client}} -> resume(Pid, continue, drop_step(Client, Acc));
                _ -> resume(Pid, continue, Acc)
            end
        end,
        S,
        Pids
    ).

resume(Pid, Command, S) ->
    #thread{stop = Stop} = T = thread(Pid, S),
    drop_references(Pid),
    true = ets:delete(?STOPS, Pid),
    ok = ecd_news:continued(Pid),
    released(put_thread(Pid, go(Pid, Stop, Command, T#thread{stop = none}), S)).

go(Pid, #{kind := native}, _Command, T) ->
    ok = ecd_pause:resume(Pid),
    T;
go(Pid, #{kind := interpreted, meta := Meta, reason := Reason}, Command, T) ->
    ecd_meta:command(Meta, Command),
    case Reason of
        %% In a receive it goes on without a word.
        <<"pause">> -> T;
        _ -> T#thread{command = {Command, repeat_later(Pid)}}
    end.

%% Each command has a turn of its own: the timer of an earlier one must not repeat this one early.
repeat_later(Pid) ->
    Turn = make_ref(),
    _ = erlang:send_after(?REPEAT, self(), {repeat, Pid, Turn}),
    Turn.

confirmed(Pid, S) ->
    case thread(Pid, S) of
        #thread{command = none} -> S;
        T -> put_thread(Pid, T#thread{command = none}, S)
    end.

%% An evaluator that stands at its next stop has heard; given again, the command would pass over that stop.
repeat(Pid, Turn, S) ->
    case thread(Pid, S) of
        #thread{stop = none, command = {Command, Turn}, meta = Meta} = T ->
            ecd_meta:has_heard(Meta) orelse ecd_meta:command(Meta, Command),
            put_thread(Pid, T#thread{command = {Command, repeat_later(Pid)}}, S);
        _ ->
            S
    end.

drop_references(Pid) ->
    ecd_frames:drop(Pid),
    ecd_values:drop(Pid),
    ecd_exceptions:drop(Pid),
    ecd_step:drop_targets(Pid).

%% The last stop is over: what was held because of it goes on.
released(S = #state{others = Others}) ->
    case stopped_ones(S) of
        [] ->
            ok = ecd_patience:stopped(false),
            lists:foreach(fun ecd_pause:resume/1, Others),
            S#state{others = []};
        _ ->
            S
    end.

%% pauseOthers: the application's other processes wait while one is stopped.
hold_others(S = #state{others = []}) ->
    case ecd_config:get(pauseOthers) of
        true ->
            Stopped = stopped_ones(S),
            Others = [Pid || Pid <- ecd_pause:others(), not lists:member(Pid, Stopped), ecd_pause:suspend(Pid)],
            S#state{others = Others};
        _ ->
            S
    end;
hold_others(S) ->
    S.

%% The engine's server has died and with it every stop in interpreted code: those processes run on by themselves.
engine_lost(S) ->
    ok = ecd_news:engine_down(),
    continue_all(stopped_ones(S), S).

%% --- steps ---

begin_step(Pid, #thread{stop = #{kind := Held, meta := Meta}} = T, #{kind := Kind, points := Points} = Plan, S) ->
    is_pid(Meta) andalso ecd_step:begin_points(Meta, Points),
    ok = ecd_engine:step_mode(Pid, mode(Kind)),
    Served = lists:foldl(fun(Server, Acc) -> serve(Server, Pid, Acc) end, S, maps:get(servers, Plan)),
    Stepping = put_thread(Pid, T#thread{meta = Meta, step = Plan, left = false, told = false}, Served),
    Going = resume(Pid, command(Kind), Stepping),
    case Held of
        native -> look_later(Pid, Going);
        interpreted -> Going
    end.

command(in) -> step;
command(_) -> continue.

mode(in) -> {into, fun ecd_step:may_enter/1};
mode({into, {Mod, _, _}}) -> {into, fun(M) -> M =:= Mod end};
mode(native) -> entry;
mode(_) -> off.

%% The server that a call on the stepping line goes to is to stop when it handles that call.
serve(Server, Client, S) ->
    case thread(Server, S) of
        #thread{stop = none, step = none} = T0 ->
            Meta = meta(Server, T0),
            ok = ecd_engine:step_mode(Server, entry),
            is_pid(Meta) andalso stop_soon(Meta, S#state.nobody),
            put_thread(Server, T0#thread{meta = Meta, step = ecd_step:serving(Client)}, S);
        _ ->
            S
    end.

%% The evaluator stops at its next expression, or when the process enters interpreted code; and tells Whom where it is.
stop_soon(Meta, Whom) ->
    Meta ! {int, {attached, Whom}},
    ok.

%% Ends a step for whatever reason; nothing of it stays armed.
end_step(Pid, #thread{step = none, pausing = false} = T, S) ->
    put_thread(Pid, T, S);
end_step(Pid, #thread{meta = Meta, step = Step} = T, S0) ->
    is_pid(Meta) andalso ecd_step:end_points(Meta),
    ok = ecd_engine:step_mode(Pid, off),
    ok = ecd_engine:disarm_all({step, Pid}),
    cancel(T#thread.timer),
    S = put_thread(Pid, T#thread{step = none, left = false, timer = none, pausing = false}, S0),
    Servers = case Step of #{servers := Asked} -> Asked; none -> [] end,
    lists:foldl(fun(Server, Acc) -> unserve(Server, Pid, Acc) end, S, Servers).

unserve(Server, Client, S) ->
    case thread(Server, S) of
        #thread{step = #{kind := serving, client := Client}} -> drop_step(Server, S);
        _ -> S
    end.

%% Ends the step of a process that runs.
drop_step(Pid, S) ->
    case thread(Pid, S) of
        #thread{stop = none, step = #{}, meta = Meta} = T ->
            is_pid(Meta) andalso (Meta ! {int, detached}),
            end_step(Pid, T, S);
        _ ->
            S
    end.

cancel(none) -> ok;
cancel(Timer) -> _ = erlang:cancel_timer(Timer), ok.

%% The process has left interpreted code. A pending step must not stop it at whatever comes next.
on_idle(Pid, S) ->
    case thread(Pid, S) of
        #thread{step = #{kind := Kind}} when Kind =:= native; Kind =:= serving ->
            S;
        #thread{step = #{} = Step} = T ->
            case ecd_step:has_way_back(Step) of
                true -> look_later(Pid, put_thread(Pid, T#thread{left = true}, S));
                false -> lost(Pid, T, S)
            end;
        _ ->
            S
    end.

%% A server that answers the process whose step has led into it hands the step back: then nothing is lost.
lost(Pid, T, S) ->
    _ = [ok = ecd_news:step_lost(Pid) || not is_led_into(Pid, S)],
    end_step(Pid, T, S).

is_led_into(Server, #state{threads = Threads}) ->
    lists:any(
        fun
            (#thread{step = #{servers := Servers}}) -> lists:member(Server, Servers);
            (_) -> false
        end,
        maps:values(Threads)
    ).

%% A step has led into a `receive`, and no message has come for a while.
on_still_waiting(Pid, #thread{step = #{kind := Kind}, stop = none, told = false, meta = Meta} = T, S) when
    Kind =/= serving
->
    case ecd_pause:how(Pid, Meta) of
        receiving ->
            ok = ecd_news:step_receives(Pid),
            put_thread(Pid, T#thread{told = true}, S);
        _ ->
            S
    end;
on_still_waiting(_Pid, _T, S) ->
    S.

look_later(Pid, S) ->
    T = thread(Pid, S),
    cancel(T#thread.timer),
    put_thread(Pid, T#thread{timer = erlang:send_after(?LOOK, self(), {look, Pid})}, S).

%% While a step waits for a native caller, no function that others need stays armed for long, and the step ends when
%% that caller has returned.
on_look(Pid, S) ->
    case thread(Pid, S) of
        #thread{step = #{arms := Arms} = Step, stop = none} = T ->
            case ecd_step:is_under_way(Pid, Step) of
                true ->
                    Foreign = [{M, {F, A}} || {M, F, A} <- Arms, not ecd_modules:own(M)],
                    lists:foreach(fun({M, FA}) -> ecd_engine:disarm(M, FA, {step, Pid}) end, Foreign),
                    _ = spawn(fun() -> ecd_step:cool_down(Pid, Arms) end),
                    T#thread.told orelse ecd_news:step_runs_natively(Pid, ecd_step:waits_in(Pid, Step)),
                    look_later(Pid, put_thread(Pid, T#thread{told = true}, S));
                false ->
                    lost(Pid, T, S)
            end;
        _ ->
            S
    end.

%% --- pause ---

begin_pause(Pid, #thread{stop = #{} = Stop} = T, S) ->
    %% It is stopped already: say so again.
    ok = ecd_engine:disarm_all({step, Pid}),
    stopped(Pid, T, Stop, ecd_verdict:pause_reason(), S);
begin_pause(Pid, #thread{step = #{servers := [_ | _] = Servers} = Step} = T, S) ->
    %% What a step has armed ends with the pause; what it asked of others ends now.
    Alone = put_thread(Pid, T#thread{step = Step#{servers := []}}, S),
    Left = lists:foldl(fun(Server, Acc) -> unserve(Server, Pid, Acc) end, Alone, Servers),
    begin_pause(Pid, thread(Pid, Left), Left);
begin_pause(Pid, T0, S) ->
    Meta = meta(Pid, T0),
    T = T0#thread{meta = Meta, pausing = true, step = none},
    is_pid(Meta) andalso begin ok = ecd_step:end_points(Meta), stop_soon(Meta, self()) end,
    case ecd_pause:how(Pid, Meta) of
        interpreted ->
            wait_for_pause(Pid, T, ?PAUSE_INTERPRETED, S);
        receiving ->
            %% Its evaluator tells where, before this is due.
            wait_for_pause(Pid, T, 1, S);
        busy ->
            ok = ecd_engine:step_mode(Pid, entry),
            wait_for_pause(Pid, T, ?PAUSE_NATIVE, S);
        blocked ->
            pause_native(Pid, T, S);
        gone ->
            forget(Pid, put_thread(Pid, T, S))
    end.

wait_for_pause(Pid, T, Time, S) ->
    cancel(T#thread.timer),
    put_thread(Pid, T#thread{timer = erlang:send_after(Time, self(), {pause_late, Pid})}, S).

on_pause_late(Pid, #thread{pausing = true, stop = none} = T0, S) ->
    Meta = meta(Pid, T0),
    T = T0#thread{meta = Meta},
    case ecd_pause:how(Pid, Meta) of
        interpreted ->
            %% It may have been entered in the moment before it was marked to stop there.
            is_pid(Meta) andalso stop_soon(Meta, self()),
            wait_for_pause(Pid, T, ?PAUSE_INTERPRETED, S);
        receiving -> pause_waiting(Pid, T, S);
        gone -> forget(Pid, S);
        _ -> pause_native(Pid, T, S)
    end;
on_pause_late(_Pid, _T, S) ->
    S.

%% In a receive of interpreted code: it is where it is, with its frames, and stops as soon as a message lets it go on.
pause_waiting(Pid, #thread{meta = Meta} = T, S) ->
    case ecd_engine:place(Meta) of
        {ok, Place} -> stop_at(Pid, Place, #{}, ecd_verdict:pause_reason(), T, S);
        error -> pause_native(Pid, T, S)
    end.

pause_native(Pid, #thread{meta = Meta} = T, S0) ->
    case ecd_pause:suspend(Pid) andalso ecd_pause:how(Pid, Meta) of
        interpreted ->
            %% It has trapped since somebody looked, and its evaluator will stop it where there is something to see.
            ok = ecd_pause:resume(Pid),
            wait_for_pause(Pid, T, ?PAUSE_INTERPRETED, S0);
        false ->
            forget(Pid, end_step(Pid, T, S0));
        _ ->
            S = end_step(Pid, T, S0),
            is_pid(Meta) andalso (Meta ! {int, detached}),
            {Mod, Line} = ecd_pause:place(Pid),
            Stop = #{meta => Meta, reason => <<"pause">>, kind => native, module => Mod, line => Line, serial => 0},
            stopped(Pid, thread(Pid, S), Stop, ecd_verdict:pause_reason(), S)
    end.

meta(Pid, #thread{meta = none}) ->
    case ecd_engine:meta(Pid) of
        {ok, Meta} -> Meta;
        error -> none
    end;
meta(_Pid, #thread{meta = Meta}) ->
    Meta.

%% --- threads ---

stopped_ones(#state{threads = Threads}) ->
    [Pid || {Pid, #thread{stop = #{}}} <- maps:to_list(Threads)].

thread(Pid, #state{threads = Threads}) ->
    maps:get(Pid, Threads, #thread{monitor = make_ref()}).

put_thread(Pid, #thread{stop = none, step = none, pausing = false, command = none}, S = #state{threads = Threads}) ->
    case maps:take(Pid, Threads) of
        {#thread{monitor = Monitor}, Rest} ->
            demonitor(Monitor, [flush]),
            S#state{threads = Rest};
        error ->
            S
    end;
put_thread(Pid, T, S = #state{threads = Threads}) when is_map_key(Pid, Threads) ->
    S#state{threads = Threads#{Pid := T}};
put_thread(Pid, T, S = #state{threads = Threads}) ->
    S#state{threads = Threads#{Pid => T#thread{monitor = monitor(process, Pid)}}}.

%% The process has ended.
forget(Pid, S0 = #state{threads = Threads}) when is_map_key(Pid, Threads) ->
    T = thread(Pid, S0),
    S = end_step(Pid, T, S0),
    true = ets:delete(?STOPS, Pid),
    drop_references(Pid),
    released(put_thread(Pid, #thread{monitor = T#thread.monitor}, S));
forget(_Pid, S) ->
    S.
