// The commands for learned usage, the analysis as commands of VS Code, and settings that hold a value nobody can use.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { ANALYSIS_COMMANDS, CLIENT_COMMANDS, type DependencyAnalysis } from '../../../protocol/analysis';
import { Config } from '../../../src/config';
import { Usage } from '../../../src/usage';
import { activeExtension } from '../../support/activeExtension';
import { until } from '../../support/vscodeEvents';

function source(file: string): vscode.Uri {
  const folder = vscode.workspace.workspaceFolders?.[0];
  assert.ok(folder);
  return vscode.Uri.joinPath(folder.uri, file);
}

describe('learned usage', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'ecd-usage-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));
  afterEach(() => vscode.commands.executeCommand('workbench.action.closeAllEditors'));

  it('is shown, read-only', async () => {
    await activeExtension();
    await vscode.commands.executeCommand('elixirCoordinatedDebugger.viewUsage');
    const shown = await until('the view', () =>
      vscode.workspace.textDocuments.find(({ uri }) => uri.scheme === 'elixir-learned-usage'),
    );
    assert.match(shown.getText(), /# Learned usage of this workspace/);
    assert.equal(shown.isUntitled, false);
  });

  it('is exported as JSON', async () => {
    const { server } = (await activeExtension()).api;
    const usage = new Usage(server, () => Promise.resolve(false), 'elixir-usage-of-this-test');
    const target = path.join(folder, 'usage.json');
    await usage.export(vscode.Uri.file(target));
    usage.dispose();
    assert.deepEqual((JSON.parse(await readFile(target, 'utf8')) as { version: number }).version, 1);
  });

  it('is erased only after a yes, and decisions stay', async () => {
    const { server } = (await activeExtension()).api;
    await server.request('coordination/module', { module: 'Shop.Till', action: 'pin' });
    let answer = false;
    const questions: string[] = [];
    const usage = new Usage(
      server,
      (question) => {
        questions.push(question);
        return Promise.resolve(answer);
      },
      'elixir-usage-of-this-test',
    );
    assert.equal(await usage.reset(), false);
    answer = true;
    assert.equal(await usage.reset(), true);
    usage.dispose();
    assert.equal(questions.length, 2);
    const { text } = await server.request('coordination/usage', { action: 'view' });
    assert.match(text, /Pinned: `Shop\.Till`/);
    await server.request('coordination/module', { module: 'Shop.Till', action: 'unpin' });
  });
});

describe('the analysis in the editor', () => {
  afterEach(async () => {
    vscode.debug.removeBreakpoints(vscode.debug.breakpoints);
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  });

  it('answers as commands, and its errors reach the caller', async () => {
    await activeExtension();
    const found = await vscode.commands.executeCommand<DependencyAnalysis>(ANALYSIS_COMMANDS.dependencies, {
      module: 'Shop.Pricing',
    });
    assert.ok(found.directDependencies.includes('Shop.Item'));
    await assert.rejects(
      Promise.resolve(vscode.commands.executeCommand(ANALYSIS_COMMANDS.dependencies, {})),
      /`module` is missing/,
    );
  });

  it('shows a lens where a breakpoint is set, and sets one where it is asked to, once', async () => {
    await activeExtension();
    const uri = source('lib/shop/pricing.ex');
    const document = await vscode.workspace.openTextDocument(uri);
    await vscode.window.showTextDocument(document);
    const line = document.getText().slice(0, document.getText().indexOf('taxable =')).split('\n').length;
    for (let twice = 0; twice < 2; twice++) {
      await vscode.commands.executeCommand(CLIENT_COMMANDS.setBreakpoint, uri.toString(), line);
    }
    assert.equal(vscode.debug.breakpoints.length, 1);
    const title = await until('a lens', async () => {
      const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>('vscode.executeCodeLensProvider', uri, 50);
      return lenses.map(({ command }) => command?.title).find((each) => each?.includes('add_tax/1'));
    });
    assert.match(title, /interprets add_tax\/1 alone/);
    await assert.rejects(Promise.resolve(vscode.commands.executeCommand(CLIENT_COMMANDS.setBreakpoint, 7, 'x')), /URI/);
  });
});

describe('settings', () => {
  const section = (): vscode.WorkspaceConfiguration =>
    vscode.workspace.getConfiguration('elixirLS.coordinatedInterpretation');
  const set = (key: string, value: unknown): Thenable<void> =>
    section().update(key, value, vscode.ConfigurationTarget.Global);
  afterEach(async () => {
    for (const key of ['memoryThreshold', 'historySize', 'historyDays', 'scope']) await set(key, undefined);
  });

  it('keep the last good value, and say once which one cannot be used', async () => {
    const complaints: string[] = [];
    const config = new Config((message) => complaints.push(message));
    await set('memoryThreshold', '50MB');
    assert.equal(config.server().memoryThreshold, 50 * 1024 * 1024);
    await set('memoryThreshold', 'plenty');
    await set('historySize', '1KB');
    await set('historyDays', 0.5);
    await set('scope', 'huge');
    for (let twice = 0; twice < 2; twice++) {
      const { memoryThreshold, historySize, historyDays, scope } = config.server();
      assert.deepEqual(
        [memoryThreshold, historySize, historyDays, scope],
        [50 * 1024 * 1024, 5 * 1024 * 1024, 90, 'conservative'],
      );
    }
    assert.equal(complaints.length, 4);
    assert.match(complaints.join('\n'), /memoryThreshold cannot be "plenty"; "50MB" stays in force/);
    assert.match(complaints.join('\n'), /historySize cannot be "1KB"; "5MB" stays in force/);
  });
});
