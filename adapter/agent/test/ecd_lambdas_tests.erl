-module(ecd_lambdas_tests).
-include_lib("eunit/include/eunit.hrl").

-define(SOURCE, "
defmodule LambdasFixture do
  def inlined(a) do
    b = a + 1 # begin
    f = fn a -> a * 10 end
    f.(b)
  end
end
").

%% The compiler puts a closure that its function calls into that function: there is no lambda, and the function's own
%% rows stay what they are.
a_closure_that_is_inlined_is_not_taken_for_its_function_test_() ->
    {timeout, 30, fun() ->
        Dir = ecd_stopping:compile("lambdas.ex", ?SOURCE),
        ok = ecd_stopping:start(Dir),
        try
            ecd_stopping:session(fun() -> stops(Dir) end)
        after
            ok = ecd_stopping:stop(),
            ecd_stopping:remove(Dir)
        end
    end}.

stops(Dir) ->
    Self = self(),
    ok = ecd_stopping:breakpoints(Dir, "lambdas.ex", ["begin"]),
    %% What looks for lambdas works aside; a second stop comes after it.
    lists:foreach(
        fun(N) ->
            {_, Thread} = ecd_stopping:run(fun() -> Self ! {result, 'Elixir.LambdasFixture':inlined(N)} end),
            ok = ecd_stopping:go_on(Thread),
            receive {result, Result} -> ?assertEqual((N + 1) * 10, Result) end
        end,
        lists:seq(1, 20)
    ).
