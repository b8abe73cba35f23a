%% Modules that must stay native. A fixed list, tested against what the evaluator and the engine call; decides by name.
-module(ecd_deny).

-export([arm/1, enter/1]).

%% The evaluator and the engine's own processes call these: a function armed here would trap the debugger itself.
%% Entering their rows by a step is harmless, since only the process that steps sees them.
-define(USED, [
    c, erl_error, error_logger,
    erlang, init, erts_internal, erts_debug, prim_eval, prim_inet, prim_file, error_handler, code, code_server,
    erl_prim_loader, ets, lists, maps, proplists, gen, gen_server, gen_event, proc_lib, sys, supervisor, application,
    application_controller, application_master, global, net_kernel, rpc, erpc, timer, logger, logger_server,
    logger_backend, logger_config, logger_h_common, logger_std_h, logger_simple_h, io, io_lib, io_lib_format,
    io_lib_pretty, group, user, user_drv, erl_eval, erl_scan, erl_parse, erl_anno, erl_bits, erl_internal, erl_lint,
    erl_expand_records, eval_bits, orddict, ordsets, beam_lib, binary, epp, filename, filelib, file, file_io_server,
    file_server, os, string, unicode, unicode_util, persistent_term, gen_tcp, inet, inet_tcp, inet_db, queue, sets,
    trace, records, compile, elixir_erl, elixir_erl_pass, elixir_erl_clauses, elixir_erl_var, elixir_utils,
    elixir_errors
]).

%% Entering these would make the evaluator interpret itself, or the code that a trap goes through.
-define(NEVER, [erlang, erts_internal, error_handler, int, i, init, code, code_server, 'Elixir.Kernel.ErrorHandler']).

%% Why no function of the module may be armed, if so.
-spec arm(module()) -> ok | {error, binary()}.
arm(Mod) ->
    case lists:member(Mod, ?USED) orelse never(Mod) of
        true -> {error, <<"the debugger itself runs on this module">>};
        false -> ok
    end.

%% Whether no step may enter the module.
-spec enter(module()) -> boolean().
enter(Mod) ->
    never(Mod).

never(Mod) ->
    lists:member(Mod, ?NEVER) orelse
        case atom_to_list(Mod) of
            "ecd_" ++ _ -> true;
            "dbg_" ++ _ -> true;
            _ -> false
        end.
