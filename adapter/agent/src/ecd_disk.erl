%% What took the agent long to compute, kept on disk between sessions: beside its beams, in the folder that the adapter
%% makes for one OTP release and one version of the agent. What does not read back as it was written is dropped, never
%% used. Knows no contents; an agent that was pushed into a node has no folder and keeps nothing.
-module(ecd_disk).

-include_lib("kernel/include/file.hrl").

-export([read/2, write/3, write_aside/3, writing/0, settle/1, tidy/0, metrics/0]).

%% A folder of its own. `rows` are what the metrics count; only of them there may be too many.
-type kind() :: rows | rebuilt | beams | ahead.

-define(MAGIC, "ecd1").
-define(COUNTERS, {?MODULE, counters}).
-define(HOME, {?MODULE, home}).
-define(HITS, 1).
-define(MISSES, 2).
-define(CORRUPT, 3).
-define(ENTRIES, 4).
-define(BYTES, 5).
-define(WRITING, 6).
%% Bytes of all entries of a kind together; the least recently used go first.
-define(LIMIT, 64 * 1024 * 1024).
%% Seconds since its last use after which an entry goes, and after which an unfinished one is another's leftover.
-define(LIFETIME, 30 * 24 * 60 * 60).
-define(ABANDONED, 60 * 60).

%% ms between two looks whether all is written.
-define(BETWEEN_LOOKS, 5).

-spec read(kind(), Key :: term()) -> {ok, term()} | missing.
read(Kind, Key) ->
    case folder(Kind) of
        {ok, Folder} -> read(Kind, Key, file(Folder, Key));
        none -> missing
    end.

read(Kind, Key, File) ->
    case ecd_file:read(File) of
        {ok, Bytes} ->
            case opened(Bytes, Key) of
                {ok, Value} ->
                    count(Kind, ?HITS, 1),
                    _ = used(File),
                    {ok, Value};
                corrupt ->
                    count(Kind, ?MISSES, 1),
                    ok = counters:add(counters(), ?CORRUPT, 1),
                    drop(Kind, File, byte_size(Bytes)),
                    missing
            end;
        {error, _} ->
            count(Kind, ?MISSES, 1),
            missing
    end.

%% The checksum covers the key: an entry under another's name is as bad as a torn one.
opened(<<?MAGIC, Sum:16/binary, Body/binary>>, Key) ->
    case erlang:md5(Body) =:= Sum andalso binary_to_term(Body) of
        {Key, Value} -> {ok, Value};
        _ -> corrupt
    end;
opened(_Bytes, _Key) ->
    corrupt.

%% Appears whole or not at all, also when two VMs write the same at once. A folder that cannot be written costs time
%% only.
-spec write(kind(), Key :: term(), Value :: term()) -> ok.
write(Kind, Key, Value) ->
    case folder(Kind) of
        {ok, Folder} -> write(Kind, Key, Value, file(Folder, Key));
        none -> ok
    end.

write(Kind, Key, Value, File) ->
    Body = term_to_binary({Key, Value}, [{compressed, 1}]),
    Draft = [File, ".", integer_to_list(erlang:unique_integer([positive])), "-", os:getpid()],
    _ = filelib:ensure_dir(File),
    Written = file:write_file(Draft, [?MAGIC, erlang:md5(Body), Body], [raw]),
    case Written =:= ok andalso file:rename(Draft, File) of
        ok ->
            count(Kind, ?ENTRIES, 1),
            count(Kind, ?BYTES, byte_size(Body)),
            Kind =:= rows andalso counters:get(counters(), ?BYTES) > ?LIMIT andalso tidy(rows),
            ok;
        _ ->
            _ = file:delete(Draft, [raw]),
            ok
    end.

%% The same where nobody waits for it.
-spec write_aside(kind(), Key :: term(), Value :: term()) -> ok.
write_aside(Kind, Key, Value) ->
    Counters = counters(),
    ok = counters:add(Counters, ?WRITING, 1),
    Write = fun() ->
        try
            write(Kind, Key, Value)
        after
            counters:sub(Counters, ?WRITING, 1)
        end
    end,
    _ = spawn_opt(Write, [{priority, low}]),
    ok.

%% How many processes write aside at this moment.
-spec writing() -> non_neg_integer().
writing() ->
    counters:get(counters(), ?WRITING).

