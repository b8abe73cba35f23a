// What is known of the workspace's code: sources, beams, and the graph that both make. Keeps up with edits and files;
// bulk work runs in a thread of its own. Knows nothing of LSP or sessions.
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { TestNode } from '../../protocol/server';
import type { FunctionFacts, ModuleFacts, Rename, TemplateUse } from './facts';
import { Grammar } from './grammar';
import type { DependencyGraph } from './graph';
import { isInside, isMissing, rootOf, type Root } from './layout';
import { ModuleGraph } from './moduleGraph';
import { OpenFile } from './openFile';
import { EdgePacker, functionsIn, modulesIn, pack, type PackedFacts } from './packed';
import { SHARDS, stampOf, type IndexedBeam, type ScanMessage, type ScanRequest } from './scan';
import { factsOf, isSource, isTemplate, MAX_SOURCE_BYTES } from './sourceReader';
import { aliasesOf, expanded, viewsOf } from './templates';

/** ms without an edit after which the text of an open file is read again; a question about the file does it at once. */
const QUIET_MS = 200;
/** With more files changed at once, as by a checkout, the whole workspace is scanned instead. */
const FEW_FILES = 20;
const SCAN_HEAP_MB = 1024;
/** Folders of builds that sessions named, the newest ones. */
const MAX_BUILDS = 8;

interface IndexedFile {
  /** Null while an editor's text is newer than the disk's. */
  stamp: string | null;
  broken: boolean;
  names: string[];
  /** Packed, with the names above. */
  modules: Int32Array;
  functions: Int32Array;
  /** The functions, once somebody asked for them: most files are never asked about. */
  unpacked?: FunctionFacts[];
  tests: TestNode[];
  uses: TemplateUse[];
  renames: Rename[];
  /** Of a template: the modules it names, as written. */
  calls: string[];
}

export interface IndexOptions {
  /** Folder of the bundles: the parser and the scanning thread's program. */
  programs: string;
  /** Hears of what cannot be read; the rest is indexed all the same. */
  warn: (message: string) => void;
}

export class ProjectIndex {
  private readonly moduleGraph = new ModuleGraph();
  private readonly files = new Map<string, IndexedFile>();
  private readonly templates = new Set<string>();
  private readonly declaredIn = new Map<string, Set<string>>();
  private readonly beams = new Map<string, string>();
  private readonly opened = new Map<string, OpenFile>();
  private readonly dirty = new Map<string, NodeJS.Timeout>();
  private readonly listeners = new Set<() => void>();
  /** Files that changed while a scan runs: what it says of them is old. */
  private readonly touched = new Set<string>();
  /** What the scan said so far: each of its threads meets the same storage folder. */
  private readonly told = new Set<string>();
  private folders: string[] = [];
  private readonly builds = new Set<string>();
  private storageDir: string | null = null;
  private roots: Root[] = [];
  private grammar: Grammar | null = null;
  private scanning: Promise<void> | null = null;
  private wanted = false;
  private scanned = false;
  private readonly workers = new Set<Worker>();
  private disposed = false;

  constructor(private readonly options: IndexOptions) {}

  get graph(): DependencyGraph {
    return this.moduleGraph;
  }

  /** Resolves when everything was looked at once. `storageDir`: where the index is kept for the next window, if anywhere. */
  async open(folders: readonly string[], storageDir: string | null): Promise<void> {
    this.folders = [...folders];
    this.storageDir = storageDir;
    await Promise.all([this.loadGrammar(), this.refresh()]);
    this.flushAll();
  }

  async addFolders(folders: readonly string[]): Promise<void> {
    this.folders.push(...folders.filter((folder) => !this.folders.includes(folder)));
    await this.refresh();
  }

  async removeFolder(folder: string): Promise<void> {
    this.folders = this.folders.filter((each) => each !== folder);
    await this.refresh();
  }

  /** More folders of build products count from the next scan on. */
  addBuilds(builds: readonly string[]): void {
    for (const build of builds) {
      this.builds.delete(build);
      this.builds.add(build);
    }
    for (const [oldest] of this.builds.entries()) if (this.builds.size > MAX_BUILDS) this.builds.delete(oldest);
  }

