%% What all launchers share: hooks into the compiler before the first line of the user's, and the news that it has
%% ended. Must not run anything of the user's outside the fun it is given.
-module(ecd_launch).

-export([load_ahead/1, before_code/0, run/1, module_defined/4, tell/3, notice/2]).

%% What Elixir loads to compile the first file, mix.exs or a script: of the releases of OTP that we know.
-define(COMPILER, [
    elixir_compiler, elixir_erl_compiler, elixir_module, elixir_def, elixir_locals, elixir_clauses, elixir_quote,
    elixir_lexical, elixir_overridable, 'Elixir.Module', 'Elixir.Module.LocalsTracker', 'Elixir.Module.Types',
    'Elixir.Module.Types.Expr', 'Elixir.Module.Types.Pattern', 'Elixir.Kernel.Typespec', 'Elixir.Inspect.Algebra',
    'Elixir.Code.Formatter', 'Elixir.Code.Normalizer', 'Elixir.Macro', compile, v3_core, v3_kernel, core_lib, core_lint,
    cerl, cerl_trees, cerl_clauses, erl_bifs, sys_core_fold, sys_core_alias, sys_core_bsm, beam_kernel_to_ssa,
    beam_core_to_ssa, beam_ssa, beam_ssa_opt, beam_ssa_type, beam_types, beam_call_types, beam_ssa_alias, beam_ssa_ss,
    beam_ssa_destructive_update, beam_ssa_bool, beam_ssa_dead, beam_ssa_share, beam_ssa_recv, beam_ssa_throw,
    beam_ssa_bsm, beam_ssa_bc_size, beam_ssa_pre_codegen, beam_ssa_codegen, beam_validator, beam_a, beam_block,
    beam_jump, beam_clean, beam_trim, beam_flatten, beam_z, beam_asm, beam_dict, beam_opcodes, beam_utils
]).

%% While the client still sends its breakpoints, what is needed next is loaded, on all cores. What the lists lack is
%% loaded when it is called, and what a release does not have is passed over.
-spec load_ahead([module()]) -> ok.
load_ahead(Mods) ->
    _ = code:ensure_modules_loaded(?COMPILER ++ Mods),
    ok.

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
                new -> module_defined(Mod, File)
            end
    end.

module_defined(Mod, File) ->
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
    ecd_wire:event(taskEnded, #{exitCode => Status}),
    ecd_wire:flush().
