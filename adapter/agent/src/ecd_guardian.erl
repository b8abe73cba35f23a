%% Survives the engine's other processes: owns their shared tables and the rows, and undoes everything when one of them
%% or the adapter's connection dies. Must not do anything else, so that nothing makes it fail.
%%
%% A function stays armed when nobody is there to answer for it: the process that calls it spins or crashes. So what is
%% armed is written down here first, and disarmed from here whatever happens to the writer.
-module(ecd_guardian).
-behaviour(gen_server).

-export([start/0, stop/0, table/0, give_away/2, guard/1, inherit/1, unguard/1, watch/1]).
-export([arm/1, disarm/1, armed/0, end_all/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

-record(state, {
    tables = [] :: [ets:tid() | atom()],
    %% Inherits the tables if this process is killed: without them a trap would crash the process that trapped.
    heir = none :: pid() | none,
    engine = #{} :: #{reference() => pid()},
    adapters = #{} :: #{reference() => pid()}
}).

-define(ARMED, ecd_armed).
%% ms; it answers in microseconds, so only a machine that stands still takes long.
-define(DEADLINE, 60000).

-spec start() -> {ok, pid()}.
start() ->
    ecd_server:start(?MODULE).

-spec stop() -> ok.
stop() ->
    ecd_server:stop(?MODULE, normal, ?DEADLINE).

%% A table for the rows of a module.
-spec table() -> ets:tid().
table() ->
    gen_server:call(?MODULE, table, ?DEADLINE).

%% Tables that another process is to own.
-spec give_away([ets:tid()], pid()) -> ok.
give_away(Tables, To) ->
    gen_server:call(?MODULE, {give_away, Tables, To}, ?DEADLINE).

%% A process of the engine's: when it dies, debugging ends and the program runs on.
-spec guard(pid()) -> ok.
guard(Pid) ->
    gen_server:call(?MODULE, {guard, Pid}, ?DEADLINE).

%% Who owns the tables after this process.
-spec inherit(pid()) -> ok.
inherit(Pid) ->
    gen_server:call(?MODULE, {inherit, Pid}, ?DEADLINE).

%% Before the engine ends its processes itself.
-spec unguard(pid()) -> ok.
unguard(Pid) ->
    gen_server:call(?MODULE, {unguard, Pid}, ?DEADLINE).

%% The process that speaks for the adapter: when it dies, the engine is stopped in good order.
-spec watch(pid()) -> ok.
watch(Pid) ->
    gen_server:call(?MODULE, {watch, Pid}, ?DEADLINE).

%% Arms a function; false if there is no such function natively.
-spec arm(mfa()) -> boolean().
arm(MFA) ->
    true = ets:insert(?ARMED, {MFA}),
    case erts_debug:breakpoint(MFA, true) of
        1 ->
            true;
        0 ->
            true = ets:delete(?ARMED, MFA),
            false
    end.

-spec disarm(mfa()) -> ok.
disarm(MFA) ->
    _ = erts_debug:breakpoint(MFA, false),
    true = ets:delete(?ARMED, MFA),
    ok.

-spec armed() -> [mfa()].
armed() ->
    [MFA || {MFA} <- ets:tab2list(?ARMED)].

%% The end of debugging, whatever brings it about: nothing is armed, no meta stops any more, and those that have
%% stopped go on. Closures made in interpreted code, and calls on their way, still need a server that answers.
-spec end_all(term()) -> ok.
end_all(Reason) ->
    ecd_state:put(mode, remnant),
    lists:foreach(fun disarm/1, armed()),
    lists:foreach(fun({Pid, _}) -> ecd_state:delete({step, Pid}) end, ecd_state:all(step)),
    lists:foreach(
        fun({Meta, _}) ->
            Meta ! {int, no_break},
            Meta ! {int, detached},
            Meta ! {user, {cmd, continue}}
        end,
        ecd_state:all(meta)
    ),
    lists:foreach(fun({Pid, _}) -> Pid ! {ecd, engine_down, Reason} end, ecd_state:all(subscriber)).

-spec init([]) -> {ok, #state{}}.
init([]) ->
    process_flag(trap_exit, true),
    process_flag(priority, high),
    ok = ecd_state:create(),
    ?ARMED = ets:new(?ARMED, [named_table, public]),
    {ok, #state{tables = [?ARMED | ecd_state:tables()] ++ taken_over()}}.

%% What an earlier session has left for closures and frames; the rows' tables come as messages.
taken_over() ->
    Rows = case whereis(ecd_remnant) of undefined -> []; _ -> dbg_iserver:hand_over() end,
    lists:foreach(
        fun
            ({{pid, Pid}, Meta}) ->
                ecd_state:put({pid, Pid}, Meta),
                ecd_state:put({meta, Meta}, ecd_state:new_meta(Pid, none));
            ({{held, Meta}, Mods}) ->
                lists:foreach(fun(Mod) -> ecd_state:hold(Meta, Mod) end, Mods);
            ({{prepared, Mod}, _} = {Key, Table}) ->
                ecd_state:put({answered, Mod}, true),
                ecd_state:put(Key, Table);
            ({Key, Value}) ->
                ecd_state:put(Key, Value)
        end,
        Rows
    ),
    [Table || {{prepared, _}, Table} <- Rows].

-spec handle_call(term(), gen_server:from(), #state{}) -> {reply, term(), #state{}}.
handle_call(table, _From, #state{tables = Tables, heir = Heir} = S) ->
    Table = ets:new(ecd_rows, [ordered_set, public, {read_concurrency, true}]),
    bequeath(Table, Heir),
    {reply, Table, S#state{tables = [Table | Tables]}};
handle_call({give_away, Given, To}, _From, #state{tables = Tables} = S) ->
    lists:foreach(fun(Table) -> ets:give_away(Table, To, kept) end, Given),
    {reply, ok, S#state{tables = Tables -- Given}};
handle_call({inherit, Pid}, _From, #state{tables = Tables} = S) ->
    lists:foreach(fun(Table) -> bequeath(Table, Pid) end, Tables),
    {reply, ok, S#state{heir = Pid}};
handle_call({guard, Pid}, _From, #state{engine = Engine} = S) ->
    case lists:member(Pid, maps:values(Engine)) of
        true -> {reply, ok, S};
        false -> {reply, ok, S#state{engine = Engine#{monitor(process, Pid) => Pid}}}
    end;
handle_call({unguard, Pid}, _From, #state{engine = Engine} = S) ->
    Monitors = [Monitor || {Monitor, P} <- maps:to_list(Engine), P =:= Pid],
    lists:foreach(fun(Monitor) -> demonitor(Monitor, [flush]) end, Monitors),
    {reply, ok, S#state{engine = maps:without(Monitors, Engine)}};
handle_call({watch, Pid}, _From, #state{adapters = Adapters} = S) ->
    {reply, ok, S#state{adapters = Adapters#{monitor(process, Pid) => Pid}}}.

-spec handle_cast(term(), #state{}) -> {noreply, #state{}}.
handle_cast(_Stray, S) ->
    {noreply, S}.

-spec handle_info(term(), #state{}) -> {noreply, #state{}}.
handle_info({'DOWN', Monitor, process, _Pid, Reason}, #state{engine = Engine, adapters = Adapters} = S) ->
    case {Engine, Adapters} of
        {#{Monitor := _}, _} ->
            {noreply, rescue(Reason, S#state{engine = maps:remove(Monitor, Engine)})};
        {_, #{Monitor := _}} ->
            spawn(fun() -> ecd_engine:stop() end),
            {noreply, S#state{adapters = maps:remove(Monitor, Adapters)}};
        _ ->
            {noreply, S}
    end;
handle_info(_Stray, S) ->
    {noreply, S}.

rescue(Reason, #state{engine = Engine} = S) ->
    S1 =
        case whereis(ecd_iserver) of
            undefined ->
                {ok, Pid} = ecd_iserver:start(),
                S#state{engine = Engine#{monitor(process, Pid) => Pid}};
            _ ->
                S
        end,
    ok = end_all(Reason),
    S1.

bequeath(_Table, none) -> true;
bequeath(Table, Heir) -> ets:setopts(Table, {heir, Heir, inherited}).
