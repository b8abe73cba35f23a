%% Commands and events about prepared modules: prepare on request, release, and the news of what was prepared and why.
%% Prepares only; arms nothing.
-module(ecd_prepared).

-export([prepare/1, ahead/2, release/1, announce/3, reason/2]).

%% Modules of a mode that waits are prepared one after the other, at low priority, by one process.
-define(QUEUE, ecd_prepare_queue).
-define(EXCLUDED, <<"excluded by excludeModules">>).

-spec prepare(map()) -> map().
prepare(#{modules := Names, mode := Mode, reason := Cause}) ->
    Start = erlang:monotonic_time(microsecond),
    {Known, Unknown} = known(Names),
    Allowed = [{Name, Mod} || {Name, Mod} <- Known, not is_excluded(Mod)],
    Excluded = [#{module => Name, error => ?EXCLUDED} || {Name, Mod} <- Known, is_excluded(Mod)],
    Outcome =
        case Mode of
            <<"immediate">> -> now(Allowed, Cause);
            <<"queued">> -> later(Allowed, Cause, normal);
            <<"background">> -> later(Allowed, Cause, low)
        end,
    Failed = maps:get(failed, Outcome) ++ Unknown ++ Excluded,
    Outcome#{failed := Failed, ms => (erlang:monotonic_time(microsecond) - Start) / 1000}.

%% What nobody has asked for right now must not cost memory beyond the threshold: then it is `full`.
-spec ahead(binary(), binary()) -> {ok, ecd_engine:prepared()} | full | {error, binary()}.
ahead(Name, Cause) ->
    case known([Name]) of
        {[], [#{error := Why}]} ->
            {error, Why};
        {[{_, Mod}], []} ->
            case is_excluded(Mod) of
                true -> {error, ?EXCLUDED};
                false -> within_budget(Mod, Cause)
            end
    end.

%% Gives the rows of modules back, as far as no frame or closure needs them.
-spec release(map()) -> map().
release(#{modules := Names}) ->
    {Known, Unknown} = known(Names),
    Outcomes = [{Name, ecd_engine:release(Mod)} || {Name, Mod} <- Known],
    #{
        released => [Name || {Name, ok} <- Outcomes],
        failed => [#{module => Name, error => HeldBy} || {Name, {error, HeldBy}} <- Outcomes] ++ Unknown
    }.

%% Tells the adapter what a module cost. What was there already is news only for a request.
-spec announce(module(), map(), binary()) -> ok.
announce(Mod, #{ms := Ms, bytes := Bytes, cached := Cached} = Info, Cause) ->
    Disk = maps:get(disk, Info, false),
    ecd_wire:event(interpreted, #{
        module => ecd_modules:display(Mod), ms => Ms, bytes => Bytes, cached => Cached orelse Disk, disk => Disk,
        cause => Cause
    }).

%% Why a module cannot be prepared, for a person.
-spec reason(module(), term()) -> binary().
reason(Mod, Reason) ->
    unicode:characters_to_binary([ecd_modules:display(Mod), " cannot be interpreted: ", because(Reason)]).

because(not_found) -> "its beam file was not found";
because(changed_on_disk) -> "its beam file is not the version that is loaded";
because(Reason) when is_binary(Reason) -> Reason;
because(Reason) when is_atom(Reason) -> string:replace(atom_to_list(Reason), "_", " ", all);
because(Reason) -> io_lib:format("~0tP", [Reason, 20]).

known(Names) ->
    Found = [{Name, ecd_modules:from_name(Name)} || Name <- Names],
    {
        [{Name, Mod} || {Name, {ok, Mod}} <- Found],
        [#{module => Name, error => <<"there is no such module">>} || {Name, error} <- Found]
    }.

is_excluded(Mod) ->
    ecd_patterns:matches_any(ecd_config:get(excludeModules), ecd_modules:display(Mod)).

now(Modules, Cause) ->
    Outcomes = [{Name, one(Mod, Cause)} || {Name, Mod} <- Modules],
    #{
        prepared => [Name || {Name, ok} <- Outcomes],
        queued => [],
        failed => [#{module => Name, error => Reason} || {Name, {error, Reason}} <- Outcomes]
    }.

one(Mod, Cause) ->
    case announced(Mod, ecd_engine:prepare(Mod, Cause), Cause) of
        {ok, _} -> ok;
        {error, Reason} -> {error, Reason}
    end.

within_budget(Mod, Cause) ->
    announced(Mod, ecd_engine:prepare_ahead(Mod, Cause, ecd_config:get(memoryThreshold)), Cause).

announced(Mod, {ok, Info}, Cause) ->
    ok = announce(Mod, Info, Cause),
    {ok, Info};
announced(_Mod, full, _Cause) ->
    full;
announced(Mod, {error, Reason}, _Cause) ->
    {error, reason(Mod, Reason)}.

later(Modules, Cause, Priority) ->
    Mods = [Mod || {_, Mod} <- Modules],
    _ = [queue() ! {prepare, Mods, Cause, Priority} || Mods =/= []],
    #{prepared => [], queued => [Name || {Name, _} <- Modules], failed => []}.

%% Lives as long as the breakpoints do, so that nothing is left behind.
queue() ->
    case whereis(?QUEUE) of
        undefined ->
            Pid = spawn(fun() -> work(monitor(process, ecd_breakpoints)) end),
            try
                true = register(?QUEUE, Pid),
                Pid
            catch
                error:badarg ->
                    exit(Pid, kill),
                    queue()
            end;
        Pid ->
            Pid
    end.

work(Session) ->
    receive
        {prepare, Mods, Cause, Priority} ->
            _ = process_flag(priority, Priority),
            lists:foreach(fun(Mod) -> within_budget(Mod, Cause) end, Mods),
            work(Session);
        {'DOWN', Session, process, _, _} ->
            ok
    end.
