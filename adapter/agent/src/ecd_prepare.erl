%% Bytecode made into interpreter rows in a table. Run it in a throw-away process: what it builds on the way is many
%% times larger than what stays. It touches neither code nor other processes, except that a module of NIFs is loaded.
%%
%% A table holds `{{Mod, F, A, Entered}, Clauses}` and what else is known: `info`, `lines`, `functions`. The evaluator
%% looks for `Entered = true` when a call comes from outside, for any value when a private function is called from
%% interpreted code. So a private function is always reachable from inside, and an exported one runs natively until its
%% row is opened.
-module(ecd_prepare).

-export([run/3, make/2, stock/2, lambdas/4, debugger/0, debugger_path/0]).
-export([info/1, is_filled/1, lines/1, functions/1, file/2, is_of_one_file/1, forget/1, rows/1, row/3]).
-export([open/3, close/3, callers/3, bytes/1]).

-define(EVALUATOR, [dbg_iload, dbg_icmd, dbg_idb, dbg_istk, dbg_debugged]).

-type function_key() :: {atom(), arity()}.
-type info() :: #{
    md5 := binary(),
    exported := #{function_key() => true},
    inlined := all | [function_key()],
    refused := #{function_key() => binary()}
}.
-type prepared() :: #{
    rows := [ecd_rows:row()],
    lines := [{pos_integer(), [function_key()]}],
    functions := [{function_key(), integer(), integer(), boolean()}],
    files := {string(), #{function_key() => string()}},
    info := info()
}.
%% Where the rows go. Open, asked with function and whether it is exported: its row can be entered from outside at once.
-type place() :: {Table :: ets:tid(), Open :: fun((function_key(), boolean()) -> boolean())}.
-export_type([function_key/0, info/0, place/0]).

%% Prepares Bytecode into the table that Place gives when the rows are made, over what may be there of an earlier
%% version; `full` if there is no room. Private rows of the earlier version stay: its closures may call them.
-spec run(module(), binary(), fun(() -> {ok, place()} | full)) ->
    {ok, info(), disk | bytecode} | full | {error, binary()}.
run(Mod, Bytecode, Place) ->
    try
        ok = debugger(),
        {From, #{info := Info} = Prepared} = prepared(Mod, Bytecode),
        case Place() of
            {ok, {Table, Open}} ->
                replace(Mod, Table, Prepared, Open),
                {ok, Info, From};
            full ->
                full
        end
    catch
        throw:{unprepared, Reason} -> {error, Reason}
    end.

%% Reading what an earlier session has made takes half the time that making it takes where a module is small, a fifth
%% where it is large (`npm run bench -- --only=disk`). Which functions of a module of NIFs are native, is known only
%% here and now.
prepared(Mod, Bytecode) ->
    case loads_nifs(Bytecode) of
        false -> kept(Mod, Bytecode, {Mod, erlang:md5(Bytecode), elixir()});
        true -> {bytecode, make(Mod, Bytecode)}
    end.

kept(Mod, Bytecode, Key) ->
    case ecd_disk:read(rows, Key) of
        {ok, Prepared} ->
            {disk, Prepared};
        missing ->
            Prepared = make(Mod, Bytecode),
            ok = ecd_disk:write_aside(rows, Key, Prepared),
            {bytecode, Prepared}
    end.

%% Its debug info is expanded by the Elixir that runs.
elixir() ->
    case application:get_key(elixir, vsn) of
        undefined ->
            _ = application:load(elixir),
            application:get_key(elixir, vsn);
        Version ->
            Version
    end.

%% From its bytecode, whatever is kept. Throws {unprepared, Reason}.
-spec make(module(), binary()) -> prepared().
make(Mod, Bytecode) ->
    {Forms, Exported, Attributed} = forms(Mod, Bytecode),
    {Rows, Refused} = enterable(load(Mod, Forms, Exported), Mod, Exported, nifs(Mod, Bytecode)),
    Transformed = ecd_rows:transform(Rows, Exported),
    Kept = [Row || Row <- Transformed, stops(Row) orelse not is_exported(Row)],
    #{
        rows => Kept,
        lines => ecd_lines:index(Kept),
        functions => ecd_lines:functions(Kept),
        files => ecd_templates:names(Mod, Bytecode, Attributed),
        info => #{
            md5 => md5(Bytecode),
            exported => Exported,
            inlined => inlined(Forms, Bytecode),
            refused => Refused
        }
    }.

