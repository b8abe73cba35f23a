%% What runs inside the meta processes: the answers that the evaluator expects of its server, read from shared tables
%% where that will do. It must not wait for anything that can wait for the meta, and must not fail.
%%
%% Each of these functions runs in a meta process, except get_meta, which a user's process calls when it traps. Being
%% there, a stop that is none (a second expression of the same line, generated code) can be passed over before anyone
%% hears of it, and a pending step can be taken back when the process leaves interpreted code, so that it never leaks
%% into the next message the process handles.
-module(ecd_inside).

-export([call/1, cast/1, accepts/2, called/1, made/2]).

%% As dbg_ieval.hrl has it since OTP 25.
-record(ieval, {level, line, module, function, arguments, error_info, top}).

-define(SERVER, ecd_iserver).
-define(ENGINE, ecd_interpreter).
-define(ENTER_TIMEOUT, 30000).
%% Words that a meta may have grown to before the user is told that interpreting here is slow: some 16 MB.
-define(HEAVY, 2 * 1024 * 1024).

-spec call(term()) -> term().
call({get_meta, Pid}) ->
    case ecd_state:get({pid, Pid}, none) of
        none -> {error, not_interpreted};
        Meta -> {ok, Meta}
    end;
call({new_process, Pid, Meta, Function}) ->
    ask(?SERVER, {new_process, Pid, Meta, arity(Function)}, infinity, running);
call(all_breaks) ->
    %% The meta does not know its process yet; the server does.
    ask(?SERVER, {all_breaks, self()}, infinity, []);
call(get_stack_trace) ->
    ecd_state:get(stack, no_tail);
call({get_module_db, Mod, Pid}) ->
    table(Mod, Pid);
call(_Other) ->
    %% Stock tools (int, the IEx breaker) speak more than the evaluator does; here they find nothing.
    {error, not_available}.

-spec cast(term()) -> ok.
cast({set_status, Meta, Status, Info}) ->
    status(Status, Info, get(self), Meta);
cast({set_exit_info, Meta, ExitInfo}) ->
    gen_server:cast(?SERVER, {exit_info, Meta, ExitInfo});
cast(_Other) ->
    ok.

%% The meta keeps a table for good but asks again where there was none, so a module can be handed out at any call.
table(Mod, Pid) ->
    Step = ecd_state:get({step, Pid}, off),
    case Step =/= off andalso accepts(Step, Mod) of
        true -> hold(enter(Mod, Pid), Mod);
        false -> hold(answered(Mod), Mod)
    end.

%% What has not been loaded yet would be by the call itself. The engine asks for nothing on the way to it.
enter(Mod, Pid) ->
    case code:ensure_loaded(Mod) of
        {module, _} ->
            Ready = is_prepared(Mod),
            Start = erlang:monotonic_time(microsecond),
            Table = ask(?ENGINE, {with, Mod, none, {enter, Pid}}, ?ENTER_TIMEOUT, not_found),
            Ms = (erlang:monotonic_time(microsecond) - Start) / 1000,
            _ = [tell_entered(Mod, Ready, Ms, Table) || Table =/= not_found],
            Table;
        {error, _} ->
            not_found
    end.

is_prepared(Mod) ->
    case ecd_state:get({prepared, Mod}, none) of
        none -> false;
        Table -> ecd_prepare:is_filled(Table)
    end.

