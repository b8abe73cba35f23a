// A debug session and the coordination server as the extension brings them together: found at the start, lost and found
// again at a stop, following the settings, forgotten at the end. Real server, real adapter, real BEAM.
import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { InterpretationStatus } from '../../../protocol/adapter';
import type { Api } from '../../../src/extension';
import { nextEvent, until } from '../../support/vscodeEvents';

describe('a session and the coordination server', function () {
  this.timeout(180_000);
  let api: Api;
  let session: vscode.DebugSession;

  before(async () => {
    const extension = vscode.extensions.all.find(({ packageJSON }) => isOurs(packageJSON));
    assert.ok(extension);
    api = (await extension.activate()) as Api;
    const folder = vscode.workspace.workspaceFolders?.[0];
    assert.ok(folder);
    await until('a healthy server', health);
    const document = await vscode.workspace.openTextDocument(vscode.Uri.joinPath(folder.uri, 'lib/shop/pricing.ex'));
    const { line } = document.positionAt(document.getText().indexOf('taxable = receipt.subtotal'));
    const location = new vscode.Location(document.uri, new vscode.Position(line, 0));
    vscode.debug.addBreakpoints([new vscode.SourceBreakpoint(location)]);
    const configuration = { type: 'elixir', request: 'launch', name: 'coordinated', task: 'checkout' };
    assert.ok(await vscode.debug.startDebugging(folder, configuration));
    session = await until('the stop', () => {
      const active = vscode.debug.activeStackItem;
      return active instanceof vscode.DebugStackFrame ? active.session : undefined;
    });
  });
  after(async () => {
    vscode.debug.removeBreakpoints([...vscode.debug.breakpoints]);
    await setStrategy(undefined);
  });

  const isOurs = (manifest: unknown): boolean => (manifest as { name?: string }).name === 'elixir-coordinated-debugger';
  const health = () => api.server.request('coordination/health', {}).catch(() => undefined);
  const status = () => session.customRequest('getInterpretationStatus', {}) as Promise<InterpretationStatus>;
  const connected = () =>
    until('the connection', async () => ((await status()).server === 'connected' ? true : undefined));
  const setStrategy = (value: string | undefined): Thenable<void> =>
    vscode.workspace
      .getConfiguration('elixirLS.coordinatedInterpretation')
      .update('strategy', value, vscode.ConfigurationTarget.Global);

  it('find each other', async () => {
    await connected();
    assert.equal((await health())?.connections, 1);
  });

  it('follow the settings while the session runs', async () => {
    await setStrategy('predictive');
    await until('another strategy', async () => ((await status()).strategy === 'predictive' ? true : undefined));
  });

  it('find each other again when the server was killed at a stop', async () => {
    const before = await health();
    assert.ok(before);
    process.kill(before.pid, 'SIGKILL');
    await session.customRequest('next', { threadId: vscode.debug.activeStackItem?.threadId });
    await until('another server', async () => {
      const now = await health();
      return now !== undefined && now.pid !== before.pid && now.connections === 1 ? true : undefined;
    });
    await connected();
  });

  it('part in order at the end', async () => {
    const ended = nextEvent(vscode.debug.onDidTerminateDebugSession, ({ id }) => id === session.id, 'the end');
    await vscode.debug.stopDebugging(session);
    await ended;
    await until('no connection', async () => ((await health())?.connections === 0 ? true : undefined));
  });
});
