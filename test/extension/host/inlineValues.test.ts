// What is shown beside the code while a process is stopped, and what a hover evaluates.
import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { hoverExpression } from '../../../src/debug/hoverExpression';
import { inlineValues } from '../../../src/debug/inlineValues';

const NEVER = new vscode.CancellationTokenSource().token;

async function document(language: string, content: string): Promise<vscode.TextDocument> {
  return vscode.workspace.openTextDocument({ language, content });
}

/** `line name` of each value that is looked up or evaluated, for a stop at a 0-based line. */
async function valuesAt(language: string, content: string, stop: number): Promise<string[]> {
  const opened = await document(language, content);
  const everything = new vscode.Range(0, 0, opened.lineCount, 0);
  const stoppedLocation = new vscode.Range(stop, 0, stop, 0);
  const values = await inlineValues.provideInlineValues(opened, everything, { frameId: 1, stoppedLocation }, NEVER);
  return (values ?? []).map((value) => {
    if (value instanceof vscode.InlineValueVariableLookup)
      return `${value.range.start.line} ${value.variableName ?? ''}`;
    assert.ok(value instanceof vscode.InlineValueEvaluatableExpression);
    return `${value.range.start.line} ${value.expression ?? ''}`;
  });
}

/** The expression for the position marked by `|`. */
async function hoverAt(language: string, marked: string): Promise<string | undefined> {
  const opened = await document(language, marked.replace('|', ''));
  const found = await hoverExpression.provideEvaluatableExpression(
    opened,
    opened.positionAt(marked.indexOf('|')),
    NEVER,
  );
  return found === undefined || found === null ? undefined : (found.expression ?? opened.getText(found.range));
}

describe('inline values', () => {
  it('are the variables of the function, from its head to the stop', async () => {
    const text = [
      'def other(a), do: a',
      'def total(items, _opts) do',
      '  sum = Enum.sum(items)',
      '  rest = sum + sum',
      '  later = rest',
      'end',
    ].join('\n');
    assert.deepEqual(await valuesAt('elixir', text, 3), ['1 items', '2 sum', '2 items', '3 rest', '3 sum']);
  });

  it('begin at the top in a script', async () => {
    assert.deepEqual(await valuesAt('elixir', 'a = 1\nb = a\nc = b\n', 1), ['0 a', '1 b', '1 a']);
  });

  it('leave out the modules of a script', async () => {
    const text = 'list = [1]\ndefmodule A do\n  def f(list) do\n    list\n  end\nend\nsum = A.f(list)\n';
    assert.deepEqual(await valuesAt('elixir', text, 6), ['0 list', '6 sum', '6 list']);
    assert.deepEqual(await valuesAt('elixir', text, 3), ['2 list', '3 list']);
  });

  it('begin at the test in a test file', async () => {
    const text = 'x = 1\ntest "it", %{pid: pid} do\n  assert pid\nend\n';
    assert.deepEqual(await valuesAt('elixir', text, 2), ['1 pid', '2 pid']);
  });

  it('show assigns in templates', async () => {
    const text = '<h1>{@title}</h1>\n<%= for item <- @items do %>\n<p>{item}</p>\n<% end %>\n';
    assert.deepEqual(await valuesAt('phoenix-heex', text, 2), [
      '0 assigns[:title]',
      '1 item',
      '1 assigns[:items]',
      '2 item',
    ]);
  });

  it('show Erlang variables', async () => {
    assert.deepEqual(await valuesAt('erlang', 'g(A) -> A.\nf(X, _) ->\n  Y = X,\n  Y.\n', 2), ['1 X', '2 Y', '2 X']);
  });
});

describe('a hover', () => {
  it('evaluates variables, their fields and attributes', async () => {
    assert.equal(await hoverAt('elixir', 'total = ca|rt.size.width'), 'cart');
    assert.equal(await hoverAt('elixir', 'total = cart.si|ze.width'), 'cart.size');
    assert.equal(await hoverAt('elixir', 'total = cart.size.wi|dth'), 'cart.size.width');
    assert.equal(await hoverAt('elixir', 'x * @t|ax'), '@tax');
    assert.equal(await hoverAt('phoenix-heex', '<p>{@us|er.name}</p>'), 'assigns[:user]');
    assert.equal(await hoverAt('phoenix-heex', '<p>{@user.na|me}</p>'), 'assigns[:user].name');
    assert.equal(await hoverAt('erlang', 'f(Na|me) -> Name.'), 'Name');
  });

  it('never evaluates a call', async () => {
    assert.equal(await hoverAt('elixir', 'x = del|ete(file)'), undefined);
    assert.equal(await hoverAt('elixir', 'x = File.r|m(file)'), undefined);
    assert.equal(await hoverAt('elixir', 'x = Repo.delete_a|ll'), undefined);
    assert.equal(await hoverAt('elixir', 'x = get().na|me'), undefined);
    assert.equal(await hoverAt('elixir', '"te|xt"'), undefined);
  });
});
