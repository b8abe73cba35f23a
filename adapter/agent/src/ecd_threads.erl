%% Processes as threads: numbers, names, the list, and who came and went. Stops nothing and reads no value.
-module(ecd_threads).
-behaviour(gen_server).

-export([start/0, stop/0, id/1, known/1, pid/1, existing/1, threads/1, terminate_threads/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

-define(IDS, ecd_thread_ids).
-define(PIDS, ecd_thread_pids).
%% ms between two looks at the list of processes.
-define(PERIOD, 1000).
%% Starts announced one by one per look; of more than that a client is told to ask for the list.
-define(ANNOUNCED, 100).
%% Processes beyond the limit of a list that are looked at closely.
-define(EXAMINED, 1000).

%% Idempotent. Starts what the inspection needs beside the list of threads.
-spec start() -> ok.
start() ->
    {ok, _} = ecd_handles:start(),
    {ok, _} = ecd_server:start(?MODULE),
    ok.

-spec stop() -> ok.
stop() ->
    ecd_server:stop(?MODULE),
    ecd_eval:stop(),
    ecd_handles:stop().

%% The number of a process, the same for as long as it lives. Announces one that no client has heard of.
-spec id(pid()) -> integer().
id(Pid) ->
    case ets:lookup(?IDS, Pid) of
        [{Pid, Id}] ->
            Id;
        [] ->
            Id = number(Pid),
            ecd_wire:event(thread, #{thread => Id, reason => <<"started">>}),
            Id
    end.

-spec pid(integer()) -> {ok, pid()} | error.
pid(Id) ->
    case ets:lookup(?PIDS, Id) of
        [{Id, Pid}] -> {ok, Pid};
        [] -> error
    end.

%% Throws threadMissing where nobody ever had the number, or its process was forgotten since it has ended.
-spec existing(integer()) -> pid().
existing(Id) ->
    case pid(Id) of
        {ok, Pid} -> Pid;
        error -> ecd_failure:expected(<<"threadMissing">>, missing(Id))
    end.

missing(Id) ->
    ["There is no thread ", integer_to_list(Id), " any more."].

%% Two callers may number a process at once: the first insertion counts.
number(Pid) ->
    Id = ets:update_counter(?PIDS, next, 1, {next, 0}),
    case ets:insert_new(?IDS, {Pid, Id}) of
        true ->
            true = ets:insert(?PIDS, {Id, Pid}),
            Id;
        false ->
            ets:lookup_element(?IDS, Pid, 2)
    end.

%% threads: stopped ones first, then named and application processes, then the rest, as far as the limit goes. Without
%% `system`, processes of OTP, Elixir and Mix are left out while they run.
-spec threads(map()) -> map().
threads(#{limit := Limit, system := System}) ->
    Apps = ecd_applications:leaders(),
    Ranked = lists:sort([
        {Rank, Pid, Name}
     || Pid <- processes(), {Name, Leader} <- registered(Pid), not ecd_process:is_agent_name(Name),
        {Order, Application} = Rank <- [rank(Pid, Name, Leader, Apps)], System orelse Application orelse Order =:= 0
    ]),
    {Shown, Hidden} = shown(Ranked, Limit, [], 0),
    #{threads => Shown, total => length(Ranked) - Hidden}.

%% Whether a process without a name is the debugger's takes a closer look. Beyond the limit only so many are looked at:
%% the number of the rest may then include some.
shown([{Rank, Pid, Name} | Ranked], Limit, Shown, Hidden) when Limit > 0 ->
    case ecd_process:is_hidden(Pid, Name) of
        true -> shown(Ranked, Limit, Shown, Hidden + 1);
        false -> shown(Ranked, Limit - 1, [info(Pid, Rank) | Shown], Hidden)
    end;
shown(Ranked, _Limit, Shown, Hidden) ->
    More = [Pid || {_Rank, Pid, Name} <- lists:sublist(Ranked, ?EXAMINED), ecd_process:is_hidden(Pid, Name)],
    {lists:reverse(Shown), Hidden + length(More)}.

registered(Pid) ->
    case process_info(Pid, [registered_name, group_leader]) of
        undefined -> [];
        [{registered_name, Name}, {group_leader, Leader}] -> [{Name, Leader}]
    end.

rank(Pid, Name, Leader, Apps) ->
    Application = ecd_applications:is_application(Pid, Name, Leader, Apps),
    case {ecd_control:stop_info(Pid), Application} of
        {{stopped, _}, _} -> {0, Application};
        {running, true} when Name =/= [] -> {1, true};
        {running, true} -> {2, true};
        {running, false} when Name =/= [] -> {3, false};
        {running, false} -> {4, false}
    end.

info(Pid, {Rank, Application}) ->
    #{
        id => known(Pid),
        name => ecd_process:name(Pid),
        pid => ecd_names:pid(Pid),
        stopped => Rank =:= 0,
        application => Application
    }.

%% The number of a process, for a list: a client that gets the list needs no event for what stands in it.
-spec known(pid()) -> integer().
known(Pid) ->
    case ets:lookup(?IDS, Pid) of
        [{Pid, Id}] -> Id;
        [] -> number(Pid)
    end.

%% terminateThreads: kills them, stopped or not. All ids are looked up first, so that a wrong one kills nobody.
-spec terminate_threads(map()) -> map().
terminate_threads(#{threads := Ids}) ->
    Pids = [
        case pid(Id) of
            {ok, Pid} -> Pid;
            error -> ecd_failure:user(<<"threadMissing">>, missing(Id), "Refresh the list of threads and choose again.")
        end
     || Id <- Ids
    ],
    lists:foreach(fun(Pid) -> exit(Pid, kill) end, Pids),
    #{}.

-spec init([]) -> {ok, #{pid() => []}}.
init([]) ->
    Options = [named_table, public, {read_concurrency, true}],
    ?IDS = ets:new(?IDS, Options),
    ?PIDS = ets:new(?PIDS, Options),
    erlang:send_after(?PERIOD, self(), look),
    {ok, seen(processes())}.

-spec handle_call(term(), gen_server:from(), State) -> {reply, ok, State}.
handle_call(_Request, _From, Seen) ->
    {reply, ok, Seen}.

-spec handle_cast(term(), State) -> {noreply, State}.
handle_cast(_Message, Seen) ->
    {noreply, Seen}.

%% What was there at the last look and is there now is neither started nor exited: two cheap comparisons.
-spec handle_info(look, #{pid() => []}) -> {noreply, #{pid() => []}}.
handle_info(look, Seen) ->
    Now = processes(),
    NowSeen = seen(Now),
    started([Pid || Pid <- Now, not is_map_key(Pid, Seen)]),
    exited(NowSeen),
    erlang:send_after(?PERIOD, self(), look),
    {noreply, NowSeen}.

seen(Pids) -> maps:from_keys(Pids, []).

started(Pids) ->
    {Some, More} = lists:split(min(?ANNOUNCED, length(Pids)), Pids),
    lists:foreach(fun(Pid) -> not is_hidden(Pid) andalso id(Pid) end, Some),
    case More of
        [] -> ok;
        _ -> ecd_wire:event(invalidated, #{areas => [<<"threads">>]})
    end.

is_hidden(Pid) ->
    case registered(Pid) of
        [] -> true;
        [{Name, _Leader}] -> ecd_process:is_hidden(Pid, Name)
    end.

exited(Alive) ->
    Gone = ets:foldl(fun({Pid, Id}, Acc) -> gone(is_map_key(Pid, Alive), Pid, Id, Acc) end, [], ?IDS),
    lists:foreach(fun forget/1, Gone).

gone(true, _Pid, _Id, Acc) -> Acc;
gone(false, Pid, Id, Acc) ->
    %% Numbered between the look and now: it lives.
    case is_process_alive(Pid) of
        true -> Acc;
        false -> [{Pid, Id} | Acc]
    end.

forget({Pid, Id}) ->
    ets:delete(?IDS, Pid),
    ets:delete(?PIDS, Id),
    ecd_frames:drop(Pid),
    ecd_values:drop(Pid),
    ecd_eval:drop(Pid),
    ecd_waiting:forget(Pid),
    ecd_wire:event(thread, #{thread => Id, reason => <<"exited">>}).
