// A debug session and the coordination server as the extension brings them together: found at the start, lost and found
// again at a stop, following the settings, forgotten at the end. Real server, real adapter, real BEAM.
import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { InterpretationStatus } from '../../../protocol/adapter';
import type { Api } from '../../../src/extension';
import { nextEvent, until } from '../../support/vscodeEvents';

interface Frame {
  id: number;
  name: string;
  line: number;
}
interface Scope {
  variablesReference: number;
}
interface Variable {
  name: string;
  value: string;
}

describe('a session and the coordination server', function () {
  this.timeout(180_000);
  let api: Api;
  let session: vscode.DebugSession;
  let tracking: vscode.Disposable | undefined;
  /** What adapters have said without being asked. */
  const events: string[] = [];

  before(async () => {
    const extension = vscode.extensions.all.find(({ packageJSON }) => isOurs(packageJSON));
    assert.ok(extension);
    api = (await extension.activate()) as Api;
    const folder = vscode.workspace.workspaceFolders?.[0];
    assert.ok(folder);
    await until('a healthy server', health);
    tracking = vscode.debug.registerDebugAdapterTrackerFactory('elixir', {
      createDebugAdapterTracker: () => ({
        onDidSendMessage: ({ type, event }: { type: string; event?: string }) => {
          if (type === 'event') events.push(event ?? '');
        },
      }),
    });
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
    tracking?.dispose();
    vscode.debug.removeBreakpoints([...vscode.debug.breakpoints]);
    await setStrategy(undefined);
  });

  const isOurs = (manifest: unknown): boolean => (manifest as { name?: string }).name === 'elixir-coordinated-debugger';
  const health = () => api.server.request('coordination/health', {}).catch(() => undefined);
  const status = () => session.customRequest('getInterpretationStatus', {}) as Promise<InterpretationStatus>;
  const connected = () =>
    until('the connection', async () => ((await status()).server === 'connected' ? true : undefined));
  /** The stack of a process and the variables of its first frame. */
  const shown = async (threadId: number): Promise<unknown> => {
    const { stackFrames } = (await session.customRequest('stackTrace', { threadId })) as { stackFrames: Frame[] };
    const [top] = stackFrames;
    const { scopes } = (await session.customRequest('scopes', { frameId: top?.id })) as { scopes: Scope[] };
    const [scope] = scopes;
    const asked = { variablesReference: scope?.variablesReference };
    const { variables } = (await session.customRequest('variables', asked)) as { variables: Variable[] };
    return [stackFrames.map(({ name, line }) => [name, line]), variables.map(({ name, value }) => [name, value])];
  };
  const set = (setting: string, value: string | undefined): Thenable<void> =>
    vscode.workspace
      .getConfiguration('elixirLS.coordinatedInterpretation')
      .update(setting, value, vscode.ConfigurationTarget.Global);
  const setStrategy = (value: string | undefined): Thenable<void> => set('strategy', value);
  const setScope = (value: string | undefined): Thenable<void> => set('scope', value);

  it('find each other', async () => {
    await connected();
    assert.equal((await health())?.connections, 1);
  });

  it('follow the settings while the session runs', async () => {
    await setStrategy('predictive');
    await until('another strategy', async () => ((await status()).strategy === 'predictive' ? true : undefined));
  });

  it('change nothing at a stop that the user sees when the server is killed, and find each other again', async () => {
    const before = await health();
    assert.ok(before);
    const item = vscode.debug.activeStackItem;
    const seen = await shown(item?.threadId ?? 0);
    events.length = 0;
    process.kill(before.pid, 'SIGKILL');
    await until('another server', async () => {
      const now = await health();
      return now !== undefined && now.pid !== before.pid && now.connections === 1 ? true : undefined;
    });
    assert.deepEqual(await shown(item?.threadId ?? 0), seen);
    assert.equal(vscode.debug.activeStackItem, item);
    const shownToTheUser = events.filter((event) => ['output', 'stopped', 'continued', 'terminated'].includes(event));
    assert.deepEqual(shownToTheUser, [], 'the debug console reads nothing, nothing runs, nothing stops');
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

  it('keep to what launch.json says when the setting changes, and follow the settings of which it says nothing', async () => {
    const folder = vscode.workspace.workspaceFolders?.[0];
    assert.ok(folder);
    const configuration = {
      type: 'elixir',
      request: 'launch',
      name: 'with a strategy of its own',
      task: 'checkout',
      coordination: { strategy: 'learning' },
    };
    assert.ok(await vscode.debug.startDebugging(folder, configuration));
    session = await until('the stop', () => {
      const active = vscode.debug.activeStackItem;
      return active instanceof vscode.DebugStackFrame ? active.session : undefined;
    });
    try {
      await setStrategy('predictive');
      await setScope('transitive');
      const { strategy } = await until('another scope', async () => {
        const now = await status();
        return now.scope === 'transitive' ? now : undefined;
      });
      assert.equal(strategy, 'learning');
    } finally {
      await setScope(undefined);
      const ended = nextEvent(vscode.debug.onDidTerminateDebugSession, ({ id }) => id === session.id, 'the end');
      await vscode.debug.stopDebugging(session);
      await ended;
    }
  });
});
