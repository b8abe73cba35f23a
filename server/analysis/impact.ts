// What a breakpoint costs and what debugging in a module takes: what is interpreted, how long it takes, whether it is hot.
import { fileURLToPath } from 'node:url';
import type { BreakpointImpact, ModuleRequirements } from '../../protocol/analysis';
import type { Breakpoints, KnownBreakpoint } from './breakpoints';
import { costsOf, stateOf } from './costs';
import { unknownModule } from './dependencies';
import { expectedFrom } from './expected';
import { linesOf } from './mentions';
import { dependents, isRunTime } from './neighbours';
import type { AnalysisParts, FunctionPlace } from './parts';
import { nameOf } from './suggestions';

/** Modules that use a module which is a hub of the project. */
const MANY_DEPENDENTS = 10;
/** Stops a minute that hinder more than they show. */
const MANY_STOPS = 30;
/** Modules that a step from one is likely to enter. */
const MOST_RELATED = 12;

export async function impactOf(
  { uri, line }: { uri: string; line: number },
  parts: AnalysisParts,
  breakpoints: Breakpoints,
): Promise<BreakpointImpact> {
  const file = fileURLToPath(uri);
  const { index, sessions } = parts;
  const place = index.functionAt(file, line);
  const module = place?.module ?? index.moduleAt(file, line)?.name;
  const here = breakpoints.of(file).find((each) => each.line === line);
  if (module === undefined) {
    return {
      module: '',
      function: null,
      line,
      interpreted: [],
      cost: { bytes: 0, prepareMs: 0, measured: true },
      hot: false,
      notes: ['No module is known at this line. Nothing is interpreted unless a script runs it.'],
      hits: here?.hits ?? 0,
    };
  }
  const text = place === undefined ? undefined : await parts.textOf(file);
  const warm = place === undefined ? [] : heatOf(place, text, here, parts);
  return {
    module,
    function: place === undefined ? null : nameOf(place),
    line,
    interpreted: place === undefined ? [] : [`${module}.${nameOf(place)}`],
    cost: costsOf(sessions())(module),
    hot: warm.length > 0,
    notes: [...warm, ...otherNotes(module, place, parts)],
    hits: here?.hits ?? 0,
  };
}

/** Why the function may run so often that interpreting it is felt; each a sentence. */
function heatOf(
  place: FunctionPlace,
  text: string | undefined,
  breakpoint: KnownBreakpoint | undefined,
  { index, sessions }: AnalysisParts,
): string[] {
  const notes: string[] = [];
  const minutes = sessions().reduce((sum, { state, at }) => sum + Math.max(0, at - state.startedAt), 0) / 60_000;
  const hits = breakpoint?.hits ?? 0;
  if (hits >= MANY_STOPS && hits / Math.max(1, minutes) >= MANY_STOPS) {
    notes.push(`It stopped ${hits} times in this session: a condition or a hit count would let it stop less often.`);
  }
  const users = dependents(index.graph, place.module).length;
  if (users >= MANY_DEPENDENTS) {
    notes.push(`${users} modules use ${place.module}; each call of ${nameOf(place)} is interpreted, whoever calls.`);
  }
  if (text !== undefined && isRecursive(place, text)) {
    notes.push(`${nameOf(place)} calls itself: every round of the recursion is interpreted.`);
  }
  return notes;
}

function isRecursive({ name, line, endLine }: FunctionPlace, text: string): boolean {
  const word = name.replace(/[?!]/g, '\\$&');
  const heads = new RegExp(`^\\s*def\\w*\\s+${word}\\b.*?(?:\\bdo\\b|$)`, 'gmu');
  const body = linesOf(text, line, endLine)
    .replace(heads, '')
    .replace(/^\s*#.*$/gm, '');
  return new RegExp(`(?<![\\w.:@])${word}\\(`, 'u').test(body);
}

function otherNotes(module: string, place: FunctionPlace | undefined, parts: AnalysisParts): string[] {
  const notes = obstaclesOf(module, parts);
  if (place?.macro === true) notes.push('This is a macro: it runs while other modules compile, not when they run.');
  if (place === undefined) notes.push('The line is outside of functions: it runs while the module is compiled.');
  return notes;
}

export function requirementsOf(module: string, parts: AnalysisParts): ModuleRequirements {
  const { index, sessions } = parts;
  const { graph } = index;
  if (graph.module(module) === undefined) throw unknownModule(module, parts);
  const costs = costsOf(sessions());
  const called = graph.outgoing(module).filter(isRunTime);
  const own = (name: string): boolean => graph.module(name)?.own === true;
  const why = new Map(expectedFrom([module], MOST_RELATED, parts).map((each) => [each.module, each.reason]));
  for (const { to, kind } of called) if (own(to) && !why.has(to)) why.set(to, reasonOf(kind, module));
  why.delete(module);
  return {
    module,
    state: stateOf(module, sessions()),
    cost: costs(module),
    related: [...why]
      .slice(0, MOST_RELATED)
      .map(([name, reason]) => ({ module: name, why: reason, state: stateOf(name, sessions()), cost: costs(name) })),
    obstacles: obstaclesOf(module, parts),
  };
}

function reasonOf(kind: string, module: string): string {
  switch (kind) {
    case 'protocol':
      return `the protocol that ${module} implements`;
    case 'implementation':
      return `implements ${module}`;
    case 'template':
      return `called by a template of ${module}`;
    default:
      return `called by ${module}`;
  }
}

/** Why a module is not or should not be interpreted; each a sentence. */
export function obstaclesOf(module: string, { index, memory, sessions }: AnalysisParts): string[] {
  const failures = sessions().flatMap(({ failed }) => failed.get(module) ?? []);
  return [
    ...(memory().isNeverInterpreted(module) ? ['You decided that this module is never interpreted.'] : []),
    ...[...new Set(failures)].map((error) => `It could not be prepared: ${error}`),
    ...(index.graph.module(module)?.own === false ? ['It is not of this project: stepping passes through it.'] : []),
  ];
}
