%% Says once that the program reads its standard input where that is empty. Reads nothing itself and delays nobody.
-module(ecd_stdin).

-export([watch/0]).

%% What asks a device for input (io protocol), as messages that a process receives.
-define(READS, [
    {['_', '_', {io_request, '_', '_', Request}], [], []}
 || Request <- [
        {get_line, '_'},
        {get_line, '_', '_'},
        {get_chars, '_', '_'},
        {get_chars, '_', '_', '_'},
        {get_until, '_', '_', '_', '_'},
        {get_until, '_', '_', '_', '_', '_'}
    ]
]).

%% Returns when every later request for input is seen.
-spec watch() -> ok.
watch() ->
    case ecd_config:get(console) of
        <<"internal">> ->
            Starter = self(),
            {Watcher, Ref} = spawn_monitor(fun() -> watch(whereis(user), Starter) end),
            receive
                {Watcher, watching} -> demonitor(Ref, [flush]), ok;
                {'DOWN', Ref, process, Watcher, _Reason} -> ok
            end;
        _ ->
            ok
    end.

watch(User, Starter) ->
    Stop = trace(User),
    Starter ! {self(), watching},
    receive
        {trace, User, 'receive', _Request} ->
            Stop(),
            ecd_launch:notice(warning, [
                "The program reads its standard input, which is empty here. ",
                "To type something, set \"console\" to \"integratedTerminal\"."
            ])
    end.

%% Since OTP 27 a trace session of our own disturbs no other tracing. Before, there is one set of patterns for all; it is
%% given back as soon as there is something to say.
trace(User) ->
    case code:ensure_loaded(trace) of
        {module, trace} ->
            Session = trace:session_create(?MODULE, self(), []),
            _ = trace:recv(Session, ?READS, []),
            _ = trace:process(Session, User, true, ['receive']),
            fun() -> trace:session_destroy(Session) end;
        {error, _} ->
            _ = erlang:trace_pattern('receive', ?READS, []),
            _ = erlang:trace(User, true, ['receive']),
            fun() ->
                _ = erlang:trace(User, false, ['receive']),
                erlang:trace_pattern('receive', true, [])
            end
    end.
