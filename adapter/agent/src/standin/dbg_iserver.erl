%% Stands in for the debugger application's server of this name, so that its evaluator talks to ecd_inside: then there
%% is no logic here, and the interpreter engine needs neither the registered name nor the cluster-wide one of the stock
%% server.
%%
%% When a session ends and closures made in interpreted code are still about, this module is all that stays of the
%% debugger, with a process that keeps what they need: rows of private functions, and who has which meta process. It
%% stops nothing, prepares nothing, and must call nothing but OTP. The next session takes over from it.
-module(dbg_iserver).

-export([find/0, call/1, call/2, cast/1, cast/2, safe_call/1, safe_cast/1, ensure_started/0, start/0, stop/0]).
-export([stay/1, hand_over/0, bytes/0]).

%% Name of the process and of its table, which has the keys of ecd_state: {pid, Pid}, {prepared, Mod}, {made, Mod},
%% {left, Mod}, stack.
-define(REMNANT, ecd_remnant).
%% ms
-define(DEADLINE, 5000).

%% The evaluator wants a process of this node, whatever it is.
-spec find() -> pid().
find() ->
    case [Pid || Name <- [ecd_iserver, ?REMNANT], Pid <- [whereis(Name)], is_pid(Pid)] of
        [Pid | _] -> Pid;
        [] -> self()
    end.

-spec call(term()) -> term().
call(Request) ->
    case whereis(?REMNANT) of
        undefined ->
            ecd_inside:call(Request);
        _ ->
            try
                answer(Request)
            catch
                %% The next session has just taken over.
                error:badarg -> ecd_inside:call(Request)
            end
    end.

-spec call(pid() | undefined, term()) -> term().
call(_Server, Request) -> call(Request).

-spec cast(term()) -> ok.
cast(Request) ->
    case whereis(?REMNANT) of
        undefined -> ecd_inside:cast(Request);
        _ -> ok
    end.

-spec cast(pid() | undefined, term()) -> ok.
cast(_Server, Request) -> cast(Request).

-spec safe_call(term()) -> term().
safe_call(Request) -> call(Request).

-spec safe_cast(term()) -> ok.
safe_cast(Request) -> cast(Request).

-spec ensure_started() -> {ok, pid()}.
ensure_started() -> {ok, find()}.

-spec start() -> {ok, pid()}.
start() -> {ok, find()}.

-spec stop() -> ok.
stop() -> ok.

%% --- what stays ---

%% From now on this module answers, with these rows; the tables among them are to be given to the process.
-spec stay([{term(), term()}]) -> pid().
stay(Rows) ->
    Caller = self(),
    {Pid, Monitor} = spawn_monitor(fun() -> begin_alone(Caller, Rows) end),
    receive
        {Pid, alone} -> true = demonitor(Monitor, [flush]), Pid;
        {'DOWN', Monitor, process, Pid, Reason} -> error(Reason)
    end.

%% To the calling process: the rows, and as messages that it can ignore, the tables. None if nobody is there any more.
-spec hand_over() -> [{term(), term()}].
hand_over() ->
    case whereis(?REMNANT) of
        undefined ->
            [];
        Pid ->
            Monitor = monitor(process, Pid),
            Pid ! {hand_over, self()},
            receive
                {'DOWN', Monitor, process, Pid, {handed_over, Rows}} -> Rows;
                {'DOWN', Monitor, process, Pid, _} -> []
            after ?DEADLINE ->
                error(timeout)
            end
    end.

%% What all this takes, without the evaluator, which is Erlang's.
-spec bytes() -> non_neg_integer().
bytes() ->
    case whereis(?REMNANT) of
        undefined ->
            0;
        Pid ->
            {memory, Memory} = process_info(Pid, memory),
            Tables = [?REMNANT | [Table || {{prepared, _}, Table} <- ets:tab2list(?REMNANT)]],
            Words = lists:sum([ets:info(Table, memory) || Table <- Tables]),
            Memory + Words * erlang:system_info(wordsize)
    end.

answer({get_meta, Pid}) ->
    case ets:lookup(?REMNANT, {pid, Pid}) of
        [{_, Meta}] -> {ok, Meta};
        [] -> {error, not_interpreted}
    end;
answer({new_process, Pid, Meta, _Function}) ->
    true = ets:insert(?REMNANT, {{pid, Pid}, Meta}),
    ?REMNANT ! {serves, Meta, Pid},
    running;
answer(all_breaks) ->
    [];
answer(get_stack_trace) ->
    ets:lookup_element(?REMNANT, stack, 2);
answer({get_module_db, Mod, _Pid}) ->
    case ets:lookup(?REMNANT, {prepared, Mod}) of
        [{_, Table}] -> Table;
        [] -> not_found
    end;
answer(_Other) ->
    {error, not_available}.

begin_alone(Caller, Rows) ->
    true = group_leader(whereis(init), self()),
    ?REMNANT = ets:new(?REMNANT, [named_table, public, {read_concurrency, true}]),
    true = ets:insert(?REMNANT, Rows),
    true = register(?REMNANT, self()),
    lists:foreach(fun({{pid, Pid}, Meta}) -> self() ! {serves, Meta, Pid}; (_) -> ok end, Rows),
    Caller ! {self(), alone},
    alone(#{}).

alone(Served) ->
    receive
        {serves, Meta, Pid} ->
            alone(Served#{monitor(process, Meta) => {{pid, Pid}, Meta}});
        {'DOWN', Monitor, process, _Meta, _Reason} ->
            {Row, Rest} = maps:take(Monitor, Served),
            true = ets:delete_object(?REMNANT, Row),
            alone(Rest);
        {hand_over, To} ->
            Rows = ets:tab2list(?REMNANT),
            lists:foreach(fun({{prepared, _}, Table}) -> ets:give_away(Table, To, kept); (_) -> true end, Rows),
            exit({handed_over, Rows});
        _Table ->
            alone(Served)
    end.
