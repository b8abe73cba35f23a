%% The helper node of an attach: joins the node, pushes the agent in, passes frames on. Never part of a debugged system,
%% interprets no frame but the first.
-module(ecd_relay).

-export([start/0]).
%% Runs on the attached node when that has another OTP than the helper.
-export([compile_there/1]).

-define(PROTOCOL, 1).
%% The module by which the interpreter finds its server.
-define(STANDIN, dbg_iserver).
-define(MAX_FRAME, 64 * 1024 * 1024).
%% ms
-define(CONNECT_TIMEOUT, 10000).
-define(RPC_TIMEOUT, 30000).
%% ms that the agent gets to take itself out after the adapter has gone.
-define(LEAVE_TIMEOUT, 10000).
%% The oldest OTP whose interpreter the agent knows.
-define(OLDEST_OTP, 25).

%% Called by `-s ecd_relay`; the node ends with the connection to the adapter.
-spec start() -> ok.
start() ->
    {Port, Token} = {list_to_integer(take("ECD_PORT")), list_to_binary(take("ECD_TOKEN"))},
    _ = spawn(fun() ->
        Status = try serve(Port, Token) catch Class:Reason -> complain(Class, Reason) end,
        erlang:halt(Status)
    end),
    ok.

complain(Class, Reason) ->
    io:format(standard_error, "~p: ~0tP", [Class, Reason, 30]),
    1.

serve(Port, Token) ->
    Options = [binary, {packet, 4}, {packet_size, ?MAX_FRAME}, {active, true}, {nodelay, true}],
    {ok, Socket} = gen_tcp:connect({127, 0, 0, 1}, Port, Options, ?CONNECT_TIMEOUT),
    send(Socket, {hello, hello(Token)}),
    receive
        {tcp, Socket, Frame} ->
            {request, Id, relay, Args} = binary_to_term(Frame, [safe]),
            join(Socket, Id, Args, Token);
        {tcp_closed, Socket} ->
            0
    end.

hello(Token) ->
    #{
        token => Token,
        protocol => ?PROTOCOL,
        node => atom_to_binary(node()),
        otp => otp(),
        osPid => list_to_integer(os:getpid())
    }.

