%% Constructors of failures as protocol/failure.ts has them. Throws; holds nothing.
-module(ecd_failure).

-export([user/2, user/3, expected/2, bug/1, from/3]).

-type failure() :: #{blame := user | expected | bug, code := binary(), message := binary(), hint => binary()}.
-export_type([failure/0]).

%% The user can mend it.
-spec user(binary(), unicode:chardata()) -> no_return().
user(Code, Message) ->
    throw({failure, #{blame => user, code => Code, message => text(Message)}}).

-spec user(binary(), unicode:chardata(), unicode:chardata()) -> no_return().
user(Code, Message, Hint) ->
    throw({failure, #{blame => user, code => Code, message => text(Message), hint => text(Hint)}}).

%% Part of normal life: answered, never shown.
-spec expected(binary(), unicode:chardata()) -> no_return().
expected(Code, Message) ->
    throw({failure, #{blame => expected, code => Code, message => text(Message)}}).

-spec bug(unicode:chardata()) -> no_return().
bug(Message) ->
    throw({failure, #{blame => bug, code => <<"internal">>, message => text(Message)}}).

%% Whatever a handler died of, as a failure that can travel.
-spec from(throw | error | exit, term(), list()) -> failure().
from(throw, {failure, Failure}, _Stack) ->
    Failure;
from(Class, Reason, Stack) ->
    #{
        blame => bug,
        code => <<"internal">>,
        message => text(io_lib:format("~0tP ~0tP ~0tP", [Class, 10, Reason, 20, Stack, 40]))
    }.

text(Chars) ->
    case unicode:characters_to_binary(Chars) of
        Bin when is_binary(Bin) -> Bin;
        _ -> <<"(text that is not Unicode)">>
    end.
