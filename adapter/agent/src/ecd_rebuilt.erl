%% Modules that the agent rebuilds from others, kept beside its own beams: only the first session with a version of
%% Elixir waits for the compiler. Loads nothing; without a folder that can be written it keeps nothing.
-module(ecd_rebuilt).

-export([bytecode/3]).

%% The bytecode that Build makes of the original, or made in an earlier session. Variant says what is done with it; what
%% the agent's sources decide needs no mention, since other sources have another folder.
-spec bytecode(Original :: binary(), Variant :: term(), fun(() -> {ok, binary()} | Error)) -> {ok, binary()} | Error.
bytecode(Original, Variant, Build) ->
    case folder() of
        {ok, Folder} ->
            File = filename:join(Folder, name(Original, Variant)),
            case file:read_file(File) of
                {ok, Bytecode} -> {ok, Bytecode};
                {error, _} -> keep(File, Build())
            end;
        none ->
            Build()
    end.

%% The adapter puts the agent into a folder of its own, made for the OTP release and these sources; an agent that was
%% pushed into a node has none.
folder() ->
    case code:which(?MODULE) of
        Beam when is_list(Beam), Beam =/= [] ->
            case filename:basename(filename:dirname(Beam)) of
                "ebin" -> {ok, filename:join(filename:dirname(filename:dirname(Beam)), "rebuilt")};
                _ -> none
            end;
        _ ->
            none
    end.

name(Original, Variant) ->
    Digest = erlang:md5([erlang:md5(Original), term_to_binary(Variant)]),
    lists:flatten([[io_lib:format("~2.16.0b", [Byte]) || <<Byte>> <= Digest], ".beam"]).

%% Another session may write the same at the same time; whoever comes last wins, with the same bytes.
keep(File, {ok, Bytecode}) ->
    Draft = [File, ".", integer_to_list(erlang:unique_integer([positive])), "-", os:getpid()],
    _ = filelib:ensure_dir(File),
    _ = file:write_file(Draft, Bytecode) =:= ok andalso file:rename(Draft, File),
    {ok, Bytecode};
keep(_File, Error) ->
    Error.
