%% The pure part: where rows stop after their transformation, and which variables are visible where.
-module(ecd_rows_tests).

-include_lib("eunit/include/eunit.hrl").

-define(M, m).

%% --- ecd_rows: lines of a sequence after the transformation, as the evaluator sees them ---

stages_of_a_pipeline_run_in_order_test() ->
    %% 1: x
    %% 2: |> f()
    %% 3: |> g()
    Body = [remote(3, g, [remote(2, f, [var(1, x)])])],
    ?assertMatch(
        [{match, 2, {var, 2, '%p1'}, {call_remote, 2, _, f, _, _}}, {call_remote, 3, _, g, [{var, 2, '%p1'}], _}],
        transformed(Body)
    ).

an_assignment_stops_at_its_line_first_test() ->
    Body = [{match, 1, var(1, y), remote(3, g, [remote(2, f, [var(1, x)])])}, var(4, y)],
    ?assertEqual([1, 2, 3, 4], lines(transformed(Body))).

arguments_on_lines_of_their_own_become_stops_test() ->
    Body = [remote(1, f, [remote(2, g, []), remote(3, h, []), remote(1, i, [])])],
    [{call_remote, 1, _, f, [A, B, C], _}] = transformed(Body),
    ?assertMatch({{block, 2, [_]}, {block, 3, [_]}, {call_remote, 1, _, i, [], _}}, {A, B, C}).

a_line_is_one_stop_a_pass_test() ->
    %% 1: a = f(); b = g(); c
    %% 2: h()
    Assigned = [{match, 1, var(1, a), remote(1, f, [])}, {match, 1, var(1, b), remote(1, g, [])}],
    Body = Assigned ++ [var(1, c), remote(2, h, [])],
    ?assertEqual([1, -1, -1, 2], lines(transformed(Body))).

a_clause_on_the_line_of_its_case_is_the_same_pass_test() ->
    Body = [{'case', 1, var(1, x), [clause(1, [remote(1, f, [])]), clause(2, [remote(2, g, [])])]}],
    [{'case', 1, _, [{clause, _, _, _, [A]}, {clause, _, _, _, [B]}]}] = transformed(Body),
    ?assertEqual([-1, 2], lines([A, B])).

after_branches_on_other_lines_a_line_begins_anew_test() ->
    Branches = [clause(2, [remote(2, f, [])]), clause(3, [remote(3, g, [])])],
    Body = [{'case', 1, var(1, x), Branches}, remote(1, h, [])],
    ?assertEqual([1, 1], lines(transformed(Body))).

the_body_of_a_closure_is_a_pass_of_its_own_test() ->
    Body = [{make_fun, 1, '-f/0-fun-0-', [clause(1, [remote(1, g, []), remote(1, h, [])])]}],
    [{make_fun, 1, _, [{clause, _, _, _, Inner}]}] = transformed(Body),
    %% One that binds nothing first says that it is a closure.
    ?assertEqual([0, 1, -1], lines(Inner)).

a_clause_of_with_that_fails_passes_on_without_a_stop_test() ->
    Value = {value, 1, none},
    Failed = fun(Body) -> {clause, 1, [var(1, '_@1')], [], [Body]} end,
    Matched = {clause, 2, [{value, 2, ok}], [], [remote(3, g, [])]},
    With = fun(Body) -> [{'case', 2, var(2, '_x@1'), [Matched, Failed(Body)]}] end,
    Passed = fun(Body) ->
        [{'case', 2, _, [_, {clause, _, _, _, [Last]}]}] = transformed(With(Body)),
        Last
    end,
    ?assertEqual(var(0, '_@1'), Passed(var(1, '_@1'))),
    ?assertEqual([2, 3], ecd_calls:leaving_lines([{clause, 1, [], [], transformed(With(var(1, '_@1')))}])),
    Else = [{clause, 1, [{value, 1, error}], [], [Value]}, {clause, 1, [{value, 1, other}], [], [remote(5, h, [])]}],
    ?assertMatch(
        {'case', 0, {var, _, '_@1'}, [
            {clause, _, _, _, [{value, 0, none}]},
            {clause, _, _, _, [{call_remote, 5, _, _, _, _}]}
        ]},
        Passed({'case', 1, var(1, '_@1'), Else})
    ),
    %% From Elixir 1.15 on the clauses of `else` are a closure.
    Call = {apply_fun, 1, var(1, '_@2'), [var(1, '_@1')], true},
    ?assertEqual({'orelse', 0, {value, 0, false}, Call}, Passed(Call)),
    Closure = {match, 1, var(1, '_@2'), {make_fun, 1, '-f/1-fun-0-', [clause(4, [remote(4, g, [])])]}},
    ?assertEqual([4], ecd_calls:else_lines([clause(1, [Closure | With(Call)])])).

