%% What all launchers share: hooks into the compiler before the first line of the user's, and the news that it has
%% ended. Must not run anything of the user's outside the fun it is given.
-module(ecd_launch).

-export([before_code/0, run/1, module_defined/4, tell/3, notice/2]).

%% ms that the end of a program may take longer for what the agent writes to disk meanwhile.
-define(PATIENCE, 1000).

%% Elixir is started, nothing of the user's has been compiled yet.
-spec before_code() -> ok.
before_code() ->
    case ecd_config:get(noDebug) of
        true -> ok;
        false -> ecd_patience:prepare(), ecd_tracer:install()
    end.

%% Runs the task or script in the process of the launcher, so that errors, exits and at_exit hooks take the way they
%% take without us. Our hook is registered first, hence runs last and sees the status that the program ends with.
-spec run(fun(() -> Result)) -> Result.
run(Fun) ->
    'Elixir.System':at_exit(fun(Status) -> ended(Status) end),
    ok = ecd_stdin:watch(),
    case {ecd_config:get(exitAfterTaskReturns), ecd_config:get(program)} of
        {true, Program} when Program =/= <<"iex">> -> Fun();
        _ -> stay_alive(Fun())
    end.

%% Elixir runs no at_exit hook while it stays alive.
stay_alive(Result) ->
    ended(0),
    'Elixir.System':no_halt(true),
    Result.

%% A module came into being in this VM and, if we were told in time, has not run yet. Those of scripts and tests exist
%% nowhere else; the others will be looked at when Mix has written them. More than one may tell us of the same module.
%% After the agent was taken out this does nothing.
-spec module_defined(module(), binary(), binary(), early | late) -> ok.
module_defined(Mod, Bytecode, File, When) ->
    case whereis(ecd_breakpoints) of
        undefined ->
            ok;
        _ ->
            case ecd_modules:remember(Mod, Bytecode, File, When) of
                known -> ok;
                new -> ecd_mix:counted(), module_defined(Mod, File)
            end
    end.

module_defined(Mod, File) ->
    %% A script's first module is compiled; Mix compiles its own first.
    _ = ecd_config:get(script) =:= nil orelse ecd_ahead:remember(),
    Memory = [Part || filename:extension(File) =/= <<".ex">>, Part <- [ecd_dbg, ecd_entry, ecd_exceptions]],
    tell([ecd_breakpoints | Memory], module_defined, [Mod]).

%% Parts of the agent learn of something in the user's process, which must not die of our troubles.
-spec tell([module()], atom(), [term()]) -> ok.
tell(Parts, Function, Args) ->
    try
        lists:foreach(fun(Part) -> ok = apply(Part, Function, Args) end, Parts)
    catch
        exit:Reason -> notice(warning, io_lib:format("Not all breakpoints are armed: ~0tP", [Reason, 20]))
    end.

-spec notice(info | warning, unicode:chardata()) -> ok.
notice(Level, Text) ->
    ecd_wire:event(notice, #{level => atom_to_binary(Level), text => unicode:characters_to_binary(Text)}).

ended(Status) ->
    ok = ecd_exceptions:flush(),
    ok = ecd_stdin:flush(),
    ok = ecd_ahead:settle(),
    ok = ecd_disk:settle(?PATIENCE),
    ecd_wire:event(taskEnded, #{exitCode => Status}),
    ecd_wire:flush().
