%% Stands in for the debugger application's server of this name, so that its evaluator talks to ecd_inside. No logic here.
%%
%% With it the interpreter engine needs neither the registered name nor the cluster-wide one of the stock server.
-module(dbg_iserver).

-export([find/0, call/1, call/2, cast/1, cast/2, safe_call/1, safe_cast/1, ensure_started/0, start/0, stop/0]).

-spec find() -> pid() | undefined.
find() -> whereis(ecd_iserver).

-spec call(term()) -> term().
call(Request) -> ecd_inside:call(Request).

-spec call(pid() | undefined, term()) -> term().
call(_Server, Request) -> ecd_inside:call(Request).

-spec cast(term()) -> ok.
cast(Request) -> ecd_inside:cast(Request).

-spec cast(pid() | undefined, term()) -> ok.
cast(_Server, Request) -> ecd_inside:cast(Request).

-spec safe_call(term()) -> term().
safe_call(Request) -> ecd_inside:call(Request).

-spec safe_cast(term()) -> ok.
safe_cast(Request) -> ecd_inside:cast(Request).

-spec ensure_started() -> {ok, pid() | undefined}.
ensure_started() -> {ok, find()}.

-spec start() -> {ok, pid() | undefined}.
start() -> {ok, find()}.

-spec stop() -> ok.
stop() -> ok.
