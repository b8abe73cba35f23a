%% The books of the interpreter engine: which modules are prepared, which functions are armed and for whom. Prepares in
%% throw-away workers; whoever waits for a module waits without holding up others. Must not talk to metas.
%%
%% A module has one table for the engine's whole life, refilled in place when its code changes: a meta process keeps the
%% table it was given for ever, and an idle one would run the old code at its next call.
-module(ecd_arms).
-behaviour(gen_server).

-export([start/2, is_of_running_code/2]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).

-record(mod, {
    table :: ets:tid(),
    md5 = none :: binary() | none,
    ms = 0 :: number(),
    origin = bytecode :: disk | bytecode,
    causes = [] :: [binary()],
    %% Processes that step through it: its exported functions are open to calls from interpreted code.
    open = #{} :: #{pid() => true},
    %% Private functions that have been armed. Their rows stay open: who has trapped may be on its way still.
    once = #{} :: #{ecd_engine:function_key() => integer()},
    %% Lambda functions of what has been armed, whose rows are there.
    lambdas = #{} :: #{ecd_engine:function_key() => [ecd_engine:function_key()]}
}).

-record(state, {
    guardian :: pid(),
    bytecode :: fun((module()) -> {ok, binary()} | {error, term()}),
    mods = #{} :: #{module() => #mod{}},
    %% What was asked for, and what was armed for it: the function, callers it is inlined into, its closures.
    arms = #{} :: #{{module(), ecd_engine:function_key()} => #{ecd_engine:owner() => true}},
    targets = #{} :: #{mfa() => #{{module(), ecd_engine:function_key()} => true}},
    work = #{} :: #{reference() => {module(), [{gen_server:from(), term()}]}},
    %% Rows that were made ahead of any demand take their place one module after the other: those that wait to, and the
    %% work that does.
    queue = [] :: [{module(), gen_server:from()}],
    placing = none :: none | reference(),
    %% Processes that have entered a module by a step.
    stepping = #{} :: #{pid() => true},
    workers = #{} :: #{reference() => pid()},
    %% Workers that look for the closures which native code has made of an armed function.
    seeking = #{} :: #{reference() => {module(), ecd_engine:function_key()}}
}).

%% ms after which a process that trapped into a disarmed function has long found its row.
-define(GRACE, 2000).
%% Half a megabyte: to collect garbage meanwhile takes a quarter of the time that preparing takes.
-define(WORKER_WORDS, 64 * 1024).

%% Under the engine's name. Requests: see handle_call/3; ecd_interpreter makes them.
-spec start(pid(), fun((module()) -> {ok, binary()} | {error, term()})) -> {ok, pid()}.
start(Guardian, Bytecode) ->
    {ok, _} = gen_server:start({local, ecd_interpreter}, ?MODULE, {Guardian, Bytecode}, []).