  /** Looks at all files and beams again. Asked for while that goes on, it goes on once more. */
  refresh(): Promise<void> {
    this.wanted = true;
    this.scanning ??= this.scanWhileWanted().finally(() => (this.scanning = null));
    return this.scanning;
  }

  /** The text of a file in an editor: it counts from now on, and not the disk's. */
  update(file: string, text: string): void {
    if (!isSource(file)) return;
    const open = this.opened.get(file);
    if (text.length > MAX_SOURCE_BYTES) {
      this.forgetEditor(file);
      this.remove(file);
      return;
    }
    if (open === undefined) this.opened.set(file, new OpenFile(file, text));
    else open.text = text;
    clearTimeout(this.dirty.get(file));
    this.dirty.set(file, setTimeout(() => this.flush(file), QUIET_MS).unref());
  }

  /** The editor is gone, and unsaved text with it: the file on disk counts again. */
  async close(file: string): Promise<void> {
    this.forgetEditor(file);
    await this.readFromDisk(file);
  }

  /** Tells of files that were written or deleted. Those in an editor are left to the editor. */
  async changedOnDisk(changes: readonly { file: string; deleted: boolean }[]): Promise<void> {
    const sources = changes.filter(({ file }) => isSource(file));
    const projects = sources.some(({ file }) => path.basename(file) === 'mix.exs');
    if (sources.length > FEW_FILES) return this.refresh();
    for (const { file, deleted } of sources) if (deleted) this.remove(file);
    const written = sources.filter(({ deleted }) => !deleted);
    await Promise.all(written.map(({ file }) => this.readFromDisk(file)));
    const built = changes.some(({ file, deleted }) => !deleted && !isSource(file));
    if (projects || built || this.holdsAny(changes.filter(({ deleted }) => deleted))) await this.refresh();
  }

  /** Of a folder that is gone or was renamed, watchers tell in one, and not file by file. */
  private holdsAny(gone: readonly { file: string }[]): boolean {
    const folders = gone.map(({ file }) => file).filter((file) => !isSource(file));
    const known = folders.length === 0 ? [] : [...this.files.keys(), ...this.beams.keys()];
    return known.some((file) => folders.some((dir) => isInside(file, dir)));
  }

  /** Takes the file's facts from the disk; a file that is gone leaves the index. */
  async readFromDisk(file: string): Promise<void> {
    if (!isSource(file) || this.opened.has(file)) return;
    if (this.isForeign(file)) {
      this.remove(file);
      return;
    }
    this.touched.add(file);
    try {
      const { size, mtimeMs } = await stat(file);
      if (size > MAX_SOURCE_BYTES) {
        this.remove(file);
        return;
      }
      const text = await readFile(file, 'utf8');
      if (this.grammar === null || this.opened.has(file)) return;
      const facts = structuredClone(pack(factsOf(file, text, this.grammar)));
      const known = this.files.get(file);
      if (facts.broken && known?.broken === false) known.stamp = stampOf(size, mtimeMs);
      else this.setFile(file, facts, stampOf(size, mtimeMs));
    } catch (error) {
      this.remove(file);
      if (!isMissing(error)) this.options.warn(`${file} cannot be read: ${String(error)}`);
    }
    this.changed(isTemplate(file));
  }

  remove(file: string): void {
    this.touched.add(file);
    if (this.opened.has(file)) return;
    this.drop(file);
    this.changed(true);
  }

  /** In the order of the text; empty for a file that is not known. */
  modulesOfFile(file: string): readonly ModuleFacts[] {
    this.flush(file);
    return this.modulesIn(file);
  }

  /** The innermost module whose declaration spans the line. */
  moduleAt(file: string, line: number): ModuleFacts | undefined {
    return this.modulesOfFile(file).findLast((each) => each.line <= line && line <= each.endLine);
  }

  /** Where a module is declared; several places for tests and scripts that repeat a name. */
  filesOfModule(module: string): { uri: string; line: number }[] {
    this.flushAll();
    return [...(this.declaredIn.get(module) ?? [])].flatMap((file) =>
      this.modulesIn(file)
        .filter(({ name }) => name === module)
        .map(({ line }) => ({ uri: pathToFileURL(file).href, line })),
    );
  }

