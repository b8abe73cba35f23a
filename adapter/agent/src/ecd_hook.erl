%% Puts one of our functions around a function of Mix or of Elixir's compiler, in memory only. Must not be used on code
%% of the user's, and not on a module that a process may be running.
-module(ecd_hook).

-export([around/2, once/2]).

%% From now on `Mod:F(A1 .. An)` is `Handler(Original, [A1 .. An])`, where Original is a fun of the same arity. The
%% module is rebuilt from the debug info that its beam carries; behaviour, attributes and line numbers stay.
-spec around(module(), [{{atom(), arity()}, Handler :: {module(), atom()}}]) -> ok | {error, binary()}.
around(Mod, Hooks) ->
    case object_code(Mod) of
        {Mod, Bytecode, File} ->
            case ecd_rebuilt:bytecode(Bytecode, Hooks, fun() -> rebuild(Bytecode, Hooks) end) of
                {ok, Rebuilt} -> load(Mod, File, Rebuilt);
                {error, Reason} -> refuse(Mod, Reason)
            end;
        error ->
            refuse(Mod, "its beam is not on the code path")
    end.

%% Newer Elixir puts its other applications on the code path only once it runs; they lie next to it.
object_code(Mod) ->
    case {code:get_object_code(Mod), code:lib_dir(elixir)} of
        {error, Elixir} when is_list(Elixir) ->
            Beam = atom_to_list(Mod) ++ ".beam",
            read_first(Mod, filelib:wildcard(filename:join([filename:dirname(Elixir), "*", "ebin", Beam])));
        {Found, _} ->
            Found
    end.

read_first(Mod, [File | _]) ->
    case file:read_file(File) of
        {ok, Bytecode} -> {Mod, Bytecode, File};
        {error, _} -> error
    end;
read_first(_Mod, []) ->
    error.

%% The same, however often it is asked for.
-spec once(module(), [{{atom(), arity()}, Handler :: {module(), atom()}}]) -> ok | {error, binary()}.
once(Mod, Hooks) ->
    case persistent_term:get({?MODULE, Mod}, none) of
        none ->
            Result = around(Mod, Hooks),
            persistent_term:put({?MODULE, Mod}, Result),
            Result;
        Result ->
            Result
    end.

rebuild(Bytecode, Hooks) ->
    case beam_lib:chunks(Bytecode, [abstract_code]) of
        {ok, {_, [{abstract_code, {_, Forms}}]}} ->
            case [FA || {FA, _} <- Hooks, not defines(Forms, FA)] of
                [] -> compile(wrap(Forms, maps:from_list(Hooks)));
                [{F, A} | _] -> {error, io_lib:format("it has no ~ts/~w", [F, A])}
            end;
        _ ->
            {error, "it carries no debug info"}
    end.

compile(Forms) ->
    case compile:noenv_forms(Forms, [binary, debug_info, no_spawn_compiler_process]) of
        {ok, _, Bytecode} -> {ok, Bytecode};
        error -> {error, "it cannot be compiled from its debug info"}
    end.

defines(Forms, {F, A}) ->
    lists:any(
        fun
            ({function, _, Name, Arity, _}) -> {Name, Arity} =:= {F, A};
            (_) -> false
        end,
        Forms
    ).

wrap(Forms, Hooks) ->
    lists:append([wrap_form(Form, Hooks) || Form <- Forms]).

wrap_form({function, Anno, F, A, Clauses}, Hooks) when is_map_key({F, A}, Hooks) ->
    Original = list_to_atom("ecd_original_" ++ atom_to_list(F)),
    [{function, Anno, Original, A, Clauses}, wrapper(Anno, F, A, Original, maps:get({F, A}, Hooks))];
wrap_form(Form, _Hooks) ->
    [Form].

wrapper(Anno, F, A, Original, {HandlerMod, HandlerFun}) ->
    Args = [{var, Anno, list_to_atom("A" ++ integer_to_list(N))} || N <- lists:seq(1, A)],
    List = lists:foldr(fun(Arg, Tail) -> {cons, Anno, Arg, Tail} end, {nil, Anno}, Args),
    Call = {call, Anno, {remote, Anno, {atom, Anno, HandlerMod}, {atom, Anno, HandlerFun}}, [
        {'fun', Anno, {function, Original, A}}, List
    ]},
    {function, Anno, F, A, [{clause, Anno, Args, [], [Call]}]}.

load(Mod, File, Bytecode) ->
    case code:load_binary(Mod, File, Bytecode) of
        {module, Mod} -> ok;
        {error, Reason} -> refuse(Mod, io_lib:format("it cannot be loaded: ~tp", [Reason]))
    end.

refuse(Mod, Why) ->
    {error, unicode:characters_to_binary(io_lib:format("~ts stays as it is: ~ts", [ecd_modules:display(Mod), Why]))}.
