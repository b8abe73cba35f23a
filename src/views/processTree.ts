// The processes of the debugged program as a tree of applications and supervisors, and the filter that hides OTP's.
// Shows what the adapter lists; asks once a second at most, and only while somebody looks.
import * as v from 'valibot';
import * as vscode from 'vscode';
import { ProcessTree, type ProcessNode } from '../../protocol/adapter';
import { COMMANDS, CONTEXT, DEBUG_TYPE, VIEWS } from '../contributions';
import type { Log } from '../log';
import { command, say } from '../notify';
import { size } from '../units';

/** ms between an answer and the next question, at least. */
const PERIOD = 1_000;
/** A question takes longer the more processes there are; so many times as long nothing is asked, up to a limit in ms. */
const REST = 10;
const LONGEST_PERIOD = 10_000;
/** Children that are shown without a click: the workers of a pool or one process for each connection are not. */
const MOST_UNFOLDED = 20;

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
      command(COMMANDS.showSystemProcesses, () => this.#filter(true)),
      command(COMMANDS.hideSystemProcesses, () => this.#filter(false)),
      command(COMMANDS.pauseProcess, (node) => pause(processOf(node))),
      command(COMMANDS.killProcess, async (node) => {
        const said = await kill(processOf(node));
        if (said !== undefined) this.refresh();
        return said;
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
    const asked = performance.now();
    try {
      const tree = v.parse(ProcessTree, await session.customRequest('getProcessTree'));
      if (round !== this.#round) return;
      await vscode.commands.executeCommand('setContext', CONTEXT.showsSystemProcesses, tree.showSystemProcesses);
      this.#show(nodesOf(tree, session), tree);
    } catch (error) {
      // A program that starts, ends or runs without debugging has no tree to show.
      this.log.debug('view.processes', String(error));
      if (round !== this.#round) return;
      this.#show([], undefined);
    }
    const period = Math.min(LONGEST_PERIOD, Math.max(PERIOD, REST * (performance.now() - asked)));
    this.#timer = setTimeout(() => {
      if (this.#view.visible && round === this.#round) void this.#ask(session, round);
    }, period);
  }

  #show(roots: TreeNode[], tree: ProcessTree | undefined): void {
    const text = JSON.stringify([tree?.total, tree?.processes]);
    if (text === this.#shown) return;
    this.#shown = text;
    this.#roots = roots;
    const left = tree === undefined ? 0 : tree.total - tree.processes.length;
    this.#view.message =
      left > 0 ? vscode.l10n.t('{0} more processes; "maxThreads" sets how many are listed.', left) : '';
    this.#changed.fire(undefined);
  }

  async #filter(showSystemProcesses: boolean): Promise<string | undefined> {
    const session = elixirSession();
    if (session === undefined) return undefined;
    await session.customRequest('setProcessFilter', { showSystemProcesses });
    await vscode.commands.executeCommand('setContext', CONTEXT.showsSystemProcesses, showSystemProcesses);
    this.refresh();
    return say(
      showSystemProcesses
        ? vscode.l10n.t('Processes of OTP, Elixir and Mix are shown, too.')
        : vscode.l10n.t('Processes of OTP, Elixir and Mix are hidden.'),
    );
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
  const item = new vscode.TreeItem(
    name,
    children.length === 0 ? None : children.length > MOST_UNFOLDED ? Collapsed : Expanded,
  );
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

type ProcessOnly = Extract<TreeNode, { kind: 'process' }>;

/** What a menu of the tree hands over; nothing when the command was run from elsewhere. */
function processOf(node: unknown): ProcessOnly | undefined {
  const given = node as Partial<TreeNode> | undefined;
  return given?.kind === 'process' ? (given as ProcessOnly) : undefined;
}

async function pause(node: ProcessOnly | undefined): Promise<string | undefined> {
  if (node === undefined) return undefined;
  const { session, process } = node;
  await session.customRequest('pause', { threadId: process.id });
  return say(vscode.l10n.t('{0} is being paused.', process.name));
}

/** Its supervisor may start another in its place, and whoever is linked to it may end with it: so the user is asked. */
async function kill(node: ProcessOnly | undefined): Promise<string | undefined> {
  if (node === undefined) return undefined;
  const { session, process } = node;
  const end = vscode.l10n.t('End Process');
  const answer = await vscode.window.showWarningMessage(
    vscode.l10n.t(
      'End {0}? Processes linked to it end with it, and its supervisor may start it again.',
      `${process.name} ${process.pid}`,
    ),
    end,
  );
  if (answer !== end) return undefined;
  await session.customRequest('terminateThreads', { threadIds: [process.id] });
  return say(vscode.l10n.t('{0} was ended.', process.name));
}

function elixirSession(): vscode.DebugSession | undefined {
  const session = vscode.debug.activeDebugSession;
  return session?.type === DEBUG_TYPE ? session : undefined;
}
