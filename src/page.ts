// A page of Markdown for the user to read: rendered where VS Code can, without an unsaved file to close. Writes no file.
import * as vscode from 'vscode';

const SCHEME = 'elixir-debugger-page';
/** Pages to remember; the oldest goes first. */
const MOST_PAGES = 20;

export class Pages implements vscode.TextDocumentContentProvider, vscode.Disposable {
  readonly #texts = new Map<string, string>();
  readonly #changed = new vscode.EventEmitter<vscode.Uri>();
  readonly #subscriptions: { dispose(): unknown }[];
  readonly onDidChange = this.#changed.event;

  constructor() {
    this.#subscriptions = [this.#changed, vscode.workspace.registerTextDocumentContentProvider(SCHEME, this)];
  }

  dispose(): void {
    vscode.Disposable.from(...this.#subscriptions).dispose();
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.#texts.get(uri.path) ?? '';
  }

  /** One page a title: shown again, it is renewed. */
  async show(title: string, markdown: string): Promise<void> {
    const uri = vscode.Uri.from({ scheme: SCHEME, path: `/${title.replaceAll('/', '∕')}.md` });
    this.#texts.delete(uri.path);
    this.#texts.set(uri.path, markdown);
    const [oldest] = this.#texts.keys();
    if (this.#texts.size > MOST_PAGES && oldest !== undefined) this.#texts.delete(oldest);
    this.#changed.fire(uri);
    await showRendered(uri);
  }
}

/** As a page to read; as text where VS Code's own extension for Markdown is disabled. */
export async function showRendered(markdown: vscode.Uri): Promise<void> {
  try {
    // The command starts that extension: until then it is not among the known ones.
    await vscode.commands.executeCommand('markdown.showPreview', markdown);
  } catch {
    await vscode.window.showTextDocument(markdown, { preview: true });
  }
}

/** As text of Markdown, also in a table's cell or beside theme icons, whatever it holds. */
export function cell(text: string): string {
  return text.replace(/[\\`*_{}[\]<>#|~$]/g, '\\$&').replace(/\s+/g, ' ');
}

/** A table; the cells are Markdown already. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n');
}
