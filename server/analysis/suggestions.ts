// Where it is worth stopping: what a failure's stack names, what the learned model expects, what the graph shows as a hub.
import { fileURLToPath, pathToFileURL } from 'node:url';
import path from 'node:path';
import type { SuggestionArguments } from '../../protocol/analysis';
import type { BreakpointSuggestion } from '../../protocol/server';
import type { DependencyGraph } from '../index/graph';
import type { Breakpoints } from './breakpoints';
import { expectedFrom } from './expected';
import { stackLinesOf, type StackLine } from './failures';
import { linesOf, meant, mentionsIn } from './mentions';
import { dependents, directDependencies } from './neighbours';
import type { AnalysisParts, FunctionPlace } from './parts';

/** The innermost frame is worth most, each further one less, none nothing. */
const FRAME_STEP = 0.1;
const LEAST_FRAME = 0.3;
/** What only the graph says counts less than what happened. */
const GRAPH_SHARE = 0.4;
const LEARNED_SHARE = 0.7;
/** Lines above a failing one that may belong to its test. */
const TEST_LINES = 40;
/** Modules that the graph or the model is asked for; more is no suggestion. */
const CANDIDATES = 20;

export async function suggestBreakpoints(
  { uri, failure, limit }: SuggestionArguments,
  parts: AnalysisParts,
  breakpoints: Breakpoints,
): Promise<BreakpointSuggestion[]> {
  const found = [
    ...(failure === null ? [] : await fromFailure(failure, parts)),
    ...fromModel(uri, parts),
    ...fromGraph(uri, parts),
  ];
  const best = new Map<string, BreakpointSuggestion>();
  for (const suggestion of found) {
    if (uri !== null && suggestion.uri !== uri) continue;
    if (breakpoints.inFunctionAt(fileURLToPath(suggestion.uri), suggestion.line)) continue;
    const key = `${suggestion.uri}:${suggestion.line}`;
    if ((best.get(key)?.score ?? -1) < suggestion.score) best.set(key, suggestion);
  }
  return [...best.values()]
    .sort((a, b) => b.score - a.score || (a.uri < b.uri ? -1 : a.uri > b.uri ? 1 : a.line - b.line))
    .slice(0, limit);
}

/** The project's own frames, innermost first; where only the test itself is named, what its text calls. */
async function fromFailure(failure: string, parts: AnalysisParts): Promise<BreakpointSuggestion[]> {
  const own = stackLinesOf(failure).flatMap((line) => {
    const file = fileOf(line, parts);
    return file === undefined ? [] : [{ ...line, file }];
  });
  const frames = own.filter(({ file }) => !isTest(file));
  const tests = own.filter(({ file }) => isTest(file));
  const called = frames.length > 0 ? [] : (await Promise.all(tests.map((test) => calledBy(test, parts)))).flat();
  return [
    ...frames.map((frame, depth) =>
      suggestionAt(
        frame,
        depth === 0
          ? `The failure was raised here${inFunction(frame)}.`
          : `It was on the way to the failure${inFunction(frame)}.`,
        depth,
        parts,
      ),
    ),
    ...called,
    ...tests.map((test, depth) =>
      suggestionAt(test, 'The failing test stands here.', frames.length + called.length + depth, parts),
    ),
  ];
}

function suggestionAt(
  { file, line, module, function: name }: StackLine,
  reason: string,
  depth: number,
  { index }: AnalysisParts,
): BreakpointSuggestion {
  return {
    uri: pathToFileURL(file).href,
    line,
    module: module ?? index.functionAt(file, line)?.module ?? index.modulesOfFile(file)[0]?.name ?? path.basename(file),
    function: name,
    reason,
    from: 'failure',
    score: Math.max(LEAST_FRAME, 1 - depth * FRAME_STEP),
  };
}

function inFunction({ function: name }: StackLine): string {
  return name === null ? '' : `, in ${name}`;
}

/** Functions of the project that the failing test names, nearest to the failing line first. */
async function calledBy(test: StackLine, parts: AnalysisParts): Promise<BreakpointSuggestion[]> {
  const { index, textOf } = parts;
  const text = await textOf(test.file);
  const module = index.modulesOfFile(test.file)[0]?.name;
  if (text === undefined || module === undefined) return [];
  const above = linesOf(text, Math.max(1, test.line - TEST_LINES), test.line).split('\n');
  const head = above.findLastIndex((line) => /^\s*(test|property|describe|setup)\b/.test(line));
  const candidates = directDependencies(index.graph, module);
  const places = mentionsIn(above.slice(Math.max(0, head)).reverse().join('\n')).flatMap(
    ({ written, function: name }) => {
      const place = name === null ? undefined : placeOf(meant(written, candidates), name, parts);
      return place === undefined ? [] : [place];
    },
  );
  return distinct(places).map(({ uri, place }, order) => ({
    uri,
    line: place.line,
    module: place.module,
    function: nameOf(place),
    reason: `The failing test calls ${place.module}.${nameOf(place)}.`,
    from: 'failure',
    score: Math.max(LEAST_FRAME, 1 - order * FRAME_STEP),
  }));
}

