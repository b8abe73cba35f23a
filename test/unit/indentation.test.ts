// The indentation rules of the languages: after which lines the editor indents, and which lines it takes back.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { root } from '../support/paths';

function rules(language: string): { indents: RegExp; dedents: RegExp } {
  const text = readFileSync(path.join(root, 'languages', `${language}.json`), 'utf8');
  const { indentationRules } = JSON.parse(text) as {
    indentationRules: { increaseIndentPattern: string; decreaseIndentPattern: string };
  };
  return {
    indents: new RegExp(indentationRules.increaseIndentPattern),
    dedents: new RegExp(indentationRules.decreaseIndentPattern),
  };
}

const cases: Record<string, { indent: string[]; stay: string[]; dedent: string[] }> = {
  elixir: {
    indent: [
      'defmodule A do',
      '  if x do # why',
      '  Enum.map(fn x ->',
      '  list = [',
      '  call(',
      '  x =',
      '    else',
      '    :ok ->',
    ],
    stay: ['  if x, do: y', '  # nothing to do', '  undo', '  call()', '  list = [1]', 'end'],
    dedent: ['  end', 'end)', '  else', '  rescue', '  ]', '  }', '  )'],
  },
  erlang: {
    indent: ['f(X) ->', '  case X of', '  begin', '  L = [', '  receive'],
    stay: ['  X.', '  % case X of', '  f(),', '  end,'],
    dedent: ['  end.', '  end,', '  ]', '  }'],
  },
  template: {
    indent: ['<div class="a">', '<%= if x do %>', '<% else %>', '<.button :if={@ok}>'],
    stay: ['<br>', '<img src="a">', '<p>text</p>', '<%= x %>', '<.icon name="x" />', 'text'],
    dedent: ['</div>', '<% end %>', '<% else %>', '  </.button>'],
  },
};

for (const [language, { indent, stay, dedent }] of Object.entries(cases)) {
  describe(`indentation in ${language} files`, () => {
    const { indents, dedents } = rules(language);
    it('begins after what opens', () => {
      for (const line of indent) assert.match(line, indents);
    });
    it('stays after what is complete', () => {
      for (const line of stay) assert.doesNotMatch(line, indents);
    });
    it('ends with what closes', () => {
      for (const line of dedent) assert.match(line, dedents);
    });
  });
}
