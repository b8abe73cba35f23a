// "Convert ElixirLS Launch Configurations": offers the launch configurations of ElixirLS once more, for this debugger.
// The old ones stay, so that nothing is lost.
import * as vscode from 'vscode';
import { COMMANDS, DEBUG_TYPE, MIX_TASK } from '../contributions';
import { withConfigurations } from '../debug/launchJson';
import { converted } from '../debug/mixTask';
import { command, say, Trouble } from '../notify';

export function registerConvertLaunch(): vscode.Disposable {
  return command(COMMANDS.convertLaunchConfigurations, convertLaunchConfigurations);
}

async function convertLaunchConfigurations(): Promise<string | undefined> {
  const found = (vscode.workspace.workspaceFolders ?? []).flatMap((folder) =>
    toConvert(folder).map((configuration) => ({ folder, configuration })),
  );
  if (found.length === 0) {
    return say(vscode.l10n.t('No launch.json of this workspace has a mix_task configuration left to convert.'));
  }
  const items = found.map(({ folder, configuration }) => ({
    label: configuration.name,
    description: folder.name,
    detail: [`mix ${String(configuration['task'] ?? '')}`, ...texts(configuration['taskArgs'])].join(' '),
    picked: true,
    folder,
    configuration,
  }));
  const picked = await vscode.window.showQuickPick(items, {
    title: vscode.l10n.t('Convert ElixirLS Launch Configurations'),
    placeHolder: vscode.l10n.t('A copy of type "elixir" is added for each; the originals stay'),
    canPickMany: true,
  });
  if (picked === undefined || picked.length === 0) return undefined;
  for (const folder of new Set(picked.map((item) => item.folder))) {
    const ours = picked.filter((item) => item.folder === folder).map((item) => item.configuration);
    await add(folder, ours);
  }
  return say(
    picked.length === 1
      ? vscode.l10n.t('One launch configuration was added to launch.json.')
      : vscode.l10n.t('{0} launch configurations were added to launch.json.', picked.length),
  );
}

/** Those that have no copy yet. */
function toConvert(folder: vscode.WorkspaceFolder): vscode.DebugConfiguration[] {
  const all = configurationsOf(folder);
  const ours = new Set(all.filter(({ type }) => type === DEBUG_TYPE).map(({ name }) => name));
  return all.filter((each) => each.type === MIX_TASK && !ours.has(copyName(each)));
}

/** Into launch.json as the user has it open; into the settings where they hold the configurations. */
async function add(folder: vscode.WorkspaceFolder, chosen: vscode.DebugConfiguration[]): Promise<void> {
  const copies = chosen.map((each) => ({ ...converted(each), name: copyName(each) }));
  const document = await launchJson(folder);
  const text = document === undefined ? undefined : withConfigurations(document.getText(), copies);
  if (document === undefined || text === undefined) {
    const section = vscode.workspace.getConfiguration('launch', folder);
    const { Workspace, WorkspaceFolder } = vscode.ConfigurationTarget;
    const target = section.inspect('configurations')?.workspaceFolderValue === undefined ? Workspace : WorkspaceFolder;
    await section.update('configurations', [...configurationsOf(folder), ...copies], target);
    return;
  }
  const edit = new vscode.WorkspaceEdit();
  const whole = new vscode.Range(document.positionAt(0), document.positionAt(document.getText().length));
  edit.replace(document.uri, whole, text);
  if (!(await vscode.workspace.applyEdit(edit)) || !(await document.save())) {
    throw new Trouble(vscode.l10n.t('{0} cannot be saved.', vscode.workspace.asRelativePath(document.uri)));
  }
}

async function launchJson(folder: vscode.WorkspaceFolder): Promise<vscode.TextDocument | undefined> {
  try {
    return await vscode.workspace.openTextDocument(vscode.Uri.joinPath(folder.uri, '.vscode', 'launch.json'));
  } catch {
    // VS Code gives no reason that could be told apart; the configurations are in the settings then.
    return undefined;
  }
}

function configurationsOf(folder: vscode.WorkspaceFolder): vscode.DebugConfiguration[] {
  const inspected = vscode.workspace
    .getConfiguration('launch', folder)
    .inspect<vscode.DebugConfiguration[]>('configurations');
  return inspected?.workspaceFolderValue ?? inspected?.workspaceValue ?? [];
}

function copyName({ name }: vscode.DebugConfiguration): string {
  return vscode.l10n.t('{0} (coordinated)', name);
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
