%% ExUnit's timeouts do not count the time in which something is stopped. Knows neither tests nor threads; changes
%% ExUnit before its first use and never touches a module that is already running.
%%
%% Every `receive ... after Timeout` of the two modules that enforce ExUnit's timeouts is made patient: when the
%% timeout fires, it waits as much longer as something was stopped meanwhile. Order, concurrency, and tests that hang
%% on their own stay as they are. The patient code calls nothing of the agent's, so that it works on without it.
-module(ecd_patience).

-export([prepare/0, await/0, exunit/0, stopped/1, stopped_ms/0, patient/1]).

-define(MODULES, ['Elixir.ExUnit.Runner', 'Elixir.ExUnit.OnExitHandler']).
-define(CLOCK, {?MODULE, clock}).
-define(DONE, {?MODULE, done}).

%% ms that the start of the tests waits for prepare/0 at most. Tests that have started cannot be made patient any more.
-define(DEADLINE, 60000).

%% At launch: makes ExUnit patient if tests are going to run. It takes about 0.1 s; Mix can start meanwhile.
-spec prepare() -> ok.
prepare() ->
    case {is_test_task(), is_test_script(ecd_config:get(script))} of
        {true, _} -> begin_aside();
        {false, true} -> report(exunit());
        {false, false} -> ok
    end.

begin_aside() ->
    Pid = spawn(fun() -> receive go -> report(exunit()) end end),
    true = register(?MODULE, Pid),
    Pid ! go,
    ok.

%% When a project has been compiled, before its tests start: waits until prepare/0 has done its work. A task that turns
%% out to run in the test environment (an alias of `test`) is prepared for here.
-spec await() -> ok.
await() ->
    Monitor = monitor(process, ?MODULE),
    receive
        {'DOWN', Monitor, process, _, _} -> ok
    after ?DEADLINE ->
        demonitor(Monitor, [flush])
    end,
    case is_test_environment() andalso not persistent_term:get(?DONE, false) of
        true -> report(exunit());
        false -> ok
    end.

is_test_environment() ->
    erlang:function_exported('Elixir.Mix', env, 0) andalso 'Elixir.Mix':env() =:= test.

%% `test`, or a task that is told to run it.
is_test_task() ->
    Words = [Word || Word <- [ecd_config:get(task) | ecd_config:get(taskArgs)], is_binary(Word)],
    lists:any(fun(Word) -> re:run(Word, <<"\\btest\\b">>) =/= nomatch end, Words).

is_test_script(nil) ->
    false;
is_test_script(Script) ->
    case file:read_file(Script) of
        {ok, Source} -> binary:match(Source, <<"ExUnit">>) =/= nomatch;
        {error, _} -> false
    end.

report(ok) ->
    ok;
