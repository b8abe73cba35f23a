%% Functions of a module whose code comes from another file, as EEx templates do. Pure; reads only the given bytecode.
-module(ecd_templates).

-export([files/2, names/3]).

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

%% {Name of the module's file, names of the files of functions from elsewhere}: what the bytecode calls them, for stack
%% traces. Debug info may know the same file by a longer path: it depends on where it is read.
-spec names(module(), binary(), [tuple()]) -> {string(), #{{atom(), arity()} => string()}}.
names(Mod, Bytes, Forms) ->
    Table = line_table(Bytes),
    {Files, _} = lists:mapfoldl(
        fun
            ({attribute, _, file, {File, _}}, _) -> {[], text(File)};
            ({function, _, F, A, _}, File) -> {[{File, {F, A}}], File};
            (_, File) -> {[], File}
        end,
        own_file(Mod, Forms),
        Forms
    ),
    Own = own_file(Mod, Forms),
    Others = [{FA, known_as(File, Table)} || {File, FA} <- lists:append(Files), File =/= Own],
    {known_as(Own, Table), maps:from_list(Others)}.

own_file(_Mod, [{attribute, _, file, {First, _}} | _]) -> text(First);
own_file(Mod, _Forms) -> <<(atom_to_binary(Mod))/binary, ".erl">>.

line_table(Bytes) ->
    case beam_lib:chunks(Bytes, ["Line"], [allow_missing_chunks]) of
        {ok, {_, [{"Line", Chunk}]}} when is_binary(Chunk) -> Chunk;
        _ -> <<>>
    end.

%% The table holds each name after its length. The name `module.erl` is left out there.
known_as(File, Table) ->
    Parts = filename:split(filename:absname(File)),
    Ends = [File | [filename:join(lists:nthtail(N, Parts)) || N <- lists:seq(0, length(Parts) - 1)]],
    case lists:search(fun(End) -> binary:match(Table, <<(byte_size(End)):16, End/binary>>) =/= nomatch end, Ends) of
        {value, Name} -> unicode:characters_to_list(Name);
        false -> unicode:characters_to_list(File)
    end.

group([{attribute, _, file, {First, _}} | _] = Forms, Source) ->
    Own = text(First),
    Base = base(Source, Own),
    {_, Found} = lists:foldl(
        fun
            ({attribute, _, file, {File, _}}, {_, Acc}) -> {text(File), Acc};
            ({function, _, F, A, _}, {File, Acc}) when File =/= Own ->
                {File, [{filename:absname(written_in(File), Base), {F, A}} | Acc]};
            (_, State) -> State
        end,
        {Own, []},
        Forms
    ),
    maps:to_list(maps:groups_from_list(fun({File, _}) -> File end, fun({_, FA}) -> FA end, lists:reverse(Found)));
group(_Forms, _Source) ->
    [].

%% ExUnit marks the file that a doctest stands in.
written_in(<<"(for doctest at) ", File/binary>>) -> File;
written_in(File) -> File.

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