the_closure_of_a_captured_function_is_no_stop_test() ->
    %% &p/1
    Call = {local_call, 1, p, [var(1, '%0')], true},
    Captured = {make_fun, 1, '-f/0-fun-0-', [{clause, 1, [var(1, '%0')], [], [Call]}]},
    [{make_fun, 1, _, [{clause, _, _, _, Inner}]}] = transformed([Captured]),
    ?assertMatch([{'orelse', 0, {value, 0, false}, {local_call, 1, p, _, true}}], Inner).

a_condition_over_several_lines_is_read_from_the_top_test() ->
    %% 1: cond do
    %% 2:   x > 1 -> f()
    %% 3:   g() and
    %% 4:       h() -> i()
    And = {'case', 3, remote(3, g, []), [
        clause(3, [{value, 3, false}]), {clause, 3, [{value, 3, true}], [], [remote(4, h, [])]}
    ]},
    Second = {'case', 4, And, [{clause, 4, [{value, 4, true}], [], [remote(4, i, [])]}]},
    First = {'case', 1, {op, 2, '>', [var(2, x), {value, 2, 1}]}, [
        {clause, 2, [{value, 2, true}], [], [remote(2, f, [])]}, {clause, 4, [{value, 4, false}], [], [Second]}
    ]},
    [{'case', 1, _, [_, {clause, _, _, _, [Rest]}]}] = transformed([First]),
    ?assertMatch({'case', 3, {'case', 3, _, [_, {clause, _, _, _, [{call_remote, 4, _, h, _, _}]}]}, _}, Rest).

