// Text beside the code while a session runs, for those who switch it on: hits at breakpoints, state and cost at modules.
import * as vscode from 'vscode';
import type { ModuleRow } from '../protocol/metrics';
import { stateName } from './commands/moduleChoice';
import type { Config } from './config';
import { SETTINGS_SECTION } from './contributions';
import type { Figures, Monitor } from './monitor';
import { milliseconds, size } from './units';

/** ms between two drawings; a hot breakpoint hits far more often. */
const REDRAW_AFTER = 250;

export class Decorations implements vscode.Disposable {
  readonly #type = vscode.window.createTextEditorDecorationType({
    after: { color: new vscode.ThemeColor('editorCodeLens.foreground'), margin: '0 0 0 2em' },
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
  });
  readonly #subscriptions: { dispose(): unknown }[];
  #watching: vscode.Disposable | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly monitor: Monitor,
    private readonly config: Config,
  ) {
    this.#subscriptions = [
      this.#type,
      monitor.onDidChange(() => this.#soon()),
      vscode.window.onDidChangeVisibleTextEditors(() => this.#soon()),
      vscode.workspace.onDidChangeConfiguration((change) => {
        if (change.affectsConfiguration(SETTINGS_SECTION)) this.#switch();
      }),
    ];
    this.#switch();
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#watching?.dispose();
    vscode.Disposable.from(...this.#subscriptions).dispose();
  }

  #switch(): void {
    if (this.config.decorations()) {
      this.#watching ??= this.monitor.watch();
      this.#soon();
      return;
    }
    this.#watching?.dispose();
    this.#watching = undefined;
    for (const editor of vscode.window.visibleTextEditors) editor.setDecorations(this.#type, []);
  }

  #soon(): void {
    if (this.#watching === undefined || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#watching === undefined) return;
      for (const editor of vscode.window.visibleTextEditors) {
        editor.setDecorations(this.#type, decorationsOf(editor.document, this.monitor.figures));
      }
    }, REDRAW_AFTER);
  }
}

/** One text a line, at its end. */
export function decorationsOf(document: vscode.TextDocument, figures: Figures | undefined): vscode.DecorationOptions[] {
  if (document.uri.scheme !== 'file' || figures === undefined || figures.sessions.length === 0) return [];
  const file = document.uri.fsPath;
  const texts = new Map<number, string>();
  for (const row of figures.modules.values()) {
    if (row.line !== null && row.state !== 'native' && sameFile(row.file, file)) texts.set(row.line, moduleText(row));
  }
  for (const [line, hits] of hitsIn(file, figures)) {
    texts.set(line, hits === 1 ? vscode.l10n.t('1 hit') : vscode.l10n.t('{0} hits', hits));
  }
  return [...texts].flatMap(([line, contentText]) => {
    // The text may have changed since the server saw it.
    if (line < 1 || line > document.lineCount) return [];
    return [{ range: document.lineAt(line - 1).range, renderOptions: { after: { contentText } } }];
  });
}

/** Line → times a process stopped there, all running sessions together. */
function hitsIn(file: string, { sessions }: Figures): Map<number, number> {
  const total = new Map<number, number>();
  for (const { breakpoints } of sessions) {
    // Two that meet at the same line stop together.
    const here = new Map<number, number>();
    for (const { verified, file: of, line, hits } of breakpoints) {
      if (verified && sameFile(of, file)) here.set(line, Math.max(hits, here.get(line) ?? 0));
    }
    for (const [line, hits] of here) total.set(line, (total.get(line) ?? 0) + hits);
  }
  return total;
}

function moduleText({ state, functions, bytes, prepareMs }: ModuleRow): string {
  return [stateName(state), functions.join(', '), size(bytes), milliseconds(prepareMs)]
    .filter((part) => part !== '')
    .join(' · ');
}

/** Adapter and editor may spell a drive's letter differently. */
function sameFile(a: string | null, b: string): boolean {
  return a !== null && vscode.Uri.file(a).fsPath === b;
}
