// What debugging a module or a function depends on: which modules, why, and what they cost. Reads the index, changes nothing.
import { fileURLToPath } from 'node:url';
import type { DependencyAnalysis, DependencyAnalysisArguments } from '../../protocol/analysis';
import { Failure } from '../../protocol/failure';
import { costsOf } from './costs';
import { linesOf, meant, mentionsIn } from './mentions';
import { moduleFilter } from './modulePatterns';
import { dependents, directDependencies, isRunTime, isUse, reachable } from './neighbours';
import type { AnalysisParts, FunctionPlace } from './parts';

/** Steps of the graph that count as neighbourhood. */
const NEIGHBOURHOOD = 2;
/** Modules of a scope up to which its complexity is low, or medium. */
const LOW = 10;
const MEDIUM = 50;

export async function analyseDependencies(
  args: DependencyAnalysisArguments,
  parts: AnalysisParts,
): Promise<DependencyAnalysis> {
  const { index, memory, sessions } = parts;
  const { graph } = index;
  const { module, scope } = args;
  const node = graph.module(module);
  if (node === undefined) throw unknownModule(module, parts);
  const wanted = moduleFilter(args.interpretationPatterns);
  if ('invalid' in wanted) {
    throw Failure.user(
      'badArguments',
      `\`interpretationPatterns\` holds "${wanted.invalid}", which is no regular expression.`,
    );
  }
  const place = functionOf(args, parts);
  const all = directDependencies(graph, module);
  const direct = place === undefined ? all : await namedBy(place, all, parts);

  const own = (name: string): boolean => graph.module(name)?.own === true;
  const scoped = scopeOf().filter((name) => wanted(name) && !memory().isNeverInterpreted(name));
  const interpretationScope = [module, ...scoped];
  const transitive = args.includeTransitive ?? scope === 'complete';
  const within = new Set(direct);
  const costs = costsOf(sessions());
  const estimated = interpretationScope.map((name) => costs(name));

  return {
    target: {
      module,
      function: place?.name ?? null,
      arity: place === undefined ? null : (args.arity ?? place.arity),
      file: node.file,
      line: place?.line ?? node.line,
      own: node.own,
    },
    interpretationScope,
    directDependencies: direct,
    transitiveDependencies: transitive
      ? reachedFrom(direct, Infinity, isUse).filter((name) => name !== module && !within.has(name))
      : [],
    metadata: {
      scope,
      complexity: interpretationScope.length <= LOW ? 'low' : interpretationScope.length <= MEDIUM ? 'medium' : 'high',
      estimatedTime: sum(estimated.map(({ prepareMs }) => prepareMs)),
      estimatedBytes: sum(estimated.map(({ bytes }) => bytes)),
      measuredModules: estimated.filter(({ measured }) => measured).length,
      ownModules: interpretationScope.filter(own).length,
      dependents: dependents(graph, module).length,
      origins: direct.map((to) => originsOf(to)),
      indexed: index.size().indexed,
    },
  };

  function scopeOf(): string[] {
    const called = new Set(
      graph
        .outgoing(module)
        .filter(isRunTime)
        .map(({ to }) => to),
    );
    const near = direct.filter((name) => called.has(name));
    switch (scope) {
      case 'minimal':
        return near.filter(own);
      case 'conservative':
        return reachedFrom(near.filter(own), NEIGHBOURHOOD - 1, isRunTime, own);
      case 'complete':
        // What has neither source nor beam in the project cannot be looked at, e.g. most of Elixir itself.
        return reachedFrom(direct, Infinity, isUse).filter((name) => graph.module(name) !== undefined);
    }
  }

  /** The given modules, then what they reach, nearest first. */
  function reachedFrom(
    starts: readonly string[],
    steps: number,
    follow: typeof isUse,
    enter: (name: string) => boolean = () => true,
  ): string[] {
    const found = [...starts, ...reachable(graph, starts, steps, follow, enter)];
    return found.filter((name) => name !== module);
  }

  function originsOf(to: string): DependencyAnalysis['metadata']['origins'][number] {
    const edges = graph.outgoing(module).filter((edge) => edge.to === to);
    return {
      module: to,
      kinds: [...new Set(edges.map(({ kind }) => kind))].sort(),
      origins: [...new Set(edges.map(({ origin }) => origin))].sort(),
    };
  }
}

/** The function that is asked for; undefined when the whole module is. */
function functionOf(args: DependencyAnalysisArguments, { index }: AnalysisParts): FunctionPlace | undefined {
  const { module, function: name, arity } = args;
  if (name === undefined) {
    if (arity === undefined) return undefined;
    throw Failure.user('badArguments', '`arity` is the one of a function: `function` is missing.');
  }
  const functions = index
    .filesOfModule(module)
    .flatMap(({ uri }) => index.functionsOfFile(fileURLToPath(uri)))
    .filter((each) => each.module === module);
  const found = functions.find((each) => each.name === name && (arity === undefined || takes(each, arity)));
  if (found !== undefined) return found;
  const others = [...new Set(functions.filter((each) => each.name === name).map((each) => each.arity))];
  throw Failure.user(
    'unknownFunction',
    others.length === 0
      ? `\`function\`: the source of ${module} has no ${name}.`
      : `\`arity\`: ${module}.${name} takes ${others.join(' or ')} parameters, not ${arity ?? 0}.`,
  );
}

function takes({ arity, defaults }: FunctionPlace, parameters: number): boolean {
  return arity - defaults <= parameters && parameters <= arity;
}

/** Those dependencies that the function's text names; what it gets by import or macro is not to be seen there. */
async function namedBy(
  place: FunctionPlace,
  dependencies: readonly string[],
  { index, textOf }: AnalysisParts,
): Promise<string[]> {
  const files = index.filesOfModule(place.module).map(({ uri }) => fileURLToPath(uri));
  const file = files.find((each) => index.functionsOfFile(each).includes(place));
  const text = file === undefined ? undefined : await textOf(file);
  if (text === undefined || file === undefined) return [...dependencies];
  const clauses = index
    .functionsOfFile(file)
    .filter((each) => each.module === place.module && each.name === place.name && each.arity === place.arity);
  const named = clauses
    .flatMap(({ line, endLine }) => mentionsIn(linesOf(text, line, endLine)))
    .map(({ written }) => meant(written, dependencies));
  return dependencies.filter((module) => named.includes(module));
}

export function unknownModule(module: string, { index }: Pick<AnalysisParts, 'index'>): Failure {
  const last = `.${module.split('.').at(-1) ?? module}`;
  const erlang = `:${module}`;
  const similar = [...index.graph.modules()]
    .map(({ name }) => name)
    .filter((name) => name === erlang || `.${name}`.endsWith(last))
    .slice(0, 3);
  const hint = index.size().indexed
    ? 'Is it written as in the source, and compiled at least once?'
    : 'The project is still being indexed: try again in a moment.';
  return Failure.user(
    'unknownModule',
    `\`module\`: no module ${module} is known in this workspace.`,
    similar.length === 0 ? hint : `Did you mean ${similar.join(' or ')}?`,
  );
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
