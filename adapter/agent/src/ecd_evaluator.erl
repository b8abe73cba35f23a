%% Mends OTP's evaluator, dbg_ieval, in memory. Must run before any process is interpreted; holds no state.
%%
%% Before it raises, it asks ecd_raising, as long as that is there: it tells nobody else of an exception in time. Its
%% stack traces are ecd_trace's, as long as that is there: OTP's imitations name no real file and no native caller.
%%
%% When it makes a closure it asks ecd_inside which variables to keep, as long as that is there: so closures can be
%% found again, which may be called for ever.
%%
%% After an interpreted `receive` has chosen a message, the evaluator waits until the process has taken it. In OTP 25 to
%% 29 it takes whatever message comes first for that answer. When a breakpoint changes in this moment, the news of it is
%% lost, and the evaluator runs ahead of its process: a message is handled twice, or one is waited for in vain. Here it
%% waits for the answer, or for the end of the process, and leaves the rest for later.
-module(ecd_evaluator).

-export([mend/0, unmend/0, tells_closures/0]).

%% What the user should know where it cannot be done. The mended module stays with closures made in interpreted code,
%% which run in it.
-spec mend() -> [binary()].
mend() ->
    %% The evaluator looks for it, and does not load it.
    {module, ecd_trace} = code:ensure_loaded(ecd_trace),
    File = filename:join(ecd_prepare:debugger_path(), "dbg_ieval.beam"),
    case ecd_file:read(File) of
        {ok, Original} ->
            case ecd_rebuilt:bytecode(Original, receive_raise_trace_and_closures, fun() -> rebuild(Original) end) of
                {ok, Mended} -> load(dbg_ieval, File, Mended);
                error -> unmended(dbg_ieval)
            end;
        {error, _} ->
            unmended(dbg_ieval)
    end.

%% When nothing is interpreted and no closure of interpreted code is left; it is loaded again from its file when needed.
-spec unmend() -> ok.
unmend() ->
    _ = erlang:module_loaded(dbg_ieval) andalso tells_closures() andalso
        code:soft_purge(dbg_ieval) andalso code:delete(dbg_ieval) andalso code:soft_purge(dbg_ieval),
    ok.

%% Whether the evaluator that is loaded says which modules it makes closures of.
-spec tells_closures() -> boolean().
tells_closures() ->
    lists:keymember(?MODULE, 1, dbg_ieval:module_info(attributes)).

unmended(Mod) ->
    {module, Mod} = code:ensure_loaded(Mod),
    [notice()].

load(Mod, File, Mended) ->
    case erlang:module_loaded(Mod) andalso Mod:module_info(md5) =:= code:module_md5(Mended) of
        true ->
            [];
        false ->
            _ = code:soft_purge(Mod),
            case code:load_binary(Mod, File, Mended) of
                {module, Mod} -> [];
                {error, _} -> unmended(Mod)
            end
    end.

notice() ->
    <<"Erlang's evaluator stays as it is: changing breakpoints while a process waits in `receive` may disturb it.">>.

rebuild(Original) ->
    case beam_lib:chunks(Original, [abstract_code]) of
        {ok, {_, [{abstract_code, {_, Forms}}]}} ->
            case lists:mapfoldl(fun form/2, unchanged, Forms) of
                {Mended, changed} ->
                    Options = [binary, no_spawn_compiler_process],
                    {ok, _, Bytecode} = compile:noenv_forms(telling(traces(Mended)), Options),
                    {ok, Bytecode};
                {_, unchanged} ->
                    error
            end;
        _ ->
            error
    end.

%% rec_ack(Debugged, Bs, Ieval) ->
%%     receive
%%         {Debugged, rec_acked} -> true;
%%         Msg -> …                             % becomes: Msg when element(1, Msg) =:= 'DOWN'; … 'EXIT'
%%     end.
form({function, A, rec_ack, 3, [{clause, B, Args, [], [{'receive', C, [Ack, {clause, D, [Msg], [], Body}]}]}]}, _) ->
    Guards = [[is_tagged(D, Msg, Tag)] || Tag <- ['DOWN', 'EXIT']],
    Other = {clause, D, [Msg], Guards, Body},
    {{function, A, rec_ack, 3, [{clause, B, Args, [], [{'receive', C, [Ack, Other]}]}]}, changed};
