%% Runs every EUnit module on the code path that lies beside this one, and ends the VM. Compiles nothing.
%%
%%     erl -noinput -pa SRC -pa TEST -ecd_standin STANDIN -s ecd_eunit main [Module …]
-module(ecd_eunit).
-behaviour(eunit_listener).

%% Seconds; the runner waits longer for a whole module.
-define(PATIENCE, 200).

-export([main/0, main/1, start/1]).
-export([init/1, handle_begin/3, handle_end/3, handle_cancel/3, terminate/2]).

-spec main() -> no_return().
main() ->
    main([]).

%% Only these modules, or all.
-spec main([module()]) -> no_return().
main(Only) ->
    Dir = filename:dirname(code:which(?MODULE)),
    Files = filelib:wildcard(filename:join(Dir, "*_tests.beam")),
    Mods = [list_to_atom(filename:basename(File, ".beam")) || File <- Files],
    Chosen = [Mod || Mod <- lists:sort(Mods), Only =:= [] orelse lists:member(Mod, Only)],
    Result = eunit:test([patient(Mod) || Mod <- Chosen], [no_tty, {report, {?MODULE, [{parent, self()}]}}]),
    Counts =
        receive
            {?MODULE, Passed, Failed} -> {Passed, Failed}
        after 5000 ->
            {0, 1}
        end,
    {Good, Bad} = Counts,
    io:format("~b passed, ~b failed~n", [Good, Bad]),
    halt(case {Result, Bad, Good} of {ok, 0, N} when N > 0 -> 0; _ -> 1 end).

%% A module's tests with time enough for a machine that does much else: EUnit gives a test five seconds and stops it in
%% the middle, and what it leaves behind fails those after it. A test that hangs still ends.
patient(Mod) ->
    Functions = [atom_to_list(F) || {F, 0} <- Mod:module_info(exports)],
    {atom_to_list(Mod), [
        test(Mod, list_to_atom(Name), lists:suffix("_test_", Name))
     || Name <- Functions, lists:suffix("_test", Name) orelse lists:suffix("_test_", Name)
    ]}.

test(Mod, Name, true) -> {generator, fun() -> {atom_to_list(Name), patiently(Mod:Name())} end};
test(Mod, Name, false) -> {atom_to_list(Name), patiently(fun Mod:Name/0)}.

patiently(Tests) when is_list(Tests) -> [patiently(Test) || Test <- Tests];
patiently({timeout, _, Test}) -> {timeout, ?PATIENCE, Test};
patiently({setup, Setup, Cleanup, Tests}) when is_function(Tests, 1) ->
    {setup, Setup, Cleanup, fun(Value) -> patiently(Tests(Value)) end};
patiently({setup, Setup, Cleanup, Tests}) -> {setup, Setup, Cleanup, patiently(Tests)};
patiently({setup, Setup, Tests}) when is_function(Tests, 1) ->
    {setup, Setup, fun(Value) -> patiently(Tests(Value)) end};
patiently({setup, Setup, Tests}) -> {setup, Setup, patiently(Tests)};
patiently({Line, Test}) when is_integer(Line) -> {timeout, ?PATIENCE, {Line, Test}};
patiently({Title, Test}) -> {Title, patiently(Test)};
patiently(Test) when is_function(Test, 0) -> {timeout, ?PATIENCE, Test}.

-spec start(list()) -> pid().
start(Options) ->
    eunit_listener:start(?MODULE, Options).

-spec init(list()) -> map().
init(Options) ->
    #{parent => proplists:get_value(parent, Options), passed => 0, failed => 0}.

-spec handle_begin(atom(), list(), map()) -> map().
handle_begin(_Kind, _Data, State) ->
    State.

-spec handle_end(atom(), list(), map()) -> map().
handle_end(test, Data, State) ->
    case proplists:get_value(status, Data) of
        ok ->
            count(passed, State);
        {skipped, _} ->
            State;
        {error, {Class, Reason, Stack}} ->
            io:format("~ts~n    ~p: ~p~n    ~p~n", [name(Data), Class, Reason, Stack]),
            count(failed, State)
    end;
handle_end(_Kind, _Data, State) ->
    State.

-spec handle_cancel(atom(), list(), map()) -> map().
handle_cancel(_Kind, Data, State) ->
    case proplists:get_value(reason, Data) of
        undefined ->
            State;
        Reason ->
            io:format("~ts~n    cancelled: ~p~n", [name(Data), Reason]),
            count(failed, State)
    end.

-spec terminate(term(), map()) -> ok.
terminate(_Result, #{parent := Parent, passed := Passed, failed := Failed}) ->
    Parent ! {?MODULE, Passed, Failed},
    ok.

count(Key, State) ->
    maps:update_with(Key, fun(N) -> N + 1 end, State).

name(Data) ->
    case {proplists:get_value(source, Data), proplists:get_value(desc, Data)} of
        {{M, F, _}, undefined} -> io_lib:format("~p:~p", [M, F]);
        {{M, F, _}, Desc} -> io_lib:format("~p:~p: ~ts", [M, F, Desc]);
        {undefined, Desc} -> io_lib:format("~ts", [Desc])
    end.
