// What sources say: tables of source → facts, read by the real grammar.
import assert from 'node:assert/strict';
import path from 'node:path';
import type { FileFacts } from '../../server/index/facts';
import { Grammar } from '../../server/index/grammar';
import { factsOf } from '../../server/index/sourceReader';
import { root } from '../support/paths';

let grammar: Grammar;
const facts = (text: string, file = '/project/lib/a.ex'): FileFacts => factsOf(file, text, grammar);
const modules = (text: string): string[] => facts(text).modules.map(({ name }) => name);

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
});
