%% The supervision tree of the program. Asks no process for its children, since a stopped or busy supervisor could not
%% answer and an interpreted one would run into breakpoints: who started whom stands in the processes themselves.
-module(ecd_process_tree).

-export([process_tree/1]).

%% Applications, and below them processes by who started them; parents come before their children. Beyond the limit
%% processes are only counted.
-spec process_tree(#{limit := pos_integer(), system := boolean()}) -> #{processes := [map()], total := integer()}.
process_tree(#{limit := Limit, system := System}) ->
    Leaders = ecd_applications:leaders(),
    Names = application_names(),
    Found = maps:from_list([
        {Pid, Facts}
     || Pid <- processes(), {Name, Leader, Dictionary} <- facts(Pid), not ecd_process:is_hidden(Pid, Name),
        System orelse is_shown(Pid, Name, Leader, Leaders),
        Facts <- [#{application => maps:get(Leader, Names, nil), ancestors => ancestors(Pid, Dictionary),
                    supervisor => is_supervisor(Dictionary)}]
    ]),
    Children = children(Found),
    Ordered = breadth_first(maps:get(none, Children, []), Children, Limit),
    #{processes => [Info || {Pid, Parent} <- Ordered, Info <- info(Pid, Parent, maps:get(Pid, Found))],
      total => map_size(Found)}.

facts(Pid) ->
    case process_info(Pid, [registered_name, group_leader, dictionary]) of
        undefined -> [];
        [{_, Name}, {_, Leader}, {_, Dictionary}] -> [{Name, Leader, Dictionary}]
    end.

is_shown(Pid, Name, Leader, Leaders) ->
    ecd_applications:is_application(Pid, Name, Leader, Leaders) orelse ecd_control:stop_info(Pid) =/= running.

application_names() ->
    maps:from_list([
        {Master, ecd_names:atom(App)}
     || [App, Master] <- ets:match(ac_tab, {{application_master, '$1'}, '$2'})
    ]).

%% What proc_lib started notes its ancestors, the nearest first; of other processes the VM knows who spawned them.
ancestors(Pid, Dictionary) ->
    Noted =
        case lists:keyfind('$ancestors', 1, Dictionary) of
            {_, List} when is_list(List) -> lists:flatmap(fun ancestor/1, List);
            _ -> []
        end,
    Spawned =
        case process_info(Pid, parent) of
            {parent, Parent} when is_pid(Parent) -> [Parent];
            _ -> []
        end,
    Noted ++ Spawned.

ancestor(Pid) when is_pid(Pid) -> [Pid];
ancestor(Name) when is_atom(Name) -> [Pid || Pid <- [whereis(Name)], is_pid(Pid)];
ancestor(_) -> [].

is_supervisor(Dictionary) ->
    case lists:keyfind('$initial_call', 1, Dictionary) of
        {_, {supervisor, _, _}} -> true;
        _ -> false
    end.

%% Below its nearest ancestor that is still there and shown; a process of another application stands on its own.
children(Found) ->
    maps:fold(
        fun(Pid, Facts, Children) ->
            Key = parent(Pid, Facts, Found),
            Children#{Key => [Pid | maps:get(Key, Children, [])]}
        end,
        #{}, Found).

parent(Pid, #{ancestors := Ancestors, application := App}, Found) ->
    case [Each || Each <- Ancestors, Each =/= Pid, #{application := Of} <- [maps:get(Each, Found, none)], Of =:= App] of
        [Nearest | _] -> Nearest;
        [] -> none
    end.

%% What is cut off at the limit is what lies deepest.
breadth_first(Roots, Children, Limit) ->
    level([{Pid, nil} || Pid <- lists:sort(Roots)], Children, Limit).

level(_, _Children, 0) ->
    [];
level([], _Children, _Limit) ->
    [];
level(Level, Children, Limit) ->
    Shown = lists:sublist(Level, Limit),
    Next = [{Child, Pid} || {Pid, _} <- Shown, Child <- lists:sort(maps:get(Pid, Children, []))],
    Shown ++ level(Next, Children, Limit - length(Shown)).

info(Pid, Parent, #{application := App, supervisor := Supervisor}) ->
    case process_info(Pid, [status, message_queue_len, memory, current_function]) of
        undefined ->
            [];
        [{_, Status}, {_, Mailbox}, {_, Memory}, {_, At}] ->
            [#{
                id => ecd_threads:known(Pid),
                parent => parent_id(Parent),
                application => App,
                name => ecd_process:name(Pid),
                pid => ecd_names:pid(Pid),
                supervisor => Supervisor,
                state => state(ecd_control:stop_info(Pid), Status),
                mailbox => Mailbox,
                memory => Memory,
                at => place(At)
            }]
    end.

parent_id(nil) -> nil;
parent_id(Pid) -> ecd_threads:known(Pid).

state({stopped, _}, _Status) -> <<"stopped">>;
state(running, suspended) -> <<"suspended">>;
state(running, waiting) -> <<"waiting">>;
state(running, _Status) -> <<"running">>.

place({Module, Function, Arity}) -> ecd_names:function(Module, Function, Arity);
place(_) -> <<>>.
