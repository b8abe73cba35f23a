%% The interpreter engine: functions of any module are interpreted when somebody has armed them or steps into them. Here
%% are its calls; ecd_arms keeps the books, ecd_iserver the metas. Must not render, map files or speak DAP.
-module(ecd_interpreter).
-behaviour(ecd_engine).

-export([start/1, stop/0, metrics/0, compiled/0, prepare/3, prepare_ahead/3]).
-export([lines/1, functions/1, is_of_one_file/1, clauses/2]).
-export([arm/3, disarm/3, disarm_all/1, armed/0, set_break/3, clear_break/2, step_mode/2, subscribe/1, exempt/1]).
-export([meta/1, place/1, claim/1]).
-export([code_changed/1, release/1, status/0]).

-define(TIMEOUT, 60000).
%% --- life ---

-spec start(ecd_engine:options()) -> {ok, [binary()]} | {error, binary()}.
start(Options) ->
    ecd_standin:install(Options, fun() ->
        {ok, Guardian} = ecd_guardian:start(),
        ecd_state:put(mode, running),
        ecd_state:put(stack, maps:get(stack, Options, no_tail)),
        {ok, Server} = ecd_iserver:start(),
        {ok, Engine} = ecd_arms:start(Guardian, maps:get(bytecode, Options)),
        ok = ecd_guardian:guard(Server),
        ok = ecd_guardian:guard(Engine),
        ok = ecd_guardian:inherit(Engine)
    end).

%% Disarm, resume, wait until everyone has left interpreted code, and only then take the server away.
-spec stop() -> [ecd_closures:held()].
stop() ->
    ecd_detach:run().

%% --- calls that need no server ---

-spec lines(module()) -> [{pos_integer(), [ecd_engine:function_key()]}].
lines(Mod) ->
    of_table(Mod, fun ecd_prepare:lines/1).

-spec functions(module()) -> [{ecd_engine:function_key(), integer(), integer(), boolean()}].
functions(Mod) ->
    of_table(Mod, fun ecd_prepare:functions/1).

-spec is_of_one_file(module()) -> boolean().
is_of_one_file(Mod) ->
    of_table(Mod, fun ecd_prepare:is_of_one_file/1) =:= true.

-spec clauses(module(), ecd_engine:function_key()) -> [ecd_rows:clause()].
clauses(Mod, FA) ->
    of_table(Mod, fun(Table) ->
        case ecd_prepare:row(Table, Mod, FA) of
            {ok, Clauses} -> Clauses;
            none -> []
        end
    end).

%% Of rows of the code that runs; the server is asked only where these are not there yet.
of_table(Mod, Read) ->
    Table = ecd_state:get({prepared, Mod}, none),
    Known = Table =/= none andalso ecd_prepare:info(Table),
    case ecd_arms:is_of_running_code(Mod, Known) orelse prepare(Mod, none, <<"to know its lines">>) of
        true -> Read(Table);
        {ok, _} -> Read(ecd_state:get({prepared, Mod}, none));
        {error, _} -> []
    end.

-spec set_break(module(), pos_integer(), ecd_iserver:condition()) -> ok.
set_break(Mod, Line, Condition) ->
    ecd_iserver:set_break(Mod, Line, Condition).

-spec clear_break(module(), pos_integer()) -> ok.
clear_break(Mod, Line) ->
    ecd_iserver:clear_break(Mod, Line).

-spec subscribe(pid()) -> ok.
subscribe(Pid) ->
    ecd_iserver:subscribe(Pid).

-spec exempt(pid()) -> ok.
exempt(Pid) ->
    gen_server:call(?MODULE, {exempt, Pid}, ?TIMEOUT).

-spec meta(pid()) -> {ok, pid()} | error.
meta(Pid) ->
    case ecd_state:get({pid, Pid}, none) of
        none -> error;
        Meta -> {ok, Meta}
    end.

