%% The facade of the debugging engine, and the choice of it. Knows modules, functions and lines; must not know files or
%% the adapter's protocol. One engine runs at a time; which one is a constant term, so that no call costs a message.
-module(ecd_engine).

-export([start/0, start/1, stop/0, remove/0, name/0, metrics/0, compiled/0]).
-export([prepare/2, prepare/3, prepare_ahead/3, lines/1, functions/1, is_of_one_file/1, clauses/2]).
-export([arm/3, disarm/3, disarm_all/1, armed/0]).
-export([set_break/3, clear_break/2, step_mode/2, subscribe/1, exempt/1, meta/1, place/1, claim/1]).
-export([code_changed/1, release/1, status/0]).

-type function_key() :: {atom(), arity()}.
-type owner() :: {entry, term()} | term().
-type step_mode() :: off | entry | all | {into, fun((module()) -> boolean())}.
%% cached: its rows were there already; disk: an earlier session had made them.
-type prepared() :: #{
    ms := number(), bytes := non_neg_integer(), cached := boolean(), disk => boolean(), md5 := binary()
}.
-type options() :: #{
    engine => binary(),
    stack => no_tail | all,
    bytecode => fun((module()) -> {ok, binary()} | {error, term()}),
    standin => binary()
}.
-export_type([function_key/0, owner/0, step_mode/0, prepared/0, options/0]).

-callback start(options()) -> {ok, [binary()]} | {error, binary()}.
-callback stop() -> [ecd_closures:held()].
-callback metrics() -> map().
-callback compiled() -> ok.
-callback prepare(module(), none | binary(), binary()) -> {ok, prepared()} | {error, binary()}.
-callback prepare_ahead(module(), binary(), non_neg_integer()) -> {ok, prepared()} | full | {error, binary()}.
-callback lines(module()) -> [{pos_integer(), [function_key()]}].
-callback functions(module()) -> [{function_key(), integer(), integer(), boolean()}].
-callback is_of_one_file(module()) -> boolean().
-callback clauses(module(), function_key()) -> [ecd_rows:clause()].
-callback arm(module(), function_key(), owner()) -> ok | {error, binary()}.
-callback disarm(module(), function_key(), owner()) -> ok.
-callback disarm_all(owner()) -> ok.
-callback armed() -> [{module(), function_key(), [owner()]}].
-callback set_break(module(), pos_integer(), ecd_iserver:condition()) -> ok.
-callback clear_break(module(), pos_integer()) -> ok.
-callback step_mode(pid(), step_mode()) -> ok.
-callback subscribe(pid()) -> ok.
-callback exempt(pid()) -> ok.
-callback meta(pid()) -> {ok, pid()} | error.
-callback place(pid()) -> {ok, {module(), integer()}} | error.
-callback claim(pid()) -> ok | busy.
-callback code_changed(module()) -> ok | {lost, [{function_key(), [owner()]}]}.
-callback release(module()) -> ok | {error, binary()}.
-callback status() -> [map()].

-define(KEY, {?MODULE, engine}).
-define(STOPPING, ecd_engine_stopping).

%% As the configuration says: `engine`, `stackTraceMode`.
-spec start() -> {ok, interpreter | traditional, [binary()]}.
start() ->
    start(#{
        engine => ecd_config:get(engine),
        stack => stack(ecd_config:get(stackTraceMode)),
        bytecode => fun ecd_modules:bytecode/1
    }).

%% `false` would take the place of callers from the user, and the evaluator's handling of it kills processes.
stack(<<"all">>) -> all;
stack(_) -> no_tail.

