// initialize, launch, attach, configurationDone, restart, terminate, disconnect, cancel. The program's life itself is in
// lifecycle.ts.
import type { DebugProtocol } from '@vscode/debugprotocol';
import * as v from 'valibot';
import { AttachArguments, LaunchArguments } from '../../protocol/adapter';
import { Failure } from '../../protocol/failure';
import { EXCEPTION_FILTERS } from '../breakpoints';
import type { Call } from '../cancellation';
import { parseArguments } from '../errors';
import { handler, type Handler } from '../handler';
import { translateFor } from '../language';
import { unknownArgumentNotices } from '../launchPlan';
import type { Session } from '../session';
import { liveOf, type Start } from '../state';

const CAPABILITIES: DebugProtocol.Capabilities = {
  supportsConfigurationDoneRequest: true,
  supportsFunctionBreakpoints: true,
  supportsConditionalBreakpoints: true,
  supportsHitConditionalBreakpoints: true,
  supportsLogPoints: true,
  supportsBreakpointLocationsRequest: true,
  supportsExceptionFilterOptions: true,
  supportsExceptionInfoRequest: true,
  exceptionBreakpointFilters: [...EXCEPTION_FILTERS],
  supportsEvaluateForHovers: true,
  supportsClipboardContext: true,
  supportsSetVariable: true,
  supportsCompletionsRequest: true,
  completionTriggerCharacters: ['.', '@', '%', '&', '^', ':', '~'],
  supportsModulesRequest: true,
  supportsLoadedSourcesRequest: true,
  supportsDelayedStackTraceLoading: true,
  supportsStepInTargetsRequest: true,
  supportsSingleThreadExecutionRequests: true,
  supportsTerminateThreadsRequest: true,
  supportsCancelRequest: true,
  supportsRestartRequest: true,
  supportsTerminateRequest: true,
  supportTerminateDebuggee: true,
};

const flag = v.optional(v.boolean(), false);
const InitializeArguments = v.object({
  adapterID: v.optional(v.string()),
  linesStartAt1: v.optional(v.boolean(), true),
  columnsStartAt1: v.optional(v.boolean(), true),
  pathFormat: v.optional(v.picklist(['path', 'uri'], 'must be "path" or "uri"'), 'path'),
  locale: v.optional(v.string()),
  supportsVariableType: flag,
  supportsVariablePaging: flag,
  supportsRunInTerminalRequest: flag,
  supportsProgressReporting: flag,
  supportsInvalidatedEvent: flag,
});

export const lifecycleRequests: Readonly<Record<string, Handler>> = {
  initialize: handler({
    arguments: InitializeArguments,
    run: (session, args) => {
      if (session.lifecycle.state.kind !== 'started') {
        throw Failure.expected('alreadyInitialized', '"initialize" was not expected a second time.');
      }
      session.conventions.linesStartAt1 = args.linesStartAt1;
      session.conventions.columnsStartAt1 = args.columnsStartAt1;
      session.conventions.uris = args.pathFormat === 'uri';
      session.connection.speak(translateFor(args.locale));
      session.client.variableType = args.supportsVariableType;
      session.client.variablePaging = args.supportsVariablePaging;
      session.client.terminal = args.supportsRunInTerminalRequest;
      session.client.invalidated = args.supportsInvalidatedEvent;
      session.progress.supported = args.supportsProgressReporting;
      session.lifecycle.clientKnown();
      return CAPABILITIES;
    },
  }),

  launch: handler({
    arguments: LaunchArguments,
    blame: 'user',
    run: (session, args, call, given) => begin(session, { kind: 'launch', args, name: nameOf(given) }, call, given),
  }),

  attach: handler({
    arguments: AttachArguments,
    blame: 'user',
    run: (session, args, call, given) => begin(session, { kind: 'attach', args, name: nameOf(given) }, call, given),
  }),

  configurationDone: handler({
    arguments: v.object({}),
    run: async (session) => {
      await session.lifecycle.configurationDone();
      return undefined;
    },
  }),

  restart: handler({
    arguments: v.object({ arguments: v.optional(v.record(v.string(), v.unknown())) }),
    run: async (session, args, call) => {
      const before = liveOf(session.lifecycle.state)?.start;
      const next = before === undefined || args.arguments === undefined ? null : startAgain(before, args.arguments);
      if (next !== null) tellUnknown(session, next, args.arguments);
      await session.lifecycle.restart(next, call);
      return undefined;
    },
  }),

  terminate: handler({
    arguments: v.object({ restart: v.optional(v.boolean()) }),
    run: (session) => {
      session.lifecycle.terminate();
      return undefined;
    },
  }),

  disconnect: handler({
    arguments: v.object({
      restart: v.optional(v.boolean()),
      terminateDebuggee: v.optional(v.boolean()),
      suspendDebuggee: v.optional(v.boolean()),
    }),
    run: async (session, args) => {
      await session.lifecycle.disconnect(args.terminateDebuggee);
      return undefined;
    },
  }),

  cancel: handler({
    arguments: v.object({ requestId: v.optional(v.number()), progressId: v.optional(v.string()) }),
    run: (session, args) => {
      if (args.requestId === undefined && args.progressId === undefined) {
        throw Failure.expected('invalidArguments', '"cancel" needs "requestId" or "progressId".');
      }
      session.cancellation.cancel(args.requestId, args.progressId);
      if (args.progressId !== undefined) session.progress.cancel(args.progressId);
      return undefined;
    },
  }),
};

async function begin(session: Session, start: Start, call: Call, given: unknown): Promise<undefined> {
  tellUnknown(session, start, given);
  await session.lifecycle.begin(start, call);
  return undefined;
}

function tellUnknown(session: Session, start: Start, given: unknown): void {
  for (const text of unknownArgumentNotices(start.kind, given)) session.events.notice({ level: 'info', text });
}

/** A restart may bring a changed launch.json; it starts what the session started. */
function startAgain(before: Start, given: Record<string, unknown>): Start {
  const { name } = before;
  return before.kind === 'launch'
    ? { kind: 'launch', args: parseArguments('restart', LaunchArguments, given, 'user'), name }
    : { kind: 'attach', args: parseArguments('restart', AttachArguments, given, 'user'), name };
}

/** Clients put into it what they like, so it is no argument that could be wrong. */
function nameOf(given: unknown): string | null {
  const { name } = (given ?? {}) as { name?: unknown };
  return typeof name === 'string' && name !== '' ? name : null;
}
