// The commands for what was learned in this workspace: see it, save it, erase it. Keeps nothing itself.
import * as vscode from 'vscode';
import type { Server } from './client';
import { COMMANDS } from './contributions';
import { showRendered } from './page';

/** A read-only document, so that closing it asks nothing. */
const SCHEME = 'elixir-learned-usage';

/** Asks the user a question that only this button answers with yes. */
type Confirm = (question: string, detail: string, yes: string) => Thenable<boolean>;

export function registerUsage(server: Pick<Server, 'request'>): vscode.Disposable {
  const usage = new Usage(server, async (message, detail, yes) => {
    return (await vscode.window.showWarningMessage(`${message} ${detail}`, yes)) === yes;
  });
  return vscode.Disposable.from(
    usage,
    vscode.commands.registerCommand(COMMANDS.viewUsage, () => usage.view()),
    vscode.commands.registerCommand(COMMANDS.exportUsage, (to: unknown) =>
      usage.export(to instanceof vscode.Uri ? to : undefined),
    ),
    vscode.commands.registerCommand(COMMANDS.resetUsage, () => usage.reset()),
  );
}

export class Usage implements vscode.TextDocumentContentProvider {
  private text = '';
  private readonly shown: vscode.Uri;
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  private readonly registration: vscode.Disposable;
  readonly onDidChange = this.changed.event;

  constructor(
    private readonly server: Pick<Server, 'request'>,
    private readonly confirm: Confirm,
    scheme = SCHEME,
  ) {
    this.shown = vscode.Uri.from({ scheme, path: '/Learned Usage.md' });
    this.registration = vscode.workspace.registerTextDocumentContentProvider(scheme, this);
  }

  provideTextDocumentContent(): string {
    return this.text;
  }

  async view(): Promise<void> {
    const text = await this.ask('view');
    if (text === undefined) return;
    this.text = text;
    this.changed.fire(this.shown);
    await showRendered(this.shown);
  }

  /** `to` is asked for when it is not given. */
  async export(to?: vscode.Uri): Promise<void> {
    const folder = vscode.workspace.workspaceFolders?.[0]?.uri ?? vscode.Uri.file('/');
    const target =
      to ??
      (await vscode.window.showSaveDialog({
        defaultUri: vscode.Uri.joinPath(folder, 'elixir-learned-usage.json'),
        filters: { JSON: ['json'] },
        title: vscode.l10n.t('Export Learned Usage'),
      }));
    if (target === undefined) return;
    const text = await this.ask('export');
    if (text === undefined) return;
    await vscode.workspace.fs.writeFile(target, new TextEncoder().encode(text));
    void this.said(target);
  }

  /** True when it was erased. */
  async reset(): Promise<boolean> {
    const yes = await this.confirm(
      vscode.l10n.t('Erase what was learned from the debug sessions of this workspace?'),
      vscode.l10n.t(
        'The strategy “learning” starts afresh, and past sessions leave the dashboard. Modules that you pinned or excluded stay as you decided. This cannot be undone.',
      ),
      vscode.l10n.t('Erase'),
    );
    if (!yes || (await this.ask('erase')) === undefined) return false;
    this.text = '';
    this.changed.fire(this.shown);
    void vscode.window.showInformationMessage(
      vscode.l10n.t('What was learned in this workspace is erased; learning starts afresh.'),
    );
    return true;
  }

  dispose(): void {
    this.registration.dispose();
    this.changed.dispose();
  }

  private async said(target: vscode.Uri): Promise<void> {
    const open = vscode.l10n.t('Open');
    const message = vscode.l10n.t('Learned usage was exported to {0}.', vscode.workspace.asRelativePath(target));
    if ((await vscode.window.showInformationMessage(message, open)) === open)
      await vscode.window.showTextDocument(target);
  }

  /** Undefined where the server cannot answer; then the user knows why. */
  private async ask(action: 'view' | 'export' | 'erase'): Promise<string | undefined> {
    try {
      return (await this.server.request('coordination/usage', { action })).text;
    } catch (error) {
      void this.failed(error instanceof Error ? error.message : String(error));
      return undefined;
    }
  }

  private async failed(why: string): Promise<void> {
    const restart = vscode.l10n.t('Restart Server');
    const message = vscode.l10n.t('The learned usage cannot be reached: {0}', why);
    if ((await vscode.window.showErrorMessage(message, restart)) === restart)
      await vscode.commands.executeCommand(COMMANDS.restartServer);
  }
}
