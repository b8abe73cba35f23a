%% Functions of a module whose code comes from another file, as EEx templates do. Pure; reads only the given bytecode.
-module(ecd_templates).

-export([files/2]).

%% [{Absolute path, Functions}] without the module's own source. Source is where the module itself was compiled from.
-spec files(binary(), {ok, binary()} | error) -> [{binary(), [{atom(), arity()}]}].
files(_Bytes, error) ->
    [];
files(Bytes, {ok, Source}) ->
    case names_other_files(Bytes, filename:basename(Source)) andalso beam_lib:chunks(Bytes, [abstract_code]) of
        {ok, {_, [{abstract_code, {_, Forms}}]}} -> group(Forms, Source);
        _ -> []
    end.

%% The line table names the files that it refers to. Saves expanding the debug info.
names_other_files(Bytes, Own) ->
    case beam_lib:chunks(Bytes, ["Line"], [allow_missing_chunks]) of
        {ok, {_, [{"Line", <<_Version:32, _Flags:32, _Instructions:32, _Lines:32, Files:32, Rest/binary>>}]}} ->
            Files > 1 orelse (Files =:= 1 andalso binary:match(Rest, Own) =:= nomatch);
        _ ->
            false
    end.

group([{attribute, _, file, {First, _}} | _] = Forms, Source) ->
    Own = text(First),
    Base = base(Source, Own),
    {_, Found} = lists:foldl(
        fun
            ({attribute, _, file, {File, _}}, {_, Acc}) -> {text(File), Acc};
            ({function, _, F, A, _}, {File, Acc}) when File =/= Own ->
                {File, [{filename:absname(File, Base), {F, A}} | Acc]};
            (_, State) -> State
        end,
        {Own, []},
        Forms
    ),
    maps:to_list(maps:groups_from_list(fun({File, _}) -> File end, fun({_, FA}) -> FA end, lists:reverse(Found)));
group(_Forms, _Source) ->
    [].

%% File names in debug info are relative to the directory of compilation, the module's source is known both ways.
base(Source, Own) ->
    case byte_size(Source) - byte_size(Own) of
        Size when Size > 0 ->
            case Source of
                <<Base:Size/binary, Own/binary>> -> Base;
                _ -> filename:dirname(Source)
            end;
        _ ->
            filename:dirname(Source)
    end.

text(Chars) ->
    unicode:characters_to_binary(Chars).
