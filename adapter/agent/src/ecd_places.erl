%% The stop points that breakpoints want, and those that are set: makes the second equal to the first, with as few
%% changes as possible and never a moment in which an unchanged one is off. Must not know files or clients.
-module(ecd_places).

-export([new/0, reconcile/2, modules/1, clear/1, refresh/2, place/3]).

%% What one owner wants at one place: the functions that hold the line must be armed for it.
-type want() :: {Owner :: term(), module(), pos_integer(), [{atom(), arity()}], ecd_condition:point()}.
-type places() :: #{
    slots := #{{module(), pos_integer()} => {Slot :: atom(), [ecd_condition:point()]}},
    arms := #{{module(), {atom(), arity()}, Owner :: term()} => ok | stale | {error, term()}},
    free := [atom()],
    made := non_neg_integer()
}.
-export_type([want/0, places/0]).

-spec new() -> places().
new() ->
    #{slots => #{}, arms => #{}, free => [], made => 0}.

%% Also answers the owners for whom no function could be armed. Stop points come before arms and go after them: an armed
%% function without its stop point costs time for nothing.
-spec reconcile([want()], places()) -> {[{Owner :: term(), term()}], places()}.
reconcile(Wants, Places0) ->
    Points = maps:groups_from_list(
        fun({_, Mod, Line, _, _}) -> {Mod, Line} end, fun({_, _, _, _, Point}) -> Point end, Wants
    ),
    Arms = lists:usort([{Mod, FA, Owner} || {Owner, Mod, _, FAs, _} <- Wants, FA <- FAs]),
    Functions = maps:groups_from_list(
        fun({_, Mod, Line, _, _}) -> {Mod, Line} end, fun({_, _, _, FAs, _}) -> FAs end, Wants
    ),
    Places1 = maps:fold(fun(At, New, P) -> put_slot(At, New, maps:get(At, Functions), P) end, Places0, Points),
    Places2 = lists:foldl(fun arm/2, Places1, Arms),
    Places3 = lists:foldl(fun disarm/2, Places2, maps:keys(maps:get(arms, Places2)) -- Arms),
    Gone = maps:keys(maps:get(slots, Places3)) -- maps:keys(Points),
    Places = lists:foldl(fun drop_slot/2, Places3, Gone),
    {failures(maps:get(arms, Places)), Places}.

failures(Arms) ->
    Armed = maps:from_list([{Owner, true} || {{_, _, Owner}, ok} <- maps:to_list(Arms)]),
    [{Owner, Reason} || {{_, _, Owner}, {error, Reason}} <- maps:to_list(Arms), not is_map_key(Owner, Armed)].

%% The modules that something is set in.
-spec modules(places()) -> [module()].
modules(#{slots := Slots}) ->
    lists:usort([Mod || {Mod, _} <- maps:keys(Slots)]).

%% Another version of the module is loaded: the next reconcile sets everything in it again, without switching it off
%% in between.
-spec refresh(module(), places()) -> places().
refresh(Mod, #{slots := Slots, arms := Arms} = Places) ->
    Places#{
        slots := maps:map(fun({M, _}, {Slot, Points}) -> {Slot, case M of Mod -> []; _ -> Points end} end, Slots),
        arms := maps:map(fun({M, _, _}, Outcome) -> case M of Mod -> stale; _ -> Outcome end end, Arms)
    }.

-spec clear(places()) -> places().
clear(Places) ->
    {[], Cleared} = reconcile([], Places),
    Cleared.

put_slot({Mod, Line} = At, Points, FAs, #{slots := Slots} = Places) ->
    case Slots of
        #{At := {_, Points}} ->
            Places;
        #{At := {Slot, _}} ->
            ok = ecd_condition:set(Slot, place(Mod, Line, FAs), Points),
            Places#{slots := Slots#{At := {Slot, Points}}};
        _ ->
            {Slot, Taken} = take_slot(Places),
            ok = ecd_condition:set(Slot, place(Mod, Line, FAs), Points),
            ok = ecd_engine:set_break(Mod, Line, {ecd_condition, Slot}),
            Taken#{slots := Slots#{At => {Slot, Points}}}
    end.

drop_slot({Mod, Line} = At, #{slots := Slots, free := Free} = Places) ->
    {{Slot, _}, Rest} = maps:take(At, Slots),
    ok = ecd_engine:clear_break(Mod, Line),
    ok = ecd_condition:clear(Slot),
    Places#{slots := Rest, free := [Slot | Free]}.

%% Names are used again, so that there are never more of them than there were stop points at once.
take_slot(#{free := [Slot | Free]} = Places) ->
    {Slot, Places#{free := Free}};
take_slot(#{free := [], made := Made} = Places) ->
    {list_to_atom("ecd_break_" ++ integer_to_list(Made)), Places#{made := Made + 1}}.

%% With the rows of the functions that hold the line.
-spec place(module(), pos_integer(), [[{atom(), arity()}]]) -> ecd_snippet:place().
place(Mod, Line, FAs) ->
    {Mod, Line, lists:append([ecd_engine:clauses(Mod, FA) || FA <- lists:usort(lists:append(FAs))])}.

arm({Mod, FA, Owner} = Arm, #{arms := Arms} = Places) ->
    case Arms of
        #{Arm := ok} -> Places;
        _ -> Places#{arms := Arms#{Arm => ecd_engine:arm(Mod, FA, Owner)}}
    end.

disarm({Mod, FA, Owner} = Arm, #{arms := Arms} = Places) ->
    {Outcome, Rest} = maps:take(Arm, Arms),
    _ = [ok = ecd_engine:disarm(Mod, FA, Owner) || Outcome =:= ok orelse Outcome =:= stale],
    Places#{arms := Rest}.
