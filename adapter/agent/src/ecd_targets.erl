%% From what a user names (a line of a file, a function) to the places in modules that mean it. Loads a module where the
%% user's wish needs it; arms nothing.
-module(ecd_targets).

-export([facts/2, line/2, function/2, stops/2]).

%% before: what lies on disk may be compiled anew before it runs, so it is looked at but not loaded.
-type phase() :: before | running.
-type place() :: {module(), pos_integer(), [{atom(), arity()}]}.
%% foreseen: the file on disk says so, nothing is loaded yet.
-type answer() ::
    {armable, pos_integer(), [place()]}
    | {foreseen, pos_integer(), [module()]}
    | {pending | failed, unicode:chardata()}.
-opaque facts() ::
    {
        ecd_outline:outline(),
        {[ecd_locate:stop()], [{integer(), integer()}]},
        [{armable | foreseen, module()}],
        WhyNotOthers :: [binary()]
    }
    | {pending | failed, unicode:chardata()}.
-export_type([phase/0, answer/0, facts/0]).

%% Other files hold code only where a module compiles one as a template, which shows when that module is there.
-define(SOURCES, [<<".ex">>, <<".exs">>, <<".erl">>, <<".yrl">>, <<".xrl">>, <<".eex">>, <<".heex">>, <<".leex">>]).
%% ms for a module to load, with whatever its on_load function does.
-define(LOAD_TIMEOUT, 10000).

%% What all lines of a file have in common. In a running program the modules are known before the text is read: they
%% are loaded and prepared meanwhile.
-spec facts(binary(), phase()) -> facts().
facts(Path, running) ->
    case ecd_file:stamp(Path) of
        none ->
            no_file(Path);
        Stamp ->
            Begun = begin_modules(ecd_modules:of_path(Path), running),
            Read = ecd_outline:read(Path, Stamp),
            facts(Path, Read, modules(Begun))
    end;
facts(Path, before) ->
    case ecd_outline:read(Path) of
        {ok, Outline} = Read -> facts(Path, Read, modules(begin_modules(candidates(Path, Outline), before)));
        {error, _} -> no_file(Path)
    end.

no_file(Path) ->
    {failed, ["There is no file ", Path, "."]}.

