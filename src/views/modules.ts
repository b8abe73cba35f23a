// The modules of the debugged program by how they run: interpreted, prepared, native. Asks only while somebody looks and
// when something happened; changes none: its menu runs commands.
import * as vscode from 'vscode';
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { InterpretationStatus } from '../../protocol/adapter';
import type { ModuleRow } from '../../protocol/metrics';
import { DEBUG_TYPE, VIEWS } from '../contributions';
import { statusOf } from '../debug/liveSessions';
import type { Log } from '../log';
import type { Monitor } from '../monitor';

/** ms from a reason to look again to the question; reasons come in crowds. */
const PATIENCE = 250;

/** The agent's word for functions that are armed alone to see exceptions raised: they are no part of the user's work. */
const EXCEPTIONS = 'exceptions';

/** DAP events after which modules may run otherwise than before. */
const REASONS = new Set(['module', 'breakpoint', 'stopped', 'continued']);

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
  /** Set between a reason to look and the question. */
  #timer: NodeJS.Timeout | undefined;
  /** One question at a time, so that the newest answer comes last. */
  #asking = false;
  /** The server tells what is prepared in the background, as long as this is held. */
  #watching: vscode.Disposable | undefined;
  /** What the server told last. */
  #told: ReadonlyMap<string, ModuleRow> | undefined;

  readonly onDidChangeTreeData = this.#changed.event;

  constructor(
    private readonly monitor: Pick<Monitor, 'watch' | 'figures' | 'onDidChange'>,
    private readonly log: Log,
  ) {
    this.#view = vscode.window.createTreeView(VIEWS.modules, { treeDataProvider: this, showCollapseAll: true });
    const refresh = (): void => this.refresh();
    this.#subscriptions = [
      this.#view,
      this.#changed,
      this.#view.onDidChangeVisibility(refresh),
      vscode.debug.onDidChangeActiveDebugSession(refresh),
      vscode.debug.onDidChangeActiveStackItem(refresh),
      vscode.debug.onDidChangeBreakpoints(refresh),
      vscode.debug.registerDebugAdapterTrackerFactory(DEBUG_TYPE, {
        createDebugAdapterTracker: () => ({
          onDidSendMessage: ({ type, event }: DebugProtocol.Event) => {
            if (type === 'event' && REASONS.has(event)) this.refresh();
          },
        }),
      }),
      monitor.onDidChange((figures) => {
        if (figures?.modules === this.#told) return;
        this.#told = figures?.modules;
        this.refresh();
      }),
    ];
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#watching?.dispose();
    for (const subscription of this.#subscriptions) subscription.dispose();
  }

  refresh(): void {
    const session = debugged();
    this.#watch(session !== undefined && this.#view.visible);
    if (session === undefined) this.#show([]);
    else if (this.#view.visible) this.#timer ??= setTimeout(() => void this.#look(), PATIENCE);
  }

  #watch(wanted: boolean): void {
    if (wanted) {
      this.#watching ??= this.monitor.watch();
    } else {
      this.#watching?.dispose();
      this.#watching = undefined;
    }
  }

  getChildren(node?: ModuleNode): ModuleNode[] {
    if (node === undefined) return this.#roots;
    return node.kind === 'state' ? node.modules : [];
  }

  getTreeItem(node: ModuleNode): vscode.TreeItem {
    return node.kind === 'state' ? stateItem(node) : moduleItem(node);
  }

  async #look(): Promise<void> {
    this.#timer = undefined;
    const session = debugged();
    if (session === undefined || !this.#view.visible) return;
    if (this.#asking) {
      this.refresh();
      return;
    }
    this.#asking = true;
    const roots = await this.#ask(session);
    this.#asking = false;
    if (debugged()?.id === session.id) this.#show(roots);
    else this.refresh();
  }

  async #ask(session: vscode.DebugSession): Promise<ModuleNode[]> {
    try {
      const [status, { modules }] = await Promise.all([
        statusOf(session),
        session.customRequest('modules', {}) as Thenable<DebugProtocol.ModulesResponse['body']>,
      ]);
      return groups(status, modules);
    } catch (error) {
      // A program that starts or ends has nothing to show.
      this.log.debug('view.modules', String(error));
      return [];
    }
  }

  #show(roots: ModuleNode[]): void {
    const text = JSON.stringify(roots);
    if (text === this.#shown) return;
    this.#shown = text;
    this.#roots = roots;
    this.#changed.fire(undefined);
  }
}

function debugged(): vscode.DebugSession | undefined {
  const session = vscode.debug.activeDebugSession;
  return session?.type === DEBUG_TYPE ? session : undefined;
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
  item.accessibilityInformation = { label: `${LABELS[state]()}, ${modules.length}. ${MEANINGS[state]()}` };
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