%% do_exception(Class, Reason, Stacktrace, Bs, Ieval) ->
%%     case erlang:function_exported(ecd_raising, seen, 5) of     % added
%%         true -> ecd_raising:seen(Class, Reason, Stacktrace, Bs, Ieval);
%%         false -> ok
%%     end,
%%     …
form({function, A, do_exception, 5, [{clause, B, [Class, Reason, Stack, Bindings, Frame], [], Body}]}, _) ->
    Whole = {var, B, 'EcdFrame'},
    Ask = if_exported(B, ecd_raising, seen, [Class, Reason, Stack, Bindings, Whole]),
    Args = [Class, Reason, Stack, Bindings, {match, B, Whole, Frame}],
    {{function, A, do_exception, 5, [{clause, B, Args, [], [Ask | Body]}]}, changed};
form(Form, Changed) ->
    {Form, Changed}.

%% dbg_istk:delayed_stacktrace(…) becomes:
%%     case erlang:function_exported(ecd_trace, delayed, Arity) of
%%         true -> ecd_trace:delayed(…);
%%         false -> dbg_istk:delayed_stacktrace(…)
%%     end
traces({call, A, {remote, _, {atom, _, dbg_istk}, {atom, _, delayed_stacktrace}}, Args} = Original) ->
    Asked = [{atom, A, ecd_trace}, {atom, A, delayed}, {integer, A, length(Args)}],
    Here = call(A, erlang, function_exported, Asked),
    Ours = call(A, ecd_trace, delayed, Args),
    {'case', A, Here, [{clause, A, [{atom, A, true}], [], [Ours]}, {clause, A, [{atom, A, false}], [], [Original]}]};
traces(Node) when is_tuple(Node) ->
    list_to_tuple(traces(tuple_to_list(Node)));
traces([Head | Tail]) ->
    [traces(Head) | traces(Tail)];
traces(Node) ->
    Node.

%% expr({make_fun, …}, Bs, Ieval) ->                              % and make_named_fun
%%     Kept = case erlang:function_exported(ecd_inside, made, 2) of
%%         true -> ecd_inside:made(Ieval, Bs);
%%         false -> Bs
%%     end,
%%     …                                                          % with Kept in place of Bs
%%     {value, Fun, Bs}
telling(Forms) ->
    {Told, Count} = lists:mapfoldl(fun told/2, 0, Forms),
    case Count of
        2 -> lists:flatmap(fun marked/1, Told);
        _ -> Forms
    end.

told({function, A, expr, 3, Clauses}, 0) ->
    {Told, Count} = lists:mapfoldl(fun told_clause/2, 0, Clauses),
    {{function, A, expr, 3, Told}, Count};
told(Form, Count) ->
    {Form, Count}.

told_clause({clause, B, [{tuple, _, [{atom, _, Kind} | _]} = Expr, Bindings, Frame], [], Body}, Count)
        when Kind =:= make_fun; Kind =:= make_named_fun ->
    Whole = {var, B, 'EcdFrame'},
    Kept = {var, B, 'EcdKept'},
    Tell = if_exported(B, ecd_inside, made, [Whole, Bindings], Bindings),
    Making = replaced(Bindings, Kept, lists:droplast(Body)),
    Told = [{match, B, Kept, Tell} | Making] ++ [lists:last(Body)],
    {{clause, B, [Expr, Bindings, {match, B, Whole, Frame}], [], Told}, Count + 1};
told_clause(Clause, Count) ->
    {Clause, Count}.

replaced({var, _, Name}, {var, _, _} = New, {var, _, Name}) -> New;
replaced(Old, New, Node) when is_tuple(Node) -> list_to_tuple(replaced(Old, New, tuple_to_list(Node)));
replaced(Old, New, [Head | Tail]) -> [replaced(Old, New, Head) | replaced(Old, New, Tail)];
replaced(_Old, _New, Node) -> Node.

%% What tells_closures/0 looks for.
marked({attribute, A, module, _} = Form) -> [Form, {attribute, A, ?MODULE, tells_closures}];
marked(Form) -> [Form].

if_exported(A, Mod, Function, Args) ->
    if_exported(A, Mod, Function, Args, {atom, A, ok}).

if_exported(A, Mod, Function, Args, Else) ->
    Here = call(A, erlang, function_exported, [{atom, A, Mod}, {atom, A, Function}, {integer, A, length(Args)}]),
    Call = call(A, Mod, Function, Args),
    Otherwise = {clause, A, [{atom, A, false}], [], [Else]},
    {'case', A, Here, [{clause, A, [{atom, A, true}], [], [Call]}, Otherwise]}.

call(A, Mod, Function, Args) ->
    {call, A, {remote, A, {atom, A, Mod}, {atom, A, Function}}, Args}.

%% element(1, Msg) =:= Tag; a guard that fails on what is no tuple is false.
is_tagged(A, Msg, Tag) ->
    First = {call, A, {remote, A, {atom, A, erlang}, {atom, A, element}}, [{integer, A, 1}, Msg]},
    {op, A, '=:=', First, {atom, A, Tag}}.
