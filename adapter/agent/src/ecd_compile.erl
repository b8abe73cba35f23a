%% Compiles changed files in a VM of its own, so that what does not compile harms nobody: newer Elixir deletes a module
%% whose compilation fails. Runs there as a program: a job file in, beams and a result file out. Loads nothing here.
-module(ecd_compile).

-export([run/1, main/1]).

%% ms; a big project's file with many macros takes seconds, not minutes.
-define(DEADLINE, 120000).
%% Flags of the user's may name a node, which exists already.
-define(OWN_FLAGS, [{"ERL_AFLAGS", false}, {"ERL_FLAGS", false}, {"ERL_ZFLAGS", false}]).

%% Compiles the files with this node's code paths, environment and Mix project. Answers for each what it became.
-spec run([binary()]) -> #{binary() => {ok, [{module(), binary()}]} | {error, binary()}}.
run(Files) ->
    Folder = filename:join(temporary(), unique()),
    ok = filelib:ensure_path(Folder),
    try
        in_folder(Files, Folder)
    after
        ok = file:del_dir_r(Folder)
    end.

in_folder(Files, Folder) ->
    Job = filename:join(Folder, "job"),
    ok = file:write_file(Job, term_to_binary(job(Files, Folder))),
    Program = os:find_executable("erl", filename:join(code:root_dir(), "bin")),
    Ebin = filename:dirname(code:which(?MODULE)),
    Args = ["-noinput", "-pa", Ebin, "-s", "ecd_compile", "main", Job],
    Port = open_port({spawn_executable, Program}, [
        {args, Args}, {env, ?OWN_FLAGS}, exit_status, stderr_to_stdout, binary, hide
    ]),
    {os_pid, OsPid} = erlang:port_info(Port, os_pid),
    Timer = erlang:start_timer(?DEADLINE, self(), Port),
    Outcome = collect(Port, OsPid, Timer, []),
    _ = erlang:cancel_timer(Timer),
    case {Outcome, file:read_file([Job, ".result"])} of
        {{0, _}, {ok, Result}} ->
            maps:map(fun(_, R) -> with_code(R) end, binary_to_term(Result));
        {{_, Output}, _} ->
            maps:from_list([{File, {error, Output}} || File <- Files])
    end.

collect(Port, OsPid, Timer, Output) ->
    receive
        {Port, {data, Data}} ->
            collect(Port, OsPid, Timer, [Output, Data]);
        {Port, {exit_status, Status}} ->
            {Status, iolist_to_binary(Output)};
        {timeout, Timer, Port} ->
            end_program(OsPid),
            port_close(Port),
            {timeout, <<"the compiler did not finish in time">>}
    end.

end_program(OsPid) ->
    Pid = integer_to_list(OsPid),
    os:cmd(
        case os:type() of
            {win32, _} -> "taskkill /F /T /PID " ++ Pid;
            _ -> "kill -KILL " ++ Pid
        end
    ).

with_code({ok, Beams}) ->
    {ok, [
        begin
            {ok, Code} = file:read_file(Beam),
            {Mod, Code}
        end
     || {Mod, Beam} <- Beams
    ]};
with_code({error, _} = Error) ->
    Error.

temporary() ->
    case [Dir || Name <- ["TMPDIR", "TEMP", "TMP"], Dir <- [os:getenv(Name)], Dir =/= false, filelib:is_dir(Dir)] of
        [Dir | _] -> Dir;
        [] -> "/tmp"
    end.

unique() ->
    io_lib:format("ecd-compile-~ts-~w", [os:getpid(), erlang:unique_integer([positive])]).

job(Files, Folder) ->
    {ok, Here} = file:get_cwd(),
    #{
        files => [{File, erlang_options(File)} || File <- Files],
        folder => Folder,
        here => Here,
        paths => code:get_path(),
        applications => [{App, application:get_all_env(App)} || {App, _, _} <- application:loaded_applications()],
        mix => mix_project()
    }.

%% As the module was compiled before, without what says where to.
erlang_options(File) ->
    case {filename:extension(File), ecd_modules:of_path(File)} of
        {<<".erl">>, [Mod | _]} ->
            Options = proplists:get_value(options, erlang:get_module_info(Mod, compile), []),
            [Option || Option <- Options, not is_tuple(Option) orelse element(1, Option) =/= outdir];
        _ ->
            []
    end.

