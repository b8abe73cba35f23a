// A program that ended without reaching a breakpoint: what the user hears, and what the button then runs. Real programs.
import assert from 'node:assert/strict';
import { cp } from 'node:fs/promises';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { Notices } from '../../support/notices';
import { fixtures } from '../../support/paths';
import { nextEvent, until } from '../../support/vscodeEvents';

describe('a program that never reached its breakpoints', function () {
  this.timeout(180_000);
  let folder: vscode.WorkspaceFolder;
  let notices: Notices;

  before(async () => {
    const [first] = vscode.workspace.workspaceFolders ?? [];
    assert.ok(first);
    folder = first;
    await cp(path.join(fixtures, 'umbrella'), source('umbrella').fsPath, { recursive: true });
    await write('quick.exs', 'IO.puts("quick")\n');
    await write('failing.exs', 'System.halt(3)\n');
    await write('scripts/alone.exs', 'name = "alone"\nIO.puts(name)\n');
  });
  beforeEach(() => {
    notices = new Notices();
  });
  afterEach(async () => {
    notices.dispose();
    vscode.debug.removeBreakpoints([...vscode.debug.breakpoints]);
    if (vscode.debug.activeDebugSession !== undefined) {
      const ended = nextEvent(vscode.debug.onDidTerminateDebugSession, () => true, 'end of the session');
      await vscode.debug.stopDebugging();
      await ended;
    }
  });
  after(async () => {
    for (const each of ['umbrella', 'scripts', 'quick.exs', 'failing.exs']) {
      await vscode.workspace.fs.delete(source(each), { recursive: true });
    }
  });

  const source = (file: string): vscode.Uri => vscode.Uri.joinPath(folder.uri, file);
  const write = (file: string, text: string): Thenable<void> =>
    vscode.workspace.fs.writeFile(source(file), Buffer.from(text));
  async function breakAt(file: string, text: string): Promise<void> {
    const document = await vscode.workspace.openTextDocument(source(file));
    const { line } = document.positionAt(document.getText().indexOf(text));
    const location = new vscode.Location(document.uri, new vscode.Position(line, 0));
    vscode.debug.addBreakpoints([new vscode.SourceBreakpoint(location)]);
  }
  /** Runs to its end. */
  async function run(configuration: object): Promise<void> {
    const ended = nextEvent(vscode.debug.onDidTerminateDebugSession, ({ name }) => name === 'this run', 'its end');
    const given = { type: 'elixir', request: 'launch', name: 'this run', ...configuration };
    assert.ok(await vscode.debug.startDebugging(folder, given));
    await ended;
  }
  /** Nothing is said twice. */
  const told = (): number => notices.all.filter(({ text }) => /^"(this run|stops)"/.test(text)).length;
  const script = (file: string): object => ({ script: source(file).fsPath });
  /** What the button started, once it has stopped. */
  const stopped = (): Promise<vscode.DebugSession> =>
    until('the stop', () => {
      const active = vscode.debug.activeStackItem;
      return active instanceof vscode.DebugStackFrame ? active.session : undefined;
    });

  it('is told of, and its test is debugged when the user wants that', async () => {
    await breakAt('test/shop/pricing_test.exs', 'assert receipt.saved == 200');
    notices.press('Debug the Test', /pricing_test/);
    await run(script('quick.exs'));
    const { text } = await notices.first(/without reaching/);
    assert.match(text, /^"this run" ran to its end without reaching a breakpoint\. The breakpoint in pricing_test/);
    assert.match((await stopped()).name, /^mix test test.shop.pricing_test\.exs:\d+$/);
    assert.equal(told(), 1);
  });

  it('is told of with its exit code when it failed', async () => {
    await breakAt('scripts/alone.exs', 'IO.puts(name)');
    notices.press('Debug the Script', /alone\.exs/);
    await run(script('failing.exs'));
    const { text } = await notices.first(/alone/);
    assert.match(text, /^"this run" ended with exit code 3 before it reached a breakpoint\. .* is in a script\.$/);
    assert.equal((await stopped()).name, `mix run ${path.join('scripts', 'alone.exs')}`);
  });

  it('leads to what the program said when it failed before it could call the code', async () => {
    await breakAt('lib/shop/pricing.ex', 'taxable = receipt.subtotal');
    await run({ task: 'run', taskArgs: ['failing.exs'], projectDir: folder.uri.fsPath });
    const { text, buttons } = await notices.first(/exit code 3/);
    assert.match(text, /^"this run" ended with exit code 3 before it reached a breakpoint\.$/);
    assert.deepEqual(buttons, ['Show Output']);
  });

  it('leads to the other application of an umbrella that holds the breakpoint', async () => {
    await breakAt('umbrella/apps/core/lib/core.ex', 'def ');
    await run({ task: 'run', taskArgs: ['-e', '1 + 1'], projectDir: source('umbrella/apps/web').fsPath });
    const { text, buttons } = await notices.first(/belongs to the project/);
    assert.match(text, /core\.ex belongs to the project in umbrella\/apps\/core\.$/);
    assert.deepEqual(buttons, ['Debug "mix test (core)"']);
  });

  it('leads to the server that an application with an endpoint has', async () => {
    await write(
      'phoenix/mix.exs',
      'defmodule P.MixProject do\n  use Mix.Project\n  def project, do: [app: :p, version: "1.0.0"]\nend\n',
    );
    await write(
      'phoenix/lib/endpoint.ex',
      'defmodule P.Endpoint do\n  @use "\n  use Phoenix.Endpoint\n"\n  def text, do: @use\nend\n',
    );
    try {
      await breakAt('phoenix/lib/endpoint.ex', 'def text');
      await run({ task: 'run', taskArgs: ['-e', '1 + 1'], projectDir: source('phoenix').fsPath });
      const { text, buttons } = await notices.first(/goes on running/);
      assert.match(text, /The application may call endpoint\.ex later/);
      assert.deepEqual(buttons, ['Debug "mix phx.server"']);
    } finally {
      await vscode.workspace.fs.delete(source('phoenix'), { recursive: true });
    }
  });

  it('leads to the tests of code that it did not call', async () => {
    await breakAt('lib/shop/pricing.ex', 'taxable = receipt.subtotal');
    await run({ task: 'run', taskArgs: ['quick.exs'], projectDir: folder.uri.fsPath });
    const { text, buttons } = await notices.first(/Its tests/);
    assert.match(text, /Its tests may call pricing\.ex\.$/);
    assert.deepEqual(buttons, ['Debug the Tests']);
  });

  it('is not told of where nothing waits, where it stopped, and without debugging', async () => {
    await run(script('quick.exs'));
    const here = vscode.Uri.joinPath(folder.uri, 'quick.exs');
    await breakAt('quick.exs', 'IO.puts');
    await run({ ...script('quick.exs'), noDebug: true });
    const ended = nextEvent(vscode.debug.onDidTerminateDebugSession, ({ name }) => name === 'stops', 'its end');
    await vscode.debug.startDebugging(folder, {
      type: 'elixir',
      request: 'launch',
      name: 'stops',
      script: here.fsPath,
    });
    await stopped();
    await vscode.commands.executeCommand('workbench.action.debug.continue');
    await ended;
    // The one that is told of comes last: what came before it would have been told of by then.
    vscode.debug.removeBreakpoints([...vscode.debug.breakpoints]);
    await breakAt('scripts/alone.exs', 'IO.puts(name)');
    await run(script('quick.exs'));
    await notices.first(/alone/);
    assert.equal(told(), 1);
  });
});