a_macro_that_returns_constant_code_is_entered_at_its_head_test() ->
    Row = fun(Name) -> [{{?M, Name, 2, true}, [clause(3, [{value, 0, {quoted, [], []}}])]}] end,
    ?assertMatch([{_, [{clause, 3, _, _, [{value, 3, _}]}]}], ecd_rows:transform(Row('MACRO-m'), #{})),
    ?assertMatch([{_, [{clause, 3, _, _, [{value, 0, _}]}]}], ecd_rows:transform(Row(f), #{})).

a_closure_that_takes_a_pipelines_value_is_a_stage_of_it_test() ->
    %% 1: x
    %% 2: |> f()
    %% 3: |> then(fn v -> v end)
    Then = {make_fun, 3, '-f/0-fun-0-', [{clause, 3, [var(3, v)], [], [var(3, v)]}]},
    ?assertMatch(
        [{match, 2, {var, 2, '%p1'}, _}, {apply_fun, 3, {make_fun, 3, _, _}, [{var, 2, '%p1'}], false}],
        transformed([{apply_fun, 3, Then, [remote(2, f, [var(1, x)])], false}])
    ).

a_tail_call_stays_one_test() ->
    ?assertMatch([_, {call_remote, -1, _, g, [], true}], transformed([remote(1, f, []), tail(1, ?M, g, [])])),
    %% Not where the callee calls closures and returns.
    Closure = {make_fun, 1, '-f/0-fun-0-', [clause(1, [var(1, x)])]},
    ?assertMatch(
        [{match, 1, _, {call_remote, 1, lists, map, _, false}}, {var, -1, _}],
        transformed([tail(1, lists, map, [Closure, var(1, l)])])
    ).

a_call_of_dbg_is_one_stop_test() ->
    %% 1: dbg(case x do
    %% 2:   _ -> f()
    %% 3: end); 4: h()
    Case = {'case', 1, var(1, x), [clause(2, [remote(2, f, []), remote(1, g, [])])]},
    Dbg = {call_remote, 1, 'Elixir.Macro', '__dbg__', [var(1, d), {value, 1, <<"h">>}, {value, 1, []}], false},
    Pair = {match, 1, var(1, d), Case},
    Body = [{match, 1, var(1, o), {value, 1, []}}, Pair, var(1, d), Dbg, remote(4, h, [])],
    [Options, Marked | Rest] = transformed(Body),
    ?assertEqual([1, -1, -1, -1, 4], lines([Options, Marked | Rest])),
    {match, -1, _, {match, 1, _, {'case', 1, _, [{clause, _, _, _, Inner}]}}} = Marked,
    ?assertEqual([2, -1], lines(Inner)),
    %% What follows on other lines is not its business.
    ?assertEqual([1, 2, 1], lines(transformed([var(1, a), remote(2, f, []), remote(1, g, [])]))).

local_calls_of_exported_functions_become_remote_test() ->
    Body = [
        {local_call, 1, e, [var(1, x)], false},
        {local_call, 2, p, [var(2, x)], false},
        {value, 3, {local_call, 3, e, [1], false}}
    ],
    [{{?M, f, 0, true}, [{clause, _, _, _, Got}]}] = ecd_rows:transform(rows(Body), #{{e, 1} => true}),
    ?assertEqual(
        [{call_remote, 1, ?M, e, [var(1, x)], false}, {local_call, 2, p, [var(2, x)], false}, lists:last(Body)],
        Got
    ).

a_pair_stands_where_its_parts_do_test() ->
    ?assertEqual([7], lines(transformed([{tuple, 5, [{value, 5, noreply}, var(7, state)]}]))).

%% --- ecd_lines ---

lines_know_their_functions_test() ->
    Rows = [
        {{?M, f, 1, true}, [clause(1, [tail(1, ?M, f, [var(1, x), {value, 1, 10}])])]},
        {{?M, f, 2, true}, [clause(1, [remote(1, g, []), remote(2, h, [])])]},
        {{?M, p, 0, false}, [clause(4, [var(5, x)])]}
    ],
    ?assertEqual([{1, [{f, 2}]}, {2, [{f, 2}]}, {5, [{p, 0}]}], ecd_lines:index(Rows)),
    ?assertEqual([{{f, 1}, 1, 1, true}, {{f, 2}, 1, 2, true}, {{p, 0}, 4, 5, false}], ecd_lines:functions(Rows)).

%% --- ecd_scope ---

only_what_was_bound_on_the_way_is_visible_test() ->
    Clauses = [
        {clause, 1, [var(1, '_x@1')], [], [
            {match, 2, var(2, '_x@2'), remote(2, f, [])},
            {'case', 3, var(3, '_x@2'), [
                {clause, 4, [var(4, '_a@1')], [], [{match, 4, var(4, '_x@3'), remote(4, g, [])}, var(5, '_x@3')]}
            ]},
            remote(6, h, [])
        ]}
    ],
    Bindings = [{'_x@1', 1}, {'_x@2', 2}, {'_x@3', 3}, {'_a@1', a}, {'_@1', t}, {'%p1', p}],
    ?assertEqual([{<<"x">>, 1, '_x@1'}], ecd_scope:visible(Clauses, 2, Bindings)),
    ?assertEqual([{<<"x">>, 2, '_x@2'}], ecd_scope:visible(Clauses, 3, Bindings)),
    ?assertEqual([{<<"a">>, a, '_a@1'}, {<<"x">>, 3, '_x@3'}], ecd_scope:visible(Clauses, 5, Bindings)),
    ?assertEqual([{<<"x">>, 2, '_x@2'}], ecd_scope:visible(Clauses, 6, Bindings)).

else_clauses_of_a_with_see_none_of_its_variables_test() ->
    %% with {:ok, a} <- f(), ⏎ {:ok, b} <- g(), do: h(), else: (c -> ⏎ i(c))
    Else = {'case', 0, var(1, '_@1'), [{clause, 1, [var(3, '_c@1')], [], [remote(3, i, [var(3, '_c@1')])]}]},
    Otherwise = {clause, 1, [var(1, '_@1')], [], [Else]},
    Second = {'case', 2, remote(2, g, []), [{clause, 2, [var(2, '_b@1')], [], [remote(2, h, [])]}, Otherwise]},
    With = {'case', 1, remote(1, f, []), [{clause, 1, [var(1, '_a@1')], [], [Second]}, Otherwise]},
    Clauses = [{clause, 1, [var(1, '_x@1')], [], [With]}],
    Bindings = [{'_x@1', 1}, {'_a@1', 2}, {'_c@1', 3}, {'_@1', 3}],
    ?assertEqual([{<<"c">>, 3, '_c@1'}, {<<"x">>, 1, '_x@1'}], ecd_scope:visible(Clauses, 3, Bindings)),
    ?assertEqual([{<<"a">>, 2, '_a@1'}, {<<"x">>, 1, '_x@1'}], ecd_scope:visible(Clauses, 2, Bindings)).

erlang_exports_what_all_clauses_bind_test() ->
    Clauses = [
        {clause, 1, [], [], [
            {'case', 2, {value, 2, v}, [
                {clause, 3, [{value, 3, v}], [], [{match, 3, var(3, 'Both'), {value, 3, 1}}]},
                {clause, 4, [var(4, '_')], [], [
                    {match, 4, var(4, 'Both'), {value, 4, 2}},
                    {match, 4, var(4, 'One'), {value, 4, 3}}
                ]}
            ]},
            remote(5, f, [])
        ]}
    ],
    Bindings = [{'Both', 1}, {'One', 3}],
    ?assertEqual([{<<"Both">>, 1, 'Both'}], ecd_scope:visible(Clauses, 5, Bindings)).

beyond_ten_versions_the_highest_counts_test() ->
    Bind = fun(N) -> {match, N, var(N, list_to_atom("_v@" ++ integer_to_list(N))), {value, N, N}} end,
    Clauses = [{clause, 1, [], [], [Bind(N) || N <- lists:seq(1, 12)] ++ [remote(13, f, [])]}],
    Bindings = [{list_to_atom("_v@" ++ integer_to_list(N)), N} || N <- lists:seq(1, 12)],
    ?assertEqual([{<<"v">>, 12, '_v@12'}], ecd_scope:visible(Clauses, 13, Bindings)).

names_are_those_of_the_source_test() ->
    Names = ['_x@3', '__from@1', '_ok?@12', '_@1', '_1', '_', '%p1', 'State', '_Unused', '_a@B@C@2'],
    ?assertEqual(
        [{<<"x">>, 3}, {<<"_from">>, 1}, {<<"ok?">>, 12}, none, none, none, none, {<<"State">>, 0}, {<<"_Unused">>, 0},
         {<<"a (B.C)">>, 2}],
        [ecd_scope:name(Name) || Name <- Names]
    ).

stages_of_a_pipeline_are_named_in_order_test() ->
    Bindings = [{'%p10', j}, {'_x@1', 1}, {'%p2', b}, {'%p1', a}, {'%0', t}],
    ?assertEqual([{<<"%p1">>, a}, {<<"%p2">>, b}, {<<"%p10">>, j}], ecd_scope:pipeline(Bindings)).

%% --- rows in short ---

transformed(Body) ->
    [{_, [{clause, _, _, _, Transformed}]}] = ecd_rows:transform(rows(Body), #{}),
    Transformed.

rows(Body) ->
    [{{?M, f, 0, true}, [clause(1, Body)]}].

clause(Line, Body) -> {clause, Line, [], [], Body}.

remote(Line, F, Args) -> {call_remote, Line, other, F, Args, false}.

tail(Line, M, F, Args) -> {call_remote, Line, M, F, Args, true}.

var(Line, Name) -> {var, Line, Name}.

lines(Body) -> [element(2, E) || E <- Body].
