%% A whole session of the agent inside the test's VM, sources compiled into it, and processes that stop. Tests nothing.
-module(ecd_stopping).

-export([compile/2, remove/1, start/1, session/1, stop/0]).
-export([breakpoints/3, line_of/2, run/1, spawned/1, await_stop/1, go_on/1]).

%% The modules of an Elixir source, loaded; their beams lie beside it, in a folder of their own.
-spec compile(file:filename(), iodata()) -> file:filename().
compile(Name, Source) ->
    ok = ecd_fixture:elixir(),
    Dir = ecd_fixture:folder(),
    File = filename:join(Dir, Name),
    ok = file:write_file(File, Source),
    Modules = 'Elixir.Code':compile_file(list_to_binary(File)),
    true = code:add_patha(Dir),
    lists:foreach(
        fun({Module, Beam}) ->
            ok = file:write_file(filename:join(Dir, atom_to_list(Module) ++ ".beam"), Beam),
            code:purge(Module),
            {module, Module} = code:load_file(Module)
        end,
        Modules
    ),
    Dir.

-spec remove(file:filename()) -> ok.
remove(Dir) ->
    true = code:del_path(Dir),
    lists:foreach(
        fun(Beam) ->
            Module = list_to_atom(filename:basename(Beam, ".beam")),
            code:purge(Module),
            code:delete(Module)
        end,
        filelib:wildcard(filename:join(Dir, "*.beam"))
    ),
    ecd_fixture:remove(Dir).

%% The engine starts once: a module that makes closures keeps it for as long as the VM lives.
-spec start(file:filename()) -> ok.
start(Dir) ->
    ok = ecd_config:set(#{projectDir => list_to_binary(Dir), evaluateTimeout => 2000}),
    {ok, interpreter, []} = ecd_engine:start(maps:merge(options(), standin())),
    lists:foreach(fun(Part) -> ok = Part:start() end, parts()).

%% The calling process gets {event, Name, Body}. Another one is registered as the connection: what that would start
%% counted as the debugger's own.
-spec session(fun(() -> Result)) -> Result.
session(Fun) ->
    Self = self(),
    Connection = spawn_link(fun() -> forward(Self) end),
    true = register(ecd_wire, Connection),
    try
        Fun()
    after
        true = unregister(ecd_wire),
        unlink(Connection),
        exit(Connection, kill),
        flush()
    end.

forward(To) ->
    receive
        Message -> To ! Message
    end,
    forward(To).

options() ->
    #{engine => <<"interpreter">>, stack => no_tail, bytecode => fun ecd_modules:bytecode/1}.

%% Tests are compiled into folders of their own, so the stand-in does not lie next to the engine.
standin() ->
    case init:get_argument(ecd_standin) of
        {ok, [[Folder]]} ->
            {ok, Bytes} = file:read_file(filename:join(Folder, "dbg_iserver.beam")),
            #{standin => Bytes};
        error ->
            #{}
    end.

parts() ->
    [ecd_modules, ecd_threads, ecd_control, ecd_breakpoints, ecd_exceptions].

-spec stop() -> ok.
stop() ->
    lists:foreach(fun(Part) -> ok = Part:stop() end, lists:reverse(parts())),
    {ok, _Left} = ecd_engine:stop(),
    ecd_config:erase().

flush() ->
    receive
        {event, _, _} -> flush()
    after 0 -> ok
    end.

%% Breakpoints at the lines that hold a marker comment; all must be verified there.
-spec breakpoints(file:filename(), file:filename(), [string()]) -> ok.
breakpoints(Dir, Name, Markers) ->
    Path = ecd_paths:canonical(filename:join(Dir, Name)),
    Lines = [line_of(Path, Marker) || Marker <- Markers],
    Wanted = [#{id => N, line => Line} || {N, Line} <- lists:enumerate(Lines)],
    #{breakpoints := States} = ecd_breakpoints:set_breakpoints(#{path => Path, breakpoints => Wanted}),
    Lines = [Line || #{verified := true, line := Line} <- States],
    ok.

%% A process that has stopped, and its thread.
-spec run(fun(() -> term())) -> {pid(), integer()}.
run(Fun) ->
    Pid = spawned(Fun),
    {Pid, await_stop(Pid)}.

%% A process of which nothing says that it belongs to the agent, as one that runs a function of a test would.
-spec spawned(fun(() -> term())) -> pid().
spawned(Fun) ->
    spawn(timer, tc, [Fun]).

-spec await_stop(pid()) -> integer().
await_stop(Pid) ->
    Thread = ecd_threads:id(Pid),
    _ = ecd_fixture:event(stopped, fun(#{thread := T}) -> T =:= Thread end),
    Thread.

-spec go_on(integer()) -> ok.
go_on(Thread) ->
    _ = ecd_stepping:continue(#{thread => Thread, single => true}),
    ok.

%% The number of the line that ends in a marker comment.
-spec line_of(binary(), string()) -> pos_integer().
line_of(Path, Marker) ->
    {ok, Text} = file:read_file(Path),
    Lines = lists:enumerate(binary:split(Text, <<"\n">>, [global])),
    [Number] = [N || {N, Line} <- Lines, lists:suffix("# " ++ Marker, unicode:characters_to_list(Line))],
    Number.
