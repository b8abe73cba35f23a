// One pass over a workspace: what changed in sources and beams since the last one. Blocks; meant for a thread of its own.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { readBeam, type BeamFacts } from './beamFile';
import { hashOf, readCache, writeCache, type Cached } from './cache';
import type { FileFacts } from './facts';
import type { Grammar } from './grammar';
import { isInside, isMissing, layoutOf, type Layout, type Root } from './layout';
import { factsOf, MAX_SOURCE_BYTES } from './sourceReader';
import { noFacts } from './facts';

export interface ScanRequest {
  folders: readonly string[];
  /** Null: nothing is kept on disk. */
  storageDir: string | null;
  /** Stamps of what the index already has, by path: the same again is not told again. */
  known: ReadonlyMap<string, string>;
}

/** The facts of a beam that the index keeps. */
export interface IndexedBeam extends Omit<BeamFacts, 'exports'> {
  app: string;
  own: boolean;
}

export type ScanMessage =
  | { kind: 'roots'; roots: Root[] }
  | { kind: 'sources'; files: { file: string; stamp: string; facts: FileFacts }[] }
  | { kind: 'beams'; beams: { file: string; stamp: string; facts: IndexedBeam }[] }
  /** The last message. `gone`: known paths that are no more. */
  | { kind: 'done'; gone: string[]; troubles: string[] };

interface CacheContent {
  /** ms since the epoch. */
  writtenAt: number;
  sources: Record<string, Cached<FileFacts>>;
  beams: Record<string, Cached<Omit<BeamFacts, 'exports'>>>;
}

/** Facts travel in parcels of this many files, so that the receiving thread is never busy for long. */
const PARCEL = 50;
const MAX_BEAM_BYTES = 64 * 1024 * 1024;
/** A file changed this shortly before it was read may change again without its stamp showing it. */
const RACY_MS = 2_000;

export function scan(request: ScanRequest, grammar: Grammar, tell: (message: ScanMessage) => void): void {
  new Scan(request, grammar, tell).run();
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
    private readonly tell: (message: ScanMessage) => void,
  ) {
    const { storageDir } = request;
    const cache = storageDir === null ? null : readCache(storageDir);
    if (cache?.dropped === true) this.troubles.push('The index on disk was damaged and is built again.');
    this.old = (cache?.content as CacheContent | null | undefined) ?? { writtenAt: 0, sources: {}, beams: {} };
  }

  run(): void {
    const layout = layoutOf(this.request.folders);
    this.troubles.push(...layout.troubles);
    this.tell({ kind: 'roots', roots: layout.roots });
    this.sources(layout);
    this.beams(layout);
    this.keep();
    const gone = [...this.request.known.keys()].filter((file) => !this.seen.has(file));
    this.tell({ kind: 'done', gone, troubles: this.troubles });
  }

  private sources({ sources }: Layout): void {
    const parcel = new Parcel<FileFacts, FileFacts>(PARCEL, (files) => this.tell({ kind: 'sources', files }));
    for (const file of sources) {
      const before = this.old.sources[file];
      const cached = this.entry(file, before, (bytes) => {
        const facts =
          bytes.length > MAX_SOURCE_BYTES ? noFacts() : compact(factsOf(file, bytes.toString('utf8'), this.grammar));
        return facts.broken && before?.facts.broken === false ? before.facts : facts;
      });
      if (cached === null) continue;
      this.fresh.sources[file] = cached;
      if (this.isNew(file, cached)) parcel.add(file, cached.stamp, cached.facts);
    }
    parcel.send();
  }

  private beams({ ebins, roots }: Layout): void {
    const found = newest(ebins);
    const modules = new Set(found.map(({ atom }) => atom));
    const parcel = new Parcel<IndexedBeam, IndexedBeam>(PARCEL, (beams) => this.tell({ kind: 'beams', beams }));
    for (const { file, app, own } of found) {
      const cached = this.entry(file, this.old.beams[file], (bytes) => {
        if (bytes.length > MAX_BEAM_BYTES) return null;
        try {
          const {
            module,
            source,
            calls,
            references,
            behaviours,
            implements: implemented,
          } = readBeam(bytes, (atom) => modules.has(atom));
          return { module, source, calls, references, behaviours, implements: implemented };
        } catch (error) {
          // The compiler may be writing it right now; it will be told when it is done.
          this.troubles.push(`${file} cannot be read: ${String(error)}`);
          return null;
        }
      });
      if (cached === null) continue;
      this.fresh.beams[file] = cached;
      if (own && isLeftOver(cached.facts, roots)) this.seen.delete(file);
      else if (this.isNew(file, cached)) parcel.add(file, cached.stamp, { ...cached.facts, app, own });
    }
    parcel.send();
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

  private isNew(file: string, { stamp }: Cached<unknown>): boolean {
    return this.request.known.get(file) !== stamp;
  }

  private keep(): void {
    const { storageDir } = this.request;
    const count = ({ sources, beams }: CacheContent): number => Object.keys(sources).length + Object.keys(beams).length;
    if (storageDir === null || (!this.changed && count(this.old) === count(this.fresh))) return;
    try {
      writeCache(storageDir, this.fresh);
    } catch (error) {
      this.troubles.push(`The index cannot be kept in ${storageDir}: ${String(error)}`);
    }
  }
}

class Parcel<Facts, Sent extends Facts> {
  private files: { file: string; stamp: string; facts: Sent }[] = [];

  constructor(
    private readonly size: number,
    private readonly deliver: (files: { file: string; stamp: string; facts: Sent }[]) => void,
  ) {}

  add(file: string, stamp: string, facts: Sent): void {
    this.files.push({ file, stamp, facts });
    if (this.files.length >= this.size) this.send();
  }

  send(): void {
    if (this.files.length > 0) this.deliver(this.files);
    this.files = [];
  }
}

export function stampOf(size: number, mtimeMs: number): string {
  return `${size}:${mtimeMs}`;
}

/** Each edge once: where it is written is asked of the source when somebody wants to know. */
export function compact(facts: FileFacts): FileFacts {
  const edges = new Map(facts.edges.map((edge) => [`${edge.from} ${edge.to} ${edge.kind}`, edge]));
  return { ...facts, edges: [...edges.values()] };
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
