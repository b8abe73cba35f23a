%% Completions at a frame: what the text before the cursor can go on with. Evaluates nothing: of a value only the keys
%% that a dotted path leads to are looked at.
-module(ecd_complete).

-export([completions/1]).

-define(TIMEOUT, 3000).
-define(LIMIT, 200).

%% Of regular expressions: a part of a module's name, the name of a variable or key, and several of these with dots.
-define(ALIAS, "\\p{Lu}[\\p{L}\\p{N}_]*").
-define(NAME, "[\\p{Ll}_][\\p{L}\\p{N}_]*[?!]?").
-define(PATH, ?NAME "(?:\\." ?NAME ")*").

-record(place, {
    language :: elixir | erlang,
    module = nil :: module() | nil,
    env = none :: map() | none,
    attributes = [] :: [atom()],
    variables = [] :: [{binary(), term()}]
}).

-type found() :: {Type :: binary(), Label :: binary(), Text :: binary(), Detail :: binary()}.

%% completions: `column` is the number of UTF-16 units before the cursor.
-spec completions(map()) -> map().
completions(#{frame := FrameId, text := Text, column := Column}) ->
    Frame = case FrameId of nil -> none; _ -> ecd_frames:frame(FrameId) end,
    Variables = ecd_eval:variables(Frame),
    Before = before(Text, Column),
    case ecd_worker:run(fun() -> targets(Before, Frame, Variables) end, ?TIMEOUT) of
        {ok, Targets} -> #{targets => Targets};
        _ -> #{targets => []}
    end.

before(Text, Column) ->
    Utf16 = unicode:characters_to_binary(Text, utf8, utf16),
    Size = min(byte_size(Utf16), 2 * Column),
    case unicode:characters_to_binary(binary:part(Utf16, 0, Size), utf16, utf8) of
        Before when is_binary(Before) -> Before;
        %% In the middle of a surrogate pair: as far as whole characters go.
        {_, Before, _} -> Before
    end.

targets(Before, Frame, Variables) ->
    case wanted(Before, ecd_expression:language(Frame)) of
        nothing ->
            [];
        {Parent, Word} ->
            Place = place(Frame, Variables),
            Found = [Item || {_, Label, _, _} = Item <- find(Parent, Word, Place), starts(Label, Word)],
            [target(Item, Word) || Item <- lists:sublist(lists:usort(Found), ?LIMIT)]
    end.

%% What is begun at the cursor: a key of what stands before a bracket, or a name.
wanted(Before, erlang) ->
    token(Before, erlang);
wanted(Before, elixir) ->
    case ecd_cursor:place(Before) of
        text ->
            nothing;
        {code, Code, Bracket} ->
            case key(Bracket) of
                none -> token(Code, elixir);
                Key -> Key
            end
    end.

%% `%Book{ti`, `%{map | ti`, `map[:ti`: only where a key stands, not in its value.
key({${, Before, Since}) ->
    Struct = matched(Before, <<"%((?:", ?ALIAS, "\\.)*", ?ALIAS, "|__MODULE__)$">>),
    Start = matched(Since, <<"(?:^|[,|])\\s*(", ?NAME, ")?$">>),
    Updated = matched(Since, <<"^\\s*(", ?PATH, ")\\s*\\|">>),
    IsMap = matched(Before, <<"(%)$">>),
    case {Start, Struct, Updated} of
        {{match, Word}, {match, [Name]}, _} -> {{fields, path(Name)}, word(Word)};
        {{match, Word}, nomatch, {match, [Name]}} when IsMap =/= nomatch -> {{fields, path(Name)}, word(Word)};
        _ -> none
    end;
key({$[, Before, Since}) ->
    Word = matched(Since, <<"^\\s*(:(?:", ?NAME, ")?)$">>),
    Owner = matched(Before, <<"(", ?PATH, ")$">>),
    case {Word, Owner} of
        {{match, [Begun]}, {match, [Name]}} -> {{keys, path(Name)}, Begun};
        _ -> none
    end;
key(_) ->
    none.

matched(Text, Pattern) ->
    re:run(Text, Pattern, [unicode, {capture, all_but_first, binary}]).

path(Name) -> binary:split(Name, <<".">>, [global]).

word([]) -> <<>>;
word([Word]) -> Word.

target({Type, Label, Text, Detail}, Word) ->
    #{type => Type, label => Label, text => Text, detail => Detail, length => utf16_length(Word)}.

utf16_length(Text) -> byte_size(unicode:characters_to_binary(Text, utf8, utf16)) div 2.

starts(Label, Word) -> string:prefix(Label, Word) =/= nomatch.

%% The name under the cursor: what stands before its last dot (Erlang: colon), and the word begun.
token(Before, elixir) ->
    Pattern = <<"((?:[:@%]?[\\p{L}_][\\p{L}\\p{N}_@]*[?!]?\\.)*)([:@%]?(?:[\\p{L}_][\\p{L}\\p{N}_]*[?!]?)?)$"/utf8>>,
    {match, [Path, Word]} = matched(Before, Pattern),
    Ahead = binary:part(Before, 0, byte_size(Before) - byte_size(Path) - byte_size(Word)),
    case {Path, matched(Ahead, <<"[^.]\\.$">>)} of
        {<<>>, nomatch} -> {none, Word};
        %% The value of a call, or of whatever else stands before that dot, is not known.
        {_, {match, _}} -> nothing;
        {_, nomatch} -> {path(binary:part(Path, 0, byte_size(Path) - 1)), Word}
    end;
token(Before, erlang) ->
    Pattern = <<"(?:([\\p{L}_][\\p{L}\\p{N}_@]*):)?([\\p{L}_][\\p{L}\\p{N}_@]*)?$"/utf8>>,
    case re:run(Before, Pattern, [unicode, {capture, all_but_first, binary}]) of
        {match, [<<>>, Word]} -> {none, Word};
        {match, [Module, Word]} -> {[Module], Word};
        {match, [Module]} -> {[Module], <<>>};
        {match, []} -> {none, <<>>}
    end.

place(Frame, Variables) ->
    Place = #place{language = ecd_expression:language(Frame), variables = Variables},
    case {Place#place.language, Frame} of
        {elixir, _} ->
            Known = ecd_expression:place(Frame, ecd_eval:directives(Frame)),
            #{env := Env, module := Module, attributes := Attributes} = Known,
            Place#place{env = Env, module = Module, attributes = maps:keys(Attributes)};
        {erlang, none} ->
            Place;
        {erlang, #{module := Module}} ->
            Place#place{module = Module}
    end.

-spec find(none | [binary()] | {fields | keys, [binary()]}, binary(), #place{}) -> [found()].
find({keys, [First | Rest]}, _Word, #place{variables = Variables}) ->
    [{Type, <<":", Label/binary>>, <<":", Text/binary>>, Detail}
     || {Type, Label, Text, Detail} <- keys(lists:keyfind(First, 1, Variables), Rest)];
find({fields, [First | Rest] = Path}, _Word, Place) ->
    Found =
        case First =:= <<"__MODULE__">> orelse is_alias(First) of
            true -> struct_fields(Path, Place);
            false -> keys(lists:keyfind(First, 1, Place#place.variables), Rest)
        end,
    [{Type, Label, <<Text/binary, ": ">>, Detail} || {Type, Label, Text, Detail} <- Found];
find(none, Word, #place{language = erlang} = Place) ->
    [{<<"module">>, Name, Name, <<"module">>} || Name <- erlang_modules(), starts(Name, Word)] ++
        variables(Place) ++ erlang_functions(Place#place.module);
find([Module], _Word, #place{language = erlang}) ->
    exported(existing(Module));
find(none, <<"@", _/binary>>, #place{attributes = Attributes}) ->
    [{<<"property">>, <<"@", Name/binary>>, <<"@", Name/binary>>, <<"module attribute">>}
     || Attribute <- Attributes, Name <- [atom_to_binary(Attribute)]];
find(none, <<":", _/binary>>, _Place) ->
    [{<<"module">>, <<":", Name/binary>>, <<":", Name/binary>>, <<"module">>} || Name <- erlang_modules()];
find(none, <<"%", Word/binary>>, Place) ->
    [{Type, <<"%", Label/binary>>, <<"%", Text/binary>>, Detail}
     || {Type, Label, Text, Detail} <- find(none, Word, Place), Type =:= <<"module">>];
find(none, Word, Place) ->
    case is_alias(Word) of
        true -> aliases(Place) ++ submodules(<<"Elixir.">>);
        false -> variables(Place) ++ functions(Place) ++ keywords()
    end;
find([<<":", Module/binary>>], _Word, _Place) ->
    exported(existing(Module));
find([<<"%", First/binary>> | Rest], Word, Place) ->
    [Item || {<<"module">>, _, _, _} = Item <- find([First | Rest], Word, Place)];
find([First | Rest] = Path, _Word, Place) ->
    case is_alias(First) of
        true ->
            Module = expand(Path, Place),
            exported(existing(Module)) ++ submodules(<<Module/binary, ".">>);
        false ->
            inside(lists:keyfind(First, 1, Place#place.variables), Rest)
    end.

is_alias(<<C/utf8, _/binary>>) -> string:uppercase([C]) =:= [C] andalso string:lowercase([C]) =/= [C];
is_alias(<<>>) -> false.

%% Names of modules from text: only atoms that exist name modules that exist.
existing(Name) ->
    try
        binary_to_existing_atom(Name)
    catch
        error:badarg -> none
    end.

%% `A.B` where A may be an alias of the place.
expand([First | Rest], #place{env = Env}) ->
    Short = existing(<<"Elixir.", First/binary>>),
    Full =
        case lists:keyfind(Short, 1, maps:get(aliases, Env)) of
            {Short, Aliased} -> atom_to_binary(Aliased);
            false -> <<"Elixir.", First/binary>>
        end,
    iolist_to_binary(lists:join(<<".">>, [Full | Rest])).

aliases(#place{env = #{aliases := Aliases}}) ->
    [
        {<<"module">>, Name, Name, ecd_names:module(Full)}
     || {Short, Full} <- Aliases, Name <- [ecd_names:module(Short)]
    ].

%% The next part of the names of all modules below a prefix.
submodules(Prefix) ->
    lists:usort([
        {<<"module">>, Part, Part, <<"module">>}
     || {Name, _File, _Loaded} <- code:all_available(),
        Below <- [string:prefix(unicode:characters_to_binary(Name), Prefix)],
        Below =/= nomatch,
        [Part | _] <- [binary:split(Below, <<".">>)],
        is_alias(Part)
    ]).

erlang_modules() ->
    [
        Name
     || {Chars, _File, _Loaded} <- code:all_available(),
        Name <- [unicode:characters_to_binary(Chars)],
        not starts(Name, <<"Elixir.">>),
        not starts(Name, <<"ecd_">>)
    ].

variables(#place{variables = Variables}) ->
    [{<<"variable">>, Name, Name, ecd_children:type(Value)} || {Name, Value} <- Variables].

%% What can be called without a module's name: the module's own, private ones too, and what is imported.
functions(#place{module = Module, env = #{functions := Functions, macros := Macros}}) ->
    Own = case Module of nil -> []; _ -> [{Module, definitions(Module) ++ ecd_private:names(Module)}] end,
    [
        function(Name, Arity, ecd_names:module(From))
     || {From, Definitions} <- Own ++ Functions ++ Macros, {Name, Arity} <- Definitions, is_shown(Name)
    ].

exported(none) ->
    [];
exported(Module) ->
    [function(Name, Arity, ecd_names:module(Module)) || {Name, Arity} <- definitions(Module), is_shown(Name)].

definitions(Module) ->
    case code:ensure_loaded(Module) of
        {module, Module} ->
            case erlang:function_exported(Module, '__info__', 1) of
                true -> Module:'__info__'(functions) ++ Module:'__info__'(macros);
                false -> Module:module_info(exports)
            end;
        {error, _} ->
            []
    end.

erlang_functions(nil) ->
    [];
erlang_functions(Module) ->
    [
        function(Name, Arity, ecd_names:module(Module))
     || {Name, Arity} <- Module:module_info(functions), not starts(atom_to_binary(Name), <<"-">>)
    ].

is_shown(Name) ->
    Text = atom_to_binary(Name),
    not starts(Text, <<"__">>) andalso ecd_names:is_identifier(Text).

function(Name, Arity, From) ->
    Text = atom_to_binary(Name),
    {<<"function">>, <<Text/binary, "/", (integer_to_binary(Arity))/binary>>, Text, From}.

keywords() ->
    [{<<"keyword">>, Word, Word, <<>>} || Word <- [
        <<"true">>, <<"false">>, <<"nil">>, <<"when">>, <<"and">>, <<"or">>, <<"not">>, <<"in">>, <<"fn">>, <<"do">>,
        <<"end">>, <<"case">>, <<"cond">>, <<"with">>, <<"for">>, <<"try">>, <<"receive">>, <<"quote">>
    ]].

%% The fields of a struct, from what its module says of itself.
struct_fields(Path, #place{module = Current} = Place) ->
    Module = case Path of [<<"__MODULE__">>] -> Current; _ -> existing(expand(Path, Place)) end,
    Loaded = Module =/= none andalso Module =/= nil andalso code:ensure_loaded(Module) =:= {module, Module},
    case Loaded andalso erlang:function_exported(Module, '__struct__', 0) andalso Module:'__info__'(struct) of
        Fields when is_list(Fields) -> [property(Field, <<>>) || #{field := Field} <- Fields];
        _ -> []
    end.

%% `var.key.key.`: the keys of the map there, or the functions of the module that the value is.
inside(false, _Path) ->
    [];
inside({_Name, Value} = Variable, Path) ->
    case follow(Value, Path) of
        {ok, Module} when is_atom(Module) -> exported(Module);
        _ -> [Item || {_, _, Text, _} = Item <- keys(Variable, Path), ecd_names:is_identifier(Text)]
    end.

%% The atoms among the keys of a map or a keyword list.
keys(false, _Path) ->
    [];
keys({_Name, Value}, Path) ->
    case follow(Value, Path) of
        {ok, Map} when is_map(Map) -> properties(maps:to_list(maps:remove('__struct__', Map)));
        {ok, [_ | _] = List} -> properties(lists:sublist(List, ?LIMIT));
        _ -> []
    end.

properties(Pairs) ->
    [property(Key, ecd_children:type(Child)) || {Key, Child} <- Pairs, is_atom(Key)].

property(Key, Type) ->
    Text = atom_to_binary(Key),
    {<<"property">>, Text, Text, Type}.

follow(Value, []) ->
    {ok, Value};
follow(Value, [Key | Path]) when is_map(Value) ->
    case maps:find(existing(Key), Value) of
        {ok, Child} -> follow(Child, Path);
        error -> none
    end;
follow(_Value, _Path) ->
    none.
