%% Why a process has stopped where it has, or how it is to go on. Asks those who armed something; changes nothing.
-module(ecd_verdict).

-export([of_stop/4, pause_reason/0]).

-type reason() :: #{reason := binary(), description := binary(), ids := [integer()]}.
-type caller() :: {frame | tail, {module(), atom(), arity(), integer()}}.
%% What ecd_control knows about the process: the step that is under way, whether it has left interpreted code since,
%% whether a pause was asked for, its evaluator.
-type facts() :: #{step := ecd_step:plan() | none, left := boolean(), pausing := boolean(), meta := pid()}.
-type hit() :: {line | arrival | entry, Depth :: integer()} | none.
-export_type([reason/0, caller/0]).

%% With a caller the client is shown that one's place; the function that it has entered stays hidden.
-spec of_stop(pid(), {module(), integer()}, hit(), facts()) ->
    {stop, reason()} | {stop, caller(), reason()} | {again, step | continue}.
of_stop(Pid, Place, Hit, Facts) ->
    case ecd_exceptions:stopped(Pid) of
        {ok, Description, here} ->
            {stop, exception_reason(Description)};
        {ok, Description, Site} ->
            {stop, {frame, Site}, exception_reason(Description)};
        none ->
            stepped(Pid, Place, Hit, Facts)
    end.

stepped(_Pid, Place, {entry, _}, #{step := #{}}) ->
    {stop, step_reason(Place)};
stepped(Pid, Place, _Hit, #{step := #{kind := serving, client := Client}, meta := Meta}) ->
    case serves(Client, Meta) of
        true -> {stop, step_reason(Place)};
        false -> of_user(Pid, Place, {again, continue})
    end;
stepped(Pid, Place, _Hit, #{step := #{kind := native} = Step, meta := Meta}) ->
    came_back(Pid, Place, Step, Meta);
stepped(Pid, Place, _Hit, #{step := #{} = Step, left := true, meta := Meta}) ->
    came_back(Pid, Place, Step, Meta);
stepped(Pid, Place, {arrival, _}, #{step := #{} = Step, meta := Meta}) ->
    came_back(Pid, Place, Step, Meta);
stepped(_Pid, Place, {line, _}, #{step := #{}}) ->
    {stop, step_reason(Place)};
stepped(Pid, {Mod, Line}, none, #{step := #{kind := in}}) ->
    case Line > 0 andalso ecd_step:may_stop_in(Mod) of
        true -> {stop, step_reason({Mod, Line})};
        false -> of_user(Pid, {Mod, Line}, {again, step})
    end;
stepped(Pid, Place, none, #{pausing := true}) ->
    of_user(Pid, Place, {stop, pause_reason()});
stepped(Pid, Place, _Hit, _Facts) ->
    of_user(Pid, Place, {again, continue}).

%% A function was entered that a native caller calls. Without that caller below it, it is some other call: the process
%% goes on, and the step with it.
came_back(Pid, Place, #{callers := Callers} = Step, Meta) ->
    case arrival(Pid, Meta, Callers) of
        {_, {M, _, _, Line}} = Caller ->
            case maps:get(skip, Step, none) =:= {M, Line} of
                true -> of_user(Pid, Place, {again, continue});
                false -> {stop, Caller, step_reason(Place)}
            end;
        none ->
            of_user(Pid, Place, {again, continue})
    end.

arrival(_Pid, _Meta, []) ->
    none;
arrival(Pid, Meta, Callers) ->
    case ecd_meta:frames(Meta) of
        [#{module := M, function := F, arity := A} | _] -> ecd_step:arrival(Pid, {M, F, A}, Callers);
        [] -> none
    end.

%% A server that a step goes into may have other messages to handle before that of the stepping process.
serves(Client, Meta) ->
    case ecd_meta:frames(Meta) of
        [#{function := handle_call, args := [_Request, {From, _Tag}, _State]} | _] -> From =:= Client;
        _ -> true
    end.

exception_reason(Description) ->
    #{reason => <<"exception">>, description => Description, ids => []}.

%% What the user has set at a place counts whatever else happens there.
of_user(Pid, {Mod, Line}, Otherwise) ->
    case ecd_breakpoints:hit(Pid, Mod, Line) of
        none -> Otherwise;
        #{kind := internal} -> of_entry(Otherwise);
        #{kind := Kind, ids := Ids} -> {stop, breakpoint_reason(Kind, Ids)}
    end.

of_entry(Otherwise) ->
    case ecd_entry:is_first() of
        true -> {stop, #{reason => <<"entry">>, description => <<"Paused on entry">>, ids => []}};
        false -> Otherwise
    end.

breakpoint_reason(dbg, _Ids) ->
    #{reason => <<"dbg">>, description => <<"Paused on dbg">>, ids => []};
breakpoint_reason(function, Ids) ->
    #{reason => <<"function breakpoint">>, description => <<"Paused on function breakpoint">>, ids => Ids};
breakpoint_reason(line, Ids) ->
    #{reason => <<"breakpoint">>, description => <<"Paused on breakpoint">>, ids => Ids}.

%% A step that ends on a line with breakpoints is a step all the same, and names them.
step_reason({Mod, Line}) ->
    Ids =
        case ecd_breakpoints:hit(Mod, Line) of
            #{kind := Kind, ids := At} when Kind =:= line; Kind =:= function -> At;
            _ -> []
        end,
    #{reason => <<"step">>, description => <<"Paused after a step">>, ids => Ids}.

-spec pause_reason() -> reason().
pause_reason() ->
    #{reason => <<"pause">>, description => <<"Paused">>, ids => []}.
