%% The commands that let processes go on or hold them (protocol/agent.ts). Plans a step here, so that a slow preparation
%% delays nobody else; ecd_control carries it out. Holds no state.
-module(ecd_stepping).

-export([continue/1, next/1, step_in/1, step_out/1, pause/1]).

-spec continue(map()) -> map().
continue(#{thread := Thread, single := Single}) ->
    #{} = ordered({continue, ecd_threads:existing(Thread), Single}),
    #{all => not Single}.

-spec next(map()) -> map().
next(#{thread := Thread, single := Single}) ->
    step(over, ecd_threads:existing(Thread), Single).

-spec step_out(map()) -> map().
step_out(#{thread := Thread, single := Single}) ->
    step(out, ecd_threads:existing(Thread), Single).

-spec step_in(map()) -> map().
step_in(#{thread := Thread, single := Single, target := nil}) ->
    step(in, ecd_threads:existing(Thread), Single);
step_in(#{thread := Thread, single := Single, target := Target}) ->
    Pid = ecd_threads:existing(Thread),
    case ecd_step:target(Pid, Target) of
        {ok, MFA} -> step({into, MFA}, Pid, Single);
        error -> failed(moved)
    end.

-spec pause(map()) -> map().
pause(#{thread := Thread}) ->
    Pid = ecd_threads:existing(Thread),
    ok = ecd_pause:check(Pid),
    armed(Pid, ecd_pause:arms(Pid), {pause, Pid}).

step(Kind, Pid, Single) ->
    case ecd_control:stop_info(Pid) of
        {stopped, #{caller := _, serial := Serial} = Stop} when Kind =:= in ->
            %% At a caller that is about to make a call: stepping in shows the function that was entered already.
            case is_shown(Stop) of
                true -> ordered({reveal, Pid, Serial});
                false -> planned(over, Pid, Stop, Single)
            end;
        {stopped, Stop} ->
            planned(Kind, Pid, Stop, Single);
        running ->
            case is_process_alive(Pid) of
                true -> failed(running);
                false -> failed(gone)
            end
    end.

%% The constructor of an exception, or a function of others, is not for who wants just their code.
is_shown(#{meta := Meta, reason := Reason}) ->
    {ok, {Mod, _}} = ecd_engine:place(Meta),
    Reason =/= <<"exception">> andalso ecd_step:may_stop_in(Mod).

planned(Kind, Pid, #{serial := Serial} = Stop, Single) ->
    case ecd_step:plan(Kind, Pid, Stop) of
        {ok, Plan} -> armed(Pid, maps:get(arms, Plan), {step, Pid, Serial, Plan, Single});
        error -> failed(moved)
    end.

%% What cannot be armed (inlined, without debug info, never to be touched) is a way the step cannot see.
armed(Pid, MFAs, Order) ->
    lists:foreach(fun({M, F, A}) -> ecd_engine:arm(M, {F, A}, {step, Pid}) end, MFAs),
    case ecd_control:order(Order) of
        ok -> #{};
        {error, Why} -> ecd_engine:disarm_all({step, Pid}), failed(Why)
    end.

ordered(Order) ->
    case ecd_control:order(Order) of
        ok -> #{};
        {error, Why} -> failed(Why)
    end.

-spec failed(gone | running | moved) -> no_return().
failed(gone) -> ecd_failure:expected(<<"threadMissing">>, "The process has ended.");
failed(running) -> ecd_failure:expected(<<"notStopped">>, "The process is running; pause it first.");
failed(moved) -> ecd_failure:expected(<<"staleReference">>, "The process has moved on meanwhile.").
