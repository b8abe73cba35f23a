// The dashboard's panel: one page, fed by the coordination server while it is seen. Shows and asks; measures nothing.
import { randomBytes } from 'node:crypto';
import * as path from 'node:path';
import * as v from 'valibot';
import * as vscode from 'vscode';
import { FromPage, type Export, type ToPage } from '../../protocol/dashboard';
import type { ModuleAction } from '../../protocol/server';
import type { Server } from '../client';
import { COMMANDS, DASHBOARD } from '../contributions';
import type { Log } from '../log';
import type { Monitor } from '../monitor';
import { exported } from './exports';
import { html } from './html';

type Link = Pick<Server, 'request' | 'onDidChangeRunning' | 'onDidUpdate'>;
type Wish<Kind extends FromPage['kind']> = Extract<FromPage, { kind: Kind }>;

export class Dashboard implements vscode.WebviewPanelSerializer, vscode.Disposable {
  private panel: vscode.WebviewPanel | undefined;
  /** The page has asked for figures and is seen. */
  private watching: vscode.Disposable | undefined;
  private readonly subscriptions: vscode.Disposable[];

  constructor(
    private readonly extension: vscode.Extension<unknown>,
    private readonly server: Link,
    private readonly monitor: Monitor,
    private readonly log: Log,
  ) {
    this.subscriptions = [
      server.onDidUpdate((update) => this.watching !== undefined && this.tell({ kind: 'update', update })),
      server.onDidChangeRunning((running) => {
        if (this.watching === undefined) return;
        if (running) void this.feed();
        else this.disconnected();
      }),
    ];
  }

  /** Beside the code where there is some, as it is looked at together with it. */
  show(): void {
    if (this.panel !== undefined) {
      this.panel.reveal();
      return;
    }
    const column = vscode.window.activeTextEditor === undefined ? vscode.ViewColumn.Active : vscode.ViewColumn.Beside;
    this.open(vscode.window.createWebviewPanel(DASHBOARD, vscode.l10n.t('Elixir Debugger Dashboard'), column));
  }

  /** The window was reloaded with the dashboard open. The page itself keeps what the user had chosen. */
  deserializeWebviewPanel(panel: vscode.WebviewPanel): Promise<void> {
    // Two of them would be fed twice for the same figures.
    this.panel?.dispose();
    this.open(panel);
    return Promise.resolve();
  }

  dispose(): void {
    this.panel?.dispose();
    vscode.Disposable.from(...this.subscriptions).dispose();
  }

  private open(panel: vscode.WebviewPanel): void {
    this.panel = panel;
    const dist = vscode.Uri.joinPath(this.extension.extensionUri, 'dist');
    const { webview } = panel;
    const file = (name: string): string => webview.asWebviewUri(vscode.Uri.joinPath(dist, name)).toString();
    webview.options = { enableScripts: true, localResourceRoots: [dist] };
    panel.webview.onDidReceiveMessage((message: unknown) => void this.receive(message));
    panel.onDidChangeViewState(() => {
      // A hidden page is taken down by VS Code, and asks anew when it is back.
      if (!panel.visible) this.rest();
    });
    panel.onDidDispose(() => {
      if (this.panel !== panel) return;
      this.panel = undefined;
      this.rest();
    });
    webview.html = html({
      source: webview.cspSource,
      script: file('dashboard.js'),
      style: file('dashboard.css'),
      nonce: randomBytes(16).toString('base64'),
      language: vscode.env.language,
      title: panel.title,
      data: { bundle: vscode.l10n.bundle ?? {}, commands: this.commands() },
    });
  }

  /** Titles as the palette shows them; VS Code has put the user's language into the manifest. */
  private commands(): Record<string, string> {
    const { contributes } = this.extension.packageJSON as {
      contributes: { commands: { command: string; title: string }[] };
    };
    return Object.fromEntries(contributes.commands.map(({ command, title }) => [command, title]));
  }

  private tell(message: ToPage): void {
    void this.panel?.webview.postMessage(message);
  }

  private say(text: string, failed = false): void {
    this.tell({ kind: 'said', text, failed });
  }

  private disconnected(): void {
    this.tell({ kind: 'disconnected', why: vscode.l10n.t('It is being started again.') });
  }

  /** A snapshot now, and updates from then on. What changes in between comes twice and is told apart by its revision. */
  private async feed(): Promise<void> {
    this.watching ??= this.monitor.watch();
    try {
      const snapshot = await this.server.request('coordination/snapshot', {});
      this.tell({ kind: 'snapshot', snapshot });
    } catch (error) {
      this.log.warn('dashboard.feed', reason(error));
      this.tell({ kind: 'disconnected', why: reason(error) });
    }
  }

