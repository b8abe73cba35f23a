%% The interpreter engine's server: knows the meta processes, keeps the stop points, tells subscribers what happens. It
%% must do no slow work and must not call Elixir; what the metas ask often they read from ecd_state (ecd_inside).
%%
%% It monitors the metas instead of linking to them: a meta whose link breaks ends, and the user's function would
%% return `{interpreter_terminated, Reason}`. So this process may die and no other notices.
-module(ecd_iserver).
-behaviour(gen_server).

-export([start/0, stop/0, subscribe/1, set_break/3, clear_break/2, flush/0, claim/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

-type condition() :: null | {module(), atom()}.
-type point() :: {module(), pos_integer()}.
-export_type([condition/0]).

-record(state, {
    %% Monitor of each meta, and whether it has asked for the stop points: from then on it is told of changes.
    metas = #{} :: #{pid() => {reference(), boolean()}},
    %% The users' processes that have metas, by the monitor of each.
    served = #{} :: #{reference() => {Meta :: pid(), pid()}},
    %% Why a user's process has ended, and where.
    ends = #{} :: #{Meta :: pid() => term()},
    exits = #{} :: #{Meta :: pid() => term()},
    subscribers = [] :: [pid()],
    breaks = #{} :: #{point() => list()}
}).

%% ms; it answers in microseconds, so only a machine that stands still takes long. Breakpoints end with a call that
%% fails.
-define(DEADLINE, 60000).
%% ms that a meta has to end after its process. One that native code has called in between forgets to (OTP 25 to 29).
-define(REAP, 500).

-spec start() -> {ok, pid()}.
start() ->
    ecd_server:start(?MODULE).

-spec stop() -> ok.
stop() ->
    ecd_server:stop(?MODULE, shutdown, ?DEADLINE).

-spec subscribe(pid()) -> ok.
subscribe(Pid) ->
    gen_server:call(?MODULE, {subscribe, Pid}, ?DEADLINE).

%% A stop point in interpreted code. The evaluator calls a condition in the meta process, with the bindings.
-spec set_break(module(), pos_integer(), condition()) -> ok.
set_break(Mod, Line, Condition) ->
    gen_server:call(?MODULE, {set_break, {Mod, Line}, [active, enable, null, Condition]}, ?DEADLINE).

-spec clear_break(module(), pos_integer()) -> ok.
clear_break(Mod, Line) ->
    gen_server:call(?MODULE, {clear_break, {Mod, Line}}, ?DEADLINE).

%% One evaluation at a time, and only while the meta waits for commands (ecd_inside frees it).
-spec claim(pid()) -> ok | busy.
claim(Meta) ->
    gen_server:call(?MODULE, {claim, Meta}, ?DEADLINE).

%% Makes every meta forget the few functions it remembers, before it handles anything that follows. A meta that has
%% called a private function from inside would not find it when it is called from outside;
%% one in a loop would stay in it when it is disarmed.
%% Naming a module that nobody runs is safe: the evaluator kills a process only for one that is on its stack.
-spec flush() -> ok.
flush() ->
    lists:foreach(fun({Meta, _}) -> Meta ! {int, {old_code, '$ecd'}} end, ecd_state:all(meta)).

-spec init([]) -> {ok, #state{}}.
init([]) ->
    process_flag(priority, high),
    Subscribers = [Pid || {Pid, _} <- ecd_state:all(subscriber)],
    lists:foreach(fun(Pid) -> monitor(process, Pid) end, Subscribers),
    First = #state{subscribers = Subscribers},
    {ok, lists:foldl(fun({Pid, Meta}, S) -> serve(Pid, Meta, true, S) end, First, ecd_state:all(pid))}.

-spec handle_call(term(), gen_server:from(), #state{}) -> {reply, term(), #state{}}.
handle_call({new_process, Pid, Meta, MFA}, _From, S) ->
    ecd_state:put({meta, Meta}, ecd_state:new_meta(Pid, MFA)),
    ecd_state:put({pid, Pid}, Meta),
    tell({ecd, new, Pid, Meta, MFA}, S),
    Status =
        case ecd_state:get({step, Pid}, off) of
            entry -> break;
            _ -> running
        end,
    {reply, Status, serve(Pid, Meta, false, S)};
handle_call({all_breaks, Meta}, _From, #state{metas = Metas, breaks = Breaks} = S) ->
    case {ecd_state:member({exempt, ecd_state:meta(Meta, pid)}), Metas} of
        {false, #{Meta := {Monitor, _}}} ->
            {reply, maps:to_list(Breaks), S#state{metas = Metas#{Meta := {Monitor, true}}}};
        _ ->
            {reply, [], S}
    end;
handle_call({set_break, Point, Options}, _From, #state{breaks = Breaks} = S) ->
    case Breaks of
        #{Point := Options} -> ok;
        #{Point := _} -> to_metas({break_options, {Point, Options}}, S);
        #{} -> to_metas({new_break, {Point, Options}}, S)
    end,
    {reply, ok, S#state{breaks = Breaks#{Point => Options}}};
handle_call({clear_break, Point}, _From, #state{breaks = Breaks} = S) ->
    is_map_key(Point, Breaks) andalso to_metas({delete_break, Point}, S),
    {reply, ok, S#state{breaks = maps:remove(Point, Breaks)}};
handle_call({claim, Meta}, _From, S) ->
    case ecd_state:meta(Meta, stopped) of
        true ->
            ecd_state:set_meta(Meta, stopped, evaluating),
            {reply, ok, S};
        _ ->
            {reply, busy, S}
    end;
handle_call({subscribe, Pid}, _From, #state{subscribers = Subscribers} = S) ->
    case lists:member(Pid, Subscribers) of
        true ->
            {reply, ok, S};
        false ->
            _ = monitor(process, Pid),
            %% Also where whoever takes this process's place finds it.
            ecd_state:put({subscriber, Pid}, true),
            {reply, ok, S#state{subscribers = [Pid | Subscribers]}}
    end.

-spec handle_cast(term(), #state{}) -> {noreply, #state{}}.
handle_cast({stopped, Pid, Meta, Mod, Line}, S) ->
    tell({ecd, stopped, Pid, Meta, Mod, Line}, S),
    {noreply, S};
handle_cast({moved, Move, Pid, _Meta}, S) ->
    tell({ecd, Move, Pid}, S),
    {noreply, S};
handle_cast({heavy, Pid, MFA, Bytes}, S) ->
    tell({ecd, heavy, Pid, MFA, Bytes}, S),
    {noreply, S};
handle_cast({entered, Mod, Facts}, S) ->
    tell({ecd, entered, Mod, Facts}, S),
    {noreply, S};
handle_cast({exit_info, Meta, ExitInfo}, #state{exits = Exits} = S) ->
    {noreply, S#state{exits = Exits#{Meta => ExitInfo}}}.

-spec handle_info(term(), #state{}) -> {noreply, #state{}}.
handle_info({'DOWN', Monitor, process, Process, Reason}, #state{metas = Metas, served = Served} = S) ->
    case {Metas, Served} of
        {#{Process := _}, _} ->
            {noreply, ended(Process, Reason, S)};
        {_, #{Monitor := {Meta, Process}}} ->
            _ = erlang:send_after(?REAP, self(), {reap, Meta}),
            {noreply, S#state{served = maps:remove(Monitor, Served), ends = (S#state.ends)#{Meta => Reason}}};
        _ ->
            ecd_state:delete({subscriber, Process}),
            {noreply, S#state{subscribers = lists:delete(Process, S#state.subscribers)}}
    end;
handle_info({reap, Meta}, #state{metas = Metas, ends = Ends} = S) ->
    case Metas of
        #{Meta := _} ->
            exit(Meta, kill),
            {noreply, S};
        #{} ->
            {noreply, S#state{ends = maps:remove(Meta, Ends)}}
    end;
handle_info(_Stray, S) ->
    {noreply, S}.

serve(Pid, Meta, Asked, #state{metas = Metas, served = Served} = S) ->
    S#state{
        metas = Metas#{Meta => {monitor(process, Meta), Asked}},
        served = Served#{monitor(process, Pid) => {Meta, Pid}}
    }.

%% The meta is gone, and so is its process, or will be heard of in a moment.
ended(Meta, Reason, #state{metas = Metas, exits = Exits, ends = Ends} = S) ->
    #{pid := Pid} = ecd_state:get({meta, Meta}, #{pid => undefined}),
    forget(Meta, Pid),
    tell({ecd, exit, Pid, maps:get(Meta, Ends, Reason), maps:get(Meta, Exits, {})}, S),
    S#state{
        metas = maps:remove(Meta, Metas),
        exits = maps:remove(Meta, Exits),
        ends = maps:remove(Meta, Ends)
    }.

forget(Meta, Pid) ->
    ecd_state:delete({meta, Meta}),
    ecd_state:delete({pid, Pid}),
    ecd_state:delete({watched, Pid}),
    ecd_state:delete({step, Pid}),
    ecd_state:let_go(Meta).

tell(Message, #state{subscribers = Subscribers}) ->
    lists:foreach(fun(Pid) -> Pid ! Message end, Subscribers).

to_metas(Message, #state{metas = Metas}) ->
    maps:foreach(
        fun
            (Meta, {_, true}) -> Meta ! {int, Message};
            (_, _) -> ok
        end,
        Metas
    ).
