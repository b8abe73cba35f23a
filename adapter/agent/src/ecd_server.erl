%% The named servers of the agent, each under its module's name: started once, stopped if it runs. Knows nothing of what
%% they do.
-module(ecd_server).

-export([start/1, stop/1, stop/3]).

%% Not linked: whoever starts it may end before it. One that an earlier session left, for the sake of closures, goes on.
-spec start(module()) -> {ok, pid()}.
start(Module) ->
    case gen_server:start({local, Module}, Module, [], []) of
        {ok, Pid} -> {ok, Pid};
        {error, {already_started, Pid}} -> {ok, Pid}
    end.

%% Returns when it has ended.
-spec stop(module()) -> ok.
stop(Module) ->
    stop(Module, normal, infinity).

-spec stop(module(), normal | shutdown, timeout()) -> ok.
stop(Module, Reason, Timeout) ->
    case whereis(Module) of
        undefined -> ok;
        Pid -> gen_server:stop(Pid, Reason, Timeout)
    end.
