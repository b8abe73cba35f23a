// The commands of the log, of the quick controls, of learned usage and of the process tree, run as the palette runs them.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { ProcessTree } from '../../../protocol/adapter';
import { COMMANDS } from '../../../src/contributions';
import { activeExtension } from '../../support/activeExtension';
import { Notices } from '../../support/notices';
import { acceptList, nextEvent, until } from '../../support/vscodeEvents';

describe('commands of the palette', function () {
  this.timeout(180_000);
  let folder: vscode.WorkspaceFolder;
  let files: string;
  let notices: Notices;

  before(async () => {
    ({ folder } = await activeExtension());
    files = await mkdtemp(path.join(tmpdir(), 'ecd-commands-'));
  });
  beforeEach(() => {
    notices = new Notices();
  });
  afterEach(() => {
    notices.dispose();
  });
  after(async () => {
    await rm(files, { recursive: true, force: true });
    await vscode.commands.executeCommand('workbench.action.closePanel');
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  });

  const section = (): vscode.WorkspaceConfiguration =>
    vscode.workspace.getConfiguration('elixirLS.coordinatedInterpretation');

  it('show the log', async () => {
    await vscode.commands.executeCommand(COMMANDS.showLog);
    await until('the log', () =>
      vscode.window.visibleTextEditors.some(({ document }) => document.uri.scheme === 'output') ? true : undefined,
    );
  });

  it('open the quick controls, whose first entry chooses the engine of the next session', async () => {
    try {
      await until('the other engine', async () => {
        await acceptList(COMMANDS.quickControls, 300);
        return section().get('enabled') === false ? true : undefined;
      });
    } finally {
      await section().update('enabled', undefined, vscode.ConfigurationTarget.Global);
    }
  });

  it('select the strategy', async () => {
    await section().update('strategy', 'learning', vscode.ConfigurationTarget.Global);
    try {
      // The first of the list is what it is without a setting.
      await until('the strategy', async () => {
        await acceptList(COMMANDS.selectStrategy, 300);
        return section().get('strategy') === 'demand-driven' ? true : undefined;
      });
    } finally {
      await section().update('strategy', undefined, vscode.ConfigurationTarget.Global);
    }
  });

  it('export what was learned', async () => {
    const target = path.join(files, 'usage.json');
    await vscode.commands.executeCommand(COMMANDS.exportUsage, vscode.Uri.file(target));
    assert.equal((JSON.parse(await readFile(target, 'utf8')) as { version: number }).version, 1);
    await notices.first(/was exported to/);
  });

  it('erase what was learned, once the user says yes, and never by a dialog', async () => {
    assert.equal(await vscode.commands.executeCommand(COMMANDS.resetUsage), false);
    notices.press('Erase', /cannot be undone/);
    assert.equal(await vscode.commands.executeCommand(COMMANDS.resetUsage), true);
    assert.deepEqual(
      notices.all.map(({ modal }) => modal),
      [false, false, false],
    );
  });

  it('pause a process of the tree, and end it after a yes', async () => {
    const script = vscode.Uri.joinPath(folder.uri, 'nap.exs');
    const text = 'Process.register(spawn(fn -> Process.sleep(:infinity) end), :sleeper)\nProcess.sleep(:infinity)\n';
    await vscode.workspace.fs.writeFile(script, Buffer.from(text));
    const configuration = { type: 'elixir', request: 'launch', name: 'sleeper', script: script.fsPath };
    assert.ok(await vscode.debug.startDebugging(folder, configuration));
    const session = await until('the session', () => vscode.debug.activeDebugSession);
    const sleeper = async (): Promise<ProcessTree['processes'][number] | undefined> => {
      const { processes } = (await session.customRequest('getProcessTree')) as ProcessTree;
      return processes.find(({ name }) => name.includes('sleeper'));
    };
    const found = await until('the process', () => sleeper().catch(() => undefined));
    const node = { kind: 'process', session, process: found, children: [] };
    await vscode.commands.executeCommand(COMMANDS.pauseProcess, node);
    await until('the stop', async () => ((await sleeper())?.state === 'stopped' ? true : undefined));
    notices.press('End Process', /sleeper/);
    await vscode.commands.executeCommand(COMMANDS.killProcess, node);
    await until('its end', async () => ((await sleeper()) === undefined ? true : undefined));
    const ended = nextEvent(vscode.debug.onDidTerminateDebugSession, ({ id }) => id === session.id, 'the end');
    await vscode.debug.stopDebugging(session);
    await ended;
    await vscode.workspace.fs.delete(script);
  });
});
