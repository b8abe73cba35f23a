// Why a module is in the state it is in, and what it costs, in sentences. Reads, changes nothing.
import type { ModuleExplanation } from '../../protocol/server';
import { stateOf } from './costs';
import { obstaclesOf } from './impact';
import { dependents, directDependencies } from './neighbours';
import type { AnalysisParts } from './parts';

export function explain(module: string, parts: AnalysisParts): ModuleExplanation {
  const { index, memory, sessions } = parts;
  const node = index.graph.module(module);
  const prepared = sessions().flatMap((session) => session.prepared.get(module) ?? []);
  return {
    module,
    state: stateOf(module, sessions()),
    reasons: reasonsOf(module, parts),
    bytes: prepared.length === 0 ? null : Math.max(...prepared.map(({ bytes }) => bytes)),
    prepareMs: prepared.length === 0 ? null : Math.max(...prepared.map(({ prepareMs }) => prepareMs)),
    usage: usageOf(module, parts),
    dependencies: directDependencies(index.graph, module).length,
    dependents: dependents(index.graph, module).length,
    file: node?.file ?? null,
    line: node?.line ?? null,
    pinned: memory().isPinned(module),
    neverInterpret: memory().isNeverInterpreted(module),
  };
}

/** Best first; never empty. */
function reasonsOf(module: string, parts: AnalysisParts): string[] {
  const { memory, sessions } = parts;
  const running = sessions();
  const lines = running.flatMap(({ state }) =>
    state.breakpoints.flatMap(({ breakpoints }) =>
      breakpoints.filter(({ verified, modules }) => verified && modules.includes(module)).map(({ line }) => line),
    ),
  );
  const onStack = running.some(({ state }) =>
    state.stopped.some(({ frames }) => frames.some((frame) => frame.module === module)),
  );
  const prepared = [...new Set(running.flatMap((session) => session.prepared.get(module)?.reason ?? []))];
  const reasons = [
    ...(lines.length === 0 ? [] : [`It holds ${lines.length === 1 ? 'a breakpoint' : 'breakpoints'}, ${at(lines)}.`]),
    ...(onStack ? ['It is on the stack of a stopped process.'] : []),
    ...prepared.map((reason) => `It is prepared: ${reason}.`),
    ...(memory().isPinned(module) ? ['You pinned it: it stays prepared.'] : []),
    ...obstaclesOf(module, parts),
  ];
  if (reasons.length > 0) return reasons;
  return running.length === 0
    ? ['No debug session is running, so nothing is prepared or interpreted.']
    : ['Nothing has asked for it: it runs at native speed, and is prepared the moment a step enters it.'];
}

function at(lines: readonly number[]): string {
  const sorted = [...new Set(lines)].sort((a, b) => a - b);
  return `at ${sorted.length === 1 ? 'line' : 'lines'} ${sorted.join(', ')}`;
}

function usageOf(module: string, { memory, sessions }: AnalysisParts): string[] {
  const now = sessions().reduce((sum, { used }) => sum + (used.get(module)?.uses ?? 0), 0);
  const usage = memory().usageOf(module);
  return [
    ...(now === 0 ? [] : [`Stopped in or entered ${times(now)} in the running sessions.`]),
    ...(usage === undefined
      ? []
      : [
          `Remembered: stopped in ${times(usage.stops)}, stepped into ${times(usage.steps)}, entered in ${usage.entries === 1 ? 'one session' : `${usage.entries} sessions`}, breakpoints set ${times(usage.breakpoints)}.`,
          `Last used on ${new Date(usage.lastAt).toISOString().slice(0, 10)}.`,
        ]),
  ];
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}
