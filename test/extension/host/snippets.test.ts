// What VS Code offers inside a launch.json: the seven configurations, and the attributes with their descriptions.
import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { until } from '../../support/vscodeEvents';

describe('launch.json', () => {
  let file: vscode.Uri;

  before(() => {
    const folder = vscode.workspace.workspaceFolders?.[0];
    assert.ok(folder);
    file = vscode.Uri.joinPath(folder.uri, '.vscode', 'launch.json');
  });
  after(() => vscode.workspace.fs.delete(vscode.Uri.joinPath(file, '..'), { recursive: true }));

  /** Completions where the text has a `|`, once the schema is loaded. */
  async function completions(marked: string, wanted: (label: string) => boolean): Promise<vscode.CompletionItem[]> {
    await vscode.workspace.fs.writeFile(file, Buffer.from(marked.replace('|', '')));
    const document = await vscode.workspace.openTextDocument(file);
    await vscode.window.showTextDocument(document);
    return until('completions', async () => {
      const { items } = await vscode.commands.executeCommand<vscode.CompletionList>(
        'vscode.executeCompletionItemProvider',
        file,
        document.positionAt(marked.indexOf('|')),
      );
      const found = items.filter(({ label }) => wanted(typeof label === 'string' ? label : label.label));
      return found.length > 0 ? found : undefined;
    });
  }
  const text = ({ insertText }: vscode.CompletionItem): string =>
    insertText instanceof vscode.SnippetString ? insertText.value : (insertText ?? '');

  it('offers the seven configurations', async () => {
    const items = await completions('{\n  "version": "0.2.0",\n  "configurations": [\n    |\n  ]\n}\n', (label) =>
      label.startsWith('Elixir: '),
    );
    const labels = items.map(({ label }) => (typeof label === 'string' ? label : label.label)).sort();
    assert.deepEqual(labels, [
      'Elixir: attach to a node',
      'Elixir: attach to several nodes',
      'Elixir: iex -S mix',
      'Elixir: mix phx.server',
      'Elixir: mix task',
      'Elixir: mix test at the cursor',
      'Elixir: script',
    ]);
    for (const item of items) {
      // What is left when the user types over nothing must be JSON.
      const plain = text(item)
        .replace(/(?<!\\)\$\{\d+:([^}]*)\}/g, '$1')
        .replace(/\\([$}\\])/g, '$1');
      const configurations = JSON.parse(`[${plain}]`) as { type: string; request: string; projectDir?: string }[];
      for (const { type, request, projectDir } of configurations) {
        assert.equal(type, 'elixir');
        assert.match(request, /^(launch|attach)$/);
        assert.ok(projectDir === undefined || projectDir === '${workspaceFolder}', projectDir);
      }
      assert.equal(configurations.length, text(item).includes('node2') ? 2 : 1);
    }
  });

  it('describes attributes', async () => {
    const before =
      '{\n  "version": "0.2.0",\n  "configurations": [{ "type": "elixir", "request": "launch", "name": "x", |';
    const items = await completions(`${before} }]\n}\n`, (label) => label.includes('justMyCode'));
    const [item] = items;
    assert.ok(item);
    const documentation = item.documentation;
    const shown = documentation instanceof vscode.MarkdownString ? documentation.value : documentation;
    assert.match(shown ?? '', /Step-in passes through foreign code/);
  });
});
