// Debug sessions through VS Code's own API: breakpoints, a test file, a script, what fails. Real adapter, real BEAM.
import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { nextEvent, until } from '../../support/vscodeEvents';

describe('a debug session', function () {
  this.timeout(180_000);
  let folder: vscode.WorkspaceFolder;
  let sent: DebugProtocol.ProtocolMessage[] = [];
  let tracker: vscode.Disposable;

  before(() => {
    const first = vscode.workspace.workspaceFolders?.[0];
    assert.ok(first);
    folder = first;
    tracker = vscode.debug.registerDebugAdapterTrackerFactory('elixir', {
      createDebugAdapterTracker: () => ({
        onDidSendMessage: (message: DebugProtocol.ProtocolMessage) => void sent.push(message),
      }),
    });
  });
  after(() => {
    tracker.dispose();
  });
  afterEach(async () => {
    vscode.debug.removeBreakpoints([...vscode.debug.breakpoints]);
    if (vscode.debug.activeDebugSession !== undefined) {
      const ended = nextEvent(vscode.debug.onDidTerminateDebugSession, () => true, 'end of the session');
      await vscode.debug.stopDebugging();
      await ended;
    }
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    sent = [];
  });

  async function open(file: string): Promise<vscode.TextDocument> {
    return vscode.workspace.openTextDocument(vscode.Uri.joinPath(folder.uri, file));
  }
  /** Sets a breakpoint at the line that holds the text and gives its number, 1-based. */
  async function breakAt(file: string, text: string): Promise<number> {
    const document = await open(file);
    const offset = document.getText().indexOf(text);
    assert.notEqual(offset, -1, text);
    const { line } = document.positionAt(offset);
    const location = new vscode.Location(document.uri, new vscode.Position(line, 0));
    vscode.debug.addBreakpoints([new vscode.SourceBreakpoint(location)]);
    return line + 1;
  }
  async function show(file: string, text: string): Promise<void> {
    const document = await open(file);
    const at = document.positionAt(document.getText().indexOf(text));
    await vscode.window.showTextDocument(document, { selection: new vscode.Range(at, at) });
  }
  function event<Event extends DebugProtocol.Event>(name: Event['event']): Event | undefined {
    return sent.find((message): message is Event => message.type === 'event' && (message as Event).event === name);
  }
  async function stopped(): Promise<{ session: vscode.DebugSession; frame: DebugProtocol.StackFrame }> {
    const item = await until('the stop', () => {
      const active = vscode.debug.activeStackItem;
      return active instanceof vscode.DebugStackFrame ? active : undefined;
    });
    const trace = (await item.session.customRequest('stackTrace', {
      threadId: item.threadId,
    })) as DebugProtocol.StackTraceResponse['body'];
    const frame = trace.stackFrames[0];
    assert.ok(frame);
    return { session: item.session, frame };
  }
  /** Runs to the end and gives the exit code. */
  async function end(session: vscode.DebugSession): Promise<number> {
    const ended = nextEvent(
      vscode.debug.onDidTerminateDebugSession,
      ({ id }) => id === session.id,
      'end of the session',
    );
    vscode.debug.removeBreakpoints([...vscode.debug.breakpoints]);
    await vscode.commands.executeCommand('workbench.action.debug.continue');
    await ended;
    return until('the exit code', () => event<DebugProtocol.ExitedEvent>('exited')?.body.exitCode);
  }
  const output = (): string =>
    sent
      .filter((message): message is DebugProtocol.OutputEvent => (message as DebugProtocol.Event).event === 'output')
      .map(({ body }) => body.output)
      .join('');

  it('stops at a breakpoint and runs to its end', async () => {
    const line = await breakAt('lib/shop/pricing.ex', 'taxable = receipt.subtotal');
    assert.ok(
      await vscode.debug.startDebugging(folder, {
        type: 'elixir',
        request: 'launch',
        name: 'checkout',
        task: 'checkout',
      }),
    );
    const { session, frame } = await stopped();
    assert.equal(frame.line, line);
    assert.match(frame.name, /add_tax\/1/);
    assert.equal(await end(session), 0);
    assert.match(output(), /Total +65\.80/);
  });

  it('evaluates in the stopped frame', async () => {
    await breakAt('lib/shop/pricing.ex', 'taxable = receipt.subtotal');
    await vscode.debug.startDebugging(folder, {
      type: 'elixir',
      request: 'launch',
      name: 'checkout',
      task: 'checkout',
    });
    const { session, frame } = await stopped();
    const evaluated = (await session.customRequest('evaluate', {
      expression: 'receipt.subtotal * 2',
      frameId: frame.id,
      context: 'watch',
    })) as DebugProtocol.EvaluateResponse['body'];
    assert.equal(evaluated.result, '12600');
  });

  it('starts over on restart, with its breakpoints', async () => {
    const line = await breakAt('lib/shop/pricing.ex', 'taxable = receipt.subtotal');
    await vscode.debug.startDebugging(folder, {
      type: 'elixir',
      request: 'launch',
      name: 'checkout',
      task: 'checkout',
    });
    await stopped();
    const before = event<DebugProtocol.ProcessEvent>('process')?.body.systemProcessId;
    sent = [];
    await vscode.commands.executeCommand('workbench.action.debug.restart');
    const after = await until(
      'another program',
      () => event<DebugProtocol.ProcessEvent>('process')?.body.systemProcessId,
    );
    assert.notEqual(after, before);
    await until('the stop', () => event('stopped'));
    const { session, frame } = await stopped();
    assert.equal(frame.line, line);
    assert.equal(await end(session), 0);
  });

  it('runs the test under the cursor without any configuration, and stops in it', async () => {
    await show('test/shop/pricing_test.exs', 'discounts add up');
    const line = await breakAt('test/shop/pricing_test.exs', 'assert receipt.saved == 200');
    await vscode.commands.executeCommand('workbench.action.debug.start');
    const { session, frame } = await stopped();
    assert.equal(frame.line, line);
    assert.equal(await end(session), 0);
    assert.match(output(), /1 test, 0 failures|Result: 1 passed|2 excluded/);
  });

  it('runs an open script without any configuration, and stops at its top level', async () => {
    await show('discounts.exs', 'items =');
    const line = await breakAt('discounts.exs', 'offers = ');
    await vscode.commands.executeCommand('workbench.action.debug.start');
    const { session, frame } = await stopped();
    assert.equal(frame.line, line);
    assert.equal(await end(session), 0);
    assert.match(output(), /Shop\.Discount\.Percent saves 450 cents/);
  });

  it('stops in a template that is compiled into a module', async () => {
    const write = (file: string, text: string): Thenable<void> =>
      vscode.workspace.fs.writeFile(vscode.Uri.joinPath(folder.uri, file), Buffer.from(text));
    await write('lib/shop/letter.eex', 'Dear <%= name %>,\n<%= String.upcase(name) %> is a fine name.\n');
    await write(
      'lib/shop/letter.ex',
      'defmodule Shop.Letter do\n  require EEx\n' +
        '  EEx.function_from_file(:def, :write, Path.join(__DIR__, "letter.eex"), [:name])\nend\n',
    );
    const line = await breakAt('lib/shop/letter.eex', 'String.upcase');
    await vscode.debug.startDebugging(folder, {
      type: 'elixir',
      request: 'launch',
      name: 'letter',
      task: 'run',
      taskArgs: ['-e', 'IO.puts(Shop.Letter.write("Ada"))'],
    });
    const { session, frame } = await stopped();
    assert.equal(frame.line, line);
    assert.match(frame.source?.path ?? '', /letter\.eex$/);
    assert.equal(await end(session), 0);
    assert.match(output(), /ADA is a fine name/);
  });

  it('shows the line of an exception that nothing rescues', async () => {
    const script = vscode.Uri.joinPath(folder.uri, 'crash.exs');
    const text =
      'defmodule Crash do\n  def check(age) when age < 0 do\n    raise ArgumentError, "negative"\n  end\nend\n\nCrash.check(-1)\n';
    await vscode.workspace.fs.writeFile(script, Buffer.from(text));
    await vscode.debug.startDebugging(folder, {
      type: 'elixir',
      request: 'launch',
      name: 'crash',
      script: script.fsPath,
    });
    // VS Code goes to a frame by itself; which one is what the user sees.
    const { session } = await stopped();
    const editor = await until('the file of the exception', () => {
      const active = vscode.window.activeTextEditor;
      return active?.document.uri.fsPath === script.fsPath ? active : undefined;
    });
    await until('its line', () => (editor.selection.active.line === 2 ? true : undefined));
    assert.equal(event<DebugProtocol.StoppedEvent>('stopped')?.body.reason, 'exception');
    assert.equal(await end(session), 1);
  });

  it('runs without debugging', async () => {
    await breakAt('lib/shop/pricing.ex', 'taxable = receipt.subtotal');
    const ended = nextEvent(vscode.debug.onDidTerminateDebugSession, () => true, 'end of the session');
    await vscode.debug.startDebugging(
      folder,
      { type: 'elixir', request: 'launch', name: 'checkout', task: 'checkout' },
      { noDebug: true },
    );
    await ended;
    assert.equal(event('stopped'), undefined);
    assert.match(output(), /Total +65\.80/);
  });

  it('lets the program read from a terminal of the editor, and stops in it', async () => {
    const script = vscode.Uri.joinPath(folder.uri, 'greet.exs');
    const text =
      'name = IO.gets("name? ")\nreply = "hello " <> String.trim(name)\nFile.write!("greeting.txt", reply)\n';
    await vscode.workspace.fs.writeFile(script, Buffer.from(text));
    const line = await breakAt('greet.exs', 'File.write!');
    const opened = nextEvent(vscode.window.onDidOpenTerminal, () => true, 'terminal');
    const started = vscode.debug.startDebugging(folder, {
      type: 'elixir',
      request: 'launch',
      name: 'greet',
      script: script.fsPath,
      console: 'integratedTerminal',
    });
    const terminal = await opened;
    assert.ok(await started);
    // The program runs by now; the terminal keeps what is typed before it asks.
    terminal.sendText('Ada');
    const { session, frame } = await stopped();
    assert.equal(frame.line, line);
    assert.equal(await end(session), 0);
    const greeting = await vscode.workspace.fs.readFile(vscode.Uri.joinPath(folder.uri, 'greeting.txt'));
    assert.equal(Buffer.from(greeting).toString(), 'hello Ada');
    terminal.dispose();
  });

  it('stops when the user says so', async () => {
    await breakAt('lib/shop/pricing.ex', 'taxable = receipt.subtotal');
    await vscode.debug.startDebugging(folder, {
      type: 'elixir',
      request: 'launch',
      name: 'checkout',
      task: 'checkout',
    });
    const { session } = await stopped();
    const ended = nextEvent(
      vscode.debug.onDidTerminateDebugSession,
      ({ id }) => id === session.id,
      'end of the session',
    );
    await vscode.debug.stopDebugging(session);
    await ended;
    const pid = event<DebugProtocol.ProcessEvent>('process')?.body.systemProcessId;
    assert.ok(pid);
    await until('the end of the BEAM', () => {
      try {
        process.kill(pid, 0);
        return undefined;
      } catch {
        return true;
      }
    });
  });

  it('says what is wrong with a configuration', async () => {
    const answered = until('the refusal', () =>
      sent.find((message): message is DebugProtocol.Response => {
        const response = message as DebugProtocol.Response;
        return response.command === 'launch' && !response.success;
      }),
    );
    // VS Code shows the message in a dialog, so starting does not come back before someone closes it.
    void vscode.debug.startDebugging(folder, { type: 'elixir', request: 'launch', name: 'x', engine: 'warp' });
    const refusal = await answered;
    assert.match(refusal.message ?? '', /engine/);
    assert.match(refusal.message ?? '', /"auto", "interpreter", "traditional"/);
  });
});
