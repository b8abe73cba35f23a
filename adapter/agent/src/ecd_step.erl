%% Where a step may stop and what it arms for that: plans, the stop points of one process, the calls of a line. Must not
%% resume anything; ecd_control does.
%%
%% `next` and `stepOut` run the process freely and put stop points on the lines where they should end, in this process's
%% evaluator alone and with a condition on the depth of its stack. So breakpoints of the user's keep working meanwhile,
%% which they do not in the evaluator's own `next` and `finish`. `stepIn` is the evaluator's own step.
-module(ecd_step).

-export([tables/0, plan/3, native_plan/3, serving/1, has_way_back/1, is_under_way/2, waits_in/2, cool_down/2]).
-export([arrival/3]).
-export([may_enter/1, may_stop_in/1]).
-export([begin_points/2, end_points/1, leave/1, forget_dead/0, hit/1]).
-export([step_in_targets/1, target/2, drop_targets/1, native_frames/1]).
-export(['$handle_undefined_function'/2]).

-type kind() :: in | over | out | {into, mfa()}.
%% {Point, deepest level of the stack below the frame at which it counts, what it is for}
%% closure: where a closure stands on the line that the step starts from; the user's breakpoint there is not for it
-type point() :: {{module(), integer()}, Depth :: integer() | infinity, line | closure | arrival | entry}.
%% A native caller that the step may come back to, and a call it has still to make.
-type caller() :: #{frame := mfa(), calls := [{Callee :: mfa(), Line :: integer(), Tail :: boolean()}]}.
%% native: the process is suspended and has no evaluator yet. serving: it is a server that another process calls.
-type plan() :: #{
    kind := kind() | native | serving,
    depth := integer(),
    points := [point()],
    arms := [mfa()],
    callers := [caller()],
    servers := [pid()],
    client => pid(),
    %% The place that the step starts from, when that is in a native caller: coming back to it is no progress.
    skip => {module(), integer()}
}.
-export_type([kind/0, plan/0]).

%% ms for a registry to say which process has a name.
-define(REGISTRY, 500).
-define(POINTS, ecd_step_points).
-define(TARGETS, ecd_step_targets).
%% Native callers looked at, and functions armed for one step at most.
-define(MAX_CALLERS, 6).
-define(MAX_ARMS, 60).
%% Evaluators asked in one look.
-define(MAX_ASKED, 20).
%% Times that one evaluator is asked what it runs.
-define(SAMPLES, 20).

%% Public tables, owned by the caller.
-spec tables() -> ok.
tables() ->
    ?POINTS = ets:new(?POINTS, [named_table, public, set, {read_concurrency, true}]),
    ?TARGETS = ets:new(?TARGETS, [named_table, public, set]),
    ok.

