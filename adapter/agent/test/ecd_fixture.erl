%% Elixir, projects and sessions for the agent's tests. Leaves nothing behind when the test has called the clean-up.
-module(ecd_fixture).

-export([elixir/0, folder/0, remove/1, write/3, compile/2, load/1, session/1, end_session/0, with_session/2]).
-export([event/1, event/2, no_event/1, run/1, stopped/0, continue/1, result/0, set/2, set_functions/1]).

-define(PATIENCE, 60000).

%% Puts Elixir and its applications on the code path and starts it; once in the life of the node.
-spec elixir() -> ok.
elixir() ->
    case code:which('Elixir.Code') of
        non_existing ->
            Lib = string:trim(os:cmd("elixir -e \"IO.write Path.dirname(:code.lib_dir(:elixir))\"")),
            _ = code:add_pathsz(filelib:wildcard(filename:join([Lib, "*", "ebin"]))),
            ok;
        _ ->
            ok
    end,
    {ok, _} = application:ensure_all_started(elixir),
    ok.

-spec folder() -> file:filename().
folder() ->
    Base = filename:join([filename:basedir(user_cache, "ecd-tests"), os:getpid()]),
    Dir = filename:join(Base, integer_to_list(erlang:unique_integer([positive]))),
    ok = filelib:ensure_path(Dir),
    Dir.

-spec remove(file:filename()) -> ok.
remove(Dir) ->
    ok = file:del_dir_r(Dir),
    %% The folder of this run goes with the last test's.
    _ = file:del_dir(filename:dirname(Dir)),
    ok.

%% A file of a project, its folders made as needed.
-spec write(file:filename(), file:filename(), iodata()) -> binary().
write(Dir, Name, Text) ->
    Path = filename:join(Dir, Name),
    ok = filelib:ensure_dir(Path),
    ok = file:write_file(Path, Text),
    ecd_paths:canonical(Path).

%% Compiles an Elixir or Erlang source to beams in Dir, as a build does, in another VM: this one knows nothing of it.
-spec compile(file:filename(), binary()) -> ok.
compile(Dir, Path) ->
    Command =
        case filename:extension(Path) of
            <<".erl">> -> ["erlc +debug_info -o '", Dir, "' '", Path, "'"];
            _ -> ["elixirc --ignore-module-conflict -o '", Dir, "' '", Path, "'"]
        end,
    Output = os:cmd(unicode:characters_to_list([Command, " >/dev/null 2>&1; echo $?"])),
    "0" = string:trim(Output),
    ok.

%% Loads every beam of a folder, in its newest version.
-spec load(file:filename()) -> [module()].
load(Dir) ->
    [
        begin
            Mod = list_to_atom(filename:basename(Beam, ".beam")),
            true = code:soft_purge(Mod),
            {module, Mod} = code:load_abs(filename:rootname(Beam)),
            Mod
        end
     || Beam <- filelib:wildcard(filename:join(Dir, "*.beam"))
    ].

%% Breakpoints on the engine, which is started once in the life of the node; this process in place of adapter and
%% control.
-spec session(map()) -> ok.
session(Config) ->
    ok = ecd_config:set(Config),
    _ = ecd_handles:start(),
    ok = engine(whereis(ecd_interpreter)),
    ok = ecd_modules:start(),
    true = register(ecd_wire, self()),
    ok = ecd_breakpoints:start(),
    ok = ecd_engine:subscribe(self()).

engine(Running) when is_pid(Running) ->
    ok;
engine(undefined) ->
    {ok, interpreter, []} = ecd_engine:start(maps:merge(engine_options(), standin())),
    ok.

engine_options() ->
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

-spec end_session() -> ok.
end_session() ->
    ok = ecd_breakpoints:stop(),
    ok = ecd_modules:stop(),
    true = unregister(ecd_wire),
    ok = ecd_handles:stop(),
    ok = ecd_config:erase(),
    flush().

flush() ->
    receive
        _ -> flush()
    after 0 -> ok
    end.

%% The next event of a name.
-spec event(atom()) -> map().
event(Name) ->
    event(Name, fun(_) -> true end).

-spec event(atom(), fun((map()) -> boolean())) -> map().
event(Name, Wanted) ->
    receive
        {event, Name, Body} ->
            case Wanted(Body) of
                true -> Body;
                false -> event(Name, Wanted)
            end
    after ?PATIENCE -> error({no_event, Name, process_info(self(), messages)})
    end.

%% No such event has come so far.
-spec no_event(atom()) -> ok.
no_event(Name) ->
    receive
        {event, Name, Body} -> error({unexpected, Name, Body})
    after 0 -> ok
    end.

-spec stopped() -> {pid(), pid(), module(), integer()}.
stopped() ->
    receive
        {ecd, stopped, Pid, Meta, Mod, Line} -> {Pid, Meta, Mod, Line}
    after ?PATIENCE -> error({not_stopped, process_info(self(), messages)})
    end.

-spec continue(pid()) -> ok.
continue(Meta) ->
    ecd_meta:command(Meta, continue).

-spec with_session(file:filename(), fun(() -> Result)) -> Result.
with_session(Dir, Test) ->
    ok = session(#{projectDir => unicode:characters_to_binary(Dir), script => <<"none.exs">>}),
    try
        Test()
    after
        end_session()
    end.

%% Runs Fun in a process of its own, which is expected to stop.
-spec run(fun(() -> term())) -> {pid(), pid(), module(), integer()}.
run(Fun) ->
    Self = self(),
    _ = spawn_link(fun() -> Self ! {result, Fun()} end),
    stopped().

-spec result() -> term().
result() ->
    receive
        {result, Value} -> Value
    after ?PATIENCE -> error(no_result)
    end.

-spec set(binary(), [map()]) -> [map()].
set(Path, Breakpoints) ->
    #{breakpoints := Answers} = ecd_breakpoints:set_breakpoints(#{path => Path, breakpoints => Breakpoints}),
    Answers.

-spec set_functions([map()]) -> [map()].
set_functions(Breakpoints) ->
    #{breakpoints := Answers} = ecd_breakpoints:set_function_breakpoints(#{breakpoints => Breakpoints}),
    Answers.
