// Launch configurations of ElixirLS: run by this debugger where nobody else could, left alone where coordination is off,
// and copied by the command, which leaves everything else in launch.json as it was.
import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { COMMANDS } from '../../../src/contributions';
import { acceptingList, nextEvent, until } from '../../support/vscodeEvents';

const LAUNCH = `{
  // The team's own remark.
  "version": "0.2.0",
  "configurations": [
    {
      "type": "mix_task",
      "name": "mix (default)",
      "request": "launch",
      "task": "checkout",
      "projectDir": "\${workspaceRoot}" // ElixirLS writes it like this
    },
    /* of another language: ] */
    { "type": "node", "name": "assets", "request": "launch", "program": "a.js" }
  ],
  "compounds": []
}
`;

describe('launch configurations of ElixirLS', function () {
  this.timeout(180_000);
  let folder: vscode.WorkspaceFolder;
  let file: vscode.Uri;
  let exits: number[];
  let tracker: vscode.Disposable;

  before(() => {
    const [first] = vscode.workspace.workspaceFolders ?? [];
    assert.ok(first);
    folder = first;
    file = vscode.Uri.joinPath(folder.uri, '.vscode', 'launch.json');
    tracker = vscode.debug.registerDebugAdapterTrackerFactory('elixir', {
      createDebugAdapterTracker: () => ({
        onDidSendMessage: (message: DebugProtocol.ProtocolMessage) => {
          const { event, body } = message as DebugProtocol.ExitedEvent;
          if (event === 'exited') exits.push(body.exitCode);
        },
      }),
    });
  });
  beforeEach(async () => {
    exits = [];
    await vscode.workspace.fs.writeFile(file, Buffer.from(LAUNCH));
    await until('the configurations', () => (named().length === 2 ? true : undefined));
  });
  afterEach(async () => {
    vscode.debug.removeBreakpoints([...vscode.debug.breakpoints]);
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    await vscode.workspace.fs.delete(vscode.Uri.joinPath(file, '..'), { recursive: true });
    await until('no configurations', () => (named().length === 0 ? true : undefined));
  });
  after(() => {
    tracker.dispose();
  });

  const configurations = (): vscode.DebugConfiguration[] =>
    vscode.workspace.getConfiguration('launch', folder).get<vscode.DebugConfiguration[]>('configurations') ?? [];
  const named = (): string[] => configurations().map(({ name }) => name);
  const text = async (): Promise<string> => Buffer.from(await vscode.workspace.fs.readFile(file)).toString();
  const pricing = async (): Promise<void> => {
    const uri = vscode.Uri.joinPath(folder.uri, 'lib/shop/pricing.ex');
    const document = await vscode.workspace.openTextDocument(uri);
    const { line } = document.positionAt(document.getText().indexOf('taxable = receipt.subtotal'));
    vscode.debug.addBreakpoints([new vscode.SourceBreakpoint(new vscode.Location(uri, new vscode.Position(line, 0)))]);
  };

  it('stop at a breakpoint here where no other extension runs them, and still follow the settings', async () => {
    await pricing();
    assert.ok(await vscode.debug.startDebugging(folder, 'mix (default)'));
    const session = await until('the stop', () => {
      const active = vscode.debug.activeStackItem;
      return active instanceof vscode.DebugStackFrame ? active.session : undefined;
    });
    assert.equal(session.type, 'elixir');
    assert.equal(session.configuration['task'], 'checkout');
    assert.equal(session.configuration['projectDir'], folder.uri.fsPath);
    const section = vscode.workspace.getConfiguration('elixirLS.coordinatedInterpretation');
    await section.update('strategy', 'predictive', vscode.ConfigurationTarget.Global);
    try {
      await until('another strategy', async () => {
        const { strategy } = (await session.customRequest('getInterpretationStatus')) as { strategy: string };
        return strategy === 'predictive' ? true : undefined;
      });
    } finally {
      await section.update('strategy', undefined, vscode.ConfigurationTarget.Global);
    }
    const ended = nextEvent(vscode.debug.onDidTerminateDebugSession, ({ id }) => id === session.id, 'the end');
    vscode.debug.removeBreakpoints([...vscode.debug.breakpoints]);
    await vscode.commands.executeCommand('workbench.action.debug.continue');
    await ended;
    assert.deepEqual(exits, [0]);
    assert.equal(await text(), LAUNCH);
  });

  it('get copies by the command, once, and the file keeps every word it had', async () => {
    const said = await acceptingList<string>(COMMANDS.convertLaunchConfigurations);
    assert.equal(said, 'One launch configuration was added to launch.json.');
    await until('the new configuration', () => (named().length === 3 ? true : undefined));
    const copy = configurations().find(({ name }) => name === 'mix (default) (coordinated)');
    assert.deepEqual(copy, {
      type: 'elixir',
      name: 'mix (default) (coordinated)',
      request: 'launch',
      task: 'checkout',
      projectDir: '${workspaceRoot}',
    });
    const lines = (await text()).split('\n');
    let at = -1;
    for (const line of LAUNCH.split('\n')) {
      at = lines.findIndex((each, index) => index > at && each.replace(/,$/, '') === line.replace(/,$/, ''));
      assert.ok(at >= 0, line);
    }
    assert.match(
      await vscode.commands.executeCommand<string>(COMMANDS.convertLaunchConfigurations),
      /has a mix_task configuration left to convert/,
    );
  });
});
