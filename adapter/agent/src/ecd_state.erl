%% What the interpreter engine's processes share: two public tables of the guardian's, so that they outlive whoever
%% writes them. Names the keys; decides nothing.
%%
%%   {pid, Pid}         Meta of a process that has entered interpreted code
%%   {meta, Meta}       Pid, what it entered first, the last command, the last stop reported, the frames below it
%%   {prepared, Mod}    table with the rows of a module
%%   {answered, Mod}    there if the rows are handed to every process that asks: something of Mod is or was armed, or a
%%                      process has been inside
%%   {news, Mod}        there if somebody armed it for what it does: that a process gets into it is told
%%   {entered, Mod}     there if a meta was ever given its rows
%%   {opened, Mod}      all | the functions that could ever be entered from outside
%%   {made, Mod}        there if a closure of it was made in interpreted code: the binary that all of them carry
%%   {left, Mod}        there if an earlier session has left something for it behind
%%   {step, Pid}        {into, Fun} | all: the modules that a step may enter;
%%                      entry: stop where it enters interpreted code
%%   {heavy, MFA}       there if somebody was told that interpreting it copies a lot
%%   {watched, Pid}     there from a stop until the process has left interpreted code: its moves are reported
%%   {exempt, Pid}      there for processes of the debugger's own, which never stop
%%   {subscriber, Pid}
%%   mode               running | remnant (debugging has ended; only what old closures need still works)
%%   stack              no_tail | all
-module(ecd_state).

-export([create/0, tables/0, get/2, put/2, once/2, delete/1, member/1, all/1, ids/1, open/2]).
-export([new_meta/2, hold/2, held/1, holders/1, let_go/1, set_meta/2, set_meta/3, meta/2]).

-compile({no_auto_import, [put/2]}).

-define(TABLE, ?MODULE).
-define(HELD, ecd_held).

-spec create() -> ok.
create() ->
    ?TABLE = ets:new(?TABLE, [named_table, public, {read_concurrency, true}, {write_concurrency, true}]),
    ?HELD = ets:new(?HELD, [named_table, public, bag, {write_concurrency, true}]),
    ok.

-spec tables() -> [atom()].
tables() ->
    [?TABLE, ?HELD].

-spec get(term(), Default) -> term() | Default.
get(Key, Default) ->
    case ets:lookup(?TABLE, Key) of
        [{_, Value}] -> Value;
        [] -> Default
    end.

-spec put(term(), term()) -> ok.
put(Key, Value) ->
    true = ets:insert(?TABLE, {Key, Value}),
    ok.

%% The value of a key, which is made by whoever asks first.
-spec once(term(), fun(() -> Value)) -> Value.
once(Key, Make) ->
    case ets:lookup(?TABLE, Key) of
        [{_, Value}] ->
            Value;
        [] ->
            _ = ets:insert_new(?TABLE, {Key, Make()}),
            ets:lookup_element(?TABLE, Key, 2)
    end.

-spec delete(term()) -> ok.
delete(Key) ->
    true = ets:delete(?TABLE, Key),
    ok.

-spec member(term()) -> boolean().
member(Key) ->
    ets:member(?TABLE, Key).

%% All entries of a kind: `{{Kind, Id}, Value}` as `{Id, Value}`.
-spec all(atom()) -> [{term(), term()}].
all(Kind) ->
    ets:select(?TABLE, [{{{Kind, '$1'}, '$2'}, [], [{{'$1', '$2'}}]}]).

%% The same without the values.
-spec ids(atom()) -> [term()].
ids(Kind) ->
    ets:select(?TABLE, [{{{Kind, '$1'}, '_'}, [], ['$1']}]).

%% Notes functions of a module that calls from outside may enter from now on.
-spec open(module(), all | [{atom(), arity()}]) -> ok.
open(Mod, Functions) ->
    case {Functions, get({opened, Mod}, [])} of
        {_, all} -> ok;
        {all, _} -> put({opened, Mod}, all);
        {_, Known} -> put({opened, Mod}, lists:usort(Functions ++ Known))
    end.

%% What is known of a meta at first.
-spec new_meta(pid(), mfa() | none) -> map().
new_meta(Pid, MFA) ->
    #{pid => Pid, mfa => MFA, command => none, stop => none, stopped => false, frames => []}.

%% A meta has been given the table of a module and may look into it for as long as it lives.
-spec hold(pid(), module()) -> ok.
hold(Meta, Mod) ->
    true = ets:insert(?HELD, {Meta, Mod}),
    ok.

-spec held(pid()) -> [module()].
held(Meta) ->
    [Mod || {_, Mod} <- ets:lookup(?HELD, Meta)].

-spec holders(module()) -> [pid()].
holders(Mod) ->
    ets:select(?HELD, [{{'$1', Mod}, [], ['$1']}]).

-spec let_go(pid()) -> ok.
let_go(Meta) ->
    true = ets:delete(?HELD, Meta),
    ok.

%% One field of what is known about a meta; nothing happens if the meta is gone.
-spec set_meta(pid(), atom(), term()) -> ok.
set_meta(Meta, Field, Value) ->
    set_meta(Meta, #{Field => Value}).

-spec set_meta(pid(), map()) -> ok.
set_meta(Meta, Fields) ->
    case get({meta, Meta}, gone) of
        gone -> ok;
        Known -> put({meta, Meta}, maps:merge(Known, Fields))
    end.

-spec meta(pid(), atom()) -> term().
meta(Meta, Field) ->
    case get({meta, Meta}, gone) of
        gone -> none;
        #{Field := Value} -> Value
    end.