%% For whoever measures how often modules are prepared before a process gets to them.
tell_entered(Mod, Ready, Ms, Table) ->
    gen_server:cast(?SERVER, {entered, Mod, #{ready => Ready, ms => Ms, bytes => ecd_prepare:bytes(Table)}}).

answered(Mod) ->
    case ecd_state:member({answered, Mod}) of
        true -> armed(ecd_state:get({prepared, Mod}, not_found), Mod);
        false -> not_found
    end.

%% Told once: a function that holds a breakpoint is entered as often as it is called. Where exceptions are made is of no
%% interest.
armed(not_found, _Mod) ->
    not_found;
armed(Table, Mod) ->
    _ = [tell_entered(Mod, true, 0, Table) || ecd_state:member({news, Mod}), not ecd_state:member({entered, Mod})],
    Table.

%% A closure is made in a function of the module: the variables that it is to keep. The tables are gone where a frame
%% has outlived the agent.
-spec made(#ieval{}, Bindings) -> Bindings.
made(#ieval{module = Mod}, Bindings) ->
    try
        ecd_closures:mark(Mod, Bindings)
    catch
        error:badarg -> Bindings
    end.

%% Whether a step in this mode may enter the module.
-spec accepts(ecd_engine:step_mode(), module()) -> boolean().
accepts(entry, _Mod) ->
    false;
accepts(all, Mod) ->
    not ecd_deny:enter(Mod);
accepts({into, Accepts}, Mod) ->
    try
        Accepts(Mod) =:= true andalso not ecd_deny:enter(Mod)
    catch
        _:_ -> false
    end.

hold(not_found, _Mod) ->
    not_found;
hold(Table, Mod) ->
    ok = ecd_state:hold(self(), Mod),
    ok = ecd_state:put({entered, Mod}, true),
    %% Closures made from now on will look for private functions, in whatever process they are called.
    ok = ecd_state:put({answered, Mod}, true),
    Table.

%% With the server gone everything has been disarmed, and all that matters is that the process computes on.
ask(Server, Request, Timeout, Otherwise) ->
    try
        gen_server:call(Server, Request, Timeout)
    catch
        exit:_ -> Otherwise
    end.

status(break, {Mod, Line}, Pid, Meta) ->
    case evaluated() of
        true ->
            %% At the stop it had before. What it was told meanwhile it has not heard (ecd_control).
            ecd_state:set_meta(Meta, command, none),
            ecd_state:set_meta(Meta, stopped, true);
        false -> stop(Mod, Line, Pid, Meta)
    end;
status(running, _Info, Pid, Meta) ->
    case evaluating() of
        true -> ok;
        false -> moved(running, Pid, Meta)
    end;
status(idle, _Info, Pid, Meta) ->
    Step = ecd_state:get({step, Pid}, off),
    put(next_break, case Step of entry -> break; _ -> running end),
    _ = [ecd_step:leave(Meta) || ecd_state:member({watched, Pid})],
    moved(idle, Pid, Meta),
    weigh(Pid, Meta),
    Step =/= off orelse ecd_state:delete({watched, Pid}),
    ok;
status(waiting, _Info, Pid, Meta) ->
    moved(waiting, Pid, Meta).

%% Arguments, results and what closures hold are copied between the process and its meta, at each call. The process has
%% its result by now; its copy here must not stay until the next call.
weigh(Pid, Meta) ->
    {total_heap_size, Words} = process_info(self(), total_heap_size),
    Words > ?HEAVY andalso erlang:garbage_collect(),
    case Words > ?HEAVY andalso ecd_state:meta(Meta, mfa) of
        {_, _, _} = MFA ->
            case ecd_state:member({heavy, MFA}) of
                true ->
                    ok;
                false ->
                    ecd_state:put({heavy, MFA}, true),
                    gen_server:cast(?SERVER, {heavy, Pid, MFA, Words * erlang:system_info(wordsize)})
            end;
        _ ->
            ok
    end.

moved(Move, Pid, Meta) ->
    case ecd_state:member({watched, Pid}) orelse ecd_state:member({step, Pid}) of
        true -> gen_server:cast(?SERVER, {moved, Move, Pid, Meta});
        false -> ok
    end.

%% An evaluation in the user's process shows up as `running` and `break`. The evaluator counts them in `user_eval`.
evaluating() ->
    Depth = length(get(user_eval)),
    Depth > evaluations() andalso
        begin
            put(ecd_evaluations, Depth),
            true
        end.

evaluated() ->
    Depth = length(get(user_eval)),
    Depth < evaluations() andalso
        begin
            put(ecd_evaluations, Depth),
            true
        end.

evaluations() ->
    case get(ecd_evaluations) of
        undefined -> 0;
        Depth -> Depth
    end.

stop(Mod, Line, Pid, Meta) ->
    Known = ecd_state:get({meta, Meta}, #{command => none, stop => none}),
    case decide(Mod, Line, Known) of
        report ->
            Place = {Mod, abs(Line)},
            ecd_state:get({meta, Meta}, gone) =/= gone andalso
                ecd_state:put({meta, Meta}, Known#{stop := Place, stopped := true, frames := callers()}),
            ecd_state:put({watched, Pid}, true),
            gen_server:cast(?SERVER, {stopped, Pid, Meta, Mod, abs(Line)});
        Command ->
            self() ! {user, {cmd, Command}},
            ok
    end.

%% Line 0 is generated code, a negative line a later expression of the line that the process is on (ecd_rows).
decide(Mod, Line, #{command := Command, stop := Stop}) ->
    Alive = ecd_state:get(mode, remnant) =:= running andalso whereis(?SERVER) =/= undefined,
    Evaluating = get(user_eval) =/= [],
    if
        not Alive -> continue;
        %% The process has stopped already; an expression of the user's runs in it to its end.
        Evaluating -> continue;
        Line =:= 0 -> onward(Command);
        Line < 0, Stop =:= {Mod, -Line}, Command =:= step orelse Command =:= next -> Command;
        true -> report
    end.

onward(next) -> next;
onward(finish) -> next;
onward(_) -> step.

%% The evaluator's stack without bindings and arguments, innermost first: `-record(e, {level, mfa, line, …})`.
callers() ->
    [
        #{level => element(2, E), mfa => arity(element(3, E)), line => line(element(4, E))}
     || E <- get(dbg_istk)
    ].

%% The evaluator writes -1 where it knows no line.
line(-1) -> 0;
line(Line) -> abs(Line).

arity(MFA) ->
    case called(MFA) of
        {Mod, Function, Args} when is_list(Args) -> {Mod, Function, length(Args)};
        Other -> Other
    end.

%% A closure that native code has called stands in the evaluator's stack with the arguments of the evaluator's own
%% function, among them its real ones.
-spec called(tuple()) -> tuple().
called({Mod, Name, [[{clause, _, _, _, _} | _], Args, _Bindings, {Mod, Name}]}) -> {Mod, Name, Args};
called({Mod, Name, [[{clause, _, _, _, _} | _], Args, _Bindings, _Self, _Fun, {Mod, Name}]}) -> {Mod, Name, Args};
called({Function, Args}) -> {undefined, Function, Args};
called(MFA) -> MFA.
