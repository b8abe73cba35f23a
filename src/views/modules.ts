// The modules of the debugged program by how they run: interpreted, prepared, native. Changes none; its menu runs commands.
import * as vscode from 'vscode';
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { InterpretationStatus } from '../../protocol/adapter';
import { DEBUG_TYPE, VIEWS } from '../contributions';
import type { Log } from '../log';

/** ms from a reason to look again to the question; reasons come in crowds. */
const PATIENCE = 250;
/** ms between looks while the view is visible: modules are prepared in the background. */
const PERIOD = 2_000;

/** The agent's word for functions that are armed alone to see exceptions raised: they are no part of the user's work. */
const EXCEPTIONS = 'exceptions';

type State = 'interpreted' | 'prepared' | 'native';

/** Commands of the menu take `module` of what was clicked. */
export type ModuleNode =
  | { kind: 'state'; state: State; modules: ModuleNode[] }
  | { kind: 'module'; state: State; module: string; detail: string; path: string | undefined };

export class ModulesView implements vscode.TreeDataProvider<ModuleNode>, vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<undefined>();
  readonly #view: vscode.TreeView<ModuleNode>;
  readonly #subscriptions: { dispose(): unknown }[];
  #roots: ModuleNode[] = [];
  #shown = '';
  #timer: NodeJS.Timeout | undefined;
  #round = 0;

  readonly onDidChangeTreeData = this.#changed.event;

  constructor(private readonly log: Log) {
    this.#view = vscode.window.createTreeView(VIEWS.modules, { treeDataProvider: this, showCollapseAll: true });
    const refresh = (): void => this.refresh();
    this.#subscriptions = [
      this.#view,
      this.#changed,
      this.#view.onDidChangeVisibility(refresh),
      vscode.debug.onDidChangeActiveDebugSession(refresh),
      vscode.debug.onDidChangeActiveStackItem(refresh),
      vscode.debug.onDidChangeBreakpoints(refresh),
    ];
  }

  dispose(): void {
    this.#round++;
    clearTimeout(this.#timer);
    for (const subscription of this.#subscriptions) subscription.dispose();
  }

  refresh(): void {
    const round = ++this.#round;
    const session = vscode.debug.activeDebugSession;
    if (session?.type !== DEBUG_TYPE) {
      clearTimeout(this.#timer);
      this.#show([]);
    } else if (this.#view.visible) {
      this.#later(PATIENCE, session, round);
    }
  }

  getChildren(node?: ModuleNode): ModuleNode[] {
    if (node === undefined) return this.#roots;
    return node.kind === 'state' ? node.modules : [];
  }

  getTreeItem(node: ModuleNode): vscode.TreeItem {
    return node.kind === 'state' ? stateItem(node) : moduleItem(node);
  }

  #later(ms: number, session: vscode.DebugSession, round: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.#view.visible && round === this.#round) void this.#ask(session, round);
    }, ms);
  }

  async #ask(session: vscode.DebugSession, round: number): Promise<void> {
    try {
      const [status, { modules }] = await Promise.all([
        session.customRequest('getInterpretationStatus') as Thenable<InterpretationStatus>,
        session.customRequest('modules', {}) as Thenable<DebugProtocol.ModulesResponse['body']>,
      ]);
      if (round !== this.#round) return;
      this.#show(groups(status, modules));
    } catch (error) {
      // A program that starts or ends has nothing to show.
      this.log.debug('view.modules', String(error));
      if (round !== this.#round) return;
      this.#show([]);
    }
    this.#later(PERIOD, session, round);
  }

  #show(roots: ModuleNode[]): void {
    const text = JSON.stringify(roots);
    if (text === this.#shown) return;
    this.#shown = text;
    this.#roots = roots;
    this.#changed.fire(undefined);
  }
}

/** What the debugger holds, and of all others the user's own. */
function groups(status: InterpretationStatus, loaded: DebugProtocol.Module[]): ModuleNode[] {
  const paths = new Map(loaded.map(({ name, path }) => [name, path]));
  const held = new Set(status.modules.filter(({ state }) => state !== 'native').map(({ module }) => module));
  const ofState = (state: State): ModuleNode[] =>
    status.modules
      .filter((each) => each.state === state && each.reason !== EXCEPTIONS)
      .map(({ module, functions, reason }) => ({
        kind: 'module',
        state,
        module,
        detail: state === 'interpreted' && functions.length > 0 ? functions.join(', ') : reason,
        path: paths.get(module),
      }));
  const native = loaded
    .filter(({ name, isUserCode }) => isUserCode === true && !held.has(name))
    .map(({ name, path }): ModuleNode => ({ kind: 'module', state: 'native', module: name, detail: '', path }));
  const all: [State, ModuleNode[]][] = [
    ['interpreted', ofState('interpreted')],
    ['prepared', ofState('prepared')],
    ['native', native],
  ];
  return all.filter(([, modules]) => modules.length > 0).map(([state, modules]) => ({ kind: 'state', state, modules }));
}

function stateItem({ state, modules }: Extract<ModuleNode, { kind: 'state' }>): vscode.TreeItem {
  const { Collapsed, Expanded } = vscode.TreeItemCollapsibleState;
  const item = new vscode.TreeItem(LABELS[state](), state === 'native' ? Collapsed : Expanded);
  item.id = state;
  item.description = String(modules.length);
  item.contextValue = 'state';
  item.tooltip = MEANINGS[state]();
  return item;
}

function moduleItem({ state, module, detail, path }: Extract<ModuleNode, { kind: 'module' }>): vscode.TreeItem {
  const item = new vscode.TreeItem(module, vscode.TreeItemCollapsibleState.None);
  item.id = `${state} ${module}`;
  item.description = detail;
  item.tooltip = detail === '' ? module : `${module}\n${detail}`;
  item.iconPath = new vscode.ThemeIcon(ICONS[state]);
  item.contextValue = `module.${state}`;
  item.accessibilityInformation = { label: `${module}, ${LABELS[state]()}${detail === '' ? '' : `, ${detail}`}` };
  if (path !== undefined) {
    const open = vscode.l10n.t('Open Source');
    item.command = { command: 'vscode.open', title: open, arguments: [vscode.Uri.file(path)] };
  }
  return item;
}

const LABELS: Record<State, () => string> = {
  interpreted: () => vscode.l10n.t('Interpreted'),
  prepared: () => vscode.l10n.t('Prepared'),
  native: () => vscode.l10n.t('Native'),
};
const MEANINGS: Record<State, () => string> = {
  interpreted: () => vscode.l10n.t('Functions that hold a breakpoint or are stepped through are interpreted.'),
  prepared: () => vscode.l10n.t('Ready to be interpreted; runs at native speed.'),
  native: () => vscode.l10n.t('Modules of this project that the debugger has not touched.'),
};
const ICONS: Record<State, string> = { interpreted: 'debug-alt', prepared: 'layers', native: 'zap' };
