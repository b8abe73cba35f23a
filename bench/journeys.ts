// Recorded debugging journeys and the dependency graph they happened in, from files to the types that the server's strategies
// read. It replays nothing.
import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import type { DependencyGraph, Edge, ModuleNode } from '../server/index/graph.js';

/** Longer journeys are cut: nobody steps through more modules in one session. */
const MAX_LENGTH = 30;

const Neighbours = v.record(v.string(), v.array(v.string()));
const Files = v.record(v.string(), v.string());
const Line = v.object({ app: v.string(), test: v.string(), path: v.array(v.string()) });

/** Modules in the order in which execution first entered them; the first one holds the breakpoint. */
export type Journey = readonly string[];

export interface JourneyFiles {
  graph: string;
  refs?: string | undefined;
  map?: string | undefined;
  journeys: string;
}

export interface Recording {
  graph: RecordedGraph;
  /** Application → its journeys in the order of the file. */
  journeys: Map<string, Journey[]>;
}

export async function readRecording(files: JourneyFiles): Promise<Recording> {
  const imports = await readJson(Neighbours, files.graph);
  const references = files.refs === undefined ? {} : await readJson(Neighbours, files.refs);
  const sources = files.map === undefined ? {} : await readJson(Files, files.map);
  const journeys = new Map<string, Journey[]>();
  const lines = (await readFile(files.journeys, 'utf8')).split('\n').filter((line) => line.trim() !== '');
  lines.forEach((line, index) => {
    const { app, path } = parse(Line, line, `${files.journeys}:${index + 1}`);
    // First entries alone count, also where a recording names a module again.
    journeys.set(app, [...(journeys.get(app) ?? []), [...new Set(path)].slice(0, MAX_LENGTH)]);
  });
  if (journeys.size === 0) throw new Error(`${files.journeys}: there is no journey in it.`);
  return { graph: new RecordedGraph(imports, references, sources), journeys };
}

async function readJson<S extends v.GenericSchema>(schema: S, file: string): Promise<v.InferOutput<S>> {
  return parse(schema, await readFile(file, 'utf8'), file);
}

function parse<S extends v.GenericSchema>(schema: S, text: string, where: string): v.InferOutput<S> {
  try {
    return v.parse(schema, JSON.parse(text));
  } catch (error) {
    throw new Error(`${where}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** Imports as calls and atoms as references, as the index reads them from beams. */
export class RecordedGraph implements DependencyGraph {
  readonly revision = 1;
  readonly #nodes = new Map<string, ModuleNode>();
  readonly #outgoing = new Map<string, Edge[]>();
  readonly #incoming = new Map<string, Edge[]>();

  constructor(imports: Record<string, string[]>, references: Record<string, string[]>, files: Record<string, string>) {
    for (const name of Object.keys({ ...imports, ...references, ...files })) {
      this.#nodes.set(name, { name, file: files[name] ?? null, line: null, own: true, app: null });
    }
    this.add(imports, 'call');
    this.add(references, 'reference');
  }

  modules(): Iterable<ModuleNode> {
    return this.#nodes.values();
  }

  module(name: string): ModuleNode | undefined {
    return this.#nodes.get(name);
  }

  outgoing(name: string): readonly Edge[] {
    return this.#outgoing.get(name) ?? [];
  }

  incoming(name: string): readonly Edge[] {
    return this.#incoming.get(name) ?? [];
  }

  private add(neighbours: Record<string, string[]>, kind: Edge['kind']): void {
    for (const [from, all] of Object.entries(neighbours)) {
      for (const to of all) {
        const edge: Edge = { from, to, kind, origin: 'beam' };
        this.#outgoing.set(from, [...(this.#outgoing.get(from) ?? []), edge]);
        this.#incoming.set(to, [...(this.#incoming.get(to) ?? []), edge]);
      }
    }
  }
}
