%% What each process does: running, stopped, stepping. The only place that resumes a process, and that tells the client
%% of stops. Must not read values, and waits for no process: what takes long is computed by the caller of a command.
-module(ecd_control).
-behaviour(gen_server).

-export([start/0, stop/0, stop_info/1, continue/1, next/1, step_in/1, step_out/1, pause/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).

%% kind: interpreted = its evaluator waits for commands; native = suspended. caller: the frame shown on top instead of the
%% interpreted one that was only entered, when a step came back to a native caller.
-type stop() :: #{
    meta := pid() | none,
    reason := binary(),
    kind := interpreted | native,
    module := module(),
    line := integer(),
    serial := integer(),
    caller => {frame | tail, {module(), atom(), arity(), integer()}}
}.
-export_type([stop/0]).

-record(thread, {
    monitor :: reference(),
    meta = none :: pid() | none,
    stop = none :: stop() | none,
    step = none :: ecd_step:plan() | none,
    %% Whether the process left interpreted code since the step began.
    left = false :: boolean(),
    timer = none :: reference() | none,
    %% The user asked for a pause that has not come yet.
    pausing = false :: boolean(),
    %% Sent to the evaluator, which has not said yet that it goes on. While it evaluates an expression of the user's in
    %% the stopped process it hears no command.
    command = none :: continue | step | none
}).

-record(state, {
    threads = #{} :: #{pid() => #thread{}},
    serial = 0 :: integer(),
    %% Suspended because another process is stopped (pauseOthers).
    others = [] :: [pid()],
    %% Attached to an evaluator, it makes that evaluator stop; nobody reads what is sent to it.
    nobody :: pid()
}).

-define(STOPS, ecd_control).
-define(DEADLINE, 30000).
%% ms: a process that runs interpreted code stops within this, unless it waits in a receive.
-define(PAUSE_INTERPRETED, 200).
%% ms: a busy native process gets this long to call a function that is armed for the pause.
-define(PAUSE_NATIVE, 60).
%% ms between two looks at a step that has left interpreted code. Functions of others are armed until the first.
-define(LOOK, 1000).
%% ms after which a command that the evaluator did not hear is given again.
-define(REPEAT, 100).

%% --- life ---

-spec start() -> ok.
start() ->
    case gen_server:start({local, ?MODULE}, ?MODULE, [], []) of
        {ok, _} -> ok;
        {error, {already_started, _}} -> ok
    end.

%% Resumes everyone and takes every arm of a step back. Nobody dies of it.
-spec stop() -> ok.
stop() ->
    case whereis(?MODULE) of
        undefined -> ok;
        Pid -> gen_server:stop(Pid, normal, ?DEADLINE)
    end.

%% Never blocks; safe when there is no session.
-spec stop_info(pid()) -> {stopped, stop()} | running.
stop_info(Pid) ->
    try ets:lookup(?STOPS, Pid) of
        [{_, Stop}] -> {stopped, Stop};
        [] -> running
    catch
        error:badarg -> running
    end.

%% --- commands (protocol/agent.ts) ---

