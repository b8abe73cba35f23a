%% The traditional engine: whole modules by stock `int`, as other debuggers have it. The fallback, and the baseline that
%% benchmarks compare with. Must not run beside the interpreter engine: both need a module called dbg_iserver.
%%
%% What `int` cannot do well stays so: interpreted modules are slow as a whole, closures from before are lost, a module
%% stays interpreted until the session ends. Only what would break the program is refused.
-module(ecd_traditional).
-behaviour(gen_server).
-behaviour(ecd_engine).

-export([start/1, stop/0, metrics/0, compiled/0, prepare/3, prepare_ahead/3]).
-export([lines/1, functions/1, is_of_one_file/1, clauses/2]).
-export([arm/3, disarm/3, disarm_all/1, armed/0, set_break/3, clear_break/2, step_mode/2, subscribe/1, exempt/1]).
-export([meta/1, place/1, claim/1, code_changed/1, release/1, status/0]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

-record(state, {
    bytecode :: fun((module()) -> {ok, binary()} | {error, term()}),
    %% Rows as stock has them, for lines and scopes, of the version with this md5.
    indexed = #{} :: #{module() => #{md5 := binary(), rows := [ecd_rows:row()]}},
    interpreted = #{} :: #{module() => #{md5 := binary(), ms := non_neg_integer(), causes := [binary()]}},
    arms = #{} :: #{{module(), ecd_engine:function_key()} => #{ecd_engine:owner() => true}},
    subscribers = #{} :: #{pid() => true},
    places = #{} :: #{pid() => {module(), integer()}}
}).

-define(TIMEOUT, 120000).
-define(LEAVE, 2000).

%% Stock `int` on these ends in loops or in a debugger that waits for itself.
-define(NEVER, [
    'Elixir.Inspect', 'Elixir.String.Chars', 'Elixir.List.Chars', 'Elixir.Collectable', 'Elixir.Enumerable',
    'Elixir.Kernel', 'Elixir.Process', 'Elixir.Kernel.ErrorHandler', 'Elixir.Module', 'Elixir.Code'
]).

-spec start(ecd_engine:options()) -> {ok, [binary()]} | {error, binary()}.
start(Options) ->
    try
        ok = ecd_prepare:debugger(),
        ok = code:ensure_modules_loaded([dbg_ieval, int]),
        Notices = ecd_standin:protect(),
        {ok, _} = dbg_iserver:start(),
        ok = int:stack_trace(maps:get(stack, Options, no_tail)),
        {ok, _} = gen_server:start({local, ?MODULE}, ?MODULE, maps:get(bytecode, Options), []),
        {ok, Notices}
    catch
        throw:{unprepared, Why} -> {error, Why}
    end.

%% Rows disarmed, everyone resumed. Where a process has ever been interpreted the server stays: closures may need it.
-spec stop() -> [ecd_closures:held()].
stop() ->
    case whereis(?MODULE) of
        undefined -> [];
        Pid -> end_all(gen_server:call(Pid, stop, ?TIMEOUT), Pid)
    end.

end_all(Mods, Pid) ->
    lists:foreach(fun(Mod) -> erts_debug:breakpoint({Mod, '_', '_'}, false) end, Mods),
    ok = int:no_break(),
    Metas = [Meta || {P, _, _, _} <- int:snapshot(), is_process_alive(P), {ok, Meta} <- [meta(P)]],
    lists:foreach(fun(Meta) -> Meta ! {user, {cmd, continue}} end, Metas),
    ok = gen_server:stop(Pid, normal, ?TIMEOUT),
    case int:snapshot() of
        [] ->
            ok = dbg_iserver:stop(),
            ok = ecd_standin:unprotect(),
            [];
        _ ->
            [{Mod, [], 0} || Mod <- Mods]
    end.

-spec metrics() -> #{atom() => number()}.
metrics() ->
    Status = status(),
    #{
        preparedModules => length(Status),
        preparedBytes => lists:sum([Bytes || #{bytes := Bytes} <- Status]),
        armedFunctions => length(armed()),
        metaProcesses => length([Pid || {Pid, _, State, _} <- int:snapshot(), State =/= exit])
    }.

%% The project is compiled: interprets what the configuration names, before any of it runs.
-spec compiled() -> ok.
compiled() ->
    gen_server:call(?MODULE, compiled, infinity).

%% In this engine to prepare is to find out: interpreting would change the running system.
-spec prepare(module(), none | binary(), binary()) -> {ok, ecd_engine:prepared()} | {error, binary()}.
prepare(Mod, Bytecode, _Cause) ->
    case gen_server:call(?MODULE, {index, Mod, Bytecode}, ?TIMEOUT) of
        {ok, #{md5 := Md5}} -> {ok, #{ms => 0, bytes => 0, cached => false, md5 => Md5}};
        {error, Why} -> {error, Why}
    end.

%% It takes no memory that is accounted for.
-spec prepare_ahead(module(), binary(), non_neg_integer()) -> {ok, ecd_engine:prepared()} | {error, binary()}.
prepare_ahead(Mod, Cause, _Threshold) ->
    prepare(Mod, none, Cause).

-spec lines(module()) -> [{pos_integer(), [ecd_engine:function_key()]}].
lines(Mod) ->
    ecd_lines:index(rows(Mod)).

-spec functions(module()) -> [{ecd_engine:function_key(), integer(), integer(), boolean()}].
functions(Mod) ->
    ecd_lines:functions(rows(Mod)).

%% Its tables do not say.
-spec is_of_one_file(module()) -> boolean().
is_of_one_file(_Mod) ->
    false.

-spec clauses(module(), ecd_engine:function_key()) -> [ecd_rows:clause()].
clauses(Mod, {F, A}) ->
    lists:append([Clauses || {{_, F1, A1, _}, Clauses} <- rows(Mod), F1 =:= F, A1 =:= A]).

rows(Mod) ->
    case gen_server:call(?MODULE, {index, Mod, none}, ?TIMEOUT) of
        {ok, #{rows := Rows}} -> Rows;
        {error, _} -> []
    end.

-spec arm(module(), ecd_engine:function_key(), ecd_engine:owner()) -> ok | {error, binary()}.
arm(Mod, FA, Owner) ->
    case code:ensure_loaded(Mod) of
        {module, _} -> gen_server:call(?MODULE, {arm, Mod, FA, Owner}, ?TIMEOUT);
        {error, _} -> {error, <<"there is no such module">>}
    end.

-spec disarm(module(), ecd_engine:function_key(), ecd_engine:owner()) -> ok.
disarm(Mod, FA, Owner) ->
    gen_server:call(?MODULE, {disarm, {Mod, FA}, Owner}, ?TIMEOUT).

-spec disarm_all(ecd_engine:owner()) -> ok.
disarm_all(Owner) ->
    gen_server:call(?MODULE, {disarm_all, Owner}, ?TIMEOUT).

-spec armed() -> [{module(), ecd_engine:function_key(), [ecd_engine:owner()]}].
armed() ->
    gen_server:call(?MODULE, armed, ?TIMEOUT).

-spec set_break(module(), pos_integer(), ecd_iserver:condition()) -> ok.
set_break(Mod, Line, Condition) ->
    _ = int:break(Mod, Line),
    dbg_iserver:safe_cast({break_option, {Mod, Line}, condition, Condition}).

-spec clear_break(module(), pos_integer()) -> ok.
clear_break(Mod, Line) ->
    int:delete_break(Mod, Line).

%% Every interpreted module can be entered at any time, and no other one.
-spec step_mode(pid(), ecd_engine:step_mode()) -> ok.
step_mode(_Pid, _Mode) ->
    ok.

-spec subscribe(pid()) -> ok.
subscribe(Pid) ->
    gen_server:call(?MODULE, {subscribe, Pid}, ?TIMEOUT).

%% The debugger's own processes run none of the interpreted modules.
-spec exempt(pid()) -> ok.
exempt(_Pid) ->
    ok.

-spec meta(pid()) -> {ok, pid()} | error.
meta(Pid) ->
    case dbg_iserver:safe_call({get_meta, Pid}) of
        {ok, Meta} -> {ok, Meta};
        {error, not_interpreted} -> error
    end.

-spec place(pid()) -> {ok, {module(), integer()}} | error.
place(Meta) ->
    gen_server:call(?MODULE, {place, Meta}, ?TIMEOUT).

-spec claim(pid()) -> ok | busy.
claim(Meta) ->
    Stopped = [Pid || {Pid, _, break, _} <- int:snapshot(), {ok, M} <- [meta(Pid)], M =:= Meta],
    case Stopped of
        [_] -> ok;
        [] -> busy
    end.

-spec code_changed(module()) -> ok | {lost, [{ecd_engine:function_key(), [ecd_engine:owner()]}]}.
code_changed(Mod) ->
    gen_server:call(?MODULE, {code_changed, Mod}, ?TIMEOUT).

%% Stock `int` kills whoever is inside when a module is given back.
-spec release(module()) -> ok | {error, binary()}.
release(Mod) ->
    case lists:member(Mod, int:interpreted()) of
        true -> {error, <<"the traditional engine keeps a module interpreted until the session ends">>};
        false -> ok
    end.

-spec status() -> [map()].
status() ->
    gen_server:call(?MODULE, status, ?TIMEOUT).

%% --- server ---

-spec init(fun((module()) -> {ok, binary()} | {error, term()})) -> {ok, #state{}}.
init(Bytecode) ->
    ok = dbg_iserver:cast({subscribe, self()}),
    {ok, #state{bytecode = Bytecode}}.

-spec handle_call(term(), gen_server:from(), #state{}) -> {reply, term(), #state{}}.
handle_call(compiled, _From, S) ->
    {reply, ok, lists:foldl(fun(Mod, Acc) -> element(2, interpret(Mod, <<"configuration">>, Acc)) end, S, named())};
handle_call({index, Mod, Bytecode}, _From, S) ->
    {Result, S1} = index(Mod, Bytecode, S),
    {reply, Result, S1};
handle_call({arm, Mod, FA, Owner}, _From, S) ->
    case interpret(Mod, <<"breakpoint or step">>, S) of
        {ok, #state{arms = Arms} = S1} ->
            Owners = maps:get({Mod, FA}, Arms, #{}),
            {reply, ok, S1#state{arms = Arms#{{Mod, FA} => Owners#{Owner => true}}}};
        {{error, Why}, S1} ->
            {reply, {error, Why}, S1}
    end;
handle_call({disarm, Asked, Owner}, _From, S) ->
    {reply, ok, withdraw(Asked, Owner, S)};
handle_call({disarm_all, Owner}, _From, #state{arms = Arms} = S) ->
    {reply, ok, lists:foldl(fun(Asked, Acc) -> withdraw(Asked, Owner, Acc) end, S, maps:keys(Arms))};
handle_call(armed, _From, #state{arms = Arms} = S) ->
    {reply, [{Mod, FA, maps:keys(Owners)} || {{Mod, FA}, Owners} <- maps:to_list(Arms)], S};
handle_call({subscribe, Pid}, _From, #state{subscribers = Subscribers} = S) ->
    is_map_key(Pid, Subscribers) orelse monitor(process, Pid),
    {reply, ok, S#state{subscribers = Subscribers#{Pid => true}}};
handle_call({place, Meta}, _From, #state{places = Places} = S) ->
    case Places of
        #{Meta := Place} -> {reply, {ok, Place}, S};
        #{} -> {reply, error, S}
    end;
handle_call({code_changed, Mod}, _From, #state{interpreted = Interpreted} = S) ->
    case is_map_key(Mod, Interpreted) of
        true ->
            case interpret(Mod, <<"reload">>, S#state{interpreted = maps:remove(Mod, Interpreted)}) of
                {ok, S1} -> {reply, ok, S1};
                {{error, _}, #state{arms = Arms} = S1} ->
                    Lost = [{FA, maps:keys(Owners)} || {{M, FA}, Owners} <- maps:to_list(Arms), M =:= Mod],
                    Left = maps:without([{Mod, FA} || {FA, _} <- Lost], Arms),
                    {reply, {lost, Lost}, S1#state{arms = Left}}
            end;
        false ->
            {reply, ok, S}
    end;
handle_call(status, _From, #state{interpreted = Interpreted} = S) ->
    {reply, [status_of(Mod, Known, S) || {Mod, Known} <- lists:sort(maps:to_list(Interpreted))], S};
handle_call(stop, _From, #state{interpreted = Interpreted} = S) ->
    {reply, maps:keys(Interpreted), S}.

-spec handle_cast(term(), #state{}) -> {noreply, #state{}}.
handle_cast(_Stray, S) ->
    {noreply, S}.

-spec handle_info(term(), #state{}) -> {noreply, #state{}}.
handle_info({int, {new_process, {Pid, {M, F, As}, _, _}}}, S) ->
    {noreply, with_meta(Pid, fun(Meta) -> tell({ecd, new, Pid, Meta, {M, F, length(As)}}, S) end, S)};
handle_info({int, {new_status, Pid, break, {Mod, Line} = Place}}, #state{places = Places} = S) ->
    Next = fun(Meta) ->
        S1 = S#state{places = Places#{Meta => Place}},
        tell({ecd, stopped, Pid, Meta, Mod, Line}, S1)
    end,
    {noreply, with_meta(Pid, Next, S)};
handle_info({int, {new_status, Pid, exit, Reason}}, #state{places = Places} = S) ->
    Forget = fun(Meta) -> S#state{places = maps:remove(Meta, Places)} end,
    {noreply, tell({ecd, exit, Pid, Reason, {}}, with_meta(Pid, Forget, S))};
handle_info({int, {new_status, Pid, Status, _}}, S) when Status =:= running; Status =:= idle; Status =:= waiting ->
    {noreply, tell({ecd, Status, Pid}, S)};
handle_info({'DOWN', _, process, Pid, _}, #state{subscribers = Subscribers} = S) ->
    {noreply, S#state{subscribers = maps:remove(Pid, Subscribers)}};
handle_info(_Other, S) ->
    {noreply, S}.

with_meta(Pid, Fun, S) ->
    case meta(Pid) of
        {ok, Meta} -> Fun(Meta);
        error -> S
    end.

tell(Message, #state{subscribers = Subscribers} = S) ->
    maps:foreach(fun(Pid, _) -> Pid ! Message end, Subscribers),
    S.

withdraw(Asked, Owner, #state{arms = Arms} = S) ->
    case Arms of
        #{Asked := Owners} when map_size(Owners) > 1 -> S#state{arms = Arms#{Asked := maps:remove(Owner, Owners)}};
        #{Asked := #{Owner := _}} -> S#state{arms = maps:remove(Asked, Arms)};
        #{} -> S
    end.

%% --- modules ---

%% Loaded from the project's and its dependencies' build path, as far as the configuration wants them.
named() ->
    Own = [Dir || Dir <- code:get_path(), is_project(Dir)],
    Mods = lists:usort([
        list_to_atom(filename:basename(File, ".beam"))
     || Dir <- Own, File <- filelib:wildcard(filename:join(Dir, "*.beam"))
    ]),
    All = ecd_config:get(autoInterpretAllModules),
    Patterns = ecd_config:get(interpretPatterns),
    [Mod || Mod <- Mods, All orelse ecd_patterns:matches_any(Patterns, name(Mod)), not is_excluded(Mod)].

is_project(Dir) ->
    Foreign = [code:root_dir() | [filename:dirname(filename:dirname(D)) || D <- [code:lib_dir(elixir)], is_list(D)]],
    filename:pathtype(Dir) =:= absolute andalso
        filename:basename(Dir) =:= "ebin" andalso
        not lists:any(fun(F) -> lists:prefix(F, Dir) end, Foreign).

is_excluded(Mod) ->
    ecd_patterns:matches_any(ecd_config:get(excludeModules), name(Mod)).

name(Mod) ->
    ecd_names:module(Mod).

index(Mod, Bytecode, #state{bytecode = Source, indexed = Indexed} = S) ->
    case bytecode(Mod, Bytecode, Source) of
        {ok, Binary} ->
            {ok, {_, Md5}} = beam_lib:md5(Binary),
            case Indexed of
                #{Mod := #{md5 := Md5} = Known} -> {{ok, Known}, S};
                #{} -> indexed(Mod, ecd_prepare:stock(Mod, Binary), Md5, S)
            end;
        {error, Why} ->
            {{error, Why}, S}
    end.

indexed(Mod, {ok, Rows}, Md5, #state{indexed = Indexed} = S) ->
    Known = #{md5 => Md5, rows => Rows},
    {{ok, Known}, S#state{indexed = Indexed#{Mod => Known}}};
indexed(_Mod, {error, Why}, _Md5, S) ->
    {{error, Why}, S}.

bytecode(_Mod, Bytecode, _Source) when is_binary(Bytecode) ->
    {ok, Bytecode};
bytecode(Mod, none, Source) ->
    case Source(Mod) of
        {ok, Bytecode} -> {ok, Bytecode};
        {error, _} -> {error, <<"its bytecode was not found, or is not that of the code which runs">>}
    end.

%% Never twice: `int` reloads the module each time, and what still runs its older code is killed.
interpret(Mod, Cause, #state{interpreted = Interpreted, bytecode = Source} = S) ->
    case Interpreted of
        #{Mod := #{causes := Causes} = Known} ->
            {ok, S#state{interpreted = Interpreted#{Mod := Known#{causes := lists:usort([Cause | Causes])}}}};
        #{} ->
            case interpretable(Mod, Source) of
                {ok, Md5, Ms} ->
                    Known = #{md5 => Md5, ms => Ms, causes => [Cause]},
                    {ok, S#state{interpreted = Interpreted#{Mod => Known}}};
                {error, Why} -> {{error, Why}, S}
            end
    end.

interpretable(Mod, Source) ->
    Denied = lists:member(Mod, ?NEVER) orelse ecd_deny:arm(Mod) =/= ok orelse code:is_sticky(Mod),
    case {Denied, code:ensure_loaded(Mod), bytecode(Mod, none, Source)} of
        {true, _, _} -> {error, <<"it must not be interpreted as a whole">>};
        {_, {error, _}, _} -> {error, <<"there is no such module">>};
        {_, _, {error, Why}} -> {error, Why};
        {_, _, {ok, Bytecode}} -> by_int(Mod, Bytecode)
    end.

by_int(Mod, Bytecode) ->
    {ok, {_, [{imports, Imports}]}} = beam_lib:chunks(Bytecode, [imports]),
    Compile = Mod:module_info(compile),
    Source = proplists:get_value(source, Compile, ""),
    case {lists:member({erlang, load_nif, 2}, Imports), filelib:is_regular(Source), code:soft_purge(Mod)} of
        {true, _, _} -> {error, <<"it has native code (NIFs), which interpreting it would unload">>};
        {_, false, _} -> {error, <<"its source file was not found">>};
        {_, _, false} -> {error, <<"processes still run an older version of it">>};
        _ -> timed(Mod, {Mod, Source, beam(Mod), Bytecode}, Bytecode)
    end.

beam(Mod) ->
    case code:which(Mod) of
        Path when is_list(Path) -> Path;
        _ -> atom_to_list(Mod)
    end.

timed(Mod, Description, Bytecode) ->
    Start = erlang:monotonic_time(millisecond),
    case int:i(Description) of
        {module, Mod} ->
            {ok, {_, Md5}} = beam_lib:md5(Bytecode),
            {ok, Md5, erlang:monotonic_time(millisecond) - Start};
        _ ->
            {error, <<"Erlang's debugger cannot interpret it; is there debug information?">>}
    end.

status_of(Mod, #{ms := Ms, causes := Causes}, #state{arms = Arms}) ->
    Armed = lists:sort([{FA, maps:keys(Owners)} || {{M, FA}, Owners} <- maps:to_list(Arms), M =:= Mod]),
    Bytes =
        case dbg_iserver:safe_call({get_module_db, Mod}) of
            not_found -> 0;
            Table -> ecd_prepare:bytes(Table)
        end,
    #{
        module => Mod,
        state => interpreted,
        functions => [unicode:characters_to_binary(io_lib:format("~ts/~b", [F, A])) || {{F, A}, _} <- Armed],
        owners => lists:usort(lists:append([Owners || {_, Owners} <- Armed])),
        bytes => Bytes,
        prepareMs => Ms,
        causes => Causes
    }.