%% The rows as stock `int` would have them: neither transformed nor kept.
-spec stock(module(), binary()) -> {ok, [ecd_rows:row()]} | {error, binary()}.
stock(Mod, Bytecode) ->
    try
        {Forms, Exported, _} = forms(Mod, Bytecode),
        {ok, load(Mod, Forms, Exported)}
    catch
        throw:{unprepared, Reason} -> {error, Reason}
    end.

%% Rows for the closures of a function that native code has made.
-spec lambdas(module(), binary(), ets:tid(), function_key()) -> [ecd_rows:row()].
lambdas(Mod, Bytecode, Table, FA) ->
    case row(Table, Mod, FA) of
        {ok, Clauses} ->
            %% The compiler orders free variables by the names that it has given them itself.
            {Forms, Placeholders, _} = source(Mod, Bytecode, fun(Data) -> Data end),
            {Named, _, _} = source(Mod, Bytecode, fun ecd_quoted:named/1),
            Renamed = ecd_quoted:renamed(function(Forms, FA), function(Named, FA)),
            [
                {{Mod, Name, Arity, true}, Cs}
             || {Name, Arity, Cs} <- ecd_lambdas:rows(Forms, Placeholders, FA, Clauses, Renamed)
            ];
        none ->
            []
    end.

function(Forms, {F, A}) ->
    list_to_tuple([Form || {function, _, F1, A1, _} = Form <- Forms, F1 =:= F, A1 =:= A]).

%% The evaluator is an application of its own, which Mix prunes from the path, also after we have put it there, and
%% Debian packs apart. So it is loaded at once; dbg_ieval itself by the engine, one of which mends it before.
-spec debugger() -> ok.
debugger() ->
    case lists:all(fun erlang:module_loaded/1, ?EVALUATOR) of
        true ->
            ok;
        false ->
            ok = ecd_code:load(debugger_path(), ?EVALUATOR)
    end.

%% Its folder.
-spec debugger_path() -> file:filename().
debugger_path() ->
    case code:lib_dir(debugger) of
        {error, bad_name} -> elsewhere(code:which(dbg_iload));
        Folder -> filename:join(Folder, "ebin")
    end.

elsewhere(non_existing) ->
    Ebin = installed(),
    true = code:add_pathz(Ebin),
    Ebin;
elsewhere(File) ->
    filename:dirname(File).

installed() ->
    Pattern = filename:join([code:root_dir(), "lib", "debugger-*", "ebin"]),
    case lists:reverse(lists:sort(filelib:wildcard(Pattern))) of
        [Ebin | _] ->
            Ebin;
        [] ->
            unprepared(
                "Erlang's debugger application is not installed under ~ts; "
                "on Debian and Ubuntu the package is called erlang-debugger",
                [code:root_dir()]
            )
    end.

-spec info(ets:tid()) -> {ok, info()} | none.
info(Table) ->
    case ets:lookup(Table, info) of
        [{info, Info}] -> {ok, Info};
        [] -> none
    end.

%% Whether there is anything in it; quicker than reading it.
-spec is_filled(ets:tid()) -> boolean().
is_filled(Table) ->
    ets:member(Table, info).

%% Lines that can stop, with their functions.
-spec lines(ets:tid()) -> [{pos_integer(), [function_key()]}].
lines(Table) ->
    kept(Table, lines).

%% {Function, line of its head, last line, exported}
-spec functions(ets:tid()) -> [{function_key(), integer(), integer(), boolean()}].
functions(Table) ->
    kept(Table, functions).

