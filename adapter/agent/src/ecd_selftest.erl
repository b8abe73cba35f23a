%% The engine's proof at its start: a small module in memory is armed, stops, shows a variable and computes on. Leaves
%% nothing behind.
-module(ecd_selftest).

-export([run/0]).

%% Not an ecd_ module: those are never armed.
-define(SUBJECT, 'selftest-ecd').
%% ms; moments, unless the machine is very busy, and then whole modules must not be interpreted on top of it.
-define(DEADLINE, 60000).

-spec run() -> ok | {error, binary()}.
run() ->
    {Pid, Monitor} = spawn_monitor(fun() -> exit({tested, prove()}) end),
    receive
        {'DOWN', Monitor, process, Pid, {tested, Result}} -> Result;
        {'DOWN', Monitor, process, Pid, Crash} -> {error, iolist_to_binary(io_lib:format("~0tP", [Crash, 20]))}
    after ?DEADLINE ->
        exit(Pid, kill),
        {error, <<"its self-test did not end in time">>}
    end.

prove() ->
    {ok, Bytecode} = ecd_rebuilt:bytecode(term_to_binary(subject()), self_test, fun compiled/0),
    {module, ?SUBJECT} = code:load_binary(?SUBJECT, "self-test", Bytecode),
    try
        ok = ecd_iserver:subscribe(self()),
        {ok, _} = ecd_interpreter:prepare(?SUBJECT, Bytecode, <<"self-test">>),
        ok = ecd_interpreter:arm(?SUBJECT, {double, 1}, ?MODULE),
        ok = ecd_iserver:set_break(?SUBJECT, 3, null),
        {Caller, Monitor} = spawn_monitor(fun() -> exit({result, ?SUBJECT:double(21)}) end),
        stopped(Caller, Monitor)
    after
        ok = ecd_iserver:clear_break(?SUBJECT, 3),
        ok = ecd_interpreter:disarm_all(?MODULE),
        _ = ecd_interpreter:release(?SUBJECT),
        true = code:delete(?SUBJECT),
        _ = code:soft_purge(?SUBJECT)
    end.

stopped(Caller, Monitor) ->
    receive
        {ecd, stopped, Caller, Meta, ?SUBJECT, 3} ->
            Bindings = dbg_icmd:get(Meta, bindings, nostack),
            Meta ! {user, {cmd, continue}},
            receive
                {'DOWN', Monitor, process, Caller, {result, 42}} ->
                    case lists:keyfind('X', 1, Bindings) of
                        {'X', 21} -> ok;
                        _ -> {error, <<"its self-test did not see a variable">>}
                    end;
                {'DOWN', Monitor, process, Caller, Other} ->
                    {error, iolist_to_binary(io_lib:format("its self-test computed ~0tP", [Other, 20]))}
            end;
        {'DOWN', Monitor, process, Caller, _} ->
            {error, <<"its self-test did not stop">>}
    end.

compiled() ->
    {ok, ?SUBJECT, Bytecode} = compile:forms(subject(), [debug_info]),
    {ok, Bytecode}.

%% double(X) ->
%%     X * 2.
subject() ->
    [
        {attribute, 1, module, ?SUBJECT},
        {attribute, 1, export, [{double, 1}]},
        {function, 2, double, 1, [
            {clause, 2, [{var, 2, 'X'}], [], [{op, 3, '*', {var, 3, 'X'}, {integer, 3, 2}}]}
        ]}
    ].
