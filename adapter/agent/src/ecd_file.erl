%% What the agent asks the file system: directly, not through the file server, which everybody else's files go through
%% and which turns every time into local time. Knows no meaning of a file.
-module(ecd_file).

-include_lib("kernel/include/file.hrl").

-export([read/1, is_regular/1, written/1, stamp/1, settled/1]).

%% Seconds; some file systems know the time to two.
-define(SETTLED, 3).

-spec read(file:filename_all()) -> {ok, binary()} | {error, file:posix() | badarg}.
read(Path) ->
    prim_file:read_file(Path).

-spec is_regular(file:filename_all()) -> boolean().
is_regular(Path) ->
    case info(Path) of
        {ok, #file_info{type = regular}} -> true;
        _ -> false
    end.

%% When it was written last: seconds since 1970, 0 if it is not there.
-spec written(file:filename_all()) -> integer().
written(Path) ->
    case info(Path) of
        {ok, #file_info{mtime = Time}} -> Time;
        {error, _} -> 0
    end.

%% Time of its last writing, in seconds, and size in bytes.
-spec stamp(file:filename_all()) -> {integer(), non_neg_integer()} | none.
stamp(Path) ->
    case info(Path) of
        {ok, #file_info{mtime = Time, size = Size}} -> {Time, Size};
        {error, _} -> none
    end.

%% The stamp, if a later writing would change it: a file can be written twice in a moment without a trace.
-spec settled(Stamp | none) -> Stamp | none when Stamp :: {integer(), non_neg_integer()}.
settled({Written, _} = Stamp) ->
    case erlang:system_time(second) - Written > ?SETTLED of
        true -> Stamp;
        false -> none
    end;
settled(none) ->
    none.

info(Path) ->
    file:read_file_info(Path, [raw, {time, posix}]).