%% Before Mix has compiled everything is preliminary, and the start of the program waits for it: then what the text
%% names is enough.
candidates(Path, #{names := {all, [_ | _] = Names}}) ->
    case ecd_beams:named(Path, Names) of
        {ok, Mods} -> Mods;
        error -> ecd_modules:of_path(Path)
    end;
candidates(Path, _Outline) ->
    ecd_modules:of_path(Path).

facts(Path, {error, _}, _Modules) ->
    no_file(Path);
facts(Path, {ok, #{configuration := true}}, {[], []}) ->
    Name = filename:basename(Path),
    {failed, [Name, " is configuration, which Elixir evaluates without compiling it: nothing in it can stop."]};
facts(Path, _Read, {[], []}) ->
    case lists:member(filename:extension(Path), ?SOURCES) of
        true -> {pending, <<"No module of this file is loaded yet; the breakpoint is armed as soon as one is.">>};
        false -> {failed, ["Nothing in ", filename:basename(Path), " can stop: no module is compiled from it."]}
    end;
facts(_Path, _Read, {[], [Reason | _]}) ->
    {failed, Reason};
facts(Path, {ok, Outline}, {Modules, Reasons}) ->
    Mods = [Mod || {_, Mod} <- Modules],
    {Outline, {stops(Path, Mods), extents(Path, Mods, Outline)}, Modules, Reasons}.

-spec line(pos_integer(), facts()) -> answer().
line(Line, {Outline, Stops, Modules, Reasons}) ->
    case ecd_locate:line(Line, Outline, Stops) of
        {ok, At, Functions} -> located(At, Functions, Modules);
        {pending, _} when Reasons =/= [] -> {failed, hd(Reasons)};
        {pending, Why} -> pending(Line, Why, Outline, Modules);
        {failed, Why} -> {failed, Why}
    end;
line(_Line, NoCode) ->
    NoCode.

%% All that a module does may stand in other files, such as templates.
pending(Line, Why, #{names := {Which, Names}} = Outline, Modules) ->
    Known = [atom_to_binary(Mod) || {_, Mod} <- Modules],
    case {ecd_outline:module_at(Line, Outline), Which, Names -- Known} of
        {{module, _}, all, []} ->
            {failed, <<"Nothing in this module can stop: its functions come from other files, or do nothing.">>};
        _ ->
            {pending, Why}
    end.

located(At, Functions, Modules) ->
    Places = maps:groups_from_list(fun({Mod, _}) -> Mod end, fun({_, FA}) -> FA end, Functions),
    case [{Mod, At, FAs} || {Mod, FAs} <- maps:to_list(Places), lists:member({armable, Mod}, Modules)] of
        [] -> {foreseen, At, maps:keys(Places)};
        Armable -> {armable, At, Armable}
    end.

%% `Mod.fun/arity`, `Mod.fun`, `:mod.fun/arity`, also as Erlang writes it, `mod:fun/arity`.
-spec function(binary(), phase()) -> answer().
function(Name, Phase) ->
    case parse(Name) of
        {ok, ModName, Fun, Arity} ->
            case ecd_modules:from_name(ModName) of
                {ok, Mod} -> in_module(modules(begin_modules([Mod], Phase)), Fun, Arity);
                error -> {pending, ["There is no module ", ModName, " yet."]}
            end;
        error ->
            {failed, ["`", Name, "` does not name a function; write Module.function/arity or :module.function/arity."]}
    end.

in_module({[], []}, _Fun, _Arity) ->
    {pending, <<"Its module is not loaded yet.">>};
in_module({[], [Reason | _]}, _Fun, _Arity) ->
    {failed, Reason};
in_module({[{State, Mod}], _}, Fun, Arity) ->
    case matching(ecd_engine:functions(Mod), Fun, Arity) of
        [] ->
            {failed, [ecd_modules:display(Mod), without(Mod, Fun, Arity)]};
        FAs ->
            case [{Mod, Line, [FA]} || FA <- FAs, Line <- first_lines(Mod, FA)] of
                [] -> {failed, [Fun, arity_text(Arity), " has nothing to stop at."]};
                [{_, Line, _} | _] when State =:= foreseen -> {foreseen, Line, [Mod]};
                [{_, Line, _} | _] = Places -> {armable, Line, Places}
            end
    end.

%% {Line, {Module, Function}, Kind} of everything in the file that can stop.
-spec stops(file:filename_all(), [module()]) -> [ecd_locate:stop()].
stops(Path, Mods) ->
    lists:append([stops_of(Mod, functions_of(Mod, Path)) || Mod <- Mods]).

stops_of(Mod, Functions) ->
    [
        {Line, {Mod, FA}, kind(FA)}
     || {Line, FAs} <- ecd_engine:lines(Mod), FA <- FAs, is_in(FA, Functions)
    ].

%% Reading the bytecode for that takes longer than a click should.
functions_of(Mod, Path) ->
    case ecd_engine:is_of_one_file(Mod) of
        true -> {all_but, []};
        false -> ecd_modules:functions_of(Mod, Path)
    end.

kind({'__FILE__', 1}) -> top_level;
kind({'__struct__', Arity}) when Arity < 2 -> generated;
kind(_) -> function.

is_in(FA, {only, FAs}) -> lists:member(FA, FAs);
is_in(FA, {all_but, FAs}) -> not lists:member(FA, FAs).

%% Where the text says nothing of definitions, one goes as far as the next begins.
extents(_Path, _Mods, #{parsed := true}) ->
    [];
extents(Path, Mods, Outline) ->
    Firsts = lists:usort([
        First
     || Mod <- Mods,
        Functions <- [functions_of(Mod, Path)],
        {FA, First, _, _} <- ecd_engine:functions(Mod),
        First > 0,
        is_in(FA, Functions)
    ]),
    extents(Firsts, ecd_outline:last_line(Outline)).

extents([First], Last) -> [{First, Last}];
extents([First, Next | Rest], Last) -> [{First, Next - 1} | extents([Next | Rest], Last)];
extents([], _Last) -> [].

%% One process for each module.
begin_modules(Mods, Phase) ->
    [{Mod, aside(fun() -> usable(Mod, Phase) end)} || Mod <- Mods].

%% Which modules can be used as they are, which can only be foreseen, and why the others cannot.
modules(Begun) ->
    Usable = [{Mod, result(Aside)} || {Mod, Aside} <- Begun],
    {
        [{State, Mod} || {Mod, {State, ok}} <- Usable, State =/= absent],
        [Reason || {_, {State, {error, Reason}}} <- Usable, State =/= absent]
    }.

%% A module's rows are made of its file, so that may begin before it is loaded.
usable(Mod, running) ->
    case erlang:module_loaded(Mod) of
        true ->
            {armable, prepare(Mod)};
        false ->
            Preparing = aside(fun() -> prepare(Mod) end),
            State = load(Mod),
            {State, result(Preparing)}
    end;
usable(Mod, before) ->
    case erlang:module_loaded(Mod) orelse foresee(Mod) of
        true -> {armable, prepare(Mod)};
        foreseen -> {foreseen, prepare(Mod)};
        absent -> {absent, ok}
    end.

%% As important as who waits for it, and fails as it does.
aside(Fun) ->
    element(2, spawn_opt(fun() -> exit({?MODULE, Fun()}) end, [monitor, {priority, high}])).

result(Aside) ->
    receive
        {'DOWN', Aside, process, _, {?MODULE, Result}} -> Result;
        {'DOWN', Aside, process, _, Reason} -> exit(Reason)
    end.

%% Only what the code path means is loaded: that is what the program itself would get.
load(Mod) ->
    case ecd_worker:run(fun() -> code:ensure_loaded(Mod) end, ?LOAD_TIMEOUT) of
        {ok, {module, Mod}} -> armable;
        _ -> foresee(Mod)
    end.

foresee(Mod) ->
    case ecd_modules:on_disk(Mod) of
        {fresh, _} -> foreseen;
        _ -> absent
    end.

prepare(Mod) ->
    case ecd_engine:prepare(Mod, <<"breakpoint">>) of
        {ok, #{cached := true}} ->
            ok;
        {ok, Info} ->
            ecd_prepared:announce(Mod, Info, <<"breakpoint">>);
        {error, Reason} ->
            {error, ecd_prepared:reason(Mod, Reason)}
    end.

%% Module and function are divided by the last dot, or by Erlang's colon.
parse(Name) ->
    Pattern = "^\\s*(:?(?:[^\\s:\"]|\"[^\"]*\")+?)(?:\\.|(?<!^):)([^\\s./]+|\"[^\"]+\")(?:/(\\d{1,3}))?\\s*$",
    case re:run(Name, Pattern, [unicode, {capture, all_but_first, binary}]) of
        {match, [Mod, Fun]} -> {ok, Mod, string:trim(Fun, both, "\""), any};
        {match, [Mod, Fun, Arity]} -> {ok, Mod, string:trim(Fun, both, "\""), binary_to_integer(Arity)};
        nomatch -> error
    end.

%% A macro is a function of another name, with the caller's environment as one more argument.
matching(Functions, Fun, Arity) ->
    Named = fun(Name, Fits) -> [FA || {{F, A} = FA, _, _, _} <- Functions, atom_to_binary(F) =:= Name, Fits(A)] end,
    Named(Fun, fun(A) -> Arity =:= any orelse A =:= Arity end) ++
        Named(<<"MACRO-", Fun/binary>>, fun(A) -> Arity =:= any orelse A =:= Arity + 1 end).

%% Every clause is entered at its own first line.
first_lines(Mod, FA) ->
    ecd_calls:entry_lines(ecd_engine:clauses(Mod, FA)).

arity_text(any) -> "";
arity_text(Arity) -> ["/", integer_to_binary(Arity)].

%% There is no such function, or it has no rows because it must run natively.
without(Mod, Fun, Arity) ->
    Named = [FA || {F, A} = FA <- loaded(Mod, functions), atom_to_binary(F) =:= Fun, Arity =:= any orelse A =:= Arity],
    Text = [Fun, arity_text(Arity)],
    case {Named, Named -- loaded(Mod, nifs)} of
        {[], _} -> [" has no function ", Text, others(Mod, Fun)];
        {_, []} -> [$., Text, " is native code (a NIF) and cannot stop."];
        {_, _} -> [$., Text, " cannot stop: because of what it calls in its module it must run natively."]
    end.

loaded(Mod, What) ->
    case erlang:module_loaded(Mod) of
        true -> erlang:get_module_info(Mod, What);
        false -> []
    end.

others(Mod, Fun) ->
    case [integer_to_list(A) || {{F, A}, _, _, _} <- ecd_engine:functions(Mod), atom_to_binary(F) =:= Fun] of
        [] -> ".";
        Arities -> ["; it has one of arity ", lists:join(" and ", Arities), "."]
    end.
