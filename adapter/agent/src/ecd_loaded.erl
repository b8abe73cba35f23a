%% The modules that are loaded, for the client: lists of them and of their sources, and the news of them. Changes
%% nothing.
-module(ecd_loaded).

-export([modules/1, loaded_sources/1, announce/2, announce_new/0]).

-define(TABLE, ecd_modules).

%% The loaded modules, the user's own first.
-spec modules(#{start := non_neg_integer(), count := non_neg_integer()}) -> map().
modules(#{start := Start, count := Count}) ->
    States = maps:from_list([{Mod, State} || #{module := Mod, state := State} <- ecd_engine:status()]),
    Loaded = lists:sort([{not ecd_modules:own(Mod), Mod} || Mod <- erlang:loaded(), is_shown(Mod)]),
    Wanted = lists:sublist(lists:nthtail(min(Start, length(Loaded)), Loaded), page(Count, length(Loaded))),
    #{modules => [info(Mod, States) || {_, Mod} <- Wanted], total => length(Loaded)}.

%% The source files of the user's own loaded modules, as far as they exist.
-spec loaded_sources(map()) -> #{paths := [binary()]}.
loaded_sources(#{}) ->
    Paths = [Path || Mod <- erlang:loaded(), ecd_modules:own(Mod), {ok, Path} <- [ecd_modules:path(Mod)]],
    #{paths => [Path || Path <- lists:usort(Paths), filelib:is_regular(Path)]}.

%% Events about a module of the user's own and its source.
-spec announce(new | changed, module()) -> ok.
announce(Reason, Mod) ->
    ok = ecd_wire:event(module, #{reason => atom_to_binary(Reason), module => info(Mod, #{})}),
    case ecd_modules:path(Mod) of
        {ok, Path} -> ecd_wire:event(loadedSource, #{reason => atom_to_binary(Reason), path => Path});
        error -> ok
    end.

%% The modules that were loaded since the last call. The first call is for what was there before the session.
-spec announce_new() -> ok.
announce_new() ->
    First = ets:insert_new(?TABLE, {announcing, true}),
    New = [Mod || Mod <- erlang:loaded(), is_shown(Mod), ets:insert_new(?TABLE, {{announced, Mod}, true})],
    lists:foreach(fun(Mod) -> announce(new, Mod) end, [Mod || not First, Mod <- New, ecd_modules:own(Mod)]).

page(0, Total) -> Total;
page(Count, _Total) -> Count.

info(Mod, States) ->
    Path =
        case ecd_modules:path(Mod) of
            {ok, Source} -> Source;
            error -> nil
        end,
    State = maps:get(Mod, States, native),
    #{name => ecd_modules:display(Mod), path => Path, own => ecd_modules:own(Mod), state => State}.

%% Not the agent's, and not those that Elixir's compiler makes for a moment.
is_shown(Mod) ->
    Name = atom_to_list(Mod),
    not lists:prefix("ecd_", Name) andalso not lists:prefix("elixir_compiler_", Name).
