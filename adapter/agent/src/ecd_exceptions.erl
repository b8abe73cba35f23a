%% The exception filters: which exceptions stop a process where they are raised, and what is told of those that were not
%% caught. Must not stop anything itself: the evaluator asks its conditions, ecd_control does the rest.
-module(ecd_exceptions).
-behaviour(gen_server).

-export([start/0, stop/0, set_exception_breakpoints/1, exception_info/1]).
-export([settled/0, compiled/0, module_defined/1, is_wanted/0, wants/2, holds/5, stopped/1, drop/1]).
-export([post_mortem/3, flush/0]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).
-export(['$handle_undefined_function'/2]).

%% all, or the names of exceptions as people write them
-type names() :: all | [binary()].
-type filters() :: #{raised => names(), uncaught => names()}.

-record(state, {
    %% The process that looks for exceptions that are not loaded yet, or arms them, and who waits for that.
    search = none :: {looking | arming, pid()} | none,
    waiting = [] :: [gen_server:from()]
}).

-define(FILTERS, {?MODULE, filters}).
-define(RAISED, ecd_raised).
-define(OWNER, {entry, exceptions}).
-define(UTILS, 'Elixir.Kernel.Utils').
-define(HANDLER, ecd_post_mortem).
-define(DESCRIBE, 2000).
%% ms for crashes that happened to be told; usually moments, unless the machine is very busy.
-define(FLUSH, 5000).
%% Processes whose end was told, so that it is told once though a stop and two sources report it.
-define(TOLD, 1000).

-spec start() -> ok.
start() ->
    {ok, _} = ecd_server:start(?MODULE),
    ok.

-spec stop() -> ok.
stop() ->
    ecd_server:stop(?MODULE).

%% --- setting ---

