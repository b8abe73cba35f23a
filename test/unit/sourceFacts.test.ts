// What sources say: tables of source → facts, read by the real grammar.
import assert from 'node:assert/strict';
import path from 'node:path';
import fc from 'fast-check';
import type { FileFacts } from '../../server/index/facts';
import { Grammar } from '../../server/index/grammar';
import { factsOf } from '../../server/index/sourceReader';
import { root } from '../support/paths';

let grammar: Grammar;
const facts = (text: string, file = '/project/lib/a.ex'): FileFacts => factsOf(file, text, grammar);
const modules = (text: string): string[] => facts(text).modules.map(({ name }) => name);

/** `from kind to`, each once. */
const edges = (text: string, file?: string): string[] => [
  ...new Set(facts(text, file).edges.map(({ from, to, kind }) => `${from} ${kind} ${to}`)),
];
const inModule = (...lines: string[]): string[] => edges(['defmodule A do', ...lines, 'end'].join('\n'));
const functions = (text: string, file?: string): string[] =>
  facts(text, file).functions.map(
    ({ module, name, arity, defaults, line, endLine, visibility, macro }) =>
      `${module}.${name}/${arity}${defaults > 0 ? `-${defaults}` : ''} ${visibility}${macro ? ' macro' : ''} ${line}-${endLine}`,
  );

