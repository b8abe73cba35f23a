%% Who waits for a stopped process, in what, and for how long: text for the stop. Reads stack traces, asks nobody.
-module(ecd_waiting).

-export([text/1, waiters/1, forget/1]).

-type waiter() :: #{pid := pid(), name := binary(), call := binary(), ms := non_neg_integer()}.

%% {{Waiter, Pid}, Reductions, Since}; owned by ecd_handles.
-define(TABLE, ecd_waits).
-define(LOOK_REDUCTIONS, 15).
%% Frames of one call at most.
-define(CALL_FRAMES, 6).
%% Processes looked at, and named in the text.
-define(LOOKED_AT, 1000).
-define(NAMED, 3).
%% A wait that is younger is a call that has only just been made.
-define(YOUNG, 100).

%% One sentence for the stop, or none.
-spec text(pid()) -> binary() | none.
text(Pid) ->
    case waiters(Pid) of
        [] ->
            none;
        Waiters ->
            Named = [sentence(Waiter) || Waiter <- lists:sublist(Waiters, ?NAMED)],
            More =
                case length(Waiters) - ?NAMED of
                    N when N > 0 -> [<<" and ", (integer_to_binary(N))/binary, " more processes wait">>];
                    _ -> []
                end,
            iolist_to_binary([lists:join(<<"; ">>, Named), More])
    end.

sentence(#{pid := Pid, name := Name, call := Call, ms := Ms}) when Ms < ?YOUNG ->
    [ecd_names:pid(Pid), $\s, Name, <<" is waiting in ">>, Call];
sentence(#{pid := Pid, name := Name, call := Call, ms := Ms}) ->
    Time = io_lib:format("~.1f s", [Ms / 1000]),
    [ecd_names:pid(Pid), $\s, Name, <<" has been waiting in ">>, Call, <<" for ">>, Time].

%% Whoever waits for an answer monitors the process that is to give it, whoever starts it is linked to it; longest
%% first. A process that holds a database connection also keeps those waiting who want one.
-spec waiters(pid()) -> [waiter()].
waiters(Pid) ->
    case process_info(Pid, [monitored_by, links]) of
        [{_, By}, {_, Links}] ->
            Local = [P || P <- By ++ Links, is_pid(P), node(P) =:= node()],
            Near = lists:sublist(lists:usort(Local), ?LOOKED_AT),
            Direct = [
                waiter(Waiter, Pid, Call)
             || Waiter <- Near, {Kind, Call} <- [waits(Waiter)], Kind =:= start orelse lists:member(Waiter, By)
            ],
            Waiters = Direct ++ connections(Pid),
            forget_others(Pid, [Waiter || #{pid := Waiter} <- Waiters]),
            lists:sort(fun(#{ms := A}, #{ms := B}) -> A >= B end, Waiters);
        undefined ->
            []
    end.

waits(Waiter) ->
    case process_info(Waiter, [status, current_stacktrace]) of
        [{status, Status}, {current_stacktrace, [_ | _] = Stack}] when Status =:= waiting; Status =:= suspended ->
            call(Stack);
        _ ->
            no
    end.

%% The frames of one call lie on top of the stack; the outermost of them is the one the user wrote. A receive of the
%% user's own is a wait too, while servers and supervisors that are idle wait in OTP's.
call([{Module, Function, Arity, _} | _] = Stack) ->
    case [Call || {M, F, _, _} <- lists:sublist(Stack, ?CALL_FRAMES), Call <- [known(M, F)], Call =/= unknown] of
        [] ->
            case is_integer(Arity) andalso ecd_modules:own(Module) of
                true -> {call, <<"a receive in ", (ecd_names:function(Module, Function, Arity))/binary>>};
                false -> no
            end;
        Calls ->
            kind(lists:last(Calls))
    end.

kind(<<"start", _/binary>> = Call) -> {start, Call};
kind(Call) -> {call, Call}.

known('Elixir.GenServer', call) -> <<"GenServer.call">>;
known('Elixir.GenServer', multi_call) -> <<"GenServer.multi_call">>;
known('Elixir.Task', F) when F =:= await; F =:= await_many; F =:= yield; F =:= yield_many; F =:= shutdown ->
    <<"Task.", (atom_to_binary(F))/binary>>;
known('Elixir.Task.Supervised', stream_reduce) -> <<"Task.async_stream">>;
known('Elixir.Supervisor', F) -> <<"Supervisor.", (atom_to_binary(F))/binary>>;
known('Elixir.DynamicSupervisor', F) when F =/= init -> <<"DynamicSupervisor.", (atom_to_binary(F))/binary>>;
known(gen_server, call) -> <<"gen_server:call">>;
known(gen_server, receive_response) -> <<"gen_server:receive_response">>;
known(gen_statem, call) -> <<"gen_statem:call">>;
known(gen_event, call) -> <<"gen_event:call">>;
known(proc_lib, sync_start_link) -> <<"start_link">>;
known(proc_lib, sync_start) -> <<"start">>;
known(proc_lib, start_link) -> <<"start_link">>;
known(gen, do_call) -> <<"a call">>;
known(_, _) -> unknown.

%% The time counts from the stop at which the wait was first seen; before it, the process was not stopped for long.
waiter(Waiter, Pid, Call) ->
    Name = ecd_process:name(Waiter),
    #{pid => Waiter, name => Name, call => Call, ms => since(Waiter, Pid)}.

%% It is the same wait as long as the waiter has not run in between. Looking at it costs it a few reductions, less than
%% the shortest call.
since(Waiter, Pid) ->
    Now = erlang:monotonic_time(millisecond),
    Reductions = reductions(Waiter),
    Since =
        case ets:lookup(?TABLE, {Waiter, Pid}) of
            [{_, Before, Began}] when Reductions - Before < ?LOOK_REDUCTIONS -> Began;
            _ -> Now
        end,
    true = ets:insert(?TABLE, {{Waiter, Pid}, Reductions, Since}),
    Now - Since.

reductions(Pid) ->
    case process_info(Pid, reductions) of
        {_, Reductions} -> Reductions;
        undefined -> 0
    end.

%% Those who wait no more: a server may see thousands of callers.
forget_others(Pid, Waiters) ->
    Seen = ets:select(?TABLE, [{{{'$1', Pid}, '_', '_'}, [], ['$1']}]),
    lists:foreach(fun(Waiter) -> ets:delete(?TABLE, {Waiter, Pid}) end, Seen -- Waiters).

%% The process has ended.
-spec forget(pid()) -> ok.
forget(Pid) ->
    ets:match_delete(?TABLE, {{Pid, '_'}, '_', '_'}),
    ets:match_delete(?TABLE, {{'_', Pid}, '_', '_'}),
    ok.

%% Ecto and its drivers: a pool hands connections out; whoever finds none waits in DBConnection.Holder.
connections(Pid) ->
    case holds_connection(Pid) of
        true ->
            [
                waiter(Waiter, Pid, <<"a database checkout">>)
             || Waiter <- lists:sublist(processes(), ?LOOKED_AT), Waiter =/= Pid, wants_connection(Waiter)
            ];
        false ->
            []
    end.

holds_connection(Pid) ->
    erlang:module_loaded('Elixir.DBConnection.Holder') andalso
        lists:keymember('Elixir.DBConnection', 1, ecd_handles:stacktrace(Pid)).

wants_connection(Waiter) ->
    case process_info(Waiter, [status, current_function]) of
        [{status, waiting}, {current_function, {'Elixir.DBConnection.Holder', _, _}}] -> true;
        _ -> false
    end.
