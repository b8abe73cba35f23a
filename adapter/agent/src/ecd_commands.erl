%% The table of commands: who handles each, and in which lane. Holds no state.
-module(ecd_commands).

-export([handler/1, lanes/0]).

-type lane() :: breakpoints | control | worker.

%% Commands of one lane are worked off in the order they came; workers run side by side and can be cancelled.
-spec lanes() -> [atom()].
lanes() -> [breakpoints, control].

-spec handler(atom()) -> {lane(), {module(), atom()}} | unknown.
handler(configure) -> {breakpoints, {ecd_session, configure}};
handler(go) -> {breakpoints, {ecd_boot, go}};
handler(setBreakpoints) -> {breakpoints, {ecd_breakpoints, set_breakpoints}};
handler(setFunctionBreakpoints) -> {breakpoints, {ecd_breakpoints, set_function_breakpoints}};
handler(setExceptionBreakpoints) -> {breakpoints, {ecd_exceptions, set_exception_breakpoints}};
handler(breakpointLocations) -> {worker, {ecd_breakpoints, breakpoint_locations}};
handler(continue) -> {control, {ecd_stepping, continue}};
handler(next) -> {control, {ecd_stepping, next}};
handler(stepIn) -> {control, {ecd_stepping, step_in}};
handler(stepOut) -> {control, {ecd_stepping, step_out}};
handler(stepInTargets) -> {worker, {ecd_step, step_in_targets}};
handler(pause) -> {control, {ecd_stepping, pause}};
handler(exceptionInfo) -> {worker, {ecd_exceptions, exception_info}};
handler(threads) -> {worker, {ecd_threads, threads}};
handler(processTree) -> {worker, {ecd_process_tree, process_tree}};
handler(terminateThreads) -> {worker, {ecd_threads, terminate_threads}};
handler(stackTrace) -> {worker, {ecd_frames, stack_trace}};
handler(scopes) -> {worker, {ecd_frames, scopes}};
handler(variables) -> {worker, {ecd_values, variables}};
handler(setVariable) -> {worker, {ecd_eval, set_variable}};
handler(evaluate) -> {worker, {ecd_eval, evaluate}};
handler(endEvaluation) -> {worker, {ecd_eval, end_evaluation}};
handler(completions) -> {worker, {ecd_complete, completions}};
handler(source) -> {worker, {ecd_source, source}};
handler(modules) -> {worker, {ecd_loaded, modules}};
handler(loadedSources) -> {worker, {ecd_loaded, loaded_sources}};
handler(prepare) -> {worker, {ecd_prepared, prepare}};
handler(prepareAhead) -> {worker, {ecd_planned, prepare_ahead}};
handler(setMemoryThreshold) -> {worker, {ecd_session, set_memory_threshold}};
handler(release) -> {worker, {ecd_prepared, release}};
handler(status) -> {worker, {ecd_session, status}};
handler(metrics) -> {worker, {ecd_session, metrics}};
handler(reload) -> {breakpoints, {ecd_reload, reload}};
handler(leftovers) -> {worker, {ecd_session, leftovers}};
handler(detach) -> {control, {ecd_session, detach}};
handler(terminate) -> {worker, {ecd_session, terminate}};
handler(_) -> unknown.
