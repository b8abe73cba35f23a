%% The report of a process that died of an exception: of what, where, with which variables. Looks up names and files;
%% must not ask the process or anyone who waited for it.
-module(ecd_crash).

-export([of_reason/1, of_event/1, name/1, report/4, log/2]).

%% Characters of one value, variables, frames of the stack.
-define(VALUE, 120).
-define(VARIABLES, 20).
-define(FRAMES, 12).

%% The exception and stack in an exit reason, if it died of one.
-spec of_reason(term()) -> {term(), list()} | none.
of_reason({{nocatch, _} = Thrown, Stack}) when is_list(Stack) -> with_stack(Thrown, Stack);
of_reason({Exception, Stack}) when is_list(Stack), Stack =/= [] -> with_stack(Exception, Stack);
of_reason(_Reason) -> none.

with_stack(Exception, Stack) ->
    case lists:all(fun(F) -> is_tuple(F) andalso (tuple_size(F) =:= 4 orelse tuple_size(F) =:= 3) end, Stack) of
        true -> {Exception, Stack};
        false -> none
    end.

%% As a handler of the logger.
-spec log(logger:log_event(), logger:handler_config()) -> ok.
log(Event, _Config) ->
    case of_event(Event) of
        {Pid, Reason} when node(Pid) =:= node() ->
            case ecd_engine:meta(Pid) of
                %% Its evaluator knows more and tells it.
                {ok, _} -> ok;
                error -> ecd_exceptions:post_mortem(Pid, Reason, {})
            end;
        _ ->
            ok
    end.

%% A crash in the words of proc_lib, of a behaviour, or of the VM.
-spec of_event(logger:log_event()) -> {pid(), term()} | none.
of_event(#{msg := {report, #{label := {proc_lib, crash}, report := [Info | _]}}}) ->
    case {proplists:get_value(pid, Info), proplists:get_value(error_info, Info)} of
        {Pid, {Class, Reason, Stack}} when is_pid(Pid), Class =/= exit -> {Pid, {Reason, Stack}};
        {Pid, {exit, {_, _} = Reason, _}} when is_pid(Pid) -> {Pid, Reason};
        _ -> none
    end;
of_event(#{msg := {report, #{label := {gen_server, terminate}, reason := Reason}}, meta := #{pid := Pid}}) ->
    {Pid, Reason};
of_event(#{msg := {Format, [Pid | _] = Args}}) when is_pid(Pid), is_list(Format) ->
    case lists:prefix("Error in process ", Format) of
        true -> {Pid, lists:last(Args)};
        false -> none
    end;
of_event(_Event) ->
    none.

%% The exception's module; what the VM raises has the name that Elixir gives it.
-spec name(term()) -> module().
name(#{'__struct__' := Struct, '__exception__' := true}) -> Struct;
name(badarith) -> 'Elixir.ArithmeticError';
name(badarg) -> 'Elixir.ArgumentError';
name(function_clause) -> 'Elixir.FunctionClauseError';
name(undef) -> 'Elixir.UndefinedFunctionError';
name({badmatch, _}) -> 'Elixir.MatchError';
name({case_clause, _}) -> 'Elixir.CaseClauseError';
name({badkey, _}) -> 'Elixir.KeyError';
name({badmap, _}) -> 'Elixir.BadMapError';
name({badfun, _}) -> 'Elixir.BadFunctionError';
name({badarity, _}) -> 'Elixir.BadArityError';
name(_Other) -> 'Elixir.ErlangError'.

%% The body of an output event. ExitInfo as the evaluator leaves it: where its code was, bindings, its own stack.
-spec report(pid(), term(), list(), term()) -> map().
report(Pid, Exception, Stack, ExitInfo) ->
    Frames = lists:sublist([frame(F) || F <- Stack], ?FRAMES),
    Place = place(ExitInfo, Frames),
    Text = [
        "Process ", known_as(Pid), pid_to_list(Pid), " died of an exception that nothing rescued: ",
        text(Exception), "\n",
        [["    ", Name, where(Path, Line), "\n"] || {Name, Path, Line} <- Frames],
        variables(ExitInfo)
    ],
    maps:merge(#{category => <<"important">>, text => unicode:characters_to_binary(Text)}, Place).

%% A dead process has lost its name.
known_as(Pid) ->
    case is_process_alive(Pid) of
        true -> [ecd_process:name(Pid), " "];
        false -> ""
    end.

place({{Mod, Line}, _Bindings, _Stack}, Frames) ->
    case ecd_modules:path(Mod) of
        {ok, Path} -> #{path => Path, line => abs(Line)};
        error -> place({}, Frames)
    end;
place(_ExitInfo, Frames) ->
    case [{Path, Line} || {_, Path, Line} <- Frames, is_binary(Path)] of
        [{Path, Line} | _] -> #{path => Path, line => Line};
        [] -> #{}
    end.

variables({{_Mod, _Line}, [_ | _] = Bindings, _Stack}) ->
    Shown = lists:sublist(ecd_scope:shown(Bindings), ?VARIABLES),
    [["    ", Name, " = ", value(Value), "\n"] || {Name, Value, _Raw} <- Shown];
variables(_ExitInfo) ->
    [].

frame({M, F, Args, Info}) when is_list(Args) -> frame({M, F, length(Args), Info});
frame({M, F, A, Info}) ->
    Path = case ecd_modules:path(M) of {ok, P} -> P; error -> none end,
    {ecd_names:function(M, F, A), Path, proplists:get_value(line, Info, 0)};
frame({Fun, A, _Info}) ->
    {[io_lib:format("~0tp", [Fun]), "/", io_lib:format("~w", [A])], none, 0}.

where(none, _Line) -> "";
where(_Path, 0) -> "";
where(Path, Line) -> [" (", Path, ":", integer_to_list(Line), ")"].

%% Elixir's words for it, aside and with a deadline; Erlang's when there are none.
text(Exception) ->
    Describe = fun() -> 'Elixir.Exception':format_banner(error, Exception, []) end,
    case ecd_worker:run(Describe, 1000) of
        {ok, Text} when is_binary(Text) -> Text;
        _ -> value(Exception)
    end.

value(Term) ->
    Text = unicode:characters_to_binary(io_lib:format("~0tP", [Term, 30])),
    string:slice(Text, 0, ?VALUE).
