%% Patterns over module names, as launch configurations have them. Pure.
-module(ecd_patterns).

-export([check/1, matches/2, matches_any/2]).

%% A glob over the whole name (`*` any text, `?` one character), or with the prefix `regex:` a regular expression that
%% may match any part of it. Names are as Elixir shows them: `MyApp.Worker`, `:lists`.
-spec matches(Pattern :: binary(), Name :: binary()) -> boolean().
matches(<<"regex:", Regex/binary>>, Name) ->
    case re:run(Name, Regex, [unicode, {capture, none}]) of
        match -> true;
        nomatch -> false
    end;
matches(Glob, Name) ->
    Anchored = ["^", [glob_char(Char) || Char <- unicode:characters_to_list(Glob)], "$"],
    re:run(Name, unicode:characters_to_binary(Anchored), [unicode, {capture, none}]) =:= match.

%% Why a pattern can match nothing.
-spec check(binary()) -> ok | {error, string()}.
check(<<"regex:", Regex/binary>>) ->
    case re:compile(Regex, [unicode]) of
        {ok, _} -> ok;
        {error, {Reason, _Position}} -> {error, Reason}
    end;
check(_Glob) ->
    ok.

-spec matches_any([binary()], binary()) -> boolean().
matches_any(Patterns, Name) ->
    lists:any(fun(Pattern) -> matches(Pattern, Name) end, Patterns).

glob_char($*) -> ".*";
glob_char($?) -> ".";
glob_char(Char) when Char >= $a, Char =< $z; Char >= $A, Char =< $Z; Char >= $0, Char =< $9; Char > 127 -> [Char];
glob_char($_) -> "_";
glob_char(Char) -> [$\\, Char].
