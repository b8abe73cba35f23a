%% Expressions that a user attached to a line: parsed once, compiled once for each set of variables, then called often.
%% Must not decide what their value means. Elixir for Elixir's files, Erlang for Erlang's.
-module(ecd_snippet).

-export([new_table/0, parse/2, unknown/2, evaluate/4, display/1, forget/1]).

-record(snippet, {
    key :: reference(),
    language :: elixir | erlang,
    code :: term(),
    %% variables that occur in it, as the user writes them
    used :: [binary()],
    %% calls nothing that could wait, take long or reach a breakpoint
    pure :: boolean()
}).
-opaque snippet() :: #snippet{}.
-type place() :: {module(), pos_integer(), [ecd_rows:clause()]}.
-export_type([snippet/0, place/0]).

-define(TABLE, ecd_snippets).
-define(SELF, ecd_self).
-define(INCOMPLETE, <<"the expression is incomplete">>).

-define(QUICK_MODULES, [
    'Enum', 'Map', 'Keyword', 'List', 'Tuple', 'MapSet', 'String', 'Regex', 'Integer', 'Float', 'Bitwise', 'Atom',
    'Range', 'Kernel', 'Access', 'Date', 'Time', 'DateTime', 'NaiveDateTime', 'Base', 'URI'
]).
-define(QUICK, [
    '.', '__aliases__', '{}', '%{}', '%', '<<>>', '|', '::', '..', '->', '&', fn, self, '!', '&&', '||', in, 'and',
    'or', 'not', '|>', '<>', '++', '--', '=~', '==', '!=', '===', '!==', '<', '>', '<=', '>=', 'if', is_nil, is_struct,
    is_map_key, is_exception, to_string, inspect, sigil_r, sigil_s, sigil_w, get_in, '@'
]).

%% Key in the dictionary of an evaluator, and how many compiled expressions it keeps at most.
-define(RECENT, {?MODULE, recent}).
-define(RECENT_MAX, 8).

%% Lives as long as the calling process.
-spec new_table() -> ok.
new_table() ->
    ?TABLE = ets:new(?TABLE, [named_table, public, set, {read_concurrency, true}]),
    ok.

-spec parse(elixir | erlang, binary()) -> {ok, snippet()} | {error, binary()}.
parse(Language, Text) ->
    case read(Language, Text) of
        {ok, Code} ->
            {ok, #snippet{
                key = make_ref(),
                language = Language,
                code = Code,
                used = lists:usort(variables(Language, Code)),
                pure = Language =:= elixir andalso is_pure(Code)
            }};
        {error, _} = Error ->
            Error
    end.

