%% The stack trace of what interpreted code raises, as compiled code would have it: files, lines, native callers. Runs
%% in the evaluator (ecd_evaluator puts it in the place of OTP's imitation); changes nothing, waits for nobody.
-module(ecd_trace).

-export([delayed/0, delayed/2]).

%% As dbg_ieval.hrl and dbg_istk have them since OTP 25.
-record(ieval, {level, line, module, function, arguments, error_info, top}).
-record(e, {level, mfa, line, error_info = [], bindings, lc}).

-define(STACK, dbg_istk).

%% Below what native code has raised.
-spec delayed() -> fun((non_neg_integer()) -> [tuple()]).
delayed() ->
    later(none, get(?STACK)).

-spec delayed(no_args | include_args, #ieval{}) -> fun((non_neg_integer()) -> [tuple()]).
delayed(Args, #ieval{level = Level, module = Mod, function = Function, arguments = As, line = Line} = Frame) ->
    Raising = #e{level = Level, mfa = {Mod, Function, As}, line = Line},
    case Args of
        include_args -> later(Args, [Raising#e{error_info = Frame#ieval.error_info} | get(?STACK)]);
        no_args -> later(Args, [Raising | get(?STACK)])
    end.

later(Args, Stack) ->
    fun(Depth) -> lists:sublist(with_args(Args, Stack, weave(native(get(self)), groups(Stack))), Depth) end.

with_args(include_args, [#e{mfa = MFA} | _], [{Mod, Function, Arity, Location} | Below]) ->
    case ecd_inside:called(MFA) of
        {_, _, Args} when length(Args) =:= Arity -> [{Mod, Function, Args, Location} | Below];
        _ -> [{Mod, Function, Arity, Location} | Below]
    end;
with_args(_, _Stack, Trace) ->
    Trace.

%% The evaluator counts one level per call. Where native code lies between two frames, it took a level that no frame
%% has.
groups([]) ->
    [];
groups([#e{level = Level} = Entry | Entries]) ->
    case {Entries, groups(Entries)} of
        {[#e{level = Below} | _], [Group | Groups]} when Level - Below =< 1 -> [frame(Entry) ++ Group | Groups];
        {_, Groups} -> [frame(Entry) | Groups]
    end.

%% On the process' own stack each stretch of interpreted code is one call of dbg_debugged:msg_loop/2.
weave([{dbg_debugged, msg_loop, _, _} | Native], [Group | Groups]) ->
    Group ++ weave(Native, Groups);
weave([{Mod, _, _, _} = Entry | Native], Groups) ->
    case lists:member(Mod, [dbg_debugged, dbg_ieval, ?MODULE]) of
        true -> weave(Native, Groups);
        false -> [Entry | weave(Native, Groups)]
    end;
weave([], Groups) ->
    lists:append(Groups).

native(Pid) ->
    case process_info(Pid, current_stacktrace) of
        {_, Stack} -> lists:dropwhile(fun({Mod, F, _, _}) -> {Mod, F} =/= {dbg_debugged, msg_loop} end, Stack);
        undefined -> []
    end.

%% A call in tail position leaves no frame in compiled code.
frame(#e{lc = true}) ->
    [];
frame(#e{mfa = MFA, line = Line, error_info = Info}) ->
    case ecd_inside:called(MFA) of
        {undefined, Fun, Args} -> [{Fun, length(Args), Info}];
        {Mod, Function, Args} -> [{Mod, Function, length(Args), location(Mod, {Function, length(Args)}, Line) ++ Info}]
    end.

%% A negative line is that of a later expression of it; 0 is generated code. Built-in functions and those that do not
%% exist have no place.
location(Mod, FA, Line) when Line =/= 0, Line =/= -1 ->
    case file(get({Mod, db}), Mod, ecd_calls:host(FA)) of
        none -> [];
        File -> [{file, File}, {line, abs(Line)}]
    end;
location(_Mod, _FA, _Line) ->
    [].

file(Table, Mod, {F, A}) when is_reference(Table); is_atom(Table), Table =/= undefined, Table =/= not_found ->
    try ets:member(Table, {Mod, F, A, true}) orelse ets:member(Table, {Mod, F, A, false}) of
        true -> ecd_prepare:file(Table, {F, A});
        false -> none
    catch
        %% The table went with the debugger.
        error:badarg -> none
    end;
file(_Table, _Mod, _FA) ->
    none.