%% Waits until all of that is written, so many ms at most.
-spec settle(non_neg_integer()) -> ok.
settle(Patience) ->
    settled(erlang:monotonic_time(millisecond) + Patience).

settled(Deadline) ->
    case writing() > 0 andalso erlang:monotonic_time(millisecond) < Deadline of
        true -> receive after ?BETWEEN_LOOKS -> settled(Deadline) end;
        false -> ok
    end.

%% Removes what is old or too much, and counts the rows.
-spec tidy() -> ok.
tidy() ->
    lists:foreach(fun tidy/1, [rows, rebuilt, beams, ahead]).

tidy(Kind) ->
    case folder(Kind) of
        {ok, Folder} -> tidy(Kind, Folder, erlang:system_time(second));
        none -> ok
    end.

tidy(Kind, Folder, Now) ->
    {Drafts, Entries} = lists:partition(fun is_draft/1, files(Folder)),
    Old = [F || {{Time, _}, _} = F <- Entries, Now - Time > ?LIFETIME] ++
        [F || {{Time, _}, _} = F <- Drafts, Now - Time > ?ABANDONED],
    {Kept, Bytes, TooMuch} = lists:foldl(fun fit/2, {0, 0, []}, lists:reverse(lists:sort(Entries -- Old))),
    _ = [file:delete(File, [raw]) || {_, File} <- Old ++ TooMuch],
    _ = [counters:put(counters(), At, Value) || Kind =:= rows, {At, Value} <- [{?ENTRIES, Kept}, {?BYTES, Bytes}]],
    ok.

fit({{_, Size}, _}, {Kept, Bytes, TooMuch}) when Bytes + Size =< ?LIMIT -> {Kept + 1, Bytes + Size, TooMuch};
fit(File, {Kept, Bytes, TooMuch}) -> {Kept, Bytes, [File | TooMuch]}.

files(Folder) ->
    case file:list_dir(Folder) of
        {ok, Names} ->
            Files = [filename:join(Folder, Name) || Name <- Names],
            [{Stamp, File} || File <- Files, Stamp <- [ecd_file:stamp(File)], Stamp =/= none];
        {error, _} ->
            []
    end.

is_draft({_, File}) ->
    filename:extension(File) =/= ".kept".

%% Counts, and bytes, of rows on disk.
-spec metrics() -> #{atom() => non_neg_integer()}.
metrics() ->
    Value = fun(At) -> max(0, counters:get(counters(), At)) end,
    #{
        diskHits => Value(?HITS),
        diskMisses => Value(?MISSES),
        corrupt => Value(?CORRUPT),
        diskEntries => Value(?ENTRIES),
        diskBytes => Value(?BYTES)
    }.

count(rows, At, Increment) -> counters:add(counters(), At, Increment);
count(_Kind, _At, _Increment) -> ok.

counters() ->
    case persistent_term:get(?COUNTERS, none) of
        none ->
            persistent_term:put(?COUNTERS, counters:new(?WRITING, [])),
            counters();
        Counters ->
            Counters
    end.

drop(Kind, File, Size) ->
    _ = file:delete(File, [raw]),
    count(Kind, ?ENTRIES, -1),
    count(Kind, ?BYTES, -Size).

%% For whoever tidies up.
used(File) ->
    file:write_file_info(File, #file_info{mtime = erlang:system_time(second)}, [raw, {time, posix}]).

folder(Kind) ->
    case home() of
        none -> none;
        Home -> {ok, filename:join(Home, atom_to_list(Kind))}
    end.

%% Asked for once: the code server may be busy with what is prepared meanwhile.
home() ->
    case persistent_term:get(?HOME, unknown) of
        unknown ->
            Home = beside(code:which(?MODULE)),
            persistent_term:put(?HOME, Home),
            Home;
        Home ->
            Home
    end.

beside(Beam) when is_list(Beam), Beam =/= [] ->
    case filename:basename(filename:dirname(Beam)) of
        "ebin" -> filename:dirname(filename:dirname(Beam));
        _ -> none
    end;
beside(_) ->
    none.

file(Folder, Key) ->
    Digest = string:lowercase(binary_to_list(binary:encode_hex(erlang:md5(term_to_binary(Key))))),
    filename:join(Folder, Digest ++ ".kept").
