// One pass over a workspace: what changed in sources and beams since the last one. Blocks; meant for a thread of its own.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { readBeam, type BeamFacts } from './beamFile';
import { hashOf, readCache, writeCache, type Cached } from './cache';
import type { Grammar } from './grammar';
import { isInside, isMissing, layoutOf, type Layout, type Root } from './layout';
import { factsOf, MAX_SOURCE_BYTES } from './sourceReader';
import { EdgePacker, noPackedFacts, pack, type PackedEdges, type PackedFacts } from './packed';

/** Threads of a scan. The same everywhere: what the cache of one holds depends on it. */
export const SHARDS = 2;

export interface ScanRequest {
  folders: readonly string[];
  /** Folders of build products, beside those that the layout finds. */
  builds: readonly string[];
  /** Null: nothing is kept on disk. */
  storageDir: string | null;
  /** Stamps of what the index already has, by path: the same again is not told again. */
  known: ReadonlyMap<string, string>;
  /** Which part of the files to look at: each thread takes one, and keeps a cache of its own. */
  shard: number;
}

/** What the index keeps of a beam: the first name is the module's. */
export interface BeamEdges extends PackedEdges {
  source: string | null;
}

export interface IndexedBeam extends BeamEdges {
  app: string;
  own: boolean;
}

export type ScanMessage =
  | { kind: 'roots'; roots: Root[] }
  | { kind: 'sources'; files: Found<PackedFacts>[] }
  | { kind: 'beams'; beams: Found<IndexedBeam>[] }
  /** The last message. `gone`: known paths that are no more. */
  | { kind: 'done'; gone: string[]; troubles: string[] };

export interface Found<Facts> {
  file: string;
  stamp: string;
  facts: Facts;
}

interface CacheContent {
  /** ms since the epoch. */
  writtenAt: number;
  sources: Record<string, Cached<PackedFacts>>;
  beams: Record<string, Cached<BeamEdges>>;
}

/** Facts travel in parcels of this many files, so that the receiving thread is never busy for long. */
const PARCEL = 25;
const MAX_BEAM_BYTES = 64 * 1024 * 1024;
/** A file changed this shortly before it was read may change again without its stamp showing it. */
const RACY_MS = 2_000;

/** Goes on with the work as far as its messages are taken. */
export function scan(request: ScanRequest, grammar: Grammar): Iterable<ScanMessage> {
  return new Scan(request, grammar).run();
}

class Scan {
  private readonly troubles: string[] = [];
  private readonly old: CacheContent;
  private readonly fresh: CacheContent = { writtenAt: Date.now(), sources: {}, beams: {} };
  private readonly seen = new Set<string>();
  private changed = false;

  constructor(
    private readonly request: ScanRequest,
    private readonly grammar: Grammar,
  ) {
    const { storageDir } = request;
    const cache = storageDir === null ? null : readCache(storageDir, request.shard);
    if (cache?.dropped === true) this.troubles.push('The index on disk was damaged and is built again.');
    this.old = (cache?.content as CacheContent | null | undefined) ?? { writtenAt: 0, sources: {}, beams: {} };
  }

  *run(): Generator<ScanMessage> {
    const layout = layoutOf(this.request.folders, this.request.builds);
    // Each thread finds the same folders; one of them tells what is wrong there.
    if (this.request.shard === 0) this.troubles.push(...layout.troubles);
    yield { kind: 'roots', roots: layout.roots };
    for (const files of parcels(this.sources(layout))) yield { kind: 'sources', files };
    for (const beams of parcels(this.beams(layout))) yield { kind: 'beams', beams };
    this.keep();
    const gone = [...this.request.known.keys()].filter((file) => this.isMine(file) && !this.seen.has(file));
    yield { kind: 'done', gone, troubles: this.troubles };
  }

  private *sources({ sources }: Layout): Generator<Found<PackedFacts>> {
    for (const file of sources) {
      if (!this.isMine(file)) continue;
      const before = this.old.sources[file];
      const cached = this.entry(file, before, (bytes) => {
        if (bytes.length > MAX_SOURCE_BYTES) return noPackedFacts();
        const facts = pack(factsOf(file, bytes.toString('utf8'), this.grammar));
        return facts.broken && before?.facts.broken === false ? before.facts : facts;
      });
      if (cached === null) continue;
      this.fresh.sources[file] = cached;
      if (this.isNew(file, cached)) yield { file, stamp: cached.stamp, facts: cached.facts };
    }
  }