%% The file of a function, as stack traces of compiled code name it.
-spec file(ets:tid(), function_key()) -> string() | none.
file(Table, FA) ->
    case kept(Table, files) of
        {Own, Others} -> maps:get(FA, Others, Own);
        [] -> none
    end.

%% Whether all functions come from the file that the module begins with.
-spec is_of_one_file(ets:tid()) -> boolean().
is_of_one_file(Table) ->
    case kept(Table, files) of
        {_Own, Others} -> map_size(Others) =:= 0;
        [] -> false
    end.

kept(Table, Key) ->
    case ets:lookup(Table, Key) of
        [{_, Value}] -> Value;
        [] -> []
    end.

%% Takes away what is known of the module beside the given rows.
-spec forget(ets:tid()) -> ok.
forget(Table) ->
    lists:foreach(fun(Key) -> ets:delete(Table, Key) end, [info, lines, functions, files]).

-spec rows(ets:tid()) -> [ecd_rows:row()].
rows(Table) ->
    [Row || {{_, _, _, _}, _} = Row <- ets:tab2list(Table)].

-spec row(ets:tid(), module(), function_key()) -> {ok, [ecd_rows:clause()]} | none.
row(Table, Mod, {F, A}) ->
    case ets:match_object(Table, {{Mod, F, A, '_'}, '_'}) of
        [{_, Clauses} | _] -> {ok, Clauses};
        [] -> none
    end.

%% Lets calls from outside enter the functions.
-spec open(ets:tid(), module(), [function_key()]) -> ok.
open(Table, Mod, Functions) ->
    lists:foreach(fun(FA) -> move(Table, Mod, FA, false, true) end, Functions).

%% Exported functions only: a process on its way into a private one would find nothing, and natively nothing either.
-spec close(ets:tid(), module(), [function_key()]) -> ok.
close(Table, Mod, Functions) ->
    lists:foreach(fun(FA) -> move(Table, Mod, FA, true, false) end, Functions).

%% Functions that call one of the given ones locally, and their callers, and so on.
-spec callers(ets:tid(), module(), [function_key()]) -> [function_key()].
callers(Table, Mod, Functions) ->
    Calls = [{{F, A}, called(Clauses, Mod)} || {{_, F, A, _}, Clauses} <- rows(Table)],
    reach(Functions, Calls, ordsets:from_list(Functions)) -- Functions.

-spec bytes(ets:tid()) -> non_neg_integer().
bytes(Table) ->
    ets:info(Table, memory) * erlang:system_info(wordsize).

move(Table, Mod, {F, A}, From, To) ->
    case ets:lookup(Table, {Mod, F, A, From}) of
        [{_, Clauses}] -> swap(Table, [{{Mod, F, A, To}, Clauses}], [{Mod, F, A, From}]);
        [] -> ok
    end.

%% A call from inside must find exactly one row of a function at any moment. Several insertions are one step for
%% whoever reads, an insertion and a deletion are two: so what goes is first made something that is no row.
swap(Table, Rows, Gone) ->
    ets:insert(Table, Rows ++ [{Key, gone, []} || Key <- Gone]),
    lists:foreach(fun(Key) -> ets:delete(Table, Key) end, Gone).

forms(Mod, Bytecode) ->
    {Forms, Placeholders, Exports} = source(Mod, Bytecode, fun ecd_quoted:named/1),
    {ecd_fold:forms(Forms, Placeholders) ++ directives(Forms), maps:from_keys(Exports, true), Forms}.

%% Erlang's forms of the module, with integers in place of large literals, and variables as Name leaves them.
-spec source(module(), binary(), fun((Data) -> Data)) -> {[tuple()], ecd_fold:placeholders(), [function_key()]} when
    Data :: term().
