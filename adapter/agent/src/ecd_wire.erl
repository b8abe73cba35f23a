%% The agent's end of the connection: frames in and out, over the socket or through the relay. Interprets no command.
-module(ecd_wire).

-export([connect/3, relay/2, event/2, flush/0]).

-define(PROTOCOL, 1).
%% Bytes of one frame; a larger one is refused by {packet, 4}'s packet_size.
-define(MAX_FRAME, 64 * 1024 * 1024).
%% ms a frame may wait for a client that does not read.
-define(SEND_TIMEOUT, 30000).
%% ms until what was told so far must be on its way.
-define(FLUSH, 5000).

-record(wire, {
    transport :: {tcp, gen_tcp:socket()} | {relay, pid()},
    %% command lanes: requests of one lane are worked off one after the other
    lanes = #{} :: #{atom() => pid()},
    %% requests under way: Id => worker or lane
    open = #{} :: #{non_neg_integer() => {worker, pid(), reference()} | {lane, atom()}}
}).

%% Sends an event to the adapter; silently dropped when no session is connected, since nobody listens then.
-spec event(atom(), map()) -> ok.
event(Name, Body) ->
    case whereis(?MODULE) of
        undefined -> ok;
        Wire -> Wire ! {event, Name, Body}, ok
    end.

%% Returns when the socket has all events so far. The VM may end the moment after: it does not wait for our process.
-spec flush() -> ok.
flush() ->
    case whereis(?MODULE) of
        undefined -> ok;
        Wire -> flush(Wire)
    end.

%% In a process of the user's, which must not find a late answer among its messages.
flush(Wire) ->
    Alias = monitor(process, Wire, [{alias, reply_demonitor}]),
    Wire ! {flush, Alias},
    receive
        {Alias, flushed} -> ok;
        {'DOWN', Alias, process, Wire, _} -> ok
    after ?FLUSH ->
        true = demonitor(Alias, [flush]),
        ok
    end.

