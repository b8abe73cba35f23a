// The one item in the status bar: mode, strategy and the figure that matters; the rest in its tooltip. Decides nothing.
import * as vscode from 'vscode';
import type { SessionMetrics } from '../protocol/metrics';
import type { Config } from './config';
import { COMMANDS, SETTINGS_SECTION } from './contributions';
import type { LiveSessions } from './debug/liveSessions';
import type { Figures, Monitor } from './monitor';
import { cell } from './page';
import { share, size } from './units';

/** Share of decisions taken without the server above which something is wrong. */
const MANY_FALLBACKS = 0.05;
/** Decisions below which a share says nothing. */
const FEW_DECISIONS = 20;
/** ms that a tooltip stays as it is while only its figures change. */
const TOOLTIP_RESTS = 10_000;

export class StatusBar implements vscode.Disposable {
  readonly #item = vscode.window.createStatusBarItem('elixirCoordinatedDebugger', vscode.StatusBarAlignment.Left, 0);
  readonly #subscriptions: { dispose(): unknown }[];
  #watching: vscode.Disposable | undefined;
  #renewedAt = 0;
  #renewedFor = '';
  #renewal: NodeJS.Timeout | undefined;

  constructor(
    private readonly monitor: Monitor,
    private readonly config: Config,
    private readonly live: Pick<LiveSessions, 'all'>,
  ) {
    this.#item.name = vscode.l10n.t('Elixir Debugger');
    this.#item.command = COMMANDS.quickControls;
    this.#subscriptions = [
      this.#item,
      monitor.onDidChange(() => this.#show()),
      vscode.workspace.onDidChangeConfiguration((change) => {
        if (change.affectsConfiguration(SETTINGS_SECTION)) this.#update();
      }),
      vscode.debug.onDidStartDebugSession(() => this.#update()),
      vscode.debug.onDidTerminateDebugSession(() => this.#update()),
    ];
    this.#update();
    this.#item.show();
  }

  dispose(): void {
    clearTimeout(this.#renewal);
    this.#watching?.dispose();
    for (const subscription of this.#subscriptions) subscription.dispose();
  }

  /** Figures are asked for only if the user wants them measured. */
  #update(): void {
    if (this.config.coordination().performanceMonitoring) {
      this.#watching ??= this.monitor.watch();
    } else {
      this.#watching?.dispose();
      this.#watching = undefined;
    }
    this.#show();
  }

  #show(): void {
    const { enabled, strategy } = this.config.coordination();
    const figures = this.#watching === undefined ? undefined : this.monitor.figures;
    const shown =
      this.#watching === undefined && this.live.all().length > 0
        ? unmeasured(strategy)
        : stateOf({ figures, enabled, strategy, watched: this.#watching !== undefined });
    this.#item.text = `${shown.icon} ${shown.text}`;
    this.#item.accessibilityInformation = { label: shown.label, role: 'button' };
    this.#renewTooltip(figures, shown.label);
    this.#item.backgroundColor = shown.warning ? new vscode.ThemeColor('statusBarItem.warningBackground') : undefined;
  }

  /** At once where it says something else, else rarely: a tooltip that is renewed closes before it can be read. */
  #renewTooltip(figures: Figures | undefined, label: string): void {
    const rest = this.#renewedAt + TOOLTIP_RESTS - Date.now();
    if (label === this.#renewedFor && rest > 0) {
      this.#renewal ??= setTimeout(() => {
        this.#renewal = undefined;
        this.#show();
      }, rest);
      return;
    }
    this.#renewedAt = Date.now();
    this.#renewedFor = label;
    this.#item.tooltip = tooltip(figures, label);
  }
}

interface Shown {
  icon: string;
  text: string;
  /** The same in words, for the tooltip and for those who hear it. */
  label: string;
  warning: boolean;
}

function stateOf(now: { figures: Figures | undefined; enabled: boolean; strategy: string; watched: boolean }): Shown {
  const { figures, enabled, strategy, watched } = now;
  if (figures === undefined && watched) {
    return {
      icon: '$(debug-disconnect)',
      text: vscode.l10n.t('Elixir: on demand'),
      label: vscode.l10n.t('Elixir debugger: the coordination server is not there; modules are prepared on demand.'),
      warning: false,
    };
  }
  const sessions = figures?.sessions ?? [];
  const [session] = sessions;
  if (session === undefined) {
    const text = enabled ? strategy : vscode.l10n.t('traditional');
    const label = enabled
      ? vscode.l10n.t('Elixir debugger: no session runs; the next one uses the strategy {0}.', strategy)
      : vscode.l10n.t('Elixir debugger: no session runs; the next one interprets whole modules.');
    return { icon: '$(pulse)', text: `Elixir: ${text}`, label, warning: false };
  }
  return ofSessions(session, sessions);
}

/** A session runs, and the user does not want it measured. */
function unmeasured(strategy: string): Shown {
  return {
    icon: '$(pulse)',
    text: `Elixir: ${strategy}`,
    label: vscode.l10n.t(
      'Elixir debugger: a session runs and is not measured, as the setting performanceMonitoring says.',
    ),
    warning: false,
  };
}

function ofSessions(session: SessionMetrics, sessions: readonly SessionMetrics[]): Shown {
  const interpreted = sum(sessions.map(({ interpretedModules }) => interpretedModules));
  const prepared = sum(sessions.map(({ preparedModules }) => preparedModules));
  const decisions = sum(sessions.map((each) => each.decisions));
  const fallbacks = sum(sessions.map((each) => each.fallbacks));
  const many = decisions >= FEW_DECISIONS && fallbacks / decisions > MANY_FALLBACKS;
  const mode = session.engine === 'traditional' ? vscode.l10n.t('traditional') : modeOf(session);
  const figure = many
    ? vscode.l10n.t('{0} fallbacks', fallbacks)
    : session.engine === 'traditional'
      ? ''
      : `${interpreted}/${prepared}`;
  const words =
    session.engine === 'traditional'
      ? vscode.l10n.t('Elixir debugger: whole modules are interpreted by the traditional engine.')
      : vscode.l10n.t(
          'Elixir debugger: {0}; interpreted modules: {1}, prepared: {2}, decisions without the server: {3}.',
          session.paused ? vscode.l10n.t('{0}, paused', mode) : mode,
          interpreted,
          prepared,
          fallbacks,
        );
  const icon = many ? '$(warning)' : session.paused ? '$(debug-pause)' : '$(pulse)';
  return {
    icon,
    text: `Elixir: ${[mode, figure].filter((part) => part !== '').join(' · ')}`,
    label: words,
    warning: many,
  };
}

function modeOf({ enabled, strategy }: SessionMetrics): string {
  return enabled ? strategy : vscode.l10n.t('on demand');
}

/** Markdown with links to our own commands and nothing else. */
function tooltip(figures: Figures | undefined, label: string): vscode.MarkdownString {
  const markdown = new vscode.MarkdownString('', true);
  markdown.isTrusted = {
    enabledCommands: [COMMANDS.quickControls, COMMANDS.showDashboard, COMMANDS.showLog, COMMANDS.restartServer],
  };
  const links = [
    `[$(dashboard) ${vscode.l10n.t('Dashboard')}](command:${COMMANDS.showDashboard})`,
    `[$(settings) ${vscode.l10n.t('Controls')}](command:${COMMANDS.quickControls})`,
    `[$(output) ${vscode.l10n.t('Log')}](command:${COMMANDS.showLog})`,
    ...(figures === undefined
      ? [`[$(refresh) ${vscode.l10n.t('Restart Server')}](command:${COMMANDS.restartServer})`]
      : []),
  ];
  // Not by appendText: it makes every blank one that does not break, and long lines are cut inside of words.
  const parts = [
    `**${cell(vscode.l10n.t('Elixir Coordinated Debugger'))}**`,
    cell(label),
    ...(figures === undefined ? [] : partsOf(figures)),
    '---',
    links.join('&nbsp;&nbsp; '),
  ];
  return markdown.appendMarkdown(parts.join('\n\n'));
}

function partsOf({ cache, prediction, alerts, health, sessions }: Figures): string[] {
  const active = prediction.find(({ strategy }) => strategy === sessions[0]?.strategy);
  const rows: [string, string][] = [
    ...sessions.flatMap(rowsOf),
    [vscode.l10n.t('Found prepared'), share(cache.hitRate)],
    [vscode.l10n.t('Predicted among five'), share(active?.hit5 ?? null)],
  ];
  return [
    ...(sessions.length > 0 ? [table(rows)] : []),
    ...alerts.filter(({ severity }) => severity !== 'info').map(({ text }) => `$(warning) ${cell(text)}`),
    health.indexed
      ? vscode.l10n.t('{0} modules in {1} files are known.', health.modules, health.files)
      : vscode.l10n.t('The project is being read: {0} files so far.', health.files),
  ];
}

function rowsOf(session: SessionMetrics): [string, string][] {
  return [
    [`$(debug) ${cell(session.name)}`, ''],
    [vscode.l10n.t('Engine'), `${session.engine}, ${modeOf(session)}`],
    [vscode.l10n.t('Stops, steps'), `${session.stops}, ${session.steps}`],
    [vscode.l10n.t('Interpreted, prepared'), `${session.interpretedModules}, ${session.preparedModules}`],
    [vscode.l10n.t('Prepared memory'), `${size(session.preparedBytes)} / ${size(session.memoryThreshold)}`],
    [vscode.l10n.t('Overhead'), share(session.overhead)],
  ];
}

function table(rows: readonly [string, string][]): string {
  return `| | |\n|---|---:|\n${rows.map(([name, value]) => `| ${name} | ${value} |`).join('\n')}`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
