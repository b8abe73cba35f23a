// Run and Debug above each test and block of tests in the editor. Knows nothing of how tests run.
import * as vscode from 'vscode';
import { INTERNAL_COMMANDS } from '../contributions';
import { below, type TestTree } from './tree';

export class TestLenses implements vscode.CodeLensProvider, vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChangeCodeLenses = this.#changed.event;
  readonly #listener: vscode.Disposable;

  constructor(
    private readonly tree: TestTree,
    /** The user's switch. */
    private readonly wanted: () => boolean,
  ) {
    this.#listener = tree.onDidRead(() => this.#changed.fire());
  }

  provideCodeLenses({ uri }: vscode.TextDocument): vscode.CodeLens[] {
    const file = this.wanted() ? this.tree.file(uri) : undefined;
    return file === undefined ? [] : [...below(file)].flatMap((item) => this.#lenses(item));
  }

  dispose(): void {
    this.#listener.dispose();
    this.#changed.dispose();
  }

  #lenses(item: vscode.TestItem): vscode.CodeLens[] {
    const { range } = item;
    const kind = this.tree.subject(item)?.kind;
    // What a macro made shares its line with what the source names.
    const shown = kind === 'describe' || kind === 'test' || kind === 'doctest';
    if (range === undefined || !shown || this.tree.isMade(item)) return [];
    const lens = (title: string, command: string): vscode.CodeLens =>
      new vscode.CodeLens(range, { title, command, arguments: [item.id] });
    return [
      lens(vscode.l10n.t('Run Test'), INTERNAL_COMMANDS.runTest),
      lens(vscode.l10n.t('Debug Test'), INTERNAL_COMMANDS.debugTest),
    ];
  }
}