report({error, Reasons}) ->
    Text = ["ExUnit's timeouts run on while something is stopped: ", lists:join("; ", Reasons), "."],
    ecd_wire:event(notice, #{level => <<"warning">>, text => unicode:characters_to_binary(Text)}).

%% Makes ExUnit patient. The reasons say why a module was left as it is.
-spec exunit() -> ok | {error, [binary()]}.
exunit() ->
    _ = clock(),
    persistent_term:put(?DONE, true),
    case [Reason || Module <- ?MODULES, {error, Reason} <- [replace(Module)]] of
        [] -> ok;
        Reasons -> {error, Reasons}
    end.

%% ecd_control says true when the first process stops and false when none is stopped any more.
-spec stopped(boolean()) -> ok.
stopped(Bool) ->
    Clock = clock(),
    case {Bool, atomics:get(Clock, 1)} of
        {true, V} when V band 1 =:= 0 -> atomics:put(Clock, 1, (V div 2 - now_ms()) * 2 + 1);
        {false, V} when V band 1 =:= 1 -> atomics:put(Clock, 1, (V bsr 1 + now_ms()) * 2);
        _ -> ok
    end.

%% How long something has been stopped so far, in all.
-spec stopped_ms() -> integer().
stopped_ms() ->
    stopped_ms(persistent_term:get(?CLOCK, none)).

stopped_ms(none) ->
    0;
stopped_ms(Clock) ->
    case atomics:get(Clock, 1) of
        V when V band 1 =:= 0 -> V div 2;
        V -> V bsr 1 + now_ms()
    end.

%% One cell, so that a reader never sees half of a change: even = 2 * (ms stopped so far), nothing is stopped now;
%% odd = 2 * (ms stopped before - start of the present stop) + 1.
clock() ->
    case persistent_term:get(?CLOCK, none) of
        none ->
            Clock = atomics:new(1, [{signed, true}]),
            persistent_term:put(?CLOCK, Clock),
            Clock;
        Clock ->
            Clock
    end.

now_ms() ->
    erlang:monotonic_time(millisecond).

replace(Module) ->
    Name = atom_to_binary(Module),
    case code:is_loaded(Module) =/= false andalso in_use(Module) of
        true ->
            {error, <<Name/binary, " is running already">>};
        false ->
            File = beam_file(Module),
            case patient_bytecode(file:read_file(File)) of
                {ok, Bytecode} -> load(Module, File, Bytecode);
                error -> {error, <<Name/binary, " has no debug information">>}
            end
    end.

%% Loading would leave the running copy as old code, which somebody else's next load could purge, killing its users.
in_use(Module) ->
    lists:any(fun(Pid) -> running_in(Pid, Module) end, processes()).

running_in(Pid, Module) ->
    case process_info(Pid, current_stacktrace) of
        {_, Stack} -> lists:keymember(Module, 1, Stack);
        undefined -> false
    end.

load(Module, File, Bytecode) ->
    case code:load_binary(Module, File, Bytecode) of
        {module, Module} -> ok;
        {error, Reason} -> {error, iolist_to_binary(io_lib:format("~ts: ~tp", [Module, Reason]))}
    end.

patient_bytecode({ok, Original}) ->
    ecd_rebuilt:bytecode(Original, patient, fun() ->
        case beam_lib:chunks(Original, [abstract_code]) of
            {ok, {_, [{abstract_code, {_, Forms}}]}} ->
                {ok, _, Bytecode} = compile:noenv_forms(patient(Forms), [binary]),
                {ok, Bytecode};
            _ ->
                error
        end
    end);
patient_bytecode({error, _}) ->
    error.

%% Mix puts ExUnit on the code path only when the test task starts; next to Elixir it lies from the beginning.
beam_file(Module) ->
    case code:which(Module) of
        Path when is_list(Path), Path =/= [] -> Path;
        _ -> filename:join([code:lib_dir(elixir), "..", "ex_unit", "ebin", atom_to_list(Module) ++ ".beam"])
    end.

%% The same forms with every receive that has a timeout made patient.
-spec patient([erl_parse:abstract_form()]) -> [erl_parse:abstract_form()].
patient(Forms) ->
    {Rest, Eof} = lists:splitwith(fun(Form) -> element(1, Form) =/= eof end, Forms),
    [case Form of
         {function, _, _, _, _} -> element(1, walk(Form, 0));
         _ -> Form
     end || Form <- Rest] ++ [stopped_ms_form()] ++ Eof.

walk({'receive', Anno, Clauses0, Timeout, Body0}, N0) ->
    {Clauses, N1} = walk(Clauses0, N0),
    {Body, N} = walk(Body0, N1),
    {wait(Anno, Clauses, Timeout, Body, integer_to_list(N)), N + 1};
walk(Tuple, N0) when is_tuple(Tuple) ->
    {List, N} = walk(tuple_to_list(Tuple), N0),
    {list_to_tuple(List), N};
walk([Head0 | Tail0], N0) ->
    {Head, N1} = walk(Head0, N0),
    {Tail, N} = walk(Tail0, N1),
    {[Head | Tail], N};
walk(Other, N) ->
    {Other, N}.

%% (fun Wait(Left, Seen) ->
%%      receive Clauses after Left ->
%%          case stopped_ms() of Seen -> Body; Now -> Wait(Now - Seen, Now) end
%%      end
%%  end)(Timeout, stopped_ms())
wait(Anno, Clauses, Timeout, Body, Suffix) ->
    [Wait, Left, Seen, Now] = [{var, Anno, list_to_atom("Ecd" ++ Name ++ Suffix)} || Name <- ["W", "L", "S", "N"]],
    StoppedMs = {call, Anno, {atom, Anno, ecd_stopped_ms}, []},
    Again = {call, Anno, Wait, [{op, Anno, '-', Now, Seen}, Now]},
    Decide = {'case', Anno, StoppedMs, [{clause, Anno, [Seen], [], Body}, {clause, Anno, [Now], [], [Again]}]},
    Receive = {'receive', Anno, Clauses, Left, [Decide]},
    Fun = {named_fun, Anno, element(3, Wait), [{clause, Anno, [Left, Seen], [], [Receive]}]},
    {call, Anno, Fun, [Timeout, StoppedMs]}.

stopped_ms_form() ->
    {ok, Tokens, _} = erl_scan:string(
        "ecd_stopped_ms() ->"
        "    case persistent_term:get({ecd_patience, clock}, none) of"
        "        none -> 0;"
        "        Clock ->"
        "            case atomics:get(Clock, 1) of"
        "                V when V band 1 =:= 0 -> V div 2;"
        "                V -> V bsr 1 + erlang:monotonic_time(millisecond)"
        "            end"
        "    end."
    ),
    {ok, Form} = erl_parse:parse_form(Tokens),
    Form.
