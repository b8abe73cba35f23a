%% Expressions at a frame: in the stopped process (repl) or in a throw-away that looks like it (hover, watch, no frame).
%% Parses and prepares in throw-away processes; knows nothing of stacks, and renders through ecd_values.
-module(ecd_eval).

-export([evaluate/1, end_evaluation/1, set_variable/1, variables/1, directives/1, resumed/1, drop/1, stop/0]).
%% Called in the user's process.
-export([run/1, take/1]).

%% {{work, Id}, Work}, {{busy, Pid}, Id}; what the console bound: {{rebound, Pid, Level}, Bindings} for variables that
%% the program has in that frame, until it resumes, and {{bound, Pid | session}, Bindings} for the console's own;
%% {{directives, Pid | session, Function}, [Quoted]} for what the console imported, aliased and required there.
-define(TABLE, ecd_evaluations).
%% ms for what prepares an evaluation: parsing, the environment, the companion module.
-define(PREPARE, 10000).
%% ms for the evaluator to bind a variable.
-define(SET, 5000).

%% DAP evaluate.
-spec evaluate(map()) -> map().
evaluate(#{expression := Expression, frame := FrameId, context := Context}) ->
    Frame = case FrameId of nil -> none; _ -> ecd_frames:frame(FrameId) end,
    Purpose = purpose(Context),
    case simple(Expression, Frame) of
        {ok, Value} -> ecd_values:present(owner(Frame), Value, expression_name(Expression, Frame, Context), Purpose);
        no -> evaluated(Expression, Frame, Context, Purpose)
    end.

purpose(<<"repl">>) -> repl;
purpose(<<"clipboard">>) -> whole;
purpose(<<"variables">>) -> whole;
purpose(_) -> hover.

owner(none) -> session;
owner(#{pid := Pid}) -> Pid.

%% A variable's value needs no evaluation; most hovers and watches are just that.
simple(Expression, Frame) ->
    Name = string:trim(Expression),
    case ecd_names:is_identifier(Name) andalso lists:keyfind(Name, 1, variables(Frame)) of
        {Name, Value} -> {ok, Value};
        false -> no
    end.

%% How children of the result are reached. A path may be evaluated again; what else was typed into the console may do
%% something each time.
expression_name(Expression, Frame, Context) ->
    Text = string:trim(Expression),
    case {re:run(Text, <<"^[\\p{L}_@][\\p{L}\\p{N}_.?!]*$">>, [unicode]), Context} of
        {{match, _}, _} -> {ecd_expression:language(Frame), Text};
        {nomatch, <<"repl">>} -> none;
        {nomatch, _} -> {ecd_expression:language(Frame), <<$(, Text/binary, $)>>}
    end.

%% The console's own variables, hidden by the frame's, hidden by what the console rebound in this frame.
-spec variables(ecd_frames:frame() | none) -> [{binary(), term()}].
variables(none) ->
    maps:to_list(bound({bound, session}));
variables(Frame = #{pid := Pid}) ->
    Visible = maps:from_list([
        {Name, Value}
     || {Name, Value, _Raw} <- ecd_frames:bindings(Frame),
        ecd_scope:bare(Name) =:= Name
    ]),
    Layers = [bound({bound, Pid}), Visible, bound(rebound_key(Frame))],
    maps:to_list(lists:foldl(fun(Above, Below) -> maps:merge(Below, Above) end, #{}, Layers)).

%% What was typed into the console in this function counts there until the process ends: `import Enum`, then `map(…)`.
-spec directives(ecd_frames:frame() | none) -> [Quoted :: term()].
directives(Frame) ->
    case ets:lookup(?TABLE, directives_key(Frame)) of
        [{_, Directives}] -> Directives;
        [] -> []
    end.

directives_key(none) -> {directives, session, none};
directives_key(#{pid := Pid, module := M, function := F, arity := A}) -> {directives, Pid, {M, F, A}}.

keep_directives(Frame, Evaluation) ->
    New = ecd_expression:directives(Evaluation),
    _ = [ets:insert(?TABLE, {directives_key(Frame), directives(Frame) ++ New}) || New =/= []],
    ok.

rebound_key(#{pid := Pid, kind := native}) -> {rebound, Pid, native};
rebound_key(#{pid := Pid, level := Level}) -> {rebound, Pid, Level}.

bound(Key) ->
    case ets:lookup(?TABLE, Key) of
        [{_, Bindings}] -> Bindings;
        [] -> #{}
    end.

bind(_Key, New) when map_size(New) =:= 0 -> ok;
bind(Key, New) -> ets:insert(?TABLE, {Key, maps:merge(bound(Key), New)}), ok.

evaluated(Expression, Frame, Context, Purpose) ->
    Name = expression_name(Expression, Frame, Context),
    case {Context, stopped(Frame)} of
        {<<"repl">>, {stopped, Meta}} ->
            Reference = in_process(Expression, Frame, Meta),
            present_reference(Reference, Name, Purpose);
        {<<"repl">>, running} ->
            %% Whoever types it waits for it, and can cancel it.
            Evaluation = prepare(Expression, Frame),
            {Value, Bindings} = in_throw_away(Evaluation, Frame, infinity),
            bind({bound, owner(Frame)}, Bindings),
            keep_directives(Frame, Evaluation),
            ecd_values:present(owner(Frame), Value, Name, Purpose);
        _ ->
            Evaluation = prepare(Expression, Frame),
            {Value, _Bindings} = in_throw_away(Evaluation, Frame, ecd_config:get(evaluateTimeout)),
            ecd_values:present(owner(Frame), Value, Name, Purpose)
    end.

stopped(none) ->
    running;
stopped(#{pid := Pid}) ->
    case ecd_control:stop_info(Pid) of
        {stopped, #{kind := interpreted, meta := Meta}} -> {stopped, Meta};
        _ -> running
    end.

%% The value stays where run/1 put it: it is not copied once more for its reference.
present_reference(Reference, Name, Purpose) ->
    {Owner, {root, Value, _}} = ecd_values:locator(Reference),
    ecd_values:present(Owner, Value, Name, Purpose).

%% In a throw-away process that looks like the frame's.
in_throw_away(Evaluation, Frame, Timeout) ->
    Work = fun() ->
        look_like(Frame),
        ecd_expression:run(Evaluation)
    end,
    case ecd_worker:run(Work, Timeout) of
        {ok, {ok, Value, Bindings}} -> {Value, Bindings};
        {ok, {error, Text}} -> failed(Text);
        timeout -> too_much(Timeout);
        {died, Reason} -> failed(io_lib:format("** (EXIT) ~0tP", [Reason, 20]))
    end.

too_much(infinity) ->
    failed("The expression used too much memory and was ended.");
too_much(Timeout) ->
    ecd_failure:user(
        <<"evaluateTimeout">>,
        io_lib:format("The expression took more than ~.1f s or too much memory and was ended.", [Timeout / 1000]),
        "Raise evaluateTimeout, or evaluate it in the debug console."
    ).

failed(Text) -> ecd_failure:user(<<"evaluateError">>, Text).

prepare(Expression, Frame) ->
    Variables = variables(Frame),
    Directives = directives(Frame),
    case ecd_worker:run(fun() -> ecd_expression:prepare(Expression, Frame, Variables, Directives) end, ?PREPARE) of
        {ok, {ok, Evaluation}} -> Evaluation;
        {ok, {error, Text}} -> failed(Text);
        timeout -> failed("Reading the source file of this place took too long.");
        {died, Reason} -> failed(io_lib:format("** (EXIT) ~0tP", [Reason, 20]))
    end.

%% Dictionary with $ancestors and $callers, group leader: what code looks at to know where it runs.
look_like(none) ->
    ok;
look_like(#{pid := Pid}) ->
    case process_info(Pid, [dictionary, group_leader]) of
        [{dictionary, Dictionary}, {group_leader, Leader}] ->
            lists:foreach(fun({Key, Value}) -> put(Key, Value) end, Dictionary),
            group_leader(Leader, self());
        undefined ->
            ok
    end.

%% In the stopped process itself. This handler may be ended meanwhile (cancel): the process that waits for the evaluator
%% is another one, and the stopped process stays busy until it has finished or is ended.
in_process(Expression, Frame = #{pid := Pid}, Meta) ->
    refuse_busy(Pid),
    Evaluation = prepare(Expression, Frame),
    Visible = [Name || {Name, _Value, _Raw} <- ecd_frames:bindings(Frame)],
    Id = new_work({Pid, rebound_key(Frame), Visible, Evaluation}),
    case ets:insert_new(?TABLE, {{busy, Pid}, Id}) of
        true -> ok;
        false -> ets:delete(?TABLE, {work, Id}), refuse_busy(Pid)
    end,
    Handler = self(),
    {Driver, Monitor} = spawn_monitor(fun() -> exit({evaluated, drive(Handler, Pid, Frame, Meta, Id)}) end),
    receive
        {'DOWN', Monitor, process, Driver, {evaluated, {ok, {ok, Reference}}}} ->
            keep_directives(Frame, Evaluation),
            Reference;
        {'DOWN', Monitor, process, Driver, {evaluated, {ok, {error, Text}}}} -> failed(Text);
        {'DOWN', Monitor, process, Driver, Other} ->
            failed(io_lib:format("The process could not evaluate the expression: ~0tP", [Other, 20]))
    end.

drive(Handler, Pid, #{module := Module}, Meta, Id) ->
    Watch = spawn_link(fun() -> watch(Handler, Pid) end),
    try
        ecd_meta:eval_in_process(Meta, Module, {?MODULE, run, [Id]}, infinity)
    after
        unlink(Watch),
        exit(Watch, kill),
        ets:delete(?TABLE, {busy, Pid}),
        ets:delete(?TABLE, {work, Id})
    end.

%% The request was cancelled: the user should know why the process does not go on.
watch(Handler, Pid) ->
    Monitor = monitor(process, Handler),
    receive
        {'DOWN', Monitor, process, Handler, _} ->
            Text = [
                ecd_names:pid(Pid), $\s, ecd_process:name(Pid), " is still busy with the cancelled expression. "
                "It cannot be interrupted; terminating the thread, or the request endEvaluation, ends the process."
            ],
            ecd_wire:event(notice, #{level => <<"warning">>, text => unicode:characters_to_binary(Text)})
    end.

refuse_busy(Pid) ->
    case is_busy(Pid) of
        true -> ecd_failure:user(<<"evaluationBusy">>, "The process is still evaluating an earlier expression.",
                                 "Wait for it, or end the process with endEvaluation.");
        false -> ok
    end.

new_work(Work) ->
    Id = ets:update_counter(?TABLE, next, 1, {next, 0}),
    true = ets:insert(?TABLE, {{work, Id}, Work}),
    Id.

%% Called in the user's process. The result stays there as a handle; only its number travels through the evaluator.
-spec run(integer()) -> {ok, pos_integer()} | {error, binary()}.
run(Id) ->
    [{_, {Pid, Rebound, Visible, Evaluation}}] = ets:take(?TABLE, {work, Id}),
    case ecd_expression:run(Evaluation) of
        {ok, Value, Bindings} ->
            bind(Rebound, maps:with(Visible, Bindings)),
            bind({bound, Pid}, maps:without(Visible, Bindings)),
            {ok, ecd_values:reference(Pid, {root, Value, none})};
        {error, Text} ->
            {error, Text}
    end.

%% Called in the user's process by the evaluator: the value that set_variable/1 binds.
-spec take(integer()) -> term().
take(Id) ->
    [{_, Value}] = ets:take(?TABLE, {work, Id}),
    Value.

%% The evaluator of such a process takes no command until the evaluation is over.
is_busy(Pid) ->
    ets:member(?TABLE, {busy, Pid}).

%% endEvaluation: the process cannot be interrupted, only ended.
-spec end_evaluation(map()) -> map().
end_evaluation(#{thread := Thread}) ->
    Pid = ecd_threads:existing(Thread),
    case is_busy(Pid) of
        true ->
            exit(Pid, kill),
            ets:delete(?TABLE, {busy, Pid}),
            #{};
        false ->
            ecd_failure:user(<<"notEvaluating">>, "This process is not evaluating anything.",
                             "To end it all the same, terminate the thread.")
    end.

%% setVariable: the evaluator keeps the top frame's variables and can bind them anew; those of its callers, arguments
%% and parts of values it cannot.
-spec set_variable(map()) -> map().
set_variable(#{reference := Reference, name := Name, value := Expression}) ->
    {Pid, Frame, Raw} = settable(ecd_values:locator(Reference), Name),
    {stopped, Meta} = stopped(Frame),
    refuse_busy(Pid),
    {Value, _Bindings} = in_throw_away(prepare(Expression, Frame), Frame, ecd_config:get(evaluateTimeout)),
    bind_in_evaluator(Meta, Frame, Raw, Value),
    ets:insert(?TABLE, {rebound_key(Frame), maps:remove(Name, bound(rebound_key(Frame)))}),
    ecd_values:present(Pid, Value, {ecd_expression:language(Frame), Name}, list).

%% The evaluator's own command line binds a variable anew when it stands alone on the left of a match.
bind_in_evaluator(Meta, #{module := Module}, Raw, Value) ->
    is_scannable(Raw) orelse unsettable("Erlang's evaluator cannot write the name of this variable."),
    Id = new_work(Value),
    Monitor = monitor(process, Meta, [{alias, reply_demonitor}]),
    Text = unicode:characters_to_list(io_lib:format("~ts = ~s:take(~b).~n", [Raw, ?MODULE, Id])),
    Meta ! {user, {eval, {Monitor, Module, Text, nostack}}},
    Outcome =
        receive
            {Meta, {eval_rsp, Bound}} -> {bound, Bound};
            {'DOWN', Monitor, process, Meta, Reason} -> {down, Reason}
        after ?SET ->
            timeout
        end,
    demonitor(Monitor, [flush]),
    ets:delete(?TABLE, {work, Id}),
    Outcome =:= {bound, Value} orelse unsettable(io_lib:format("The evaluator refused: ~0tP.", [Outcome, 20])).

is_scannable(Raw) ->
    case erl_scan:string(atom_to_list(Raw)) of
        {ok, [{var, _, Raw}], _} -> true;
        _ -> false
    end.

settable({Pid, {scope, {ecd_frames, locals, [Frame]}}}, Name) ->
    case {maps:get(top, Frame, false), stopped(Frame), lists:keyfind(Name, 1, ecd_frames:bindings(Frame))} of
        {_, running, _} -> unsettable("The process is not stopped.");
        {_, _, false} -> unsettable(["There is no variable ", Name, " here."]);
        {true, _, {Name, _Value, Raw}} -> {Pid, Frame, Raw};
        _ -> unsettable("Only variables of the topmost frame can be set; its callers have already been given theirs.")
    end;
settable({_Pid, {scope, _}}, _Name) ->
    unsettable("Only local variables can be set.");
settable(_Locator, _Name) ->
    unsettable("Values are immutable: a part cannot be set. Set the whole variable instead.").

unsettable(Why) ->
    ecd_failure:user(<<"notSettable">>, Why, "Set a local variable of the topmost frame of a stopped process.").

%% The process goes on, with its own values of its variables.
-spec resumed(pid()) -> ok.
resumed(Pid) ->
    ets:match_delete(?TABLE, {{rebound, Pid, '_'}, '_'}),
    ok.

%% The process has ended.
-spec drop(pid()) -> ok.
drop(Pid) ->
    resumed(Pid),
    ets:delete(?TABLE, {bound, Pid}),
    ets:match_delete(?TABLE, {{directives, Pid, '_'}, '_'}),
    ets:delete(?TABLE, {busy, Pid}),
    ok.

-spec stop() -> ok.
stop() ->
    ecd_private:unload_all().