%% Its variables that exist at none of the places, as far as that can be known without running anything.
-spec unknown(snippet(), [place()]) -> [binary()].
unknown(#snippet{language = erlang}, _Places) ->
    [];
unknown(#snippet{language = elixir, code = Code}, Places) ->
    case lists:all(fun({_, _, Clauses}) -> Clauses =/= [] end, Places) of
        true ->
            Names = [ecd_scope:names(Clauses, Line) || {_, Line, Clauses} <- Places],
            ecd_expression:unknown(Code, lists:append(Names));
        false ->
            []
    end.

%% In the evaluator of Process, which is at Place() with Bindings. Anything that is not pure runs in a throw-away
%% process with a deadline, so that neither a wait nor a breakpoint inside it can hold the evaluator up.
-spec evaluate(snippet(), pid(), fun(() -> place()), [{atom(), term()}]) -> {ok, term()} | {error, binary()}.
evaluate(#snippet{key = Key, pure = Pure} = Snippet, Process, Place, Bindings) ->
    Names = [Name || {Name, _} <- Bindings],
    case recent({Key, Names}, Snippet, Place, Bindings) of
        {Fun, Raw} when is_function(Fun) ->
            Values = list_to_tuple([Process | [value(Name, Bindings) || Name <- Raw]]),
            case Pure of
                true -> inline(fun() -> Fun(Values) end);
                false -> in_worker(fun() -> call(fun() -> Fun(Values) end) end)
            end;
        {error, _} = Error ->
            Error
    end.

%% A value inside a log message: text as it is, anything else as Elixir shows it.
-spec display(term()) -> unicode:chardata().
display(Value) when is_integer(Value) ->
    integer_to_binary(Value);
display(Value) when is_binary(Value) ->
    case unicode:characters_to_binary(Value) of
        Value -> Value;
        _ -> io_lib:format("~0tp", [Value])
    end;
display(Value) ->
    case in_worker(fun() -> {ok, inspect(Value)} end) of
        {ok, Text} -> Text;
        {error, Reason} -> ["(", Reason, ")"]
    end.

-spec forget(snippet()) -> ok.
forget(#snippet{key = Key}) ->
    true = ets:match_delete(?TABLE, {{Key, '_'}, '_'}),
    ok.

read(elixir, Text) ->
    case application:ensure_all_started(elixir) of
        {ok, _} -> read_elixir(Text);
        {error, _} -> {error, <<"Elixir, in which it is to be written, is not part of this system">>}
    end;
read(erlang, Text) ->
    Parsed =
        case erl_scan:string(unicode:characters_to_list([string:trim(Text, trailing, "."), "."])) of
            {ok, Tokens, _} -> erl_parse:parse_exprs(Tokens);
            {error, Scan, _} -> {error, Scan}
        end,
    case Parsed of
        {ok, Exprs} -> {ok, Exprs};
        %% The dot that was added above.
        {error, {_, erl_parse, ["syntax error before: ", "'.'"]}} -> {error, ?INCOMPLETE};
        {error, {_, Module, Reason}} -> {error, unicode:characters_to_binary(Module:format_error(Reason))}
    end.

read_elixir(Text) ->
    case 'Elixir.Code':string_to_quoted(Text, [{emit_warnings, false}]) of
        {ok, {'__block__', _, []}} -> {error, <<"the expression is empty">>};
        {ok, Quoted} -> {ok, Quoted};
        {error, {_, Message, Token}} -> {error, syntax_error(Message, Token)}
    end.

syntax_error(<<"syntax error before: ">>, <<>>) ->
    ?INCOMPLETE;
syntax_error({Before, After}, Token) ->
    unicode:characters_to_binary([Before, Token, After]);
syntax_error(Message, Token) ->
    unicode:characters_to_binary([Message, Token]).

variables(erlang, Code) ->
    [atom_to_binary(Name) || {var, _, Name} <- subterms(Code), Name =/= '_'];
variables(elixir, Code) ->
    [atom_to_binary(Name) || {Name, Meta, Context} <- subterms(Code), is_atom(Name), is_list(Meta), is_atom(Context)].

subterms(Tuple) when is_tuple(Tuple) -> [Tuple | subterms(tuple_to_list(Tuple))];
subterms([Head | Tail]) -> subterms(Head) ++ subterms(Tail);
subterms(_) -> [].

%% Operators, guards, and modules whose functions take as long as their arguments are big, and wait for nobody.
is_pure(Code) ->
    lists:all(
        fun
            ({{'.', _, [{'__aliases__', _, [Alias]}, _]}, _, Args}) when is_list(Args) ->
                lists:member(Alias, ?QUICK_MODULES);
            ({{'.', _, ['Elixir.Kernel', to_string]}, _, [_]}) ->
                true;
            ({{'.', _, [{Name, _, Context}, _]}, Meta, []}) when is_atom(Name), is_atom(Context) ->
                proplists:get_bool(no_parens, Meta);
            ({{'.', _, _}, _, _}) ->
                false;
            ({Name, Meta, Args}) when is_atom(Name), is_list(Meta), is_list(Args) ->
                lists:member(Name, ?QUICK) orelse
                    erl_internal:guard_bif(Name, length(Args)) orelse
                    erl_internal:arith_op(Name, length(Args));
            (_) ->
                true
        end,
        subterms(Code)
    ).

%% What the table has is copied at each look: an evaluator keeps what it used last.
recent(Key, Snippet, Place, Bindings) ->
    Recent = case get(?RECENT) of undefined -> []; Known -> Known end,
    case lists:keyfind(Key, 1, Recent) of
        {_, Compiled} ->
            Compiled;
        false ->
            Compiled = compiled(Key, Snippet, Place, Bindings),
            _ = put(?RECENT, lists:sublist([{Key, Compiled} | Recent], ?RECENT_MAX)),
            Compiled
    end.

compiled(Key, Snippet, Place, Bindings) ->
    case ets:lookup(?TABLE, Key) of
        [{_, Compiled}] ->
            Compiled;
        [] ->
            Compiled = compile(Snippet, Place(), Bindings),
            true = ets:insert(?TABLE, {Key, Compiled}),
            Compiled
    end.

%% The names a person writes become the arguments of a function; which of the evaluator's variables they are depends
%% on what is bound, so this is done again for another set of bound variables.
compile(#snippet{used = Used} = Snippet, {Mod, Line, Clauses}, Bindings) ->
    Visible = [{Name, Raw} || {Name, _, Raw} <- ecd_scope:visible(Clauses, Line, Bindings), lists:member(Name, Used)],
    {Names, Raw} = lists:unzip(Visible),
    case in_worker(fun() -> build(Snippet, Names, {Mod, Line}) end) of
        {ok, Fun} -> {Fun, Raw};
        {error, _} = Error -> Error
    end.

build(#snippet{language = erlang, code = Exprs}, Names, _Where) ->
    Variables = [binary_to_atom(Name) || Name <- Names],
    {ok, fun(Values) ->
        Bindings = lists:zip(Variables, tl(tuple_to_list(Values))),
        {value, Value, _} = erl_eval:exprs(Exprs, orddict:from_list(Bindings)),
        Value
    end};
build(#snippet{language = elixir, code = Code}, Names, {Mod, Line}) ->
    Pattern = {'{}', [], [{?SELF, [], nil} | [{binary_to_atom(Name), [], nil} || Name <- Names]]},
    Use = {'=', [], [{'_', [], nil}, {?SELF, [], nil}]},
    Body = {'__block__', [], [Use, own_self(Code)]},
    Text = 'Elixir.Macro':to_string({fn, [], [{'->', [], [[Pattern], Body]}]}),
    Frame = #{kind => interpreted, pid => self(), module => Mod, function => '', arity => 0, line => Line},
    case ecd_expression:prepare(Text, Frame, []) of
        {ok, Evaluation} ->
            case ecd_expression:run(Evaluation) of
                {ok, Fun, _} -> {ok, Fun};
                {error, _} = Error -> Error
            end;
        {error, _} = Error ->
            Error
    end.

%% `self()` is the process that the breakpoint is about, not the evaluator.
own_self({self, _, []}) -> {?SELF, [], nil};
own_self(Tuple) when is_tuple(Tuple) -> list_to_tuple([own_self(E) || E <- tuple_to_list(Tuple)]);
own_self([Head | Tail]) -> [own_self(Head) | own_self(Tail)];
own_self(Other) -> Other.

%% The evaluator must not stop at a breakpoint inside what it calls here: it would wait for itself.
inline(Fun) ->
    _ = get(?SELF) =:= undefined andalso ecd_engine:exempt(self()),
    _ = put(?SELF, exempt),
    call(Fun).

call(Fun) ->
    try
        {ok, Fun()}
    catch
        Class:Reason:Stack -> {error, describe(Class, Reason, Stack)}
    end.

in_worker(Fun) ->
    Deadline = ecd_config:get(evaluateTimeout),
    case ecd_worker:run(Fun, Deadline) of
        {ok, Result} -> Result;
        timeout -> {error, unicode:characters_to_binary(io_lib:format("no result within ~w ms", [Deadline]))};
        {died, Reason} -> {error, unicode:characters_to_binary(io_lib:format("~0tP", [Reason, 20]))}
    end.

%% A node may run without Elixir. Where it has it, the modules for this load when they are called.
describe(Class, Reason, Stack) ->
    case code:is_loaded('Elixir.Kernel') of
        {file, _} ->
            'Elixir.Exception':format_banner(Class, Reason, Stack);
        false ->
            unicode:characters_to_binary(io_lib:format("~ts: ~0tP", [Class, Reason, 20]))
    end.

inspect(Value) ->
    case code:is_loaded('Elixir.Kernel') of
        {file, _} -> 'Elixir.Kernel':inspect(Value);
        false -> io_lib:format("~0tp", [Value])
    end.

value(Raw, Bindings) ->
    {Raw, Value} = lists:keyfind(Raw, 1, Bindings),
    Value.
