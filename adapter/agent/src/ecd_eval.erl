%% Expressions at a frame: in the stopped process (repl) or in a throw-away that looks like it (hover, watch, no frame).
%% Parses and prepares in throw-away processes; knows nothing of stacks, and renders through ecd_values.
-module(ecd_eval).

-export([evaluate/1, end_evaluation/1, set_variable/1, busy/0, variables/1, resumed/1, drop/1, stop/0]).
-export([run/1, take/1]).

%% {{work, Id}, Work}, {{busy, Pid}, Id}; what the console bound: {{rebound, Pid, Level}, Bindings} for variables that the
%% program has in that frame, until it resumes, and {{bound, Pid}, Bindings} for the console's own.
-define(TABLE, ecd_evaluations).
%% ms for what prepares an evaluation: parsing, the environment, the companion module.
-define(PREPARE, 10000).

%% DAP evaluate.
-spec evaluate(map()) -> map().
evaluate(#{expression := Expression, frame := FrameId, context := Context}) ->
    Frame = case FrameId of nil -> none; _ -> ecd_frames:frame(FrameId) end,
    Purpose = purpose(Context),
    case simple(Expression, Frame) of
        {ok, Value} -> ecd_values:present(owner(Frame), Value, expression_name(Expression, Frame), Purpose);
        no -> evaluated(Expression, Frame, Context, Purpose)
    end.

purpose(<<"repl">>) -> repl;
purpose(<<"clipboard">>) -> whole;
purpose(<<"variables">>) -> whole;
purpose(_) -> hover.

owner(none) -> session;
owner(#{pid := Pid}) -> Pid.

%% A variable's value needs no evaluation; most hovers and watches are just that.
simple(_Expression, none) ->
    no;
simple(Expression, Frame) ->
    Name = string:trim(Expression),
    case ecd_names:is_identifier(Name) andalso lists:keyfind(Name, 1, variables(Frame)) of
        {Name, Value} -> {ok, Value};
        false -> no
    end.

expression_name(Expression, none) -> {elixir, Expression};
expression_name(Expression, Frame) -> {ecd_expression:language(Frame), string:trim(Expression)}.

%% The console's own variables, hidden by the frame's, hidden by what the console rebound in this frame.
-spec variables(ecd_frames:frame()) -> [{binary(), term()}].
variables(Frame = #{pid := Pid}) ->
    Visible = maps:from_list([{Name, Value} || {Name, Value, _Raw} <- ecd_frames:bindings(Frame)]),
    Layers = [bound({bound, Pid}), Visible, bound(rebound_key(Frame))],
    maps:to_list(lists:foldl(fun(Above, Below) -> maps:merge(Below, Above) end, #{}, Layers)).

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
    Name = expression_name(Expression, Frame),
    case {Context, stopped(Frame)} of
        {<<"repl">>, {stopped, Meta}} ->
            Reference = in_process(Expression, Frame, Meta),
            present_reference(Reference, Name, Purpose);
        _ ->
            Value = in_throw_away(Expression, Frame),
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
in_throw_away(Expression, Frame) ->
    Timeout = ecd_config:get(evaluateTimeout),
    Evaluation = prepare(Expression, Frame),
    Work = fun() ->
        look_like(Frame),
        ecd_expression:run(Evaluation)
    end,
    case ecd_worker:run(Work, Timeout) of
        {ok, {ok, Value, _Bindings}} -> Value;
        {ok, {error, Text}} -> failed(Text);
        timeout -> ecd_failure:user(<<"evaluateTimeout">>, ["The expression took more than ", seconds(Timeout), " or too much "
                                    "memory and was ended."], "Raise evaluateTimeout, or evaluate it in the debug console.");
        {died, Reason} -> failed(io_lib:format("** (EXIT) ~0tP", [Reason, 20]))
    end.

seconds(Ms) -> io_lib:format("~.1f s", [Ms / 1000]).

failed(Text) -> ecd_failure:user(<<"evaluateError">>, Text).

prepare(Expression, Frame) ->
    Variables = case Frame of none -> []; _ -> variables(Frame) end,
    case ecd_worker:run(fun() -> ecd_expression:prepare(Expression, Frame, Variables) end, ?PREPARE) of
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

%% In the stopped process itself. This handler may be ended meanwhile (cancel); the process then still evaluates, says
%% so to the next evaluation, and run/1 does what is left to do.
in_process(Expression, Frame = #{pid := Pid, module := Module}, Meta) ->
    refuse_busy(Pid),
    Evaluation = prepare(Expression, Frame),
    Visible = [Name || {Name, _Value, _Raw} <- ecd_frames:bindings(Frame)],
    Id = new_work({Pid, rebound_key(Frame), Visible, Evaluation}),
    case ets:insert_new(?TABLE, {{busy, Pid}, Id}) of
        true -> ok;
        false -> ets:delete(?TABLE, {work, Id}), refuse_busy(Pid)
    end,
    case ecd_meta:eval_in_process(Meta, Module, {?MODULE, run, [Id]}, infinity) of
        {ok, {ok, Reference}} -> Reference;
        {ok, {error, Text}} -> failed(Text);
        Other ->
            ets:delete(?TABLE, {busy, Pid}),
            ets:delete(?TABLE, {work, Id}),
            failed(io_lib:format("The process could not evaluate: ~0tP", [Other, 20]))
    end.

refuse_busy(Pid) ->
    case ets:member(?TABLE, {busy, Pid}) of
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
    try ecd_expression:run(Evaluation) of
        {ok, Value, Bindings} ->
            bind(Rebound, maps:with(Visible, Bindings)),
            bind({bound, Pid}, maps:without(Visible, Bindings)),
            {ok, ecd_values:reference(Pid, {root, Value, none})};
        {error, Text} ->
            {error, Text}
    after
        ets:delete(?TABLE, {busy, Pid})
    end.

%% Called in the user's process by the evaluator: the value that set_variable/1 binds.
-spec take(integer()) -> term().
take(Id) ->
    [{_, Value}] = ets:take(?TABLE, {work, Id}),
    Value.

%% Threads whose process evaluates for the debug console, for whoever must say so.
-spec busy() -> [integer()].
busy() ->
    [ecd_threads:id(Pid) || [Pid] <- ets:match(?TABLE, {{busy, '$1'}, '_'})].

%% endEvaluation: the process cannot be interrupted, only ended.
-spec end_evaluation(map()) -> map().
end_evaluation(#{thread := Thread}) ->
    case ecd_threads:pid(Thread) of
        {ok, Pid} ->
            case ets:member(?TABLE, {busy, Pid}) of
                true ->
                    exit(Pid, kill),
                    ets:delete(?TABLE, {busy, Pid}),
                    #{};
                false ->
                    ecd_failure:user(<<"notEvaluating">>, "This process is not evaluating anything.",
                                     "To end it all the same, terminate the thread.")
            end;
        error ->
            ecd_failure:user(<<"threadMissing">>, ["There is no thread ", integer_to_list(Thread), " any more."],
                             "Refresh the list of threads and choose again.")
    end.

%% setVariable: the evaluator keeps the top frame's variables and can bind them anew; those of its callers, arguments
%% and parts of values it cannot.
-spec set_variable(map()) -> map().
set_variable(#{reference := Reference, name := Name, value := Expression}) ->
    {Pid, Frame, Raw} = settable(ecd_values:locator(Reference), Name),
    {stopped, Meta} = stopped(Frame),
    refuse_busy(Pid),
    Value = in_throw_away(Expression, Frame),
    Id = new_work(Value),
    case ecd_meta:set_variable(Meta, Raw, {?MODULE, take, [Id]}) of
        ok ->
            ets:insert(?TABLE, {rebound_key(Frame), maps:remove(Name, bound(rebound_key(Frame)))}),
            ecd_values:present(Pid, Value, expression_name(Name, Frame), list);
        {error, Reason} ->
            ets:delete(?TABLE, {work, Id}),
            unsettable(io_lib:format("The evaluator refused: ~0tP.", [Reason, 20]))
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
    ets:delete(?TABLE, {busy, Pid}),
    ok.

-spec stop() -> ok.
stop() ->
    ecd_private:unload_all().
