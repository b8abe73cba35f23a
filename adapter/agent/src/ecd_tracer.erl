%% Sees every module that is compiled inside this VM, with its bytecode. Decides nothing about breakpoints and must be
%% quick: the compiler waits for it.
%%
%% Elixir's own tracing is enough for most: but it tells of a module after its callbacks, when ExUnit may already run
%% it, and not at all of what `mix run -e` or a shell defines. Since Elixir 1.19 it also tells after other files may use
%% the module. For these the compiler itself is hooked, on demand.
-module(ecd_tracer).

-export([install/0, install_early/0, is_lazy/0, remove/0, trace/2, loaded/2, available/2]).

%% Elixir must be started. Tracers that were there stay.
-spec install() -> ok.
install() ->
    Tracers = 'Elixir.Code':get_compiler_option(tracers),
    case lists:member(?MODULE, Tracers) of
        true -> ok;
        false -> 'Elixir.Code':put_compiler_option(tracers, [?MODULE | Tracers])
    end.

%% Costs some 50 ms, once.
-spec install_early() -> ok | {error, binary()}.
install_early() ->
    ecd_hook:once(elixir_module, [
        {{eval_callbacks, 5}, {?MODULE, loaded}} | [{{make_module_available, 3}, {?MODULE, available}} || is_lazy()]
    ]).

%% Whether modules that are compiled to disk are loaded only when another file uses them, as since Elixir 1.19.
-spec is_lazy() -> boolean().
is_lazy() ->
    'Elixir.Version':compare('Elixir.System':version(), <<"1.19.0-dev">>) =/= lt.

%% Around the compiler's callbacks: those of after_compile come right after the module is loaded.
-spec loaded(fun((term(), term(), term(), term(), term()) -> Result), [term()]) -> Result.
loaded(Callbacks, [Line, Data, after_compile, [#{module := Mod, file := File}, Bytecode] = Args, Env]) ->
    ecd_launch:module_defined(Mod, Bytecode, File, early),
    Callbacks(Line, Data, after_compile, Args, Env);
loaded(Callbacks, [Line, Data, Name, Args, Env]) ->
    Callbacks(Line, Data, Name, Args, Env).

%% Around the moment from which on other files may use the module.
-spec available(fun((module(), binary(), boolean()) -> Result), [term()]) -> Result.
available(Original, [Mod, Bytecode, Loaded]) ->
    case get(elixir_compiler_file) of
        File when is_binary(File), Loaded -> ecd_launch:module_defined(Mod, Bytecode, File, early);
        _ -> ok
    end,
    Original(Mod, Bytecode, Loaded).

-spec remove() -> ok.
remove() ->
    Tracers = 'Elixir.Code':get_compiler_option(tracers),
    'Elixir.Code':put_compiler_option(tracers, lists:delete(?MODULE, Tracers)).

%% Called by the compiler in the process that compiles.
-spec trace(term(), map()) -> ok.
trace({on_module, Bytecode, _}, #{module := Mod, file := File}) ->
    ecd_launch:module_defined(Mod, Bytecode, File, late);
trace(start, #{file := File}) ->
    keep_debug_info(File),
    load_at_once(File);
trace(_Event, _Env) ->
    ok.

%% Mix compiles test files without debug info, but their modules live in memory only, so nobody else can see that they
%% carry it. Files that Mix compiles to disk are left to the project's own options.
keep_debug_info(File) ->
    case filename:extension(File) =:= <<".exs">> andalso not 'Elixir.Code':get_compiler_option(debug_info) of
        true -> 'Elixir.Code':put_compiler_option(debug_info, true);
        false -> ok
    end.

%% A module with breakpoints must be armed before anything of it runs, and what is not loaded cannot be armed. This is
%% what the compiler's own `@compile {:autoload, true}` does, for the file that this process compiles.
load_at_once(File) ->
    case get(elixir_compiler_dest) of
        {Dest, false} -> ecd_breakpoints:may_stop_in(File) andalso put(elixir_compiler_dest, {Dest, true}), ok;
        _ -> ok
    end.
