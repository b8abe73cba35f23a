%% What happens when interpreted code reaches a line with breakpoints: conditions, hit counts, log points. Runs in the
%% evaluator of the process that got there; stops nothing itself, but answers whether to stop.
%%
%% The evaluator tells a condition nothing of its breakpoint. So each place has a function name of its own in this
%% module, and none of them exists: the call arrives at '$handle_undefined_function', which knows the place by the name.
-module(ecd_condition).

-export([new_table/0, parse/2, unknown/2, forget/1, set/3, clear/1, take_hit/3, points/2]).
-export(['$handle_undefined_function'/2]).

-record(point, {
    id :: term(),
    kind :: kind(),
    language :: elixir | erlang,
    condition = none :: none | ecd_snippet:snippet(),
    hit = none :: none | {atom(), non_neg_integer()},
    log = none :: none | [binary() | ecd_snippet:snippet()],
    counter :: counters:counters_ref(),
    path = nil :: binary() | nil
}).
-opaque point() :: #point{}.
-type kind() :: line | function | dbg | internal.
-export_type([point/0, kind/0]).

-define(TABLE, ecd_conditions).

%% Lives as long as the calling process.
-spec new_table() -> ok.
new_table() ->
    ?TABLE = ets:new(?TABLE, [named_table, public, set, {read_concurrency, true}]),
    ecd_snippet:new_table().

%% Spec: #{id, kind, path, language} and, as the client wrote them, condition, hitCondition, logMessage.
-spec parse(elixir | erlang, map()) -> {ok, point()} | {error, binary()}.
parse(Language, #{id := Id, kind := Kind} = Spec) ->
    try
        {ok, #point{
            id = Id,
            kind = Kind,
            language = Language,
            condition = optional(condition, Spec, fun(Text) -> expression(<<"condition">>, Language, Text) end),
            hit = optional(hitCondition, Spec, fun hit_condition/1),
            log = optional(logMessage, Spec, fun(Text) -> log_message(Language, Text) end),
            counter = counters:new(1, []),
            path = maps:get(path, Spec, nil)
        }}
    catch
        throw:{wrong, Message} -> {error, Message}
    end.

