%% Rows are small and compute what the code computes.
-module(ecd_prepare_tests).

-include_lib("eunit/include/eunit.hrl").

-define(L, 'Elixir.Literals').

prepare_test_() ->
    [
        {"a module with megabytes of literals stays small", scene(fun literals/0)},
        {"literals have their values in interpreted code", scene(fun values/0)},
        {"Erlang's constructs compute the same", scene(fun constructs/0)},
        {"a module without debug information says so", scene(fun no_debug_info/0)},
        {"a module that does not run as its file says is refused", scene(fun stale/0)},
        {"a module that is compiled for coverage is left to count", scene(fun covered/0)},
        {"native functions of a module stay native", scene(fun nifs/0)},
        {"what the evaluator cannot do stays native", scene(fun impossible/0)},
        {"what the engine and the evaluator call is never armed", fun denied/0}
    ].

scene(Fun) ->
    {timeout, 60, fun() -> ecd_scene:with(["literals.ex", "constructs.erl"], Fun) end}.

literals() ->
    {ok, Bytecode} = ecd_scene:bytecode(?L),
    Blob = byte_size(?L:blob()),
    ?assert(Blob >= 5 * 1024 * 1024),
    {ok, #{bytes := Bytes}} = ecd_engine:prepare(?L, <<"test">>),
    ?assert(Bytes < 3 * 1024 * 1024),
    %% Nor does preparing it take long lists of bytes, 16 bytes for one.
    Limit = 12 * Blob div erlang:system_info(wordsize),
    {Pid, Monitor} = spawn_opt(
        fun() ->
            Table = ets:new(rows, [ordered_set, public]),
            {ok, _, _} = ecd_prepare:run(?L, Bytecode, fun() -> {ok, {Table, fun(_, _) -> false end}} end)
        end,
        [monitor, {max_heap_size, #{size => Limit, kill => true, error_logger => false}}]
    ),
    receive
        {'DOWN', Monitor, process, Pid, Reason} -> ?assertEqual(normal, Reason)
    end.

values() ->
    same(?L, [
        {blob, []},
        {comprehended, []},
        {guarded, [binary:copy(<<"abc">>, 1000)]},
        {guarded, [<<"zzz">>]},
        {guarded, [<<>>]},
        {size, [1]},
        {find, [1999]},
        {find, [5000]},
        {get, [<<"key 7">>]},
        {route, [<<"GET">>, <<"/a/b">>]},
        {route, [<<"POST">>, x]},
        {mixed, [7]},
        {captures, [[1]]}
    ]).

constructs() ->
    same(constructs, [
        {new, [1, 2]},
        {update, [constructs:new(1, 2), 3]},
        {index, []},
        {comprehension, [[{1, a}, {2, b}, {3, c}]]},
        {matching, [{ok, constructs:new(1, 9)}]},
        {matching, ["abcdef"]},
        {matching, [<<"binary">>]},
        {matching, [17]},
        {binary, [2, <<"abcd">>]},
        {catching, [fun() -> ok end]},
        {catching, [fun() -> 5 end]},
        {catching, [fun() -> throw(ball) end]},
        {catching, [fun() -> error(wrong) end]},
        {maybe_else, [15]},
        {maybe_else, [2]},
        {maybe_else, [99]}
    ]).

%% Each call natively, and with its function and then all functions of the module interpreted.
same(Mod, Calls) ->
    Native = [apply(Mod, F, As) || {F, As} <- Calls],
    Armed = [FA || {FA, _, _, _} <- ecd_engine:functions(Mod), {F, As} <- Calls, FA =:= {F, length(As)}],
    [ok = ecd_engine:arm(Mod, FA, ?MODULE) || FA <- lists:usort(Armed)],
    ?assertEqual(length(lists:usort(Armed)), length(ecd_engine:armed())),
    {Interpreted, []} = ecd_scene:stops(fun() -> [apply(Mod, F, As) || {F, As} <- Calls] end),
    [?assertEqual({Call, Right}, {Call, Got}) || {Call, Right, Got} <- lists:zip3(Calls, Native, Interpreted)],
    ok = ecd_engine:disarm_all(?MODULE).

no_debug_info() ->
    Forms = [{attribute, 1, module, bare}, {attribute, 1, export, [{f, 0}]},
             {function, 2, f, 0, [{clause, 2, [], [], [{atom, 2, ok}]}]}],
    {ok, bare, Bytecode} = compile:forms(Forms, []),
    {module, bare} = code:load_binary(bare, "bare", Bytecode),
    {error, Why} = ecd_engine:prepare(bare, Bytecode, <<"test">>),
    ?assertNotEqual(nomatch, binary:match(Why, <<"debug information">>)),
    ?assertMatch({error, _}, ecd_engine:prepare(bare, <<"no beam">>, <<"test">>)),
    ?assertEqual([], ecd_engine:lines(bare)),
    unload(bare).

stale() ->
    {ok, stale, Other} = compile:forms(versioned(stale, 2), [debug_info]),
    {ok, stale, Bytecode} = compile:forms(versioned(stale, 1), [debug_info]),
    {module, stale} = code:load_binary(stale, "stale", Bytecode),
    ?assertMatch({error, <<"its file has changed", _/binary>>}, ecd_engine:prepare(stale, Other, <<"test">>)),
    ?assertMatch({ok, _}, ecd_engine:prepare(stale, Bytecode, <<"test">>)),
    unload(stale).

%% Its counters are part of what the program computes, and only in the code that runs.
covered() ->
    {ok, covered, Plain} = compile:forms(versioned(covered, 1), [debug_info]),
    {ok, covered, Counting} = compile:forms(versioned(covered, 2), [debug_info]),
    {module, covered} = code:load_binary(covered, cover_compiled, Counting),
    {error, Why} = ecd_engine:prepare(covered, Plain, <<"test">>),
    ?assertNotEqual(nomatch, binary:match(Why, <<"test coverage">>)),
    unload(covered).

versioned(Mod, Version) ->
    [{attribute, 1, module, Mod}, {attribute, 1, export, [{f, 0}]},
     {function, 2, f, 0, [{clause, 2, [], [], [{integer, 2, Version}]}]}].

%% `crypto` loads a library when it is loaded; its functions that are native cannot be told from their bodies.
nifs() ->
    {module, crypto} = code:ensure_loaded(crypto),
    Native = crypto:hash(sha256, <<"text">>),
    [{Nif, Arity} | _] = [FA || {_, A} = FA <- erlang:get_module_info(crypto, nifs), A > 0],
    {error, Why} = ecd_engine:arm(crypto, {Nif, Arity}, ?MODULE),
    ?assertNotEqual(nomatch, binary:match(Why, <<"NIF">>)),
    Armable = [FA || {FA, _, _, true} <- ecd_engine:functions(crypto), lists:member(FA, [{hash, 2}, {supports, 0}])],
    [ecd_engine:arm(crypto, FA, ?MODULE) || FA <- Armable],
    {Interpreted, []} = ecd_scene:stops(fun() -> crypto:hash(sha256, <<"text">>) end),
    ?assertEqual(Native, Interpreted),
    ok = ecd_engine:disarm_all(?MODULE),
    ?assertEqual(Native, crypto:hash(sha256, <<"text">>)).

impossible() ->
    {error, Wide} = ecd_engine:arm(?L, {wide, 0}, ?MODULE),
    ?assertNotEqual(nomatch, binary:match(Wide, <<"20 arguments">>)),
    ?assertMatch({error, _}, ecd_engine:arm(?L, {uses_wide, 1}, ?MODULE)),
    ok = ecd_engine:arm(?L, {find, 1}, ?MODULE),
    {Result, []} = ecd_scene:stops(fun() ->
        ok = ecd_engine:step_mode(self(), all),
        {?L:find(0), ?L:uses_wide(1), length(apply(?L:wide(), lists:seq(1, 21)))}
    end),
    ?assertEqual({nil, {1, 231}, 21}, Result).

%% Whatever these modules call by name runs in a meta process or in one that a meta waits for.
denied() ->
    Engine = [
        ecd_inside, ecd_state, ecd_iserver, ecd_interpreter, ecd_arms, ecd_guardian, ecd_meta, ecd_engine, ecd_deny,
        ecd_prepare,
        ecd_release, ecd_detach
    ],
    ok = ecd_prepare:debugger(),
    Evaluator = [dbg_ieval, dbg_icmd, dbg_istk, dbg_idb, dbg_debugged, int, error_handler, gen_server, gen, proc_lib],
    Called = lists:usort([M || Mod <- Engine ++ Evaluator, M <- imports(Mod)]),
    Open = [M || M <- Called, ecd_deny:arm(M) =:= ok],
    ?assertEqual([], Open).

imports(Mod) ->
    Bytecode = case code:get_object_code(Mod) of {_, B, _} -> B; error -> error({no_code, Mod}) end,
    {ok, {_, [{imports, Imports}]}} = beam_lib:chunks(Bytecode, [imports]),
    [M || {M, _, _} <- Imports].

unload(Mod) ->
    true = code:delete(Mod),
    true = code:soft_purge(Mod),
    ok.
