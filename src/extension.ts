// The wiring list of the extension: what is registered, in one place. Nothing is decided here.
import * as vscode from 'vscode';
import { registerAnalysisCommands } from './analysisCommands';
import { registerBreakpoints } from './breakpoints';
import { Server } from './client';
import { Config } from './config';
import { registerConvertLaunch } from './commands/convertLaunch';
import { registerCoordination } from './commands/coordination';
import { registerDiagnostics } from './commands/diagnostics';
import { registerModules } from './commands/modules';
import { registerLeftovers } from './commands/leftovers';
import { registerReload } from './commands/reload';
import { registerReport } from './commands/report';
import { registerStatus } from './commands/status';
import { registerSuggestions } from './commands/suggest';
import { COMMANDS, DASHBOARD, DEBUG_TYPE, LANGUAGES } from './contributions';
import { Dashboard } from './dashboard/panel';
import { adapterFactory } from './debug/adapterFactory';
import { Configurations, registerConfigurations } from './debug/configurations';
import { CoordinatedSessions } from './debug/coordinatedSessions';
import { LiveSessions } from './debug/liveSessions';
import { registerMixTask } from './debug/mixTask';
import { registerNeverHit } from './debug/neverHit';
import { hoverExpression } from './debug/hoverExpression';
import { inlineValues } from './debug/inlineValues';
import { trackerFactory } from './debug/tracker';
import { Decorations } from './decorations';
import { registerDoctor } from './doctor/doctor';
import { registerHighlight } from './languages/highlight';
import { registerLanguageStatus } from './languageStatus';
import { createLog } from './log';
import { Monitor } from './monitor';
import { feedServer } from './serverFeed';
import { command, say, Trouble } from './notify';
import { Pages } from './page';
import { StatusBar } from './statusBar';
import { registerTesting } from './testing/controller';
import { registerUsage } from './usage';
import { ModulesView } from './views/modules';
import { ProcessTreeView } from './views/processTree';
import { registerWalkthrough } from './walkthrough';

/** What other extensions and tests may use. */
export interface Api {
  server: Pick<Server, 'request'>;
}

let server: Server | undefined;

export function activate(context: vscode.ExtensionContext): Api {
  const log = createLog();
  const config = new Config((message) => void vscode.window.showWarningMessage(message));
  const coordination = new Server(context.extensionPath, log, () => ({
    storageDir: context.storageUri?.fsPath ?? null,
    settings: config.server(),
  }));
  const monitor = new Monitor(coordination, log);
  const dashboard = new Dashboard(context.extension, coordination, monitor, log);
  const configurations = new Configurations(config);
  const sessions = new CoordinatedSessions(coordination, config, log);
  const live = new LiveSessions();
  const pages = new Pages();
  const { extension, extensionPath, storageUri: storage, logUri: logs } = context;
  // In every scheme: sources regenerated for a stop have a document of the debugger's own.
  const selector = LANGUAGES.map((language) => ({ language }));

  context.subscriptions.push(
    log,
    sessions,
    feedServer(coordination, config),
    registerAnalysisCommands(coordination),
    registerBreakpoints(coordination),
    monitor,
    live,
    new StatusBar(monitor, config, live),
    registerLanguageStatus(coordination, monitor),
    registerCoordination({ server: coordination, monitor, config }),
    pages,
    registerModules({ server: coordination, sessions: live, pages }),
    registerStatus(live),
    registerReload(live),
    registerLeftovers(live),
    registerSuggestions(coordination),
    registerReport({ server: coordination, sessions: live, extension }),
    registerDiagnostics({ server: coordination, sessions: live, config, extension, logs }),
    registerDoctor({ server: coordination, pages, extensionPath, storage }),
    new Decorations(monitor, config),
    registerUsage(coordination),
    registerConfigurations(configurations),
    registerMixTask(context.workspaceState, config),
    registerConvertLaunch(),
    registerWalkthrough(),
    registerNeverHit(),
    new ProcessTreeView(log),
    new ModulesView(monitor, log),
    vscode.debug.registerDebugAdapterDescriptorFactory(DEBUG_TYPE, adapterFactory(context.extensionPath, sessions)),
    vscode.debug.registerDebugAdapterTrackerFactory(DEBUG_TYPE, trackerFactory(log)),
    vscode.languages.registerInlineValuesProvider(selector, inlineValues),
    vscode.languages.registerEvaluatableExpressionProvider(selector, hoverExpression),
    registerHighlight(context.extension),
    registerTesting({ extensionPath: context.extensionPath, server: coordination, config, log }),
    vscode.commands.registerCommand(COMMANDS.showLog, () => log.show()),
    command(COMMANDS.restartServer, async () => {
      await coordination.restart();
      if (coordination.isRunning) return say(vscode.l10n.t('The coordination server was started again.'));
      throw new Trouble(vscode.l10n.t('The coordination server does not start. Debugging goes on, on demand only.'));
    }),
    dashboard,
    vscode.window.registerWebviewPanelSerializer(DASHBOARD, dashboard),
    vscode.commands.registerCommand(COMMANDS.showDashboard, () => dashboard.show()),
  );
  // Debugging needs no server, so activation does not wait for it.
  void coordination.start();
  server = coordination;
  return { server: coordination };
}

/** VS Code waits for this, so that the server ends in order. */
export async function deactivate(): Promise<void> {
  await server?.dispose();
}