%% Variables that its condition names and that exist at none of the places.
-spec unknown(point(), [ecd_snippet:place()]) -> [binary()].
unknown(#point{condition = none}, _Places) -> [];
unknown(#point{condition = Condition}, Places) -> ecd_snippet:unknown(Condition, Places).

-spec forget(point()) -> ok.
forget(#point{id = Id, condition = Condition, log = Log}) ->
    true = ets:delete(?TABLE, {reported, Id}),
    Parts = [Condition | case Log of none -> []; _ -> Log end],
    lists:foreach(fun ecd_snippet:forget/1, [Part || Part <- Parts, Part =/= none, not is_binary(Part)]).

%% From now on the evaluator asks {ecd_condition, Slot} about this place.
-spec set(Slot :: atom(), ecd_snippet:place(), [point()]) -> ok.
set(Slot, {Mod, Line, Clauses}, Points) ->
    %% Apart from what every hit reads, and so copies: the clauses may be large.
    Entry = ecd_scope:entry(Clauses, Line),
    true = ets:insert(?TABLE, [{{clauses, Slot}, Clauses}, {Slot, {Mod, Line, Slot}, Points, Entry}]),
    ok.

-spec clear(atom()) -> ok.
clear(Slot) ->
    true = ets:delete(?TABLE, Slot),
    true = ets:delete(?TABLE, {clauses, Slot}),
    ok.

%% With the clauses around the line; without any when it was cleared meanwhile.
whole({Mod, Line, Slot}) ->
    case ets:lookup(?TABLE, {clauses, Slot}) of
        [{_, Clauses}] -> {Mod, Line, Clauses};
        [] -> {Mod, Line, []}
    end.

%% Which points made Process stop at this line; answered once for each stop.
-spec take_hit(pid(), module(), pos_integer()) -> [{term(), kind()}].
take_hit(Process, Mod, Line) ->
    case ets:take(?TABLE, {hit, Process}) of
        [{_, Mod, Line, Points}] -> Points;
        _ -> []
    end.

%% The points at a line that stop whenever it is reached.
-spec points(module(), pos_integer()) -> [{term(), kind()}].
points(Mod, Line) ->
    [
        {Point#point.id, Point#point.kind}
     || [Points] <- ets:match(?TABLE, {'_', {Mod, Line, '_'}, '$1', '_'}),
        #point{condition = none, hit = none, log = none} = Point <- Points
    ].

%% Called by the evaluator, which has the debugged process in its dictionary. Every point is asked, since each counts
%% its own hits and writes its own log.
-spec '$handle_undefined_function'(atom(), [term()]) -> boolean().
'$handle_undefined_function'(Slot, [Bindings]) ->
    case ets:lookup(?TABLE, Slot) of
        [{_, Place, Points, Entry}] ->
            Process = get(self),
            Meant = [Point || Point <- Points, is_meant(Point, Entry, Bindings)],
            case [{Point#point.id, Point#point.kind} || Point <- Meant, stops(Point, Process, Place, Bindings)] of
                [] -> false;
                Stopping -> stop(Process, Place, Stopping)
            end;
        [] ->
            false
    end.

stop(Process, {Mod, Line, _}, Stopping) ->
    true = ets:insert(?TABLE, {{hit, Process}, Mod, Line, Stopping}),
    true.

%% A function's breakpoint means that it is entered. Closures that are written on its first line come there as well.
is_meant(#point{kind = function}, Entry, Bindings) -> ecd_scope:is_entering(Entry, Bindings);
is_meant(_Point, _Entry, _Bindings) -> true.

stops(#point{condition = none, hit = none, log = none}, _Process, _Place, _Bindings) ->
    true;
stops(Point, Process, Place, Bindings) ->
    holds(Point, Process, Place, Bindings) andalso
        counts(Point) andalso
        not logs(Point, Process, Place, Bindings).

holds(#point{condition = none}, _Process, _Place, _Bindings) ->
    true;
holds(#point{condition = Condition} = Point, Process, Place, Bindings) ->
    case ecd_snippet:evaluate(Condition, Process, fun() -> whole(Place) end, Bindings) of
        {ok, Value} ->
            Value =/= false andalso Value =/= nil;
        {error, Reason} ->
            report(Point, Place, ["The condition of this breakpoint failed, so it does not stop: ", Reason]),
            false
    end.

counts(#point{hit = none}) ->
    true;
counts(#point{hit = {Operator, Wanted}, counter = Counter}) ->
    ok = counters:add(Counter, 1, 1),
    Hits = counters:get(Counter, 1),
    case Operator of
        '==' -> Hits =:= Wanted;
        '>=' -> Hits >= Wanted;
        '>' -> Hits > Wanted;
        '<=' -> Hits =< Wanted;
        '<' -> Hits < Wanted;
        '%' -> Hits rem Wanted =:= 0
    end.

logs(#point{log = none}, _Process, _Place, _Bindings) ->
    false;
logs(#point{log = Parts} = Point, Process, {_, Line, _} = Place, Bindings) ->
    Text = [log_part(Part, Point, Process, Place, Bindings) || Part <- Parts],
    output(<<"console">>, Text, Point, Line),
    true.

log_part(Text, _Point, _Process, _Place, _Bindings) when is_binary(Text) ->
    Text;
log_part(Expression, Point, Process, Place, Bindings) ->
    case ecd_snippet:evaluate(Expression, Process, fun() -> whole(Place) end, Bindings) of
        {ok, Value} ->
            ecd_snippet:display(Value);
        {error, Reason} ->
            report(Point, Place, ["An expression of this log point failed: ", Reason]),
            <<"(failed)">>
    end.

%% A condition in a loop would fail a thousand times; the first says it all.
report(#point{id = Id} = Point, {_, Line, _}, Text) ->
    case ets:insert_new(?TABLE, {{reported, Id}, true}) of
        true -> output(<<"important">>, Text, Point, Line);
        false -> ok
    end.

output(Category, Text, #point{path = Path}, Line) ->
    Place = maps:from_list([{path, Path} || Path =/= nil]),
    ecd_wire:event(output, Place#{category => Category, text => iolist_to_binary([Text, $\n]), line => Line}).

optional(Key, Spec, Parse) ->
    case maps:get(Key, Spec, nil) of
        nil ->
            none;
        Text ->
            case string:trim(Text) of
                <<>> -> none;
                _ -> Parse(Text)
            end
    end.

expression(What, Language, Text) ->
    case ecd_snippet:parse(Language, Text) of
        {ok, Expression} -> Expression;
        {error, Reason} -> wrong(["The ", What, " `", Text, "` cannot be parsed: ", Reason])
    end.

hit_condition(Text) ->
    case re:run(Text, "^\\s*(==|>=|<=|>|<|%|)\\s*(\\d{1,15})\\s*$", [{capture, all_but_first, list}]) of
        {match, ["%", Digits]} -> positive('%', list_to_integer(Digits), Text);
        {match, ["", Digits]} -> {'>=', list_to_integer(Digits)};
        {match, [Operator, Digits]} -> {list_to_atom(Operator), list_to_integer(Digits)};
        nomatch -> not_a_hit_condition(Text)
    end.

positive(_Operator, 0, Text) -> not_a_hit_condition(Text);
positive(Operator, Number, _Text) -> {Operator, Number}.

not_a_hit_condition(Text) ->
    wrong(["The hit condition `", Text, "` is none of: N, == N, >= N, > N, <= N, < N, % N"]).

%% Text with {expressions}; `\\{` and `\\}` are plain braces. An expression ends at the first brace where it is
%% complete.
log_message(Language, Text) ->
    log_parts(Language, Text, <<>>).

log_parts(_Language, <<>>, Plain) ->
    [Plain];
log_parts(Language, <<"\\{", Rest/binary>>, Plain) ->
    log_parts(Language, Rest, <<Plain/binary, "{">>);
log_parts(Language, <<"\\}", Rest/binary>>, Plain) ->
    log_parts(Language, Rest, <<Plain/binary, "}">>);
log_parts(elixir, <<"#{", Rest/binary>>, Plain) ->
    %% What the hand writes that writes Elixir.
    log_parts(elixir, <<"{", Rest/binary>>, Plain);
log_parts(Language, <<"{", Rest/binary>>, Plain) ->
    case binary:matches(Rest, <<"}">>) of
        [] -> wrong(["The log message has a { without its }: ", Rest]);
        Ends -> log_expression(Language, Rest, Ends, Plain)
    end;
log_parts(Language, <<Char/utf8, Rest/binary>>, Plain) ->
    log_parts(Language, Rest, <<Plain/binary, Char/utf8>>).

log_expression(Language, Rest, [{End, 1} | More], Plain) ->
    <<Code:End/binary, "}", After/binary>> = Rest,
    case ecd_snippet:parse(Language, Code) of
        {ok, Expression} -> [Plain, Expression | log_parts(Language, After, <<>>)];
        {error, _} when More =/= [] -> log_expression(Language, Rest, More, Plain);
        {error, Reason} -> wrong(["The expression {", Code, "} of the log message cannot be parsed: ", Reason])
    end.

-spec wrong(iodata()) -> no_return().
wrong(Message) ->
    throw({wrong, iolist_to_binary(Message)}).