source(Mod, Bytecode, Name) ->
    case beam_lib:chunks(Bytecode, [debug_info, exports]) of
        {ok, {Mod, [{debug_info, {debug_info_v1, Backend, Data}}, {exports, Exports}]}} ->
            {Small, Placeholders} = ecd_fold:shrink(Name(Data)),
            case backend(Backend, Mod, Small) of
                {ok, Forms} -> {Forms, Placeholders, Exports};
                {error, _} -> no_debug_info(Mod)
            end;
        {ok, {Mod, _}} ->
            no_debug_info(Mod);
        {ok, {Other, _}} ->
            unprepared("the bytecode is of ~ts, not of ~ts", [Other, Mod]);
        {error, beam_lib, {missing_chunk, _, _}} ->
            no_debug_info(Mod);
        {error, beam_lib, Reason} ->
            unprepared("the bytecode of ~ts cannot be read: ~ts", [Mod, beam_lib:format_error(Reason)])
    end.

backend(Backend, Mod, Data) ->
    case code:ensure_loaded(Backend) of
        {module, _} -> Backend:debug_info(erlang_v1, Mod, Data, []);
        {error, Reason} -> {error, Reason}
    end.

%% Which functions the compiler was told to inline is not for the loader, but for inlined/1.
directives(Forms) ->
    [Form || {attribute, _, compile, _} = Form <- Forms].

-spec no_debug_info(module()) -> no_return().
no_debug_info(Mod) ->
    unprepared("~ts was compiled without debug information", [Mod]).

-spec unprepared(string(), [term()]) -> no_return().
unprepared(Format, Args) ->
    throw({unprepared, unicode:characters_to_binary(io_lib:format(Format, Args))}).

load(Mod, Forms, Exported) ->
    Scratch = ets:new(?MODULE, [ordered_set, public]),
    Input = term_to_binary({interpreter_module, maps:keys(Exported), {raw_abstract_v1, Forms}, <<>>, <<>>}),
    try dbg_iload:load_mod(Mod, "", Input, Scratch) of
        {ok, Mod} -> [ecd_fold:revealed(Row) || {{M, _, _, _}, _} = Row <- ets:tab2list(Scratch), M =:= Mod];
        Reason -> unprepared("Erlang's debugger cannot read ~ts: ~0tP", [Mod, Reason, 12])
    after
        ets:delete(Scratch)
    end.

nifs(Mod, Bytecode) ->
    case loads_nifs(Bytecode) of
        true ->
            %% Only the loaded module knows which functions its library took over.
            _ = code:ensure_loaded(Mod),
            case erlang:module_loaded(Mod) of
                true -> erlang:get_module_info(Mod, nifs);
                false -> []
            end;
        false ->
            []
    end.

%% Nearly all modules do not even hold the name, which is found sooner than a chunk is read.
loads_nifs(<<"FOR1", _/binary>> = Bytecode) ->
    binary:match(Bytecode, <<"load_nif">>) =/= nomatch andalso imports_load_nif(Bytecode);
loads_nifs(Compressed) ->
    imports_load_nif(Compressed).

imports_load_nif(Bytecode) ->
    {ok, {_, [{imports, Imports}]}} = beam_lib:chunks(Bytecode, [imports]),
    lists:member({erlang, load_nif, 2}, Imports).

%% Drops what must run natively: NIFs, what the evaluator cannot do, and whoever can reach such a private function
%% without leaving the interpreted code.
enterable(Rows, Mod, Exported, Nifs) ->
    Impossible = [{F, A} || {{_, F, A, _}, Clauses} <- Rows, is_impossible(Clauses)],
    case Nifs ++ Impossible of
        [] ->
            {Rows, #{}};
        Native ->
            Private = [FA || FA <- Native, not is_map_key(FA, Exported)],
            Calls = [
                {{F, A}, [FA || FA <- called(Clauses, Mod), not is_map_key(FA, Exported)]}
             || {{_, F, A, _}, Clauses} <- Rows
            ],
            Blocked = reach(Private, Calls, ordsets:from_list(Private)),
            %% Where several reasons hold the first one is told.
            Refused = lists:foldl(fun maps:merge/2, #{}, [
                maps:from_keys(Nifs, <<"is native code (a NIF)">>),
                maps:from_keys(
                    Impossible, <<"makes a closure of more than 20 arguments, which cannot be interpreted">>
                ),
                maps:from_keys(Blocked, <<"calls a function of its module that must run natively">>)
            ]),
            {[Row || {{_, F, A, _}, _} = Row <- Rows, not is_map_key({F, A}, Refused)], Refused}
    end.

