// How long a prediction takes in a large project with much to remember: a generated graph, sessions that wander through it,
// and processor time, which other work on the machine stretches least. It says nothing about how good predictions are.
import type { DependencyGraph, Edge, ModuleNode } from '../server/index/graph.js';
import { DemandStrategy } from '../server/strategies/demand.js';
import { LearningStrategy } from '../server/strategies/learning.js';
import { PredictiveStrategy } from '../server/strategies/predictive.js';
import { UsageMemory } from '../server/strategies/usageMemory.js';
import { randomFrom } from './replay.js';
import { percentile } from './statistics.js';

export const MODULES = 5_000;
export const EDGES = 50_000;
/** As many as the memory keeps, each of as many modules as a journey has at most. */
export const SESSIONS = 1_000;
const STEPS = 30;
const PREDICTIONS = 200;
/** As many as a plan asks for in a project of this size. */
const LIMIT = 256;
/** The first ones meet code that is not optimised yet and are not counted. */
const WARM_UP = 20;

/** Milliseconds of processor time, of all threads. */
export interface Latency {
  p50: number;
  p95: number;
  p99: number;
}

/** By strategy; under "new graph" the first prediction after the graph has changed, by "learning". */
export function measureLatency(): Map<string, Latency> {
  const random = randomFrom(1);
  const pick = (): number => Math.floor(random() * MODULES);
  const graph = generated(pick);
  const memory = new UsageMemory();
  for (let session = 0; session < SESSIONS; session++) remember(memory, graph, String(session), pick);

  const [demand, predictive] = [new DemandStrategy(), new PredictiveStrategy()];
  const learning = new LearningStrategy(memory, predictive, demand);
  const samples = new Map<string, number[]>();
  for (let round = 0; round < WARM_UP + PREDICTIONS; round++) {
    const path = wander(graph, pick);
    const [breakpoints, frames] = [path.slice(0, 1), path.slice(-3).reverse()];
    const situation = {
      session: 'now',
      breakpoints,
      frames,
      path,
      focused: [],
      edited: [],
      scope: 'conservative',
    } as const;
    const isNew = round % 10 === 0;
    if (isNew) graph.change(pick);
    for (const strategy of isNew ? [learning] : [demand, predictive, learning]) {
      const before = process.cpuUsage();
      strategy.predict(situation, graph, LIMIT, new Set(path));
      const { user, system } = process.cpuUsage(before);
      if (round < WARM_UP) continue;
      const name = isNew ? 'new graph' : strategy.name;
      samples.set(name, [...(samples.get(name) ?? []), (user + system) / 1000]);
    }
  }
  return new Map(
    [...samples].map(([name, sample]) => {
      const at = (p: number): number => percentile(sample, p);
      return [name, { p50: at(0.5), p95: at(0.95), p99: at(0.99) }];
    }),
  );
}

const moduleName = (index: number): string => `App.Context${index % 80}.Module${index}`;

/** `change`: a module calls another one instead of the one before, as an edit does. */
type ChangingGraph = DependencyGraph & { change: (pick: () => number) => void };

/** Some modules are named much oftener than others, as in real projects. */
function generated(pick: () => number): ChangingGraph {
  const nodes = Array.from({ length: MODULES }, (_, index): ModuleNode => {
    return { name: moduleName(index), file: null, line: null, own: true, app: null };
  });
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const outgoing = new Map<string, Edge[]>(nodes.map(({ name }) => [name, []]));
  const incoming = new Map<string, Edge[]>(nodes.map(({ name }) => [name, []]));
  for (let count = 0; count < EDGES; count++) {
    const [from, to] = [moduleName(pick()), moduleName(Math.min(pick(), pick()))];
    const edge: Edge = { from, to, kind: count % 3 === 0 ? 'reference' : 'call', origin: 'beam' };
    outgoing.get(from)?.push(edge);
    incoming.get(to)?.push(edge);
  }
  let revision = 1;
  let changed = '';
  return {
    get revision() {
      return revision;
    },
    modules: () => nodes,
    module: (name) => byName.get(name),
    outgoing: (name) => outgoing.get(name) ?? [],
    incoming: (name) => incoming.get(name) ?? [],
    // Asked after each change, so that there is never more than one.
    changesSince: () => ({ modules: false, edges: new Set([changed]) }),
    change: (anew) => {
      changed = moduleName(anew());
      const edge: Edge = { from: changed, to: moduleName(anew()), kind: 'call', origin: 'beam' };
      outgoing.set(changed, [...(outgoing.get(changed) ?? []).slice(1), edge]);
      revision++;
    },
  };
}

/** A path along edges, each module once, starting in one of the hundredth part of the modules where sessions begin. */
function wander(graph: DependencyGraph, pick: () => number): string[] {
  let module = moduleName(Math.floor(pick() / 100));
  const path = new Set([module]);
  for (let step = 1; step < STEPS; step++) {
    const next = graph.outgoing(module);
    module = next[pick() % Math.max(1, next.length)]?.to ?? moduleName(pick());
    path.add(module);
  }
  return [...path];
}

function remember(memory: UsageMemory, graph: DependencyGraph, session: string, pick: () => number): void {
  for (const module of wander(graph, pick)) memory.apply({ kind: 'entered', at: 0, session, module });
  memory.apply({ kind: 'sessionEnded', at: 0, session });
}
