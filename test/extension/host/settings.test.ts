// Settings as they act while VS Code runs: each changes what it says it changes, in the running session where that is so.
import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { InterpretationStatus } from '../../../protocol/adapter';
import { CLIENT_COMMANDS } from '../../../protocol/analysis';
import { Config } from '../../../src/config';
import type { Api } from '../../../src/extension';
import { activeExtension } from '../../support/activeExtension';
import { nextEvent, until } from '../../support/vscodeEvents';

const KEYS = [
  'enabled',
  'scope',
  'memoryThreshold',
  'performanceMonitoring',
  'historyDays',
  'historySize',
  'codeLenses',
] as const;

describe('a setting', function () {
  this.timeout(180_000);
  let api: Api;
  let folder: vscode.WorkspaceFolder;

  before(async () => {
    ({ api, folder } = await activeExtension());
  });
  afterEach(async () => {
    vscode.debug.removeBreakpoints([...vscode.debug.breakpoints]);
    const session = vscode.debug.activeDebugSession;
    if (session !== undefined) {
      const ended = nextEvent(vscode.debug.onDidTerminateDebugSession, ({ id }) => id === session.id, 'the end');
      await vscode.debug.stopDebugging(session);
      await ended;
    }
    for (const key of KEYS) await set(key, undefined);
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  });

  const set = (key: (typeof KEYS)[number], value: unknown): Thenable<void> =>
    vscode.workspace
      .getConfiguration('elixirLS.coordinatedInterpretation')
      .update(key, value, vscode.ConfigurationTarget.Global);
  const pricing = (): vscode.Uri => vscode.Uri.joinPath(folder.uri, 'lib/shop/pricing.ex');
  async function stopInPricing(): Promise<vscode.DebugSession> {
    const document = await vscode.workspace.openTextDocument(pricing());
    const { line } = document.positionAt(document.getText().indexOf('taxable = receipt.subtotal'));
    await vscode.commands.executeCommand(CLIENT_COMMANDS.setBreakpoint, pricing().toString(), line + 1);
    const configuration = { type: 'elixir', request: 'launch', name: 'settings', task: 'checkout' };
    assert.ok(await vscode.debug.startDebugging(folder, configuration));
    return until('the stop', () => {
      const active = vscode.debug.activeStackItem;
      return active instanceof vscode.DebugStackFrame ? active.session : undefined;
    });
  }
  const status = (session: vscode.DebugSession): Thenable<InterpretationStatus> =>
    session.customRequest('getInterpretationStatus', {});
  /** How many measured values the server has of all kinds. */
  const measured = async (): Promise<number> => {
    const { latencies } = await api.server.request('coordination/snapshot', {});
    return Object.values(latencies).reduce((sum, { count }) => sum + count, 0);
  };

  it('enabled: chooses the engine of the next session', async () => {
    await set('enabled', false);
    const session = await stopInPricing();
    assert.equal((await status(session)).engine, 'traditional');
  });

  it('scope: reaches the running session', async () => {
    const session = await stopInPricing();
    assert.equal((await status(session)).scope, 'conservative');
    await set('scope', 'minimal');
    await until('another scope', async () => ((await status(session)).scope === 'minimal' ? true : undefined));
  });

  it('memoryThreshold: reaches the running session', async () => {
    const session = await stopInPricing();
    await until('the connection', async () => ((await status(session)).server === 'connected' ? true : undefined));
    await set('memoryThreshold', '7MB');
    await until('another threshold', async () => {
      const [running] = (await api.server.request('coordination/snapshot', {})).sessions;
      return running?.memoryThreshold === 7 * 1024 ** 2 ? true : undefined;
    });
  });

  it('performanceMonitoring: nothing is measured while it is off', async () => {
    await set('performanceMonitoring', false);
    const before = await measured();
    const session = await stopInPricing();
    await until('the connection', async () => ((await status(session)).server === 'connected' ? true : undefined));
    await session.customRequest('next', { threadId: vscode.debug.activeStackItem?.threadId });
    const [running] = (await api.server.request('coordination/snapshot', {})).sessions;
    assert.equal(running?.name, 'settings');
    assert.equal(await measured(), before);
  });

  it('historyDays: how long what was learned is kept', async () => {
    const usage = async (): Promise<string> =>
      (await api.server.request('coordination/usage', { action: 'view' })).text;
    assert.match(await usage(), /for 90 days/);
    await set('historyDays', 7);
    await until('the new limit', async () => (/for 7 days/.test(await usage()) ? true : undefined));
  });

  it('historySize: how much of it', async () => {
    const config = new Config((message) => assert.fail(message));
    assert.equal(config.server().historySize, 5 * 1024 ** 2);
    await set('historySize', '256KB');
    assert.equal(config.server().historySize, 256 * 1024);
  });

  it('codeLenses: lines above functions with breakpoints come and go', async () => {
    const lenses = async (): Promise<number> => {
      const found = await vscode.commands.executeCommand<vscode.CodeLens[]>(
        'vscode.executeCodeLensProvider',
        pricing(),
        50,
      );
      return found.filter(({ command }) => command?.title.includes('add_tax/1') === true).length;
    };
    const document = await vscode.workspace.openTextDocument(pricing());
    const { line } = document.positionAt(document.getText().indexOf('taxable = receipt.subtotal'));
    await vscode.commands.executeCommand(CLIENT_COMMANDS.setBreakpoint, pricing().toString(), line + 1);
    await until('a lens', async () => ((await lenses()) > 0 ? true : undefined));
    await set('codeLenses', false);
    await until('no lens', async () => ((await lenses()) === 0 ? true : undefined));
  });
});
