%% What is kept on disk reads back as it was written or not at all, whatever happens to the files.
-module(ecd_disk_tests).

-include_lib("eunit/include/eunit.hrl").
-include_lib("kernel/include/file.hrl").

-define(DEADLINE, 60000).
-define(MODULES, ['Elixir.Enum', 'Elixir.Bitwise']).

what_is_written_is_read_by_its_key_test() ->
    Key = key(),
    ?assertEqual(missing, ecd_disk:read(rows, Key)),
    ok = ecd_disk:write(rows, Key, {rows, fun lists:map/2, <<"text">>}),
    ?assertEqual({ok, {rows, fun lists:map/2, <<"text">>}}, ecd_disk:read(rows, Key)),
    ?assertEqual(missing, ecd_disk:read(rows, key())).

a_damaged_entry_is_counted_and_dropped_test_() ->
    [
        {Name, fun() ->
            Key = key(),
            File = written(Key),
            {ok, Bytes} = file:read_file(File),
            ok = file:write_file(File, Damage(Bytes)),
            #{corrupt := Before} = ecd_disk:metrics(),
            ?assertEqual(missing, ecd_disk:read(rows, Key)),
            ?assertEqual(Before + 1, maps:get(corrupt, ecd_disk:metrics())),
            ?assertNot(filelib:is_file(File)),
            ok = ecd_disk:write(rows, Key, again),
            ?assertEqual({ok, again}, ecd_disk:read(rows, Key))
        end}
     || {Name, Damage} <- [
            {"one bit", fun(Bytes) -> flip(Bytes, byte_size(Bytes) - 3) end},
            {"its checksum", fun(Bytes) -> flip(Bytes, 7) end},
            {"torn", fun(Bytes) -> binary:part(Bytes, 0, byte_size(Bytes) div 2) end},
            {"empty", fun(_) -> <<>> end},
            {"of another kind", fun(_) -> <<"something else altogether, of some length">> end}
        ]
    ].

what_is_written_aside_is_there_when_that_has_settled_test() ->
    Keys = [key() || _ <- lists:seq(1, 5)],
    [ok = ecd_disk:write_aside(rows, Key, <<"text">>) || Key <- Keys],
    ok = ecd_disk:settle(?DEADLINE),
    ?assertEqual(0, ecd_disk:writing()),
    ?assertEqual([{ok, <<"text">>}], lists:usort([ecd_disk:read(rows, Key) || Key <- Keys])).

the_entry_of_another_key_is_not_taken_for_it_test() ->
    [One, Other] = [key(), key()],
    {ok, _} = file:copy(written(One), written(Other)),
    ?assertEqual(missing, ecd_disk:read(rows, Other)),
    ?assertMatch({ok, _}, ecd_disk:read(rows, One)).

a_reader_never_meets_half_an_entry_test() ->
    Key = key(),
    Value = fun(N) -> {N, binary:copy(<<N:32>>, 50000)} end,
    ok = ecd_disk:write(rows, Key, Value(0)),
    Write = fun(N) -> lists:foreach(fun(_) -> ecd_disk:write(rows, Key, Value(N)) end, lists:seq(1, 30)) end,
    Writers = [spawn_monitor(fun() -> Write(N) end) || N <- [1, 2]],
    Read = fun Read(Running) ->
        {ok, {N, _} = Found} = ecd_disk:read(rows, Key),
        ?assertEqual(Value(N), Found),
        receive
            {'DOWN', _, process, _, Reason} -> ?assertEqual(normal, Reason), Running > 1 andalso Read(Running - 1)
        after 0 -> Read(Running)
        end
    end,
    Read(length(Writers)).

what_nobody_has_used_for_long_goes_test() ->
    [Old, New] = [key(), key()],
    [OldFile, _] = [written(Old), written(New)],
    Draft = OldFile ++ ".1-2",
    ok = file:write_file(Draft, <<"half">>),
    [ok = age(File) || File <- [OldFile, Draft]],
    ok = ecd_disk:tidy(),
    ?assertEqual(missing, ecd_disk:read(rows, Old)),
    ?assertMatch({ok, _}, ecd_disk:read(rows, New)),
    ?assertNot(filelib:is_file(Draft)),
    #{diskEntries := Entries, diskBytes := Bytes} = ecd_disk:metrics(),
    ok = ecd_disk:write(rows, key(), more),
    ?assertEqual(Entries + 1, maps:get(diskEntries, ecd_disk:metrics())),
    ?assert(maps:get(diskBytes, ecd_disk:metrics()) > Bytes).

using_an_entry_keeps_it_test() ->
    Key = key(),
    ok = age(written(Key)),
    {ok, _} = ecd_disk:read(rows, Key),
    ok = ecd_disk:tidy(),
    ?assertMatch({ok, _}, ecd_disk:read(rows, Key)).

a_module_is_prepared_from_disk_the_next_time_however_small_test_() ->
    [{timeout, 60, fun() -> next_time(Mod) end} || Mod <- ?MODULES].

next_time(Mod) ->
    ok = ecd_fixture:elixir(),
    _ = [ok = file:delete(File) || File <- entries()],
    ok = ecd_disk:tidy(),
    {First, Rows} = prepared(Mod),
    ?assertMatch(#{cached := false, disk := false}, First),
    ok = until(fun() -> maps:get(diskEntries, ecd_disk:metrics()) > 0 end),
    {Second, Same} = prepared(Mod),
    ?assertMatch(#{cached := false, disk := true}, Second),
    ?assertEqual(Rows, Same).

%% In a session of its own: what is known of the module, and all of its rows.
prepared(Mod) ->
    ecd_scene:with([], fun() ->
        {ok, Bytecode} = file:read_file(code:which(Mod)),
        {ok, Info} = ecd_engine:prepare(Mod, Bytecode, <<"test">>),
        {Info, lists:sort(ets:tab2list(ecd_state:get({prepared, Mod}, none)))}
    end).

key() -> {?MODULE, erlang:unique_integer()}.

%% Other tests keep rows in the same folder at the same time.
written(Key) ->
    ok = ecd_disk:write(rows, Key, some_value),
    Digest = string:lowercase(binary_to_list(binary:encode_hex(erlang:md5(term_to_binary(Key))))),
    File = filename:join(folder(), Digest ++ ".kept"),
    ?assert(filelib:is_regular(File)),
    File.

flip(Bytes, At) ->
    <<Before:At/binary, Byte, After/binary>> = Bytes,
    <<Before/binary, (Byte bxor 1), After/binary>>.

entries() -> filelib:wildcard(filename:join(folder(), "*.kept")).

folder() -> filename:join([filename:dirname(code:which(ecd_disk)), "..", "rows"]).

age(File) ->
    file:write_file_info(File, #file_info{mtime = erlang:system_time(second) - 40 * 24 * 60 * 60}, [{time, posix}]).

until(Holds) ->
    until(Holds, erlang:monotonic_time(millisecond) + ?DEADLINE).

until(Holds, Deadline) ->
    case Holds() of
        true -> ok;
        false ->
            ?assert(erlang:monotonic_time(millisecond) < Deadline),
            timer:sleep(5),
            until(Holds, Deadline)
    end.
