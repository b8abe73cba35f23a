%% Closures made in interpreted code: which modules have some that still exist, and who holds them. They live on in the
%% states of servers, in ETS tables, in persistent terms, and their code is the evaluator's.
%%
%% Each carries a binary of its module among its variables. The VM counts the references to such a binary, and tells
%% which processes have one; so nobody has to look through everybody's data. A process keeps a closure that it has
%% forgotten until its memory is collected, which is asked for where it matters.
-module(ecd_closures).

-export([mark/2, held/1, describe/1]).

%% What the evaluator keeps the variables of a function in.
-type bindings() :: term().
%% elsewhere: references that no process has: tables, persistent terms, messages on their way.
-type held() :: {module(), Processes :: [pid()], Elsewhere :: non_neg_integer()}.
-export_type([held/0]).

%% The VM counts references to binaries of more than 64 bytes.
-define(BYTES, 96).
%% ms for looking at all processes; and for looking through tables.
-define(LOOK, 4000).
-define(SEARCH, 3000).
%% Rows of a table that is searched.
-define(ROWS, 100000).

%% The variables that a closure is to keep. In the evaluator.
-spec mark(module(), bindings()) -> bindings().
mark(Mod, Bindings) when is_list(Bindings) ->
    Marker = ecd_state:once({made, Mod}, fun() -> binary:copy(<<0>>, ?BYTES) end),
    lists:keystore('%closure', 1, Bindings, {'%closure', Marker}).

%% Metas: the evaluators that are there, whose references are not the program's.
-spec held([pid()]) -> [held()].
held(Metas) ->
    Mods = ecd_state:ids(made),
    {Pid, Monitor} = spawn_monitor(fun() -> exit({looked, look(Mods, Metas)}) end),
    receive
        {'DOWN', Monitor, process, Pid, {looked, Held}} -> Held
    after ?LOOK ->
        %% Some process does not answer; then each may be held.
        exit(Pid, kill),
        true = demonitor(Monitor, [flush]),
        [{Mod, [], 1} || Mod <- Mods]
    end.

look(Mods, Metas) ->
    case [{Mod, Id} || Mod <- Mods, {Id, Count} <- [marker(Mod)], Count > 0] of
        [] ->
            [];
        Ids ->
            Having = [Pid || Pid <- processes(), has_any(Pid, Ids)],
            lists:foreach(fun erlang:garbage_collect/1, Having),
            Counted = [{Pid, is_ours(Pid, Metas), binaries(Pid)} || Pid <- Having],
            lists:append([of_module(Mod, Id, marker(Mod), Counted) || {Mod, Id} <- Ids])
    end.

of_module(Mod, Id, {Id, Count}, Counted) ->
    Ours = lists:sum([occurrences(Id, Binaries) || {_, true, Binaries} <- Counted]),
    Theirs = [{Pid, N} || {Pid, false, Binaries} <- Counted, N <- [occurrences(Id, Binaries)], N > 0],
    case Count - Ours of
        Left when Left > 0 ->
            [{Mod, [Pid || {Pid, _} <- Theirs], max(0, Left - lists:sum([N || {_, N} <- Theirs]))}];
        _ ->
            []
    end.

%% The name by which the VM knows the marker, and references beside the table's. In a process that has no other binary.
%% Another version of the agent may have left another marker: then there may be some.
marker(Mod) ->
    {Pid, Monitor} = spawn_monitor(fun() ->
        Marker = ecd_state:get({made, Mod}, none),
        {binary, Binaries} = process_info(self(), binary),
        case [B || {_, ?BYTES, _} = B <- Binaries, is_binary(Marker)] of
            [{Id, _, Count}] -> exit({marker, {Id, Count - 2}});
            _ -> exit({marker, {unknown, 1}})
        end
    end),
    receive
        {'DOWN', Monitor, process, Pid, {marker, Found}} -> Found
    end.

has_any(Pid, Ids) ->
    Pid =/= self() andalso lists:any(fun({Id, _, _}) -> lists:keymember(Id, 2, Ids) end, binaries(Pid)).

binaries(Pid) ->
    case process_info(Pid, binary) of
        {binary, Binaries} -> Binaries;
        undefined -> []
    end.

occurrences(Id, Binaries) ->
    length([Id || {I, _, _} <- Binaries, I =:= Id]).

is_ours(Pid, Metas) ->
    lists:member(Pid, Metas) orelse
        case process_info(Pid, registered_name) of
            {registered_name, Name} -> ecd_process:is_hidden(Pid, Name);
            _ -> ecd_process:is_hidden(Pid, [])
        end.

%% Who holds closures of a module, as far as it can be found.
-spec describe(held()) -> [binary()].
describe({Mod, Pids, Elsewhere}) ->
    Processes = [iolist_to_binary([ecd_process:name(Pid), $\s, ecd_names:pid(Pid)]) || Pid <- Pids],
    Processes ++ case Elsewhere of 0 -> []; _ -> elsewhere(Mod) end.

elsewhere(Mod) ->
    {Pid, Monitor} = spawn_monitor(fun() -> exit({found, terms(Mod) ++ tables(Mod)}) end),
    Found =
        receive
            {'DOWN', Monitor, process, Pid, {found, Names}} -> Names;
            {'DOWN', Monitor, process, Pid, _} -> []
        after ?SEARCH ->
            exit(Pid, kill),
            true = demonitor(Monitor, [flush]),
            []
        end,
    case Found of
        [] -> [<<"a table or a message">>];
        _ -> Found
    end.

terms(Mod) ->
    [text("the persistent term ~0tP", [Key, 10]) || {Key, Value} <- persistent_term:get(), has_closure(Value, Mod)].

tables(Mod) ->
    [
        text("the ETS table ~0tp", [ets:info(Table, name)])
     || Table <- ets:all(),
        ets:info(Table, protection) =/= private,
        is_small(ets:info(Table, size)),
        has_row(Table, Mod)
    ].

is_small(Size) -> is_integer(Size) andalso Size =< ?ROWS.

has_row(Table, Mod) ->
    try
        ets:foldl(fun(Row, Found) -> Found orelse has_closure(Row, Mod) end, false, Table)
    catch
        %% It has gone meanwhile.
        error:badarg -> false
    end.

has_closure(Fun, Mod) when is_function(Fun) ->
    case {erlang:fun_info(Fun, module), erlang:fun_info(Fun, env)} of
        {{module, dbg_ieval}, {env, [Closure]}} when element(1, element(1, Closure)) =:= Mod -> true;
        {_, {env, Env}} -> has_closure(Env, Mod)
    end;
has_closure([Head | Tail], Mod) -> has_closure(Head, Mod) orelse has_closure(Tail, Mod);
has_closure(Tuple, Mod) when is_tuple(Tuple) -> has_closure(tuple_to_list(Tuple), Mod);
has_closure(Map, Mod) when is_map(Map) -> has_closure(maps:to_list(Map), Mod);
has_closure(_, _Mod) -> false.

text(Format, Args) ->
    unicode:characters_to_binary(io_lib:format(Format, Args)).