-spec place(pid()) -> {ok, {module(), integer()}} | error.
place(Meta) ->
    case ecd_state:get({meta, Meta}, #{stop => none}) of
        #{stop := {_, _} = Place} -> {ok, Place};
        #{} -> error
    end.

-spec claim(pid()) -> ok | busy.
claim(Meta) ->
    ecd_iserver:claim(Meta).

%% --- calls to the server ---

-spec prepare(module(), none | binary(), binary()) -> {ok, ecd_engine:prepared()} | {error, binary()}.
prepare(Mod, Bytecode, Cause) ->
    gen_server:call(?MODULE, {with, Mod, Bytecode, {prepare, Cause}}, ?TIMEOUT).

-spec prepare_ahead(module(), binary(), non_neg_integer()) -> {ok, ecd_engine:prepared()} | full | {error, binary()}.
prepare_ahead(Mod, Cause, Threshold) ->
    gen_server:call(?MODULE, {with, Mod, none, {ahead, Cause, Threshold}}, ?TIMEOUT).

-spec arm(module(), ecd_engine:function_key(), ecd_engine:owner()) -> ok | {error, binary()}.
arm(Mod, FA, Owner) ->
    case ecd_deny:arm(Mod) of
        ok ->
            case erlang:module_loaded(Mod) orelse element(1, code:ensure_loaded(Mod)) =:= module of
                true -> gen_server:call(?MODULE, {with, Mod, none, {arm, FA, Owner}}, ?TIMEOUT);
                false -> {error, <<"there is no such module">>}
            end;
        {error, Why} ->
            {error, Why}
    end.

-spec disarm(module(), ecd_engine:function_key(), ecd_engine:owner()) -> ok.
disarm(Mod, FA, Owner) ->
    gen_server:call(?MODULE, {disarm, Mod, FA, Owner}, ?TIMEOUT).

-spec disarm_all(ecd_engine:owner()) -> ok.
disarm_all(Owner) ->
    gen_server:call(?MODULE, {disarm_all, Owner}, ?TIMEOUT).

-spec armed() -> [{module(), ecd_engine:function_key(), [ecd_engine:owner()]}].
armed() ->
    gen_server:call(?MODULE, armed, ?TIMEOUT).

%% Modules the process knows already are opened now; others when it calls them (ecd_inside).
-spec step_mode(pid(), ecd_engine:step_mode()) -> ok.
step_mode(Pid, off) ->
    ecd_state:delete({step, Pid}),
    gen_server:call(?MODULE, {leave, Pid}, ?TIMEOUT);
step_mode(Pid, Mode) ->
    ecd_state:put({step, Pid}, Mode),
    Held =
        case meta(Pid) of
            {ok, Meta} -> ecd_state:held(Meta);
            error -> []
        end,
    lists:foreach(
        fun(Mod) -> gen_server:call(?MODULE, {with, Mod, none, {enter, Pid}}, ?TIMEOUT) end,
        [Mod || Mod <- lists:usort(Held), ecd_inside:accepts(Mode, Mod)]
    ).

-spec code_changed(module()) -> ok | {lost, [{ecd_engine:function_key(), [ecd_engine:owner()]}]}.
code_changed(Mod) ->
    gen_server:call(?MODULE, {code_changed, Mod}, ?TIMEOUT).

-spec release(module()) -> ok | {error, binary()}.
release(Mod) ->
    gen_server:call(?MODULE, {release, Mod}, ?TIMEOUT).

-spec status() -> [map()].
status() ->
    gen_server:call(?MODULE, status, ?TIMEOUT).

%% Nothing is interpreted before somebody asks for it.
-spec compiled() -> ok.
compiled() ->
    ok.

-spec metrics() -> #{atom() => number()}.
metrics() ->
    Tables = [Table || {_, Table} <- ecd_state:all(prepared)],
    #{
        preparedModules => length(Tables),
        preparedBytes => lists:sum([ecd_prepare:bytes(Table) || Table <- Tables]),
        armedFunctions => length(ecd_guardian:armed()),
        metaProcesses => length(ecd_state:all(meta))
    }.
