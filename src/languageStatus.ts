// How well server and agent are, in the language status of files that they serve. Details stand in the dashboard.
import * as vscode from 'vscode';
import type { Server } from './client';
import { COMMANDS, LANGUAGES } from './contributions';
import type { Figures, Monitor } from './monitor';

export function registerLanguageStatus(
  server: Pick<Server, 'onDidChangeRunning'>,
  monitor: Monitor,
): vscode.Disposable {
  const selector = LANGUAGES.map((language) => ({ language }));
  const ofServer = vscode.languages.createLanguageStatusItem('elixirCoordinatedDebugger.server', selector);
  const ofAgent = vscode.languages.createLanguageStatusItem('elixirCoordinatedDebugger.agent', selector);
  ofServer.name = vscode.l10n.t('Elixir Debugger: Coordination Server');
  ofAgent.name = vscode.l10n.t('Elixir Debugger: Agent');
  let running = false;

  const show = (figures: Figures | undefined): void => {
    showServer(ofServer, figures, running);
    showAgent(ofAgent, figures);
  };
  show(undefined);
  return vscode.Disposable.from(
    ofServer,
    ofAgent,
    server.onDidChangeRunning((now) => {
      running = now;
      show(monitor.figures);
    }),
    monitor.onDidChange(show),
  );
}

function showServer(item: vscode.LanguageStatusItem, figures: Figures | undefined, running: boolean): void {
  const troubles = figures?.health.troubles ?? [];
  item.busy = running && figures !== undefined && !figures.health.indexed;
  if (!running) {
    item.severity = vscode.LanguageStatusSeverity.Warning;
    item.text = vscode.l10n.t('Coordination server: not running');
    item.detail = vscode.l10n.t('Debugging works, on demand only.');
    item.command = { title: vscode.l10n.t('Restart'), command: COMMANDS.restartServer };
    return;
  }
  item.severity =
    troubles.length > 0 ? vscode.LanguageStatusSeverity.Warning : vscode.LanguageStatusSeverity.Information;
  item.text = vscode.l10n.t('Coordination server: running');
  item.detail =
    troubles[0] ?? (figures === undefined ? '' : vscode.l10n.t('{0} modules known', figures.health.modules));
  item.command =
    troubles.length > 0
      ? { title: vscode.l10n.t('Show Log'), command: COMMANDS.showLog }
      : { title: vscode.l10n.t('Dashboard'), command: COMMANDS.showDashboard };
}

function showAgent(item: vscode.LanguageStatusItem, figures: Figures | undefined): void {
  const sessions = figures?.sessions ?? [];
  const lost = sessions.filter(({ connected }) => !connected);
  item.severity = lost.length > 0 ? vscode.LanguageStatusSeverity.Warning : vscode.LanguageStatusSeverity.Information;
  item.text =
    sessions.length === 0
      ? vscode.l10n.t('Debug agent: no session')
      : vscode.l10n.t('Debug agent: {0} engine', [...new Set(sessions.map(({ engine }) => engine))].join(', '));
  item.detail =
    lost.length > 0
      ? vscode.l10n.t('{0} sessions go on without the server.', lost.length)
      : sessions.map(({ otp, elixir }) => `OTP ${otp}${elixir === null ? '' : `, Elixir ${elixir}`}`).join('; ');
}
