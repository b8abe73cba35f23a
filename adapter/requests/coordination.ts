// The custom requests of protocol/adapter.ts except setCoordinatedBreakpoints. They answer in every state.
import {
  InterpretModulesArguments,
  NoArguments,
  ReloadCodeArguments,
  SetCoordinationModeArguments,
  SetCoordinationServerArguments,
  type CoordinationMode,
  type InterpretationStatus,
  type InterpretModulesResult,
  type PerformanceMetrics,
  type ReloadCodeResult,
  RemoveLeftoversArguments,
  type RemoveLeftoversResult,
} from '../../protocol/adapter';
import { engineFor } from '../launchPlan';
import { handler, type Handler } from '../handler';
import type { Session } from '../session';
import { liveOf, type Live } from '../state';

/** ms; preparing many modules, or compiling many files. */
const LONG_TIMEOUT = 120_000;

export const coordinationRequests: Readonly<Record<string, Handler>> = {
  interpretModules: handler({
    arguments: InterpretModulesArguments,
    run: async (session, args, call): Promise<InterpretModulesResult> => {
      const began = performance.now();
      const live = debugged(session);
      const nextRecommendations = session.coordinator.recommend(args.modules);
      if (live === null) {
        const failed = args.modules.map((module) => ({ module, error: notDebugged(session) }));
        return { interpreted: [], queued: [], failed, totalTime: performance.now() - began, nextRecommendations };
      }
      const { context = 'requested' } = args;
      const request = {
        modules: args.modules,
        mode: args.strategy,
        reason: typeof context === 'string' ? context : JSON.stringify(context),
      };
      const options = { signal: call.signal, timeout: LONG_TIMEOUT };
      const progress = session.progress.start('Preparing modules', { requestId: call.seq });
      session.cancellation.bindProgress(call.seq, progress.id);
      const settle = session.coordinator.requesting(args.modules);
      const asked = live.program.agent.request('prepare', request, options);
      const { prepared, queued, failed } = await asked.finally(() => progress.end());
      settle(failed);
      return { interpreted: prepared, queued, failed, totalTime: performance.now() - began, nextRecommendations };
    },
  }),

  getInterpretationStatus: handler({
    arguments: NoArguments,
    run: async (session): Promise<InterpretationStatus> => {
      const live = debugged(session);
      const of =
        live === null ? { engine: null, modules: [], leftBehind: [] } : await live.program.agent.request('status', {});
      const { enabled, strategy, scope } = session.coordinator.mode;
      const { engine, modules, leftBehind } = of;
      return { enabled, strategy, scope, engine, modules, leftBehind, ...session.coordinator.status };
    },
  }),

  setCoordinationMode: handler({
    arguments: SetCoordinationModeArguments,
    run: async (session, args): Promise<CoordinationMode> => {
      const { coordinator } = session;
      await coordinator.setMode(args);
      const { enabled, strategy, scope } = coordinator.mode;
      const live = liveOf(session.lifecycle.state);
      const engineNextLaunch = engineFor({
        engine: live?.start.args.engine ?? 'auto',
        coordination: { enabled },
      });
      return { enabled, strategy, scope, engine: live?.debug === true ? live.engine : null, engineNextLaunch };
    },
  }),

  setCoordinationServer: handler({
    arguments: SetCoordinationServerArguments,
    run: (session, { pipe, token, session: id }) => {
      session.coordinator.setServer({ pipe, token, session: id ?? null });
      return {};
    },
  }),

  getPerformanceMetrics: handler({
    arguments: NoArguments,
    run: async (session): Promise<PerformanceMetrics> => {
      const live = debugged(session);
      const agent = live === null ? {} : await live.program.agent.request('metrics', {});
      const sessionMs = performance.now() - session.began;
      const { spentMs, figures } = session.coordinator;
      return {
        coordinationOverhead: spentMs / sessionMs,
        coordinationMs: spentMs,
        sessionMs,
        interpretationTiming: session.prepareDurations.summary(),
        memoryUsage: {
          adapterBytes: process.memoryUsage().rss,
          preparedBytes: bytes(agent['preparedBytes']),
          beamBytes: bytes(agent['beamMemory']),
        },
        ...figures,
        diskHitRate: shareOf(agent['diskHits'], agent['diskMisses']),
        requests: session.requestTimings.summary(),
        agent,
      };
    },
  }),

  removeLeftovers: handler({
    arguments: RemoveLeftoversArguments,
    run: async (session, { force }, call): Promise<RemoveLeftoversResult> => ({
      removed: await session.lifecycle.removeLeftovers(session.live(call), force),
    }),
  }),

  reloadCode: handler({
    arguments: ReloadCodeArguments,
    run: async (session, args, call): Promise<ReloadCodeResult> => {
      const { agent } = session.debugged(call).program;
      const files = args.changedFiles?.map((file) => session.conventions.fromPath(file)) ?? null;
      const { reloaded, failed } = await agent.request('reload', { files }, { timeout: LONG_TIMEOUT });
      return { reloaded, failed };
    },
  }),
};

function debugged(session: Session): Live | null {
  const live = liveOf(session.lifecycle.state);
  return live?.debug === true ? live : null;
}

function notDebugged(session: Session): string {
  return liveOf(session.lifecycle.state) === null ? 'no program is running' : 'the program runs without debugging';
}

function shareOf(hits: number | number[] | undefined, misses: number | number[] | undefined): number | null {
  if (typeof hits !== 'number' || typeof misses !== 'number' || hits + misses === 0) return null;
  return hits / (hits + misses);
}

function bytes(value: number | number[] | undefined): number | null {
  return typeof value === 'number' ? value : null;
}
