%% What a process says of itself: name, mailbox, dictionary, links, the state of a server. Waits for no process longer
%% than a moment, and only when the user opens the row that needs it.
-module(ecd_details).

-export([rows/1, messages/1, dictionary/1, server_state/1]).

%% Copying more messages than this would cost more than anybody reads.
-define(MESSAGE_LIMIT, 10000).
%% ms a running server gets to tell its state.
-define(STATE_TIMEOUT, 500).

-spec rows(ecd_frames:frame()) -> [ecd_values:row()].
rows(Frame = #{pid := Pid}) ->
    Items = [
        message_queue_len, dictionary, initial_call, current_function, links, monitors, monitored_by, trap_exit,
        priority, group_leader, memory, reductions
    ],
    case ecd_process:info(Pid, Items) of
        undefined ->
            [{{info, <<"process">>}, {text, <<"has ended">>, <<>>}}];
        Info ->
            Get = fun(Key) -> proplists:get_value(Key, Info) end,
            Dictionary = Get(dictionary),
            [
                {{info, <<"pid">>}, {term, Pid}},
                {{info, <<"name">>}, {text, ecd_process:name(Pid), <<>>}},
                {{info, <<"mailbox">>}, mailbox(Get(message_queue_len), Frame)},
                {{info, <<"dictionary">>}, dictionary(length(Dictionary), Frame)}
            ] ++
                [{{info, <<"state">>}, {scope, <<"of the server; open to see it">>, {?MODULE, server_state, [Frame]}}}
                 || is_server(Dictionary)] ++
                [{{info, <<"ancestors">>}, {term, Ancestors}} || {'$ancestors', Ancestors} <- Dictionary] ++
                [{{info, <<"callers">>}, {term, Callers}} || {'$callers', Callers} <- Dictionary] ++
                [
                    {{info, atom_to_binary(Key)}, {term, Value}}
                 || {Key, Value} <- Info, Key =/= message_queue_len, Key =/= dictionary, Value =/= []
                ]
    end.

mailbox(0, _Frame) -> {text, <<"empty">>, <<>>};
mailbox(N, Frame) -> {scope, counted(N, <<"message">>), {?MODULE, messages, [Frame]}}.

dictionary(0, _Frame) -> {text, <<"empty">>, <<>>};
dictionary(N, Frame) -> {scope, counted(N, <<"key">>), {?MODULE, dictionary, [Frame]}}.

counted(1, Noun) -> <<"1 ", Noun/binary>>;
counted(N, Noun) -> <<(integer_to_binary(N))/binary, " ", Noun/binary, "s">>.

%% Oldest first, as the process will see them.
-spec messages(ecd_frames:frame()) -> [ecd_values:row()].
messages(#{pid := Pid}) ->
    case process_info(Pid, message_queue_len) of
        {_, N} when N > ?MESSAGE_LIMIT ->
            [{{info, <<"messages">>}, {text, counted(N, <<"message">>), <<"too many to show">>}}];
        {_, _} ->
            case process_info(Pid, messages) of
                {_, Messages} -> [{{at, I - 1}, {term, M}} || {I, M} <- lists:enumerate(Messages)];
                undefined -> []
            end;
        undefined ->
            []
    end.

-spec dictionary(ecd_frames:frame()) -> [ecd_values:row()].
dictionary(#{pid := Pid}) ->
    case ecd_process:info(Pid, [dictionary]) of
        [{_, Dictionary}] -> [{{key, Key}, {term, Value}} || {Key, Value} <- lists:sort(Dictionary)];
        undefined -> []
    end.

is_server(Dictionary) ->
    case lists:keyfind('$initial_call', 1, Dictionary) of
        {_, {_, init, 1}} -> true;
        {_, {supervisor, _, _}} -> true;
        _ -> false
    end.

%% A stopped server cannot be asked: its state is the last argument of the callback it is in. A running one is asked
%% as the runtime's own tools do, for a moment.
-spec server_state(ecd_frames:frame()) -> [ecd_values:row()].
server_state(#{pid := Pid}) ->
    case ecd_control:stop_info(Pid) of
        {stopped, #{meta := none}} -> callback_state([]);
        {stopped, #{meta := Meta}} -> callback_state(lists:reverse(ecd_meta:frames(Meta)));
        running -> asked_state(Pid)
    end.

callback_state([#{function := Function, args := Args = [_ | _]} | Frames]) ->
    case is_callback(Function, length(Args)) of
        true -> [{{info, <<"state">>}, {term, lists:last(Args)}}];
        false -> callback_state(Frames)
    end;
callback_state([_ | Frames]) ->
    callback_state(Frames);
callback_state([]) ->
    [{{info, <<"state">>}, {text, <<"not available: the callback that holds it runs natively">>, <<>>}}].

is_callback(handle_call, 3) -> true;
is_callback(handle_cast, 2) -> true;
is_callback(handle_info, 2) -> true;
is_callback(handle_continue, 2) -> true;
is_callback(handle_event, Arity) -> Arity =:= 2 orelse Arity =:= 3 orelse Arity =:= 4;
is_callback(terminate, 2) -> true;
is_callback(_, _) -> false.

asked_state(Pid) ->
    Ask = fun() ->
        try
            {ok, sys:get_state(Pid, ?STATE_TIMEOUT)}
        catch
            exit:_ -> busy
        end
    end,
    case ecd_worker:run(Ask, ?STATE_TIMEOUT * 2) of
        {ok, {ok, State}} -> [{{info, <<"state">>}, {term, State}}];
        _ -> [{{info, <<"state">>}, {text, <<"not available: the server is busy">>, <<>>}}]
    end.
