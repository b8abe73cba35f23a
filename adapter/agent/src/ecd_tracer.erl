%% Compile tracer: sees every module that is compiled inside this VM, with its bytecode. Decides nothing about
%% breakpoints and must be quick: the compiler waits for it.
-module(ecd_tracer).

-export([install/0, remove/0, trace/2]).

%% Elixir must be started. Tracers that were there stay.
-spec install() -> ok.
install() ->
    Tracers = 'Elixir.Code':get_compiler_option(tracers),
    case lists:member(?MODULE, Tracers) of
        true -> ok;
        false -> 'Elixir.Code':put_compiler_option(tracers, [?MODULE | Tracers])
    end.

-spec remove() -> ok.
remove() ->
    Tracers = 'Elixir.Code':get_compiler_option(tracers),
    'Elixir.Code':put_compiler_option(tracers, lists:delete(?MODULE, Tracers)).

%% Called by the compiler in the process that compiles.
-spec trace(term(), map()) -> ok.
trace({on_module, Bytecode, _}, #{module := Mod, file := File}) ->
    ecd_launch:module_defined(Mod, Bytecode, File);
trace(start, #{file := File}) ->
    keep_debug_info(File);
trace(_Event, _Env) ->
    ok.

%% Mix compiles test files without debug info, but their modules live in memory only, so nobody else can see that they
%% carry it. Files that Mix compiles to disk are left to the project's own options.
keep_debug_info(File) ->
    case filename:extension(File) =:= <<".exs">> andalso not 'Elixir.Code':get_compiler_option(debug_info) of
        true -> 'Elixir.Code':put_compiler_option(debug_info, true);
        false -> ok
    end.