%% The plan of a step from where a process stands; error when it does not stand there any more.
-spec plan(kind(), pid(), ecd_control:stop()) -> {ok, plan()} | error.
plan(Kind, Pid, #{kind := native, meta := Meta}) ->
    Frames = case Meta of none -> []; _ -> ecd_meta:frames(Meta) end,
    Plan = native_plan(Kind, native_frames(Pid), Frames),
    {ok, case Frames of [] -> Plan; _ -> Plan#{kind := over} end};
plan(Kind, Pid, #{meta := Meta} = Stop) ->
    case ecd_meta:frames(Meta) of
        [_ | _] = Frames -> {ok, interpreted_plan(Kind, Pid, Frames, Stop)};
        [] -> error
    end.

interpreted_plan(Kind, Pid, [_Entered | Below], #{caller := {_, {M, F, A, Line}}}) ->
    Depth = depth_below(Below),
    Plan = (new(Kind, Depth))#{points := below(Below, Depth), skip => {M, Line}},
    with_callers(Plan, left(Kind, {M, F, A}, native_frames(Pid)));
interpreted_plan(Kind, Pid, [Top | Below] = Frames, #{meta := Meta, module := Mod, line := Line}) ->
    Depth = depth_below(Below),
    Clauses = clauses(mfa(Top)),
    Leaving = Kind =:= out orelse lists:member(Line, ecd_calls:leaving_lines(Clauses)),
    Calls = ecd_calls:on_line(Clauses, Line),
    Own = [{{Mod, Line}, Depth, closure} || Kind =/= in, {_, {closure, _, _}, _, _} <- Calls],
    Planned = reach(Kind, (new(Kind, Depth))#{points := lists:sublist(Own, 1)}, Frames, Mod, {Calls, Meta}),
    case Leaving andalso is_bottom(Top, Below) of
        true -> with_callers(Planned, native_frames(Pid));
        false -> Planned
    end.

new(Kind, Depth) ->
    #{kind => Kind, depth => Depth, points => [], arms => [], callers => [], servers => []}.

%% From a native stack: the next call that it makes out of a frame of the user's, or its return to interpreted frames.
-spec native_plan(kind(), [tuple()], [map()]) -> plan().
native_plan(Kind, Stack, Frames) ->
    Below = case Frames of [] -> []; [_Native | Rest] -> Rest end,
    Depth = depth_below(Below),
    Plan = (new(native, Depth))#{points := below(Below, Depth + 1)},
    case [{M, F, A} || {M, F, A, _} <- Stack, is_integer(A), may_enter(M)] of
        [] -> with_callers(Plan, Stack);
        [Mine | _] -> with_callers(Plan, left(Kind, Mine, Stack))
    end.

%% A server handles a call of the client's.
-spec serving(pid()) -> plan().
serving(Client) ->
    (new(serving, 0))#{client => Client}.

%% Whether a step that has left interpreted code may come back to something.
-spec has_way_back(plan()) -> boolean().
has_way_back(#{callers := [_ | _]}) -> true;
has_way_back(#{servers := [_ | _]}) -> true;
has_way_back(#{points := Points}) -> lists:keymember(entry, 3, Points).

%% Whether it still may: one of the callers is on the process's stack, or the call of a server.
-spec is_under_way(pid(), plan()) -> boolean().
is_under_way(Pid, #{callers := Callers, servers := Servers}) ->
    Stack = ecd_handles:stacktrace(Pid),
    Frames = [{M, F, A} || {M, F, A, _} <- Stack],
    lists:any(fun(#{frame := Frame}) -> lists:member(Frame, Frames) end, Callers) orelse
        (Servers =/= [] andalso lists:keymember(gen, 1, Stack)).

%% The caller on the stack that the step may come back to next.
-spec waits_in(pid(), plan()) -> mfa() | none.
waits_in(Pid, #{callers := Callers}) ->
    Frames = [{M, F, A} || {M, F, A, _} <- ecd_handles:stacktrace(Pid)],
    case [Frame || Frame <- Frames, #{frame := F} <- Callers, F =:= Frame] of
        [Next | _] -> Next;
        [] -> none
    end.

%% Whatever other processes are found in does not stay armed for a step: it may be a loop of theirs. For a process of
%% its own, since evaluators are asked.
-spec cool_down(pid(), [mfa()]) -> ok.
cool_down(Pid, Arms) ->
    Busy = [Meta || {P, Meta} <- ecd_state:all(pid), P =/= Pid, is_evaluated(P), ecd_control:stop_info(P) =:= running],
    Hot = lists:usort(lists:append([function_of(Meta, ?SAMPLES) || Meta <- lists:sublist(Busy, ?MAX_ASKED)])),
    Ours = [MFA || MFA <- Hot, lists:member(MFA, Arms)],
    lists:foreach(fun({M, F, A}) -> ecd_engine:disarm(M, {F, A}, {step, Pid}) end, Ours).

is_evaluated(Pid) ->
    process_info(Pid, current_function) =:= {current_function, {dbg_debugged, msg_loop, 2}}.

%% Asked more than once: an evaluator answers between two lines, and one that is asked at a bad moment has just
%% returned.
function_of(_Meta, 0) ->
    [];
function_of(Meta, Samples) ->
    case ecd_meta:backtrace(Meta, 1) of
        {ok, [{_, {M, F, Args}} | _]} when is_list(Args) -> [{M, F, length(Args)}];
        {ok, _} -> timer:sleep(1), function_of(Meta, Samples - 1);
        timeout -> []
    end.

%% Stepping out of a frame leaves it, and what it called, out of account.
left(out, {M, F, A}, Frames) ->
    case lists:dropwhile(fun({FM, FF, FA, _}) -> {FM, FF, FA} =/= {M, F, A} end, Frames) of
        [_ | Below] -> Below;
        [] -> Frames
    end;
left(_Kind, _MFA, Frames) ->
    Frames.

reach(over, #{depth := Depth, points := Own} = Plan, [Top | Below], _Mod, _Calls) ->
    Plan#{points := merge(Own, merge(lines_of(mfa(Top), Depth), below(Below, Depth)))};
reach(out, #{depth := Depth, points := Own} = Plan, [_Top | Below], _Mod, _Calls) ->
    Plan#{points := merge([{At, -1, closure} || {At, _, closure} <- Own], below(Below, Depth))};
reach(in, Plan, Frames, Mod, {Calls, Meta}) ->
    Bindings = ecd_meta:bindings(Meta, nostack),
    Servers = servers(named(Calls, Mod, Bindings) ++ named_below(Frames, Meta)),
    Handlers = lists:append([handlers(Server) || Server <- Servers]),
    Entering = enter(candidates(Calls, Mod, Bindings), Plan),
    Entering#{servers := Servers, arms := lists:usort(Handlers ++ maps:get(arms, Entering))};
reach({into, {_, _, _} = MFA}, #{depth := Depth, points := Own} = Plan, [Top | Below], _Mod, _Calls) ->
    %% When the line does not make the call after all, the step ends like `next`.
    enter([MFA], Plan#{points := merge(Own, merge(lines_of(mfa(Top), Depth), below(Below, Depth)))}).

named(Calls, Mod, Bindings) ->
    ecd_calls:servers(Calls, Bindings, fun(Function) -> own_clauses(Function, Mod) end).

%% A function that makes the argument of a server's call, such as its name, returns into the middle of that line.
named_below([#{line := Line} = Top, #{module := Mod, line := At, level := Level} = Caller | _], Meta) ->
    case lists:member(Line, ecd_calls:leaving_lines(clauses(mfa(Top)))) of
        true -> named(ecd_calls:on_line(clauses(mfa(Caller)), abs(At)), Mod, ecd_meta:bindings(Meta, Level));
        false -> []
    end;
named_below(_Frames, _Meta) ->
    [].

%% How a module of the user's makes the name of a server.
own_clauses({F, A}, Mod) -> clauses({Mod, F, A});
own_clauses({Mod, _, _} = MFA, Mod) -> clauses(MFA);
own_clauses(_Function, _Mod) -> [].

servers(Names) ->
    lists:usort([Pid || Name <- Names, Pid <- [process(Name)], is_pid(Pid), node(Pid) =:= node()]).

%% A registry is asked as the call itself will ask it.
process(Pid) when is_pid(Pid) -> Pid;
process(Name) when is_atom(Name) -> whereis(Name);
process({Name, Node}) when is_atom(Name), Node =:= node() -> whereis(Name);
process({global, Name}) -> global:whereis_name(Name);
process({via, Registry, Name}) when is_atom(Registry) ->
    Found = erlang:function_exported(Registry, whereis_name, 1) andalso
        ecd_worker:run(fun() -> Registry:whereis_name(Name) end, ?REGISTRY),
    case Found of
        {ok, Pid} -> Pid;
        _ -> undefined
    end;
process(_) -> undefined.

%% What a server runs when it is called, if that is the user's. An agent runs the closure that it is given.
handlers(Server) ->
    case proc_lib:translate_initial_call(Server) of
        {Mod, init, 1} ->
            [{Mod, F, A} || {F, A} <- [{handle_call, 3}, {handle_cast, 2}], erlang:function_exported(Mod, F, A),
                            may_enter(Mod)];
        _ ->
            []
    end.

below(Below, Depth) ->
    Hosts = lists:usort([ecd_calls_host(mfa(F)) || F <- Below]),
    lists:append([lines_of(Host, Depth - 1) || Host <- Hosts]).

%% The frame's function may be a closure; its lines belong to the function around it.
lines_of({M, _, _} = MFA, Depth) ->
    {_, F, A} = Host = ecd_calls_host(MFA),
    Deeper = ecd_calls:else_lines(clauses(Host)),
    [
        {{M, Line}, case lists:member(Line, Deeper) of true -> Depth + 1; false -> Depth end, line}
     || {Line, FAs} <- ecd_engine:lines(M),
        lists:member({F, A}, FAs)
    ].

merge(Points, More) ->
    Known = [Point || {Point, _, _} <- Points],
    Points ++ [P || {Point, _, _} = P <- More, not lists:member(Point, Known)].

enter(MFAs, #{points := Points, arms := Arms} = Plan) ->
    Entries = [{{M, Line}, infinity, entry} || {M, _, _} = MFA <- MFAs, Line <- ecd_calls:entry_lines(clauses(MFA))],
    Plan#{points := merge(Entries, Points), arms := lists:usort(MFAs ++ Arms)}.

%% What a call on the line may reach natively, so that the evaluator would not see it: functions of the user's that are
%% handed over as captures, implementations for structs that are at hand, callback modules that are named.
candidates(Calls, Mod, Bindings) ->
    Direct = [Resolved || {_, Target, _, _} <- Calls, Resolved <- [ecd_calls:resolve(Target, Mod, Bindings)]],
    Foreign = [M || {ok, {M, _, _}} <- Direct, M =/= Mod, not may_enter(M)],
    Captured = [{M, F, A} || {_, {capture, M, F, A}, _, _} <- Calls],
    Values = lists:usort(lists:append([handed(Value, 3) || {_, Value} <- Bindings])),
    Reached =
        case Foreign of
            [] -> Captured;
            _ -> Captured ++ lists:append([reached(Value) || Value <- Values]) ++ named(Calls, Foreign)
        end,
    Steppable = [MFA || {M, _, _} = MFA <- lists:usort(Reached), may_enter(M)],
    lists:sublist(Steppable, ?MAX_ARMS).

%% Captures, structs and modules inside a value, not deep.
handed(_Value, 0) -> [];
handed(Fun, _) when is_function(Fun) -> [{function, Fun}];
handed(#{'__struct__' := Struct} = Map, Depth) when is_atom(Struct) ->
    [{struct, Struct} | handed_all(maps:values(maps:remove('__struct__', Map)), Depth - 1)];
handed(Map, Depth) when is_map(Map) -> handed_all(lists:sublist(maps:values(Map), 50), Depth - 1);
handed([Head | Tail], Depth) -> handed_all(lists:sublist(proper([Head | Tail], 20), 20), Depth - 1);
handed(Tuple, Depth) when is_tuple(Tuple), tuple_size(Tuple) < 20 -> handed_all(tuple_to_list(Tuple), Depth - 1);
handed(Atom, _) when is_atom(Atom) -> [{module, Atom} || is_callback_module(Atom)];
handed(_, _) -> [].

handed_all(Values, Depth) -> lists:append([handed(V, Depth) || V <- Values]).

proper(_, 0) -> [];
proper([Head | Tail], N) -> [Head | proper(Tail, N - 1)];
proper(_, _) -> [].

is_callback_module(Atom) ->
    erlang:module_loaded(Atom) andalso may_enter(Atom).

reached({function, Fun}) ->
    case ecd_calls:resolve({function, {value, 0, Fun}, 0}, undefined, []) of
        {ok, MFA} -> [MFA];
        {fn, Made} -> [made_in(Made)]
    end;
reached({struct, Struct}) -> implementations(Struct);
reached({module, Mod}) -> exported(Mod).

%% Arming a function arms the closures that native code has made in it.
made_in(Fun) ->
    {module, M} = erlang:fun_info(Fun, module),
    {name, Name} = erlang:fun_info(Fun, name),
    {F, A} = ecd_calls:host({Name, 0}),
    {M, F, A}.

%% Modules named literally in the arguments of a foreign call are callback modules as likely as not; the rows hold them
%% as plain values, which `all/1` does not list, so only applied ones appear here.
named(Calls, _Foreign) ->
    [{M, F, A} || {_, {apply, {value, _, M}, {value, _, F}, A}, _, _} <- Calls, is_atom(M), is_atom(F), is_integer(A)].

implementations(Struct) ->
    Suffix = "." ++ struct_name(Struct),
    lists:append([
        exported(M)
     || {M, _} <- code:all_loaded(),
        lists:suffix(Suffix, atom_to_list(M)),
        erlang:function_exported(M, '__impl__', 1),
        M:'__impl__'(for) =:= Struct
    ]).

struct_name(Struct) ->
    case atom_to_list(Struct) of
        "Elixir." ++ Name -> Name;
        Name -> Name
    end.

exported(Mod) ->
    [{Mod, F, A} || {F, A} <- Mod:module_info(exports), not is_generated(F)].

is_generated(module_info) -> true;
is_generated(Name) -> lists:prefix("__", atom_to_list(Name)).

%% --- native callers ---

%% The native frames right above the evaluator's part of a process's stack.
-spec native_frames(pid()) -> [tuple()].
native_frames(Pid) ->
    case ecd_handles:stacktrace(Pid) of
        [{dbg_debugged, _, _, _} | Rest] -> lists:takewhile(fun({M, _, _, _}) -> M =/= dbg_debugged end, Rest);
        Stack -> lists:takewhile(fun({M, _, _, _}) -> M =/= dbg_debugged end, Stack)
    end.

with_callers(#{points := Points, arms := Arms, depth := Depth} = Plan, Frames) ->
    Mine = lists:sublist([F || {M, _, A, _} = F <- Frames, is_integer(A), may_enter(M)], ?MAX_CALLERS),
    Callers = [C || Frame <- Mine, #{calls := [_ | _]} = C <- [caller(Frame)]],
    Callees = lists:sublist(lists:usort([Callee || #{calls := Calls} <- Callers, {Callee, _, _} <- Calls]), ?MAX_ARMS),
    Arrivals = [{{M, Line}, Depth, arrival}
                || {M, _, _} = MFA <- Callees, Line <- ecd_calls:entry_lines(clauses(MFA))],
    Plan#{points := merge(Points, Arrivals), arms := lists:usort(Callees ++ Arms), callers := Callers}.

%% The calls that a native frame has still to make, as its line tells. A closure or comprehension may start over.
caller({M, F, A, Info}) ->
    Line = proplists:get_value(line, Info, 0),
    Host = ecd_calls:host({F, A}),
    From = case Host of {F, A} -> Line; _ -> 0 end,
    Calls = [
        {Callee, L, Tail}
     || {L, Target, Tail, _} <- ecd_calls:all(clauses({M, F, A})),
        L >= From,
        {ok, {CM, _, _} = Callee} <- [ecd_calls:resolve(Target, M, [])],
        is_armable(CM)
    ],
    #{frame => {M, F, A}, calls => Calls}.

%% What every process calls all the time is left alone, even for a moment.
is_armable(Mod) ->
    case lists:member(Mod, [erlang, lists, maps, ets, gen, gen_server, proc_lib, 'Elixir.Kernel', 'Elixir.Access']) of
        true -> false;
        false -> not lists:prefix("ecd_", atom_to_list(Mod))
    end.

%% A process has entered a function that is armed because a native caller calls it. Where is that caller?
-spec arrival(pid(), mfa(), [caller()]) -> {frame, {module(), atom(), arity(), integer()}} |
                                           {tail, {module(), atom(), arity(), integer()}} | none.
arrival(Pid, Entered, Callers) ->
    case native_frames(Pid) of
        [{M, F, A, Info} | _] ->
            Line = proplists:get_value(line, Info, 0),
            arrival_from({M, F, A}, Line, Entered, Callers);
        [] ->
            none
    end.

arrival_from(Frame, Line, Entered, Callers) ->
    Before = lists:takewhile(fun(#{frame := F}) -> F =/= Frame end, Callers),
    Tails = [{F, L} || #{frame := F, calls := Calls} <- Before, {Callee, L, true} <- Calls, Callee =:= Entered],
    Here = [F || #{frame := F, calls := Calls} <- Callers, F =:= Frame, {Callee, L, _} <- Calls,
                 Callee =:= Entered, L =:= Line],
    case {Here, Tails} of
        {[{M, F, A} | _], _} -> {frame, {M, F, A, Line}};
        {[], [{{M, F, A}, TailLine} | _]} -> {tail, {M, F, A, TailLine}};
        {[], []} -> none
    end.

%% --- stop points of one evaluator ---

%% While the evaluator waits for commands it takes these in before the command that follows.
-spec begin_points(pid(), [point()]) -> ok.
begin_points(Meta, Points) ->
    true = ets:match_delete(?POINTS, {{Meta, '_'}, '_', '_', '_'}),
    lists:foreach(
        fun({N, {Point, Depth, Role}}) ->
            Name = list_to_atom("p" ++ integer_to_list(N)),
            true = ets:insert(?POINTS, {{Meta, Name}, Point, Depth, Role}),
            Meta ! {int, {new_break, {Point, [active, enable, null, {?MODULE, Name}]}}}
        end,
        lists:enumerate(Points)
    ).

%% The points stay known, counting no more, until the evaluator has removed them.
-spec end_points(pid()) -> ok.
end_points(Meta) ->
    true = ets:delete(?POINTS, {Meta, hit}),
    Rows = ets:match_object(?POINTS, {{Meta, '_'}, '_', '_', '_'}),
    lists:foreach(
        fun({Key, Point, Depth, Role}) when Depth =/= ended ->
                true = ets:insert(?POINTS, {Key, Point, ended, Role}),
                Meta ! {int, {delete_break, Point}};
           (_) ->
                ok
        end,
        Rows
    ).

%% In the evaluator, at the moment when the process has left interpreted code: its frames are gone, and the lines of
%% their functions count no more. Whatever comes in next, as a server's next message, enters them anew.
-spec leave(pid()) -> ok.
leave(Meta) ->
    Rows = try ets:match_object(?POINTS, {{Meta, '_'}, '_', '_', '_'}) catch error:badarg -> [] end,
    lists:foreach(
        fun({Key, Point, Depth, Role}) when Depth =/= ended, Role =:= line orelse Role =:= closure ->
                true = ets:insert(?POINTS, {Key, Point, left, Role});
           (_) ->
                ok
        end,
        [Row || {{_, Name}, _, _, _} = Row <- Rows, Name =/= hit]
    ).

%% A process has ended, and its evaluator with it.
-spec forget_dead() -> ok.
forget_dead() ->
    case ets:info(?POINTS, size) of
        0 ->
            ok;
        _ ->
            Metas = lists:usort(ets:select(?POINTS, [{{{'$1', '_'}, '_', '_', '_'}, [], ['$1']}])),
            Dead = [Meta || Meta <- Metas, not is_process_alive(Meta)],
            lists:foreach(fun(Meta) -> ets:match_delete(?POINTS, {{Meta, '_'}, '_', '_', '_'}) end, Dead)
    end.

%% Which point the evaluator stopped at, at what depth; none when something else stopped it.
-spec hit(pid()) -> {line | arrival | entry, Depth :: integer()} | none.
hit(Meta) ->
    case ets:take(?POINTS, {Meta, hit}) of
        [{_, _Point, Depth, closure}] -> {line, Depth};
        [{_, _Point, Depth, Role}] -> {Role, Depth};
        [] -> none
    end.

%% The evaluator asks each point by a name of its own (a condition is not told its line): here, in the evaluator.
-spec '$handle_undefined_function'(atom(), [term()]) -> boolean().
'$handle_undefined_function'(Name, [Bindings]) ->
    case ets:lookup(?POINTS, {self(), Name}) of
        [{_, Point, Allowed, Role}] ->
            Depth = depth(),
            case Allowed =/= ended andalso Allowed =/= left andalso Depth =< Allowed of
                true ->
                    true = ets:insert(?POINTS, {{self(), hit}, Point, Depth, Role}),
                    true;
                false when Role =:= closure, is_integer(Allowed) ->
                    false;
                false ->
                    of_user(Point, Bindings)
            end;
        [] ->
            false
    end;
'$handle_undefined_function'(Name, Args) ->
    error_handler:raise_undef_exception(?MODULE, Name, Args).

%% The level of the frame below; atoms are greater than numbers, so `infinity` allows every depth.
depth() ->
    case get(dbg_istk) of
        [Below | _] -> element(2, Below);
        _ -> 0
    end.

%% A breakpoint of the user's on the same line lies behind ours.
of_user(Point, Bindings) ->
    Theirs = [C || {P, [active, _, _, C]} <- get(breakpoints), P =:= Point, not is_ours(C)],
    case Theirs of
        [] -> false;
        [null | _] -> true;
        [{M, F} | _] ->
            try
                M:F(Bindings) =:= true
            catch
                %% As the evaluator treats a condition of its own that raises.
                _:_ -> false
            end
    end.

is_ours({?MODULE, _}) -> true;
is_ours(_) -> false.

%% --- step-in targets ---

-spec step_in_targets(map()) -> map().
step_in_targets(#{frame := Frame}) ->
    #{pid := Pid, module := Mod, function := F, arity := A, line := Line} = Place = ecd_frames:frame(Frame),
    Bindings = bindings(Place),
    Calls = ecd_calls:on_line(clauses({Mod, F, A}), Line),
    Resolved = [R || {_, Target, _, _} <- Calls, {ok, _} = R <- [ecd_calls:resolve(Target, Mod, Bindings)]],
    #{targets => [target_row(Pid, MFA, Line) || {ok, {M, _, _} = MFA} <- unique(Resolved), is_armable(M)]}.

bindings(#{kind := interpreted, meta := Meta, level := Level}) -> ecd_meta:bindings(Meta, Level);
bindings(#{kind := native}) -> [].

target_row(Pid, {M, F, A} = MFA, Line) ->
    Id = ets:update_counter(?TARGETS, next, 1, {next, 0}),
    true = ets:insert(?TARGETS, {Id, Pid, MFA}),
    #{id => Id, label => ecd_names:function(M, F, A), line => Line}.

-spec target(pid(), integer()) -> {ok, mfa()} | error.
target(Pid, Id) ->
    case ets:lookup(?TARGETS, Id) of
        [{_, Pid, MFA}] -> {ok, MFA};
        _ -> error
    end.

-spec drop_targets(pid()) -> ok.
drop_targets(Pid) ->
    true = ets:match_delete(?TARGETS, {'_', Pid, '_'}),
    ok.

unique([]) -> [];
unique([Head | Tail]) -> [Head | unique([X || X <- Tail, X =/= Head])].

%% --- whose code ---

%% Whether a step may enter a module: own code unless the user wants everything, and never what a filter names.
-spec may_enter(module()) -> boolean().
may_enter(Mod) ->
    not lists:prefix("ecd_", atom_to_list(Mod)) andalso
        (not ecd_config:get(justMyCode) orelse ecd_modules:own(Mod)) andalso
        not is_filtered(Mod).

%% Whether a step may end in it: the dispatch of a protocol is only passed through.
-spec may_stop_in(module()) -> boolean().
may_stop_in(Mod) ->
    may_enter(Mod) andalso not erlang:function_exported(Mod, '__protocol__', 1).

is_filtered(Mod) ->
    case ecd_config:get(stepFilters) ++ ecd_config:get(excludeModules) of
        [] -> false;
        Patterns -> ecd_patterns:matches_any(Patterns, ecd_names:module(Mod))
    end.

%% --- frames ---

mfa(#{module := M, function := F, arity := A}) -> {M, F, A}.

ecd_calls_host({M, F, A}) ->
    {HF, HA} = ecd_calls:host({F, A}),
    {M, HF, HA}.

clauses({M, _, _} = MFA) ->
    {_, F, A} = ecd_calls_host(MFA),
    ecd_engine:clauses(M, {F, A}).

depth_below([]) -> 0;
depth_below([#{level := Level} | _]) -> Level.

%% A frame that was entered from native code lies two levels above the frame below it, or is the first.
is_bottom(_Top, []) -> true;
is_bottom(#{level := Level}, [#{level := Next} | _]) -> Level - Next > 1.