%% OTP's evaluator makes no closures of more than 20 arguments.
is_impossible({value, _, _}) -> false;
is_impossible({make_fun, _, _, [{clause, _, Ps, _, _} | _]}) when length(Ps) > 20 -> true;
is_impossible({make_named_fun, _, _, _, [{clause, _, Ps, _, _} | _]}) when length(Ps) > 20 -> true;
is_impossible(Node) when is_tuple(Node) -> is_impossible(tuple_to_list(Node));
is_impossible([H | T]) -> is_impossible(H) orelse is_impossible(T);
is_impossible(_) -> false.

reach([], _Calls, Seen) ->
    Seen;
reach(Next, Calls, Seen) ->
    New = ordsets:subtract(
        ordsets:from_list([FA || {FA, Called} <- Calls, lists:any(fun(C) -> lists:member(C, Next) end, Called)]),
        Seen
    ),
    reach(New, Calls, ordsets:union(Seen, New)).

called({value, _, _}, _Mod) ->
    [];
called({local_call, _, F, As, _}, Mod) ->
    [{F, length(As)} | called(As, Mod)];
called({call_remote, _, Mod, F, As, _}, Mod) ->
    [{F, length(As)} | called(As, Mod)];
called(Node, Mod) when is_tuple(Node) ->
    called(tuple_to_list(Node), Mod);
called([H | T], Mod) ->
    called(H, Mod) ++ called(T, Mod);
called(_, _Mod) ->
    [].

%% By name, or all that the compiler likes.
inlined(Forms, Bytecode) ->
    {ok, {_, [{compile_info, Info}]}} = beam_lib:chunks(Bytecode, [compile_info]),
    Options = lists:append([lists:flatten([Value]) || {attribute, _, compile, Value} <- Forms]),
    case lists:member(inline, Options ++ proplists:get_value(options, Info, [])) of
        true ->
            all;
        false ->
            lists:usort(
                [FA || {inline, {_, _} = FA} <- Options] ++
                    lists:append([FAs || {inline, FAs} <- Options, is_list(FAs)])
            )
    end.

stops({_, Clauses}) -> ecd_lines:spans(Clauses) =/= [].

is_exported({{_, _, _, Exported}, _}) -> Exported.

%% Rows of exported functions arrive as `true` and are kept closed, unless they are to be open.
replace(Mod, Table, #{rows := Rows} = Prepared, Open) ->
    Gated = [{{Mod, F, A, Open({F, A}, Exported)}, Clauses} || {{_, F, A, Exported}, Clauses} <- Rows],
    New = maps:from_list([{{F, A}, Entered} || {{_, F, A, Entered}, _} <- Gated]),
    swap(Table, Gated, [Key || {Key, _} <- rows(Table), is_outdated(Key, New, Table)]),
    ets:insert(Table, [{Key, maps:get(Key, Prepared)} || Key <- [files, lines, functions, info]]),
    ok.

is_outdated({_, F, A, Entered}, New, Table) ->
    case New of
        #{{F, A} := Entered} -> false;
        #{{F, A} := _} -> true;
        #{} -> was_exported(Table, {F, A})
    end.

was_exported(Table, FA) ->
    case info(Table) of
        {ok, #{exported := Exported}} -> is_map_key(FA, Exported);
        none -> false
    end.

md5(Bytecode) ->
    {ok, {_, Md5}} = beam_lib:md5(Bytecode),
    Md5.
