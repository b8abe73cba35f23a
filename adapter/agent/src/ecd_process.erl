%% What a person calls a process, and which processes are the debugger's own. Reads, never waits for a process.
-module(ecd_process).

-export([name/1, info/2, is_hidden/2, is_agent_name/1]).

%% Whoever has more links than that is no single thing with a name in a registry.
-define(LINKS, 50).

%% The name a person recognises: its label, the name it is registered by, the test it runs, the module of its
%% behaviour, the function it was started with; in this order; then its key in a registry.
-spec name(pid()) -> binary().
name(Pid) ->
    case {registered(Pid), label(Pid)} of
        {none, none} -> keyed(started_as(Pid), Pid);
        {none, Label} -> Label;
        {Name, none} -> Name;
        {Name, Label} -> <<Name/binary, ": ", Label/binary>>
    end.

registered(Pid) ->
    case process_info(Pid, registered_name) of
        {registered_name, Name} -> ecd_names:module(Name);
        _ -> none
    end.

%% With its key in one of Elixir's registries: those link whom they know to a process of theirs.
keyed(Name, Pid) ->
    case [Key || Link <- links(Pid), Partition <- registry_partition(Link), Key <- keys(Partition, Link, Pid)] of
        [{Registry, Key} | _] ->
            unicode:characters_to_binary([Name, " (", ecd_names:module(Registry), ": ", label_part(Key), ")"]);
        [] ->
            Name
    end.

links(Pid) ->
    case process_info(Pid, links) of
        {links, Links} when length(Links) =< ?LINKS -> [Link || Link <- Links, is_pid(Link), node(Link) =:= node()];
        _ -> []
    end.

registry_partition(Link) ->
    case process_info(Link, registered_name) of
        {registered_name, Name} ->
            case re:run(atom_to_list(Name), "^(.+)\\.PIDPartition\\d+$", [{capture, [1], list}]) of
                %% The registry has a table of its name; so the atom is there.
                {match, [Registry]} -> [list_to_existing_atom(Registry)];
                nomatch -> []
            end;
        _ ->
            []
    end.

%% Elixir's Registry notes in a table of its own name, by the number of the partition, {Process, KeysByProcess}: as a
%% part of the row, or, where there is one partition alone, inside of such a part.
keys(Registry, Link, Pid) ->
    try
        Rows = ets:select(Registry, [{'$1', [{is_integer, {element, 1, '$1'}}], ['$1']}]),
        Tables = [Table || Row <- Rows, {Process, Table} <- parts(Row), Process =:= Link],
        [{Registry, element(2, Entry)} || Table <- Tables, Entry <- ets:lookup(Table, Pid)]
    catch
        %% The registry has ended meanwhile, or is none.
        error:badarg -> []
    end.

parts(Row) ->
    lists:flatmap(fun(Part) when is_tuple(Part) -> [Part | tuple_to_list(Part)]; (_) -> [] end, tuple_to_list(Row)).

%% Process labels came with OTP 27.
label(Pid) ->
    case erlang:function_exported(proc_lib, get_label, 1) andalso proc_lib:get_label(Pid) of
        false -> none;
        undefined -> none;
        Label -> label_text(Label)
    end.

label_text(Label) when is_binary(Label) -> Label;
label_text({Module, Test}) when is_atom(Module), is_atom(Test) ->
    Name = atom_to_binary(Test),
    case is_test(Name) of
        true -> test_name(Name, Module);
        false -> iolist_to_binary(label_part({Module, Test}))
    end;
label_text(Label) ->
    case io_lib:printable_unicode_list(Label) of
        true -> unicode:characters_to_binary(Label);
        false -> unicode:characters_to_binary(label_part(Label))
    end.

%% As Elixir writes it, without calling Elixir for each process of a list.
label_part(Part) when is_atom(Part) -> ecd_names:atom(Part);
label_part(Part) when is_tuple(Part), tuple_size(Part) < 10 ->
    [${, lists:join(", ", [label_part(Element) || Element <- tuple_to_list(Part)]), $}];
label_part(Part) when is_binary(Part) -> [$", Part, $"];
label_part(Part) -> io_lib:format("~0tP", [Part, 10]).

