// The extension in a real VS Code: it activates, its manifest says what its code says, its server lives and comes back.
import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { until } from '../../support/vscodeEvents';
import type { ServerRequests } from '../../../protocol/server';

const ID = 'elixir-coordinated-debugger.elixir-coordinated-debugger';

interface Api {
  server: {
    request<M extends keyof ServerRequests>(method: M, params: ServerRequests[M][0]): Promise<ServerRequests[M][1]>;
  };
}

async function activated(): Promise<Api> {
  const extension = vscode.extensions.getExtension<Api>(ID);
  assert.ok(extension, 'the extension is installed');
  return extension.activate();
}

async function health(api: Api): Promise<ServerRequests['coordination/health'][1]> {
  return until('a healthy server', () => api.server.request('coordination/health', {}).catch(() => undefined));
}

describe('the extension', () => {
  it('registers the commands it contributes', async () => {
    await activated();
    const commands = await vscode.commands.getCommands(true);
    for (const command of ['elixirCoordinatedDebugger.showLog', 'elixirCoordinatedDebugger.restartServer']) {
      assert.ok(commands.includes(command), command);
    }
  });

  it('gives Elixir, templates and Erlang their languages', async () => {
    const languages = await vscode.languages.getLanguages();
    for (const id of ['elixir', 'eex', 'phoenix-heex', 'erlang']) assert.ok(languages.includes(id), id);
    const folder = vscode.workspace.workspaceFolders?.[0];
    assert.ok(folder);
    const document = await vscode.workspace.openTextDocument(vscode.Uri.joinPath(folder.uri, 'lib/shop/pricing.ex'));
    assert.equal(document.languageId, 'elixir');
  });

  it('colours Elixir where no other extension has a grammar', async () => {
    await activated();
    const document = await vscode.workspace.openTextDocument({
      language: 'elixir',
      content: 'def area(side), do: side * side',
    });
    const legend = await vscode.commands.executeCommand<vscode.SemanticTokensLegend | undefined>(
      'vscode.provideDocumentSemanticTokensLegend',
      document.uri,
    );
    const tokens = await vscode.commands.executeCommand<vscode.SemanticTokens | undefined>(
      'vscode.provideDocumentSemanticTokens',
      document.uri,
    );
    assert.ok(legend && tokens);
    const types = [];
    for (let at = 3; at < tokens.data.length; at += 5) types.push(legend.tokenTypes[tokens.data[at] ?? -1]);
    assert.deepEqual(types, ['keyword', 'function', 'variable', 'enumMember', 'variable', 'variable']);
  });

  it('has a server that knows the modules of a file', async () => {
    const api = await activated();
    await until('the index', async () => ((await health(api)).indexed ? true : undefined));
    const folder = vscode.workspace.workspaceFolders?.[0];
    assert.ok(folder);
    const uri = vscode.Uri.joinPath(folder.uri, 'lib/shop/discount.ex').toString();
    const { modules } = await api.server.request('coordination/modulesOfFile', { uri });
    assert.deepEqual(
      modules.map(({ name }) => name),
      [
        'Shop.Discount',
        'Shop.Discount.Percent',
        'Shop.Discount.Bundle',
        'Shop.Discount.Shop.Discount.Percent',
        'Shop.Discount.Shop.Discount.Bundle',
      ],
    );
    const { files } = await api.server.request('coordination/filesOfModule', { module: 'Shop.Till' });
    assert.equal(files.length, 1);
    assert.match(files[0]?.uri ?? '', /lib\/shop\/till\.ex$/);
  });

  it('follows unsaved edits', async () => {
    const api = await activated();
    const folder = vscode.workspace.workspaceFolders?.[0];
    assert.ok(folder);
    const document = await vscode.workspace.openTextDocument(vscode.Uri.joinPath(folder.uri, 'lib/shop/item.ex'));
    const edit = new vscode.WorkspaceEdit();
    edit.insert(document.uri, new vscode.Position(0, 0), 'defmodule Shop.Fresh do\nend\n\n');
    await vscode.workspace.applyEdit(edit);
    await until('the new module', async () => {
      const { modules } = await api.server.request('coordination/modulesOfFile', { uri: document.uri.toString() });
      return modules.some(({ name }) => name === 'Shop.Fresh') ? true : undefined;
    });
    await vscode.window.showTextDocument(document);
    await vscode.commands.executeCommand('workbench.action.files.revert');
  });

  it('starts a killed server again', async () => {
    const api = await activated();
    const { pid } = await health(api);
    process.kill(pid, 'SIGKILL');
    const again = await until('another server', async () => {
      const now = await api.server.request('coordination/health', {}).catch(() => undefined);
      return now !== undefined && now.pid !== pid ? now : undefined;
    });
    assert.notEqual(again.pid, pid);
  });

  it('restarts the server on command', async () => {
    const api = await activated();
    const { pid } = await health(api);
    await vscode.commands.executeCommand('elixirCoordinatedDebugger.restartServer');
    assert.notEqual((await health(api)).pid, pid);
    assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
  });
});
