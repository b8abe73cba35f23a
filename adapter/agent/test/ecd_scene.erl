%% The stage of the engine's tests: fixtures compiled in memory, an engine, and a process whose stops are noted. Tests
%% nothing itself.
-module(ecd_scene).

-export([with/2, with/3, start/1, compile/1, bytecode/1, stops/1, run/2, line/2, wait/1, stopped/1, module/1]).

-define(DEADLINE, 60000).

%% Runs Fun between start and stop of the interpreter engine, with the modules of the fixtures loaded.
-spec with([string()], fun(() -> Result)) -> Result.
with(Fixtures, Fun) ->
    with(Fixtures, #{}, Fun).

-spec with([string()], map(), fun(() -> Result)) -> Result.
with(Fixtures, Options, Fun) ->
    ok = ecd_fixture:elixir(),
    lists:foreach(fun compile/1, Fixtures),
    ok = start(Options),
    try
        Fun()
    after
        {ok, _} = ecd_engine:stop(),
        force_out(),
        flush()
    end.

%% Starts the wished engine, and listens to it.
-spec start(map()) -> ok.
start(Options) ->
    Wished = maps:merge((standin())#{engine => <<"interpreter">>, bytecode => fun bytecode/1}, Options),
    Engine = binary_to_atom(maps:get(engine, Wished)),
    {ok, Engine, _} = ecd_engine:start(Wished),
    ecd_engine:subscribe(self()).

%% Where the runner has put the stand-in server's code.
standin() ->
    case init:get_argument(ecd_standin) of
        {ok, [[Dir]]} ->
            {ok, Bytecode} = file:read_file(filename:join(Dir, "dbg_iserver.beam")),
            #{standin => Bytecode};
        error ->
            #{}
    end.

%% Closures of a fixture may keep the small server, and tests leave processes behind; the next test wants a fresh one.
force_out() ->
    case ets:whereis(ecd_state) of
        undefined -> ok;
        _ -> [exit(Pid, kill) || {Pid, _} <- ecd_state:all(pid), Pid =/= self()]
    end,
    ecd_engine:remove().

flush() ->
    receive
        _ -> flush()
    after 0 -> ok
    end.

%% Loads the modules of a fixture, each with its debug information kept at hand.
-spec compile(string()) -> [module()].
compile(Name) ->
    File = filename:join([filename:dirname(proplists:get_value(source, module_info(compile))), "fixtures", Name]),
    {Mods, Lines} =
        case filename:extension(Name) of
            ".ex" ->
                _ = 'Elixir.Code':put_compiler_option(ignore_module_conflict, true),
                {'Elixir.Code':compile_file(list_to_binary(File)), lines_of(File)};
            ".erl" ->
                {ok, Mod, Bytecode} = compile:file(File, [binary, debug_info, return_errors]),
                _ = code:soft_purge(Mod),
                {module, Mod} = code:load_binary(Mod, File, Bytecode),
                {[{Mod, Bytecode}], lines_of(File)}
        end,
    lists:foreach(
        fun({Mod, Bytecode}) ->
            persistent_term:put({?MODULE, Mod}, Bytecode),
            persistent_term:put({?MODULE, lines, Mod}, Lines)
        end,
        Mods
    ),
    [Mod || {Mod, _} <- Mods].

lines_of(File) ->
    {ok, Text} = file:read_file(File),
    Lines = binary:split(Text, <<"\n">>, [global]),
    lists:zip(lists:seq(1, length(Lines)), Lines).

-spec bytecode(module()) -> {ok, binary()} | {error, not_found}.
bytecode(Mod) ->
    case persistent_term:get({?MODULE, Mod}, none) of
        none ->
            case code:get_object_code(Mod) of
                {_, Bytecode, _} -> {ok, Bytecode};
                error -> {error, not_found}
            end;
        Bytecode ->
            {ok, Bytecode}
    end.

%% The line of a fixture with the marker `# Name` (Elixir) or `% Name` (Erlang) at its end.
-spec line(module(), string()) -> pos_integer().
line(Mod, Marker) ->
    Lines = persistent_term:get({?MODULE, lines, Mod}),
    [Line] = [
        N
     || {N, Text} <- Lines,
        Sign <- ["# ", "% "],
        binary:longest_common_suffix([Text, list_to_binary(Sign ++ Marker)]) =:= length(Marker) + 2
    ],
    Line.

-spec module(string()) -> module().
module(Name) ->
    list_to_atom("Elixir." ++ Name).

%% Result of Fun in a process of its own, and where that one and those it starts stopped: {Mod, Line, Variables},
%% without the variables whose names begin with an underscore.
-spec stops(fun(() -> Result)) -> {Result | {died, term()}, [{module(), integer(), map()}]}.
stops(Fun) ->
    run(Fun, fun(_Stop, _Count) -> continue end).

%% The same; Command tells what to do at each stop, from {Mod, Line, Variables} and how many stops there were.
-spec run(fun(() -> Result), fun((tuple(), integer()) -> atom())) -> {Result | {died, term()}, [tuple()]}.
run(Fun, Command) ->
    {Pid, Monitor} = spawn_monitor(fun() ->
        receive
            go -> exit({result, Fun()})
        end
    end),
    Pid ! go,
    collect(Pid, Monitor, Command, []).

collect(Pid, Monitor, Command, Stops) ->
    receive
        {ecd, stopped, _Stopped, Meta, Mod, Line} ->
            Stop = {Mod, Line, variables(Meta, Mod, Line)},
            ecd_meta:command(Meta, Command(Stop, length(Stops) + 1)),
            collect(Pid, Monitor, Command, [Stop | Stops]);
        {'DOWN', Monitor, process, Pid, {result, Result}} ->
            {Result, lists:reverse(Stops)};
        {'DOWN', Monitor, process, Pid, Reason} ->
            {{died, Reason}, lists:reverse(Stops)};
        {ecd, _, _} ->
            collect(Pid, Monitor, Command, Stops);
        {ecd, new, _, _, _} ->
            collect(Pid, Monitor, Command, Stops);
        {ecd, exit, _, _, _} ->
            collect(Pid, Monitor, Command, Stops)
    after ?DEADLINE ->
        exit(Pid, kill),
        error({no_end, lists:reverse(Stops)})
    end.

variables(Meta, _Mod, Line) ->
    case ecd_meta:frames(Meta) of
        [#{module := M, function := F, arity := A} | _] ->
            Clauses = ecd_engine:clauses(M, host(F, A)),
            Bindings = ecd_meta:bindings(Meta, nostack),
            maps:from_list([
                {binary_to_atom(Name), Value}
             || {<<First, _/binary>> = Name, Value, _} <- ecd_scope:visible(Clauses, Line, Bindings),
                First =/= $_
            ]);
        [] ->
            #{}
    end.

%% `-f/1-fun-0-` is a closure in f/1.
host(F, A) ->
    case re:run(atom_to_list(F), "^-(.+)/([0-9]+)-", [{capture, all_but_first, list}]) of
        {match, [Name, Arity]} -> {list_to_atom(Name), list_to_integer(Arity)};
        nomatch -> {F, A}
    end.

%% The next message of the engine that the pattern function accepts.
-spec wait(fun((term()) -> {ok, Value} | no)) -> Value.
wait(Accept) ->
    receive
        Message ->
            case Accept(Message) of
                {ok, Value} -> Value;
                no -> wait(Accept)
            end
    after ?DEADLINE ->
        error(nothing_came)
    end.

-spec stopped(pid()) -> {pid(), module(), integer()}.
stopped(Pid) ->
    wait(fun
        ({ecd, stopped, P, Meta, Mod, Line}) when P =:= Pid -> {ok, {Meta, Mod, Line}};
        (_) -> no
    end).