  functionsOfFile(file: string): readonly FunctionFacts[] {
    this.flush(file);
    const found = this.files.get(file);
    if (found === undefined) return [];
    found.unpacked ??= functionsIn(found.names, found.functions);
    return found.unpacked;
  }

  /** The innermost function whose clauses span the line. */
  functionAt(file: string, line: number): FunctionFacts | undefined {
    return this.functionsOfFile(file).findLast((each) => each.line <= line && line <= each.endLine);
  }

  testsOf(file: string): readonly TestNode[] {
    this.flush(file);
    return this.files.get(file)?.tests ?? [];
  }

  size(): { indexed: boolean; files: number; modules: number; edges: number } {
    return { indexed: this.scanned, files: this.files.size, ...this.moduleGraph.size };
  }

  /** Calls after each change, a scan's in one; gives what ends it. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  async dispose(): Promise<void> {
    this.disposed = true;
    this.listeners.clear();
    for (const file of [...this.opened.keys()]) this.forgetEditor(file);
    await Promise.all([...this.workers].map((worker) => worker.terminate()));
    this.grammar?.delete();
    this.grammar = null;
  }

  private async loadGrammar(): Promise<void> {
    try {
      const grammar = await Grammar.load(this.options.programs);
      if (this.disposed) grammar.delete();
      else this.grammar = grammar;
    } catch (error) {
      this.options.warn(`Edits are not followed, because the parser cannot be loaded: ${String(error)}`);
    }
  }

  private async scanWhileWanted(): Promise<void> {
    while (this.wanted && !this.disposed) {
      this.wanted = false;
      this.touched.clear();
      this.told.clear();
      await this.scan();
    }
    if (this.scanned) return;
    this.scanned = true;
    this.changed(false);
  }

  /** One scan, in threads of its own. What cannot be scanned is told, and the index stays as far as it came. */
  private async scan(): Promise<void> {
    const known = new Map(this.beams);
    for (const [file, { stamp }] of this.files) known.set(file, stamp ?? '');
    const { folders, storageDir } = this;
    const builds = [...this.builds];
    const shards = Array.from({ length: SHARDS }, (_, shard) =>
      this.scanShard({ folders, builds, storageDir, known, shard }),
    );
    await Promise.all(shards);
  }

  private scanShard(request: ScanRequest): Promise<void> {
    return new Promise((resolve) => {
      const worker = new Worker(path.join(this.options.programs, 'scanWorker.js'), {
        workerData: request,
        resourceLimits: { maxOldGenerationSizeMb: SCAN_HEAP_MB },
      });
      this.workers.add(worker);
      worker.on('message', (message: ScanMessage) => {
        this.take(message);
        // The rest of the server has its turn before the next parcel is asked for.
        setImmediate(() => worker.postMessage(null));
      });
      worker.on('error', (error) => this.options.warn(`The project cannot be indexed: ${String(error)}`));
      worker.on('exit', () => {
        this.workers.delete(worker);
        resolve();
      });
    });
  }

  private take(message: ScanMessage): void {
    if (this.disposed) return;
    switch (message.kind) {
      case 'roots':
        this.roots = message.roots;
        return;
      case 'sources':
        for (const { file, stamp, facts } of message.files) {
          if (!this.opened.has(file) && !this.touched.has(file)) this.setFile(file, facts, stamp);
        }
        break;
      case 'beams':
        for (const { file, stamp, facts } of message.beams) this.setBeam(file, facts, stamp);
        break;
      case 'done':
        for (const file of message.gone) {
          if (this.beams.delete(file)) this.moduleGraph.delete(file);
          else if (!this.opened.has(file) && !this.touched.has(file)) this.drop(file);
        }
        for (const trouble of message.troubles) this.warnOnce(trouble);
        // The graph grows with each parcel; who listens hears of all of them at once.
        this.changed(true);
        break;
    }
  }

  private warnOnce(trouble: string): void {
    if (this.told.has(trouble)) return;
    this.told.add(trouble);
    this.options.warn(trouble);
  }