function fromModel(uri: string | null, parts: AnalysisParts): BreakpointSuggestion[] {
  const { index, memory } = parts;
  const here = uri === null ? [] : index.modulesOfFile(fileURLToPath(uri)).map(({ name }) => name);
  const used = memory().used().slice(0, CANDIDATES);
  const most = Math.max(1, ...used.map(([, { stops, breakpoints }]) => stops + breakpoints));
  const known = used.flatMap(([module, { stops, breakpoints }]) =>
    stops + breakpoints === 0 ? [] : [{ module, share: (stops + breakpoints) / most, reason: usedBefore(stops) }],
  );
  const expected = expectedFrom(here, CANDIDATES, parts).map(({ module, probability, reason }) => ({
    module,
    share: probability,
    reason: `Past sessions lead here: ${reason}.`,
  }));
  return [...known, ...expected].flatMap(({ module, share, reason }) =>
    entryOf(module, reason, 'learned', LEARNED_SHARE * Math.min(1, share), parts),
  );
}

function usedBefore(stops: number): string {
  return stops === 0
    ? 'You had breakpoints in this module before.'
    : `You stopped in this module ${stops === 1 ? 'once' : `${stops} times`} before.`;
}

/** Modules of the project that many others depend on. */
function fromGraph(uri: string | null, parts: AnalysisParts): BreakpointSuggestion[] {
  const { graph } = parts.index;
  const ranked =
    uri === null
      ? hubsOf(graph)
      : rankedByUsers(
          graph,
          parts.index.modulesOfFile(fileURLToPath(uri)).map(({ name }) => name),
        );
  const most = ranked[0]?.users ?? 1;
  return ranked.flatMap(({ module, users }) =>
    entryOf(
      module,
      users === 1 ? 'One module depends on this one.' : `${users} modules depend on this one.`,
      'graph',
      (GRAPH_SHARE * users) / most,
      parts,
    ),
  );
}

interface Hub {
  module: string;
  users: number;
}

/** Of the whole project, looked up once for each state of the graph: it takes a while with thousands of modules. */
const hubs = new WeakMap<DependencyGraph, { revision: number; ranked: Hub[] }>();

function hubsOf(graph: DependencyGraph): Hub[] {
  const known = hubs.get(graph);
  if (known?.revision === graph.revision) return known.ranked;
  const own = [...graph.modules()].filter(({ own: ours, file }) => ours && file !== null && !isTest(file));
  const ranked = rankedByUsers(
    graph,
    own.map(({ name }) => name),
  );
  hubs.set(graph, { revision: graph.revision, ranked });
  return ranked;
}

function rankedByUsers(graph: DependencyGraph, modules: readonly string[]): Hub[] {
  return modules
    .map((module) => ({ module, users: dependents(graph, module).length }))
    .filter(({ users }) => users > 0)
    .sort((a, b) => b.users - a.users || (a.module < b.module ? -1 : 1))
    .slice(0, CANDIDATES);
}

/** The largest public function of a module: where most of it can be seen from. */
function entryOf(
  module: string,
  reason: string,
  from: BreakpointSuggestion['from'],
  score: number,
  parts: AnalysisParts,
): BreakpointSuggestion[] {
  const candidates = placesIn(module, parts).filter(({ place }) => place.visibility === 'public' && !place.macro);
  const [best] = candidates.sort((a, b) => lengthOf(b.place) - lengthOf(a.place) || a.place.line - b.place.line);
  if (best === undefined) return [];
  const { uri, place } = best;
  return [{ uri, line: place.line, module, function: nameOf(place), reason, from, score }];
}

interface Placed {
  uri: string;
  place: FunctionPlace;
}

function placesIn(module: string, { index }: AnalysisParts): Placed[] {
  if (index.graph.module(module)?.own !== true) return [];
  return index.filesOfModule(module).flatMap(({ uri }) =>
    index
      .functionsOfFile(fileURLToPath(uri))
      .filter((place) => place.module === module)
      .map((place) => ({ uri, place })),
  );
}

function placeOf(module: string | undefined, name: string, parts: AnalysisParts): Placed | undefined {
  return module === undefined ? undefined : placesIn(module, parts).find(({ place }) => place.name === name);
}

/** The file of the project that a stack line means; undefined for foreign code. */
function fileOf({ app, file, module }: StackLine, { index }: AnalysisParts): string | undefined {
  if (module !== null) {
    const files = index.filesOfModule(module).map(({ uri }) => fileURLToPath(uri));
    const named = files.find((each) => endsWith(each, file));
    if (named !== undefined) return named;
  }
  for (const node of index.graph.modules()) {
    if (!node.own || node.file === null || !endsWith(node.file, file)) continue;
    if (app === null || node.app === null || node.app === app) return node.file;
  }
  return undefined;
}

function endsWith(whole: string, part: string): boolean {
  const slashed = whole.replaceAll('\\', '/');
  return slashed === part || slashed.endsWith(`/${part}`);
}

function isTest(file: string): boolean {
  return file.endsWith('.exs') && /(^|[\\/])test[\\/]/.test(file);
}

function lengthOf({ line, endLine }: FunctionPlace): number {
  return endLine - line;
}

export function nameOf({ name, arity }: FunctionPlace): string {
  return `${name}/${arity}`;
}

function distinct(places: readonly Placed[]): Placed[] {
  const seen = new Map(places.map((placed) => [`${placed.uri}:${placed.place.line}`, placed]));
  return [...seen.values()];
}
