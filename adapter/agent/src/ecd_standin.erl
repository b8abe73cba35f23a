%% Puts the stand-in server module into the VM and takes it out again, and makes traps safe in processes that compile
%% Elixir. Changes nothing else, and nothing for good.
-module(ecd_standin).

-export([install/2, bring/1, leave/0, remove/0, protect/0, unprotect/0]).

-define(STANDIN, dbg_iserver).
-define(ELIXIR_HANDLER, 'Elixir.Kernel.ErrorHandler').
-define(ORIGINAL, {?MODULE, original}).
-define(BROUGHT, {?MODULE, brought}).

%% Start is called when all is in place; the engine then proves itself, and is taken back if it cannot.
-spec install(ecd_engine:options(), fun(() -> ok)) -> {ok, [binary()]} | {error, binary()}.
install(Options, Start) ->
    try
        ok = ecd_prepare:debugger(),
        whereis(?STANDIN) =:= undefined orelse throw({unprepared, <<"Erlang's own debugger is in use in this VM">>}),
        ok = load(standin(Options)),
        Notices = ecd_evaluator:mend() ++ protect(),
        ok = Start(),
        case ecd_selftest:run() of
            ok ->
                {ok, Notices};
            {error, Why} ->
                _ = ecd_detach:run(),
                ok = ecd_detach:remove(),
                {error, Why}
        end
    catch
        throw:{unprepared, Reason} -> {error, Reason}
    end.

%% The stand-in's bytecode, where the agent is pushed into a node that cannot read our files.
-spec bring(binary()) -> ok.
bring(Bytecode) ->
    persistent_term:put(?BROUGHT, Bytecode).

%% The stand-in stays, by itself.
-spec leave() -> ok.
leave() ->
    _ = persistent_term:erase(?BROUGHT),
    unprotect().

-spec remove() -> ok.
remove() ->
    ok = leave(),
    ok = ecd_evaluator:unmend(),
    _ = code:soft_purge(?STANDIN) andalso code:delete(?STANDIN) andalso code:soft_purge(?STANDIN),
    ok.

-spec unprotect() -> ok.
unprotect() ->
    case persistent_term:get(?ORIGINAL, none) of
        {File, Bytecode} ->
            persistent_term:erase(?ORIGINAL),
            _ = code:soft_purge(?ELIXIR_HANDLER) andalso code:load_binary(?ELIXIR_HANDLER, File, Bytecode),
            ok;
        none ->
            ok
    end.

%% Handed over where the agent was injected, else in the folder beside the one of this module.
standin(#{standin := Bytecode}) ->
    Bytecode;
standin(_Options) ->
    case persistent_term:get(?BROUGHT, none) of
        none -> beside_us();
        Bytecode -> Bytecode
    end.

beside_us() ->
    File = filename:join([filename:dirname(filename:dirname(code:which(?MODULE))), "standin", "dbg_iserver.beam"]),
    case file:read_file(File) of
        {ok, Bytecode} -> Bytecode;
        {error, Why} -> failed("~ts: ~ts", [File, file:format_error(Why)])
    end.

load(Bytecode) ->
    case erlang:module_loaded(?STANDIN) andalso ?STANDIN:module_info(md5) =:= code:module_md5(Bytecode) of
        true ->
            %% Left by an earlier session.
            ok;
        false ->
            _ = code:soft_purge(?STANDIN),
            case code:load_binary(?STANDIN, "dbg_iserver.beam", Bytecode) of
                {module, _} -> ok;
                {error, Why} -> failed("the stand-in server cannot be loaded: ~0tp", [Why])
            end
    end.

%% Elixir compiles, and runs test files and scripts, in processes whose error handler is Kernel.ErrorHandler. The VM
%% hands a trap to the process's error handler without looking whether it can take it; this one cannot (Elixir 1.14 to
%% 1.20), and the VM crashes. So it gets the function that is missing.
-spec protect() -> [binary()].
protect() ->
    case erlang:function_exported(?ELIXIR_HANDLER, breakpoint, 3) of
        true -> [];
        false -> extend(handler(code:lib_dir(elixir)))
    end.

%% Read from its folder, since the code server is busy while Elixir starts.
handler({error, bad_name}) ->
    handler_on_path();
handler(Folder) ->
    File = filename:join([Folder, "ebin", atom_to_list(?ELIXIR_HANDLER) ++ ".beam"]),
    case ecd_file:read(File) of
        {ok, Bytecode} -> {?ELIXIR_HANDLER, Bytecode, File};
        {error, _} -> handler_on_path()
    end.

handler_on_path() ->
    case code:ensure_loaded(?ELIXIR_HANDLER) of
        {module, _} -> code:get_object_code(?ELIXIR_HANDLER);
        {error, _} -> none
    end.

extend(none) ->
    [];
extend({_, Bytecode, File}) ->
    case ecd_rebuilt:bytecode(Bytecode, breakpoint, fun() -> with_breakpoint(Bytecode) end) of
        {ok, Extended} ->
            _ = code:soft_purge(?ELIXIR_HANDLER),
            Sticky = code:is_sticky(?ELIXIR_HANDLER),
            Sticky andalso code:unstick_dir(filename:dirname(File)),
            {module, _} = code:load_binary(?ELIXIR_HANDLER, File, Extended),
            Sticky andalso code:stick_dir(filename:dirname(File)),
            persistent_term:put(?ORIGINAL, {File, Bytecode}),
            [];
        error ->
            failed("Elixir's ~ts has no debug information", [?ELIXIR_HANDLER])
    end;
extend(error) ->
    failed("the code of Elixir's ~ts was not found", [?ELIXIR_HANDLER]).

with_breakpoint(Bytecode) ->
    case beam_lib:chunks(Bytecode, [abstract_code]) of
        {ok, {_, [{abstract_code, {raw_abstract_v1, Forms}}]}} ->
            {ok, _, Extended} = compile:forms(add_breakpoint(Forms), [debug_info]),
            {ok, Extended};
        _ ->
            error
    end.

add_breakpoint(Forms) ->
    A = erl_anno:new(0),
    Args = [{var, A, V} || V <- ['Module', 'Function', 'Args']],
    Call = {call, A, {remote, A, {atom, A, error_handler}, {atom, A, breakpoint}}, Args},
    Function = {function, A, breakpoint, 3, [{clause, A, Args, [], [Call]}]},
    {Attributes, Rest} = lists:splitwith(
        fun(Form) -> element(1, Form) =:= attribute end,
        [Form || Form <- Forms, element(1, Form) =/= eof]
    ),
    Attributes ++ [{attribute, A, export, [{breakpoint, 3}]} | Rest] ++ [Function].

-spec failed(string(), [term()]) -> no_return().
failed(Format, Args) ->
    throw({unprepared, unicode:characters_to_binary(io_lib:format(Format, Args))}).