mix_project() ->
    case whereis('Elixir.Mix.ProjectStack') =/= undefined andalso 'Elixir.Mix.Project':get() of
        Mod when Mod =/= false, Mod =/= nil ->
            #{env => 'Elixir.Mix':env(), target => 'Elixir.Mix':target(), file => 'Elixir.Mix.Project':project_file()};
        _ ->
            none
    end.

%% In the other VM.
-spec main([atom() | string()]) -> no_return().
main([Name]) ->
    Job = to_string(Name),
    {ok, Bytes} = file:read_file(Job),
    #{files := Files, folder := Folder} = Task = binary_to_term(Bytes),
    ok = prepare(Task),
    Out = filename:join(Folder, "ebin"),
    ok = filelib:ensure_path(Out),
    {Erlang, Elixir} = lists:partition(fun({File, _}) -> filename:extension(File) =:= <<".erl">> end, Files),
    Results = [erlang(File, Options, Out) || {File, Options} <- Erlang] ++ elixir([File || {File, _} <- Elixir], Out),
    ok = file:write_file(Job ++ ".result", term_to_binary(maps:from_list(Results))),
    erlang:halt(0).

to_string(Name) when is_atom(Name) -> atom_to_list(Name);
to_string(Name) -> Name.

prepare(#{here := Here, paths := Paths, applications := Applications, mix := Mix}) ->
    ok = file:set_cwd(Here),
    ok = code:add_pathsz(Paths),
    _ = [application:set_env(App, Key, Value) || {App, Env} <- Applications, {Key, Value} <- Env, App =/= kernel],
    _ = [prepare_elixir(Mix) || code:which('Elixir.Code') =/= non_existing],
    ok.

prepare_elixir(Mix) ->
    {ok, _} = application:ensure_all_started(elixir),
    'Elixir.Code':put_compiler_option(ignore_module_conflict, true),
    case Mix of
        none ->
            ok;
        #{env := Env, target := Target, file := File} ->
            ok = 'Elixir.Mix':start(),
            'Elixir.Mix':env(Env),
            'Elixir.Mix':target(Target),
            _ = filelib:is_regular(File) andalso 'Elixir.Code':compile_file(File),
            ok
    end.

erlang(File, Options, Out) ->
    case compile:file(to_list(File), [{outdir, to_list(Out)}, debug_info, return | Options]) of
        {ok, Mod, _} -> {File, {ok, [{Mod, beam(Mod, Out)}]}};
        {error, Errors, _} -> {File, {error, erlang_errors(Errors)}}
    end.

erlang_errors(Errors) ->
    unicode:characters_to_binary([
        io_lib:format("~ts:~w: ~ts~n", [File, line(Where), Module:format_error(Reason)])
     || {File, List} <- Errors, {Where, Module, Reason} <- List
    ]).

line({Line, _}) -> Line;
line(Line) -> Line.

%% Together, since one may need what has changed in another; and alone, so that one that fails takes no other with it.
elixir([], _Out) ->
    [];
elixir(Files, Out) ->
    case parallel(Files, Out) of
        {ok, Mods} ->
            [{File, {ok, [{Mod, beam(Mod, Out)} || Mod <- Mods, source(Mod, Out) =:= File]}} || File <- Files];
        {error, Text} when length(Files) =:= 1 -> [{hd(Files), {error, Text}}];
        {error, _} -> lists:append([elixir([File], Out) || File <- Files])
    end.

parallel(Files, Out) ->
    Options = [{return_diagnostics, true}],
    case 'Elixir.Kernel.ParallelCompiler':compile_to_path(Files, unicode:characters_to_binary(Out), Options) of
        {ok, Mods, _Warnings} -> {ok, Mods};
        {error, Errors, _Warnings} -> {error, iolist_to_binary(lists:join($\n, [elixir_error(E) || E <- Errors]))}
    end.

elixir_error(#{message := Message, position := Position}) -> [position(Position), Message];
elixir_error({_File, Position, Message}) -> [position(Position), Message].

position({Line, _Column}) -> position(Line);
position(Line) when is_integer(Line) -> ["line ", integer_to_list(Line), ": "];
position(_) -> [].

source(Mod, Out) ->
    {ok, {Mod, [{compile_info, Info}]}} = beam_lib:chunks(to_list(beam(Mod, Out)), [compile_info]),
    unicode:characters_to_binary(proplists:get_value(source, Info)).

beam(Mod, Out) ->
    filename:join(Out, atom_to_list(Mod) ++ ".beam").

to_list(Path) ->
    unicode:characters_to_list(Path).