describe('the facts of a source', () => {
  before(async () => {
    grammar = await Grammar.load(path.join(root, 'dist'));
  });
  after(() => grammar.delete());

  describe('modules', () => {
    it('are nested by their enclosing module', () => {
      const text =
        'defmodule A do\n  defmodule B.C do\n    defmodule D do\n    end\n  end\n  defmodule E do\n  end\nend\ndefmodule F do\nend\n';
      assert.deepEqual(modules(text), ['A', 'A.B.C', 'A.B.C.D', 'A.E', 'F']);
    });

    it('that implement are named after the protocol and each type', () => {
      const text =
        'defmodule A do\n  alias X.{Size, Other}\n  defimpl Size, for: [A.One, Two] do\n  end\n  defimpl String.Chars do\n  end\nend\n';
      assert.deepEqual(modules(text), ['A', 'X.Size.A.One', 'X.Size.Two', 'String.Chars.A']);
    });

    it('are known by their short name where they are nested', () => {
      const text = 'defmodule A do\n  defmodule B do\n  end\n  defimpl P, for: B do\n  end\nend\n';
      assert.deepEqual(modules(text), ['A', 'A.B', 'P.A.B']);
    });

    it('are known with names in any script', () => {
      const text = 'defmodule A do\n  def 大小?(x), do: "한국 #{B.f(x)}"\n  def größe(x), do: x\nend';
      assert.deepEqual(functions(text), ['A.大小?/1 public 2-2', 'A.größe/1 public 3-3']);
      assert.deepEqual(edges(text), ['A call B']);
    });

    it('are not taken from documentation and comments', () => {
      const text =
        'defmodule A do\n  @moduledoc """\n      defmodule Example do\n      end\n  """\n  # defmodule B do\nend\n';
      assert.deepEqual(modules(text), ['A']);
    });

    it('have lines that count from one', () => {
      const [module] = facts('\n\ndefmodule A do\n  :ok\nend\n').modules;
      assert.deepEqual(module, { name: 'A', line: 3, endLine: 5, kind: 'module' });
    });

    it('of Erlang are read as well', () => {
      const name = (text: string) => facts(text, '/project/src/a.erl').modules[0];
      assert.equal(name('%% -module(no).\n-module(yes).\n')?.name, ':yes');
      assert.equal(name('%% -module(no).\n-module(yes).\n')?.line, 2);
      assert.equal(name("-module('odd name').\n")?.name, ':"odd name"');
    });
  });

  describe('functions', () => {
    it('have name, arity, visibility and the lines of their clauses', () => {
      const text = `defmodule A do
  def zero, do: 0
  def one(a) when is_integer(a) do
    a
  end
  def one(_), do: 1
  defp two(a, b \\\\ 1), do: a + b
  defmacro three(a, b, c) do
    quote do: {unquote(a), unquote(b), unquote(c)}
  end
  def a <~> b, do: {a, b}
  def one(a, b), do: {a, b}
  defguardp small(a) when a < 10
  defdelegate size(map), to: Map
  def unquote(:computed)(), do: 1
end
`;
      assert.deepEqual(functions(text), [
        'A.zero/0 public 2-2',
        'A.one/1 public 3-6',
        'A.two/2-1 private 7-7',
        'A.three/3 public macro 8-10',
        'A.<~>/2 public 11-11',
        'A.one/2 public 12-12',
        'A.small/1 private macro 13-13',
        'A.size/1 public 14-14',
      ]);
    });

    it('belong to the innermost module, and those in quoted code to none', () => {
      const text = `defmodule A do
  defmodule B do
    def b, do: 1
  end
  defmacro __using__(_) do
    quote do
      def injected, do: 1
    end
  end
  def alias(import), do: import
end`;
      assert.deepEqual(functions(text), [
        'A.B.b/0 public 3-3',
        'A.__using__/1 public macro 5-9',
        'A.alias/1 public 10-10',
      ]);
    });

    it('of Erlang have lines and arities too', () => {
      const text = `-module(a).
-export([go/2]).
go(X, {Y, Z}) ->
    b:call(X, "a, (b"), % c:not_called()
    Y + Z;
go(_, "}") ->
    ok.

inner() -> 'odd mod':f(), lists:map(fun m:n/1, []).
`;
      assert.deepEqual(functions(text, '/project/src/a.erl'), [':a.go/2 public 3-7', ':a.inner/0 private 9-9']);
      assert.deepEqual(edges(text, '/project/src/a.erl'), [
        ':a call :b',
        ':a call :"odd mod"',
        ':a call :lists',
        ':a call :m',
      ]);
    });
  });

  describe('edges', () => {
    const table: [title: string, lines: string[], expected: string[]][] = [
      ['an alias', ['alias B.C', 'def f, do: C.g()'], ['A alias B.C', 'A call B.C']],
      [
        'several aliases in one',
        ['alias B.{C, D.E}', 'def f, do: {C.g(), E.g()}'],
        ['A alias B.C', 'A alias B.D.E', 'A call B.C', 'A call B.D.E'],
      ],
      ['an alias with a name of its own', ['alias B.C, as: X', 'def f, do: X.Y.g()'], ['A alias B.C', 'A call B.C.Y']],
      [
        'an alias of an alias',
        ['alias B.C', 'alias C.D', 'def f, do: D.g()'],
        ['A alias B.C', 'A alias B.C.D', 'A call B.C.D'],
      ],
      [
        'an alias inside one function',
        ['def f do', 'alias B.C', 'C.g()', 'end', 'def h, do: C.g()'],
        ['A alias B.C', 'A call B.C', 'A call C'],
      ],
      [
        'the module itself',
        ['alias __MODULE__.Inner', 'def f, do: {__MODULE__.g(), Inner.g(), __MODULE__.Other.g()}'],
        ['A alias A.Inner', 'A call A.Inner', 'A call A.Other'],
      ],
      [
        'what use, import and require bring in',
        ['use GenServer, restart: :temporary', 'import Ecto.Query', 'require Logger'],
        ['A use GenServer', 'A import Ecto.Query', 'A reference Logger'],
      ],
      ['a required name', ['require Logger, as: L', 'def f, do: L.info("x")'], ['A reference Logger', 'A call Logger']],
      ['a behaviour', ['@behaviour Plug'], ['A behaviour Plug']],
      ['modules of Erlang', ['def f, do: {:lists.sort([]), :"odd mod".f()}'], ['A call :lists', 'A call :"odd mod"']],
      [
        'structs and child specs',
        ['def f(%B{}), do: [{C, []}, D]'],
        ['A reference B', 'A reference C', 'A reference D'],
      ],
      ['pipes and captures', ['def f(x), do: x |> B.g() |> Enum.map(&C.h/1)'], ['A call B', 'A call Enum', 'A call C']],
      ['a delegate', ['defdelegate f(x), to: B'], ['A call B']],
      [
        'no name that quoted code declares',
        ['defmacro f do', 'quote do', 'defmodule B do', 'C.g()', 'end', 'end', 'end'],
        ['A reference C'],
      ],
      ['quoted code by reference', ['defmacro f do', 'quote do', 'B.g()', 'end', 'end'], ['A reference B']],
      [
        'components in HEEx',
        ['def render(assigns) do', '~H"""', '<B.card title={C.title(@x)}><%= D.body() %></B.card>', '"""', 'end'],
        ['A template B', 'A template D', 'A template C'],
      ],
      [
        'code in nested braces, and neither comments, scripts nor styles',
        [
          'def render(assigns) do',
          '~H"""',
          '<p title={B.t(%{a: {1, "}"}, b: C.c()})}>5" wide, {D.d()} <% # E.no() %><%!-- <F.no /> <%= F.no() %> --%></p>',
          '<!-- <G.no /> --><script>if (x) { Math.max() } <%= H.yes() %></script>',
          '"""',
          'end',
        ],
        ['A template H', 'A template B', 'A template C', 'A template D'],
      ],
      ['no type specifications', ['@type t :: B.t()', '@spec f(C.t()) :: D.t()', '@callback g(E.t()) :: :ok'], []],
      ['no text', ['@doc "calls B.g()"', '# C.g()', 'def f, do: "D.g() and #{E.g()}"'], ['A call E']],
    ];
    for (const [title, lines, expected] of table) {
      it(`follow ${title}`, () => {
        assert.deepEqual(inModule(...lines), expected);
      });
    }

    it('join a protocol, its implementation and the type', () => {
      assert.deepEqual(edges('defimpl P, for: [T, Integer] do\n  def f(x), do: B.g(x)\nend'), [
        'P.T protocol P',
        'P implementation P.T',
        'T implementation P.T',
        'P.Integer protocol P',
        'P implementation P.Integer',
        'P.T call B',
        'P.Integer call B',
      ]);
    });

    it('tell the line they are written in', () => {
      assert.deepEqual(facts('defmodule A do\n\n  def f, do: B.g()\nend').edges, [
        { from: 'A', to: 'B', kind: 'call', line: 3 },
      ]);
    });
  });

  it('names the templates that a module compiles into itself', () => {
    const text = `defmodule A do
  require EEx
  embed_templates "pages/*"
  embed_templates "mail/*", root: "../shared"
  EEx.function_from_file(:def, :page, Path.join(__DIR__, "page.eex"), [:x])
  EEx.function_from_file(:def, :other, "lib/other.eex")
end`;
    assert.deepEqual(
      facts(text).templates.map(({ pattern }) => pattern),
      ['/project/lib/pages/*', '/project/shared/mail/*', '/project/lib/page.eex', 'lib/other.eex'],
    );
  });

  it('outlines tests, as the test explorer shows them', () => {
    const text = `defmodule ATest do
  use ExUnit.Case
  doctest A
  test "alone", %{x: x} do
    assert x
  end
  describe "group" do
    @tag :slow
    test "inside" do
    end
    test "not written yet"
    for n <- 1..2 do
      test "generated #{n}" do
      end
    end
  end
end`;
    assert.deepEqual(facts(text, '/project/lib/a.ex').tests, []);
    const [module, ...more] = facts(text, '/project/test/a_test.exs').tests;
    assert.deepEqual(more, []);
    assert.deepEqual([module?.id, module?.kind, module?.line, module?.endLine], ['ATest', 'module', 1, 17]);
    const [doctest, alone, group] = module?.children ?? [];
    assert.deepEqual([doctest?.kind, doctest?.id, doctest?.name], ['doctest', 'doctest A', 'A']);
    assert.deepEqual([alone?.kind, alone?.id, alone?.line, alone?.endLine], ['test', 'alone', 4, 6]);
    assert.deepEqual([group?.kind, group?.id, group?.line, group?.endLine], ['describe', 'group', 7, 16]);
    assert.deepEqual(
      group?.children.map(({ id, line }) => `${id} ${line}`),
      ['group inside 9', 'group not written yet 11', 'group generated #{n} 13'],
    );
  });

  it('are found, or not, in whatever a file holds, without an error', () => {
    const pieces = fc.constantFrom(
      'defmodule A do',
      'end',
      'do',
      'fn ->',
      '"',
      '"""',
      '~H|',
      '#{',
      '}',
      '{',
      '(',
      ')',
      '%A{',
      'alias B.{',
      'def f(',
      ',',
      '\n',
      ' ',
      "'",
      '@spec ',
      '&',
      ':"',
      'x |> ',
      'quote do',
      '<<',
      '\u00e9',
      '\u{1F600}',
      '\0',
    );
    const text = fc
      .array(fc.oneof(pieces, fc.string({ maxLength: 5 })), { maxLength: 80 })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, fc.constantFrom('/a.ex', '/a.exs', '/a.erl', '/a.heex', '/a.eex'), (source, file) => {
        assert.ok(Array.isArray(factsOf(file, source, grammar).modules));
      }),
      { numRuns: 2_000 },
    );
  });

  it('are found however deeply the code nests', () => {
    const depth = 5_000;
    const nested = `${'if x do\n'.repeat(depth)}B.f()\n${'end\n'.repeat(depth)}`;
    assert.equal(modules(`defmodule A do\n${nested}end\n`)[0], 'A');
    assert.equal(modules(`defmodule A do\ndef f, do: ${'['.repeat(depth)}${']'.repeat(depth)}\nend\n`)[0], 'A');
    assert.equal(modules(`defmodule A do\ndef f, do: x${' |> B.g()'.repeat(depth)}\nend\n`)[0], 'A');
  });
});
