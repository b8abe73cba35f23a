%% What the user wants to stop at, by file and line or by function, through the whole session: pending until its module
%% exists, armed when it does, moved along when the module changes. Must not talk to stopped processes.
-module(ecd_breakpoints).
-behaviour(gen_server).

-export([start/0, stop/0]).
-export([set_breakpoints/1, set_function_breakpoints/1, breakpoint_locations/1]).
-export([hit/2, hit/3, place/3, unplace/1, module_defined/1, compiled/0, wants_file/1, may_stop_in/1]).
-export([are_pending/0, describe/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).

-record(breakpoint, {
    id :: integer(),
    %% canonical path, or the name of a function
    target :: {line, binary()} | {function, binary()},
    spec :: map(),
    point :: {ok, ecd_condition:point()} | {error, binary()},
    %% for a line: the one that was asked for, moved along when the text changes
    line = 0 :: non_neg_integer(),
    %% where it goes at present
    places = [] :: [{module(), pos_integer(), [{atom(), arity()}]}],
    %% what the client knows about it
    known = nil :: map() | nil
}).

-record(state, {
    breakpoints = [] :: [#breakpoint{}],
    %% stop points of other parts of the agent
    internal = #{} :: #{term() => [ecd_places:want()]},
    places = ecd_places:new() :: ecd_places:places(),
    %% before: Mix has yet to compile, so what lies on disk may not be what will run
    phase :: before | running,
    %% what the files with breakpoints said when their lines were last right
    texts = #{} :: #{binary() => tuple()},
    versions = #{} :: #{module() => term()},
    loaded = 0 :: non_neg_integer()
}).

-define(WANTED, ecd_wanted).
%% A module with megabytes of code takes seconds to prepare.
-define(CALL_TIMEOUT, 120000).
%% ms between two looks at which modules are loaded in which version.
-define(LOOK, 200).

-spec start() -> ok.
start() ->
    {ok, _} = ecd_server:start(?MODULE),
    ok.

%% Everything is disarmed when this returns.
-spec stop() -> ok.
stop() ->
    ecd_server:stop(?MODULE).

%% Replaces all breakpoints of a file.
-spec set_breakpoints(map()) -> #{breakpoints := [map()]}.
set_breakpoints(#{path := Path, breakpoints := Specs}) ->
    #{breakpoints => call({set, {line, ecd_paths:canonical(Path)}, Specs})}.

%% Replaces all function breakpoints.
-spec set_function_breakpoints(map()) -> #{breakpoints := [map()]}.
set_function_breakpoints(#{breakpoints := Specs}) ->
    #{breakpoints => call({set, function, Specs})}.

%% Lines of a range where a breakpoint can be.
-spec breakpoint_locations(map()) -> #{lines := [pos_integer()]}.
breakpoint_locations(#{path := Path, line := First, endLine := Last}) ->
    Lines = [Line || {Line, _, Kind} <- ecd_targets:stops(Path, ecd_modules:of_path(Path)), Kind =/= generated],
    #{lines => [Line || Line <- lists:usort(Lines), First =< Line, Line =< Last]}.

%% The breakpoints that stopped Process at a line, as their conditions and counts decided. Ask once for each stop.
-spec hit(pid(), module(), pos_integer()) -> #{ids := [integer()], kind := ecd_condition:kind()} | none.
hit(Process, Mod, Line) ->
    case ecd_condition:take_hit(Process, Mod, Line) of
        [] -> hit(Mod, Line);
        Points -> summary(Points)
    end.

%% The breakpoints at a line that stop whoever reaches it, also by a step.
-spec hit(module(), pos_integer()) -> #{ids := [integer()], kind := ecd_condition:kind()} | none.
hit(Mod, Line) ->
    case ecd_condition:points(Mod, Line) of
        [] -> none;
        Points -> summary(Points)
    end.

%% Stop points of another part of the agent, so that they and the user's at the same line do not undo each other. They
%% replace what the owner had.
-spec place(Owner :: term(), dbg | internal, [{{module(), pos_integer()}, [{atom(), arity()}]}]) -> ok.
place(Owner, Kind, Places) ->
    call({place, Owner, Kind, Places}).

-spec unplace(Owner :: term()) -> ok.
unplace(Owner) ->
    call({unplace, Owner}).

%% Called by whoever compiles, before the module's code can run. Quick when nobody waits for the module.
-spec module_defined(module()) -> ok.
module_defined(Mod) ->
    case is_wanted(Mod) of
        true -> call({defined, Mod});
        false -> ok
    end.

%% Called when Mix has compiled an application, before it starts.
-spec compiled() -> ok.
compiled() ->
    call(compiled).

%% Whether anything is to stop in a file.
-spec wants_file(file:filename_all()) -> boolean().
wants_file(Path) ->
    ets:whereis(?WANTED) =/= undefined andalso ets:member(?WANTED, {path, ecd_paths:canonical(Path)}).

%% The same of a file whose modules are not known yet: a function or a template may turn out to be in any.
-spec may_stop_in(file:filename_all()) -> boolean().
may_stop_in(Path) ->
    wants_file(Path) orelse
        (ets:whereis(?WANTED) =/= undefined andalso lists:any(fun is_anywhere/1, ets:tab2list(?WANTED))).

is_anywhere({function}) -> true;
is_anywhere({{path, Path}}) -> is_template(Path).

%% Whether a breakpoint waits for its module.
-spec are_pending() -> boolean().
are_pending() ->
    call(are_pending).

%% A breakpoint for a person.
-spec describe(integer()) -> unicode:chardata().
describe(Id) ->
    call({describe, Id}).

-spec init([]) -> {ok, #state{}}.
init([]) ->
    process_flag(trap_exit, true),
    %% A click is answered also while the program keeps every core busy.
    process_flag(priority, high),
    ?WANTED = ets:new(?WANTED, [named_table, protected, set, {read_concurrency, true}]),
    ok = ecd_condition:new_table(),
    schedule_look(),
    {ok, #state{phase = first_phase()}}.

-spec handle_call(term(), gen_server:from(), #state{}) -> {reply, term(), #state{}}.
handle_call({set, Which, Specs}, _From, State0) ->
    {Ids, State1} = replace(Which, Specs, State0),
    State2 = apply_wants(resolve(fun(#breakpoint{id = Id}) -> lists:member(Id, Ids) end, State1)),
    State = remember_text(Which, State2),
    Known = maps:from_list([{Id, Known} || #breakpoint{id = Id, known = Known} <- State#state.breakpoints]),
    {reply, [maps:get(Id, Known) || Id <- Ids], State};
handle_call({place, Owner, Kind, Places}, _From, #state{internal = Internal} = State0) ->
    {ok, Point} = ecd_condition:parse(erlang, #{id => Owner, kind => Kind}),
    Wants = [{Owner, Mod, Line, FAs, Point} || {{Mod, Line}, FAs} <- Places],
    State = apply_wants(State0#state{internal = Internal#{Owner => Wants}}),
    {reply, ok, State};
handle_call(are_pending, _From, #state{breakpoints = All} = State) ->
    {reply, lists:any(fun is_pending/1, All), State};
handle_call({describe, Id}, _From, #state{breakpoints = All} = State) ->
    {reply, description(lists:keyfind(Id, #breakpoint.id, All)), State};
handle_call({unplace, Owner}, _From, #state{internal = Internal} = State) ->
    {reply, ok, apply_wants(State#state{internal = maps:remove(Owner, Internal)})};
handle_call({defined, Mod}, _From, State) ->
    {reply, ok, announce(State, reload(Mod, State))};
handle_call(compiled, _From, State) ->
    %% What was armed while it was compiled has a beam by now. A look that finds so later would arm it again, and in
    %% that moment the program could run past.
    Reloaded = reload_changed(State),
    {reply, ok, announce(State, apply_wants(resolve(fun(_) -> true end, Reloaded#state{phase = running})))}.

-spec handle_cast(term(), #state{}) -> {noreply, #state{}}.
handle_cast(_Message, State) ->
    {noreply, State}.

-spec handle_info(term(), #state{}) -> {noreply, #state{}}.
handle_info(look, State) ->
    schedule_look(),
    {noreply, look(State)};
handle_info(_Message, State) ->
    {noreply, State}.

-spec terminate(term(), #state{}) -> ok.
terminate(_Reason, #state{places = Places}) ->
    _ = ecd_places:clear(Places),
    ok.

call(Request) ->
    gen_server:call(?MODULE, Request, ?CALL_TIMEOUT).

description(#breakpoint{target = {line, Path}, known = #{line := Line}}) ->
    ["breakpoint at ", filename:basename(Path), ":", integer_to_list(Line)];
description(#breakpoint{target = {function, Name}}) ->
    ["breakpoint on ", Name];
description(_) ->
    "a breakpoint that is gone".

%% A script's modules appear as it runs, and an attached node runs already; only Mix compiles first.
first_phase() ->
    case ecd_config:get(attach) orelse ecd_config:get(script) =/= nil of
        true -> running;
        false -> before
    end.

%% The new list of a file, or of functions, in place of the old one. What did not change keeps its hit count.
replace(Which, Specs, #state{breakpoints = All} = State0) ->
    {Old, Others} = lists:partition(fun(B) -> is_of(Which, B) end, All),
    New = [keep_or_make(Which, Spec, Old) || Spec <- Specs],
    Kept = [B#breakpoint.id || B <- New, lists:any(fun(O) -> O#breakpoint.point =:= B#breakpoint.point end, Old)],
    lists:foreach(fun forget/1, [B || B <- Old, not lists:member(B#breakpoint.id, Kept)]),
    State = State0#state{breakpoints = Others ++ New},
    ok = want(State),
    {[B#breakpoint.id || B <- New], State}.

%% The text in which the breakpoints were found.
remember_text({line, Path}, #state{texts = Texts} = State) ->
    case ecd_outline:last_read(Path) of
        {ok, #{lines := Lines}} -> State#state{texts = Texts#{Path => Lines}};
        none -> State
    end;
remember_text(function, State) ->
    State.

is_of(function, #breakpoint{target = {function, _}}) -> true;
is_of(Target, #breakpoint{target = Target}) -> true;
is_of(_, _) -> false.

keep_or_make(Which, #{id := Id} = Spec, Old) ->
    case [B || #breakpoint{id = I, spec = S} = B <- Old, I =:= Id, S =:= Spec] of
        [Same] -> Same;
        [] -> make(Which, Spec)
    end.

make(function, #{id := Id, name := Name} = Spec) ->
    Language = case Name of <<":", _/binary>> -> erlang; _ -> elixir end,
    Point = ecd_condition:parse(Language, Spec#{kind => function}),
    ok = in_time([fun ecd_tracer:install_early/0]),
    #breakpoint{id = Id, target = {function, Name}, spec = Spec, point = Point};
make({line, Path} = Target, #{id := Id} = Spec) ->
    Point = ecd_condition:parse(language(Path), Spec#{kind => line, path => Path}),
    Hooks = [fun ecd_script:install/0, fun ecd_tracer:install_early/0],
    _ = filename:extension(Path) =:= <<".exs">> andalso in_time(Hooks),
    %% Some clients count lines from 0 although they have said otherwise.
    #breakpoint{id = Id, target = Target, spec = Spec, point = Point, line = max(1, maps:get(line, Spec))}.

language(Path) ->
    case filename:extension(Path) of
        <<".erl">> -> erlang;
        _ -> elixir
    end.

%% Modules and statements that run as soon as they are compiled need hooks in the compiler. A node that we only visit
%% keeps its own.
in_time(Hooks) ->
    _ = [
        ecd_launch:notice(warning, ["Code that runs as soon as it is compiled may not stop: ", Reason])
     || not ecd_config:get(attach),
        code:which('Elixir.Code') =/= non_existing,
        Install <- Hooks,
        {error, Reason} <- [Install()]
    ],
    ok.

forget(#breakpoint{point = {ok, Point}}) -> ecd_condition:forget(Point);
forget(#breakpoint{point = {error, _}}) -> ok.

%% What those who compile look at, without asking this process.
want(#state{breakpoints = All}) ->
    Wanted = lists:usort([wanted(Target) || #breakpoint{target = Target} <- All]),
    Known = [Key || {Key} <- ets:tab2list(?WANTED)],
    lists:foreach(fun(Key) -> ets:delete(?WANTED, Key) end, Known -- Wanted),
    true = ets:insert(?WANTED, [{Key} || Key <- Wanted]),
    ok.

wanted({line, Path}) -> {path, Path};
wanted({function, _}) -> function.

%% A breakpoint in a template wants modules of other files, and a function's module is known only by resolving it.
is_wanted(Mod) ->
    case ets:whereis(?WANTED) =/= undefined andalso ets:tab2list(?WANTED) of
        false -> false;
        [] -> false;
        Keys -> lists:any(fun({Key}) -> wants(Key, Mod) end, Keys)
    end.

wants(function, _Mod) ->
    true;
wants({path, Path}, Mod) ->
    ecd_modules:path(Mod) =:= {ok, Path} orelse
        (is_template(Path) andalso lists:member(Mod, ecd_modules:of_path(Path))).

is_template(Path) ->
    not lists:member(filename:extension(Path), [<<".ex">>, <<".exs">>, <<".erl">>]).

%% Where the chosen breakpoints go now. What is known of a file serves all its breakpoints.
resolve(Which, #state{breakpoints = All, phase = Phase} = State) ->
    {Resolved, _Files} = lists:mapfoldl(
        fun(B, Files) ->
            case Which(B) of
                true -> resolve_one(B, Phase, Files);
                false -> {B, Files}
            end
        end,
        #{},
        All
    ),
    State#state{breakpoints = Resolved}.

resolve_one(#breakpoint{point = {error, Message}} = B, _Phase, Files) ->
    {B#breakpoint{places = [], known = state(B, {failed, Message})}, Files};
resolve_one(#breakpoint{target = {function, Name}} = B, Phase, Files) ->
    {answered(B, ecd_targets:function(Name, Phase)), Files};
resolve_one(#breakpoint{target = {line, Path}, line = Line} = B, Phase, Files0) ->
    Files = #{Path := Facts} =
        case Files0 of
            #{Path := _} -> Files0;
            _ -> Files0#{Path => ecd_targets:facts(Path, Phase)}
        end,
    {answered(B, ecd_targets:line(Line, Facts)), Files}.

answered(#breakpoint{point = {ok, Point}} = B, {armable, _, Places} = Answer) ->
    case ecd_condition:unknown(Point, [ecd_places:place(Mod, Line, [FAs]) || {Mod, Line, FAs} <- Places]) of
        [] -> B#breakpoint{places = Places, known = state(B, Answer)};
        [Name | _] -> B#breakpoint{places = [], known = state(B, {failed, unknown(Name, B)})}
    end;
answered(B, Answer) -> B#breakpoint{places = [], known = state(B, Answer)}.

unknown(Name, #breakpoint{spec = #{condition := Condition}}) ->
    ["The condition `", Condition, "` names `", Name, "`, which is no variable here."].

state(B, {armable, Line, Places}) -> verified(B, Line, [Mod || {Mod, _, _} <- Places]);
state(B, {foreseen, Line, Mods}) -> verified(B, Line, Mods);
state(#breakpoint{id = Id, line = Line}, {Reason, Message}) ->
    Place = maps:from_list([{line, Line} || Line > 0]),
    Text = unicode:characters_to_binary(Message),
    Place#{id => Id, verified => false, reason => atom_to_binary(Reason), message => Text}.

verified(#breakpoint{id = Id}, Line, Mods) ->
    #{id => Id, verified => true, line => Line, modules => lists:usort([ecd_modules:display(Mod) || Mod <- Mods])}.

%% Sets what is wanted now. Where no function of a breakpoint can be armed, it cannot stop and says so.
apply_wants(#state{breakpoints = All, internal = Internal, places = Places0, versions = Versions} = State) ->
    Wants = [
        {{breakpoint, Id}, Mod, Line, FAs, Point}
     || #breakpoint{id = Id, point = {ok, Point}, places = Places} <- All, {Mod, Line, FAs} <- Places
    ],
    {Failures, Places} = ecd_places:reconcile(Wants ++ lists:append(maps:values(Internal)), Places0),
    Broken = maps:from_list([{Id, Reason} || {{breakpoint, Id}, Reason} <- Failures]),
    Mods = ecd_places:modules(Places),
    State#state{
        breakpoints = [fail(B, Broken) || B <- All],
        places = Places,
        versions = maps:from_list([{Mod, seen(Mod, Versions)} || Mod <- Mods])
    }.

%% A change since is noticed by the next look.
seen(Mod, Versions) ->
    case Versions of
        #{Mod := Version} -> Version;
        #{} -> version(Mod)
    end.

fail(#breakpoint{id = Id, places = [{Mod, _, _} | _]} = B, Broken) when is_map_key(Id, Broken) ->
    B#breakpoint{known = state(B, {failed, ecd_prepared:reason(Mod, maps:get(Id, Broken))})};
fail(B, _Broken) ->
    B.

%% Another version of a module is there: its lines may have moved.
reload(Mod, #state{places = Places, versions = Versions} = State) ->
    _ = ecd_engine:code_changed(Mod),
    Affected = fun(#breakpoint{target = Target, places = At}) ->
        lists:keymember(Mod, 1, At) orelse wants(wanted(Target), Mod)
    end,
    Refreshed = State#state{places = ecd_places:refresh(Mod, Places), versions = maps:remove(Mod, Versions)},
    apply_wants(resolve(Affected, move_lines(Mod, Refreshed))).

%% The code that a breakpoint was set on may stand on another line of the changed source. One that is on no code stays
%% where the user sees it.
move_lines(Mod, #state{texts = Texts} = State) ->
    case ecd_modules:path(Mod) of
        {ok, Path} when is_map_key(Path, Texts) ->
            Old = maps:get(Path, Texts),
            _ = ecd_outline:read(Path),
            #state{texts = #{Path := New}} = Changed = remember_text({line, Path}, State),
            Move = fun
                (#breakpoint{target = {line, P}, known = #{verified := true}, line = Line} = B) when P =:= Path ->
                    B#breakpoint{line = ecd_locate:moved(Line, Old, New)};
                (B) ->
                    B
            end,
            Changed#state{breakpoints = [Move(B) || B <- State#state.breakpoints]};
        _ ->
            State
    end.

%% Events for the breakpoints that the client knows otherwise.
announce(#state{breakpoints = Before}, #state{breakpoints = Now} = State) ->
    Known = maps:from_list([{Id, Was} || #breakpoint{id = Id, known = Was} <- Before]),
    lists:foreach(
        fun(#breakpoint{id = Id, known = Is}) ->
            case Known of
                #{Id := Is} -> ok;
                _ -> ecd_wire:event(breakpoint, Is)
            end
        end,
        Now
    ),
    State.

summary(Points) ->
    Ids = lists:usort([Id || {Id, Kind} <- Points, Kind =:= line orelse Kind =:= function]),
    [Kind | _] = [K || K <- [line, function, dbg, internal], lists:keymember(K, 2, Points)],
    #{ids => Ids, kind => Kind}.

schedule_look() ->
    _ = erlang:send_after(?LOOK, self(), look),
    ok.

%% Code can also be replaced, or loaded, by somebody who tells us nothing.
look(State) ->
    announce(State, look_for_new(length(erlang:loaded()), reload_changed(State))).

reload_changed(#state{versions = Versions} = State) ->
    Now = maps:map(fun(Mod, _) -> version(Mod) end, Versions),
    Changed = [Mod || {Mod, Was} <- maps:to_list(Versions), is_changed(Mod, Was, maps:get(Mod, Now))],
    lists:foldl(fun reloaded/2, State#state{versions = Now}, Changed).

version(Mod) ->
    {ecd_modules:md5(Mod), ecd_modules:written(Mod)}.

%% A new beam of the same code is about the same code on other lines. One of other code is not loaded yet, or never is.
is_changed(_Mod, Version, Version) -> false;
is_changed(Mod, {Md5, _}, {Md5, _}) -> element(1, ecd_modules:bytecode(Mod)) =:= ok;
is_changed(_Mod, _Was, _Is) -> true.

reloaded(Mod, State) ->
    ok = ecd_loaded:announce(changed, Mod),
    reload(Mod, State).

look_for_new(Loaded, #state{loaded = Loaded} = State) ->
    State;
look_for_new(Loaded, State) ->
    ok = ecd_loaded:announce_new(),
    apply_wants(resolve(fun is_waiting/1, State#state{loaded = Loaded})).

is_pending(#breakpoint{known = #{verified := Verified}} = B) ->
    is_waiting(B) andalso not Verified.

is_waiting(#breakpoint{places = [], point = {ok, _}}) -> true;
is_waiting(_) -> false.
