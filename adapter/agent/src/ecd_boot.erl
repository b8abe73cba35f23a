%% How the agent comes into a BEAM: by `erl -s ecd_boot` or pushed in by the relay. Knows neither DAP nor files.
-module(ecd_boot).

-export([start/0, await/0, configured/0, go/1, start_attached/3]).

%% ms to reach the adapter, which listens before it starts us.
-define(CONNECT_TIMEOUT, 10000).
%% What every launch calls up to its breakpoints. What is missing here is loaded when it is called, which takes longer.
-define(FIRST, [
    ecd_wire, ecd_commands, ecd_session, ecd_config, ecd_failure, ecd_engine, ecd_interpreter, ecd_standin,
    ecd_evaluator, ecd_trace, ecd_rebuilt, ecd_disk, ecd_guardian, ecd_state, ecd_iserver, ecd_inside, ecd_arms,
    ecd_deny, ecd_closures, ecd_release, ecd_selftest, ecd_prepare, ecd_prepared, ecd_rows, ecd_once, ecd_quoted,
    ecd_fold, ecd_lines, ecd_lambdas, ecd_templates, ecd_modules, ecd_server, ecd_names, ecd_paths, ecd_file,
    ecd_beams, ecd_threads, ecd_control, ecd_step, ecd_handles, ecd_exceptions, ecd_raising, ecd_breakpoints,
    ecd_condition, ecd_snippet, ecd_targets, ecd_outline, ecd_locate, ecd_places,
    ecd_calls
]).

%% Called by init before Elixir starts. The token leaves the environment at once: child processes must not inherit it.
%% The rest happens while Elixir is loaded and starts: nobody has to wait for the sum.
-spec start() -> ok.
start() ->
    case take_environment() of
        {Port, Token} ->
            ok = ecd_code:load(folder(), ?FIRST),
            ok = code:ensure_modules_loaded([gen_tcp, inet_tcp]),
            true = register(?MODULE, spawn(fun() -> launch(Port, Token) end)),
            ecd_ahead:load();
        none ->
            ok
    end.

%% The launcher's first step. Returns when the adapter says go, so that breakpoints are known before any code of the
%% user's runs; at once in a VM that is not debugged.
-spec await() -> ok.
await() ->
    case whereis(?MODULE) of
        undefined ->
            ok;
        Gate ->
            Ref = monitor(process, Gate),
            Gate ! {await, self(), Ref},
            receive
                {Ref, go} -> true = demonitor(Ref, [flush]), ok;
                {'DOWN', Ref, process, Gate, _} -> ok
            end
    end.

%% What breakpoints do not need is loaded while the client sends these, all of it before any code of the user's runs:
%% later the code server may itself wait for a stopped process.
launch(Port, Token) ->
    {Wire, Ref} = spawn_monitor(fun() -> ecd_wire:connect(Port, Token, ?CONNECT_TIMEOUT) end),
    ok = expect(configured, Wire, Ref),
    {_, Loading} = spawn_monitor(fun load_all/0),
    ok = expect(go, Wire, Ref),
    true = demonitor(Ref, [flush]),
    receive {'DOWN', Loading, process, _, _} -> ok end,
    _ = spawn_opt(fun ecd_disk:tidy/0, [{priority, low}]),
    receive {await, Launcher, Waiting} -> Launcher ! {Waiting, go}, ok end.

expect(Message, Wire, Ref) ->
    receive
        Message ->
            ok;
        {'DOWN', Ref, process, Wire, Reason} ->
            io:format(standard_error, "debug agent: no connection to the debug adapter: ~tp~n", [Reason]),
            erlang:halt(70)
    end.

%% What the adapter has configured works. Nothing to do in a node that runs already.
-spec configured() -> ok.
configured() ->
    _ = [Gate ! configured || Gate <- [whereis(?MODULE)], is_pid(Gate)],
    ok.

%% The command: the client has sent its breakpoints.
-spec go(#{}) -> #{}.
go(#{}) ->
    ok = ecd_exceptions:settled(),
    _ = [Gate ! go || Gate <- [whereis(?MODULE)], is_pid(Gate)],
    #{}.

%% Called by the relay on an attached node. Frames travel as messages between Relay and the wire process returned; the
%% janitor returned with it ends when the agent's Modules are out of the node again.
-spec start_attached(pid(), binary(), [module()]) -> {pid(), pid()}.
start_attached(Relay, Token, Modules) ->
    Wire = spawn(fun() -> ecd_wire:relay(Relay, Token) end),
    {Wire, ecd_janitor:start(Wire, Modules)}.

%% From then on `binary_to_term(_, [safe])` knows the atoms of all commands.
load_all() ->
    _ = ecd_config:get(script) =:= nil andalso ecd_mix:prepare(),
    Beams = filelib:wildcard(filename:join(folder(), "ecd_*.beam")),
    code:ensure_modules_loaded([list_to_atom(filename:basename(Beam, ".beam")) || Beam <- Beams]).

folder() ->
    filename:dirname(code:which(?MODULE)).

take_environment() ->
    Port = take("ECD_PORT"),
    Token = take("ECD_TOKEN"),
    case take("ECD_ERL_AFLAGS") of
        false -> ok;
        "" -> os:unsetenv("ERL_AFLAGS");
        Flags -> os:putenv("ERL_AFLAGS", Flags)
    end,
    case {Port, Token} of
        {false, _} -> none;
        {_, false} -> none;
        _ -> {list_to_integer(Port), list_to_binary(Token)}
    end.

take(Name) ->
    Value = os:getenv(Name),
    _ = os:unsetenv(Name),
    Value.
