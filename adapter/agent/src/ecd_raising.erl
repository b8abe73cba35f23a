%% What interpreted code raises without making an exception: errors of the VM itself, throws, exits. Runs in the
%% evaluator, which asks here before it raises (ecd_evaluator); may hold it, changes nothing.
-module(ecd_raising).

-export([seen/5]).

%% As dbg_ieval.hrl has it since OTP 25.
-record(ieval, {level, line, module, function, arguments, error_info, top}).

-define(STACK, dbg_istk).

%% The process is held here, with its frames and variables, if a filter wants that.
%% The evaluator has yet to make its stack trace, of as many entries as it is asked for.
-spec seen(error | throw | exit, term(), fun((pos_integer()) -> [tuple()]), list(), #ieval{}) -> ok.
seen(Class, Reason, Trace, Bindings, Raising) ->
    Asked = is_news(Class, Reason) andalso get(user_eval) =:= [] andalso ecd_exceptions:wants(Class, Reason),
    case Asked andalso here(Raising) of
        {#ieval{module = Mod, function = Function, arguments = Args, line = Line} = Frame, Below} when Line > 0 ->
            Cause = {Reason, lists:sublist(Trace(1), 1)},
            case ecd_exceptions:holds(get(self), Class, Cause, {Mod, Function, length(Args), Line}, Below) of
                true -> hold(Frame, Below, Bindings);
                false -> ok
            end;
        _ ->
            ok
    end.

%% As if it had come to a stop point on this line.
hold(#ieval{module = Mod, line = Line} = Frame, Below, Bindings) ->
    Stack = put(?STACK, Below),
    put(next_break, break),
    _ = dbg_icmd:cmd({value, Line, Mod}, Bindings, Frame),
    put(?STACK, Stack),
    ok.

%% An exception has been noticed when it was made; an exit that is no failure is none to stop at.
is_news(error, #{'__exception__' := true}) -> false;
is_news(exit, normal) -> false;
is_news(exit, shutdown) -> false;
is_news(exit, {shutdown, _}) -> false;
is_news(_Class, _Reason) -> true.

%% The frame that the user wrote. What a built-in or native function raises carries the name of that function, and the
%% line of its caller, which lies on the stack: `-record(e, {level, mfa, line, ...})`.
here(#ieval{line = Line} = Raising) ->
    Stack = get(?STACK),
    case is_interpreted(Raising) of
        true -> {Raising#ieval{line = abs(Line)}, Stack};
        false -> caller(Raising, Stack)
    end.

caller(Raising, [Caller | Below]) ->
    case element(3, Caller) of
        {Mod, Function, Args} when is_atom(Mod), is_atom(Function), is_list(Args) ->
            Frame = Raising#ieval{level = element(2, Caller), module = Mod, function = Function, arguments = Args,
                                  line = abs(element(4, Caller))},
            {Frame, Below};
        _ ->
            none
    end;
caller(_Raising, []) ->
    none.

%% The evaluator has the module's rows, and the line is one of the function's own.
is_interpreted(#ieval{module = Mod, function = Function, arguments = Args, line = Line})
        when is_atom(Mod), is_atom(Function), is_list(Args), Line =/= -1 ->
    case get({Mod, db}) =/= undefined andalso
        lists:keyfind(ecd_calls:host({Function, length(Args)}), 1, ecd_engine:functions(Mod)) of
        {_, First, Last, _} -> First =< abs(Line) andalso abs(Line) =< Last;
        false -> false
    end;
is_interpreted(_Raising) ->
    false.