%% Whether rows, by what ecd_prepare:info/1 says of them, are those of the code that runs; of what is not loaded, any.
-spec is_of_running_code(module(), {ok, ecd_prepare:info()} | none | false) -> boolean().
is_of_running_code(Mod, {ok, #{md5 := Md5}}) -> lists:member(loaded_md5(Mod), [none, Md5]);
is_of_running_code(_Mod, _) -> false.

-spec init({pid(), fun((module()) -> {ok, binary()} | {error, term()})}) -> {ok, #state{}}.
init({Guardian, Bytecode}) ->
    process_flag(trap_exit, true),
    process_flag(priority, high),
    _ = monitor(process, Guardian),
    ok = ecd_iserver:subscribe(self()),
    %% An earlier session may have left some.
    Left = maps:from_list([{Mod, #mod{table = Table}} || {Mod, Table} <- ecd_state:all(prepared)]),
    {ok, #state{guardian = Guardian, bytecode = Bytecode, mods = Left}}.

-spec handle_call(term(), gen_server:from(), #state{}) -> {reply, term(), #state{}} | {noreply, #state{}}.
handle_call({with, Mod, Bytecode, Operation}, From, S) ->
    case is_fresh(Mod, S) andalso not is_at_work(Mod, S) of
        true -> reply(Operation, Mod, true, S);
        false -> {noreply, work(Mod, Bytecode, {From, Operation}, S)}
    end;
handle_call({disarm, Mod, FA, Owner}, _From, S) ->
    {reply, ok, withdraw({Mod, FA}, Owner, S)};
handle_call({disarm_all, Owner}, _From, #state{arms = Arms} = S) ->
    Asked = [Asked || {Asked, Owners} <- maps:to_list(Arms), is_map_key(Owner, Owners)],
    {reply, ok, lists:foldl(fun(A, Acc) -> withdraw(A, Owner, Acc) end, S, Asked)};
handle_call(armed, _From, #state{arms = Arms} = S) ->
    {reply, [{Mod, FA, maps:keys(Owners)} || {{Mod, FA}, Owners} <- maps:to_list(Arms)], S};
handle_call({leave, Pid}, _From, S) ->
    {reply, ok, leave(Pid, S)};
handle_call({code_changed, Mod}, From, #state{mods = Mods} = S) ->
    case Mods of
        #{Mod := #mod{md5 = Md5}} when Md5 =/= none -> {noreply, work(Mod, none, {From, code_changed}, S)};
        #{} -> {reply, ok, S}
    end;
handle_call({exempt, Pid}, _From, S) ->
    ecd_state:member({exempt, Pid}) orelse monitor(process, Pid),
    ecd_state:put({exempt, Pid}, true),
    {reply, ok, S};
handle_call({place, Mod}, From, #state{queue = Queue} = S) ->
    {noreply, place(S#state{queue = Queue ++ [{Mod, From}]})};
handle_call({release, Mod}, From, S) ->
    {noreply, release(Mod, From, S)};
handle_call(status, _From, #state{mods = Mods} = S) ->
    {reply, [status_of(Mod, M, S) || {Mod, M} <- lists:sort(maps:to_list(Mods)), M#mod.md5 =/= none], S}.

-spec handle_cast(term(), #state{}) -> {noreply, #state{}}.
handle_cast(_Stray, S) ->
    {noreply, S}.

-spec handle_info(term(), #state{}) -> {noreply, #state{}} | {stop, term(), #state{}}.
handle_info({'DOWN', _, process, Guardian, _}, #state{guardian = Guardian} = S) ->
    %% Its tables are this process's now. It stays for them, and does no more.
    ok = ecd_guardian:end_all(guardian_down),
    {noreply, S};
handle_info({'DOWN', Monitor, process, Pid, Reason}, #state{work = Work, seeking = Seeking} = S0) ->
    S = S0#state{workers = maps:remove(Monitor, S0#state.workers)},
    case {Work, Seeking} of
        {#{Monitor := {Mod, Waiting}}, _} ->
            S1 = worked(Mod, lists:reverse(Waiting), Reason, S#state{work = maps:remove(Monitor, Work)}),
            {noreply, placed(Monitor, Mod, S1)};
        {_, #{Monitor := Asked}} ->
            {noreply, sought(Asked, Reason, S#state{seeking = maps:remove(Monitor, Seeking)})};
        _ ->
            ecd_state:delete({exempt, Pid}),
            {noreply, S}
    end;
handle_info({ecd, exit, Pid, _Reason, _Info}, S) ->
    {noreply, leave(Pid, S)};
handle_info(_Event, S) ->
    {noreply, S}.

-spec terminate(term(), #state{}) -> ok.
terminate(_Reason, #state{workers = Workers}) ->
    lists:foreach(fun(Pid) -> exit(Pid, kill) end, maps:values(Workers)).

%% --- preparing ---


is_fresh(Mod, #state{mods = Mods}) ->
    case Mods of
        #{Mod := #mod{md5 = Md5}} when Md5 =/= none -> is_of_running_code(Mod, {ok, #{md5 => Md5}});
        #{} ->
            false
    end.

loaded_md5(Mod) ->
    try
        erlang:get_module_info(Mod, md5)
    catch
        error:badarg -> none
    end.

work(Mod, Bytecode, Waiting, #state{work = Work} = S0) ->
    case [Monitor || {Monitor, {M, _}} <- maps:to_list(Work), M =:= Mod] of
        [Monitor] ->
            #{Monitor := {Mod, Others}} = Work,
            S0#state{work = Work#{Monitor := {Mod, [Waiting | Others]}}};
        [] ->
            case is_ahead(Waiting) andalso not has_room(Waiting, S0) of
                true ->
                    gen_server:reply(element(1, Waiting), full),
                    S0;
                false ->
                    Source = S0#state.bytecode,
                    {Place, S} = place_for(Waiting, Mod, S0),
                    {Monitor, S1} = worker(fun() -> {prepared, prepare_now(Mod, Bytecode, Source, Place)} end, S),
                    S1#state{work = Work#{Monitor => {Mod, [Waiting]}}}
            end
    end.

%% How a worker gets to know where its rows go. What is demanded goes where it belongs; what is prepared ahead asks when
%% it is there, because nobody knows before how large it is.
place_for({_, {ahead, _, _}}, Mod, S) ->
    {fun() -> gen_server:call(ecd_interpreter, {place, Mod}, infinity) end, S};
place_for(_Demand, Mod, S0) ->
    {Place, S} = place_of(Mod, S0),
    {fun() -> {ok, Place} end, S}.

place_of(Mod, S0) ->
    {#mod{table = Table} = M, S} = mod(Mod, S0),
    {{Table, open_rows(Mod, M, S)}, S}.

%% So the threshold is never exceeded by more than one of them, however many are made at once: room is looked for when
%% all that was let in before is in its table. Without any, the rows go with their worker.
place(#state{placing = none, queue = [{Mod, From} | Queue]} = S0) ->
    {Monitor, Waiting} = hd([{Monitor, Waiting} || {Monitor, {M, Waiting}} <- maps:to_list(S0#state.work), M =:= Mod]),
    case lists:all(fun(Asked) -> is_ahead(Asked) andalso not has_room(Asked, S0) end, Waiting) of
        true ->
            gen_server:reply(From, full),
            place(S0#state{queue = Queue});
        false ->
            {Place, S} = place_of(Mod, S0),
            gen_server:reply(From, {ok, Place}),
            S#state{queue = Queue, placing = Monitor}
    end;
place(S) ->
    S.

%% A worker has ended, with its rows in their place or for another reason.
placed(Monitor, Mod, #state{placing = Placing, queue = Queue} = S) ->
    Left = S#state{queue = lists:keydelete(Mod, 1, Queue)},
    place(case Placing of Monitor -> Left#state{placing = none}; _ -> Left end).

is_ahead({_, {ahead, _, _}}) -> true;
is_ahead(_) -> false.

has_room({_, {ahead, _, Threshold}}, #state{mods = Mods}) ->
    lists:sum([ecd_prepare:bytes(Table) || #mod{table = Table} <- maps:values(Mods)]) < Threshold.

%% A throw-away process, whose result is its exit reason. With room for what an ordinary module takes.
worker(Fun, #state{workers = Workers} = S) ->
    Work = fun() ->
        exit(
            try
                Fun()
            catch
                Class:Reason:Stack -> {Class, Reason, Stack}
            end
        )
    end,
    {Pid, Monitor} = spawn_opt(Work, [monitor, {min_heap_size, ?WORKER_WORDS}]),
    {Monitor, S#state{workers = Workers#{Monitor => Pid}}}.

mod(Mod, #state{mods = Mods} = S) ->
    case Mods of
        #{Mod := M} ->
            {M, S};
        #{} ->
            Table = ecd_guardian:table(),
            M = #mod{table = Table},
            ecd_state:put({prepared, Mod}, Table),
            {M, S#state{mods = Mods#{Mod => M}}}
    end.

%% In the worker.
prepare_now(Mod, none, Source, Place) ->
    case Source(Mod) of
        {ok, Bytecode} -> prepare_now(Mod, Bytecode, Source, Place);
        {error, changed_on_disk} -> {error, differs(code:is_loaded(Mod))};
        {error, _} -> {error, <<"its bytecode was not found">>}
    end;
prepare_now(Mod, Bytecode, _Source, Place) ->
    Start = erlang:monotonic_time(microsecond),
    case ecd_prepare:run(Mod, Bytecode, Place) of
        {ok, #{md5 := Md5}, Origin} ->
            Loaded = loaded_md5(Mod),
            case Loaded =:= none orelse Loaded =:= Md5 of
                true -> {ok, Md5, (erlang:monotonic_time(microsecond) - Start) / 1000, Origin};
                false -> {error, differs(code:is_loaded(Mod))}
            end;
        full ->
            full;
        {error, Why} ->
            {error, Why}
    end.

%% Why the code that runs is not that of its file.
differs({file, cover_compiled}) -> <<"it is compiled for test coverage; run without coverage to stop in it">>;
differs(_) -> <<"its file has changed since it was loaded; reload it">>.

%% Which rows calls from outside may enter at once.
open_rows(Mod, #mod{open = Open, once = Once}, #state{targets = Targets}) ->
    Armed = maps:from_list([{{F, A}, true} || {M, F, A} <- maps:keys(Targets), M =:= Mod]),
    Stepping = map_size(Open) > 0,
    fun(FA, Exported) -> (Exported andalso Stepping) orelse is_map_key(FA, Armed) orelse is_map_key(FA, Once) end.

%% The worker has ended: whoever waited gets what it asked for. New code of a module that is armed is armed again.
worked(Mod, Waiting, {prepared, {ok, Md5, Ms, Origin}}, #state{mods = Mods} = S0) ->
    #{Mod := #mod{md5 = Before} = M} = Mods,
    Lambdas = case Before of Md5 -> M#mod.lambdas; _ -> #{} end,
    S1 = S0#state{mods = Mods#{Mod := M#mod{md5 = Md5, ms = Ms, origin = Origin, lambdas = Lambdas}}},
    %% Code whose lines have moved has the same md5, and new code is not armed even when it is the same.
    IsNew = Before =/= Md5 orelse lists:keymember(code_changed, 2, Waiting),
    {Lost, S2} =
        case Before =/= none andalso IsNew of
            true -> rearm(Mod, S1);
            false -> {[], S1}
        end,
    lists:foldl(
        fun
            ({From, code_changed}, S) ->
                gen_server:reply(From, case Lost of [] -> ok; _ -> {lost, Lost} end),
                S;
            ({From, Operation}, S) ->
                {reply, Reply, Next} = reply(Operation, Mod, false, S),
                gen_server:reply(From, Reply),
                Next
        end,
        S2,
        Waiting
    );
worked(Mod, [{From, release} | Waiting], {released, {Outcome, Reply}}, #state{mods = Mods} = S) ->
    #{Mod := M} = Mods,
    Left =
        case Outcome of
            gone -> M#mod{md5 = none, once = #{}, lambdas = #{}, causes = []};
            kept -> M
        end,
    gen_server:reply(From, Reply),
    lists:foldl(
        fun({Next, Operation}, Acc) -> again(Mod, Operation, Next, Acc) end,
        S#state{mods = Mods#{Mod := Left}},
        Waiting
    );
worked(Mod, Waiting, {prepared, full}, S) ->
    {Ahead, Demand} = lists:partition(fun is_ahead/1, Waiting),
    lists:foreach(fun({From, _}) -> gen_server:reply(From, full) end, Ahead),
    lists:foldl(fun({From, Operation}, Acc) -> again(Mod, Operation, From, Acc) end, S, Demand);
worked(Mod, Waiting, Failure, S) ->
    Why =
        case Failure of
            {prepared, {error, Text}} -> Text;
            Crash -> text("preparing ~ts failed: ~0tP", [Mod, Crash, 20])
        end,
    lists:foreach(
        fun
            ({From, code_changed}) -> gen_server:reply(From, {lost, arms_of(Mod, S)});
            ({From, {enter, _}}) -> gen_server:reply(From, not_found);
            ({From, _}) -> gen_server:reply(From, {error, Why})
        end,
        Waiting
    ),
    case lists:keymember(code_changed, 2, Waiting) of
        true -> drop_arms(Mod, S);
        false -> S
    end.

%% What has waited for the end of a release, or of work for which there was no room.
again(Mod, Operation, From, S) ->
    Request =
        case Operation of
            code_changed -> {code_changed, Mod};
            _ -> {with, Mod, none, Operation}
        end,
    case handle_call(Request, From, S) of
        {reply, Reply, S1} ->
            gen_server:reply(From, Reply),
            S1;
        {noreply, S1} ->
            S1
    end.

arms_of(Mod, #state{arms = Arms}) ->
    [{FA, maps:keys(Owners)} || {{M, FA}, Owners} <- maps:to_list(Arms), M =:= Mod].

drop_arms(Mod, S) ->
    lists:foldl(
        fun({FA, Owners}, S1) -> lists:foldl(fun(Owner, S2) -> withdraw({Mod, FA}, Owner, S2) end, S1, Owners) end,
        S,
        arms_of(Mod, S)
    ).

%% New code is not armed, whatever the old was; the same code may still be. What is wanted is armed first and only the
%% rest disarmed then, so that no call passes meanwhile.
rearm(Mod, #state{arms = Arms, targets = Targets} = S0) ->
    Wanted = arms_of(Mod, S0),
    Others = #state{targets = Elsewhere} = S0#state{
        arms = maps:filter(fun({M, _}, _) -> M =/= Mod end, Arms),
        targets = maps:filter(fun({M, _, _}, _) -> M =/= Mod end, Targets)
    },
    {Lost, S1} = arm_again(Mod, Wanted, Others),
    Gone = maps:keys(Targets) -- (maps:keys(Elsewhere) ++ maps:keys(S1#state.targets)),
    S = lists:foldl(fun silence/2, seek_again(Mod, Wanted, S1), Gone),
    Lost =:= [] orelse [Pid ! {ecd, lost, Mod, Lost} || {Pid, _} <- ecd_state:all(subscriber), Pid =/= self()],
    ok = ecd_iserver:flush(),
    {Lost, S}.

arm_again(Mod, Wanted, S0) ->
    lists:foldl(
        fun({FA, Owners}, {LostSoFar, S2}) ->
            Results = lists:foldl(
                fun(Owner, {Failed, S3}) ->
                    case ask(Mod, FA, Owner, S3) of
                        {ok, S4} -> {Failed, S4};
                        {{error, _}, S4} -> {[Owner | Failed], S4}
                    end
                end,
                {[], S2},
                Owners
            ),
            case Results of
                {[], S5} -> {LostSoFar, S5};
                {Failed, S5} -> {[{FA, Failed} | LostSoFar], S5}
            end
        end,
        {[], S0},
        Wanted
    ).

%% The closures of the same code are armed again already, with rows whose lines may have moved.
seek_again(Mod, Wanted, #state{mods = Mods} = S) ->
    #{Mod := #mod{lambdas = Known}} = Mods,
    Again = [FA || {FA, _} <- Wanted, is_map_key(FA, Known)],
    lists:foldl(fun(FA, Acc) -> look_for_closures(Mod, FA, Acc) end, S, Again).

%% --- operations on a module whose rows are there ---

reply({ahead, Cause, _Threshold}, Mod, Cached, S) ->
    reply({prepare, Cause}, Mod, Cached, S);
reply({prepare, Cause}, Mod, Cached, S0) ->
    #state{mods = #{Mod := M}} = S = cause(Mod, Cause, S0),
    #mod{table = Table, md5 = Md5, ms = Ms, origin = Origin} = M,
    Info = #{ms => Ms, bytes => ecd_prepare:bytes(Table), cached => Cached, disk => Origin =:= disk, md5 => Md5},
    {reply, {ok, Info}, S};
reply({arm, FA, Owner}, Mod, _Cached, S) ->
    _ = [ecd_state:put({news, Mod}, true) || asks_for_more_than_entry(Owner)],
    {Result, S1} = ask(Mod, FA, Owner, S),
    {reply, Result, S1};
reply({enter, Pid}, Mod, _Cached, #state{mods = Mods} = S) ->
    #{Mod := #mod{open = Open, table = Table} = M} = Mods,
    map_size(Open) =:= 0 andalso ecd_prepare:open(Table, Mod, exported(Table)),
    ecd_state:open(Mod, all),
    {reply, Table, S#state{
        mods = Mods#{Mod := M#mod{open = Open#{Pid => true}}},
        stepping = (S#state.stepping)#{Pid => true}
    }};
reply(code_changed, _Mod, _Cached, S) ->
    {reply, ok, S}.

cause(Mod, Cause, #state{mods = Mods} = S) ->
    #{Mod := #mod{causes = Causes} = M} = Mods,
    case lists:member(Cause, Causes) of
        true -> S;
        false -> S#state{mods = Mods#{Mod := M#mod{causes = lists:sublist([Cause | Causes], 5)}}}
    end.

exported(Table) ->
    [FA || {FA, _, _, true} <- ecd_prepare:functions(Table)].

%% The processes that stepped through a module have gone on: calls of its exported functions run natively again.
leave(Pid, #state{stepping = Stepping} = S) when not is_map_key(Pid, Stepping) ->
    S;
leave(Pid, #state{mods = Mods, stepping = Stepping} = S) ->
    Left = maps:map(
        fun
            (Mod, #mod{open = Open} = M) when is_map_key(Pid, Open) ->
                Others = maps:remove(Pid, Open),
                map_size(Others) =:= 0 andalso close(Mod, M, S),
                M#mod{open = Others};
            (_Mod, M) ->
                M
        end,
        Mods
    ),
    S#state{mods = Left, stepping = maps:remove(Pid, Stepping)}.

close(Mod, #mod{table = Table, md5 = Md5}, #state{targets = Targets}) when Md5 =/= none ->
    ok = ecd_prepare:close(Table, Mod, [{F, A} || {F, A} <- exported(Table), not is_map_key({Mod, F, A}, Targets)]),
    ecd_iserver:flush();
close(_Mod, _M, _S) ->
    ok.

%% --- arming ---

ask(Mod, FA, Owner, #state{mods = Mods, arms = Arms} = S) ->
    #{Mod := #mod{table = Table}} = Mods,
    case Arms of
        #{{Mod, FA} := Owners} ->
            Known = lists:any(fun asks_for_more_than_entry/1, maps:keys(Owners)),
            Added = S#state{arms = Arms#{{Mod, FA} := Owners#{Owner => true}}},
            {ok, case Known of true -> Added; false -> seek(Mod, FA, Owner, Added) end};
        #{} ->
            {ok, Info} = ecd_prepare:info(Table),
            case armable(Mod, FA, Table, Info) of
                ok -> arm_new(Mod, FA, Owner, Info, S);
                {error, Why} -> {{error, Why}, S}
            end
    end.

armable(Mod, {F, A} = FA, Table, #{refused := Refused}) ->
    case {Refused, ets:member(Table, {Mod, F, A, true}) orelse ets:member(Table, {Mod, F, A, false})} of
        {#{FA := Why}, _} -> {error, Why};
        {_, true} -> ok;
        {_, false} -> {error, <<"there is no such function, or none of its lines can stop">>}
    end.

arm_new(Mod, FA, Owner, Info, #state{arms = Arms} = S0) ->
    {Armed, S1} = activate(Mod, FA, {Mod, FA}, S0),
    %% Where the compiler has put the function into its callers, these have to be interpreted for it to be seen.
    {AnyCaller, S2} =
        case Armed andalso not is_inlined(FA, Info) of
            true -> {true, S1};
            false -> activate_callers(Mod, FA, S1)
        end,
    case Armed orelse AnyCaller of
        true ->
            {ok, seek(Mod, FA, Owner, S2#state{arms = Arms#{{Mod, FA} => #{Owner => true}}})};
        false ->
            {{error, <<"the compiler has removed it, since nothing calls it">>}, S2}
    end.

is_inlined(_FA, #{inlined := all}) -> true;
is_inlined(FA, #{inlined := Inlined}) -> lists:member(FA, Inlined).

activate_callers(Mod, FA, #state{mods = Mods} = S0) ->
    #{Mod := #mod{table = Table}} = Mods,
    lists:foldl(
        fun(Caller, {Any, S}) ->
            {Armed, S1} = activate(Mod, Caller, {Mod, FA}, S),
            {Any orelse Armed, S1}
        end,
        {false, S0},
        ecd_prepare:callers(Table, Mod, [FA])
    ).

%% Row, answer and the metas' memory first; the native function last. From then on every process that calls it traps
%% and must find the row.
activate(Mod, {F, A} = FA, Asked, #state{targets = Targets, mods = Mods} = S) ->
    MFA = {Mod, F, A},
    case Targets of
        #{MFA := Requests} ->
            {true, S#state{targets = Targets#{MFA := Requests#{Asked => true}}}};
        #{} ->
            #{Mod := #mod{table = Table, once = Once} = M} = Mods,
            ok = ecd_prepare:open(Table, Mod, [FA]),
            ecd_state:open(Mod, [FA]),
            ecd_state:put({answered, Mod}, true),
            Private = not is_exported(FA, Table),
            Private andalso ecd_iserver:flush(),
            case ecd_guardian:arm(MFA) of
                true ->
                    Once1 = case Private of true -> Once#{FA => 0}; false -> Once end,
                    {true, S#state{
                        targets = Targets#{MFA => #{Asked => true}},
                        mods = Mods#{Mod := M#mod{once = Once1}}
                    }};
                false ->
                    {false, S}
            end
    end.

%% Closures that the function has made while it ran natively are functions of their own; finding them takes the
%% compiler.
seek(Mod, FA, Owner, S) ->
    case asks_for_more_than_entry(Owner) of
        true -> seek(Mod, FA, S);
        false -> S
    end.

asks_for_more_than_entry({entry, _}) -> false;
asks_for_more_than_entry(_) -> true.

seek(Mod, FA, #state{mods = Mods} = S) ->
    case Mods of
        #{Mod := #mod{lambdas = #{FA := Known}}} -> with_lambdas(Mod, Known, {Mod, FA}, S);
        #{} -> look_for_closures(Mod, FA, S)
    end.

look_for_closures(Mod, FA, #state{mods = Mods, bytecode = Source, seeking = Seeking} = S) ->
    #{Mod := #mod{table = Table, md5 = Md5}} = Mods,
    {ok, Clauses} = ecd_prepare:row(Table, Mod, FA),
    case ecd_lambdas:has_closures(Clauses) of
        true ->
            {Monitor, S1} = worker(fun() -> {sought, Md5, lambdas(Mod, Source(Mod), Table, FA)} end, S),
            S1#state{seeking = Seeking#{Monitor => {Mod, FA}}};
        false ->
            S
    end.

lambdas(Mod, {ok, Bytecode}, Table, FA) ->
    ecd_prepare:lambdas(Mod, Bytecode, Table, FA);
lambdas(_Mod, {error, _}, _Table, _FA) ->
    [].

with_lambdas(Mod, Lambdas, Asked, S) ->
    lists:foldl(fun(Lambda, Acc) -> element(2, activate(Mod, Lambda, Asked, Acc)) end, S, Lambdas).

sought({Mod, FA} = Asked, {sought, Md5, Rows}, #state{arms = Arms, mods = Mods} = S) ->
    case {Arms, Mods} of
        {#{Asked := _}, #{Mod := #mod{md5 = Md5, table = Table, lambdas = Known} = M}} ->
            ets:insert(Table, Rows),
            Lambdas = [{F, A} || {{_, F, A, _}, _} <- Rows],
            with_lambdas(Mod, Lambdas, Asked, S#state{mods = Mods#{Mod := M#mod{lambdas = Known#{FA => Lambdas}}}});
        _ ->
            S
    end;
sought({Mod, {F, A}}, Crash, S) ->
    logger:debug("closures of ~ts:~ts/~b stay native: ~0tP", [Mod, F, A, Crash, 20]),
    S.

is_exported(FA, Table) ->
    {ok, #{exported := Exported}} = ecd_prepare:info(Table),
    is_map_key(FA, Exported).

withdraw(Asked, Owner, #state{arms = Arms} = S) ->
    case Arms of
        #{Asked := #{Owner := _} = Owners} when map_size(Owners) > 1 ->
            S#state{arms = Arms#{Asked := maps:remove(Owner, Owners)}};
        #{Asked := #{Owner := _}} ->
            deactivate(Asked, S#state{arms = maps:remove(Asked, Arms)});
        #{} ->
            S
    end.

%% A meta that remembers what it has called would stay in it: a loop that calls itself leaves at its next pass.
deactivate(Asked, #state{targets = Targets} = S0) ->
    Mine = [MFA || {MFA, Requests} <- maps:to_list(Targets), is_map_key(Asked, Requests)],
    S = lists:foldl(
        fun(MFA, #state{targets = Ts} = Acc) ->
            #{MFA := Requests} = Ts,
            case maps:remove(Asked, Requests) of
                Others when map_size(Others) > 0 -> Acc#state{targets = Ts#{MFA := Others}};
                _ -> silence(MFA, Acc#state{targets = maps:remove(MFA, Ts)})
            end
        end,
        S0,
        Mine
    ),
    ok = ecd_iserver:flush(),
    S.

%% A native function that nobody wants any more.
silence({Mod, F, A} = MFA, #state{mods = Mods} = S) ->
    ok = ecd_guardian:disarm(MFA),
    #{Mod := #mod{table = Table, open = Open, once = Once} = M} = Mods,
    case Once of
        #{{F, A} := _} ->
            Now = erlang:monotonic_time(millisecond),
            S#state{mods = Mods#{Mod := M#mod{once = Once#{{F, A} := Now}}}};
        #{} ->
            map_size(Open) =:= 0 andalso ecd_prepare:close(Table, Mod, [{F, A}]),
            S
    end.

%% --- giving back ---

%% In a worker, since metas are asked; whoever wants the module meanwhile waits. Answers what holds it, if so.
release(Mod, From, #state{mods = Mods, work = Work} = S) ->
    case Mods of
        #{Mod := #mod{md5 = Md5, table = Table} = M} when Md5 =/= none ->
            case holding(Mod, M, S) of
                [] ->
                    {Monitor, S1} = worker(fun() -> {released, ecd_release:give_back(Mod, Table)} end, S),
                    S1#state{work = Work#{Monitor => {Mod, [{From, release}]}}};
                Why ->
                    gen_server:reply(From, {error, unicode:characters_to_binary(lists:join(", ", Why))}),
                    S
            end;
        #{} ->
            gen_server:reply(From, ok),
            S
    end.

%% Its rows are just being replaced or given back: what is opened in them now would be closed again.
is_at_work(Mod, #state{work = Work}) ->
    lists:any(fun({M, _}) -> M =:= Mod end, maps:values(Work)).

holding(Mod, #mod{open = Open, once = Once}, #state{work = Work} = S) ->
    Now = erlang:monotonic_time(millisecond),
    [io_lib:format("~ts/~b is armed", [F, A]) || {{F, A}, _} <- arms_of(Mod, S)] ++
        [io_lib:format("process ~p steps through it", [Pid]) || Pid <- maps:keys(Open)] ++
        [io_lib:format("~ts/~b was disarmed a moment ago", [F, A])
         || {{F, A}, At} <- maps:to_list(Once), Now - At < ?GRACE, arms_of(Mod, S) =:= []] ++
        ["somebody else prepares or releases it" || {M, _} <- maps:values(Work), M =:= Mod].

%% --- status ---

status_of(Mod, #mod{table = Table, ms = Ms, causes = Causes, open = Open}, S) ->
    Armed = arms_of(Mod, S),
    Owners = lists:usort(lists:append([Os || {_, Os} <- Armed])),
    #{
        module => Mod,
        state => case Armed =/= [] orelse map_size(Open) > 0 of true -> interpreted; false -> prepared end,
        functions => [text("~ts/~b", [F, A]) || {{F, A}, _} <- lists:sort(Armed)],
        owners => Owners,
        bytes => ecd_prepare:bytes(Table),
        prepareMs => Ms,
        causes => lists:reverse(Causes)
    }.

text(Format, Args) ->
    unicode:characters_to_binary(io_lib:format(Format, Args)).
