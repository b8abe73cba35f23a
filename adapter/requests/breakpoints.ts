// setBreakpoints, setFunctionBreakpoints, setExceptionBreakpoints, breakpointLocations, setCoordinatedBreakpoints.
import type { DebugProtocol } from '@vscode/debugprotocol';
import * as v from 'valibot';
import {
  SetBreakpointsArguments,
  SetCoordinatedBreakpointsArguments,
  SourceArguments,
  type SetCoordinatedBreakpointsResult,
} from '../../protocol/adapter';
import type { BreakpointState } from '../../protocol/agent';
import { Failure } from '../../protocol/failure';
import type { Call } from '../cancellation';
import { handler, type Handler } from '../handler';
import type { Session } from '../session';
import { liveOf, type Live } from '../state';

/** ms; setting breakpoints may have to prepare modules of megabytes. */
const SET_TIMEOUT = 60_000;
/** ms; preparing many modules at once. */
const PREPARE_TIMEOUT = 120_000;

const text = v.optional(v.string());
const SetFunctionBreakpointsArguments = v.object({
  breakpoints: v.array(v.object({ name: v.string(), condition: text, hitCondition: text })),
});
const SetExceptionBreakpointsArguments = v.object({
  filters: v.optional(v.array(v.string()), []),
  filterOptions: v.optional(v.array(v.object({ filterId: v.string(), condition: text })), []),
});
const BreakpointLocationsArguments = v.object({
  source: SourceArguments,
  line: v.number(),
  endLine: v.optional(v.number()),
});

export const breakpointRequests: Readonly<Record<string, Handler>> = {
  setBreakpoints: handler({
    arguments: SetBreakpointsArguments,
    run: async (session, args, call) => ({ breakpoints: await setLines(session, args, call) }),
  }),

  setFunctionBreakpoints: handler({
    arguments: SetFunctionBreakpointsArguments,
    run: async (session, args) => {
      const wanted = session.breakpoints.setFunctions(args.breakpoints);
      const states = await outcome(session, '', wanted, (live) =>
        live.program.agent.request('setFunctionBreakpoints', { breakpoints: wanted }, { timeout: SET_TIMEOUT }),
      );
      return { breakpoints: states.map((state) => session.breakpoints.toDap(state)) };
    },
  }),

  setExceptionBreakpoints: handler({
    arguments: SetExceptionBreakpointsArguments,
    run: async (session, args) => {
      const plain = args.filters.map((filter) => ({ filter }));
      const conditional = args.filterOptions.map(({ filterId, condition }) => ({ filter: filterId, condition }));
      const filters = session.breakpoints.setExceptions([...plain, ...conditional]);
      const live = await session.lifecycle.program;
      if (live === null)
        return { breakpoints: filters.map(() => ({ verified: false, message: NOT_STARTED, reason: 'pending' })) };
      if (!live.debug)
        return { breakpoints: filters.map(() => ({ verified: false, message: NO_DEBUG, reason: 'failed' })) };
      const result = await live.program.agent.request('setExceptionBreakpoints', { filters }, { timeout: SET_TIMEOUT });
      return { breakpoints: result.filters };
    },
  }),

  breakpointLocations: handler({
    arguments: BreakpointLocationsArguments,
    kind: 'read',
    run: async (session, args, call) => {
      const { conventions } = session;
      const line = conventions.fromLine(args.line);
      const endLine = args.endLine === undefined ? line : conventions.fromLine(args.endLine);
      const request = { path: filePath(session, args.source, call), line, endLine };
      const { agent } = session.debugged(call).program;
      const { lines } = await agent.request('breakpointLocations', request, {
        signal: call.signal,
        timeout: SET_TIMEOUT,
      });
      return { breakpoints: lines.map((one) => ({ line: conventions.toLine(one) })) };
    },
  }),

  setCoordinatedBreakpoints: handler({
    arguments: SetCoordinatedBreakpointsArguments,
    run: async (session, args, call): Promise<SetCoordinatedBreakpointsResult<DebugProtocol.Breakpoint>> => {
      const breakpoints = await setLines(session, args, call);
      const live = liveOf(session.lifecycle.state);
      const modules = args.requiredModules;
      if (modules.length === 0) return { breakpoints, interpreted: [], failed: [] };
      if (live?.debug !== true) {
        const error = live === null ? 'the program has not started yet' : 'the program runs without debugging';
        return { breakpoints, interpreted: [], failed: modules.map((module) => ({ module, error })) };
      }
      const request = { modules, mode: 'immediate' as const, reason: 'required by a breakpoint' };
      const settle = session.coordinator.requesting(modules);
      const { prepared, failed } = await live.program.agent.request('prepare', request, { timeout: PREPARE_TIMEOUT });
      settle(failed);
      return { breakpoints, interpreted: prepared, failed };
    },
  }),
};

const NOT_STARTED = 'The program has not started yet.';
const REGENERATED = 'This text was regenerated from debug info: set a breakpoint on the function instead.';
const NO_DEBUG = 'The program runs without debugging.';

async function setLines(
  session: Session,
  args: v.InferOutput<typeof SetBreakpointsArguments>,
  call: Call,
): Promise<DebugProtocol.Breakpoint[]> {
  const { breakpoints, conventions } = session;
  const given = args.breakpoints ?? (args.lines ?? []).map((line) => ({ line }));
  if (args.source.path === undefined && (args.source.sourceReference ?? 0) > 0) {
    return given.map(({ line }) => ({ verified: false, line, message: REGENERATED, reason: 'failed' }));
  }
  const path = filePath(session, args.source, call);
  const wanted = breakpoints.setLines(
    path,
    given.map((one) => ({ ...one, line: conventions.fromLine(one.line) })),
  );
  const states = await outcome(session, path, wanted, (live) =>
    live.program.agent.request('setBreakpoints', { path, breakpoints: wanted }, { timeout: SET_TIMEOUT }),
  );
  return wanted.map(({ id, line }) => {
    const state = states.find((one) => one.id === id) ?? {
      id,
      verified: false,
      message: 'The program did not say why.',
    };
    return breakpoints.toDap(state, line);
  });
}

/**
 * The agent's answer, also of one that is still on its way; without a program everything waits, and without debugging
 * nothing is set.
 */
async function outcome(
  session: Session,
  file: string,
  wanted: readonly { id: number; line?: number; condition?: string }[],
  ask: (live: Live) => Promise<{ breakpoints: BreakpointState[] }>,
): Promise<BreakpointState[]> {
  const live = await session.lifecycle.program;
  if (live === null) return wanted.map(({ id }) => ({ id, verified: false, message: NOT_STARTED, reason: 'pending' }));
  if (!live.debug) return wanted.map(({ id }) => ({ id, verified: false, message: NO_DEBUG, reason: 'failed' }));
  const progress = session.progress.start('Preparing breakpoints', {});
  const began = performance.now();
  const { breakpoints } = await ask(live).finally(() => progress.end());
  // Before the program runs nothing is armed yet.
  const ms = session.lifecycle.state.kind === 'running' ? performance.now() - began : null;
  session.coordinator.breakpointsSet(file, wanted, breakpoints, ms);
  return breakpoints;
}

function filePath(session: Session, source: { path?: string | undefined }, call: Call): string {
  if (source.path === undefined || source.path === '') {
    throw Failure.expected('noFile', `"${call.command}" needs "source.path": breakpoints live in files.`);
  }
  return session.conventions.fromPath(source.path);
}