test_name(Name, Module) -> <<Name/binary, " (", (ecd_names:module(Module))/binary, ")">>.

started_as(Pid) ->
    case initial_call(Pid) of
        {supervisor, Module, _} when Module =/= kernel -> <<(ecd_names:module(Module))/binary, " (supervisor)">>;
        {application_master, _, _} -> <<"application master">>;
        {Module, init, 1} -> ecd_names:module(Module);
        {erlang, apply, 2} -> from_stack(Pid);
        {'Elixir.Task.Supervised', _, _} -> task(from_stack(Pid));
        {Module, Function, Arity} ->
            Text =
                case machinery(Module) of
                    %% A closure that was made while it was interpreted is the evaluator's.
                    true -> from_stack(Pid);
                    false -> ecd_names:function(Module, Function, Arity)
                end,
            case is_task(Pid) of
                true -> task(Text);
                false -> Text
            end;
        none -> <<"process">>
    end.

task(Text) -> <<"Task ", Text/binary>>.

%% The dictionary names the first call of what proc_lib started (Task and Agent write the user's function there).
initial_call(Pid) ->
    case process_info(Pid, [initial_call, dictionary]) of
        undefined ->
            none;
        [{initial_call, Spawned}, {dictionary, Dictionary}] ->
            case lists:keyfind('$initial_call', 1, Dictionary) of
                {_, {supervisor, _, _}} -> supervisor(proc_lib:translate_initial_call(Pid));
                {_, {_, _, Arity} = MFA} when is_integer(Arity) -> MFA;
                _ -> Spawned
            end
    end.

supervisor({supervisor, Module, Arity}) -> {supervisor, Module, Arity};
supervisor(_) -> {supervisor, supervisor, 1}.

is_task(Pid) ->
    lists:keymember('Elixir.Task.Supervised', 1, ecd_handles:stacktrace(Pid)).

%% A bare spawn(fun) has no name of its own: a test names itself by its function; else the outermost frame that is
%% not machinery says what the process does.
from_stack(Pid) ->
    Stack = interpreted(Pid) ++ ecd_handles:stacktrace(Pid),
    case lists:keyfind('Elixir.ExUnit.Runner', 1, Stack) of
        false -> outermost(Stack);
        _ -> test(Stack)
    end.

%% A stopped process has some of its functions in the evaluator instead of on its stack.
interpreted(Pid) ->
    case ecd_control:stop_info(Pid) of
        {stopped, #{kind := interpreted, meta := Meta}} ->
            [{M, F, A, []} || #{module := M, function := F, arity := A} <- ecd_meta:frames(Meta)];
        _ ->
            []
    end.

test(Stack) ->
    Tests = [{M, Text} || {M, F, 1, _} <- Stack, Text <- [atom_to_binary(F)], is_test(Text)],
    case Tests of
        [{Module, Text} | _] -> test_name(Text, Module);
        [] -> <<"ExUnit test process">>
    end.

%% The kinds that ExUnit and the libraries beside it register.
is_test(<<"test ", _/binary>>) -> true;
is_test(<<"doctest ", _/binary>>) -> true;
is_test(<<"property ", _/binary>>) -> true;
is_test(_) -> false.

outermost(Stack) ->
    case lists:keymember('Elixir.Kernel.CLI', 1, Stack) of
        true ->
            main();
        false ->
            case [MFA || {M, _, A, _} = MFA <- lists:reverse(Stack), is_integer(A), not machinery(M)] of
                [{M, F, A, _} | _] -> ecd_names:function(M, F, A);
                [] -> <<"process">>
            end
    end.

%% The process that `mix`, `elixir` or `iex` runs the user's code in.
main() ->
    case {ecd_config:get(script), ecd_config:get(task)} of
        {nil, nil} -> <<"main process">>;
        {nil, Task} -> <<"main process: mix ", Task/binary>>;
        {Script, _} -> <<"main process: ", (filename:basename(Script))/binary>>
    end.

machinery(Module) ->
    lists:member(Module, [
        proc_lib, timer, dbg_debugged, dbg_ieval, 'Elixir.Task.Supervised', 'Elixir.ExUnit.Runner', erl_eval, elixir
    ]).

%% As erlang:process_info/2, without what the debugger has added: evaluators and watchers among links and monitors, keys
%% in the dictionary, and the function that waits for it.
-spec info(pid(), [atom()]) -> [{atom(), term()}] | undefined.
info(Pid, Items) ->
    case process_info(Pid, Items) of
        undefined -> undefined;
        Info -> [{Item, of_program(Item, Value, Pid)} || {Item, Value} <- Info]
    end.

of_program(dictionary, Dictionary, _Pid) ->
    [Entry || {Key, _} = Entry <- Dictionary, not is_own_key(Key)];
of_program(Item, Others, _Pid) when Item =:= links; Item =:= monitors; Item =:= monitored_by ->
    [Other || Other <- Others, not is_ours(Other)];
of_program(current_function, {dbg_debugged, _, _} = Waiting, Pid) ->
    case interpreted(Pid) of
        [{M, F, A, _} | _] -> {M, F, A};
        [] -> Waiting
    end;
of_program(_Item, Value, _Pid) ->
    Value.

is_own_key(dbg_debugged) -> true;
is_own_key(Key) when is_atom(Key) -> is_agent_name(Key);
is_own_key(Key) when is_tuple(Key), tuple_size(Key) > 0, is_atom(element(1, Key)) -> is_agent_name(element(1, Key));
is_own_key(_) -> false.

is_ours({process, Other}) ->
    is_ours(Other);
is_ours(Pid) when is_pid(Pid), node(Pid) =:= node() ->
    case process_info(Pid, registered_name) of
        {registered_name, Name} -> is_hidden(Pid, Name);
        [] -> is_hidden(Pid, []);
        undefined -> false
    end;
is_ours(_Other) ->
    false.

%% The debugger's own: registered by its prefix, its throw-aways, whatever those started, and the evaluators (metas)
%% of debugged processes.
-spec is_hidden(pid(), atom() | []) -> boolean().
is_hidden(Pid, []) ->
    case process_info(Pid, [initial_call, current_function]) of
        [{_, {erlang, apply, 2}}, {_, {Module, _, _}}] ->
            ecd_worker:is(Pid) orelse in_evaluator(Pid, Module) orelse started_by_agent(Pid) orelse runs_agent(Pid);
        [{_, {Module, _, _}}, _] ->
            is_agent_name(Module) orelse started_by_agent(Pid);
        _ ->
            false
    end;
is_hidden(_Pid, Name) ->
    is_agent_name(Name).

%% Of a process (`[]` for one without) or a module.
-spec is_agent_name(atom() | []) -> boolean().
is_agent_name([]) ->
    false;
is_agent_name(Name) ->
    case atom_to_binary(Name) of
        <<"ecd_", _/binary>> -> true;
        _ -> false
    end.

%% A meta is spawned inside dbg_ieval and stays there; a debugged process that is in dbg_ieval (its closures start
%% there) has dbg_debugged on top of it.
in_evaluator(_Pid, dbg_ieval) ->
    true;
in_evaluator(Pid, Module) when Module =:= dbg_icmd; Module =:= dbg_iserver; Module =:= dbg_istk; Module =:= gen ->
    Modules = [M || {M, _, _, _} <- ecd_handles:stacktrace(Pid)],
    lists:member(dbg_ieval, Modules) andalso not lists:member(dbg_debugged, Modules);
in_evaluator(_Pid, _Module) ->
    false.

%% Started by the user's process, in a function of the agent's.
runs_agent(Pid) ->
    case lists:reverse(ecd_handles:stacktrace(Pid)) of
        [{Module, _, _, _} | _] -> is_agent_name(Module);
        [] -> false
    end.

started_by_agent(Pid) ->
    case process_info(Pid, parent) of
        {parent, Parent} when is_pid(Parent), node(Parent) =:= node() -> is_agent(Parent);
        _ -> false
    end.

is_agent(Parent) ->
    case process_info(Parent, registered_name) of
        {registered_name, Name} -> is_agent_name(Name);
        [] -> ecd_worker:is(Parent) orelse started_by_agent(Parent);
        undefined -> false
    end.
