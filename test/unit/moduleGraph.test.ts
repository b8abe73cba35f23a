// The merged graph against a plain model of it: whatever comes and goes, both say the same.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { DependencyGraph, Edge, EdgeKind } from '../../server/index/graph';
import { ModuleGraph } from '../../server/index/moduleGraph';
import { EDGE_KINDS, EdgePacker } from '../../server/index/packed';
import { compact } from '../../server/strategies/compactGraph';

interface Said {
  key: string;
  origin: Edge['origin'];
  modules: string[];
  edges: { from: string; to: string; kind: EdgeKind }[];
}

const name = fc.constantFrom('A', 'B', 'C', 'D', ':e');
const said: fc.Arbitrary<Said> = fc.record({
  key: fc.constantFrom('one', 'two', 'three'),
  origin: fc.constantFrom<Edge['origin']>('source', 'beam'),
  modules: fc.uniqueArray(name, { maxLength: 3 }),
  edges: fc.array(fc.record({ from: name, to: name, kind: fc.constantFrom(...EDGE_KINDS) }), { maxLength: 8 }),
});
const step = fc.oneof(said, fc.record({ key: fc.constantFrom('one', 'two', 'three'), gone: fc.constant(true) }));

function words(edges: Iterable<Edge>): string[] {
  return [...edges].map(({ from, to, kind, origin }) => `${from} ${to} ${kind} ${origin}`).sort();
}

/** What the contributions say together, without any packing. */
function expected(all: Iterable<Said>): { modules: string[]; edges: string[] } {
  const contributions = [...all];
  const modules = [...new Set(contributions.flatMap((each) => each.modules))].sort();
  const edges = contributions
    .flatMap(({ origin, edges }) => edges.map((edge): Edge => ({ ...edge, origin })))
    .filter(({ to, kind, origin }) => kind !== 'reference' || origin === 'source' || modules.includes(to));
  return { modules, edges: [...new Set(words(edges))].sort() };
}

function contribute(graph: ModuleGraph, { key, origin, modules: declared, edges: said }: Said): void {
  const packer = new EdgePacker();
  const modules = declared.flatMap((module) => [packer.name(module), 1]);
  for (const { from, to, kind } of said) packer.edge(from, to, kind);
  const { names, edges } = packer;
  graph.set(key, { origin, own: true, app: null, file: null, names, modules, edges });
}

/** The same graph, of which nobody can tell what changed. */
function forgetful(graph: ModuleGraph): DependencyGraph {
  return {
    revision: graph.revision,
    modules: () => graph.modules(),
    module: (name) => graph.module(name),
    outgoing: (name) => graph.outgoing(name),
    incoming: (name) => graph.incoming(name),
  };
}

describe('the module graph', () => {
  it('says what its contributions say, whatever comes and goes', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const graph = new ModuleGraph();
        const model = new Map<string, Said>();
        for (const each of steps) {
          const { revision } = graph;
          const before = expected(model.values());
          if ('gone' in each) {
            model.delete(each.key);
            graph.delete(each.key);
          } else {
            model.set(each.key, each);
            contribute(graph, each);
          }
          const now = expected(model.values());
          const all = ['A', 'B', 'C', 'D', ':e'];
          assert.deepEqual([...graph.modules()].map((node) => node.name).sort(), now.modules);
          assert.deepEqual(words(all.flatMap((from) => graph.outgoing(from))), now.edges);
          assert.deepEqual(words(all.flatMap((to) => graph.incoming(to))), now.edges);
          if (JSON.stringify(before) !== JSON.stringify(now)) assert.ok(graph.revision > revision);
        }
        for (const key of model.keys()) graph.delete(key);
        assert.deepEqual(graph.size, { modules: 0, edges: 0 });
      }),
      { numRuns: 500 },
    );
  });

  it('is compacted again from what changed alone, to the same arrays as from scratch', () => {
    const edited = fc.record({
      edges: fc.array(fc.record({ from: name, to: name, kind: fc.constantFrom(...EDGE_KINDS) }), { maxLength: 8 }),
      look: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.array(said, { maxLength: 4 }),
        fc.array(fc.oneof(edited, step), { maxLength: 12 }),
        (first, then) => {
          const graph = new ModuleGraph();
          for (const each of first) contribute(graph, each);
          for (const each of then) {
            // An edit changes what a file's modules call, not which there are.
            if ('look' in each)
              contribute(graph, { key: 'one', origin: 'source', modules: ['A', 'B'], edges: each.edges });
            else if ('gone' in each) graph.delete(each.key);
            else contribute(graph, each);
            // Several changes may lie between two looks.
            if ('look' in each && each.look) assert.deepEqual(compact(graph), compact(forgetful(graph)));
          }
          assert.deepEqual(compact(graph), compact(forgetful(graph)));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('tells an edit from modules that come and go', () => {
    const graph = new ModuleGraph();
    const calls = (to: string): Said => ({
      key: 'one',
      origin: 'source',
      modules: ['A'],
      edges: [{ from: 'A', to, kind: 'call' }],
    });
    contribute(graph, calls('B'));
    contribute(graph, { key: 'two', origin: 'source', modules: ['B', 'C'], edges: [] });
    const { revision } = graph;
    contribute(graph, calls('C'));
    assert.deepEqual(graph.changesSince(revision), { modules: false, edges: new Set(['A']) });
    assert.deepEqual(graph.changesSince(graph.revision), { modules: false, edges: new Set() });
    graph.delete('two');
    assert.equal(graph.changesSince(revision).modules, true);
  });
});
