%% What beams say of themselves is right, whatever an earlier session has read.
-module(ecd_beams_tests).

-include_lib("eunit/include/eunit.hrl").

-define(ONE, <<"/nowhere/one.erl">>).
-define(TWO, <<"/nowhere/two.erl">>).

a_beam_that_has_not_changed_is_not_read_again_test_() ->
    with_build(fun(Dir, Beam) ->
        ok = write(Beam, ?ONE, long_ago()),
        ?assertEqual({[tale], []}, sources(Dir)),
        %% As large and as old as before: nobody can see the difference, so the old answer shows that it was kept.
        ok = write(Beam, ?TWO, long_ago()),
        ?assertEqual({[tale], []}, sources(Dir))
    end).

a_beam_that_has_changed_is_read_again_test_() ->
    with_build(fun(Dir, Beam) ->
        ok = write(Beam, ?ONE, long_ago()),
        ?assertEqual({[tale], []}, sources(Dir)),
        ok = write(Beam, ?TWO, long_ago() + 10),
        ?assertEqual({[], [tale]}, sources(Dir))
    end).

%% Within a second it can change twice without a trace.
a_beam_that_was_just_written_is_read_again_test_() ->
    with_build(fun(Dir, Beam) ->
        Soon = erlang:system_time(second) + 60,
        ok = write(Beam, ?ONE, Soon),
        ?assertEqual({[tale], []}, sources(Dir)),
        ok = write(Beam, ?TWO, Soon),
        ?assertEqual({[], [tale]}, sources(Dir))
    end).

a_beam_that_is_gone_is_forgotten_test_() ->
    with_build(fun(Dir, Beam) ->
        ok = write(Beam, ?ONE, long_ago()),
        ?assertEqual({[tale], []}, sources(Dir)),
        ok = file:delete(Beam),
        ?assertEqual({[], []}, sources(Dir))
    end).

what_is_no_beam_names_no_source_test_() ->
    with_build(fun(Dir, Beam) ->
        ok = file:write_file(Beam, <<"FOR1 and no more">>),
        ?assertEqual({[], []}, sources(Dir)),
        ?assertEqual([], in_session(Dir, fun ecd_beams:files/0))
    end).

a_compressed_beam_names_its_source_too_test_() ->
    with_build(fun(Dir, Beam) ->
        ok = file:write_file(Beam, zlib:gzip(bytecode(?ONE))),
        ?assertEqual({[tale], []}, sources(Dir))
    end).

with_build(Test) ->
    {timeout, 60, fun() ->
        ok = ecd_fixture:elixir(),
        Dir = ecd_fixture:folder(),
        Beam = filename:join([Dir, "_build", "dev", "lib", "tale", "ebin", "tale.beam"]),
        ok = filelib:ensure_dir(Beam),
        try
            Test(Dir, Beam)
        after
            ecd_fixture:remove(Dir)
        end
    end}.

%% What a new session knows of either source.
sources(Dir) ->
    in_session(Dir, fun() -> {ecd_beams:from(?ONE), ecd_beams:from(?TWO)} end).

in_session(Dir, Fun) ->
    ecd_fixture:with_session(Dir, Fun).

write(Beam, Source, Time) ->
    ok = file:write_file(Beam, bytecode(Source)),
    Local = calendar:system_time_to_local_time(Time, second),
    file:change_time(Beam, Local).

bytecode(Source) ->
    Forms = [{attribute, 1, module, tale}],
    {ok, tale, Bytecode} = compile:forms(Forms, [{source, binary_to_list(Source)}]),
    Bytecode.

long_ago() ->
    1700000000.
