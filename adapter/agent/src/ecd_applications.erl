%% Which processes belong to the user's program and which to OTP, Elixir and Mix. Decides by application and by
%% installation path, never by the names of the user's modules.
-module(ecd_applications).
-compile({no_auto_import, [processes/0]}).

-export([leaders/0, is_application/4, processes/0]).

-type leaders() :: #{pid() => boolean()}.

%% Group leader of each running application, with whether the application is the user's or a dependency of it.
-spec leaders() -> leaders().
leaders() ->
    Roots = system_roots(),
    maps:from_list([
        {Master, not is_system(App, Roots)}
     || [App, Master] <- ets:match(ac_tab, {{application_master, '$1'}, '$2'})
    ]).

%% The user's program: its processes without the debugger's own.
-spec processes() -> [pid()].
processes() ->
    Leaders = leaders(),
    [Pid || Pid <- erlang:processes(), {Name, Leader} <- registered(Pid), is_application(Pid, Name, Leader, Leaders),
            not ecd_process:is_hidden(Pid, Name)].

registered(Pid) ->
    case process_info(Pid, [registered_name, group_leader]) of
        undefined -> [];
        [{registered_name, Name}, {group_leader, Leader}] -> [{Name, Leader}]
    end.

%% A process without an application (a script's, a test's) is the user's unless the VM or Elixir's compiler started it.
-spec is_application(pid(), atom() | [], pid(), leaders()) -> boolean().
is_application(Pid, Name, Leader, Leaders) ->
    case Leaders of
        #{Leader := false} -> false;
        #{Leader := true} -> Name =/= [] orelse not is_vm_process(Pid);
        #{} -> not is_vm_name(Name) andalso not is_vm_process(Pid) andalso not is_of_tools(Pid)
    end.

%% What init starts without a name is the process that boots the VM.
is_vm_process(Pid) ->
    case process_info(Pid, [initial_call, parent]) of
        [{initial_call, {erlang, apply, 2}}, {parent, Parent}] -> Parent =:= whereis(init);
        [{initial_call, {proc_lib, _, _}}, _] -> is_vm_server(Pid);
        [{initial_call, {Module, _, _}}, _] -> is_vm_module(Module);
        undefined -> true
    end.

is_vm_server(Pid) ->
    case proc_lib:initial_call(Pid) of
        {Module, _, _} -> is_vm_module(Module);
        false -> false
    end.

%% What Elixir's compiler keeps beside each file, its workers, those in which ExUnit counts and reports, and what these
%% have started.
is_of_tools(Pid) ->
    case process_info(Pid, dictionary) of
        {dictionary, Dictionary} ->
            lists:keymember(elixir_compiler_info, 1, Dictionary) orelse
                is_tool(Dictionary) orelse
                is_tool(of_parent(Dictionary));
        undefined ->
            true
    end.

is_tool(Dictionary) ->
    case proplists:get_value('$initial_call', Dictionary) of
        {'Elixir.Kernel.LexicalTracker', _, _} -> true;
        {'Elixir.Module.ParallelChecker', _, _} -> true;
        {'Elixir.ExUnit', _, _} -> true;
        {Module, _, _} -> lists:prefix("Elixir.ExUnit.", atom_to_list(Module));
        undefined -> false
    end.

of_parent(Dictionary) ->
    case proplists:get_value('$ancestors', Dictionary) of
        [Parent | _] when is_pid(Parent) ->
            case process_info(Parent, dictionary) of
                {dictionary, OfParent} -> OfParent;
                undefined -> []
            end;
        _ ->
            []
    end.

%% Started before any application: what kernel and the shell consist of.
is_vm_module(Module) ->
    case atom_to_list(Module) of
        "erts_" ++ _ -> true;
        _ ->
            lists:member(Module, [
                init, erl_prim_loader, user, group, user_drv, prim_tty, prim_file, application_master, logger_std_h,
                socket_registry, code_server
            ])
    end.

is_vm_name(Name) ->
    lists:member(Name, [init, erl_prim_loader, user, user_drv, user_drv_reader, user_drv_writer, socket_registry,
                        application_controller, logger, erl_signal_server]).

is_system(App, Roots) ->
    case code:lib_dir(App) of
        {error, bad_name} -> false;
        Dir -> lists:any(fun(Root) -> lists:prefix(Root, Dir) end, Roots)
    end.

system_roots() ->
    Elixir =
        case code:lib_dir(elixir) of
            {error, bad_name} -> [];
            Dir -> [filename:dirname(Dir) ++ "/"]
        end,
    [code:lib_dir() ++ "/" | Elixir].
