%% A piece of a plan: modules that nobody has asked for yet, prepared several at once, as many as the machine has
%% schedulers that the program leaves idle. Stays within the memory threshold; arms nothing.
-module(ecd_planned).

-export([prepare_ahead/1, prepare_ahead/2, at_once/1]).

%% How busy the program is, 0..1, apart from so many of the agent's processes.
-type look() :: fun((non_neg_integer()) -> float()).

-record(piece, {
    look :: look(),
    waiting :: [#{module := binary(), reason := binary()}],
    under_way = #{} :: #{reference() => binary()},
    prepared = [] :: [binary()],
    failed = [] :: [map()],
    full = false :: boolean(),
    %% What each look at the program has shown.
    busy = [] :: [float()]
}).

%% prepareAhead of protocol/agent.ts. The program is looked at before anything is begun and whenever a module is done.
-spec prepare_ahead(map()) -> map().
prepare_ahead(Args) ->
    prepare_ahead(Args, fun ecd_session:busy/1).

-spec prepare_ahead(map(), look()) -> map().
prepare_ahead(#{modules := Wanted}, Look) ->
    Start = erlang:monotonic_time(microsecond),
    #piece{busy = Busy} = Done = work(look(#piece{look = Look, waiting = Wanted})),
    #{preparedBytes := Used} = ecd_engine:metrics(),
    #{
        prepared => Done#piece.prepared,
        failed => Done#piece.failed,
        full => Done#piece.full,
        preparedBytes => Used,
        busy => lists:sum(Busy) / length(Busy),
        atOnce => at_once(lists:min(Busy)),
        ms => (erlang:monotonic_time(microsecond) - Start) / 1000
    }.

%% How many modules may be prepared at once while so much of the machine has other work, 0..1.
-spec at_once(float()) -> pos_integer().
at_once(Busy) ->
    max(1, round(erlang:system_info(schedulers_online) * (1 - Busy))).

work(#piece{waiting = [], under_way = UnderWay} = Piece) when map_size(UnderWay) =:= 0 ->
    Piece;
work(#piece{waiting = [Next | Waiting], under_way = UnderWay, busy = [Busy | _]} = Piece) ->
    case map_size(UnderWay) < at_once(Busy) of
        true -> work(Piece#piece{waiting = Waiting, under_way = begun(Next, UnderWay)});
        false -> work(look(ended(Piece)))
    end;
work(Piece) ->
    work(ended(Piece)).

%% Each is waited for in a process of its own, which ends with this one, also when that is cancelled.
begun(#{module := Name, reason := Cause}, UnderWay) ->
    Self = self(),
    Ref = make_ref(),
    _ = spawn_link(fun() -> Self ! {Ref, outcome(Name, Cause)} end),
    UnderWay#{Ref => Name}.

%% Caught, because the program's logger would report a process that dies of an error.
outcome(Name, Cause) ->
    try
        ecd_prepared:ahead(Name, Cause)
    catch
        Class:Reason:Stack -> {raised, Class, Reason, Stack}
    end.

ended(#piece{under_way = UnderWay} = Piece) ->
    receive
        {Ref, Outcome} when is_map_key(Ref, UnderWay) ->
            {Name, Others} = maps:take(Ref, UnderWay),
            count(Name, Outcome, Piece#piece{under_way = Others})
    end.

count(Name, {ok, _}, #piece{prepared = Prepared} = Piece) ->
    Piece#piece{prepared = [Name | Prepared]};
count(Name, {error, Why}, #piece{failed = Failed} = Piece) ->
    Piece#piece{failed = [#{module => Name, error => Why} | Failed]};
count(_Name, full, Piece) ->
    Piece#piece{full = true, waiting = []};
count(_Name, {raised, Class, Reason, Stack}, _Piece) ->
    erlang:raise(Class, Reason, Stack).

%% What is prepared here is no work of the program's.
look(#piece{look = Look, under_way = UnderWay, busy = Busy} = Piece) ->
    Piece#piece{busy = [Look(map_size(UnderWay)) | Busy]}.