  private *beams({ ebins, roots }: Layout): Generator<Found<IndexedBeam>> {
    const found = newest(ebins);
    const modules = new Set(found.map(({ atom }) => atom));
    for (const { file, app, own } of found) {
      if (!this.isMine(file)) continue;
      const cached = this.entry(file, this.old.beams[file], (bytes) => {
        if (bytes.length > MAX_BEAM_BYTES) return null;
        try {
          return edgesOf(readBeam(bytes, (atom) => modules.has(atom)));
        } catch (error) {
          // The compiler may be writing it right now; it will be told when it is done.
          this.troubles.push(`${file} cannot be read: ${String(error)}`);
          return null;
        }
      });
      if (cached === null) continue;
      this.fresh.beams[file] = cached;
      if (own && isLeftOver(cached.facts, roots)) this.seen.delete(file);
      else if (this.isNew(file, cached)) yield { file, stamp: cached.stamp, facts: { ...cached.facts, app, own } };
    }
  }

  /** What the cache has of the file where it still holds; otherwise what `read` makes of it. Null: it cannot be had. */
  private entry<Facts>(
    file: string,
    before: Cached<Facts> | undefined,
    read: (bytes: Buffer) => Facts | null,
  ): Cached<Facts> | null {
    try {
      const { size, mtimeMs } = statSync(file);
      const stamp = stampOf(size, mtimeMs);
      if (before?.stamp === stamp && mtimeMs < this.old.writtenAt - RACY_MS) {
        this.seen.add(file);
        return before;
      }
      const known = this.request.known.get(file) === stamp && mtimeMs < Date.now() - RACY_MS;
      if (known && before === undefined && this.request.storageDir === null) {
        this.seen.add(file);
        return null;
      }
      const bytes = readFileSync(file);
      const hash = hashOf(bytes);
      const facts = before?.hash === hash ? before.facts : read(bytes);
      if (facts === null) return null;
      this.changed ||= before?.hash !== hash || before.stamp !== stamp;
      this.seen.add(file);
      return { stamp, hash, facts };
    } catch (error) {
      if (!isMissing(error)) this.troubles.push(`${file} cannot be read: ${String(error)}`);
      return null;
    }
  }

  private isMine(file: string): boolean {
    let sum = 0;
    for (let at = 0; at < file.length; at++) sum = (sum * 31 + file.charCodeAt(at)) | 0;
    return (sum >>> 0) % SHARDS === this.request.shard;
  }

  private isNew(file: string, { stamp }: Cached<unknown>): boolean {
    return this.request.known.get(file) !== stamp;
  }

  private keep(): void {
    const { storageDir } = this.request;
    const count = ({ sources, beams }: CacheContent): number => Object.keys(sources).length + Object.keys(beams).length;
    if (storageDir === null || (!this.changed && count(this.old) === count(this.fresh))) return;
    try {
      writeCache(storageDir, this.request.shard, this.fresh);
    } catch (error) {
      this.troubles.push(`The index cannot be kept in ${storageDir}: ${String(error)}`);
    }
  }
}

function* parcels<Item>(items: Iterable<Item>): Generator<Item[]> {
  let parcel: Item[] = [];
  for (const item of items) {
    parcel.push(item);
    if (parcel.length < PARCEL) continue;
    yield parcel;
    parcel = [];
  }
  if (parcel.length > 0) yield parcel;
}

function edgesOf(beam: BeamFacts): BeamEdges {
  const packer = new EdgePacker();
  const { module } = beam;
  packer.name(module);
  for (const call of beam.calls) packer.edge(module, call, 'call');
  for (const reference of beam.references) packer.edge(module, reference, 'reference');
  for (const behaviour of beam.behaviours) packer.edge(module, behaviour, 'behaviour');
  if (beam.implements !== null) {
    packer.edge(module, beam.implements.protocol, 'protocol');
    packer.edge(beam.implements.protocol, module, 'implementation');
    packer.edge(beam.implements.for, module, 'implementation');
  }
  // The compiler writes paths with forward slashes everywhere.
  const source = beam.source === null ? null : path.normalize(beam.source);
  return { names: packer.names, edges: packer.edges, source };
}

export function stampOf(size: number, mtimeMs: number): string {
  return `${size}:${mtimeMs}`;
}

/** The newest build of each module, whichever environment it is of. */
function newest(ebins: Layout['ebins']): { atom: string; file: string; app: string; own: boolean }[] {
  const best = new Map<string, { atom: string; file: string; app: string; own: boolean; mtime: number }>();
  for (const { dir, app, own } of ebins) {
    for (const name of beamsIn(dir)) {
      const file = path.join(dir, name);
      const mtime = statSync(file, { throwIfNoEntry: false })?.mtimeMs;
      const atom = name.slice(0, -'.beam'.length);
      const key = `${app}/${atom}`;
      if (mtime !== undefined && mtime > (best.get(key)?.mtime ?? -1)) best.set(key, { atom, file, app, own, mtime });
    }
  }
  return [...best.values()];
}

function beamsIn(dir: string): string[] {
  try {
    return readdirSync(dir).filter((name) => name.endsWith('.beam'));
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** Mix takes the beams of a deleted source away in the environment that is compiled next, and leaves them in the others. */
function isLeftOver({ source }: { source: string | null }, roots: readonly Root[]): boolean {
  return source !== null && roots.some(({ dir }) => isInside(source, dir)) && !existsSync(source);
}