  private rest(): void {
    this.watching?.dispose();
    this.watching = undefined;
  }

  private async receive(message: unknown): Promise<void> {
    const parsed = v.safeParse(FromPage, message);
    if (!parsed.success) {
      this.log.warn('dashboard.message', v.summarize(parsed.issues));
      return;
    }
    try {
      await this.fulfil(parsed.output);
    } catch (error) {
      this.say(reason(error), true);
    }
  }

  private async fulfil(wish: FromPage): Promise<void> {
    switch (wish.kind) {
      case 'ready':
        return this.feed();
      case 'module':
        return this.act(wish);
      case 'explain':
        return this.explain(wish);
      case 'neighbourhood':
        return this.neighbourhood(wish);
      case 'open':
        return this.openSource(wish);
      case 'export':
        return this.save(wish.what);
      case 'run': {
        if (!Object.values<string>(COMMANDS).includes(wish.command)) {
          throw new Error(vscode.l10n.t('There is no command {0}.', wish.command));
        }
        await vscode.commands.executeCommand(wish.command);
      }
    }
  }

  private async act({ module, action }: Wish<'module'>): Promise<void> {
    const { sessions } = await this.server.request('coordination/module', { module, action });
    this.say(done(action, module, sessions));
  }

  private async explain({ module }: Wish<'explain'>): Promise<void> {
    try {
      const explanation = await this.server.request('coordination/explain', { module });
      this.tell({ kind: 'explanation', explanation });
    } catch (error) {
      this.tell({ kind: 'unanswered', of: 'explain', module, why: reason(error) });
    }
  }

  private async neighbourhood({ module, depth }: Wish<'neighbourhood'>): Promise<void> {
    try {
      const neighbourhood = await this.server.request('coordination/neighbourhood', { module, depth });
      this.tell({ kind: 'neighbourhood', neighbourhood });
    } catch (error) {
      this.tell({ kind: 'unanswered', of: 'neighbourhood', module, why: reason(error) });
    }
  }

  /** In another column than the dashboard's, which stays in sight. */
  private async openSource({ file, line }: Wish<'open'>): Promise<void> {
    const column = this.panel?.viewColumn === vscode.ViewColumn.One ? vscode.ViewColumn.Two : vscode.ViewColumn.One;
    const at = new vscode.Position((line ?? 1) - 1, 0);
    await vscode.window.showTextDocument(vscode.Uri.file(file), {
      viewColumn: column,
      selection: new vscode.Range(at, at),
    });
  }

  private async save(what: Export): Promise<void> {
    const snapshot = await this.server.request('coordination/snapshot', {});
    // Updates are counted from the newest snapshot on, so the page gets it, too.
    this.tell({ kind: 'snapshot', snapshot });
    const extension = what === 'everything' ? 'json' : 'csv';
    const name = `elixir-debugger-${what === 'everything' ? 'report' : what}.${extension}`;
    const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
    const uri = await vscode.window.showSaveDialog({
      ...(folder === undefined ? {} : { defaultUri: vscode.Uri.joinPath(folder, name) }),
      filters: { [extension.toUpperCase()]: [extension] },
    });
    if (uri === undefined) return;
    await vscode.workspace.fs.writeFile(uri, Buffer.from(exported(what, snapshot), 'utf8'));
    this.say(vscode.l10n.t('Saved as {0}.', path.basename(uri.fsPath)));
  }
}

function done(action: ModuleAction, module: string, sessions: number): string {
  switch (action) {
    case 'prepare':
      return sessions === 0
        ? vscode.l10n.t('No session runs that could prepare {0}.', module)
        : vscode.l10n.t('{0} is being prepared.', module);
    case 'release':
      return sessions === 0
        ? vscode.l10n.t('No session holds {0}.', module)
        : vscode.l10n.t('{0} is released as soon as nothing holds it.', module);
    case 'pin':
      return vscode.l10n.t('{0} is pinned: it stays prepared.', module);
    case 'unpin':
      return vscode.l10n.t('{0} is no longer pinned.', module);
    case 'neverInterpret':
      return vscode.l10n.t('{0} is never interpreted in this workspace.', module);
    case 'allowInterpret':
      return vscode.l10n.t('{0} may be interpreted again.', module);
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
