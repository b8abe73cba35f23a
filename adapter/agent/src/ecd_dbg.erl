%% dbg/2 as a breakpoint: stops at calls of it, in code compiled before the session too, where it has become a call of
%% Macro.__dbg__/3. Must not resume anything.
-module(ecd_dbg).

-export([compiled/0, module_defined/1]).

-define(CALL, {remote, 'Elixir.Macro', '__dbg__', 3}).

%% Called when the project has been compiled and before any of it runs.
-spec compiled() -> ok.
compiled() ->
    case is_wanted() of
        true -> lists:foreach(fun place/1, ecd_scan:calling_dbg());
        false -> ok
    end.

%% A module that lives in memory only.
-spec module_defined(module()) -> ok.
module_defined(Mod) ->
    case is_wanted() andalso ecd_modules:bytecode(Mod) of
        {ok, Bytes} ->
            case binary:match(Bytes, <<"__dbg__">>) of
                nomatch -> ok;
                _ -> place(Mod)
            end;
        _ ->
            ok
    end.

is_wanted() ->
    ecd_config:get(breakOnDbg) andalso not ecd_config:get(noDebug).

%% Macro itself and what expands dbg only mention it.
place(Mod) ->
    case imports_dbg(Mod) of
        true -> ecd_breakpoints:place({dbg, Mod}, dbg, [{{Mod, Line}, [FA]} || {FA, Line} <- calls(Mod)]);
        false -> ok
    end.

imports_dbg(Mod) ->
    case ecd_modules:bytecode(Mod) of
        {ok, Bytes} ->
            {ok, {_, [{imports, Imports}]}} = beam_lib:chunks(Bytes, [imports]),
            lists:member({'Elixir.Macro', '__dbg__', 3}, Imports);
        {error, _} ->
            false
    end.

%% The functions that call dbg, and the line where each call begins to be evaluated: a pipeline's is an earlier one.
calls(Mod) ->
    Lines = ecd_engine:lines(Mod),
    lists:usort([
        {FA, Start}
     || {FA, _, _, _} <- ecd_engine:functions(Mod),
        Clauses <- [ecd_engine:clauses(Mod, FA)],
        {Line, ?CALL, _, _} <- ecd_calls:all(Clauses),
        Start <- start_line(Line, [L || {L, FAs} <- Lines, lists:member(FA, FAs)])
    ]).

start_line(Line, Lines) ->
    case [L || L <- Lines, L =< Line] of
        [] -> [];
        Before -> [lists:max(Before)]
    end.
