%% What the client is told of processes that stop, go on and step. Must not change or decide anything.
-module(ecd_news).

-export([stopping/3, stopped/1, continued/1, step_lost/1, step_receives/1, step_runs_natively/2]).
-export([heavy/2, entered/2, engine_down/0]).

%% ms for finding out who waits for a stopped process.
-define(DESCRIBE, 500).

%% The caller gets {announce, Pid, Serial, Event} when all is known of the stop. Who waits for the stopped process is
%% found out aside: with many stops at once it takes a while.
-spec stopping(pid(), integer(), ecd_verdict:reason()) -> ok.
stopping(Pid, Serial, #{reason := Reason, description := Description, ids := Ids}) ->
    Event = #{thread => ecd_threads:id(Pid), reason => Reason, description => Description, hitBreakpointIds => Ids},
    Control = self(),
    _ = spawn(fun() -> Control ! {announce, Pid, Serial, with_text(Pid, Event)} end),
    ok.

with_text(Pid, Event) ->
    case ecd_worker:run(fun() -> ecd_waiting:text(Pid) end, ?DESCRIBE) of
        {ok, Text} when is_binary(Text) -> Event#{text => Text};
        _ -> Event
    end.

-spec stopped(map()) -> ok.
stopped(Event) ->
    ecd_wire:event(stopped, Event).

-spec continued(pid()) -> ok.
continued(Pid) ->
    ecd_wire:event(continued, #{thread => ecd_threads:id(Pid)}).

-spec step_lost(pid()) -> ok.
step_lost(Pid) ->
    tell(Pid, "has returned to code that runs natively, where a step cannot follow. It runs on.").

-spec step_receives(pid()) -> ok.
step_receives(Pid) ->
    tell(Pid, "waits for a message in a receive. The step goes on when one comes.").

%% The step is not lost, and yet nothing happens that the user could see.
-spec step_runs_natively(pid(), mfa() | none) -> ok.
step_runs_natively(Pid, Caller) ->
    Where =
        case Caller of
            {M, F, A} -> [" in ", ecd_names:function(M, F, A)];
            none -> []
        end,
    Then = ". The step ends where a function of the program is called next, or returned to.",
    tell(Pid, ["runs natively", Where, Then]).

tell(Pid, What) ->
    notice(info, [ecd_process:name(Pid), $\s, pid_to_list(Pid), $\s, What]).

-spec heavy(mfa(), non_neg_integer()) -> ok.
heavy({M, F, A}, Bytes) ->
    Text = io_lib:format("Debugging ~ts copies some ~b MB at each call: its arguments or the values around its "
                         "closures are large. Expect it to be slow while it is interpreted.",
                         [ecd_names:function(M, F, A), Bytes div (1024 * 1024)]),
    notice(warning, Text).

-spec entered(module(), map()) -> ok.
entered(Mod, Facts) ->
    ecd_wire:event(entered, Facts#{module => ecd_modules:display(Mod)}).

-spec engine_down() -> ok.
engine_down() ->
    notice(error, "The debugging engine has ended; everything runs on.").

notice(Level, Text) ->
    ecd_wire:event(notice, #{level => atom_to_binary(Level), text => unicode:characters_to_binary(Text)}).
