-module(ecd_process_tests).
-include_lib("eunit/include/eunit.hrl").

-define(SOURCE, "
defmodule ProcessFixture.Server do
  use GenServer
  def init(state), do: {:ok, state}
  def handle_call({:call, other}, _from, state), do: {:reply, GenServer.call(other, :ask), state}
end

defmodule ProcessFixture.Tree do
  use Supervisor
  def init(_), do: Supervisor.init([], strategy: :one_for_one)
end

defmodule ProcessFixture do
  def wait, do: receive(do: (:stop -> :ok))
  def task, do: Task.async(fn -> wait() end)
  def named_task, do: Task.async(__MODULE__, :wait, [])
  def spawned, do: spawn(fn -> {wait(), :not_a_tail_call} end)
  def spawned_mfa, do: spawn(__MODULE__, :wait, [])
end
").

-define(FIXTURE, 'Elixir.ProcessFixture').

process_test_() ->
    {setup,
        fun() ->
            Dir = ecd_stopping:compile("process.ex", ?SOURCE),
            {ok, _} = ecd_handles:start(),
            ok = ecd_modules:start(),
            Dir
        end,
        fun(Dir) ->
            ok = ecd_modules:stop(),
            ok = ecd_handles:stop(),
            ecd_stopping:remove(Dir)
        end,
        [
            {"servers are called by their module", fun servers/0},
            {"a registered name comes first", fun by_registered_name/0},
            {"tasks tell what they do", fun tasks/0},
            {"a spawned process is called by its function", fun spawned/0},
            {"labels count where OTP has them", fun labelled/0},
            {"a test is called by its name", {timeout, 30, fun tests/0}},
            {"the debugger's own processes are hidden", fun hidden/0},
            {"OTP's and Elixir's processes are told from the program's", fun applications/0},
            {"whoever waits is found with the call it waits in", fun waiting/0}
        ]}.

%% Its name, after the process is waiting where its stack tells most.
name(Pid) ->
    wait_until(fun() -> process_info(Pid, status) =:= {status, waiting} end),
    Name = ecd_process:name(Pid),
    unlink(Pid),
    exit(Pid, kill),
    Name.

wait_until(Condition) ->
    case Condition() of
        true -> ok;
        false -> receive after 5 -> wait_until(Condition) end
    end.

servers() ->
    {ok, Server} = 'Elixir.GenServer':start('Elixir.ProcessFixture.Server', nil),
    ?assertEqual(<<"ProcessFixture.Server">>, name(Server)),
    {ok, Supervisor} = 'Elixir.Supervisor':start_link('Elixir.ProcessFixture.Tree', []),
    ?assertEqual(<<"ProcessFixture.Tree (supervisor)">>, name(Supervisor)),
    {ok, Agent} = 'Elixir.Agent':start(fun() -> 1 end),
    ?assertEqual(<<"anonymous fn/0 in :ecd_process_tests.servers/0">>, name(Agent)).

by_registered_name() ->
    {ok, Server} = 'Elixir.GenServer':start('Elixir.ProcessFixture.Server', nil, [{name, 'Elixir.My.Server'}]),
    ?assertEqual(<<"My.Server">>, name(Server)),
    {ok, Small} = 'Elixir.GenServer':start('Elixir.ProcessFixture.Server', nil, [{name, my_server}]),
    ?assertEqual(<<":my_server">>, name(Small)).

tasks() ->
    #{pid := Task} = ?FIXTURE:task(),
    ?assertMatch(<<"Task anonymous fn/0 in ProcessFixture.task/0">>, name(Task)),
    #{pid := Named} = ?FIXTURE:named_task(),
    ?assertMatch(<<"Task ProcessFixture.wait/0">>, name(Named)).

spawned() ->
    ?assertEqual(<<"anonymous fn/0 in ProcessFixture.spawned/0">>, name(?FIXTURE:spawned())),
    ?assertEqual(<<"ProcessFixture.wait/0">>, name(?FIXTURE:spawned_mfa())).

labelled() ->
    [
        ?assertEqual(Expected, name(labelled(Label)))
     || erlang:function_exported(proc_lib, set_label, 1),
        {Label, Expected} <- [
            {<<"worker of lane 7">>, <<"worker of lane 7">>},
            {"lane 8", <<"lane 8">>},
            {{'Elixir.My.Live', <<"lv:1">>, 3, ok}, <<"{My.Live, \"lv:1\", 3, :ok}">>}
        ]
    ],
    ?assertEqual(<<"ProcessFixture.wait/0">>, name(?FIXTURE:spawned_mfa())).

%% The function exists from OTP 27 on.
labelled(Label) ->
    Self = self(),
    Pid = spawn(fun() ->
        proc_lib:set_label(Label),
        Self ! labelled,
        ?FIXTURE:wait()
    end),
    receive labelled -> Pid end.

tests() ->
    Script =
        "ExUnit.start(autorun: false, formatters: [])\n"
        "defmodule NameFixture do\n"
        "  use ExUnit.Case\n"
        "  test \"adds numbers\" do\n"
        "    :persistent_term.put(:test_name, :ecd_process.name(self()))\n"
        "    assert true\n"
        "  end\n"
        "  doctest = ExUnit.Case.register_test(__ENV__, :doctest, \"of a page\", [])\n"
        "  def unquote(doctest)(_), do: :persistent_term.put(:doctest_name, :ecd_process.name(self()))\n"
        "end\n"
        "ExUnit.run()\n",
    {ok, _} = application:ensure_all_started(ex_unit),
    _ = 'Elixir.Code':eval_string(list_to_binary(Script)),
    ?assertEqual(<<"test adds numbers (NameFixture)">>, persistent_term:get(test_name)),
    ?assertEqual(<<"doctest of a page (NameFixture)">>, persistent_term:get(doctest_name)),
    [persistent_term:erase(Name) || Name <- [test_name, doctest_name]].

hidden() ->
    Handles = whereis(ecd_handles),
    ?assert(ecd_process:is_hidden(Handles, ecd_handles)),
    {ok, {Self, Child}} = ecd_worker:run(
        fun() ->
            Other = spawn(fun() -> receive stop -> ok end end),
            {ecd_process:is_hidden(self(), []), ecd_process:is_hidden(Other, [])}
        end,
        1000
    ),
    ?assertEqual({true, true}, {Self, Child}),
    Pid = ?FIXTURE:spawned(),
    ?assertNot(ecd_process:is_hidden(Pid, [])),
    exit(Pid, kill).

applications() ->
    Leaders = ecd_applications:leaders(),
    Is = fun(Pid, Name) ->
        {group_leader, Leader} = process_info(Pid, group_leader),
        ecd_applications:is_application(Pid, Name, Leader, Leaders)
    end,
    [
        ?assertEqual({Name, false}, {Name, Is(whereis(Name), Name)})
     || Name <- [init, kernel_sup, code_server, application_controller, logger, erl_prim_loader, elixir_sup]
    ],
    Pid = ?FIXTURE:spawned(),
    ?assert(Is(Pid, [])),
    ?assert(lists:member(Pid, ecd_applications:processes())),
    ?assertNot(lists:member(whereis(code_server), ecd_applications:processes())),
    exit(Pid, kill).

waiting() ->
    Silent = ?FIXTURE:spawned(),
    ?assertEqual([], ecd_waiting:waiters(Silent)),
    ?assertEqual(none, ecd_waiting:text(Silent)),
    Server = 'Elixir.ProcessFixture.Server',
    {ok, Middle} = 'Elixir.GenServer':start(Server, nil),
    Self = self(),
    spawn(fun() -> call(Middle, {call, Silent}) end),
    Caller = spawn(fun() -> call(Silent, question) end),
    Watcher = spawn(fun() -> monitor(process, Silent), Self ! watching, 'Elixir.Process':sleep(infinity) end),
    receive watching -> ok end,
    wait_until(fun() -> length(ecd_waiting:waiters(Silent)) =:= 2 end),
    Calls = lists:sort([{Pid, Call} || #{pid := Pid, call := Call} <- ecd_waiting:waiters(Silent)]),
    ?assertEqual(lists:sort([{Middle, <<"GenServer.call">>}, {Caller, <<"GenServer.call">>}]), Calls),
    ?assertNotEqual(nomatch, string:find(ecd_waiting:text(Silent), "; ")),
    [exit(Pid, kill) || Pid <- [Silent, Middle, Caller, Watcher]].

%% Ends when the test ends whom it has asked.
call(Server, Question) ->
    try
        'Elixir.GenServer':call(Server, Question, infinity)
    catch
        exit:_ -> ok
    end.
