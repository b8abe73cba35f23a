%% Names as Elixir writes them: modules, functions, atoms. Pure; calls no Elixir.
-module(ecd_names).

-export([module/1, function/3, atom/1, is_identifier/1, pid/1]).

%% `Foo.Bar` for Elixir's modules, `:lists` for Erlang's.
-spec module(module()) -> binary().
module(Module) ->
    case atom_to_binary(Module) of
        <<"Elixir.", Rest/binary>> when Rest =/= <<>> -> Rest;
        _ -> atom(Module)
    end.

%% `Foo.bar/1`, `anonymous fn/2 in Foo.bar/1`, `Foo."test adds"/1`.
-spec function(module(), atom(), arity()) -> binary().
function(Module, Name, Arity) ->
    unicode:characters_to_binary(function_chars(Module, atom_to_binary(Name), Arity)).

function_chars(_Module, <<"__FILE__">>, 1) ->
    "(file)";
function_chars(_Module, <<"__MODULE__">>, _) ->
    "(module)";
function_chars(Module, <<"MACRO-", Name/binary>>, Arity) when Arity > 0 ->
    plain(Module, Name, Arity - 1);
function_chars(Module, <<$-, Lifted/binary>> = Name, Arity) ->
    %% `-fun/1-fun-0-`, `-fun/1-lc$^0/1-0-`, `-fun/1-inlined-0-`: what the compiler lifted out of fun/1.
    %% `lists^map` is a comprehension or library loop that was made part of the function.
    Pattern = <<"^(.*)/(\\d+)-(fun|lc|lbc|blc|bc|mc|after|inlined|lists)[-$^].*$"/utf8>>,
    case re:run(Lifted, Pattern, [unicode, dotall, {capture, all_but_first, binary}]) of
        {match, [Host, HostArity, Kind]} ->
            In = [" in ", function_chars(Module, Host, binary_to_integer(HostArity))],
            case Kind of
                <<"lists">> -> function_chars(Module, Host, binary_to_integer(HostArity));
                <<"fun">> -> ["anonymous fn/", integer_to_list(Arity) | In];
                <<"after">> -> ["after" | In];
                <<"inlined">> -> ["inlined code" | In];
                _ -> ["comprehension" | In]
            end;
        nomatch ->
            plain(Module, Name, Arity)
    end;
function_chars(Module, Name, Arity) ->
    plain(Module, Name, Arity).

plain(Module, Name, Arity) ->
    [module(Module), ".", function_name(Name), "/", integer_to_list(Arity)].

function_name(Name) ->
    case is_identifier(Name) orelse is_operator(Name) of
        true -> Name;
        false -> quoted(Name)
    end.

is_operator(Name) ->
    re:run(Name, <<"^[-+*/<>=!&|^~.@:]+$">>) =/= nomatch.

%% `:ok`, `nil`, `:"with blanks"`.
-spec atom(atom()) -> binary().
atom(Atom) when Atom =:= nil; Atom =:= true; Atom =:= false ->
    atom_to_binary(Atom);
atom(Atom) ->
    Text = atom_to_binary(Atom),
    case Text of
        <<"Elixir.", Rest/binary>> when Rest =/= <<>> -> Rest;
        _ -> <<":", (iolist_to_binary(function_name(Text)))/binary>>
    end.

quoted(Text) ->
    Escaped = re:replace(Text, <<"[\"\\\\]">>, <<"\\\\&">>, [global, {return, binary}, unicode]),
    [$", Escaped, $"].

-spec is_identifier(binary()) -> boolean().
is_identifier(Text) ->
    re:run(Text, <<"^[\\p{L}_][\\p{L}\\p{N}_@]*[?!]?$"/utf8>>, [unicode]) =/= nomatch.

-spec pid(pid()) -> binary().
pid(Pid) ->
    list_to_binary(pid_to_list(Pid)).
