// The lexers behind colours, inline values and hover: what they call a variable decides what the user sees beside the code.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { lex } from '../../src/languages/lexers';

function words(language: string, text: string, kind: string): string[] {
  return lex(language, text)
    .filter((token) => token.kind === kind)
    .map(({ start, end }) => text.slice(start, end));
}
const variables = (text: string): string[] => words('elixir', text, 'variable');

describe('the Elixir lexer', () => {
  it('tells variables from calls, fields, keys and atoms', () => {
    const text = 'total = sum(items) + cart.size + Keyword.get(opts, :size, default: size)';
    assert.deepEqual(variables(text), ['total', 'items', 'cart', 'opts', 'size']);
    assert.deepEqual(words('elixir', text, 'call'), ['sum', 'get']);
    assert.deepEqual(words('elixir', text, 'field'), ['size']);
  });

  it('tells a call without parentheses from a variable', () => {
    assert.deepEqual(variables('assert total == 3'), ['total']);
    assert.deepEqual(variables('send pid, {:ok, x}'), ['pid', 'x']);
    assert.deepEqual(variables('if ready and item in items do'), ['ready', 'item', 'items']);
    assert.deepEqual(variables('x when y'), ['x', 'y']);
  });

  it('finds variables in interpolations, not in the text around them', () => {
    assert.deepEqual(variables('"hello #{name} and #{inspect(%{a: b})} there"'), ['name', 'b']);
    assert.deepEqual(variables('~s(one #{two} three)'), ['two']);
    assert.deepEqual(variables('~S(one #{two} three)'), []);
  });

  it('skips comments, heredocs and characters', () => {
    assert.deepEqual(variables('a # b\n"""\nc\n"""\nd = ?e'), ['a', 'd']);
  });

  it('takes captured functions and definitions for calls', () => {
    assert.deepEqual(variables('Enum.map(list, &double/1)'), ['list']);
    assert.deepEqual(variables('defp double(x), do: x * 2'), ['x', 'x']);
  });

  it('keeps names with marks and non-ASCII letters whole', () => {
    assert.deepEqual(variables('größe + ok?'), ['größe', 'ok?']);
  });
});

describe('the template lexer', () => {
  it('reads code between tags only', () => {
    const text = '<p class="x"><%= name %></p> <%# gone %> <%% raw %> <% if ok do %>';
    assert.deepEqual(words('eex', text, 'variable'), ['name', 'ok']);
  });

  it('reads braces in HEEx, not in EEx', () => {
    const text = '<p class={color}>{@title} { %{a: b}.a }</p>';
    assert.deepEqual(words('phoenix-heex', text, 'variable'), ['color', 'b']);
    assert.deepEqual(words('phoenix-heex', text, 'attribute'), ['@title']);
    assert.deepEqual(words('eex', text, 'variable'), []);
  });
});

describe('the Erlang lexer', () => {
  it('tells variables from atoms, macros, records and text', () => {
    const text = 'f(X, _Y) -> #rec{a = \'B\'} = X, "Z", ?MAC, $A, lists:map(F, [x]). % W';
    assert.deepEqual(words('erlang', text, 'variable'), ['X', '_Y', 'X', 'F']);
    assert.deepEqual(words('erlang', text, 'macro'), ['?MAC']);
    assert.deepEqual(words('erlang', text, 'call'), ['f', 'map']);
  });
});

describe('every lexer', () => {
  it('gives ordered, non-empty tokens inside the text, whatever the text', () => {
    const bits = fc.constantFrom(
      '"',
      "'",
      '"""',
      '#{',
      '}',
      '~s(',
      ')',
      '<%',
      '%>',
      '{',
      '<%#',
      '\\',
      '\n',
      'a',
      'B',
      ':',
      '@',
      '?',
      '1',
      ' ',
    );
    fc.assert(
      fc.property(
        fc.constantFrom('elixir', 'erlang', 'eex', 'html-eex', 'phoenix-heex'),
        fc.oneof(
          fc.string(),
          fc.array(bits, { maxLength: 60 }).map((list) => list.join('')),
        ),
        (language, text) => {
          let at = 0;
          for (const { start, end } of lex(language, text)) {
            assert.ok(
              start >= at && end > start && end <= text.length,
              `${start}-${end} after ${at} in ${JSON.stringify(text)}`,
            );
            at = end;
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});
