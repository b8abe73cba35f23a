%% Gives the rows of a module back when no frame can be in them, but for those that closures made in interpreted code
%% may still call: such a closure carries its own clauses, and finds private functions in the table only.
-module(ecd_release).

-export([give_back/2, shrink/2, makes_closures/2]).

%% gone: the rows are back, but for those that the reply names. kept: somebody is inside. While this runs nobody must
%% arm or enter the module.
-spec give_back(module(), ets:tid()) -> {gone | kept, ok | {error, binary()}}.
give_back(Mod, Table) ->
    case in_use(Mod) of
        [] ->
            {gone, empty(Mod, Table)};
        Pids ->
            Inside = [io_lib:format("~p is in a function", [Pid]) || Pid <- Pids],
            {kept, {error, text("~ts of it", [lists:join(", ", Inside)])}}
    end.

%% Deletes the rows that no closure can reach, and answers the functions of the others.
-spec shrink(module(), ets:tid()) -> [{atom(), arity()}].
shrink(Mod, Table) ->
    Kept = kept(Mod, Table),
    lists:foreach(
        fun({{_, F, A, _} = Key, _}) -> lists:member({F, A}, Kept) orelse ets:delete(Table, Key) end,
        ecd_prepare:rows(Table)
    ),
    ok = ecd_prepare:forget(Table),
    Kept.

%% Whether a closure of the module was, or may have been, made in interpreted code.
-spec makes_closures(module(), ets:tid()) -> boolean().
makes_closures(Mod, Table) ->
    case ecd_evaluator:tells_closures() of
        true -> ecd_state:member({made, Mod});
        false -> lists:any(fun({_, Clauses}) -> ecd_lambdas:has_closures(Clauses) end, entered(Mod, Table))
    end.

%% Processes that have a frame of the module, or do not say.
in_use(Mod) ->
    [
        pid_of(Meta)
     || Meta <- lists:usort(ecd_state:holders(Mod)), is_process_alive(Meta), not is_clear(Meta, Mod)
    ].

pid_of(Meta) ->
    case ecd_state:meta(Meta, pid) of
        Pid when is_pid(Pid) -> Pid;
        none -> Meta
    end.

is_clear(Meta, Mod) ->
    case ecd_meta:backtrace(Meta, all) of
        {ok, [{1, _} | _]} -> true;
        {ok, Frames} -> not lists:any(fun({_, MFA}) -> element(1, MFA) =:= Mod end, Frames);
        timeout -> not is_process_alive(Meta)
    end.

%% The empty table stays for the metas that know it.
empty(Mod, Table) ->
    case shrink(Mod, Table) of
        [] ->
            ecd_state:delete({answered, Mod}),
            ok;
        Kept ->
            Names = lists:join(", ", [io_lib:format("~ts/~b", [F, A]) || {F, A} <- Kept]),
            {error, text("closures made while it was interpreted may still call ~ts; the rest is released", [Names])}
    end.

%% Private functions that such closures can reach.
kept(Mod, Table) ->
    From = lists:usort(lists:append([in_closures(Clauses) || {_, Clauses} <- entered(Mod, Table)])),
    reach(From, calls(Table), []).

%% Rows that a process may ever have been in: those that could be entered from outside, and whom they call inside. None
%% if no meta process ever asked for the module.
entered(Mod, Table) ->
    Rows = ecd_prepare:rows(Table),
    Opened =
        case ecd_state:member({entered, Mod}) of
            true -> ecd_state:get({opened, Mod}, []);
            false -> []
        end,
    From = case Opened of all -> [{F, A} || {{_, F, A, _}, _} <- Rows]; _ -> Opened end,
    Reached = reach(From, calls(Table), []),
    [Row || {{_, F, A, _}, _} = Row <- Rows, lists:member({F, A}, Reached)].

calls(Table) ->
    maps:from_list([{{F, A}, local(Clauses)} || {{_, F, A, _}, Clauses} <- ecd_prepare:rows(Table)]).

reach([], _Calls, Seen) ->
    Seen;
reach([FA | Rest], Calls, Seen) ->
    case lists:member(FA, Seen) of
        true -> reach(Rest, Calls, Seen);
        false -> reach(maps:get(FA, Calls, []) ++ Rest, Calls, [FA | Seen])
    end.

in_closures({value, _, _}) -> [];
in_closures({make_fun, _, _, Clauses}) -> local(Clauses);
in_closures({make_named_fun, _, _, _, Clauses}) -> local(Clauses);
in_closures(Node) when is_tuple(Node) -> in_closures(tuple_to_list(Node));
in_closures([H | T]) -> in_closures(H) ++ in_closures(T);
in_closures(_) -> [].

local({value, _, _}) -> [];
local({local_call, _, F, As, _}) -> [{F, length(As)} | local(As)];
local(Node) when is_tuple(Node) -> local(tuple_to_list(Node));
local([H | T]) -> local(H) ++ local(T);
local(_) -> [].

text(Format, Args) ->
    unicode:characters_to_binary(io_lib:format(Format, Args)).
