%% A module's private functions and macros, callable: a companion module made from its debug information, in which
%% everything is public. The module itself stays untouched. Knows nothing of evaluation.
-module(ecd_private).

-export([names/1, load/1, hide/1, unload_all/0]).

-define(PREFIX, "ecd_private_").

%% The private functions and macros of an Elixir module.
-spec names(module()) -> [{atom(), arity()}].
names(Module) ->
    ecd_handles:cached({private, Module, erlang:get_module_info(Module, md5)}, fun() -> private_names(Module) end).

private_names(Module) ->
    case elixir_map(Module) of
        {ok, #{definitions := Definitions}} -> [Name || {Name, Kind, _, _} <- Definitions, is_private(Kind)];
        error -> []
    end.

is_private(Kind) -> Kind =:= defp orelse Kind =:= defmacrop.

elixir_map(Module) ->
    case ecd_modules:bytecode(Module) of
        {ok, Beam} ->
            case beam_lib:chunks(Beam, [debug_info]) of
                {ok, {Module, [{debug_info, {debug_info_v1, elixir_erl, {elixir_v1, Map, _Specs}}}]}} -> {ok, Map};
                _ -> error
            end;
        {error, _} ->
            error
    end.

%% The companion's name; it is made on first use and for each version of the module anew.
-spec load(module()) -> {ok, module()} | error.
load(Module) ->
    Companion = name(Module),
    case erlang:module_loaded(Companion) orelse ecd_modules:bytecode(Module) of
        true -> {ok, Companion};
        {ok, Beam} -> make(Module, Companion, Beam);
        {error, _} -> error
    end.

%% The companion is nobody's business: texts name the module itself.
-spec hide(binary()) -> binary().
hide(Text) ->
    case binary:match(Text, <<?PREFIX>>) of
        nomatch -> Text;
        _ -> re:replace(Text, <<":?[\"']?ecd_private_(?:Elixir\\.)?([^\"'\\s]*?)_[0-9A-F]{8}[\"']?">>, <<"\\1">>,
                        [global, unicode, {return, binary}])
    end.

%% Takes away what nobody uses any more; a companion that a closure still needs stays.
-spec unload_all() -> ok.
unload_all() ->
    Companions = [Module || {Module, _} <- code:all_loaded(), lists:prefix(?PREFIX, atom_to_list(Module))],
    lists:foreach(
        fun(Companion) ->
            code:delete(Companion),
            code:soft_purge(Companion)
        end,
        Companions
    ).

name(Module) ->
    Hash = binary:encode_hex(binary:part(erlang:get_module_info(Module, md5), 0, 4)),
    list_to_atom(?PREFIX ++ atom_to_list(Module) ++ "_" ++ binary_to_list(Hash)).

make(Module, Companion, Beam) ->
    case forms(Module, Beam) of
        {ok, Forms} ->
            case compile:noenv_forms(renamed(Forms, Companion), [binary, export_all, nowarn_export_all]) of
                {ok, Companion, Binary} ->
                    {module, Companion} = code:load_binary(Companion, "", Binary),
                    {ok, Companion};
                _ ->
                    error
            end;
        error ->
            error
    end.

%% Elixir drops private macros and unused private functions when it compiles; its definitions still have them.
forms(Module, Beam) ->
    case beam_lib:chunks(Beam, [debug_info]) of
        {ok, {Module, [{debug_info, {debug_info_v1, elixir_erl, {elixir_v1, Map, _Specs}}}]}} ->
            #{definitions := Definitions} = Map,
            Public = Map#{definitions := [public(Definition) || Definition <- Definitions], unreachable := []},
            elixir_erl:debug_info(erlang_v1, Module, {elixir_v1, Public, []}, []);
        {ok, {Module, [{debug_info, {debug_info_v1, Backend, Data}}]}} ->
            case Backend:debug_info(erlang_v1, Module, Data, []) of
                {ok, Forms} -> {ok, Forms};
                {error, _} -> error
            end;
        _ ->
            error
    end.

public({Name, defp, Meta, Clauses}) -> {Name, def, Meta, Clauses};
public({Name, defmacrop, Meta, Clauses}) -> {Name, defmacro, Meta, Clauses};
public(Definition) -> Definition.

%% Types would need each other exported, on_load would load a NIF library twice.
renamed(Forms, Companion) ->
    [
        case Form of
            {attribute, Anno, module, _} -> {attribute, Anno, module, Companion};
            _ -> Form
        end
     || Form <- Forms, keep(Form)
    ].

keep({attribute, _, Name, _}) ->
    not lists:member(Name, [spec, type, opaque, nominal, export_type, callback, macrocallback, optional_callbacks,
                            behaviour, behavior, on_load, export]);
keep(_Form) ->
    true.