  private setFile(file: string, facts: PackedFacts, stamp: string | null): void {
    this.undeclare(file);
    const template = isTemplate(file);
    this.files.set(file, {
      stamp,
      broken: facts.broken,
      names: facts.names.slice(0, facts.declared),
      modules: Int32Array.from(facts.modules),
      functions: Int32Array.from(facts.functions),
      tests: facts.tests,
      uses: facts.templates,
      renames: facts.renames,
      calls: template ? facts.names.slice(1) : [],
    });
    for (const { name } of this.modulesIn(file)) {
      const places = this.declaredIn.get(name);
      if (places === undefined) this.declaredIn.set(name, new Set([file]));
      else places.add(file);
    }
    if (template) {
      this.templates.add(file);
      return;
    }
    const app = rootOf(file, this.roots)?.app ?? null;
    const { names, edges } = facts;
    const modules = facts.modules.filter((_, index) => index % 4 < 2);
    this.moduleGraph.set(file, { origin: 'source', own: !this.isForeign(file), app, file, names, modules, edges });
  }

  private setBeam(file: string, { source, ...facts }: IndexedBeam, stamp: string): void {
    this.beams.set(file, stamp);
    this.moduleGraph.set(file, { ...facts, origin: 'beam', file: source, modules: [0, 0] });
  }

  private drop(file: string): void {
    this.undeclare(file);
    this.files.delete(file);
    this.templates.delete(file);
    this.moduleGraph.delete(file);
  }

  private undeclare(file: string): void {
    for (const { name } of this.modulesIn(file)) {
      const places = this.declaredIn.get(name);
      places?.delete(file);
      if (places?.size === 0) this.declaredIn.delete(name);
    }
  }

  private flush(file: string): void {
    if (this.grammar === null || !this.dirty.has(file)) return;
    clearTimeout(this.dirty.get(file));
    this.dirty.delete(file);
    const facts = this.opened.get(file)?.facts(this.grammar);
    if (facts === undefined || facts === null) return;
    const known = this.files.get(file);
    if (facts.broken && known?.broken === false) {
      known.stamp = null;
      return;
    }
    // A slice of the text would keep all of it in memory: a clone has strings of its own.
    this.setFile(file, structuredClone(pack(facts)), null);
    this.changed(true);
  }

  private flushAll(): void {
    for (const file of [...this.dirty.keys()]) this.flush(file);
  }

  private forgetEditor(file: string): void {
    clearTimeout(this.dirty.get(file));
    this.dirty.delete(file);
    this.opened.get(file)?.close();
    this.opened.delete(file);
  }

  /** Sources of dependencies and other files that are not the project's: known only while an editor shows them. */
  private isForeign(file: string): boolean {
    const root = rootOf(file, this.roots);
    if (root === undefined) return this.scanned;
    return path
      .relative(root.dir, file)
      .split(path.sep)
      .some((part) => part === '_build' || part === 'deps');
  }

  private changed(templates: boolean): void {
    if (templates) this.resolveTemplates();
    for (const listener of this.listeners) listener();
  }

  /** What templates call is called by the modules they are compiled into, whose aliases they see; also those that `use` brings. */
  private resolveTemplates(): void {
    if (this.templates.size === 0) return;
    const uses = [...this.files.values()].flatMap((file) => file.uses);
    const renames = [...this.files.values()].flatMap((file) => file.renames);
    const modulesOf = (file: string): string[] => this.modulesIn(path.normalize(file)).map(({ name }) => name);
    for (const file of this.templates) {
      const calls = this.files.get(file)?.calls ?? [];
      const root = rootOf(file, this.roots);
      const views = viewsOf(file, uses, modulesOf, root?.dir ?? path.dirname(file));
      const packer = new EdgePacker();
      for (const from of views) {
        const aliases = aliasesOf(from, this.moduleGraph, renames);
        for (const written of calls) {
          const to = expanded(written, aliases);
          if (to !== from) packer.edge(from, to, 'template');
        }
      }
      const { names, edges } = packer;
      const app = root?.app ?? null;
      this.moduleGraph.set(file, { origin: 'source', own: true, app, file, names, modules: [], edges });
    }
  }

  private modulesIn(file: string): ModuleFacts[] {
    const found = this.files.get(file);
    return found === undefined ? [] : modulesIn(found.names, found.modules);
  }
}