-spec set_exception_breakpoints(map()) -> map().
set_exception_breakpoints(#{filters := Given}) ->
    Filters = maps:from_list([filter(F) || F <- Given]),
    ok = gen_server:call(?MODULE, {set, Filters}, infinity),
    #{filters => [answer(F) || F <- Given]}.

filter(#{filter := <<"raised">>} = F) -> {raised, names(F)};
filter(#{filter := <<"uncaught">>} = F) -> {uncaught, names(F)};
filter(#{filter := Other}) ->
    ecd_failure:user(<<"unknownFilter">>, ["There is no exception filter ", Other, "."],
                     "The filters are raised and uncaught.").

names(#{condition := Condition}) when is_binary(Condition) ->
    case re:split(Condition, "[,\\s]+", [trim]) of
        [<<>>] -> all;
        [] -> all;
        Names -> [plain(N) || N <- Names, N =/= <<>>]
    end;
names(_) ->
    all.

plain(<<"Elixir.", Name/binary>>) -> Name;
plain(<<"%", Rest/binary>>) -> plain(string:trim(Rest, trailing, "{}"));
plain(Name) -> Name.

%% An exception that nobody has loaded yet counts as soon as it is; only what cannot be a name is refused.
answer(F) ->
    case [N || Names <- [names(F)], is_list(Names), N <- Names, not is_name(N)] of
        [] -> #{verified => true};
        [Wrong | _] -> #{verified => false, message => <<Wrong/binary, " is not the name of an exception module.">>}
    end.

is_name(Name) ->
    re:run(Name, "^(:?[a-z]\\w*|[A-Z]\\w*(\\.[A-Z]\\w*)*)$", [{capture, none}]) =:= match.

%% Returns when every exception that could be found is armed; those that were loaded are when the filters are set.
-spec settled() -> ok.
settled() ->
    call_if_running(settled).

%% Once the project is compiled, and whenever a module comes into being in memory.
-spec compiled() -> ok.
compiled() ->
    call_if_running(compiled).

-spec module_defined(module()) -> ok.
module_defined(Mod) ->
    case filters() =/= #{} andalso is_exception(Mod) of
        true -> call_if_running({arm, Mod});
        false -> ok
    end.

call_if_running(Request) ->
    case whereis(?MODULE) of
        undefined -> ok;
        _ -> gen_server:call(?MODULE, Request, infinity)
    end.

%% Whether any filter is set.
-spec is_wanted() -> boolean().
is_wanted() ->
    filters() =/= #{}.

-spec filters() -> filters().
filters() ->
    persistent_term:get(?FILTERS, #{}).

%% --- arming: every exception's constructor, since that is where `raise` goes ---

-spec init([]) -> {ok, #state{}}.
init([]) ->
    process_flag(trap_exit, true),
    %% The evaluator asks it only if it is loaded.
    {module, ecd_raising} = code:ensure_loaded(ecd_raising),
    ?RAISED = ets:new(?RAISED, [named_table, public, set]),
    {ok, #state{}}.

-spec handle_call(term(), gen_server:from(), #state{}) -> {reply, ok, #state{}} | {noreply, #state{}}.
handle_call({set, Filters}, _From, S0) ->
    S = end_search(S0),
    persistent_term:put(?FILTERS, Filters),
    listen(is_map_key(uncaught, Filters)),
    case maps:size(Filters) of
        0 ->
            disarm(),
            {reply, ok, found(S)};
        _ ->
            %% What runs can raise these at once; the others have to be looked for and loaded.
            Loaded = [?UTILS | [Mod || Mod <- erlang:loaded(), is_exception(Mod)]],
            arm_all(Loaded),
            {reply, ok, search(Loaded, S)}
    end;
handle_call(settled, _From, #state{search = none} = S) ->
    {reply, ok, S};
handle_call(settled, From, #state{waiting = Waiting} = S) ->
    {noreply, S#state{waiting = [From | Waiting]}};
handle_call(compiled, From, S) ->
    case filters() =:= #{} of
        true -> {reply, ok, S};
        false -> handle_call(settled, From, search([], end_search(S)))
    end;
handle_call({arm, Mod}, _From, S) ->
    arm(Mod),
    {reply, ok, S}.

-spec handle_cast(term(), #state{}) -> {noreply, #state{}}.
handle_cast(_Message, S) ->
    {noreply, S}.

-spec handle_info(term(), #state{}) -> {noreply, #state{}}.
handle_info({'EXIT', Pid, {found, Mods}}, #state{search = {_, Pid}} = S) ->
    {noreply, S#state{search = {arming, spawn_link(fun() -> arm_next(Mods) end)}}};
handle_info({'EXIT', Pid, Reason}, #state{search = {_, Pid}} = S) ->
    Reason =:= normal orelse ecd_launch:notice(warning, io_lib:format("Not all exceptions stop: ~0tP", [Reason, 20])),
    {noreply, found(S#state{search = none})};
handle_info(_Stray, S) ->
    {noreply, S}.

-spec terminate(term(), #state{}) -> ok.
terminate(_Reason, S) ->
    _ = found(end_search(S)),
    disarm(),
    listen(false),
    _ = persistent_term:erase(?FILTERS),
    ok.

%% Aside, so that nobody who changes a filter in a running program waits for modules that it has not used yet.
search(Known, S) ->
    S#state{search = {looking, spawn_link(fun() -> exit({found, ecd_scan:exceptions() -- Known}) end)}}.

arm_next([]) ->
    ok;
arm_next(Mods) ->
    {Some, Later} = some(Mods),
    receive
        enough -> ok
    after 0 ->
        arm_some(Some),
        arm_next(Later)
    end.

arm_all([]) ->
    ok;
arm_all(Mods) ->
    {Some, Later} = some(Mods),
    arm_some(Some),
    arm_all(Later).

some(Mods) ->
    lists:split(min(2 * erlang:system_info(schedulers_online), length(Mods)), Mods).

%% Side by side, but few: whoever changes the filters again waits for these.
arm_some(Mods) ->
    Running = [spawn_monitor(fun() -> arm(Mod) end) || Mod <- Mods],
    Ends = [receive {'DOWN', Monitor, process, Pid, Reason} -> Reason end || {Pid, Monitor} <- Running],
    _ = [exit(Reason) || Reason <- Ends, Reason =/= normal],
    ok.

%% In the middle of arming it must not be killed: that would be armed after everything was disarmed.
end_search(#state{search = none} = S) ->
    S;
end_search(#state{search = {Phase, Pid}} = S) ->
    case Phase of
        looking -> exit(Pid, kill);
        arming -> Pid ! enough
    end,
    receive {'EXIT', Pid, _} -> S#state{search = none} end.

%% Whoever has waited for the modules that a search has found goes on.
found(#state{waiting = Waiting} = S) ->
    lists:foreach(fun(From) -> gen_server:reply(From, ok) end, Waiting),
    S#state{waiting = []}.

is_exception(Mod) ->
    erlang:function_exported(Mod, exception, 1) andalso erlang:function_exported(Mod, '__struct__', 0).

constructor(?UTILS) -> {raise, 1};
constructor(_Mod) -> {exception, 1}.

%% A module whose constructor cannot be armed raises without a stop; its crash is told all the same.
arm(Mod) ->
    case ecd_engine:arm(Mod, constructor(Mod), ?OWNER) of
        ok -> lists:foreach(fun(Line) -> ecd_engine:set_break(Mod, Line, {?MODULE, Mod}) end, entry_lines(Mod));
        {error, _} -> ok
    end.

entry_lines(Mod) ->
    ecd_calls:entry_lines(ecd_engine:clauses(Mod, constructor(Mod))).

disarm() ->
    Mods = [Mod || {Mod, _, Owners} <- ecd_engine:armed(), lists:member(?OWNER, Owners)],
    ok = ecd_engine:disarm_all(?OWNER),
    lists:foreach(fun(Mod) -> [ecd_engine:clear_break(Mod, L) || L <- entry_lines(Mod)] end, Mods).

%% --- the condition, in the evaluator of the process that makes an exception ---

-spec '$handle_undefined_function'(module(), [term()]) -> boolean().
'$handle_undefined_function'(Mod, [Bindings]) ->
    Pid = get(self),
    case get(user_eval) =:= [] andalso not ecd_worker:is(Pid) andalso is_made(Mod, Bindings) of
        {true, Exception} -> raised(Pid, Exception, site(Pid));
        false -> false
    end;
'$handle_undefined_function'(Name, Args) ->
    error_handler:raise_undef_exception(?MODULE, Name, Args).

%% `raise Mod` and `raise "text"` go through the exception's constructor next; `raise %Mod{}` ends here.
is_made(?UTILS, Bindings) ->
    case [S || {_, #{'__struct__' := S, '__exception__' := true}} <- Bindings] of
        [Struct | _] -> {true, Struct};
        [] -> false
    end;
%% exception("text") of an exception with a message calls exception(message: "text").
is_made(Mod, [{_, Text}]) when is_binary(Text) ->
    case delegates(Mod) of
        true -> false;
        false -> {true, Mod}
    end;
is_made(Mod, _Bindings) ->
    {true, Mod}.

delegates(Mod) ->
    Clauses = ecd_engine:clauses(Mod, {exception, 1}),
    length(Clauses) > 1 andalso
        lists:any(
            fun
                ({clause, _, _, [_ | _], [{local_call, _, exception, [_], _}]}) -> true;
                ({clause, _, _, [_ | _], [{call_remote, _, M, exception, [_], _}]}) -> M =:= Mod;
                (_) -> false
            end,
            Clauses
        ).

%% Made in order to be raised, or only made?
raised(_Pid, _Exception, none) ->
    false;
raised(Pid, Exception, {Kind, Site}) ->
    Filters = filters(),
    Always = Kind =:= raise andalso is_named(maps:get(raised, Filters, []), Exception) andalso is_of_user(Pid),
    case Always orelse (is_named(maps:get(uncaught, Filters, []), Exception) andalso not ecd_catchers:is_caught(Pid)) of
        true ->
            ets:insert(?RAISED, {Pid, new, #{exception => Exception, mode => mode(Always), site => Site}});
        false ->
            false
    end.

mode(true) -> always;
mode(false) -> unhandled.

%% Whether a filter names what interpreted code raises without making an exception (ecd_raising).
-spec wants(error | throw | exit, term()) -> boolean().
wants(Class, Reason) ->
    Exception = raised_name(Class, Reason),
    lists:any(fun(Names) -> is_named(Names, Exception) end, maps:values(filters())).

%% Whether that holds the process; Below is the evaluator's stack under the place. In the evaluator.
%% Stack: the call that failed, with what the VM says of its arguments.
-spec holds(pid(), error | throw | exit, {Reason :: term(), Stack :: [tuple()]},
            {module(), atom(), arity(), integer()}, [tuple()]) -> boolean().
holds(Pid, Class, {Reason, Stack}, {M, F, A, Line}, Below) ->
    Filters = filters(),
    Exception = raised_name(Class, Reason),
    Entries = [{here, 0, {M, F, lists:duplicate(A, nil)}, Line} | Below],
    Wanted =
        not ecd_worker:is(Pid) andalso
            (not ecd_config:get(justMyCode) orelse lists:any(fun ecd_catchers:is_own_entry/1, Entries)),
    Always = Wanted andalso is_named(maps:get(raised, Filters, []), Exception),
    Lost =
        Wanted andalso is_named(maps:get(uncaught, Filters, []), Exception) andalso
            not ecd_catchers:is_caught(Pid, Entries),
    Raised = #{exception => Exception, mode => mode(Always), cause => {Class, Reason, Stack}},
    (Always orelse Lost) andalso ets:insert(?RAISED, {Pid, new, Raised}).

raised_name(error, Reason) -> ecd_crash:name(Reason);
raised_name(Class, _Reason) -> Class.

%% With justMyCode, what others raise and rescue among themselves is not for the user.
is_of_user(Pid) ->
    not ecd_config:get(justMyCode) orelse
        lists:any(fun({M, _, _, _}) -> ecd_modules:own(M) end, ecd_handles:stacktrace(Pid)) orelse
        lists:any(fun(Entry) -> ecd_catchers:is_own_entry(Entry) end, get(dbg_istk)).

is_named(all, _Exception) -> true;
is_named(Names, Exception) -> lists:member(ecd_modules:display(Exception), Names).

%% The caller is the innermost interpreted frame or the native one below the evaluator; the source tells which raises.
site(Pid) ->
    Native = [{M, F, A, proplists:get_value(line, Info, 0)} || {M, F, A, Info} <- first(ecd_step:native_frames(Pid))],
    Interpreted = [{M, F, length(As), abs(element(4, E))} || E <- first(get(dbg_istk)), {M, F, As} <- [element(3, E)]],
    Sites = [{Kind, Site} || Site <- Interpreted ++ Native, Kind <- [raises(Site)], Kind =/= none],
    case Sites of
        [First | _] -> First;
        [] -> none
    end.

first([Head | _]) -> [Head];
first([]) -> [].

raises({M, F, A, Line}) when is_integer(A), is_atom(M), is_atom(F) ->
    ecd_calls:raises_on(ecd_engine:clauses(M, ecd_calls:host({F, A})), Line);
raises(_) ->
    none.

%% --- what ecd_control asks ---

%% Why the process has stopped, once for each stop, and where it raises: it stands in the exception's constructor.
%% Without a place it stands where it raises.
-spec stopped(pid()) -> {ok, Description :: binary(), Site :: {module(), atom(), arity(), integer()} | here} | none.
stopped(Pid) ->
    case ets:lookup(?RAISED, Pid) of
        [{_, new, #{exception := Exception, mode := Mode} = Raised}] ->
            true = ets:insert(?RAISED, [{Pid, shown, Raised}, {{told, Pid}, Exception}]),
            Name = exception_name(Exception),
            {ok, <<Name/binary, (description(Mode))/binary>>, maps:get(site, Raised, here)};
        _ ->
            none
    end.

exception_name(throw) -> <<"A throw">>;
exception_name(exit) -> <<"An exit">>;
exception_name(Exception) -> ecd_modules:display(Exception).

description(always) -> <<" is raised">>;
description(unhandled) -> <<" is raised and nothing will rescue it">>.

%% The process has gone on.
-spec drop(pid()) -> ok.
drop(Pid) ->
    %% The session's end takes this part away before the processes that are still stopped are resumed.
    true = ets:whereis(?RAISED) =:= undefined orelse ets:match_delete(?RAISED, {Pid, shown, '_'}),
    ok.

-spec exception_info(map()) -> map().
exception_info(#{thread := Thread}) ->
    Pid = ecd_threads:existing(Thread),
    case {ets:lookup(?RAISED, Pid), ecd_control:stop_info(Pid)} of
        {[{_, shown, Raised}], {stopped, Stop}} -> info(Thread, Raised, Stop);
        _ -> no_exception()
    end.

-spec no_exception() -> no_return().
no_exception() ->
    ecd_failure:expected(<<"noException">>, "This process is not stopped at an exception.").

info(Thread, #{exception := Exception, mode := Mode} = Raised, #{meta := Meta}) ->
    Name = exception_name(Exception),
    #{
        exceptionId => Name,
        typeName => Name,
        breakMode => Mode,
        description => message(Raised, Meta),
        stackTrace => stack_text(Thread)
    }.

%% The exception does not exist yet; it is made a second time, aside.
message(#{cause := {error, Reason, Stack}}, _Meta) ->
    %% The name stands beside it already.
    described(fun() -> 'Elixir.Exception':message('Elixir.Exception':normalize(error, Reason, Stack)) end);
message(#{cause := {Class, Reason, Stack}}, _Meta) ->
    described(fun() -> 'Elixir.Exception':format_banner(Class, Reason, Stack) end);
message(_Raised, Meta) ->
    case ecd_meta:frames(Meta) of
        [#{module := Mod, args := [Arg]} | _] ->
            described(fun() ->
                Exception = case Mod of ?UTILS -> Arg; _ -> Mod:exception(Arg) end,
                'Elixir.Exception':message(Exception)
            end);
        _ ->
            <<"(the exception has no message yet)">>
    end.

described(Describe) ->
    case ecd_worker:run(Describe, ?DESCRIBE) of
        {ok, Text} when is_binary(Text) -> Text;
        _ -> <<"(the exception has no message yet)">>
    end.

stack_text(Thread) ->
    #{frames := Frames} = ecd_frames:stack_trace(#{thread => Thread, start => 0, levels => 0}),
    iolist_to_binary([frame_text(F) || F <- Frames]).

%% A line of a file that is not there tells nobody anything.
frame_text(#{name := Name, path := nil}) ->
    ["    ", Name, "\n"];
frame_text(#{name := Name, line := Line, path := Path}) ->
    ["    ", Name, " (", Path, ":", integer_to_list(Line), ")\n"].

%% --- post-mortem: what nobody could stop before it happened ---

%% The evaluator saw a process die; ExitInfo is where its interpreted code was, with bindings.
-spec post_mortem(pid(), term(), term()) -> ok.
post_mortem(Pid, Reason, ExitInfo) ->
    case filters() of
        #{uncaught := Names} ->
            case ecd_crash:of_reason(Reason) of
                {Exception, Stack} ->
                    Name = ecd_crash:name(Exception),
                    is_named(Names, Name) andalso is_news(Pid, Name) andalso
                        ecd_wire:event(output, ecd_crash:report(Pid, Exception, Stack, ExitInfo)),
                    ok;
                none ->
                    ok
            end;
        _ ->
            ok
    end.

%% The VM is about to end: crashes so far have been told when this returns, as far as that is a matter of moments.
-spec flush() -> ok.
flush() ->
    case filters() of
        #{uncaught := _} ->
            _ = ecd_worker:run(fun flushed/0, ?FLUSH),
            ok;
        _ ->
            ok
    end.

%% A thread of the VM sends what the VM notices, one after the other, to the process that runs the handlers; the answer
%% of trace_delivered/1 goes through that thread, too (erl_trace.c). Evaluators tell the engine's server how their
%% process ended, and that tells ecd_control.
flushed() ->
    Delivered = erlang:trace_delivered(all),
    receive {trace_delivered, all, Delivered} -> ok end,
    _ = sys:get_state(erlang:system_info(system_logger), ?FLUSH),
    Ended = [{Meta, monitor(process, Meta)} || {Pid, Meta} <- ecd_state:all(pid), not is_process_alive(Pid)],
    lists:foreach(fun({Meta, Monitor}) -> receive {'DOWN', Monitor, process, Meta, _} -> ok end end, Ended),
    _ = sys:get_state(ecd_iserver, ?FLUSH),
    sys:get_state(ecd_control, ?FLUSH).

%% Not the exception at which the process has stopped before it died of it.
is_news(Pid, Name) ->
    ets:info(?RAISED, size) > ?TOLD andalso ets:match_delete(?RAISED, {{told, '_'}, '_'}),
    case ets:lookup(?RAISED, {told, Pid}) of
        [{_, Told}] when Told =:= Name; Told =:= death -> false;
        _ -> ets:insert(?RAISED, {{told, Pid}, death})
    end.

%% Crashes of processes that ran natively reach the logger, with their stack.
listen(true) ->
    case logger:add_handler(?HANDLER, ecd_crash, #{level => error}) of
        ok -> ok;
        {error, {already_exist, _}} -> ok
    end;
listen(false) ->
    case logger:remove_handler(?HANDLER) of
        ok -> ok;
        {error, {not_found, _}} -> ok
    end.
