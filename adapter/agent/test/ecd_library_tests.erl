%% A program computes the same when every module that it calls is interpreted, the standard libraries included.
-module(ecd_library_tests).

-include_lib("eunit/include/eunit.hrl").

-define(M, 'Elixir.Library').

library_test_() ->
    {timeout, 300, fun() -> ecd_scene:with(["library.ex"], fun all/0) end}.

all() ->
    Numbers = lists:seq(0, ?M:count() - 1),
    Native = [?M:call(N) || N <- Numbers],
    ok = ecd_engine:arm(?M, {call, 1}, ?MODULE),
    {Interpreted, []} = ecd_scene:stops(fun() ->
        ok = ecd_engine:step_mode(self(), all),
        [?M:call(N) || N <- Numbers]
    end),
    [?assertEqual({N, Right}, {N, Got}) || {N, Right, Got} <- lists:zip3(Numbers, Native, Interpreted)],
    %% What has been interpreted: not only the fixture.
    Entered = [Mod || {Mod, true} <- ecd_state:all(entered)],
    [?assert(lists:member(Mod, Entered)) || Mod <- ['Elixir.Enum', 'Elixir.URI', 'Elixir.Code.Formatter', lists]].
