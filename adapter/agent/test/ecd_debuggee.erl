%% A debugging session inside the test's own BEAM: compiles a fixture, plays the adapter, drives processes. Tests
%% nothing.
-module(ecd_debuggee).

-export([module/1, session/1, session/2, line/2, break/3, breaks/3, run/1, event/1, event/2, no_event/1]).
-export([stopped/0, stopped/1]).
-export([command/2, command/3, frames/1, top/1, place/1, result/1, armed/0, flush/0, variables/1]).

-define(PATIENCE, 60000).

%% The tests of a module, each `{Config, [Test]}` with a session; the debugger ends after the last.
-spec module([{map(), [fun((map()) -> term())]}]) -> term().
module(Groups) ->
    {setup, fun() -> ok end, fun(_) -> finish() end, [
        {atom_to_list(element(2, erlang:fun_info(Test, name))),
         {timeout, 60, {spawn, fun() -> Test(session("control.ex", Config)) end}}}
     || {Config, Tests} <- Groups, Test <- Tests
    ]}.

finish() ->
    ok = end_stopped(),
    #{left := _Closures} = ecd_session:detach(#{force => false}),
    ok = ecd_engine:remove(),
    ok = ecd_config:erase(),
    exit(whereis(ecd_wire), kill),
    ok.

%% The one session of a test module, as good as new: no breakpoints, no filters, this configuration. A process of its
%% own takes the place of the connection and passes events on to the test that asked last.
-spec session(string()) -> map().
session(Fixture) -> session(Fixture, #{}).

-spec session(string(), map()) -> map().
session(Fixture, Config) ->
    {ok, _} = application:ensure_all_started(elixir),
    Source = filename:absname(filename:join([agent_dir(), "test", "fixtures", Fixture])),
    ok = compiled(Source),
    Args = maps:merge(#{projectDir => list_to_binary(filename:dirname(Source)), engine => <<"interpreter">>,
                        attach => true}, Config),
    case whereis(ecd_wire) of
        undefined ->
            Wire = spawn(fun() -> wire(none) end),
            true = register(ecd_wire, Wire),
            #{engine := interpreter} = ecd_session:configure(Args);
        _ ->
            ok
    end,
    ecd_wire ! {to, self()},
    ok = ecd_config:set(Args),
    #{breakpoints := []} = ecd_breakpoints:set_breakpoints(#{path => list_to_binary(Source), breakpoints => []}),
    #{filters := []} = ecd_exceptions:set_exception_breakpoints(#{filters => []}),
    ok = end_stopped(),
    [] = armed(),
    flush(),
    #{source => list_to_binary(Source), marks => marks(Source)}.

%% What a failed test has left.
end_stopped() ->
    _ = [exit(Pid, kill) || {Pid, _} <- ecd_state:all(step)],
    Stopped = [{Pid, monitor(process, Pid)} || {Pid, _} <- ets:tab2list(ecd_control)],
    lists:foreach(fun({Pid, _}) -> exit(Pid, kill) end, Stopped),
    lists:foreach(fun({_, Monitor}) -> receive {'DOWN', Monitor, process, _, _} -> ok end end, Stopped).

wire(Test) ->
    receive
        {to, Next} -> wire(Next);
        {event, _, _} = Event when is_pid(Test) -> Test ! Event, wire(Test);
        _ -> wire(Test)
    end.

agent_dir() ->
    filename:dirname(filename:dirname(proplists:get_value(source, ?MODULE:module_info(compile)))).

%% Once for a test run: later sessions find the modules as they are, like a program that has run for a while.
compiled(Source) ->
    case persistent_term:get({?MODULE, Source}, none) of
        none ->
            Dir = filename:join(os:getenv("TMPDIR", "/tmp"), "ecd_" ++ os:getpid()),
            ok = filelib:ensure_path(Dir),
            {ok, Mods, _} = 'Elixir.Kernel.ParallelCompiler':compile_to_path(
                [list_to_binary(Source)], list_to_binary(Dir), [{return_diagnostics, true}]),
            true = code:add_patha(Dir),
            lists:foreach(fun(M) -> code:purge(M), {module, M} = code:load_file(M) end, Mods),
            persistent_term:put({?MODULE, Source}, Dir);
        _ ->
            ok
    end.

