%% The session as a whole: configure, status, metrics, and how it ends. Knows no breakpoint and no process itself.
-module(ecd_session).

-export([configure/1, set_memory_threshold/1, status/1, metrics/1, busy/1, leftovers/1, detach/1, terminate/1, lost/0]).

%% In the order they start; each start/0 is idempotent and returns ok. They end in reverse order on detach.
-define(PARTS, [ecd_modules, ecd_threads, ecd_control, ecd_breakpoints, ecd_exceptions]).

%% ConfigureArgs -> ConfigureResult (protocol/agent.ts).
-spec configure(map()) -> map().
configure(Args) ->
    lists:foreach(fun(Field) -> check_patterns(Field, Args) end, [
        {interpretPatterns, "debugInterpretModulesPatterns"}, {excludeModules, "excludeModules"},
        {stepFilters, "stepFilters"}
    ]),
    ok = ecd_config:set(Args),
    {Engine, Notices} =
        case ecd_config:get(noDebug) of
            true ->
                {interpreter, []};
            false ->
                {ok, Chosen, Said} = ecd_engine:start(),
                [ok = Part:start() || Part <- ?PARTS],
                %% Should the connection's process die without a word, the engine still ends in good order.
                Wires = [Wire || Chosen =:= interpreter, Wire <- [whereis(ecd_wire)], is_pid(Wire)],
                _ = [ok = ecd_guardian:watch(Wire) || Wire <- Wires],
                %% What is attached to runs already; a launched program is compiled first.
                _ = [spawn(fun ecd_dbg:compiled/0) || ecd_config:get(attach)],
                {Chosen, Said}
        end,
    ok = ecd_boot:configured(),
    #{engine => Engine, notices => Notices, elixir => elixir_version()}.

%% The user knows a field by its name in launch.json, and a pattern as it is written there.
check_patterns({Key, Field}, Args) ->
    lists:foreach(
        fun(Pattern) ->
            case ecd_patterns:check(Pattern) of
                ok ->
                    ok;
                {error, Reason} ->
                    [_, Written] = binary:split(Pattern, <<":">>),
                    ecd_failure:user(
                        <<"invalidPattern">>,
                        ["\"", Written, "\" in \"", Field, "\" is no regular expression: ", Reason, "."],
                        "Correct it in launch.json; a glob such as \"MyApp.*\" needs no special characters."
                    )
            end
        end,
        maps:get(Key, Args, [])
    ).

elixir_version() ->
    case application:load(elixir) of
        Loaded when Loaded =:= ok; Loaded =:= {error, {already_loaded, elixir}} ->
            {ok, Version} = application:get_key(elixir, vsn),
            list_to_binary(Version);
        {error, _} ->
            nil
    end.

%% Bytes of prepared rows to keep, from now on.
-spec set_memory_threshold(map()) -> map().
set_memory_threshold(#{bytes := Bytes}) ->
    ok = ecd_config:set((ecd_config:all())#{memoryThreshold => Bytes}),
    #{}.

%% What is prepared and armed, and why.
-spec status(map()) -> map().
status(#{}) ->
    #{
        engine => ecd_engine:name(),
        modules => [status_row(Row) || Row <- ecd_engine:status()],
        leftBehind => [ecd_modules:display(Module) || Module <- ecd_detach:left()]
    }.

status_row(#{module := Module, owners := Owners, causes := Causes} = Row) ->
    %% Which breakpoint says more than that it was one.
    Others = case lists:keymember(breakpoint, 1, Owners) of true -> Causes -- [<<"breakpoint">>]; false -> Causes end,
    Reasons = lists:usort([unicode:characters_to_binary(owner(Owner)) || Owner <- Owners] ++ Others),
    Shown = maps:with([state, functions, bytes, prepareMs], Row),
    Shown#{module => ecd_modules:display(Module), reason => iolist_to_binary(lists:join("; ", Reasons))}.

%% Who arms what: see the calls of ecd_engine:arm/3.
owner({breakpoint, Id}) -> ecd_breakpoints:describe(Id);
owner({step, Pid}) -> io_lib:format("a step of process ~p", [Pid]);
owner({entry, Part}) -> owner(Part);
owner({Part, _}) when is_atom(Part) -> owner(Part);
owner(Part) -> io_lib:format("~tp", [Part]).

%% Numbers of the agent: bytes, counts, and how busy the VM is.
-spec metrics(map()) -> map().
metrics(#{}) ->
    maps:merge(maps:merge(ecd_engine:metrics(), ecd_disk:metrics()), #{
        beamMemory => erlang:memory(total), beamProcesses => erlang:system_info(process_count), busy => busy(0)
    }).

%% Share of the schedulers that have work at this moment, apart from the process that asks, so many more of the agent's,
%% and those that write to disk for it. The VM's own account of utilisation must be switched on for the whole VM, which
%% the program could notice.
-spec busy(non_neg_integer()) -> float().
busy(More) ->
    Others = max(0, erlang:statistics(total_active_tasks) - 1 - More - ecd_disk:writing()),
    min(1.0, Others / erlang:system_info(schedulers_online)).

%% Disarms everything, resumes everyone, takes the agent out of the node. What closures still need stays, unless the
%% user wants it away all the same.
-spec detach(map()) -> map().
detach(#{force := Force}) ->
    Left = stop_parts(),
    Stays = #{bytes => ecd_detach:bytes()},
    _ = [ok = ecd_detach:remove() || Force],
    maps:merge(Stays, described(Left)).

stop_parts() ->
    [ok = Part:stop() || Part <- lists:reverse(?PARTS)],
    {ok, Left} = ecd_engine:stop(),
    Left.

%% What a detach would have to leave, for functions made while debugging.
-spec leftovers(map()) -> map().
leftovers(#{}) ->
    described(case ecd_engine:name() of interpreter -> ecd_detach:held(); _ -> [] end).

described(Held) ->
    #{
        left => [ecd_modules:display(Module) || {Module, _, _} <- Held],
        holders => lists:usort(lists:append([ecd_closures:describe(Holding) || Holding <- Held]))
    }.

%% Ends the program as `init:stop` does, and by force when that takes too long. Nothing stops any more, but what is
%% stopped stays so: the user who ends a program does not want the rest of it to run.
-spec terminate(map()) -> map().
terminate(#{timeout := Timeout}) ->
    _ = ecd_config:get(noDebug) orelse [ok = Part:stop() || Part <- [ecd_exceptions, ecd_breakpoints]],
    spawn(fun() -> timer:sleep(Timeout), erlang:halt(143, [{flush, false}]) end),
    init:stop(143),
    #{}.

%% The adapter is gone: nothing of a launched program may stay behind, an attached node goes on without us.
-spec lost() -> ok | no_return().
lost() ->
    case ecd_config:get(attach) of
        true -> _ = stop_parts(), ok;
        false -> erlang:halt(143, [{flush, false}])
    end.
