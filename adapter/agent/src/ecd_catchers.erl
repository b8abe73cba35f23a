%% Whether anything will catch an exception of a process: reads its native stack and its evaluator's. Runs in the
%% evaluator, changes nothing.
%%
%% Conservative: a `rescue` that would not match the exception counts as a catcher; its crash is told afterwards.
-module(ecd_catchers).

-export([is_caught/1, is_caught/2, is_own_entry/1, catch_frames/1]).

%% What lies around every process of its kind and catches only to report: nobody's rescue.
-define(OUTER, [
    proc_lib, gen, gen_server, gen_statem, gen_event, supervisor, timer, shell, erl_eval, elixir, init,
    application_master,
    dbg_debugged, dbg_ieval, cowboy_stream_h, cowboy_handler, cowboy_stream, cowboy_http, cowboy_http2,
    'Elixir.Task.Supervised', 'Elixir.GenServer', 'Elixir.Agent.Server', 'Elixir.Code', 'Elixir.Kernel.CLI',
    'Elixir.Kernel.ParallelCompiler', 'Elixir.Module.ParallelChecker', 'Elixir.IEx.Evaluator'
]).
-define(OUTER_PREFIXES, [
    "Elixir.Mix.", "Elixir.ExUnit.", "Elixir.Plug.", "Elixir.Phoenix.", "Elixir.Bandit.", "Elixir.ThousandIsland.",
    "elixir_", "ecd_"
]).

%% For the debugged process of this evaluator.
-spec is_caught(pid()) -> boolean().
is_caught(Pid) ->
    is_caught(Pid, get(dbg_istk)).

%% Entries: the evaluator's stack, or more than that.
-spec is_caught(pid(), [tuple()]) -> boolean().
is_caught(Pid, Entries) ->
    lists:any(fun interpreted_catches/1, Entries) orelse
        caught_natively(frames(backtrace(Pid)), lists:any(fun is_own_entry/1, Entries)).

%% Innermost first. What merely reports the crashes of the user's code is a rescue for what it calls itself, without any
%% of the user's code in between: Mix reads files that may be missing.
caught_natively([{return, {M, _, _}} | Rest], OwnInside) ->
    caught_natively(Rest, OwnInside orelse ecd_modules:own(M));
caught_natively([{'catch', MFA} | Rest], OwnInside) ->
    native_catches(MFA, OwnInside) orelse caught_natively(Rest, OwnInside);
caught_natively([], _OwnInside) ->
    false.

%% Whether a frame of the evaluator's stack is the user's.
-spec is_own_entry(tuple()) -> boolean().
is_own_entry(Entry) ->
    case element(3, Entry) of
        {M, _, _} when is_atom(M) -> ecd_modules:own(M);
        _ -> false
    end.

%% An interpreted frame catches if its line lies in a `try` with clauses. `-record(e, {level, mfa, line, ...})`.
interpreted_catches(Entry) ->
    case {element(3, Entry), abs(element(4, Entry))} of
        {{M, F, Args}, Line} when is_atom(M), is_atom(F), is_list(Args) ->
            lists:member(Line, ecd_calls:catches(ecd_engine:clauses(M, ecd_calls:host({F, length(Args)}))));
        _ ->
            false
    end.

%% `try ... after` leaves a catch in native code too. What the source of the user's function shows decides.
%% The user's own is never that, though the module of a script's top-level code is called like the compiler's.
native_catches({M, _, _} = MFA, OwnInside) ->
    case {ecd_modules:own(M), is_outer(M)} of
        {true, _} -> not only_after(MFA);
        {false, true} -> not OwnInside;
        {false, false} -> true
    end.

only_after({M, F, A}) ->
    case ecd_engine:clauses(M, ecd_calls:host({F, A})) of
        [] -> false;
        Clauses -> ecd_calls:catches(Clauses) =:= []
    end.

is_outer(Mod) ->
    Name = atom_to_list(Mod),
    lists:member(Mod, ?OUTER) orelse lists:any(fun(Prefix) -> lists:prefix(Prefix, Name) end, ?OUTER_PREFIXES).

backtrace(Pid) ->
    case process_info(Pid, backtrace) of
        {backtrace, Text} -> Text;
        undefined -> <<>>
    end.

%% The functions with a catch on the stack, innermost first.
-spec catch_frames(binary()) -> [mfa()].
catch_frames(Text) ->
    [MFA || {'catch', MFA} <- frames(Text)].

%% Callers and their catches, innermost first:
%% `0x00007f Return addr 0x00007f (Mod:fun/1 + 8)` and below it `y(1)     Catch 0x00007f (Mod:fun/1 + 64)`.
frames(Text) ->
    Frame = "^(?:0x[0-9a-f]+ Return addr|y\\(\\d+\\)\\s+(Catch)) 0x[0-9a-f]+ \\((.+):(.+)/(\\d+) \\+ \\d+\\)",
    case re:run(Text, Frame, [global, multiline, {capture, all_but_first, binary}]) of
        {match, Found} -> [{kind(Catch), MFA} || [Catch | Rest] <- Found, MFA <- frame(Rest)];
        nomatch -> []
    end.

kind(<<>>) -> return;
kind(_) -> 'catch'.

frame([M, F, A]) ->
    try
        [{binary_to_existing_atom(unquoted(M)), binary_to_existing_atom(unquoted(F)), binary_to_integer(A)}]
    catch
        error:badarg -> []
    end.

unquoted(<<$', Rest/binary>>) -> binary:part(Rest, 0, byte_size(Rest) - 1);
unquoted(Name) -> Name.
