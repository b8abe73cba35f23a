%% One expression, from its text to its value: parsing, the names of the place, `self()`, errors as text. Runs in
%% whatever process calls it and touches no other.
-module(ecd_expression).

-export([prepare/3, prepare/4, directives/1, run/1, language/1, place/2, unknown/2]).

-record(elixir, {
    quoted :: term(), env :: map(), binding :: [{term(), term()}], directives = [] :: [Quoted :: term()]
}).
-record(erlang, {expressions :: [erl_parse:abstract_expr()], binding :: [{atom(), term()}], local :: module() | none}).
-opaque evaluation() :: #elixir{} | #erlang{}.
-export_type([evaluation/0]).

%% Contexts of variables that only exist in rewritten code.
-define(SELF, {ecd_self, ?MODULE}).
-define(ENV, {ecd_env, ?MODULE}).
-define(STACKTRACE, {ecd_stacktrace, ?MODULE}).
%% What errors call the text that was typed.
-define(FILE_NAME, <<"evaluate">>).
-define(ERLANG_SELF, 'Ecd@Self').
-define(OPERATORS, [
    '+', '-', '*', '/', '==', '!=', '===', '!==', '<', '>', '<=', '>=', '++', '--', '<>', '..', '&&', '||', '!', 'and',
    'or', 'not', in, '{}', '%{}', '%', '|'
]).

%% Erlang's syntax for a frame of a module that Elixir did not make.
-spec language(ecd_frames:frame() | none) -> elixir | erlang.
language(none) ->
    case elixir_exists() of
        true -> elixir;
        false -> erlang
    end;
