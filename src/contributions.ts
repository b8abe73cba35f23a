// The ids that package.json contributes, as the code names them; a test compares the two. Nothing else.
export const DEBUG_TYPE = 'elixir';
/** The debug type of ElixirLS, whose configurations run here when the user agrees. */
export const MIX_TASK = 'mix_task';

export const COMMANDS = {
  showLog: 'elixirCoordinatedDebugger.showLog',
  restartServer: 'elixirCoordinatedDebugger.restartServer',
  showDashboard: 'elixirCoordinatedDebugger.showDashboard',
  viewUsage: 'elixirCoordinatedDebugger.viewUsage',
  exportUsage: 'elixirCoordinatedDebugger.exportUsage',
  quickControls: 'elixirCoordinatedDebugger.quickControls',
  toggleCoordination: 'elixirCoordinatedDebugger.toggleCoordination',
  selectStrategy: 'elixirCoordinatedDebugger.selectStrategy',
  pauseBackground: 'elixirCoordinatedDebugger.pauseBackground',
  resetUsage: 'elixirCoordinatedDebugger.resetUsage',
  showStatus: 'elixirCoordinatedDebugger.showInterpretationStatus',
  prepareModule: 'elixirCoordinatedDebugger.prepareModule',
  releaseModule: 'elixirCoordinatedDebugger.releaseModule',
  pinModule: 'elixirCoordinatedDebugger.pinModule',
  neverInterpret: 'elixirCoordinatedDebugger.neverInterpretModule',
  explainModule: 'elixirCoordinatedDebugger.explainModule',
  suggestBreakpoints: 'elixirCoordinatedDebugger.suggestBreakpoints',
  reloadCode: 'elixirCoordinatedDebugger.reloadCode',
  removeLeftovers: 'elixirCoordinatedDebugger.removeLeftovers',
  exportReport: 'elixirCoordinatedDebugger.exportReport',
  copyDiagnostics: 'elixirCoordinatedDebugger.copyDiagnostics',
  checkEnvironment: 'elixirCoordinatedDebugger.checkEnvironment',
  showSystemProcesses: 'elixirCoordinatedDebugger.showSystemProcesses',
  hideSystemProcesses: 'elixirCoordinatedDebugger.hideSystemProcesses',
  pauseProcess: 'elixirCoordinatedDebugger.pauseProcess',
  killProcess: 'elixirCoordinatedDebugger.killProcess',
  convertLaunchConfigurations: 'elixirCoordinatedDebugger.convertLaunchConfigurations',
  chooseMixTask: 'elixirCoordinatedDebugger.chooseMixTask',
} as const;

/** Of lenses and links alone: they take an argument that nobody can type. */
export const INTERNAL_COMMANDS = {
  runTest: 'elixirCoordinatedDebugger.runTest',
  debugTest: 'elixirCoordinatedDebugger.debugTest',
} as const;

/** View type of the dashboard's panel. */
export const DASHBOARD = 'elixirCoordinatedDebugger.dashboard';

/** In the Run and Debug container. */
export const VIEWS = {
  processes: 'elixirCoordinatedDebugger.processes',
  modules: 'elixirCoordinatedDebugger.modules',
} as const;

/** Keys that `when` clauses and steps of the walkthrough in package.json read. */
export const CONTEXT = {
  showsSystemProcesses: 'elixirCoordinatedDebugger.showsSystemProcesses',
  hasFolder: 'elixirCoordinatedDebugger.hasFolder',
  hasBreakpoint: 'elixirCoordinatedDebugger.hasBreakpoint',
} as const;

export const SETTINGS_SECTION = 'elixirLS.coordinatedInterpretation';
export const STRATEGIES = ['demand-driven', 'predictive', 'learning'] as const;
export const SCOPES = ['minimal', 'conservative', 'transitive'] as const;

/** Languages whose files hold code of the BEAM. `html-eex` is what other extensions call `.html.eex`. */
export const LANGUAGES = ['elixir', 'eex', 'html-eex', 'phoenix-heex', 'erlang'] as const;
/** Templates: Elixir between tags, with assigns. */
export const TEMPLATE_LANGUAGES: readonly string[] = ['eex', 'html-eex', 'phoenix-heex'];
