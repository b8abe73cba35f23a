%% The lexical environment of a source line: aliases, imports, requires, module attributes, the module's own functions.
%% Reads the source file. Calls Elixir, so it must run in a throw-away process; evaluates nothing of the user's but
%% directives (alias, import, require, and what `use` expands to).
-module(ecd_env).

-export([build/3, build/2, with_directives/2, in_place/2, persisted/2, is_source/1, with_functions/3]).

%% directory: of the source file. attributes: name to the code of its values and the environments of their definitions,
%% the last one first. accumulated: of which attributes every value counts.
-type place() :: #{
    env := map(),
    module := module() | nil,
    directory := binary() | nil,
    attributes := #{atom() => [{Quoted :: term(), Env :: map()}, ...]},
    accumulated := [atom()]
}.
-export_type([place/0]).

%% The environment at a line of a module. Without a readable source file only the module itself is known.
-spec build(module() | nil, binary() | nil, non_neg_integer()) -> place().
build(Module, Path, Line) ->
    ecd_handles:cached({place, Module, Path, modified(Path), Line}, fun() -> place(Module, Path, Line) end).

modified(nil) -> none;
modified(Path) -> filelib:last_modified(Path).

%% The environment in which a module ends, for code of it that was written in another file (a template).
-spec build(module(), binary()) -> place().
build(Module, Path) ->
    case lists:keyfind(Module, 1, modules(quoted(Path), nil)) of
        {Module, LastLine} -> build(Module, Path, LastLine);
        false -> build(Module, nil, 0)
    end.

