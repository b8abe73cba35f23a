%% The configure arguments, readable from any process without a message. Holds no other state.
-module(ecd_config).

-export([set/1, get/1, all/0, erase/0]).

-define(KEY, {?MODULE, config}).

%% Args: ConfigureArgs of protocol/agent.ts, keys as atoms, text as binaries, null as nil.
-spec set(map()) -> ok.
set(Args) ->
    persistent_term:put(?KEY, maps:merge(defaults(), Args)).

-spec get(atom()) -> term().
get(Key) ->
    maps:get(Key, all()).

-spec all() -> map().
all() ->
    persistent_term:get(?KEY, defaults()).

-spec erase() -> ok.
erase() ->
    _ = persistent_term:erase(?KEY),
    ok.

defaults() ->
    #{
        engine => <<"auto">>,
        projectDir => <<".">>,
        justMyCode => true,
        stepFilters => [],
        autoInterpretAllModules => true,
        interpretPatterns => [],
        excludeModules => [],
        stackTraceMode => nil,
        breakOnDbg => true,
        stopOnEntry => false,
        pauseOthers => false,
        noDebug => false,
        memoryThreshold => 100 * 1024 * 1024,
        evaluateTimeout => 5000,
        script => nil,
        attach => false,
        program => <<"mix">>,
        task => nil,
        taskArgs => [],
        startApps => false,
        requireFiles => [],
        exitAfterTaskReturns => true,
        console => <<"internal">>
    }.
