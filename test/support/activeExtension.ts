// How a suite in the extension host begins: the extension runs, its server knows the project. Starts no session.
import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { Api } from '../../src/extension';
import { until } from './vscodeEvents';

const ID = 'elixir-coordinated-debugger.elixir-coordinated-debugger';

export interface ActiveExtension {
  api: Api;
  /** The sample project. */
  folder: vscode.WorkspaceFolder;
}

export async function activeExtension(): Promise<ActiveExtension> {
  const extension = vscode.extensions.getExtension<Api>(ID);
  assert.ok(extension, 'the extension is installed');
  const api = await extension.activate();
  const folder = vscode.workspace.workspaceFolders?.[0];
  assert.ok(folder, 'a folder is open');
  await until('an indexed workspace', async () => {
    const health = await api.server.request('coordination/health', {}).catch(() => undefined);
    return health?.indexed === true ? health : undefined;
  });
  return { api, folder };
}