%% Lines of a source by the names in its comments.
marks(Source) ->
    {ok, Text} = file:read_file(Source),
    Lines = lists:enumerate(binary:split(Text, <<"\n">>, [global])),
    maps:from_list([{binary_to_atom(Name), N} || {N, Line} <- Lines, {match, [Name]} <- [mark(Line)]]).

mark(Line) ->
    re:run(Line, "# @(\\w+)", [{capture, all_but_first, binary}]).

-spec line(map(), atom()) -> pos_integer().
line(#{marks := Marks}, Mark) -> maps:get(Mark, Marks).

%% A breakpoint at a mark; the only one.
-spec break(map(), integer(), atom()) -> ok.
break(Session, Id, Mark) -> breaks(Session, [{Id, Mark}], #{}).

-spec breaks(map(), [{integer(), atom()}], map()) -> ok.
breaks(#{source := Source} = Session, Marks, More) ->
    Specs = [maps:merge(#{id => Id, line => line(Session, Mark)}, More) || {Id, Mark} <- Marks],
    #{breakpoints := Set} = ecd_breakpoints:set_breakpoints(#{path => Source, breakpoints => Specs}),
    true = lists:all(fun(#{verified := Verified}) -> Verified end, Set),
    ok.

%% Runs a function in a process of its own, natively as far as nothing is armed. With proc_lib at the bottom of its
%% stack it is not taken for one of the agent's, as a function of this module there would be.
-spec run(fun(() -> term())) -> pid().
run(Fun) ->
    Test = self(),
    proc_lib:spawn(fun() -> Test ! {result, self(), Fun()} end).

-spec result(pid()) -> term().
result(Pid) ->
    receive
        {result, Pid, Value} -> Value
    after ?PATIENCE -> error({no_result, Pid, queue()})
    end.

-spec event(atom()) -> map().
event(Name) -> event(Name, ?PATIENCE).

-spec event(atom(), timeout()) -> map().
event(Name, Patience) ->
    receive
        {event, Name, Body} -> Body
    after Patience -> error({no_event, Name, queue()})
    end.

%% Nothing of that name within a moment that a wrong one would have needed.
-spec no_event(atom()) -> ok.
no_event(Name) ->
    receive
        {event, Name, Body} -> error({unexpected, Name, Body})
    after 150 -> ok
    end.

queue() ->
    {messages, Messages} = process_info(self(), messages),
    Messages.

-spec flush() -> ok.
flush() ->
    receive
        {event, _, _} -> flush()
    after 0 -> ok
    end.

%% The next stop: process, reason, and the line of the top frame.
-spec stopped() -> {pid(), binary(), integer()}.
stopped() ->
    #{thread := Id, reason := Reason} = event(stopped),
    {ok, Pid} = ecd_threads:pid(Id),
    {Pid, Reason, maps:get(line, top(Pid))}.

-spec stopped(map()) -> {pid(), binary(), atom()}.
stopped(#{marks := Marks}) ->
    {Pid, Reason, Line} = stopped(),
    Names = [Mark || {Mark, L} <- maps:to_list(Marks), L =:= Line],
    {Pid, Reason, case Names of [Name] -> Name; [] -> Line end}.

-spec frames(pid()) -> [map()].
frames(Pid) ->
    #{frames := Frames} = ecd_frames:stack_trace(#{thread => ecd_threads:id(Pid), start => 0, levels => 0}),
    Frames.

-spec top(pid()) -> map().
top(Pid) -> hd(frames(Pid)).

-spec place(pid()) -> {binary(), integer()}.
place(Pid) ->
    #{name := Name, line := Line} = top(Pid),
    {Name, Line}.

%% Raw variables of the top frame.
-spec variables(pid()) -> #{binary() => term()}.
variables(Pid) ->
    #{id := Id} = top(Pid),
    maps:from_list([{Name, Value} || {Name, Value, _} <- ecd_frames:bindings(ecd_frames:frame(Id))]).

-spec command(atom(), pid()) -> map().
command(Name, Pid) -> command(Name, Pid, #{}).

-spec command(atom(), pid(), map()) -> map().
command(Name, Pid, More) ->
    Args = maps:merge(#{thread => ecd_threads:id(Pid), single => true, target => nil}, More),
    {_, {Module, Function}} = ecd_commands:handler(Name),
    Module:Function(Args).

-spec armed() -> [mfa()].
armed() ->
    lists:usort([{M, F, A} || {M, {F, A}, _} <- ecd_engine:armed()]).
