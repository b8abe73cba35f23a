%% How a process can be held that no breakpoint stops: which may be, in what state each is, suspending and resuming.
%% Must not tell anybody; ecd_control does.
-module(ecd_pause).

-export([check/1, arms/1, how/2, suspend/1, resume/1, place/1, others/0]).

%% The debugger and the VM need these to answer: held, they would hold the debugger.
-define(NEEDED, [
    init, code_server, erl_prim_loader, error_logger, logger, logger_proxy, application_controller, kernel_sup,
    kernel_safe_sup, kernel_refc, global_name_server, global_group, user, user_drv, file_server_2, erts_code_purger,
    erl_signal_server, inet_db, rex, net_kernel, erl_epmd, elixir_config, elixir_sup, init_terminate
]).
-define(MAX_ARMS, 40).

-spec check(pid()) -> ok | no_return().
check(Pid) ->
    is_pausable(Pid) orelse
        ecd_failure:user(<<"notPausable">>, "This process belongs to the debugger or to the Erlang system itself.",
                         "Choose a process of the application."),
    ok.

is_pausable(Pid) ->
    case process_info(Pid, registered_name) of
        undefined -> true;
        [] -> not ecd_process:is_hidden(Pid, []);
        {registered_name, Name} -> not lists:member(Name, ?NEEDED) andalso not ecd_process:is_hidden(Pid, Name)
    end.

%% What a busy process has to call to be stopped where its values can be seen: functions of the user's on its stack, and
%% those that they call.
-spec arms(pid()) -> [mfa()].
arms(Pid) ->
    Stack = ecd_step:native_frames(Pid),
    On = [{M, F, A} || {M, F, A, _} <- Stack, is_integer(A), ecd_step:may_enter(M), ecd_calls:host({F, A}) =:= {F, A}],
    #{callers := Callers} = ecd_step:native_plan(in, Stack, []),
    Called = [MFA || #{calls := Calls} <- Callers, {{M, _, _} = MFA, _, _} <- Calls, ecd_step:may_enter(M)],
    lists:sublist(lists:usort(On ++ Called), ?MAX_ARMS).

%% interpreted: its evaluator works, or is about to; receiving: that waits for a message on its behalf; busy: it runs
%% natively; blocked: it waits natively.
-spec how(pid(), pid() | none) -> interpreted | receiving | busy | blocked | gone.
how(Pid, Meta) ->
    case process_info(Pid, [current_function, status]) of
        [{_, {Module, _, _}}, _] when
            Module =:= dbg_debugged; Module =:= dbg_ieval; Module =:= dbg_iserver; Module =:= ecd_inside;
            Module =:= ecd_state
        ->
            evaluator(Meta);
        [_, {_, Status}] when Status =:= running; Status =:= runnable; Status =:= garbage_collecting -> busy;
        [_, _] -> blocked;
        undefined -> gone
    end.

evaluator(none) ->
    interpreted;
evaluator(Meta) ->
    case process_info(Meta, current_function) of
        {_, {dbg_ieval, do_receive, _}} -> receiving;
        _ -> interpreted
    end.

%% By the caller, who must also resume it; the VM does if the caller ends.
-spec suspend(pid()) -> boolean().
suspend(Pid) ->
    try
        erlang:suspend_process(Pid, [asynchronous])
    catch
        %% It has ended, or is the caller.
        error:badarg -> false
    end.

-spec resume(pid()) -> ok.
resume(Pid) ->
    try
        true = erlang:resume_process(Pid),
        ok
    catch
        %% It has ended meanwhile.
        error:badarg -> ok
    end.

-spec place(pid()) -> {module() | undefined, integer()}.
place(Pid) ->
    case ecd_handles:stacktrace(Pid) of
        [{M, _, _, Info} | _] -> {M, proplists:get_value(line, Info, 0)};
        [] -> {undefined, 0}
    end.

%% The processes of the application that are to wait while one is stopped.
-spec others() -> [pid()].
others() ->
    [Pid || Pid <- ecd_applications:processes(), is_pausable(Pid)].
