// Connects the analysis with the language client: commands, lenses, hovers, actions. No completion, definition or formatting:
// those belong to the language server that the user has besides.
import * as v from 'valibot';
import {
  CodeLensRefreshRequest,
  ErrorCodes,
  ResponseError,
  type Connection,
  type ServerCapabilities,
} from 'vscode-languageserver/node';
import {
  ANALYSIS_COMMANDS,
  DependencyAnalysisArguments,
  EditorBreakpoints,
  ModuleArguments,
  PlaceArguments,
  SuggestionArguments,
  troubleWith,
} from '../../protocol/analysis';
import { Failure } from '../../protocol/failure';
import type { BreakpointSuggestion, ModuleExplanation } from '../../protocol/server';
import { fileOf } from '../fileUri';
import { Breakpoints } from './breakpoints';
import { analyseDependencies } from './dependencies';
import { explain } from './explain';
import { ACTION_KIND, Hints, type HintOptions } from './hints';
import { impactOf, requirementsOf } from './impact';
import type { AnalysisParts } from './parts';
import { suggestBreakpoints } from './suggestions';

/** ms between two looks whether lenses say something else; a hot breakpoint hits far more often. */
const REFRESH_EVERY = 1_000;
/** Files whose lenses were asked for lately; an editor shows a handful. */
const MOST_SHOWN = 32;

export const ANALYSIS_CAPABILITIES = {
  executeCommandProvider: { commands: Object.values(ANALYSIS_COMMANDS) },
  codeLensProvider: { resolveProvider: true },
  hoverProvider: true,
  codeActionProvider: { codeActionKinds: [ACTION_KIND] },
} satisfies ServerCapabilities;

export interface AnalysisOptions extends HintOptions {
  /** The client refreshes code lenses when it is asked to. */
  refreshesLenses: () => boolean;
}

export interface Analysis {
  explain(module: string): ModuleExplanation;
  suggest(params: { uri: string | null; failure: string | null }): Promise<BreakpointSuggestion[]>;
  /** Sessions or settings changed: lenses may say something else. Cheap; to be called with every event. */
  changed(): void;
  dispose(): void;
}

export function registerAnalysis(connection: Connection, parts: AnalysisParts, options: AnalysisOptions): Analysis {
  const breakpoints = new Breakpoints(parts.index, parts.sessions);
  const hints = new Hints(parts, breakpoints, options);
  const shown = new Set<string>();
  let said = '';
  let timer: NodeJS.Timeout | undefined;

  const commands: Record<string, (argument: unknown) => unknown> = {
    [ANALYSIS_COMMANDS.dependencies]: (argument) =>
      analyseDependencies(checked(DependencyAnalysisArguments, argument), parts),
    [ANALYSIS_COMMANDS.suggestions]: async (argument) => ({
      suggestions: await suggestBreakpoints(withUri(checked(SuggestionArguments, argument ?? {})), parts, breakpoints),
    }),
    [ANALYSIS_COMMANDS.requirements]: (argument) => requirementsOf(checked(ModuleArguments, argument).module, parts),
    [ANALYSIS_COMMANDS.impact]: (argument) => impactOf(withUri(checked(PlaceArguments, argument)), parts, breakpoints),
    [ANALYSIS_COMMANDS.prepare]: (argument) => {
      const { module } = checked(ModuleArguments, argument);
      const sessions = parts.prepare([module]);
      if (sessions > 0) return { sessions };
      throw Failure.user('noSession', `${module} cannot be prepared: no debug session is running.`);
    },
  };

  connection.onExecuteCommand(async ({ command, arguments: given }) => {
    const run = commands[command];
    if (run === undefined) throw new ResponseError(ErrorCodes.InvalidParams, `There is no command ${command}.`);
    return answered(() => run(given?.[0]));
  });
  connection.onCodeLens(({ textDocument: { uri } }) => {
    shown.delete(uri);
    const lenses = hints.codeLenses(uri);
    if (fileOf(uri) !== undefined) shown.add(uri);
    const [oldest] = shown;
    if (shown.size > MOST_SHOWN && oldest !== undefined) shown.delete(oldest);
    said = hints.signature(shown);
    return lenses;
  });
  connection.onCodeLensResolve((lens) => hints.resolve(lens));
  connection.onHover((params) => hints.hover(params));
  connection.onCodeAction((params) => hints.codeActions(params));
  connection.onNotification('coordination/breakpoints', (params: unknown) => {
    const read = v.safeParse(EditorBreakpoints, params);
    if (read.success) breakpoints.setEditor(read.output.files);
    else connection.console.warn(`The editor's breakpoints cannot be read: ${troubleWith(read.issues)}`);
    changed();
  });

  function changed(): void {
    if (timer !== undefined || shown.size === 0 || !options.refreshesLenses()) return;
    timer = setTimeout(() => {
      timer = undefined;
      const now = options.enabled() ? hints.signature(shown) : '';
      if (now === said) return;
      said = now;
      connection.sendRequest(CodeLensRefreshRequest.type).catch((error: unknown) => {
        connection.console.warn(`The editor did not refresh its code lenses: ${String(error)}`);
      });
    }, REFRESH_EVERY).unref();
  }

  return {
    explain: (module) => explain(module, parts),
    suggest: ({ uri, failure }) =>
      answered(() => suggestBreakpoints(withUri(checked(SuggestionArguments, { uri, failure })), parts, breakpoints)),
    changed,
    dispose: () => clearTimeout(timer),
  };
}

/** A Failure of the user's becomes an error of the protocol that says what to do; anything else stays a bug. */
async function answered<Result>(run: () => Result | Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof Failure) || error.blame === 'bug') throw error;
    const { message, hint, code } = error;
    throw new ResponseError(ErrorCodes.InvalidParams, hint === undefined ? message : `${message} ${hint}`, { code });
  }
}

function checked<Output>(shape: v.GenericSchema<unknown, Output>, argument: unknown): Output {
  const read = v.safeParse(shape, argument);
  if (read.success) return read.output;
  throw Failure.user('badArguments', troubleWith(read.issues));
}

/** Files alone can be looked at, not what only an editor has. */
function withUri<Arguments extends { uri: string | null }>(args: Arguments): Arguments {
  const { uri } = args;
  if (uri === null || fileOf(uri) !== undefined) return args;
  throw Failure.user('badArguments', `\`uri\` must be the URI of a file, but is ${JSON.stringify(uri)}.`);
}