-spec continue(map()) -> map().
continue(#{thread := Thread, single := Single}) ->
    Pid = pid(Thread),
    case gen_server:call(?MODULE, {continue, Pid, Single}, ?DEADLINE) of
        ok -> #{all => not Single};
        {error, Why} -> not_stopped(Why)
    end.

-spec next(map()) -> map().
next(#{thread := Thread, single := Single}) ->
    step(over, pid(Thread), Single).

-spec step_out(map()) -> map().
step_out(#{thread := Thread, single := Single}) ->
    step(out, pid(Thread), Single).

-spec step_in(map()) -> map().
step_in(#{thread := Thread, single := Single, target := nil}) ->
    step(in, pid(Thread), Single);
step_in(#{thread := Thread, single := Single, target := Target}) ->
    Pid = pid(Thread),
    case ecd_step:target(Pid, Target) of
        {ok, MFA} -> step({into, MFA}, Pid, Single);
        error -> ecd_failure:expected(<<"staleReference">>, "The process has moved on since these targets were listed.")
    end.

-spec pause(map()) -> map().
pause(#{thread := Thread}) ->
    Pid = pid(Thread),
    is_pausable(Pid) orelse
        ecd_failure:user(<<"notPausable">>, "This process belongs to the debugger or to the Erlang system itself.",
                         "Choose a process of the application."),
    Arms = ecd_step:pause_arms(Pid),
    arm(Pid, Arms),
    case gen_server:call(?MODULE, {pause, Pid}, ?DEADLINE) of
        ok -> #{};
        {error, Why} -> ecd_engine:disarm_all({step, Pid}), not_stopped(Why)
    end.

pid(Thread) ->
    case ecd_threads:pid(Thread) of
        {ok, Pid} -> Pid;
        error -> not_stopped(gone)
    end.

-spec not_stopped(gone | running | moved) -> no_return().
not_stopped(gone) -> ecd_failure:expected(<<"threadMissing">>, "The process has ended.");
not_stopped(running) -> ecd_failure:expected(<<"notStopped">>, "The process is running; pause it first.");
not_stopped(moved) -> ecd_failure:expected(<<"staleReference">>, "The process has moved on meanwhile.").

%% The debugger needs these to answer; a stop would stop the debugger.
is_pausable(Pid) ->
    case process_info(Pid, registered_name) of
        undefined -> true;
        [] -> not ecd_process:is_hidden(Pid, []);
        {registered_name, Name} ->
            not ecd_process:is_hidden(Pid, Name) andalso
                not lists:member(Name, [init, code_server, erl_prim_loader, error_logger, logger, application_controller,
                                        kernel_sup, global_name_server, user, file_server_2, erts_code_purger,
                                        erl_signal_server, inet_db, rex, net_kernel, erl_epmd])
    end.

%% --- steps: planned by the caller, so that a slow preparation delays nobody else ---

step(Kind, Pid, Single) ->
    case stop_info(Pid) of
        {stopped, Stop} -> step(Kind, Pid, Stop, Single);
        running -> not_stopped(is_alive(Pid))
    end.

is_alive(Pid) ->
    case is_process_alive(Pid) of
        true -> running;
        false -> gone
    end.

%% The step came back to a native caller that is about to make a call: stepping in shows the function it has entered.
step(in, Pid, #{caller := _, serial := Serial}, _Single) ->
    done(gen_server:call(?MODULE, {reveal, Pid, Serial}, ?DEADLINE));
step(Kind, Pid, #{serial := Serial} = Stop, Single) ->
    Plan = plan(Kind, Pid, Stop),
    arm(Pid, maps:get(arms, Plan)),
    case gen_server:call(?MODULE, {step, Pid, Serial, Plan, Single}, ?DEADLINE) of
        ok -> #{};
        {error, Why} -> ecd_engine:disarm_all({step, Pid}), not_stopped(Why)
    end.

done(ok) -> #{};
done({error, Why}) -> not_stopped(Why).

plan(Kind, Pid, #{kind := native}) ->
    ecd_step:native_plan(Kind, ecd_handles:stacktrace(Pid));
plan(Kind, Pid, #{meta := Meta, caller := {_, Caller}}) ->
    ecd_step:caller_plan(Kind, Pid, frames(Meta), Caller);
plan(Kind, Pid, #{meta := Meta, module := Mod, line := Line}) ->
    Bindings =
        case Kind of
            in -> ecd_meta:bindings(Meta, nostack);
            _ -> []
        end,
    ecd_step:plan(Kind, Pid, frames(Meta), {Mod, Line}, Bindings).

frames(Meta) ->
    case ecd_meta:frames(Meta) of
        [_ | _] = Frames -> Frames;
        [] -> not_stopped(moved)
    end.

%% What cannot be armed (inlined, without debug info, never to be touched) is a way the step cannot see.
arm(Pid, MFAs) ->
    lists:foreach(fun({M, F, A}) -> ecd_engine:arm(M, {F, A}, {step, Pid}) end, MFAs).

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
    case {others_stopped(Pid, S), thread(Pid, S)} of
        {_, #thread{stop = #{}}} when Single -> {reply, ok, resume(Pid, continue, S)};
        {_, _} when Single -> {reply, {error, is_alive(Pid)}, S};
        {Others, #thread{stop = #{}}} -> {reply, ok, resume_all([Pid | Others], S)};
        {[_ | _] = Others, _} -> {reply, ok, resume_all(Others, S)};
        {[], _} -> {reply, {error, is_alive(Pid)}, S}
    end;
handle_call({step, Pid, Serial, Plan, Single}, _From, S) ->
    case thread(Pid, S) of
        #thread{stop = #{serial := Serial}} = T ->
            Others = case Single of true -> []; false -> others_stopped(Pid, S) end,
            {reply, ok, resume_all(Others, begin_step(Pid, T, Plan, S))};
        #thread{stop = #{}} ->
            {reply, {error, moved}, S};
        _ ->
            {reply, {error, is_alive(Pid)}, S}
    end;
handle_call({reveal, Pid, Serial}, _From, S) ->
    case thread(Pid, S) of
        #thread{stop = #{serial := Serial, meta := Meta} = Stop} = T ->
            {Mod, Line} = revealed(Meta, Stop),
            drop_references(Pid),
            {reply, ok, stopped(Pid, T, (maps:remove(caller, Stop))#{module := Mod, line := Line},
                                #{reason => <<"step">>, description => <<"Step">>, ids => []}, S)};
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
    {noreply, on_stop(Pid, Meta, {Mod, Line}, S)};
handle_info({ecd, idle, Pid}, S) ->
    {noreply, on_idle(Pid, S)};
handle_info({ecd, exit, Pid, Reason, ExitInfo}, S) ->
    ecd_exceptions:post_mortem(Pid, Reason, ExitInfo),
    {noreply, forget(Pid, S)};
handle_info({ecd, engine_down, _Reason}, S) ->
    {noreply, engine_lost(S)};
handle_info({ecd, _Move, Pid}, S) ->
    {noreply, confirmed(Pid, S)};
handle_info({repeat, Pid}, S) ->
    {noreply, repeat(Pid, S)};
handle_info({look, Pid, Serial}, S) ->
    {noreply, on_look(Pid, Serial, S)};
handle_info({pause_late, Pid}, S) ->
    {noreply, on_pause_late(Pid, thread(Pid, S), S)};
handle_info({text, Pid, Serial, Event}, S) ->
    {noreply, announce(Pid, Serial, Event, S)};
handle_info({'DOWN', _Ref, process, Pid, _Reason}, S) ->
    {noreply, forget(Pid, S)};
handle_info({Meta, {Waiting, Mod, Line, _Level}}, S) when Waiting =:= wait_at; Waiting =:= wait_after_at; Waiting =:= func_at ->
    %% An evaluator that waits, for a message or for native code, where it had not stopped.
    ecd_state:set_meta(Meta, stop, {Mod, abs(Line)}),
    {noreply, S};
handle_info(_Other, S) ->
    {noreply, S}.

%% Suspended processes are resumed by the VM when this process ends; here they get their order: steps end, then all run.
-spec terminate(term(), #state{}) -> ok.
terminate(_Reason, S = #state{threads = Threads}) ->
    Ended = maps:fold(fun(Pid, T, Acc) -> end_step(Pid, T, Acc) end, S, Threads),
    Resumed = resume_all([Pid || {Pid, #thread{stop = #{}}} <- maps:to_list(Threads)], Ended),
    maps:foreach(fun(Pid, _) -> ecd_engine:disarm_all({step, Pid}) end, Resumed#state.threads).

%% --- stops ---

on_stop(Pid, Meta, Place, S) ->
    case thread(Pid, S) of
        #thread{stop = #{kind := native}} = T ->
            %% It trapped while it was being suspended: now its evaluator holds it, with values.
            resume_native(Pid),
            on_stop(Pid, Meta, Place, T#thread{stop = none, pausing = true}, S);
        #thread{stop = #{}} = T ->
            %% It was paused in a receive, which has got its message.
            on_stop(Pid, Meta, Place, T#thread{stop = none, pausing = true}, S);
        T ->
            on_stop(Pid, Meta, Place, T, S)
    end.

on_stop(Pid, Meta, Place, T0, S) ->
    T = T0#thread{meta = Meta, command = none},
    case verdict(Pid, Place, ecd_step:hit(Meta), T) of
        {stop, Why} ->
            stop_at(Pid, Place, #{}, Why, T, S);
        {stop, {_, {CM, _, _, CLine}} = Caller, Why} ->
            stop_at(Pid, {CM, CLine}, #{caller => Caller}, Why, T, S);
        {again, Command} ->
            ecd_meta:command(Meta, Command),
            put_thread(Pid, T, S)
    end.

stop_at(Pid, {Mod, Line}, More, Why, T, S0) ->
    T#thread.pausing andalso stop_soon(T#thread.meta, S0#state.nobody),
    S = end_step(Pid, T, S0),
    Stop = More#{meta => T#thread.meta, reason => maps:get(reason, Why), kind => interpreted, module => Mod,
                 line => Line, serial => S#state.serial},
    stopped(Pid, thread(Pid, S), Stop, Why, S).

%% Why a process has stopped where it has, or how it is to go on.
verdict(Pid, Place, Hit, T) ->
    case ecd_exceptions:stopped(Pid) of
        {ok, Description, Site} ->
            {stop, {frame, Site}, #{reason => <<"exception">>, description => Description, ids => []}};
        none ->
            stepped(Pid, Place, Hit, T)
    end.

stepped(_Pid, _Place, {entry, _}, #thread{step = #{}}) ->
    {stop, step_reason()};
stepped(Pid, Place, _Hit, #thread{step = #{kind := native} = Step} = T) ->
    came_back(Pid, Place, Step, T);
stepped(Pid, Place, _Hit, #thread{step = #{} = Step, left = true} = T) ->
    came_back(Pid, Place, Step, T);
stepped(Pid, Place, {arrival, _}, #thread{step = #{} = Step} = T) ->
    came_back(Pid, Place, Step, T);
stepped(_Pid, _Place, {line, _}, #thread{step = #{}}) ->
    {stop, step_reason()};
stepped(Pid, {Mod, Line}, none, #thread{step = #{kind := in}}) ->
    case Line > 0 andalso ecd_step:may_enter(Mod) of
        true -> {stop, step_reason()};
        false -> of_user(Pid, {Mod, Line}, {again, step})
    end;
stepped(Pid, Place, none, #thread{pausing = true}) ->
    of_user(Pid, Place, {stop, #{reason => <<"pause">>, description => <<"Paused">>, ids => []}});
stepped(Pid, Place, _Hit, #thread{}) ->
    of_user(Pid, Place, {again, continue}).

%% A function was entered that a native caller calls. Without that caller below it, it is some other call: the process
%% goes on, and the step with it.
came_back(Pid, Place, #{callers := Callers} = Step, #thread{meta = Meta}) ->
    case arrival(Pid, Meta, Callers) of
        {_, {M, _, _, Line}} = Caller ->
            case maps:get(skip, Step, none) =:= {M, Line} of
                true -> of_user(Pid, Place, {again, again(Step)});
                false -> {stop, Caller, step_reason()}
            end;
        none ->
            of_user(Pid, Place, {again, again(Step)})
    end.

arrival(_Pid, _Meta, []) ->
    none;
arrival(Pid, Meta, Callers) ->
    case ecd_meta:frames(Meta) of
        [#{module := M, function := F, arity := A} | _] -> ecd_step:arrival(Pid, {M, F, A}, Callers);
        [] -> none
    end.

%% A process without stop points is followed by letting its evaluator stop at every entry from native code.
again(#{kind := native}) -> finish;
again(_Step) -> continue.

step_reason() ->
    #{reason => <<"step">>, description => <<"Step">>, ids => []}.

%% What the user has set at a place counts whatever else happens there.
of_user(Pid, {Mod, Line}, Otherwise) ->
    case ecd_breakpoints:hit(Pid, Mod, Line) of
        none -> Otherwise;
        #{kind := internal} -> entry(Otherwise);
        #{kind := Kind, ids := Ids} -> {stop, breakpoint_reason(Kind, Ids)}
    end.

entry(Otherwise) ->
    case ecd_entry:is_first() of
        true -> {stop, #{reason => <<"entry">>, description => <<"Paused on entry">>, ids => []}};
        false -> Otherwise
    end.

breakpoint_reason(dbg, _Ids) ->
    #{reason => <<"dbg">>, description => <<"Paused on dbg">>, ids => []};
breakpoint_reason(function, Ids) ->
    #{reason => <<"function breakpoint">>, description => <<"Paused on function breakpoint">>, ids => Ids};
breakpoint_reason(line, Ids) ->
    #{reason => <<"breakpoint">>, description => <<"Paused on breakpoint">>, ids => Ids}.

stopped(Pid, T0, Stop0, Why, S0 = #state{serial = Serial}) ->
    Stop = Stop0#{serial => Serial + 1, reason => maps:get(reason, Why)},
    T = T0#thread{stop = Stop, pausing = false, left = false},
    true = ets:insert(?STOPS, {Pid, Stop}),
    S = hold_others(put_thread(Pid, T, S0#state{serial = Serial + 1})),
    ecd_patience:stopped(true),
    describe(Pid, Serial + 1, Why),
    S.

%% Who waits for the stopped process is found out aside: with many stops at once it takes a while.
describe(Pid, Serial, #{reason := Reason, description := Description, ids := Ids}) ->
    Event = #{thread => ecd_threads:id(Pid), reason => Reason, description => Description, hitBreakpointIds => Ids},
    Control = self(),
    spawn(fun() -> Control ! {text, Pid, Serial, with_text(Pid, Event)} end).

with_text(Pid, Event) ->
    case ecd_waiting:text(Pid) of
        none -> Event;
        Text -> Event#{text => Text}
    end.

announce(Pid, Serial, Event, S) ->
    case thread(Pid, S) of
        #thread{stop = #{serial := Serial}} -> ecd_wire:event(stopped, Event);
        _ -> ok
    end,
    S.

revealed(Meta, #{module := Mod, line := Line}) ->
    case ecd_meta:frames(Meta) of
        [#{module := M, line := L} | _] -> {M, L};
        [] -> {Mod, Line}
    end.

%% --- going on ---

resume_all(Pids, S) ->
    lists:foldl(fun(Pid, Acc) -> resume(Pid, continue, Acc) end, S, Pids).

resume(Pid, Command, S) ->
    case thread(Pid, S) of
        #thread{stop = #{kind := Kind, meta := Meta}} = T0 ->
            drop_references(Pid),
            true = ets:delete(?STOPS, Pid),
            ecd_wire:event(continued, #{thread => ecd_threads:id(Pid)}),
            T = go(Kind, Pid, Meta, Command, T0),
            released(put_thread(Pid, T, S));
        _ ->
            S
    end.

go(native, Pid, _Meta, _Command, T) ->
    resume_native(Pid),
    T#thread{stop = none};
go(interpreted, Pid, Meta, Command, #thread{stop = #{reason := Reason}} = T) ->
    ecd_meta:command(Meta, Command),
    %% In a receive it goes on without a word.
    case Reason of
        <<"pause">> -> T#thread{stop = none};
        _ -> repeat_later(Pid), T#thread{stop = none, command = Command}
    end.

repeat_later(Pid) ->
    erlang:send_after(?REPEAT, self(), {repeat, Pid}).

confirmed(Pid, S) ->
    case thread(Pid, S) of
        #thread{command = none} -> S;
        T -> put_thread(Pid, T#thread{command = none}, S)
    end.

repeat(Pid, S) ->
    case thread(Pid, S) of
        #thread{stop = none, command = Command, meta = Meta} when Command =/= none ->
            ecd_meta:command(Meta, Command),
            repeat_later(Pid),
            S;
        _ ->
            S
    end.

resume_native(Pid) ->
    try
        erlang:resume_process(Pid)
    catch
        %% It has ended meanwhile.
        error:badarg -> true
    end.

drop_references(Pid) ->
    ecd_frames:drop(Pid),
    ecd_values:drop(Pid),
    ecd_exceptions:drop(Pid),
    ecd_step:drop_targets(Pid).

%% The last stop is over: what was held because of it goes on.
released(S = #state{threads = Threads, others = Others}) ->
    case [Pid || {Pid, #thread{stop = #{}}} <- maps:to_list(Threads)] of
        [] ->
            ecd_patience:stopped(false),
            lists:foreach(fun resume_native/1, Others),
            S#state{others = []};
        _ ->
            S
    end.

%% pauseOthers: the application's other processes wait while one is stopped.
hold_others(S = #state{others = [], threads = Threads}) ->
    case ecd_config:get(pauseOthers) of
        true ->
            Held = [Pid || Pid <- ecd_applications:processes(), is_pausable(Pid), not is_held(Pid, Threads), suspend(Pid)],
            S#state{others = Held};
        _ ->
            S
    end;
hold_others(S) ->
    S.

is_held(Pid, Threads) ->
    case Threads of
        #{Pid := #thread{stop = #{}}} -> true;
        _ -> false
    end.

suspend(Pid) ->
    try
        erlang:suspend_process(Pid, [asynchronous])
    catch
        error:_ -> false
    end.

%% The engine's server has died and with it every stop in interpreted code: those processes run on by themselves.
engine_lost(S = #state{threads = Threads}) ->
    ecd_wire:event(notice, #{level => <<"error">>, text => <<"The debugging engine has ended; everything runs on.">>}),
    resume_all([Pid || {Pid, #thread{stop = #{}}} <- maps:to_list(Threads)], S).

%% --- steps ---

begin_step(Pid, T, #{kind := Kind, points := Points} = Plan, S) ->
    #thread{stop = #{kind := Held, meta := Meta}} = T,
    is_pid(Meta) andalso ecd_step:begin_points(Meta, Points),
    ok = ecd_engine:step_mode(Pid, mode(Kind)),
    Held =:= native andalso is_pid(Meta) andalso stop_soon(Meta, S#state.nobody),
    Next = put_thread(Pid, T#thread{step = Plan, left = false}, S),
    Going = resume(Pid, command(Kind), Next),
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

%% The evaluator stops at its next expression, or when the process enters interpreted code; and tells Whom where it is.
stop_soon(Meta, Whom) ->
    Meta ! {int, {attached, Whom}},
    ok.

%% Ends a step for whatever reason; nothing of it stays armed.
end_step(Pid, #thread{step = none, pausing = false} = T, S) ->
    put_thread(Pid, T, S);
end_step(Pid, #thread{meta = Meta} = T, S) ->
    is_pid(Meta) andalso ecd_step:end_points(Meta),
    ok = ecd_engine:step_mode(Pid, off),
    ok = ecd_engine:disarm_all({step, Pid}),
    cancel(T#thread.timer),
    put_thread(Pid, T#thread{step = none, left = false, timer = none, pausing = false}, S).

cancel(none) -> ok;
cancel(Timer) -> _ = erlang:cancel_timer(Timer), ok.

%% The process has left interpreted code. A pending step must not stop it at whatever comes next.
on_idle(Pid, S0) ->
    S = confirmed(Pid, S0),
    case thread(Pid, S) of
        #thread{step = #{kind := native}} ->
            S;
        #thread{step = #{} = Step} = T ->
            case has_way_back(Step) of
                true -> look_later(Pid, put_thread(Pid, T#thread{left = true}, S));
                false -> lost(Pid, T, S)
            end;
        _ ->
            S
    end.

has_way_back(#{callers := [_ | _]}) -> true;
has_way_back(#{points := Points}) -> lists:keymember(entry, 3, Points).

lost(Pid, T, S) ->
    Text = [ecd_process:name(Pid), " ", pid_to_list(Pid),
            " has returned to code that runs natively, where a step cannot follow. It runs on."],
    ecd_wire:event(notice, #{level => <<"info">>, text => unicode:characters_to_binary(Text)}),
    drop_thread(Pid, end_step(Pid, T, S)).

look_later(Pid, S) ->
    T = thread(Pid, S),
    cancel(T#thread.timer),
    Timer = erlang:send_after(?LOOK, self(), {look, Pid, S#state.serial}),
    put_thread(Pid, T#thread{timer = Timer}, S).

%% While a step waits for a native caller, no function that others need stays armed for long, and the step ends when
%% that caller has returned.
on_look(Pid, _Serial, S) ->
    case thread(Pid, S) of
        #thread{step = #{callers := Callers, arms := Arms}, stop = none} = T ->
            case is_below(Pid, Callers) of
                true ->
                    lists:foreach(
                        fun({M, F, A}) -> ecd_modules:own(M) orelse ecd_engine:disarm(M, {F, A}, {step, Pid}) end, Arms
                    ),
                    look_later(Pid, S);
                false ->
                    lost(Pid, T, S)
            end;
        _ ->
            S
    end.

is_below(Pid, Callers) ->
    Frames = [{M, F, A} || {M, F, A, _} <- ecd_handles:stacktrace(Pid)],
    lists:any(fun(#{frame := Frame}) -> lists:member(Frame, Frames) end, Callers).

%% --- pause ---

begin_pause(Pid, #thread{stop = #{} = Stop} = T, S) ->
    %% It is stopped already: say so again.
    ecd_engine:disarm_all({step, Pid}),
    stopped(Pid, T, Stop, #{reason => <<"pause">>, description => <<"Paused">>, ids => []}, S);
begin_pause(Pid, T0, S) ->
    Meta = meta(Pid, T0),
    T = T0#thread{meta = Meta, pausing = true, step = none},
    is_pid(Meta) andalso ecd_step:end_points(Meta),
    is_pid(Meta) andalso stop_soon(Meta, self()),
    case process_info(Pid, [current_function, status]) of
        [{_, {dbg_debugged, msg_loop, 2}}, _] when is_pid(Meta) ->
            wait_for_pause(Pid, T, ?PAUSE_INTERPRETED, S);
        [_, {_, Status}] when Status =:= running; Status =:= runnable; Status =:= garbage_collecting ->
            ok = ecd_engine:step_mode(Pid, entry),
            wait_for_pause(Pid, T, ?PAUSE_NATIVE, S);
        [_, _] ->
            pause_native(Pid, T, S);
        undefined ->
            forget(Pid, S)
    end.

wait_for_pause(Pid, T, Time, S) ->
    cancel(T#thread.timer),
    put_thread(Pid, T#thread{timer = erlang:send_after(Time, self(), {pause_late, Pid})}, S).

on_pause_late(Pid, #thread{pausing = true, stop = none} = T, S) ->
    case process_info(Pid, current_function) of
        {_, {dbg_debugged, msg_loop, 2}} when is_pid(T#thread.meta) -> pause_waiting(Pid, T, S);
        undefined -> forget(Pid, S);
        _ -> pause_native(Pid, T, S)
    end;
on_pause_late(_Pid, _T, S) ->
    S.

%% In a receive of interpreted code: it is where it is, with its frames, and stops as soon as a message lets it go on.
pause_waiting(Pid, #thread{meta = Meta} = T, S) ->
    case ecd_meta:frames(Meta) of
        [#{module := Mod, line := Line} | _] ->
            stop_at(Pid, {Mod, Line}, #{}, pause_reason(), T, S);
        [] ->
            pause_native(Pid, T, S)
    end.

pause_native(Pid, #thread{meta = Meta} = T, S0) ->
    case suspend(Pid) of
        true ->
            is_pid(Meta) andalso (Meta ! {int, detached}),
            S = end_step(Pid, T, S0),
            {Mod, Line} = native_place(Pid),
            Stop = #{meta => Meta, reason => <<"pause">>, kind => native, module => Mod, line => Line, serial => 0},
            stopped(Pid, thread(Pid, S), Stop, pause_reason(), S);
        false ->
            forget(Pid, S0)
    end.

pause_reason() ->
    #{reason => <<"pause">>, description => <<"Paused">>, ids => []}.

native_place(Pid) ->
    case ecd_handles:stacktrace(Pid) of
        [{M, _, _, Info} | _] -> {M, proplists:get_value(line, Info, 0)};
        [] -> {undefined, 0}
    end.

meta(Pid, #thread{meta = none}) ->
    case ecd_engine:meta(Pid) of
        {ok, Meta} -> Meta;
        error -> none
    end;
meta(_Pid, #thread{meta = Meta}) ->
    Meta.

%% --- threads ---

others_stopped(Pid, #state{threads = Threads}) ->
    [P || {P, #thread{stop = #{}}} <- maps:to_list(Threads), P =/= Pid].

thread(Pid, #state{threads = Threads}) ->
    case Threads of
        #{Pid := T} -> T;
        #{} -> #thread{monitor = make_ref()}
    end.

%% Only processes that are stopped or on their way to a stop are kept.
put_thread(Pid, #thread{stop = none, step = none, pausing = false, command = none}, S) ->
    drop_thread(Pid, S);
put_thread(Pid, T, S = #state{threads = Threads}) ->
    case Threads of
        #{Pid := _} -> S#state{threads = Threads#{Pid := T}};
        #{} -> S#state{threads = Threads#{Pid => T#thread{monitor = monitor(process, Pid)}}}
    end.

drop_thread(Pid, S = #state{threads = Threads}) ->
    case maps:take(Pid, Threads) of
        {#thread{monitor = Monitor}, Rest} ->
            demonitor(Monitor, [flush]),
            S#state{threads = Rest};
        error ->
            S
    end.

%% The process has ended.
forget(Pid, S0) ->
    case S0 of
        #state{threads = #{Pid := T}} ->
            S = end_step(Pid, T, S0),
            is_pid(T#thread.meta) andalso ecd_step:forget(T#thread.meta),
            true = ets:delete(?STOPS, Pid),
            drop_references(Pid),
            released(drop_thread(Pid, S));
        _ ->
            S0
    end.
