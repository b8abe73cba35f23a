%% The stack of a process and what belongs to each of its frames: interpreted frames with values, native ones as places.
%% Renders no value and never waits for the process itself.
-module(ecd_frames).

-export([stack_trace/1, scopes/1, frame/1, drop/1]).
-export([locals/1, arguments/1, pipeline/1, unavailable/1, bindings/1]).
-export_type([frame/0]).

-type frame() :: #{
    kind := interpreted | native,
    pid := pid(),
    module := module(),
    function := atom(),
    arity := arity(),
    line := non_neg_integer(),
    file => string(),
    meta => pid(),
    level => integer(),
    %% The innermost interpreted frame, whose variables can be set.
    top => true
}.

%% stackTrace: interpreted frames, native callers between and below them.
-spec stack_trace(map()) -> map().
stack_trace(#{thread := Thread, start := Start, levels := Levels}) ->
    Pid = process(Thread),
    Stopped = ecd_control:stop_info(Pid),
    Stopped =:= running andalso Start =:= 0 andalso drop(Pid),
    Frames = frames(Pid, Stopped),
    Page =
        case Levels of
            0 -> lists:nthtail(min(Start, length(Frames)), Frames);
            _ -> lists:sublist(lists:nthtail(min(Start, length(Frames)), Frames), Levels)
        end,
    #{frames => [shown(Frame) || Frame <- Page], total => length(Frames)}.

process(Thread) ->
    Pid = ecd_threads:existing(Thread),
    is_process_alive(Pid) orelse ecd_failure:expected(<<"threadMissing">>, "The process has ended."),
    Pid.

frames(Pid, running) ->
    [native(Pid, Entry) || Entry <- ecd_handles:stacktrace(Pid), not hidden(Entry)];
frames(Pid, {stopped, #{meta := Meta} = Stop}) ->
    Interpreted = top([interpreted(Pid, Meta, Frame) || Meta =/= none, Frame <- ecd_meta:frames(Meta)]),
    {Above, Groups} = came_back(Pid, maps:get(caller, Stop, none), groups(Interpreted)),
    Above ++ weave(Pid, ecd_handles:stacktrace(Pid), Groups).

top([Frame | Frames]) -> [Frame#{top => true} | Frames];
top([]) -> [].

%% A step has come back to a native caller, which the debugger knows by the next function that this caller has entered:
%% that function's frame is not shown yet. A caller that made a tail call is no longer on the stack.
came_back(_Pid, none, Groups) ->
    {[], Groups};
came_back(Pid, {Kind, {Module, Function, Arity, Line}}, [[_Entered | Group] | Groups]) ->
    Above = [native(Pid, {Module, Function, Arity, [{line, Line}]}) || Kind =:= tail],
    {Above, [Group | Groups]}.

interpreted(Pid, Meta, #{level := Level, module := Module, function := Function, line := Line} = Frame) ->
    #{
        kind => interpreted, pid => Pid, meta => Meta, level => Level, module => Module, function => Function,
        arity => length(arguments_of(Frame)), line => Line
    }.

%% A closure that native code has called is entered through the evaluator's own function, with the closure's clauses,
%% arguments, and environment. Arguments are only fetched for the innermost frames.
arguments_of(#{args := [[{clause, _, _, _, _} | _], Args | _], arity := Arity}) when Arity =:= 4; Arity =:= 6 -> Args;
arguments_of(#{args := [], arity := Arity}) -> lists:duplicate(Arity, nil);
arguments_of(#{args := Args}) -> Args.

native(Pid, {Module, Function, ArityOrArgs, Location}) ->
    Arity = case ArityOrArgs of Args when is_list(Args) -> length(Args); _ -> ArityOrArgs end,
    Frame = #{
        kind => native, pid => Pid, module => Module, function => Function, arity => Arity,
        line => proplists:get_value(line, Location, 0)
    },
    case proplists:get_value(file, Location) of
        undefined -> Frame;
        File -> Frame#{file => File}
    end.

%% The evaluator counts one level per call. Where native code lies between two interpreted frames, it took a level
%% that no frame has.
groups([]) ->
    [];
groups([Frame | Frames]) ->
    case groups(Frames) of
        [[Below | _] = Group | Groups] ->
            case adjacent(Frame, Below) of
                true -> [[Frame | Group] | Groups];
                false -> [[Frame], Group | Groups]
            end;
        [] ->
            [[Frame]]
    end.

adjacent(#{level := Level}, #{level := Below}) -> Level - Below =< 1.

%% On the process' own stack each stretch of interpreted code is one call of dbg_debugged:msg_loop/2.
weave(Pid, [{dbg_debugged, msg_loop, _, _} | Stack], [Group | Groups]) ->
    Group ++ weave(Pid, Stack, Groups);
weave(Pid, [Entry | Stack], Groups) ->
    case hidden(Entry) of
        true -> weave(Pid, Stack, Groups);
        false -> [native(Pid, Entry) | weave(Pid, Stack, Groups)]
    end;
weave(_Pid, [], Groups) ->
    lists:append(Groups).

hidden({Module, _, _, _}) when
    Module =:= dbg_debugged; Module =:= dbg_ieval; Module =:= dbg_icmd; Module =:= dbg_istk; Module =:= dbg_idb
->
    true;
hidden({Module, _, _, _}) ->
    case atom_to_binary(Module) of
        <<"ecd_", _/binary>> -> true;
        _ -> false
    end.

shown(Frame = #{kind := Kind, pid := Pid, module := Module, function := Function, arity := Arity, line := Line}) ->
    Path = path(Frame),
    #{
        id => ecd_handles:put(frame, Pid, Frame),
        name => ecd_names:function(Module, Function, Arity),
        module => ecd_names:module(Module),
        line => Line,
        path => Path,
        sourceReference => case Path of nil -> ecd_source:reference(Module); _ -> 0 end,
        kind => atom_to_binary(Kind),
        own => ecd_modules:own(Module)
    }.

%% Absolute path of a file that exists, or nil.
path(#{module := Module, function := Function, arity := Arity} = Frame) ->
    Candidates =
        located(maps:get(file, Frame, ""), Module) ++
            [Path || {ok, Path} <- [ecd_modules:path(Module, {Function, Arity})]] ++
            otp_source(Module),
    case lists:search(fun filelib:is_regular/1, Candidates) of
        {value, Path} -> unicode:characters_to_binary(Path);
        false -> nil
    end.

%% The place may be in another file than the module's: a template, a macro's own file. Its name is relative to where
%% the module was compiled.
located("", _Module) ->
    [];
located(File, Module) ->
    case filename:pathtype(File) of
        absolute ->
            [File];
        _ ->
            case ecd_modules:path(Module) of
                {ok, Path} -> beside(unicode:characters_to_list(Path), File);
                error -> []
            end
    end.

beside(Path, File) ->
    case filename:basename(Path) =:= filename:basename(File) of
        true -> [Path];
        false -> [filename:join(ecd_config:get(projectDir), File)]
    end.

%% OTP's sources lie beside the beams, if they are installed, and not where they were compiled.
otp_source(Module) ->
    case code:which(Module) of
        Beam when is_list(Beam), Beam =/= [] ->
            Src = filename:join(filename:dirname(filename:dirname(Beam)), "src"),
            [filename:join(Src, atom_to_list(Module) ++ ".erl")];
        _ ->
            []
    end.

%% A frame by its number; throws staleReference when its process has moved on.
-spec frame(integer()) -> frame().
frame(Id) ->
    case ecd_handles:get(frame, Id) of
        {ok, _Pid, Frame} -> Frame;
        error -> ecd_failure:expected(<<"staleReference">>, "The process has moved on since this frame was shown.")
    end.

-spec drop(pid()) -> ok.
drop(Pid) ->
    ecd_eval:resumed(Pid),
    ecd_handles:drop(frame, Pid).

%% scopes of a frame. What is read from the process is read when the user opens it.
-spec scopes(map()) -> map().
scopes(#{frame := Id}) ->
    Frame = frame(Id),
    #{scopes => frame_scopes(Frame) ++ [process_scope(Frame)]}.

frame_scopes(Frame = #{kind := native}) ->
    [scope(<<"Values are not available: native code">>, Frame, unavailable, #{})];
frame_scopes(Frame = #{arity := Arity}) ->
    [scope(<<"Locals">>, Frame, locals, #{hint => <<"locals">>})] ++
        [scope(<<"Arguments">>, Frame, arguments, #{hint => <<"arguments">>, named => Arity}) || Arity > 0] ++
        [scope(<<"Pipeline values">>, Frame, pipeline, #{named => N}) || N <- [length(pipeline(Frame))], N > 0].

scope(Name, Frame = #{pid := Pid}, Rows, More) ->
    maps:merge(#{
        name => Name,
        reference => ecd_values:reference(Pid, {scope, {?MODULE, Rows, [Frame]}}),
        expensive => false
    }, More).

process_scope(Frame = #{pid := Pid}) ->
    #{
        name => <<"Process">>,
        reference => ecd_values:reference(Pid, {scope, {ecd_details, rows, [Frame]}}),
        expensive => true,
        hint => <<"registers">>
    }.

%% The variables that are visible at the frame's line.
-spec locals(frame()) -> [ecd_values:row()].
locals(Frame) ->
    [{local(Name), {term, Value}} || {Name, Value, _Raw} <- bindings(Frame)].

%% What cannot be written has no expression.
local(Name) ->
    case ecd_scope:bare(Name) of
        Name -> {var, Name};
        _ -> {info, Name}
    end.

-spec bindings(frame()) -> [{binary(), term(), atom()}].
bindings(Frame = #{kind := interpreted, line := Line}) ->
    ecd_scope:visible(clauses(Frame), Line, raw_bindings(Frame));
bindings(#{kind := native}) ->
    [].

raw_bindings(#{meta := Meta, level := Level}) ->
    ecd_meta:bindings(Meta, Level).

clauses(#{module := Module, function := Function, arity := Arity}) ->
    %% A closure is written down in the function around it.
    ecd_engine:clauses(Module, ecd_calls:host({Function, Arity})).

%% What the function was called with, under the parameters' names where those are plain variables.
-spec arguments(frame()) -> [ecd_values:row()].
arguments(Frame = #{meta := Meta, level := Level}) ->
    case [arguments_of(F) || #{level := L, args := [_ | _]} = F <- ecd_meta:frames(Meta), L =:= Level] of
        [Args | _] -> argument_rows(Args, parameters(Frame, length(Args)), 1);
        [] -> []
    end.

argument_rows([], _Names, _N) ->
    [];
argument_rows([Arg | Args], [Name | Names], N) ->
    Label = case Name of none -> <<"argument ", (integer_to_binary(N))/binary>>; _ -> Name end,
    [{{info, Label}, {term, Arg}} | argument_rows(Args, Names, N + 1)].

parameters(Frame = #{function := Function, arity := Arity}, Count) ->
    case ecd_calls:host({Function, Arity}) of
        {Function, Arity} -> named(clauses(Frame), Count);
        %% A closure: its clauses are somewhere inside those of its function.
        _ -> lists:duplicate(Count, none)
    end.

named([{clause, _, Patterns, _, _} | Clauses], Count) when length(Patterns) =:= Count ->
    [
        case parameter(Pattern) of
            none -> Other;
            Name -> Name
        end
     || {Pattern, Other} <- lists:zip(Patterns, named(Clauses, Count))
    ];
named(_Clauses, Count) ->
    lists:duplicate(Count, none).

parameter({var, _, Raw}) ->
    case ecd_scope:name(Raw) of
        {Name, _Version} -> ecd_scope:bare(Name);
        none -> none
    end;
parameter({match, _, Left, Right}) ->
    case parameter(Left) of
        none -> parameter(Right);
        Name -> Name
    end;
parameter(_Pattern) ->
    none.

%% What the stages of a pipeline have returned so far, each named by its call.
-spec pipeline(frame()) -> [ecd_values:row()].
pipeline(Frame) ->
    Stages = ecd_scope:pipeline(raw_bindings(Frame)),
    Calls = maps:from_list([Call || Stages =/= [], Call <- stage_calls(clauses(Frame))]),
    [{{info, maps:get(Name, Calls, Name)}, {term, Value}} || {Name, Value} <- Stages].

%% The rows bind a stage's value to a variable of the debugger's.
stage_calls({match, Line, {var, _, Raw}, Call}) ->
    case atom_to_binary(Raw) of
        <<"%p", _/binary>> = Stage -> [{Stage, call_text(Call, abs(Line))} | stage_calls(Call)];
        _ -> stage_calls(Call)
    end;
stage_calls(Node) when is_tuple(Node) -> stage_calls(tuple_to_list(Node));
stage_calls([Head | Tail]) -> stage_calls(Head) ++ stage_calls(Tail);
stage_calls(_) -> [].

call_text({call_remote, _, Module, Function, Args, _}, Line) when is_atom(Module), is_atom(Function) ->
    at_line(ecd_names:function(Module, Function, length(Args)), Line);
call_text({local_call, _, Function, Args, _}, Line) when is_atom(Function) ->
    at_line([atom_to_binary(Function), $/, integer_to_list(length(Args))], Line);
call_text(_Call, Line) ->
    at_line(<<"a call">>, Line).

at_line(Text, Line) ->
    iolist_to_binary([Text, " in line ", integer_to_list(Line)]).

-spec unavailable(frame()) -> [ecd_values:row()].
unavailable(_Frame) ->
    Text = <<"runs natively; set a breakpoint in this function to see its values">>,
    [{{info, <<"native code">>}, {text, Text, <<>>}}].