join(Socket, Id, #{node := Name, cookie := Cookie, sources := Sources}, Token) ->
    try
        Node = binary_to_atom(Name),
        connect(Node, Cookie),
        Modules = push(Node, Sources),
        {Wire, Janitor} = rpc(Node, ecd_boot, start_attached, [self(), Token, Modules]),
        Out = monitor(process, Janitor),
        Ref = monitor(process, Wire),
        send(Socket, {reply, Id, #{}}),
        pass(Socket, Wire, Ref),
        leave(Wire, Out)
    catch
        throw:{failure, Failure} ->
            send(Socket, {error, Id, Failure}),
            %% The adapter closes when it has read why.
            receive {tcp_closed, Socket} -> 0 after ?LEAVE_TIMEOUT -> 0 end
    end.

%% The helper listens nowhere and gets its name from the node it joins: no epmd, no port, no second node of that name.
connect(Node, Cookie) ->
    [_, Host] = string:split(atom_to_list(Node), "@"),
    %% A long name needs a host that looks like one, whatever this machine is called.
    {Self, Domain} = case lists:member($., Host) of
        true -> {'undefined@127.0.0.1', longnames};
        false -> {undefined, shortnames}
    end,
    case net_kernel:start(Self, #{name_domain => Domain, dist_listen => false, hidden => true}) of
        {ok, _} -> ok;
        {error, Reason} ->
            fail(<<"distributionFailed">>, ["Erlang distribution does not start: ", format(Reason), "."],
                 <<"Check that this machine's host name resolves.">>)
    end,
    _ = [erlang:set_cookie(Node, binary_to_atom(Cookie)) || is_binary(Cookie)],
    case net_kernel:connect_node(Node) of
        true -> ok;
        _ ->
            fail(<<"nodeUnreachable">>, ["The node ", atom_to_binary(Node), " cannot be reached."],
                 <<"Check that it runs, that \"remoteNode\" is its full name (short or long) and that \"cookie\" is "
                   "its cookie.">>)
    end.

push(Node, Sources) ->
    Otp = list_to_integer(rpc(Node, erlang, system_info, [otp_release])),
    Otp < ?OLDEST_OTP andalso
        fail(<<"otpTooOld">>,
             ["The node runs Erlang/OTP ", integer_to_binary(Otp), "; 25 is the oldest that can be debugged."],
             <<"Run it on a newer Erlang/OTP.">>),
    rpc(Node, code, which, [dbg_ieval]) =:= non_existing andalso has_no_debugger(Node),
    rpc(Node, erlang, whereis, [ecd_wire]) =:= undefined orelse
        fail(<<"nodeBusy">>, ["Another debug session is attached to ", atom_to_binary(Node), "."],
             <<"Disconnect that session first.">>),
    ok = cleaned(Node),
    Beams = case Otp =:= otp() of
        true -> own_beams();
        false -> beams_for(Node, Sources)
    end,
    [load(Node, Module, File, Beam) || {Module, File, Beam} <- Beams, Module =/= ?STANDIN],
    %% Which server the interpreter finds is the engine's decision: it loads the stand-in itself.
    [Standin] = [Beam || {?STANDIN, _, Beam} <- Beams],
    ok = rpc(Node, ecd_standin, bring, [Standin]),
    [Module || {Module, _, _} <- Beams, Module =/= ?STANDIN].

%% A session that has just ended may still be taking its agent out.
cleaned(Node) ->
    Monitor = monitor(process, {ecd_janitor, Node}),
    receive
        {'DOWN', Monitor, process, _, _} -> ok
    after ?LEAVE_TIMEOUT ->
        fail(<<"nodeBusy">>, ["An earlier debug session still ends in ", atom_to_binary(Node), "."], <<"Try again.">>)
    end.

%% Elixir prunes the code path of a release or mix project; the folder may still be there.
has_no_debugger(Node) ->
    Root = rpc(Node, code, lib_dir, []),
    case rpc(Node, filelib, wildcard, [filename:join([Root, "debugger-*", "ebin"])]) of
        [Ebin | _] ->
            true = rpc(Node, code, add_pathz, [Ebin]);
        [] ->
            fail(<<"debuggerMissing">>, ["The node ", atom_to_binary(Node), " has no debugger application."],
                 <<"Add :debugger to the release's applications, or install it there (Debian: apt install "
                   "erlang-debugger).">>)
    end.

own_beams() ->
    Ebin = filename:dirname(code:which(?MODULE)),
    Standin = filename:join(filename:dirname(Ebin), "standin"),
    Files = lists:append([lists:sort(filelib:wildcard(filename:join(Dir, "*.beam"))) || Dir <- [Ebin, Standin]]),
    [{list_to_atom(filename:basename(File, ".beam")), File, read(File)} || File <- Files].

read(File) ->
    {ok, Bytes} = file:read_file(File),
    Bytes.

%% Beams of a newer OTP need not load on an older one: the node compiles the sources itself.
beams_for(Node, Sources) ->
    Files = lists:append([filelib:wildcard(filename:join([binary_to_list(Sources) | Rest]))
                          || Rest <- [["*.erl"], ["standin", "*.erl"]]]),
    Texts = [{File, read(File)} || File <- Files],
    case rpc(Node, code, which, [compile]) of
        non_existing ->
            fail(<<"compilerMissing">>,
                 ["The node has Erlang/OTP ", rpc(Node, erlang, system_info, [otp_release]),
                  " and no compiler; here is ", integer_to_binary(otp()), "."],
                 <<"Attach with the Erlang/OTP of the node (\"erlPath\"), or add :compiler to the release.">>);
        _ ->
            load(Node, ?MODULE, code:which(?MODULE), compile_source(Node, Texts)),
            rpc(Node, ?MODULE, compile_there, [Texts])
    end.

%% This module itself, compiled on the node from its forms: the way in for the others.
compile_source(Node, Texts) ->
    [Text] = [Text || {File, Text} <- Texts, filename:basename(File) =:= "ecd_relay.erl"],
    {?MODULE, Beam} = compiled(rpc(Node, compile, forms, [forms(Text), [return_errors]])),
    Beam.

%% [{File, Text}] -> [{Module, File, Beam}].
-spec compile_there([{file:filename(), binary()}]) -> [{module(), file:filename(), binary()}].
compile_there(Texts) ->
    [begin
         {Module, Beam} = compiled(compile:forms(forms(Text), [return_errors])),
         {Module, File, Beam}
     end || {File, Text} <- Texts].

compiled({ok, Module, Beam}) -> {Module, Beam};
compiled({ok, Module, Beam, _Warnings}) -> {Module, Beam};
compiled(Errors) ->
    fail(<<"agentDoesNotCompile">>, ["The agent does not compile there: ", format(Errors)], <<"Report it.">>).

forms(Text) ->
    Scratch = filename:join(scratch_dir(), "ecd_" ++ integer_to_list(erlang:unique_integer([positive])) ++ ".erl"),
    ok = file:write_file(Scratch, Text),
    try
        {ok, Forms} = epp:parse_file(Scratch, []),
        Forms
    after
        file:delete(Scratch)
    end.

scratch_dir() ->
    case os:getenv("TMPDIR") of
        false -> case os:type() of {win32, _} -> os:getenv("TEMP", "."); _ -> "/tmp" end;
        Dir -> Dir
    end.

%% An agent that stayed for closures of an earlier session is left as it is if it is the same one. Loading would
%% otherwise purge what came before, and purging kills.
load(Node, Module, File, Beam) ->
    case rpc(Node, erlang, module_loaded, [Module]) andalso rpc(Node, Module, module_info, [md5]) of
        false ->
            load_new(Node, Module, File, Beam);
        Md5 ->
            Md5 =:= code:module_md5(Beam) orelse rpc(Node, code, soft_purge, [Module]) orelse
                fail(<<"agentInUse">>, ["An older agent is still in use in ", atom_to_binary(Node), "."],
                     <<"Attach with the version of the debugger that left it, or restart the node.">>),
            Md5 =:= code:module_md5(Beam) orelse load_new(Node, Module, File, Beam)
    end.

load_new(Node, Module, File, Beam) ->
    case rpc(Node, code, load_binary, [Module, File, Beam]) of
        {module, Module} -> ok;
        {error, Reason} ->
            fail(<<"agentRefused">>, ["The node does not load ", atom_to_binary(Module), ": ", format(Reason), "."],
                 <<"Is code loading forbidden there?">>)
    end.

%% Frames both ways until either end goes.
pass(Socket, Wire, Ref) ->
    receive
        {tcp, Socket, Frame} ->
            Wire ! {ecd_relay, self(), Frame},
            pass(Socket, Wire, Ref);
        {ecd_relay, Wire, Frame} when is_binary(Frame) ->
            _ = gen_tcp:send(Socket, Frame),
            pass(Socket, Wire, Ref);
        {ecd_relay, Wire, started} ->
            pass(Socket, Wire, Ref);
        {'DOWN', Ref, process, Wire, _Reason} ->
            gen_tcp:close(Socket);
        {tcp_closed, Socket} ->
            ok;
        {tcp_error, Socket, _Reason} ->
            ok
    end.

%% The agent ends in good order first, then its code goes, and with it the process that has seen to that.
leave(Wire, Out) ->
    Wire ! {ecd_relay, self(), gone},
    receive
        {'DOWN', Out, process, _Janitor, _Reason} -> 0
    after ?LEAVE_TIMEOUT -> 0
    end.

rpc(Node, Module, Function, Args) ->
    try
        erpc:call(Node, Module, Function, Args, ?RPC_TIMEOUT)
    catch
        error:{erpc, Reason} ->
            fail(<<"nodeLost">>, ["The node does not answer: ", format(Reason), "."], <<"Check that it still runs.">>)
    end.

fail(Code, Message, Hint) ->
    throw({failure, #{blame => user, code => Code, message => unicode:characters_to_binary(Message), hint => Hint}}).

format(Term) -> io_lib:format("~0tP", [Term, 30]).

otp() -> list_to_integer(erlang:system_info(otp_release)).

take(Name) ->
    Value = os:getenv(Name),
    _ = os:unsetenv(Name),
    Value.

send(Socket, Term) ->
    ok = gen_tcp:send(Socket, term_to_binary(Term, [{minor_version, 2}])).
