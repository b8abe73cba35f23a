// The processes of the debugged program as a tree of applications and supervisors, and the filter that hides OTP's.
// Shows what the adapter lists; asks at most once a second, and only while somebody looks.
import * as vscode from 'vscode';
import type { ProcessNode, ProcessTree } from '../../protocol/adapter';
import { COMMANDS, CONTEXT, DEBUG_TYPE, VIEWS } from '../contributions';
import type { Log } from '../log';

/** ms between an answer and the next question. */
const PERIOD = 1_000;

/** An application, or a process of the session that was asked. */
export type TreeNode =
  | { kind: 'application'; name: string; children: TreeNode[] }
  | { kind: 'process'; session: vscode.DebugSession; process: ProcessNode; children: TreeNode[] };

export class ProcessTreeView implements vscode.TreeDataProvider<TreeNode>, vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<undefined>();
  readonly #view: vscode.TreeView<TreeNode>;
  readonly #subscriptions: { dispose(): unknown }[];
  #roots: TreeNode[] = [];
  /** What is shown, to leave an unchanged tree alone. */
  #shown = '';
  #timer: NodeJS.Timeout | undefined;
  /** Raised when a running question is of no use any more. */
  #round = 0;

  readonly onDidChangeTreeData = this.#changed.event;

  constructor(private readonly log: Log) {
    this.#view = vscode.window.createTreeView(VIEWS.processes, { treeDataProvider: this, showCollapseAll: true });
    this.#subscriptions = [
      this.#view,
      this.#changed,
      this.#view.onDidChangeVisibility(() => this.refresh()),
      vscode.debug.onDidChangeActiveDebugSession(() => this.refresh()),
      // A stop, a step, another process that the user looks at.
      vscode.debug.onDidChangeActiveStackItem(() => this.refresh()),
      vscode.commands.registerCommand(COMMANDS.showSystemProcesses, () => this.#filter(true)),
      vscode.commands.registerCommand(COMMANDS.hideSystemProcesses, () => this.#filter(false)),
      vscode.commands.registerCommand(COMMANDS.pauseProcess, (node?: TreeNode) => pause(node)),
      vscode.commands.registerCommand(COMMANDS.killProcess, async (node?: TreeNode) => {
        if (await kill(node)) this.refresh();
      }),
    ];
  }

  dispose(): void {
    this.#round++;
    clearTimeout(this.#timer);
    for (const subscription of this.#subscriptions) subscription.dispose();
  }

  /** Now, and then once a second as long as the view is visible and a session runs. */
  refresh(): void {
    clearTimeout(this.#timer);
    const round = ++this.#round;
    const session = elixirSession();
    if (session === undefined) this.#show([], undefined);
    else if (this.#view.visible) void this.#ask(session, round);
  }

  getChildren(node?: TreeNode): TreeNode[] {
    return node === undefined ? this.#roots : node.children;
  }

  getTreeItem(node: TreeNode): vscode.TreeItem {
    return node.kind === 'application' ? applicationItem(node) : processItem(node);
  }

  async #ask(session: vscode.DebugSession, round: number): Promise<void> {
    try {
      const tree = (await session.customRequest('getProcessTree')) as ProcessTree;
      if (round !== this.#round) return;
      await vscode.commands.executeCommand('setContext', CONTEXT.showsSystemProcesses, tree.showSystemProcesses);
      this.#show(nodesOf(tree, session), tree);
    } catch (error) {
      // A program that starts, ends or runs without debugging has no tree to show.
      this.log.debug('view.processes', String(error));
      if (round !== this.#round) return;
      this.#show([], undefined);
    }
    this.#timer = setTimeout(() => {
      if (this.#view.visible && round === this.#round) void this.#ask(session, round);
    }, PERIOD);
  }

  #show(roots: TreeNode[], tree: ProcessTree | undefined): void {
    const text = JSON.stringify(tree?.processes ?? []);
    if (text === this.#shown) return;
    this.#shown = text;
    this.#roots = roots;
    const left = tree === undefined ? 0 : tree.total - tree.processes.length;
    this.#view.message =
      left > 0 ? vscode.l10n.t('{0} more processes; "maxThreads" sets how many are listed.', left) : '';
    this.#changed.fire(undefined);
  }

  async #filter(showSystemProcesses: boolean): Promise<void> {
    const session = elixirSession();
    if (session === undefined) return;
    await session.customRequest('setProcessFilter', { showSystemProcesses });
    await vscode.commands.executeCommand('setContext', CONTEXT.showsSystemProcesses, showSystemProcesses);
    this.refresh();
  }
}

/** Processes under who started them; those without a parent under their application. */
function nodesOf({ processes }: ProcessTree, session: vscode.DebugSession): TreeNode[] {
  const roots: TreeNode[] = [];
  const applications = new Map<string, TreeNode>();
  const known = new Map<number, TreeNode>();
  for (const process of processes) {
    const node: TreeNode = { kind: 'process', session, process, children: [] };
    known.set(process.id, node);
    const parent = process.parent === null ? undefined : known.get(process.parent);
    const { application } = process;
    if (parent !== undefined) parent.children.push(node);
    else if (application === null) roots.push(node);
    else {
      const top = applications.get(application) ?? { kind: 'application', name: application, children: [] };
      applications.set(application, top);
      top.children.push(node);
    }
  }
  return [...applications.values(), ...roots];
}

function applicationItem({ name }: Extract<TreeNode, { kind: 'application' }>): vscode.TreeItem {
  const item = new vscode.TreeItem(name, vscode.TreeItemCollapsibleState.Expanded);
  item.id = `application ${name}`;
  item.iconPath = new vscode.ThemeIcon('package');
  item.contextValue = 'application';
  item.accessibilityInformation = { label: vscode.l10n.t('Application {0}', name) };
  return item;
}

function processItem({ session, process, children }: Extract<TreeNode, { kind: 'process' }>): vscode.TreeItem {
  const { name, pid, supervisor, state, mailbox, memory, at } = process;
  const { Collapsed, Expanded, None } = vscode.TreeItemCollapsibleState;
  const item = new vscode.TreeItem(name, children.length === 0 ? None : supervisor ? Expanded : Collapsed);
  item.id = `${session.id} ${process.id}`;
  const facts = [
    STATES[state](),
    ...(mailbox > 0 ? [mailbox === 1 ? vscode.l10n.t('1 message') : vscode.l10n.t('{0} messages', mailbox)] : []),
    size(memory),
  ];
  item.description = facts.join(' · ');
  item.tooltip = `${name} ${pid}\n${facts.join(', ')}\n${at}`;
  item.iconPath = icon(process);
  item.contextValue = `process.${state}`;
  item.accessibilityInformation = {
    label: `${supervisor ? vscode.l10n.t('Supervisor {0}', name) : name}, ${facts.join(', ')}`,
  };
  return item;
}

const STATES: Record<ProcessNode['state'], () => string> = {
  stopped: () => vscode.l10n.t('stopped'),
  suspended: () => vscode.l10n.t('suspended'),
  waiting: () => vscode.l10n.t('waiting'),
  running: () => vscode.l10n.t('running'),
};

function icon({ state, supervisor }: ProcessNode): vscode.ThemeIcon {
  if (state === 'stopped') return new vscode.ThemeIcon('debug-pause', new vscode.ThemeColor('charts.yellow'));
  if (state === 'suspended') return new vscode.ThemeIcon('circle-slash');
  if (supervisor) return new vscode.ThemeIcon('type-hierarchy');
  return new vscode.ThemeIcon(state === 'running' ? 'play-circle' : 'circle-outline');
}

function size(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  return bytes < 1_000_000 ? `${(bytes / 1_000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

async function pause(node: TreeNode | undefined): Promise<void> {
  if (node?.kind !== 'process') return;
  try {
    await node.session.customRequest('pause', { threadId: node.process.id });
  } catch (error) {
    void vscode.window.showErrorMessage(messageOf(error));
  }
}

/** Its supervisor may start another in its place, and whoever is linked to it may end with it: so the user is asked. */
async function kill(node: TreeNode | undefined): Promise<boolean> {
  if (node?.kind !== 'process') return false;
  const end = vscode.l10n.t('End Process');
  const answer = await vscode.window.showWarningMessage(
    vscode.l10n.t(
      'End {0}? Processes linked to it end with it, and its supervisor may start it again.',
      `${node.process.name} ${node.process.pid}`,
    ),
    end,
  );
  if (answer !== end) return false;
  try {
    await node.session.customRequest('terminateThreads', { threadIds: [node.process.id] });
    return true;
  } catch (error) {
    void vscode.window.showErrorMessage(messageOf(error));
    return false;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function elixirSession(): vscode.DebugSession | undefined {
  const session = vscode.debug.activeDebugSession;
  return session?.type === DEBUG_TYPE ? session : undefined;
}