%% The life of the connection process of a launched program. Exits when the adapter cannot be reached.
-spec connect(inet:port_number(), binary(), timeout()) -> no_return().
connect(Port, Token, Timeout) ->
    Options = [binary, {packet, 4}, {packet_size, ?MAX_FRAME}, {active, true}, {nodelay, true},
               {send_timeout, ?SEND_TIMEOUT}, {send_timeout_close, true}],
    case gen_tcp:connect({127, 0, 0, 1}, Port, Options, Timeout) of
        {ok, Socket} -> begin_session(#wire{transport = {tcp, Socket}}, Token);
        {error, Reason} -> exit(Reason)
    end.

%% The life of the connection process on an attached node.
-spec relay(pid(), binary()) -> no_return().
relay(Relay, Token) ->
    _ = monitor(process, Relay),
    Relay ! {ecd_relay, self(), started},
    begin_session(#wire{transport = {relay, Relay}}, Token).

begin_session(Wire, Token) ->
    true = register(?MODULE, self()),
    process_flag(trap_exit, true),
    ok = answer_while_others_are_busy(),
    Self = self(),
    Lanes = maps:from_list([{Lane, spawn_link(fun() -> first_in_lane(Self) end)} || Lane <- ecd_commands:lanes()]),
    send(Wire, {hello, hello(Token)}),
    loop(Wire#wire{lanes = Lanes}).

hello(Token) ->
    #{
        token => Token,
        protocol => ?PROTOCOL,
        node => atom_to_binary(node()),
        otp => list_to_integer(erlang:system_info(otp_release)),
        osPid => list_to_integer(os:getpid())
    }.

loop(Wire) ->
    receive
        {event, Name, Body} ->
            send(Wire, {event, Name, Body}),
            loop(Wire);
        {tcp, _Socket, Frame} ->
            loop(incoming(Frame, Wire));
        {ecd_relay, _Relay, Frame} when is_binary(Frame) ->
            loop(incoming(Frame, Wire));
        {done, Id, Outcome} ->
            loop(finish(Id, Outcome, Wire));
        {'DOWN', Ref, process, Worker, Reason} ->
            loop(down(Ref, Worker, Reason, Wire));
        {flush, Alias} ->
            Alias ! {Alias, flushed},
            loop(Wire);
        {tcp_closed, _Socket} ->
            lost(Wire);
        {tcp_error, _Socket, _Reason} ->
            lost(Wire);
        {ecd_relay, _Relay, gone} ->
            lost(Wire);
        {'EXIT', _Lane, normal} ->
            loop(Wire);
        {'EXIT', _Lane, Reason} ->
            exit(Reason)
    end.

%% The adapter is gone: a launched program ends with it, an attached node goes on without us, and without our code.
-spec lost(#wire{}) -> no_return().
lost(#wire{lanes = Lanes}) ->
    unregister(?MODULE),
    ok = ecd_session:lost(),
    lists:foreach(fun end_lane/1, maps:values(Lanes)),
    exit(normal).

end_lane(Lane) ->
    Monitor = monitor(process, Lane),
    exit(Lane, kill),
    receive {'DOWN', Monitor, process, Lane, _} -> ok end.

incoming(Frame, Wire) ->
    case decoded(Frame) of
        {request, Id, Command, Args} when is_atom(Command), is_map(Args) ->
            dispatch(Id, Command, Args, Wire);
        {cancel, Id} ->
            cancel(Id, Wire);
        _ ->
            refuse(Frame, Wire)
    end.

%% While the program starts, a command may be one whose module, and with it the atoms of its keys, is not loaded yet.
decoded(Frame) ->
    try
        binary_to_term(Frame, [safe])
    catch
        error:badarg ->
            ok = ecd_boot:load_all(),
            try
                binary_to_term(Frame, [safe])
            catch
                error:badarg -> undecodable
            end
    end.

%% A frame that does not decode (an atom nobody knows, a broken term) is answered if its request id can be read.
refuse(<<131, 104, 4, _AtomTag, 7, "request", 97, Id, _/binary>>, Wire) -> refuse_request(Id, Wire);
refuse(<<131, 104, 4, _AtomTag, 7, "request", 98, Id:32, _/binary>>, Wire) -> refuse_request(Id, Wire);
refuse(_Frame, Wire) ->
    send(Wire, {event, notice, #{level => warning, text => <<"The debug agent dropped a frame it cannot read.">>}}),
    Wire.

refuse_request(Id, Wire) ->
    send(Wire, {error, Id, #{blame => bug, code => <<"badFrame">>,
                             message => <<"The debug agent does not know this command or one of its keys.">>}}),
    Wire.

dispatch(Id, Command, Args, Wire = #wire{open = Open}) ->
    Self = self(),
    case ecd_commands:handler(Command) of
        {worker, Handler} ->
            {Worker, Ref} = spawn_monitor(fun() -> Self ! {done, Id, run(Handler, Args)} end),
            Wire#wire{open = Open#{Id => {worker, Worker, Ref}}};
        {Lane, Handler} ->
            maps:get(Lane, Wire#wire.lanes) ! {work, Id, Handler, Args},
            Wire#wire{open = Open#{Id => {lane, Lane}}};
        unknown ->
            send(Wire, {error, Id, #{blame => bug, code => <<"unknownCommand">>,
                                     message => <<"The debug agent does not know the command ",
                                                  (atom_to_binary(Command))/binary, ".">>}}),
            Wire
    end.

first_in_lane(Wire) ->
    ok = answer_while_others_are_busy(),
    lane(Wire).

%% A program that keeps every scheduler busy must not make each answer wait for its turn; we work for moments only.
answer_while_others_are_busy() ->
    _ = process_flag(priority, high),
    ok.

lane(Wire) ->
    receive
        {work, Id, Handler, Args} ->
            Wire ! {done, Id, run(Handler, Args)},
            lane(Wire)
    end.

run({Module, Function}, Args) ->
    try {reply, Module:Function(Args)}
    catch Class:Reason:Stack -> {error, ecd_failure:from(Class, Reason, Stack)}
    end.

%% A result for a request that was cancelled meanwhile has nowhere to go.
finish(Id, Outcome, Wire = #wire{open = Open}) ->
    case maps:take(Id, Open) of
        {{worker, _Worker, Ref}, Rest} ->
            erlang:demonitor(Ref, [flush]),
            answer(Id, Outcome, Wire),
            Wire#wire{open = Rest};
        {{lane, _Lane}, Rest} ->
            answer(Id, Outcome, Wire),
            Wire#wire{open = Rest};
        error ->
            Wire
    end.

answer(Id, {reply, Result}, Wire) -> send(Wire, {reply, Id, Result});
answer(Id, {error, Failure}, Wire) -> send(Wire, {error, Id, Failure}).

%% A worker that died without a result; or the relay or helper node is gone.
down(Ref, Process, Reason, Wire = #wire{transport = Transport, open = Open}) ->
    case [Id || {Id, {worker, _, R}} <- maps:to_list(Open), R =:= Ref] of
        [Id] ->
            send(Wire, {error, Id, ecd_failure:from(exit, Reason, [])}),
            Wire#wire{open = maps:remove(Id, Open)};
        [] when Transport =:= {relay, Process} ->
            lost(Wire);
        [] ->
            Wire
    end.

%% Only a worker can be interrupted; what a lane changes is finished, and its result still answers the request.
cancel(Id, Wire = #wire{open = Open}) ->
    case Open of
        #{Id := {worker, Worker, Ref}} ->
            erlang:demonitor(Ref, [flush]),
            exit(Worker, kill),
            send(Wire, {error, Id, #{blame => expected, code => <<"cancelled">>, message => <<"Cancelled.">>}}),
            Wire#wire{open = maps:remove(Id, Open)};
        _ ->
            Wire
    end.

send(#wire{transport = {tcp, Socket}}, Term) ->
    case gen_tcp:send(Socket, encode(Term)) of
        ok -> ok;
        {error, _} -> self() ! {tcp_closed, Socket}, ok
    end;
send(#wire{transport = {relay, Relay}}, Term) ->
    Relay ! {ecd_relay, self(), encode(Term)},
    ok.

encode(Term) ->
    term_to_binary(Term, [{minor_version, 2}]).
