// Launch configurations of ElixirLS (`mix_task`): run by this debugger once the user has agreed, and left alone before
// and otherwise. Changes no file.
import * as vscode from 'vscode';
import type { Config } from '../config';
import { COMMANDS, DEBUG_TYPE, MIX_TASK } from '../contributions';
import { command, say } from '../notify';

/** In the workspace's own memory: what the user decided about its `mix_task` configurations. */
const DECISION = 'mixTask';
type Decision = 'always' | 'never';

export function registerMixTask(memory: vscode.Memento, config: Config): vscode.Disposable {
  /** Asked once a window: "Not now" holds until it is opened again. */
  let asked = false;
  const provider: vscode.DebugConfigurationProvider = {
    resolveDebugConfiguration(folder, given) {
      if (!config.coordination(folder).enabled) return given;
      const decision = memory.get<Decision>(DECISION);
      // Where nobody else could run it there is nothing to ask.
      if (decision === 'always' || (decision === undefined && !elsewhere())) {
        // VS Code goes on with the providers of the new type.
        return converted(given);
      }
      if (decision === undefined && !asked) {
        asked = true;
        void ask(memory);
      }
      return given;
    },
  };
  return vscode.Disposable.from(
    vscode.debug.registerDebugConfigurationProvider(MIX_TASK, provider),
    command(COMMANDS.chooseMixTask, async () => {
      const said = await choose(memory);
      // Who wants to be asked is asked again in this window, too.
      if (said !== undefined) asked = false;
      return said;
    }),
  );
}

/** Another extension runs `mix_task`. */
function elsewhere(): boolean {
  return vscode.extensions.all.some(({ packageJSON }) => {
    const { contributes } = packageJSON as { contributes?: { debuggers?: { type?: string }[] } };
    return contributes?.debuggers?.some(({ type }) => type === MIX_TASK) === true;
  });
}

/** The same program for this debugger: the arguments have the same names and meaning. */
export function converted(given: vscode.DebugConfiguration): vscode.DebugConfiguration {
  return { ...given, type: DEBUG_TYPE };
}

/** The session that raised the question starts as it would without this extension: nothing waits for the answer. */
async function ask(memory: vscode.Memento): Promise<void> {
  const always = vscode.l10n.t('Always');
  const never = vscode.l10n.t('Never');
  const answer = await vscode.window.showInformationMessage(
    vscode.l10n.t(
      'Run the mix_task configurations of this workspace with the Elixir Coordinated Debugger? From the next start on; launch.json stays as it is.',
    ),
    always,
    vscode.l10n.t('Not Now'),
    never,
  );
  if (answer === always) {
    await memory.update(DECISION, 'always' satisfies Decision);
  } else if (answer === never) {
    await memory.update(DECISION, 'never' satisfies Decision);
  }
}

/** The same decision at any time, also to take it back. */
async function choose(memory: vscode.Memento): Promise<string | undefined> {
  const items = [
    {
      decision: 'always' as const,
      label: vscode.l10n.t('This Debugger'),
      detail: vscode.l10n.t('While coordination is on; launch.json stays as it is.'),
      done: vscode.l10n.t('mix_task configurations of this workspace run with this debugger from the next start on.'),
    },
    {
      decision: 'never' as const,
      label: vscode.l10n.t('The Extension That Contributes Them'),
      detail: vscode.l10n.t('This debugger leaves them alone.'),
      done: vscode.l10n.t('mix_task configurations of this workspace are left to the extension that contributes them.'),
    },
    {
      decision: undefined,
      label: vscode.l10n.t('Ask at the Next Start'),
      detail: vscode.l10n.t('Where no other extension could run them, this debugger does.'),
      done: vscode.l10n.t('You are asked when a mix_task configuration starts the next time.'),
    },
  ];
  const now = memory.get<Decision>(DECISION);
  const picked = await vscode.window.showQuickPick(
    items.map((item) => ({ ...item, description: item.decision === now ? vscode.l10n.t('now') : '' })),
    {
      title: vscode.l10n.t('Who Runs mix_task Configurations'),
      placeHolder: vscode.l10n.t('Launch configurations of ElixirLS in this workspace'),
    },
  );
  if (picked === undefined) return undefined;
  await memory.update(DECISION, picked.decision);
  return say(picked.done);
}
