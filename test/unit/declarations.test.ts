// The modules that a source declares, without running or parsing it fully.
import assert from 'node:assert/strict';
import { modulesOfSource } from '../../server/project/declarations';

const names = (text: string): string[] => modulesOfSource(text, false).map(({ name }) => name);

describe('modulesOfSource', () => {
  it('nests modules by their enclosing module', () => {
    const text =
      'defmodule A do\n  defmodule B.C do\n    defmodule D do\n    end\n  end\n  defmodule E do\n  end\nend\ndefmodule F do\nend\n';
    assert.deepEqual(names(text), ['A', 'A.B.C', 'A.B.C.D', 'A.E', 'F']);
  });

  it('names an implementation after its protocol and each of its types', () => {
    const text =
      'defmodule A do\n  alias X.{Size, Other}\n  defimpl Size, for: [A.One, Two] do\n  end\n  defimpl String.Chars do\n  end\nend\n';
    assert.deepEqual(names(text), ['A', 'X.Size.A.One', 'X.Size.Two', 'String.Chars.A']);
  });

  it('knows a nested module by its short name', () => {
    const text = 'defmodule A do\n  defmodule B do\n  end\n  defimpl P, for: B do\n  end\nend\n';
    assert.deepEqual(names(text), ['A', 'A.B', 'P.A.B']);
  });

  it('does not take documentation for code', () => {
    const text =
      'defmodule A do\n  @moduledoc """\n      defmodule Example do\n      end\n  """\n  # defmodule B do\nend\n';
    assert.deepEqual(names(text), ['A']);
  });

  it('counts lines from one', () => {
    assert.deepEqual(modulesOfSource('\n\ndefmodule A do\nend\n', false), [{ name: 'A', line: 3 }]);
  });

  it('reads the module of an Erlang file', () => {
    assert.deepEqual(modulesOfSource('%% -module(no).\n-module(yes).\n', true), [{ name: ':yes', line: 2 }]);
    assert.deepEqual(modulesOfSource("-module('odd name').\n", true), [{ name: ':"odd name"', line: 1 }]);
  });
});
