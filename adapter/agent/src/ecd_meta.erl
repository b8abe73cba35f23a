%% Talks to one meta process. Every request has a deadline: a meta inside a native call answers, one in the midst of an
%% expression does not. Holds nothing.
-module(ecd_meta).

-export([command/2, has_heard/1, waits_at/2, frames/1, bindings/2, backtrace/2, eval_in_process/4, is_idle/1]).
-export([run/1]).

-type frame() :: #{
    level := integer(),
    module := module(),
    function := atom(),
    arity := arity(),
    line := integer(),
    args := [term()]
}.
-export_type([frame/0]).

-define(DEADLINE, 5000).
%% Frames whose arguments are fetched. Below them, in a deep recursion, the copies could be larger than the program.
-define(WITH_ARGS, 50).
%% Frames asked for one by one, of a process that has not stopped.
-define(RUNNING_FRAMES, 200).

%% To a meta that waits at a stop; ignored by others.
-spec command(pid(), continue | next | step | finish) -> ok.
command(Meta, Command) ->
    case ecd_engine:name() of
        interpreter ->
            ecd_state:set_meta(Meta, #{command => Command, stopped => false, frames => []});
        traditional ->
            ok
    end,
    Meta ! {user, {cmd, Command}},
    ok.

%% Whether the meta has taken the last command, as its next stop shows. After an evaluation, which hears none, no
%% command is left of what it was told.
-spec has_heard(pid()) -> boolean().
has_heard(Meta) ->
    case ecd_engine:name() of
        interpreter -> ecd_state:meta(Meta, stopped) =:= true andalso ecd_state:meta(Meta, command) =/= none;
        %% The stock server tells of every evaluation, so nothing is known that it would not have told.
        _ -> true
    end.

%% A meta that waits, for a message or for native code, where it has not stopped.
-spec waits_at(pid(), {module(), integer()}) -> ok.
waits_at(Meta, Place) ->
    case ecd_engine:name() of
        interpreter -> ecd_state:set_meta(Meta, #{stop => Place});
        _ -> ok
    end.

%% Interpreted frames only, innermost first. Of frames below the 50 innermost `args` is empty.
-spec frames(pid()) -> [frame()].
frames(Meta) ->
    case backtrace(Meta, ?WITH_ARGS) of
        {ok, Backtrace} ->
            Args = maps:from_list([{Level, As} || {Level, {_, _, As}} <- Backtrace, is_list(As)]),
            [frame(Place, Args) || Place <- places(Meta, Backtrace)];
        timeout ->
            []
    end.

-spec bindings(pid(), nostack | integer()) -> [{atom(), term()}].
bindings(Meta, Level) ->
    case request(Meta, bindings, Level) of
        {ok, Bindings} -> Bindings;
        timeout -> []
    end.

%% The innermost frames as the evaluator has them: level, function with arguments; no lines.
-spec backtrace(pid(), pos_integer() | all) -> {ok, [{integer(), tuple()}]} | timeout.
backtrace(Meta, Count) ->
    case request(Meta, backtrace, Count) of
        {ok, Frames} -> {ok, [{Level, ecd_inside:called(MFA)} || {Level, MFA} <- Frames]};
        timeout -> timeout
    end.

%% Whether the process is outside of interpreted code.
-spec is_idle(pid()) -> boolean() | timeout.
is_idle(Meta) ->
    case backtrace(Meta, 1) of
        {ok, [{1, _} | _]} -> true;
        {ok, _} -> false;
        timeout -> timeout
    end.

%% Runs M:F(Args) in the stopped process itself, as far as it stops in interpreted code of Mod. A process that
%% computes cannot be interrupted: after a timeout it may still be busy.
-spec eval_in_process(pid(), module(), {module(), atom(), [term()]}, timeout()) ->
    {ok, term()} | {error, {atom(), term(), list()}} | timeout.
eval_in_process(Meta, Mod, MFA, Timeout) ->
    %% An evaluator that does not wait for commands fails on this one, and with it the user's process.
    case ecd_engine:claim(Meta) of
        ok -> evaluate(Meta, Mod, MFA, Timeout);
        busy -> {error, {error, not_stopped, []}}
    end.

evaluate(Meta, Mod, MFA, Timeout) ->
    Id = erlang:unique_integer([positive]),
    Key = {?MODULE, Id},
    persistent_term:put(Key, MFA),
    Monitor = monitor(process, Meta, [{alias, reply_demonitor}]),
    Text = lists:flatten(io_lib:format("~s:run(~b).~n", [?MODULE, Id])),
    Meta ! {user, {eval, {Monitor, Mod, Text, nostack}}},
    try
        receive
            {Meta, {eval_rsp, {?MODULE, Result}}} -> Result;
            {Meta, {eval_rsp, Other}} -> {error, {error, Other, []}};
            {'DOWN', Monitor, process, Meta, Reason} -> {error, {exit, Reason, []}}
        after Timeout ->
            timeout
        end
    after
        demonitor(Monitor, [flush]),
        persistent_term:erase(Key)
    end.

%% In the user's process, called by eval_in_process/4.
-spec run(integer()) -> {?MODULE, {ok, term()} | {error, term()}}.
run(Id) ->
    {M, F, Args} = persistent_term:get({?MODULE, Id}),
    try
        {?MODULE, {ok, apply(M, F, Args)}}
    catch
        Class:Reason:Stack -> {?MODULE, {error, {Class, Reason, Stack}}}
    end.

%% The places of all frames: noted at the stop, else asked for one by one, which copies each frame's bindings.
places(Meta, [{Level, Top} | _] = Backtrace) ->
    case ecd_engine:name() =:= interpreter andalso ecd_state:get({meta, Meta}, none) of
        #{stopped := true, stop := {_, Line}, frames := Frames} ->
            [{Level, Top, Line} | [{L, MFA, Li} || #{level := L, mfa := MFA, line := Li} <- Frames]];
        _ when Level =:= 1 ->
            [];
        _ ->
            {ok, Whole} = whole(Meta, Backtrace),
            Places = lists:zipwith(
                fun({Le, MFA}, Line) -> {Le, MFA, Line} end,
                Whole,
                lines(Meta, Level + 1, length(Whole))
            ),
            without_native_call(Places)
    end;
places(_Meta, []) ->
    [].

%% An evaluator that waits for a native call has the callee on top.
without_native_call([{_, MFA, _} = Top | Below]) ->
    case is_interpreted(key(MFA)) of
        true -> [Top | Below];
        false -> Below
    end.

is_interpreted({M, F, A}) ->
    case ecd_engine:name() =:= traditional orelse ecd_state:get({prepared, M}, none) of
        true -> true;
        none -> false;
        Table -> hd(atom_to_list(F)) =:= $- orelse ecd_prepare:row(Table, M, {F, A}) =/= none
    end.

whole(_Meta, Backtrace) when length(Backtrace) < ?WITH_ARGS ->
    {ok, Backtrace};
whole(Meta, Backtrace) ->
    case backtrace(Meta, ?RUNNING_FRAMES) of
        {ok, Whole} -> {ok, Whole};
        timeout -> {ok, Backtrace}
    end.

%% `stack_frame` knows the frames below the innermost; of that one the line is known where the process has stopped.
lines(Meta, Level, Count) ->
    [top_line(Meta) | lists:sublist(below(Meta, Level, Count) ++ lists:duplicate(Count, 0), Count - 1)].

below(_Meta, _Level, 1) ->
    [];
below(Meta, Level, Count) ->
    case request(Meta, stack_frame, {up, Level}) of
        {ok, {Next, {_, Line}, _Bindings}} when Next < Level -> [abs(Line) | below(Meta, Next, Count - 1)];
        _ -> []
    end.

top_line(Meta) ->
    case ecd_engine:place(Meta) of
        {ok, {_, Line}} -> Line;
        error -> 0
    end.

frame({Level, MFA, Line}, Args) ->
    {M, F, A} = key(MFA),
    #{level => Level, module => M, function => F, arity => A, line => Line, args => maps:get(Level, Args, [])}.

key({M, F, As}) when is_list(As) -> {M, F, length(As)};
key({M, F, A}) -> {M, F, A}.

%% A reply that comes too late goes to an alias that is no more.
request(Meta, Tag, Argument) ->
    Monitor = monitor(process, Meta, [{alias, reply_demonitor}]),
    Meta ! {user, {get, Tag, Monitor, Argument}},
    receive
        {Meta, Tag, Reply} -> {ok, Reply};
        {'DOWN', Monitor, process, Meta, _} -> timeout
    after ?DEADLINE ->
        demonitor(Monitor, [flush]),
        receive
            {Meta, Tag, _Late} -> timeout
        after 0 -> timeout
        end
    end.
