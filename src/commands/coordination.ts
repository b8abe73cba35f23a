// Coordination as the user switches it: on and off, strategy, pause, and the quick controls that hold it all together.
import * as vscode from 'vscode';
import type { CoordinationMode } from '../../protocol/adapter';
import type { Server } from '../client';
import type { Config } from '../config';
import { COMMANDS, DEBUG_TYPE, SETTINGS_SECTION, STRATEGIES } from '../contributions';
import { statusOf } from '../debug/liveSessions';
import type { Monitor } from '../monitor';
import { command, say } from '../notify';

export interface CoordinationParts {
  server: Pick<Server, 'request'>;
  monitor: Monitor;
  config: Config;
}

type StrategyName = (typeof STRATEGIES)[number];

export function registerCoordination(parts: CoordinationParts): vscode.Disposable {
  return vscode.Disposable.from(
    command(COMMANDS.quickControls, () => quickControls(parts)),
    command(COMMANDS.toggleCoordination, () => toggle(parts)),
    command(COMMANDS.selectStrategy, () => selectStrategy(parts)),
    command(COMMANDS.pauseBackground, () => pause(parts)),
  );
}

/** In a running session planning goes on or off at once; without one, the setting chooses the engine of the next. */
async function toggle({ config }: CoordinationParts): Promise<string> {
  const session = vscode.debug.activeDebugSession;
  if (session?.type !== DEBUG_TYPE) {
    const enabled = !config.coordination().enabled;
    await set('enabled', enabled);
    return say(
      enabled
        ? vscode.l10n.t('Coordination is on: the next session interprets on demand.')
        : vscode.l10n.t('Coordination is off: the next session interprets whole modules.'),
    );
  }
  const mode = await statusOf(session);
  const now = await change(session, { enabled: !mode.enabled });
  return say(
    now.enabled
      ? vscode.l10n.t('Coordination is on in "{0}": {1}.', session.name, now.strategy)
      : vscode.l10n.t('Coordination is off in "{0}": modules are prepared on demand only.', session.name),
  );
}

async function selectStrategy({ config }: CoordinationParts): Promise<string | undefined> {
  const current = config.coordination().strategy;
  const described: Record<StrategyName, string> = {
    'demand-driven': vscode.l10n.t('Just what breakpoints, steps and frames ask for'),
    predictive: vscode.l10n.t('Also what the dependency graph says comes next'),
    learning: vscode.l10n.t('Also what earlier sessions of this workspace did next'),
  };
  const items = STRATEGIES.map((strategy) => ({
    label: strategy,
    description: strategy === current ? vscode.l10n.t('current') : '',
    detail: described[strategy],
    strategy,
  }));
  const picked = await vscode.window.showQuickPick(items, {
    title: vscode.l10n.t('Strategy'),
    placeHolder: vscode.l10n.t('What is prepared before it is needed'),
  });
  if (picked === undefined) return undefined;
  // Running sessions follow the setting unless their launch.json says otherwise.
  await set('strategy', picked.strategy);
  return say(vscode.l10n.t('The strategy is {0}.', picked.strategy));
}

async function pause({ server }: CoordinationParts): Promise<string> {
  const paused = !(await server.request('coordination/health', {})).paused;
  await server.request('coordination/pause', { paused });
  return say(
    paused
      ? vscode.l10n.t('Background preparation is paused; demand is served as before.')
      : vscode.l10n.t('Background preparation goes on.'),
  );
}

async function quickControls(parts: CoordinationParts): Promise<undefined> {
  const session = vscode.debug.activeDebugSession;
  const ours = session?.type === DEBUG_TYPE;
  const { enabled, strategy } = ours ? await statusOf(session) : parts.config.coordination();
  const paused = parts.monitor.figures?.sessions.some((each) => each.paused) === true;
  const setting = parts.config.coordination().enabled;
  const entry = (icon: string, label: string, detail: string, run: () => Thenable<unknown>) => ({
    label: `$(${icon}) ${label}`,
    detail,
    run,
  });
  const execute = (id: string) => () => vscode.commands.executeCommand(id);
  const picked = await vscode.window.showQuickPick(
    [
      ...(ours
        ? [
            entry(
              enabled ? 'circle-slash' : 'check',
              enabled ? vscode.l10n.t('Turn coordination off now') : vscode.l10n.t('Turn coordination on now'),
              vscode.l10n.t('In this session; what is asked for is prepared either way'),
              execute(COMMANDS.toggleCoordination),
            ),
          ]
        : []),
      entry(
        setting ? 'history' : 'zap',
        setting
          ? vscode.l10n.t('Use the traditional engine from the next session on')
          : vscode.l10n.t('Use the coordinated engine from the next session on'),
        vscode.l10n.t('Changes the setting {0}', `${SETTINGS_SECTION}.enabled`),
        () => set('enabled', !setting),
      ),
      entry('lightbulb', vscode.l10n.t('Select strategy…'), strategy, execute(COMMANDS.selectStrategy)),
      entry(
        paused ? 'debug-continue' : 'debug-pause',
        paused ? vscode.l10n.t('Go on preparing in the background') : vscode.l10n.t('Pause background preparation'),
        vscode.l10n.t('In every running session'),
        execute(COMMANDS.pauseBackground),
      ),
      ...(ours
        ? [
            entry(
              'list-tree',
              vscode.l10n.t('Show interpretation status'),
              vscode.l10n.t('Modules that are prepared or interpreted, and why'),
              execute(COMMANDS.showStatus),
            ),
          ]
        : []),
      entry(
        'dashboard',
        vscode.l10n.t('Show dashboard'),
        vscode.l10n.t('Figures of the running and of earlier sessions'),
        execute(COMMANDS.showDashboard),
      ),
      entry(
        'save',
        vscode.l10n.t('Export performance report…'),
        vscode.l10n.t('As Markdown or JSON'),
        execute(COMMANDS.exportReport),
      ),
    ],
    { title: vscode.l10n.t('Elixir Debugger') },
  );
  await picked?.run();
  return undefined;
}

async function change(session: vscode.DebugSession, mode: object): Promise<CoordinationMode> {
  return (await session.customRequest('setCoordinationMode', mode)) as CoordinationMode;
}

/** In the workspace where it says so already, else for the user. */
async function set(key: string, value: unknown): Promise<void> {
  const section = vscode.workspace.getConfiguration(SETTINGS_SECTION);
  const inWorkspace = section.inspect(key)?.workspaceValue !== undefined;
  await section.update(
    key,
    value,
    inWorkspace ? vscode.ConfigurationTarget.Workspace : vscode.ConfigurationTarget.Global,
  );
}