language(#{module := Module}) ->
    IsElixir = is_nameless(Module) orelse string:prefix(atom_to_list(Module), "Elixir.") =/= nomatch orelse
        erlang:function_exported(Module, '__info__', 1),
    case IsElixir of
        true -> elixir;
        false -> erlang
    end.

elixir_exists() ->
    code:ensure_loaded('Elixir.Code') =:= {module, 'Elixir.Code'}.

%% Variables: what is visible at the frame, by the user's names.
-spec prepare(binary(), ecd_frames:frame() | none, [{binary(), term()}]) -> {ok, evaluation()} | {error, binary()}.
prepare(Text, Frame, Variables) ->
    prepare(Text, Frame, Variables, []).

%% Directives: aliases, imports and requires beside those of the place.
-spec prepare(binary(), ecd_frames:frame() | none, [{binary(), term()}], [Quoted :: term()]) ->
    {ok, evaluation()} | {error, binary()}.
prepare(Text, Frame, Variables, Directives) ->
    case language(Frame) of
        elixir -> prepare_elixir(Text, Frame, Variables, Directives);
        erlang -> prepare_erlang(Text, Frame, Variables)
    end.

%% What of the expression changes how the names of later ones are read.
-spec directives(evaluation()) -> [Quoted :: term()].
directives(#elixir{directives = Directives}) -> Directives;
directives(#erlang{}) -> [].

%% Elixir

prepare_elixir(Text, Frame, Variables, Directives) ->
    reported(fun() ->
        Parsed = 'Elixir.Code':'string_to_quoted!'(Text, [{file, ?FILE_NAME}, {emit_warnings, false}]),
        known(Parsed, Variables, Frame),
        #{env := Env0, module := Module} = Place = place(Frame, Directives),
        Quoted = at_self(ecd_env:in_place(quiet(Parsed), Place)),
        {Attributed, Values} = at_attributes(Quoted, Place),
        {Rewritten, About} = at_environment(Attributed, Place, Frame, Variables),
        Binding = binding(Rewritten, Variables) ++ Values ++ About ++ self_binding(Frame),
        Env = functions(Env0#{file := ?FILE_NAME}, Module, Rewritten),
        {ok, #elixir{quoted = Rewritten, env = Env, binding = Binding, directives = directives_in(Parsed)}}
    end).

directives_in({'__block__', _, Expressions}) -> lists:append([directives_in(E) || E <- Expressions]);
directives_in({Name, _, [_ | _]} = Directive) when Name =:= alias; Name =:= import; Name =:= require; Name =:= use ->
    [Directive];
directives_in(_Other) -> [].

%% A name that nobody knows (the usual hover) is refused here: Elixir before 1.15 would take it for a function, warn on
%% the program's standard error, and even call it. Where a macro might bind names, the compiler is left to judge.
known(Parsed, Variables, Frame) ->
    case unknown(Parsed, [Name || {Name, _} <- Variables]) of
        [] -> ok;
        [Name | _] -> said(<<"undefined variable \"", Name/binary, $", (why_unknown(Frame))/binary>>)
    end.

why_unknown(#{kind := native}) -> <<": this frame ran natively, its values are not available">>;
why_unknown(_) -> <<>>.

%% For what we know better than Elixir would say it.
-spec said(binary()) -> no_return().
said(Text) ->
    throw({?MODULE, Text}).

%% The variables of an Elixir expression that are none of Known; none where it may bind names itself.
-spec unknown(Quoted :: term(), Known :: [binary()]) -> [binary()].
unknown(Quoted, Known) ->
    [Name || is_plain(Quoted), Name <- used(Quoted), not lists:member(Name, Known), not is_special(Name)].

%% Elixir before 1.15 writes what it has to say of an expression to the program's standard error: here it raises for
%% an unknown name and keeps quiet about the rest. An expression that is about code keeps the code as it is.
quiet(Parsed) ->
    case has_diagnostics() orelse lists:member(<<"quote">>, names(Parsed)) of
        true ->
            Parsed;
        false ->
            prewalk(Parsed, fun
                ({Name, Meta, Args}) when is_list(Meta) ->
                    {Name, [{if_undefined, raise}, {generated, true} | Meta], Args};
                (Other) ->
                    Other
            end)
    end.

has_diagnostics() ->
    erlang:function_exported('Elixir.Code', with_diagnostics, 1).

is_special(Name) -> string:prefix(Name, "__") =/= nomatch.

%% Operators, remote calls and literals bind nothing.
is_plain({Name, _, Context}) when is_atom(Name), is_atom(Context) -> true;
is_plain({'__aliases__', _, _}) -> true;
is_plain({'.', _, Args}) -> is_plain(Args);
is_plain({{'.', _, _} = Called, _, Args}) -> is_plain(Called) andalso is_plain(Args);
is_plain({Name, _, Args}) when is_atom(Name), is_list(Args) -> binds_nothing(Name, length(Args)) andalso is_plain(Args);
is_plain({_, _, _}) -> false;
is_plain({Left, Right}) -> is_plain(Left) andalso is_plain(Right);
is_plain([Head | Tail]) -> is_plain(Head) andalso is_plain(Tail);
is_plain(_Literal) -> true.

binds_nothing(Name, Arity) ->
    lists:member(Name, ?OPERATORS) orelse erl_internal:guard_bif(Name, Arity) orelse erl_internal:arith_op(Name, Arity).

used({Name, _, Context}) when is_atom(Name), is_atom(Context) -> [atom_to_binary(Name)];
used({Left, _, Right}) -> used(Left) ++ used(Right);
used({Left, Right}) -> used(Left) ++ used(Right);
used([Head | Tail]) -> used(Head) ++ used(Tail);
used(_) -> [].

%% Names of the frame's place, and what was added to them; calls Elixir.
-spec place(ecd_frames:frame() | none, [Quoted :: term()]) -> ecd_env:place().
place(Frame, Directives) ->
    ecd_env:with_directives(Directives, place(Frame)).

place(none) ->
    ecd_env:build(nil, nil, 0);
place(#{module := Module, function := Function, arity := Arity, line := Line}) ->
    Named = case is_nameless(Module) of true -> nil; false -> Module end,
    case ecd_modules:path(Module, {Function, Arity}) of
        {ok, Path} ->
            case ecd_env:is_source(Path) of
                true -> ecd_env:build(Named, Path, Line);
                false -> template_place(Module)
            end;
        error ->
            ecd_env:build(Named, nil, 0)
    end.

template_place(Module) ->
    case ecd_modules:path(Module) of
        {ok, Path} -> ecd_env:build(Module, Path);
        error -> ecd_env:build(Module, nil, 0)
    end.

%% What Elixir compiles the top-level statements of a file into.
is_nameless(Module) ->
    string:prefix(atom_to_list(Module), "elixir_compiler_") =/= nomatch.

%% `self()` is the stopped process, wherever the expression runs.
at_self(Quoted) ->
    {Name, Context} = ?SELF,
    Variable = {Name, [], Context},
    prewalk(Quoted, fun
        ({'&', _, [{'/', _, [{self, _, C}, 0]}]}) when is_atom(C) -> {fn, [], [{'->', [], [[], Variable]}]};
        ({self, _, []}) -> Variable;
        ({{'.', _, [erlang, self]}, _, []}) -> Variable;
        ({{'.', _, [{'__aliases__', _, ['Kernel']}, self]}, _, []}) -> Variable;
        (Other) -> Other
    end).

self_binding(Frame) -> [{?SELF, pid(Frame)}].

pid(none) -> self();
pid(#{pid := Pid}) -> Pid.

%% The compiler's environment of the place, and in a rescue the stack trace there. In code that is about code both
%% belong to that.
at_environment(Quoted, Place, Frame, Variables) ->
    Names = names(Quoted),
    Wanted = [{<<"__ENV__">>, ?ENV, environment(Place, Frame)} || not is_about_code(Names)] ++
        [{Name, ?STACKTRACE, Value} || {<<"__STACKTRACE__">> = Name, Value} <- Variables, not tries(Names)],
    lists:foldl(
        fun({Name, {Variable, Context} = Key, Value}, {Rewritten, Binding}) ->
            case lists:member(Name, Names) of
                true -> {renamed(Rewritten, binary_to_atom(Name), {Variable, [], Context}), [{Key, Value} | Binding]};
                false -> {Rewritten, Binding}
            end
        end,
        {Quoted, []},
        Wanted
    ).

environment(#{env := Env, module := Module}, none) ->
    Env#{module := Module, file := ?FILE_NAME};
environment(#{env := Env, module := Module}, #{module := Mod, function := Function, arity := Arity, line := Line}) ->
    File = case ecd_modules:path(Mod, {Function, Arity}) of {ok, Path} -> Path; error -> ?FILE_NAME end,
    Env#{module := Module, function := {Function, Arity}, file := File, line := Line}.

renamed(Quoted, Name, Variable) ->
    prewalk(Quoted, fun
        ({N, _, Context}) when N =:= Name, is_atom(Context) -> Variable;
        (Other) -> Other
    end).

is_about_code(Names) ->
    lists:any(fun(Name) -> lists:member(Name, Names) end, [<<"quote">>, <<"defmodule">>]).

tries(Names) ->
    lists:member(<<"try">>, Names) orelse is_about_code(Names).

%% A module attribute has no value at run time: its definition is evaluated anew, as far as the expression needs it.
at_attributes(Quoted, #{attributes := Attributes} = Place) ->
    Used = lists:usort(attributes(Quoted)),
    case [Name || Name <- Used, not is_map_key(Name, Attributes)] of
        [Unknown | _] ->
            case ecd_env:persisted(Unknown, Place) of
                {ok, Value} ->
                    Definition = {'Elixir.Macro':escape(Value), maps:get(env, Place)},
                    at_attributes(Quoted, Place#{attributes := Attributes#{Unknown => [Definition]}});
                error ->
                    %% A module in the expression has attributes of its own.
                    is_about_code(names(Quoted)) orelse unknown_attribute(Unknown, Place),
                    at_attributes(Quoted, Used -- [Unknown], Place)
            end;
        [] ->
            at_attributes(Quoted, Used, Place)
    end.

unknown_attribute(Name, #{module := nil}) ->
    said(<<"undefined module attribute @", (atom_to_binary(Name))/binary, ": there is no module around this place">>);
unknown_attribute(Name, _Place) ->
    Text = <<"undefined module attribute @", (atom_to_binary(Name))/binary>>,
    Why = <<"the source sets it nowhere above this line, and what a macro sets is known to the compiler only">>,
    said(<<Text/binary, ": ", Why/binary>>).

at_attributes(Quoted, Names, #{attributes := Attributes} = Place) ->
    Used = [Name || Name <- Names, is_map_key(Name, Attributes)],
    Values = [{{Name, ?MODULE}, attribute(Name, Place)} || Name <- Used],
    {prewalk(Quoted, fun
        ({'@', _, [{Name, _, Context}]} = Node) when is_atom(Context) ->
            case lists:member(Name, Used) of
                true -> {Name, [], ?MODULE};
                false -> Node
            end;
        (Other) -> Other
    end), Values}.

attributes({'@', _, [{Name, _, Context}]}) when is_atom(Name), is_atom(Context) -> [Name];
attributes({Left, _, Right}) -> attributes(Left) ++ attributes(Right);
attributes({Left, Right}) -> attributes(Left) ++ attributes(Right);
attributes([Head | Tail]) -> attributes(Head) ++ attributes(Tail);
attributes(_) -> [].

%% The definition that counts, or of an attribute that accumulates all of them, the last one first.
attribute(Name, #{attributes := Attributes, accumulated := Accumulated} = Place) ->
    #{Name := Definitions} = Attributes,
    case lists:member(Name, Accumulated) of
        true -> [defined(Name, Tail, Place) || Tail <- tails(Definitions)];
        false -> defined(Name, Definitions, Place)
    end.

%% A definition sees of its own attribute what was defined above it, which ends every cycle.
defined(Name, [{Definition, Env} | Above], #{attributes := Attributes} = Place) ->
    Others = case Above of [] -> maps:remove(Name, Attributes); _ -> Attributes#{Name := Above} end,
    {Rewritten, Values} = at_attributes(Definition, Place#{attributes := Others}),
    {Value, _} = 'Elixir.Code':eval_quoted(Rewritten, Values, Env),
    Value.

tails([]) -> [];
tails([_ | Tail] = List) -> [List | tails(Tail)].

%% Only the variables that the expression names travel to where it runs; `binding()` names all of them.
binding(Quoted, Variables) ->
    Names = names(Quoted),
    All = lists:member(<<"binding">>, Names),
    [{binary_to_atom(Name), Value} || {Name, Value} <- Variables, All orelse lists:member(Name, Names)].

names({Name, _, Args}) when is_atom(Name) -> [atom_to_binary(Name) | names(Args)];
names({Left, _, Right}) -> names(Left) ++ names(Right);
names({Left, Right}) -> names(Left) ++ names(Right);
names([Head | Tail]) -> names(Head) ++ names(Tail);
names(_) -> [].

%% The companion with the private functions is made only for an expression that names one of them.
functions(Env, nil, _Quoted) ->
    Env;
functions(Env, Module, Quoted) ->
    Called = [binary_to_atom(Name) || Name <- names(Quoted)],
    Private = [Name || {Name, _Arity} <- ecd_private:names(Module), lists:member(Name, Called)],
    Companion =
        case Private =/= [] andalso ecd_private:load(Module) of
            {ok, Loaded} -> Loaded;
            _ -> none
        end,
    ecd_env:with_functions(Env, Module, Companion).

prewalk(Quoted, Fun) ->
    'Elixir.Macro':prewalk(Quoted, Fun).

%% Erlang

prepare_erlang(Text, Frame, Variables) ->
    Source = unicode:characters_to_list([string:trim(string:trim(at_module(Text, Frame)), trailing, "."), "."]),
    case erl_scan:string(Source) of
        {ok, Tokens, _} ->
            case erl_parse:parse_exprs(Tokens) of
                {ok, Expressions} ->
                    Named = [{binary_to_atom(Name), Value} || {Name, Value} <- Variables],
                    Binding = [{?ERLANG_SELF, pid(Frame)} | Named],
                    {ok, #erlang{expressions = at_pid(Expressions), binding = Binding, local = local(Frame)}};
                {error, {_, Module, Error}} ->
                    {error, unicode:characters_to_binary(Module:format_error(Error))}
            end;
        {error, {_, Module, Error}, _} ->
            {error, unicode:characters_to_binary(Module:format_error(Error))}
    end.

%% Of Erlang's macros the one that needs no header.
at_module(Text, none) ->
    Text;
at_module(Text, #{module := Module}) ->
    string:replace(Text, "?MODULE", io_lib:format("~tp", [Module]), all).

local(none) ->
    none;
local(#{module := Module}) ->
    case ecd_private:load(Module) of
        {ok, Companion} -> Companion;
        error -> Module
    end.

at_pid({call, Anno, {atom, _, self}, []}) -> {var, Anno, ?ERLANG_SELF};
at_pid({call, Anno, {remote, _, {atom, _, erlang}, {atom, _, self}}, []}) -> {var, Anno, ?ERLANG_SELF};
at_pid(Tuple) when is_tuple(Tuple) -> list_to_tuple(at_pid(tuple_to_list(Tuple)));
at_pid([Head | Tail]) -> [at_pid(Head) | at_pid(Tail)];
at_pid(Other) -> Other.

%% The value and the variables that the expression bound or changed; an error as text for the user.
-spec run(evaluation()) -> {ok, term(), #{binary() => term()}} | {error, binary()}.
run(#elixir{quoted = Quoted, env = Env, binding = Before}) ->
    reported(fun() ->
        {Value, After} = 'Elixir.Code':eval_quoted(Quoted, Before, Env),
        {ok, Value, changed([Pair || {Name, _} = Pair <- After, is_atom(Name)], Before)}
    end);
run(#erlang{expressions = Expressions, binding = Before, local = Local}) ->
    Handler =
        case Local of
            none -> none;
            _ -> {value, fun(Name, Args) -> apply(Local, Name, Args) end}
        end,
    try
        {value, Value, After} = erl_eval:exprs(Expressions, orddict:from_list(Before), Handler),
        {ok, Value, changed(After, Before)}
    catch
        Class:Reason:Stack -> {error, erlang_error(Class, Reason, Stack)}
    end.

changed(After, Before) ->
    maps:from_list([
        {atom_to_binary(Name), Value}
     || {Name, Value} = Pair <- After, not lists:member(Pair, Before)
    ]).

erlang_error(Class, Reason, Stack) ->
    Format = fun(Term, Indent) -> io_lib:format("~" ++ integer_to_list(Indent) ++ "tp", [Term]) end,
    Text = erl_error:format_exception(Class, Reason, pruned(Stack), #{format_fun => Format}),
    ecd_private:hide(unicode:characters_to_binary(Text)).

%% Errors as Elixir writes them. What the compiler has to say of an expression comes as diagnostics since Elixir 1.15,
%% and would go to the program's standard error otherwise.
reported(Fun) ->
    Attempt = fun() ->
        try
            Fun()
        catch
            throw:{?MODULE, Text} -> {error, Text};
            Class:Reason:Stack -> {raised, Class, Reason, pruned(Stack)}
        end
    end,
    {Outcome, Diagnostics} =
        case has_diagnostics() of
            true -> 'Elixir.Code':with_diagnostics(Attempt);
            false -> {Attempt(), []}
        end,
    case Outcome of
        {raised, Class, Reason, Stack} -> {error, error_text(Class, Reason, Stack, Diagnostics)};
        _ -> Outcome
    end.

error_text(error, #{'__struct__' := 'Elixir.CompileError'}, _Stack, [_ | _] = Diagnostics) ->
    Messages = [[<<"** (CompileError) ">>, Message] || #{message := Message} <- Diagnostics],
    iolist_to_binary(lists:join($\n, Messages));
error_text(Class, Reason, [{Module, _, _, _} | _], _Diagnostics) when
    Module =:= elixir_expand; Module =:= elixir_errors
->
    ecd_private:hide('Elixir.Exception':format_banner(Class, Reason));
error_text(Class, Reason, Stack, _Diagnostics) ->
    ecd_private:hide(string:trim('Elixir.Exception':format(Class, Reason, Stack), trailing)).

%% The evaluator's own frames say nothing about the user's expression.
pruned(Stack) ->
    lists:takewhile(fun(Entry) -> not own(element(1, Entry)) end, Stack).

own(Module) when Module =:= erl_eval; Module =:= elixir; Module =:= ?MODULE -> true;
own(_) -> false.
