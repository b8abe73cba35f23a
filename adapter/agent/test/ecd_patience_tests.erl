-module(ecd_patience_tests).
-include_lib("eunit/include/eunit.hrl").

-define(SCRIPT, "
:ok = :ecd_patience.exunit()
ExUnit.start(autorun: false, formatters: [])

defmodule PatienceFixture do
  use ExUnit.Case, async: true

  @tag timeout: 1_000
  test \"stopped for longer than its timeout\" do
    :ecd_patience.stopped(true)
    Process.sleep(2_000)
    :ecd_patience.stopped(false)
    send(:reporter, :survived)
  end

  @tag timeout: 1_000
  test \"stopped in its on_exit callback\" do
    on_exit(fn ->
      :ecd_patience.stopped(true)
      Process.sleep(2_000)
      :ecd_patience.stopped(false)
      send(:reporter, :on_exit_survived)
    end)
  end

  @tag timeout: 1_000
  test \"hangs by itself\" do
    Process.sleep(60_000)
    send(:reporter, :hung)
  end
end

Process.register(self(), :reporter)
%{total: total, failures: failures} = ExUnit.run()
{:messages, messages} = Process.info(self(), :messages)
survived = for m <- messages, m in [:survived, :on_exit_survived, :hung], do: m
IO.puts(inspect({:outcome, total, failures, Enum.sort(survived)}))
").

%% A real test run in a VM of its own, because ExUnit is changed in it.
a_test_times_out_only_by_time_in_which_nothing_is_stopped_test_() ->
    {timeout, 60, fun() ->
        File = filename:join(filename:basedir(user_cache, "ecd_tests"), "patience_" ++ os:getpid() ++ ".exs"),
        ok = filelib:ensure_dir(File),
        ok = file:write_file(File, ?SCRIPT),
        Ebin = filename:dirname(code:which(ecd_patience)),
        Output = os:cmd("elixir -pa '" ++ Ebin ++ "' '" ++ File ++ "' 2>&1"),
        ok = file:delete(File),
        ?assertEqual("{:outcome, 3, 1, [:on_exit_survived, :survived]}", string:trim(Output))
    end}.

the_clock_counts_stops_only_test_() ->
    {timeout, 10, fun() ->
        Before = ecd_patience:stopped_ms(),
        ok = ecd_patience:stopped(true),
        ok = ecd_patience:stopped(true),
        wait_until(fun() -> ecd_patience:stopped_ms() - Before >= 50 end),
        ok = ecd_patience:stopped(false),
        ok = ecd_patience:stopped(false),
        After = ecd_patience:stopped_ms(),
        ?assert(After - Before >= 50),
        receive after 20 -> ok end,
        ?assertEqual(After, ecd_patience:stopped_ms())
    end}.

wait_until(Condition) ->
    case Condition() of
        true -> ok;
        false -> receive after 5 -> wait_until(Condition) end
    end.

only_receives_with_a_timeout_change_test() ->
    Forms = parse(
        "-module(patience_fixture).\n-export([a/0, b/1]).\n"
        "a() -> receive X -> X end.\n"
        "b(T) -> receive X -> X after T -> receive Y -> Y after 0 -> late end end.\n"
    ),
    [_, _, A, _, Added] = [Form || Form <- ecd_patience:patient(Forms), element(1, Form) =/= eof],
    ?assert(lists:member(A, Forms)),
    ?assertMatch({function, _, ecd_stopped_ms, 0, _}, Added),
    {ok, patience_fixture, Binary} = compile:forms(ecd_patience:patient(Forms), [binary]),
    {module, patience_fixture} = code:load_binary(patience_fixture, "", Binary),
    ?assertEqual(late, patience_fixture:b(1)),
    self() ! hello,
    ?assertEqual(hello, patience_fixture:b(1000)),
    code:purge(patience_fixture),
    code:delete(patience_fixture).

parse(Text) ->
    {ok, Tokens, _} = erl_scan:string(Text),
    forms(Tokens, []).

forms([], []) ->
    [];
forms([{dot, _} = Dot | Rest], Acc) ->
    {ok, Form} = erl_parse:parse_form(lists:reverse([Dot | Acc])),
    [Form | forms(Rest, [])];
forms([Token | Rest], Acc) ->
    forms(Rest, [Token | Acc]).