%% Takes the wished engine, or the stock interpreter with a notice where the wished one does not work here.
-spec start(options()) -> {ok, interpreter | traditional, [binary()]}.
start(#{engine := <<"traditional">>} = Options) ->
    {ok, Notices} = begin_engine(ecd_traditional, Options),
    {ok, traditional, Notices};
start(Options) ->
    case begin_engine(ecd_interpreter, Options) of
        {ok, Notices} ->
            {ok, interpreter, Notices};
        {error, Why} ->
            case begin_engine(ecd_traditional, Options) of
                {ok, Notices} ->
                    Notice = <<"The interpreter engine does not work here (", Why/binary,
                        "); whole modules are interpreted instead, which is slow.">>,
                    {ok, traditional, [Notice | Notices]};
                {error, Why} ->
                    ecd_failure:user(<<"engineMissing">>, Why);
                {error, Other} ->
                    ecd_failure:user(<<"engineMissing">>, [Why, "; ", Other])
            end
    end.

begin_engine(Engine, Options) ->
    case Engine:start(Options) of
        {ok, Notices} ->
            persistent_term:put(?KEY, Engine),
            {ok, Notices};
        {error, Why} ->
            {error, Why}
    end.

%% Disarms everything, resumes everyone. Modules whose closures or frames still need something are answered; for them
%% the stand-in stays, from which the engine takes over when it starts again.
-spec stop() -> {ok, [ecd_closures:held()]}.
stop() ->
    %% The adapter's end and a request to detach may come together: then both wait for the same end.
    {_, Monitor} = spawn_monitor(fun stop_once/0),
    receive
        {'DOWN', Monitor, process, _, {stopped, Left}} -> {ok, Left};
        {'DOWN', Monitor, process, _, Reason} -> ecd_failure:bug(io_lib:format("stopping failed: ~0tP", [Reason, 30]))
    end.

%% Takes away what stop/0 has left, on the user's word that no closure made while debugging is called any more.
-spec remove() -> ok.
remove() ->
    {ok, _} = stop(),
    ecd_detach:remove().

stop_once() ->
    try register(?STOPPING, self()) of
        true -> exit({stopped, stopped(persistent_term:get(?KEY, none))})
    catch
        error:badarg ->
            Monitor = monitor(process, ?STOPPING),
            receive
                {'DOWN', Monitor, process, _, {stopped, Left}} -> exit({stopped, Left});
                {'DOWN', Monitor, process, _, _} -> stop_once()
            end
    end.

stopped(none) ->
    [];
stopped(Engine) ->
    Left = Engine:stop(),
    persistent_term:erase(?KEY),
    Left.

-spec name() -> interpreter | traditional | none.
name() ->
    case persistent_term:get(?KEY, none) of
        ecd_interpreter -> interpreter;
        ecd_traditional -> traditional;
        none -> none
    end.

%% Counts and bytes.
-spec metrics() -> #{atom() => number()}.
metrics() -> (engine()):metrics().

%% The project is compiled and none of it runs yet: the traditional engine interprets what the configuration names.
-spec compiled() -> ok.
compiled() -> (engine()):compiled().

-spec prepare(module(), binary()) -> {ok, prepared()} | {error, binary()}.
prepare(Mod, Cause) -> (engine()):prepare(Mod, none, Cause).

%% With the bytecode at hand, as of a module that exists in memory only.
-spec prepare(module(), binary(), binary()) -> {ok, prepared()} | {error, binary()}.
prepare(Mod, Bytecode, Cause) -> (engine()):prepare(Mod, Bytecode, Cause).

%% What nobody has asked for yet: takes its place only while the bytes of all prepared modules are below Threshold.
-spec prepare_ahead(module(), binary(), non_neg_integer()) -> {ok, prepared()} | full | {error, binary()}.
prepare_ahead(Mod, Cause, Threshold) -> (engine()):prepare_ahead(Mod, Cause, Threshold).

%% Lines that can stop, sorted, with their functions. Empty if the module cannot be prepared; prepare/2 says why.
-spec lines(module()) -> [{pos_integer(), [function_key()]}].
lines(Mod) -> (engine()):lines(Mod).

%% {Function, line of its head, last line, exported}
-spec functions(module()) -> [{function_key(), integer(), integer(), boolean()}].
functions(Mod) -> (engine()):functions(Mod).

%% Whether it is known that no function comes from another file than the others.
-spec is_of_one_file(module()) -> boolean().
is_of_one_file(Mod) -> (engine()):is_of_one_file(Mod).

%% Transformed rows of a function, for scoping and for the calls of a line; empty if there are none.
-spec clauses(module(), function_key()) -> [ecd_rows:clause()].
clauses(Mod, FA) -> (engine()):clauses(Mod, FA).

%% From now on the function is interpreted when it is called. Counted by owner. An owner {entry, _} only wants to know
%% that the function is called: the closures that it has made stay native.
-spec arm(module(), function_key(), owner()) -> ok | {error, binary()}.
arm(Mod, FA, Owner) -> (engine()):arm(Mod, FA, Owner).

-spec disarm(module(), function_key(), owner()) -> ok.
disarm(Mod, FA, Owner) -> (engine()):disarm(Mod, FA, Owner).

-spec disarm_all(owner()) -> ok.
disarm_all(Owner) -> (engine()):disarm_all(Owner).

-spec armed() -> [{module(), function_key(), [owner()]}].
armed() -> (engine()):armed().

%% A stop point in interpreted code. `{M, F}` is called in the meta process with the bindings, `true` stops.
-spec set_break(module(), pos_integer(), ecd_iserver:condition()) -> ok.
set_break(Mod, Line, Condition) -> (engine()):set_break(Mod, Line, Condition).

-spec clear_break(module(), pos_integer()) -> ok.
clear_break(Mod, Line) -> (engine()):clear_break(Mod, Line).

%% Which modules the process may enter that nobody has armed; `entry`: it stops whenever it enters interpreted code.
-spec step_mode(pid(), step_mode()) -> ok.
step_mode(Pid, Mode) -> (engine()):step_mode(Pid, Mode).

%% {ecd, stopped, Pid, Meta, Mod, Line} | {ecd, running | idle | waiting, Pid} | {ecd, exit, Pid, Reason, ExitInfo} |
%% {ecd, new, Pid, Meta, {M, F, Arity}} | {ecd, lost, Mod, [{{F, A}, [Owner]}]} | {ecd, engine_down, Reason} |
%% {ecd, heavy, Pid, {M, F, Arity}, Bytes}: interpreting the function copies so much, told once.
%% {ecd, entered, Mod, #{ready, ms, bytes}}: interpretation got into a module, for the first time or by a step.
%% Moves are told of processes that have stopped or step, until they have left interpreted code.
-spec subscribe(pid()) -> ok.
subscribe(Pid) -> (engine()):subscribe(Pid).

%% A process of the debugger's own, which must never stop.
-spec exempt(pid()) -> ok.
exempt(Pid) -> (engine()):exempt(Pid).

%% The meta process of one that has been in interpreted code.
-spec meta(pid()) -> {ok, pid()} | error.
meta(Pid) -> (engine()):meta(Pid).

%% Where a meta has stopped last.
-spec place(pid()) -> {ok, {module(), integer()}} | error.
place(Meta) -> (engine()):place(Meta).

%% The right to let a stopped meta evaluate; it is free again when that has ended.
-spec claim(pid()) -> ok | busy.
claim(Meta) -> (engine()):claim(Meta).

%% After a module was loaded anew: prepares and arms again what its owners want, and answers what is gone.
-spec code_changed(module()) -> ok | {lost, [{function_key(), [owner()]}]}.
code_changed(Mod) -> (engine()):code_changed(Mod).

%% Gives the rows back, unless a process or closure holds them.
-spec release(module()) -> ok | {error, binary()}.
release(Mod) -> (engine()):release(Mod).

-spec status() -> [map()].
status() -> (engine()):status().

engine() ->
    persistent_term:get(?KEY).
