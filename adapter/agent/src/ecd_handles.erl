%% The numbers that stand for frames, values and sources on the wire, until their owner resumes. Knows nothing of what
%% they stand for. Also reads stack traces deeper than the VM's default, which needs one process to do it.
-module(ecd_handles).
-behaviour(gen_server).

-export([start/0, stop/0, put/3, once/2, get/2, drop/2, cached/2, stacktrace/1, workers/0]).
-export([init/1, handle_call/3, handle_cast/2]).

-type kind() :: frame | value | source.
%% A handle lives until its owner's handles of that kind are dropped; those of `session` live on, the newest 2000.
-type owner() :: pid() | session.
-export_type([kind/0, owner/0]).

-define(HANDLES, ecd_handles).
-define(OWNERS, ecd_handle_owners).
-define(WORKERS, ecd_workers).
%% Of ecd_eval.
-define(EVALUATIONS, ecd_evaluations).
-define(CACHE, ecd_cache).
-define(CACHE_LIMIT, 200).
%% Of ecd_waiting.
-define(WAITS, ecd_waits).
-define(SESSION_LIMIT, 2000).
-define(DEPTH, 200).
%% The VM's own backtrace_depth; it cannot be read without being set. A shorter stack is complete.
-define(USUAL_DEPTH, 8).

-spec start() -> {ok, pid()}.
start() ->
    ecd_server:start(?MODULE).

-spec stop() -> ok.
stop() ->
    ecd_server:stop(?MODULE).

-spec put(kind(), owner(), term()) -> pos_integer().
put(Kind, Owner, Data) ->
    Id = ets:update_counter(?HANDLES, next, 1, {next, 0}),
    true = ets:insert(?HANDLES, {Id, Kind, Owner, Data}),
    true = ets:insert(?OWNERS, {{{Owner, Kind}, Id}}),
    trim(Owner, Kind, Id),
    Id.

%% The same number for the same data, for the whole session.
-spec once(kind(), term()) -> pos_integer().
once(Kind, Data) ->
    Key = {once, Kind, Data},
    case ets:lookup(?HANDLES, Key) of
        [{Key, Id}] ->
            Id;
        [] ->
            Id = ets:update_counter(?HANDLES, next, 1, {next, 0}),
            true = ets:insert(?HANDLES, {Id, Kind, session, Data}),
            case ets:insert_new(?HANDLES, {Key, Id}) of
                true -> Id;
                false -> ets:lookup_element(?HANDLES, Key, 2)
            end
    end.

-spec get(kind(), integer()) -> {ok, owner(), term()} | error.
get(Kind, Id) ->
    case ets:lookup(?HANDLES, Id) of
        [{Id, Kind, Owner, Data}] -> {ok, Owner, Data};
        _ -> error
    end.

-spec drop(kind(), owner()) -> ok.
drop(Kind, Owner) ->
    Key = {Owner, Kind},
    Ids = ets:select(?OWNERS, [{{{Key, '$1'}}, [], ['$1']}]),
    lists:foreach(fun(Id) -> forget(Key, Id) end, Ids).

%% What Fun computes, kept for the next who asks with the same key. The key names the version of what it depends on.
-spec cached(term(), fun(() -> Result)) -> Result.
cached(Key, Fun) ->
    case ets:lookup(?CACHE, Key) of
        [{Key, Result}] ->
            Result;
        [] ->
            Result = Fun(),
            ets:info(?CACHE, size) < ?CACHE_LIMIT orelse ets:delete_all_objects(?CACHE),
            true = ets:insert(?CACHE, {Key, Result}),
            Result
    end.

%% Complete as far as ?DEPTH frames; [] when the process is gone.
-spec stacktrace(pid()) -> [tuple()].
stacktrace(Pid) ->
    case process_info(Pid, current_stacktrace) of
        undefined ->
            [];
        {_, Stack} ->
            case length(Stack) < ?USUAL_DEPTH of
                true -> Stack;
                false -> gen_server:call(?MODULE, {stacktrace, Pid})
            end
    end.

%% The table of the agent's throw-away processes (ecd_worker).
-spec workers() -> atom().
workers() ->
    ?WORKERS.

trim(session, Kind, Id) when Id rem 100 =:= 0 ->
    Key = {session, Kind},
    Ids = ets:select(?OWNERS, [{{{Key, '$1'}}, [], ['$1']}]),
    Old = lists:sublist(Ids, max(0, length(Ids) - ?SESSION_LIMIT)),
    lists:foreach(fun(OldId) -> forget(Key, OldId) end, Old);
trim(_Owner, _Kind, _Id) ->
    ok.

forget(Key, Id) ->
    ets:delete(?HANDLES, Id),
    ets:delete(?OWNERS, {Key, Id}),
    ok.

-spec init([]) -> {ok, []}.
init([]) ->
    Options = [named_table, public, {write_concurrency, true}],
    ?HANDLES = ets:new(?HANDLES, [set | Options]),
    ?OWNERS = ets:new(?OWNERS, [ordered_set | Options]),
    ?EVALUATIONS = ets:new(?EVALUATIONS, [set | Options]),
    ?CACHE = ets:new(?CACHE, [set | Options]),
    ?WAITS = ets:new(?WAITS, [set | Options]),
    ?WORKERS = ets:new(?WORKERS, [set, {read_concurrency, true} | Options]),
    {ok, []}.

%% process_info/2 cuts a stack at the system's backtrace_depth, 8 unless somebody raised it. It is raised for the few
%% microseconds of the reading; only this process does so, and without a pause in between, so that it is always put
%% back. Whatever raises in that moment merely has a longer trace.
-spec handle_call({stacktrace, pid()}, gen_server:from(), []) -> {reply, [tuple()], []}.
handle_call({stacktrace, Pid}, _From, State) ->
    Depth = erlang:system_flag(backtrace_depth, ?DEPTH),
    Reply = process_info(Pid, current_stacktrace),
    _ = erlang:system_flag(backtrace_depth, Depth),
    case Reply of
        {_, Stack} -> {reply, Stack, State};
        undefined -> {reply, [], State}
    end.

-spec handle_cast(term(), []) -> {noreply, []}.
handle_cast(_Message, State) ->
    {noreply, State}.
