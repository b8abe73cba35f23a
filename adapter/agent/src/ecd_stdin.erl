%% Says once that the program reads its standard input where that is empty. Reads nothing itself and delays nobody.
-module(ecd_stdin).

-export([watch/0, flush/0]).

%% ms that the end of the program waits for the hint at most.
-define(DEADLINE, 1000).

%% What asks a device for input (io protocol), as a match specification of messages.
-define(READS, [
    {{io_request, '_', '_', Request}, [], [true]}
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

%% Returns when the hint has been given that what was read so far calls for: a program may end right after it has read.
-spec flush() -> ok.
flush() ->
    case whereis(?MODULE) of
        undefined -> ok;
        Watcher -> flush(Watcher)
    end.

%% In a process of the user's, which must not find a late answer among its messages.
flush(Watcher) ->
    Ref = monitor(process, Watcher, [{alias, reply_demonitor}]),
    Watcher ! {flush, Ref},
    receive
        {Ref, flushed} -> ok;
        {'DOWN', Ref, process, Watcher, _Reason} -> ok
    after ?DEADLINE ->
        true = demonitor(Ref, [flush]),
        ok
    end.

watch(User, Starter) ->
    true = register(?MODULE, self()),
    {Stop, Delivered} = trace(User),
    Starter ! {self(), watching},
    await_read(User, ets:match_spec_compile(?READS), Delivered),
    Stop(),
    ecd_launch:notice(warning, [
        "The program reads its standard input, which is empty here. ",
        "To type something, set \"console\" to \"integratedTerminal\"."
    ]).

await_read(User, Reads, Delivered) ->
    receive
        {trace, User, 'receive', Message} ->
            case ets:match_spec_run([Message], Reads) of
                [] -> await_read(User, Reads, Delivered);
                [_ | _] -> ok
            end;
        {flush, Ref} ->
            %% What was received until now is in our mailbox then, before the answer.
            Delivery = Delivered(),
            receive {trace_delivered, User, Delivery} -> ok end,
            self() ! {answer, Ref},
            await_read(User, Reads, Delivered);
        {answer, Ref} ->
            Ref ! {Ref, flushed},
            await_read(User, Reads, Delivered)
    end.

%% Since OTP 27 a trace session of our own has its own pattern. Before, there is one pattern for all who trace received
%% messages, and the evaluator does so for each interpreted `receive`: so there everything that User receives is looked
%% at, until something is read. Gives how to end it, and how to ask for a message once all that was seen is delivered.
trace(User) ->
    case code:ensure_loaded(trace) of
        {module, trace} ->
            Session = trace:session_create(?MODULE, self(), []),
            _ = trace:recv(Session, [{['_', '_', Read], [], []} || {Read, _, _} <- ?READS], []),
            _ = trace:process(Session, User, true, ['receive']),
            {fun() -> trace:session_destroy(Session) end, fun() -> trace:delivered(Session, User) end};
        {error, _} ->
            _ = erlang:trace(User, true, ['receive']),
            {fun() -> erlang:trace(User, false, ['receive']) end, fun() -> erlang:trace_delivered(User) end}
    end.
