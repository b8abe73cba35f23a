%% Modules that the agent rebuilds from others, kept on disk: only the first session with a version of Elixir waits for
%% the compiler. Loads nothing.
-module(ecd_rebuilt).

-export([bytecode/3]).

%% The bytecode that Build makes of the original, or made in an earlier session. Variant says what is done with it; what
%% the agent's sources decide needs no mention, since other sources have another folder.
-spec bytecode(Original :: binary(), Variant :: term(), fun(() -> {ok, binary()} | Error)) -> {ok, binary()} | Error.
bytecode(Original, Variant, Build) ->
    Key = {erlang:md5(Original), Variant},
    case ecd_disk:read(rebuilt, Key) of
        {ok, Bytecode} -> {ok, Bytecode};
        missing -> keep(Key, Build())
    end.

keep(Key, {ok, Bytecode}) ->
    ok = ecd_disk:write(rebuilt, Key, Bytecode),
    {ok, Bytecode};
keep(_Key, Error) ->
    Error.