modules({defmodule, _, [Name, [{_Do, Body} | _]]} = Expression, Outer) ->
    Module = nested(Name, #{module => Outer}),
    [{Module, last_line(Expression)} | modules(Body, Module)];
modules({_, _, Args}, Outer) -> modules(Args, Outer);
modules({_, Right}, Outer) -> modules(Right, Outer);
modules([Head | Tail], Outer) -> modules(Head, Outer) ++ modules(Tail, Outer);
modules(_, _Outer) -> [].

place(Module, Path, Line) ->
    Directory = case Path of nil -> nil; _ -> filename:dirname(Path) end,
    Env0 = 'Elixir.Code':env_for_eval([]),
    None = #{env => Env0, module => nil, directory => Directory, attributes => #{}, accumulated => []},
    Found = walk(quoted(Path), None#{line => Line}),
    (maps:remove(line, Found))#{module := Module}.

%% The place after more aliases, imports and requires.
-spec with_directives([Quoted :: term()], place()) -> place().
with_directives(Directives, Place) ->
    lists:foldl(fun used/2, Place, Directives).

quoted(nil) ->
    nil;
quoted(Path) ->
    case is_source(Path) andalso file:read_file(Path) of
        {ok, Source} ->
            Options = [{columns, true}, {token_metadata, true}, {emit_warnings, false}],
            case 'Elixir.Code':string_to_quoted(Source, Options) of
                {ok, Quoted} -> Quoted;
                {error, _} -> nil
            end;
        _ ->
            nil
    end.

-spec is_source(binary()) -> boolean().
is_source(Path) ->
    lists:member(filename:extension(Path), [<<".ex">>, <<".exs">>]).

%% Everything above the line that is still open at the line counts, in order.
walk({'__block__', _, Expressions}, Place) ->
    walk(Expressions, Place);
walk([Expression | Expressions], Place = #{line := Line}) ->
    case first_line(Expression) > Line of
        true -> Place;
        false -> walk(Expressions, walk(Expression, Place))
    end;
walk({defmodule, _, [Name, [{_Do, Body} | _]]} = Expression, Place) ->
    module(nested(Name, Place), Name, Body, Expression, Place);
walk({defprotocol, _, [Name, [{_Do, Body} | _]]} = Expression, Place) ->
    module(nested(Name, Place), Name, Body, Expression, Place);
walk({defimpl, _, _} = Expression, Place) ->
    inside(Expression, Place#{attributes := #{}, accumulated := []}, Place);
walk({Directive, _, [_ | _]} = Expression, Place) when
    Directive =:= alias; Directive =:= import; Directive =:= require
->
    directive(Expression, Place);
walk({use, _, [_ | _] = Args}, Place) ->
    use(Args, Place);
walk({'@', _, [{Name, _, [Value]}]}, Place) when is_atom(Name) ->
    attribute(Name, Value, Place);
walk({{'.', _, [{'__aliases__', _, ['Module']}, put_attribute]}, _, [_, Name, Value]}, Place) when is_atom(Name) ->
    attribute(Name, Value, Place);
walk({{'.', _, [{'__aliases__', _, ['Module']}, register_attribute]}, _, [_, Name, [_ | _] = Options]}, Place) when
    is_atom(Name)
->
    #{accumulated := Accumulated} = Place,
    Place#{accumulated := [Name || {accumulate, true} <- Options] ++ Accumulated};
walk({_, _, Args} = Expression, Place) when is_list(Args) ->
    inside(Expression, Place, Place);
walk({Left, Right}, Place) ->
    walk(Right, walk(Left, Place));
walk(_Other, Place) ->
    Place.

attribute(Name, Value, #{env := Env, attributes := Attributes} = Place) ->
    Kept = case needs_above(Name, Value, Place) of true -> Attributes; false -> #{} end,
    Above = maps:get(Name, Kept, []),
    Place#{attributes := Attributes#{Name => [{in_place(Value, Place), Env} | Above]}}.

%% The value of an attribute that the module keeps at run time, whoever has set it: one, or all of several.
-spec persisted(atom(), place()) -> {ok, term()} | error.
persisted(Name, #{module := Module}) ->
    case [Value || {Key, Value} <- persisted(Module), Key =:= Name] of
        [] -> error;
        [Value] -> {ok, Value};
        Values -> {ok, Values}
    end.

persisted(Module) ->
    case ecd_modules:bytecode(Module) of
        {ok, Bytecode} ->
            case beam_lib:chunks(Bytecode, [debug_info]) of
                {ok, {_, [{debug_info, {debug_info_v1, _, {elixir_v1, #{attributes := All}, _}}}]}} -> All;
                _ -> []
            end;
        {error, _} ->
            []
    end.

%% `@fields [new | @fields]`, or an attribute of which every value counts. Of all others, such as @doc, the last is
%% enough.
needs_above(Name, Value, #{accumulated := Accumulated}) ->
    lists:member(Name, Accumulated) orelse reads(Name, Value).

reads(Name, {'@', _, [{Name, _, Context}]}) when is_atom(Context) -> true;
reads(Name, {Left, _, Right}) -> reads(Name, Left) orelse reads(Name, Right);
reads(Name, {Left, Right}) -> reads(Name, Left) orelse reads(Name, Right);
reads(Name, [Head | Tail]) -> reads(Name, Head) orelse reads(Name, Tail);
reads(_Name, _Other) -> false.

inside({_, _, Args} = Expression, Inner, Outer = #{line := Line}) ->
    case last_line(Expression) >= Line of
        true -> walk(Args, Inner);
        false -> Outer
    end.

%% A module that is defined inside another one is known there by its short name from then on.
module(Name, Quoted, Body, Expression, Place = #{module := Outer, line := Line}) ->
    Aliased = aliased(Outer, Name, Quoted, Place),
    case last_line(Expression) >= Line of
        true -> walk(Body, Aliased#{module := Name, attributes := #{}, accumulated := []});
        false -> Aliased
    end.

nested({'__aliases__', _, ['Elixir' | Parts]}, _Place) -> 'Elixir.Module':concat(atoms(Parts));
nested({'__aliases__', _, Parts}, #{module := nil}) -> 'Elixir.Module':concat(atoms(Parts));
nested({'__aliases__', _, Parts}, #{module := Outer}) -> 'Elixir.Module':concat([Outer | atoms(Parts)]);
nested(Name, _Place) when is_atom(Name) -> Name;
nested(_Computed, #{module := Outer}) -> Outer.

atoms(Parts) -> [Part || Part <- Parts, is_atom(Part)].

aliased(nil, _Name, _Quoted, Place) ->
    Place;
aliased(Outer, _Name, {'__aliases__', _, [First | _]}, Place) when is_atom(First), First =/= 'Elixir' ->
    Full = 'Elixir.Module':concat([Outer, First]),
    As = [{as, {'__aliases__', [{alias, false}], [First]}}],
    directive({alias, [{warn, false}], [Full, As]}, Place);
aliased(_Outer, _Name, _Quoted, Place) ->
    Place.

%% What the directive's own evaluation does to the environment; one that fails (its module is not there any more)
%% changes nothing.
directive(Expression, Place = #{env := Env}) ->
    try 'Elixir.Code':eval_quoted_with_env(in_place(Expression, Place), [], Env) of
        {_Value, _Binding, NewEnv} -> Place#{env := NewEnv}
    catch
        _:_ -> Place
    end.

%% `use` is a require and the code that the module's __using__ returns; of that code the directives matter here, and
%% what it sets attributes to.
use([Used | Options], Place0) ->
    Place = #{env := Env, module := Module} = directive({require, [], [Used]}, Place0),
    Arguments = case Options of [] -> [[]]; _ -> Options end,
    Call = {{'.', [], [Used, '__using__']}, [], in_place(Arguments, Place)},
    try 'Elixir.Macro':expand_once(in_place(Call, Place), Env#{module := Module}) of
        Expanded when Expanded =/= Call -> used(Expanded, Place);
        _ -> Place
    catch
        _:_ -> Place
    end.

used({'__block__', _, Expressions}, Place) ->
    lists:foldl(fun used/2, Place, Expressions);
used({Directive, _, [_ | _]} = Expression, Place) when
    Directive =:= alias; Directive =:= import; Directive =:= require
->
    directive(Expression, Place);
used({use, _, [_ | _] = Args}, Place) ->
    use(Args, Place);
used({'@', _, [{Name, _, [_Value]}]} = Set, Place) when is_atom(Name) ->
    walk(Set, Place);
used({{'.', _, [{'__aliases__', _, ['Module']}, F]}, _, [_, Name, _]} = Set, Place) when
    is_atom(Name), F =:= put_attribute orelse F =:= register_attribute
->
    walk(Set, Place);
used(_Other, Place) ->
    Place.

%% `__MODULE__` and `__DIR__` are written out: the environment that evaluates is outside of any module and file.
-spec in_place(Quoted, #{module := module() | nil, directory := binary() | nil, _ => _}) -> Quoted.
in_place(Quoted, #{module := Module, directory := Directory}) ->
    'Elixir.Macro':prewalk(Quoted, fun
        ({'__MODULE__', _, Context}) when is_atom(Context), Module =/= nil -> Module;
        ({'__DIR__', _, Context}) when is_atom(Context), Directory =/= nil -> Directory;
        (Other) -> Other
    end).

first_line({_, Meta, _} = Node) when is_list(Meta) ->
    case proplists:get_value(line, Meta) of
        undefined -> lists:min([0 | lines(Node)]);
        Line -> Line
    end;
first_line(_) ->
    0.

last_line(Node) ->
    lists:max([0 | lines(Node)]).

lines({Left, Meta, Right}) when is_list(Meta) ->
    Ends = [proplists:get_value(line, Value, 0) || {Key, Value} <- Meta, Key =:= 'end' orelse Key =:= closing],
    [Line || {line, Line} <- Meta] ++ Ends ++ lines(Left) ++ lines(Right);
lines({Left, Right}) ->
    lines(Left) ++ lines(Right);
lines([Head | Tail]) ->
    lines(Head) ++ lines(Tail);
lines(_) ->
    [].

%% Adds the module's own functions and macros as imports: all of them when Private is its companion (ecd_private),
%% else its public ones. Whatever else was imported under the same name gives way, as it does in the module.
-spec with_functions(map(), module(), module() | none) -> map().
with_functions(Env0, Module, Private) ->
    Functions = definitions(Module, functions),
    Macros = definitions(Module, macros),
    {MoreFunctions, MoreMacros} =
        case Private of
            none -> {[], []};
            _ -> {definitions(Private, functions) -- Functions, definitions(Private, macros) -- Macros}
        end,
    Own = lists:append([Functions, Macros, MoreFunctions, MoreMacros]),
    Env = #{functions := ImportedFunctions, macros := ImportedMacros, requires := Requires} = Env0,
    Env#{
        functions := imports(Module, Functions) ++ imports(Private, MoreFunctions) ++ without(ImportedFunctions, Own),
        macros := imports(Module, Macros) ++ imports(Private, MoreMacros) ++ without(ImportedMacros, Own),
        requires := lists:usort([Module | [Private || Private =/= none]] ++ Requires)
    }.

definitions(Module, Kind) ->
    case erlang:function_exported(Module, '__info__', 1) of
        true -> Module:'__info__'(Kind);
        false -> []
    end.

imports(_Module, []) -> [];
imports(Module, Definitions) -> [{Module, lists:sort(Definitions)}].

without(Imports, Own) ->
    [{Module, Left} || {Module, Definitions} <- Imports, Left <- [Definitions -- Own], Left =/= []].
