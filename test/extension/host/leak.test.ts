// Twenty debug sessions, and the dashboard opened and closed as often: what VS Code's extension host, the server and the
// machine hold afterwards is what they held before. Counts decide, never time.
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as vscode from 'vscode';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { COMMANDS, DASHBOARD } from '../../../src/contributions';
import type { Api } from '../../../src/extension';
import { activeExtension } from '../../support/activeExtension';
import { markedProcesses, SESSION_MARK } from '../../support/processes';
import { until } from '../../support/vscodeEvents';

const BATCH = 4;
const SESSIONS = 20;
/** What keeps something a session keeps twenty; VS Code's own timers come and go. */
const NOISE = SESSIONS / 4;
/** Bytes a session may leave: its name and figures in lists that are bounded, its log lines, compiled code. */
const LEFT_BY_SESSION = 250_000;

interface Held {
  /** Timers, sockets, pipes, child processes and so on of the extension host. */
  resources: Record<string, number>;
  listeners: number;
  /** Open files of the extension host and of the server, where the system tells. */
  files: number;
  serverFiles: number;
  connections: number;
  /** Adapters and BEAMs. */
  processes: number;
  panels: number;
}

describe('twenty sessions and dashboards', function () {
  this.timeout(400_000);
  let api: Api;
  let folder: vscode.WorkspaceFolder;
  let tracker: vscode.Disposable;
  const sessions: WeakRef<vscode.DebugSession>[] = [];
  let stops = 0;

  before(async () => {
    ({ api, folder } = await activeExtension());
    await vscode.workspace.fs.writeFile(script(), Buffer.from('name = "leak"\nIO.puts(name)\n'));
    const document = await vscode.workspace.openTextDocument(script());
    const location = new vscode.Location(document.uri, new vscode.Position(1, 0));
    vscode.debug.addBreakpoints([new vscode.SourceBreakpoint(location)]);
    tracker = vscode.debug.registerDebugAdapterTrackerFactory('elixir', {
      createDebugAdapterTracker: (session) => {
        sessions.push(new WeakRef(session));
        return { onDidSendMessage: (message: DebugProtocol.ProtocolMessage) => goOn(session, message) };
      },
    });
  });
  after(async () => {
    tracker.dispose();
    vscode.debug.removeBreakpoints([...vscode.debug.breakpoints]);
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    await vscode.workspace.fs.delete(script());
  });

  const script = (): vscode.Uri => vscode.Uri.joinPath(folder.uri, 'leak.exs');
  function goOn(session: vscode.DebugSession, message: DebugProtocol.ProtocolMessage): void {
    const { event, body } = message as DebugProtocol.StoppedEvent;
    if (event !== 'stopped') return;
    stops++;
    void session.customRequest('continue', { threadId: body.threadId });
  }
  const panels = (): vscode.Tab[] =>
    vscode.window.tabGroups.all
      .flatMap(({ tabs }) => tabs)
      .filter(({ input }) => input instanceof vscode.TabInputWebview && input.viewType.includes(DASHBOARD));

  /** Four at once, each stopped once, with the dashboard open; and the dashboard three times more. */
  async function batch(): Promise<void> {
    let running = 0;
    let started = 0;
    const listeners = [
      vscode.debug.onDidStartDebugSession(() => {
        started++;
        running++;
      }),
      vscode.debug.onDidTerminateDebugSession(() => running--),
    ];
    const stopsBefore = stops;
    for (let time = 1; time < BATCH; time++) {
      await showDashboard();
      await closeDashboard();
    }
    await showDashboard();
    const names = Array.from({ length: BATCH }, (_, at) => `leak ${at}`);
    const configuration = { type: 'elixir', request: 'launch', script: script().fsPath };
    await Promise.all(names.map((name) => vscode.debug.startDebugging(folder, { ...configuration, name })));
    await until('the end of all', () => (started === BATCH && running === 0 ? true : undefined));
    await closeDashboard();
    for (const listener of listeners) listener.dispose();
    assert.equal(stops - stopsBefore, BATCH);
  }
  async function showDashboard(): Promise<void> {
    await vscode.commands.executeCommand(COMMANDS.showDashboard);
    await until('the dashboard', () => (panels().length === 1 ? true : undefined));
  }
  async function closeDashboard(): Promise<void> {
    await vscode.window.tabGroups.close(panels());
    await until('no dashboard', () => (panels().length === 0 ? true : undefined));
  }

  async function held(): Promise<Held> {
    const resources: Record<string, number> = {};
    for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
    const health = await api.server.request('coordination/health', {});
    const mark = process.env[SESSION_MARK];
    const ours = mark === undefined ? [] : markedProcesses(mark);
    return {
      resources,
      listeners: process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0),
      files: openFiles('self'),
      serverFiles: openFiles(String(health.pid)),
      connections: health.connections,
      processes: ours.filter(({ command }) => /adapter\.js|beam|erl_child_setup/.test(command)).length,
      panels: panels().length,
    };
  }

  it('leave no process, socket, timer, listener or session behind, and no memory to speak of', async () => {
    await batch();
    const before = await held();
    sessions.length = 0;
    const heapBefore = heap();
    for (let run = 0; run < SESSIONS; run += BATCH) await batch();
    assert.equal(sessions.length, SESSIONS);

    let now = before;
    let excess: string[] = [];
    await until('what the sessions held is given back', async () => {
      now = await held();
      excess = tooMuch(before, now);
      return excess.length === 0 || undefined;
    }).catch(() => assert.fail(`${excess.join('; ')}\nbefore ${JSON.stringify(before)}\nnow ${JSON.stringify(now)}`));

    const heapNow = heap();
    const alive = sessions.filter((each) => each.deref() !== undefined).length;
    assert.ok(alive < NOISE, `${alive} of ${SESSIONS} sessions are still referred to`);
    const grown = heapNow - heapBefore;
    assert.ok(grown < SESSIONS * LEFT_BY_SESSION, `${Math.round(grown / SESSIONS)} bytes stay of each session`);
  });
});

/** What there is more of than chance explains. Processes, connections and panels are exact. */
function tooMuch(before: Held, now: Held): string[] {
  const exact = (['connections', 'processes', 'panels'] as const).filter((key) => now[key] !== before[key]);
  const about = (['listeners', 'files', 'serverFiles'] as const).filter((key) => now[key] - before[key] >= NOISE);
  const kinds = Object.entries(now.resources).filter(([kind, count]) => count - (before.resources[kind] ?? 0) >= NOISE);
  return [...exact, ...about, ...kinds.map(([kind]) => kind)];
}

function openFiles(process: string): number {
  const folder = `/proc/${process}/fd`;
  return existsSync(folder) ? readdirSync(folder).length : 0;
}

/** Bytes in use after everything that nobody refers to is gone. */
function heap(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}
