%% Absolute file names without symbolic links, so that a name from the editor compares equal to one that the compiler
%% wrote down, also after a project was moved. What directories resolve to is kept in the table of ecd_modules; reads no
%% file's content.
-module(ecd_paths).

-export([canonical/1, located/2, copied/2, directory/1, text/1]).

-define(TABLE, ecd_modules).

%% The file itself may be a link: only its directories are resolved.
-spec canonical(file:filename_all()) -> binary().
canonical(Path) ->
    case parts(Path) of
        [Root] -> Root;
        [File | Dirs] -> filename:join(resolved(Dirs, 40), File)
    end.

%% What was built elsewhere (OTP, Elixir, a release, a project that was moved since) names files of where it was built.
%% The same file may lie in one of the folders: looked for by ever shorter ends of its path. Unchanged if it lies in
%% none.
-spec located(file:filename_all(), [file:filename_all()]) -> binary().
located(Path, Folders) ->
    Source = canonical(Path),
    case is_file(Source) of
        true ->
            Source;
        false ->
            case lists:append([below(Folder, tl(filename:split(Source))) || Folder <- Folders]) of
                [Found | _] -> canonical(Found);
                [] -> Source
            end
    end.

%% The file in the folder that a file elsewhere was copied to: by the longest end of its path that lies there, if both
%% hold the same. The file itself otherwise.
-spec copied(binary(), binary()) -> binary().
copied(Source, Folder) ->
    case below(Folder, tl(filename:split(Source))) of
        [Copy] ->
            case {ecd_file:read(Copy), ecd_file:read(Source)} of
                {{ok, Same}, {ok, Same}} -> canonical(Copy);
                _ -> Source
            end;
        [] ->
            Source
    end.

below(_Folder, []) ->
    [];
below(Folder, Parts) ->
    Candidate = filename:join([Folder | Parts]),
    case is_file(Candidate) of
        true -> [Candidate];
        false -> below(Folder, tl(Parts))
    end.

is_file(Path) ->
    ecd_file:is_regular(Path).

-spec directory(file:filename_all()) -> binary().
directory(Dir) ->
    case ets:lookup(?TABLE, {directory, Dir}) of
        [{_, Known}] ->
            Known;
        [] ->
            Resolved = resolved(parts(Dir), 40),
            _ = filename:pathtype(Dir) =:= absolute andalso ets:insert(?TABLE, {{directory, Dir}, Resolved}),
            Resolved
    end.

-spec text(file:filename_all()) -> binary().
text(Chars) when is_binary(Chars) ->
    Chars;
text(Chars) ->
    unicode:characters_to_binary(Chars).

%% From the last to the root. Asking for the working directory costs a message, which an absolute name does without.
parts(Path) ->
    Text = text(Path),
    Absolute =
        case filename:pathtype(Text) of
            absolute -> Text;
            _ -> text(filename:absname(Text))
        end,
    lists:foldl(fun plain/2, [], filename:split(Absolute)).

plain(<<".">>, Parts) -> Parts;
plain(<<"..">>, [Root]) -> [Root];
plain(<<"..">>, [_ | Above]) -> Above;
plain(Part, Parts) -> [Part | Parts].

%% Directories are shared by many files, so each is resolved once.
resolved([Root], _Links) ->
    Root;
resolved([Part | Above] = Parts, Links) ->
    case ets:lookup(?TABLE, {resolved, Parts}) of
        [{_, Known}] ->
            Known;
        [] ->
            Dir = resolved(Above, Links),
            Here = filename:join(Dir, Part),
            Resolved =
                case file:read_link_all(Here) of
                    {ok, Target} when Links > 0 ->
                        resolved(parts(filename:absname(text(Target), Dir)), Links - 1);
                    _ ->
                        Here
                end,
            true = ets:insert(?TABLE, {{resolved, Parts}, Resolved}),
            Resolved
    end.
