// The tree of the test explorer: projects, files, and what the index finds in them. Runs nothing.
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { TestNode } from '../../protocol/server';
import type { Server } from '../client';
import { projectOf } from '../debug/workspace';
import type { Log } from '../log';

export const TEST_FILES = '**/test/**/*_test.exs';
const NOT_OURS = '**/{deps,_build,node_modules,.git,.elixir_ls}/**';
const MAX_FILES = 20_000;
/** ms after the last keystroke until a file's tests are read again. */
const QUIET = 400;

/** In the id of an item that no source names. */
const MADE = '#made ';

/** What an item of the tree stands for. */
export type Subject =
  | { kind: 'project'; project: string }
  | { kind: 'file'; project: string; file: string }
  | { kind: TestNode['kind']; project: string; file: string; line: number; module: string; name: string };

export class TestTree implements vscode.Disposable {
  readonly #subjects = new WeakMap<vscode.TestItem, Subject>();
  readonly #files = new Map<string, vscode.TestItem>();
  readonly #resolved = new Set<string>();
  readonly #disposables: { dispose(): unknown }[] = [];
  #timer: NodeJS.Timeout | undefined;
  readonly #edited = new Set<string>();
  readonly #read = new vscode.EventEmitter<void>();
  /** The tests of a file were read. */
  readonly onDidRead = this.#read.event;

  constructor(
    private readonly controller: vscode.TestController,
    private readonly server: Pick<Server, 'request'>,
    private readonly log: Log,
  ) {
    const watcher = vscode.workspace.createFileSystemWatcher(TEST_FILES);
    this.#disposables.push(
      this.#read,
      watcher,
      watcher.onDidCreate((uri) => void this.#add([uri])),
      watcher.onDidDelete((uri) => this.#remove(uri)),
      watcher.onDidChange((uri) => this.#changed(uri)),
      vscode.workspace.onDidChangeTextDocument(({ document }) => this.#changed(document.uri)),
      vscode.workspace.onDidOpenTextDocument((document) => {
        const item = this.#files.get(document.uri.toString());
        if (item !== undefined) void this.resolve(item);
      }),
      vscode.workspace.onDidChangeWorkspaceFolders(() => void this.refresh()),
    );
  }

  dispose(): void {
    clearTimeout(this.#timer);
    for (const disposable of this.#disposables) disposable.dispose();
  }

  subject(item: vscode.TestItem): Subject | undefined {
    return this.#subjects.get(item);
  }

  /** The test file's item; undefined where the file is none, or not known yet. */
  file(uri: vscode.Uri): vscode.TestItem | undefined {
    return this.#files.get(uri.toString());
  }

  /** Only running has shown it: a macro made it, or it is an example of a doctest. */
  isMade(item: vscode.TestItem): boolean {
    return item.id.includes(MADE);
  }

  item(id: string): vscode.TestItem | undefined {
    const file = this.#files.get(id.split('#')[0] ?? '');
    return file === undefined ? undefined : [file, ...below(file)].find((item) => item.id === id);
  }

  /** Looks for test files anew. */
  async refresh(token?: vscode.CancellationToken): Promise<void> {
    const found = await vscode.workspace.findFiles(TEST_FILES, NOT_OURS, MAX_FILES, token);
    const there = new Set(found.map((uri) => uri.toString()));
    for (const [key, item] of [...this.#files]) if (!there.has(key) && item.uri !== undefined) this.#remove(item.uri);
    await this.#add(found);
    // Gutter buttons of what is open need its tests at once.
    const open = vscode.workspace.textDocuments.flatMap(({ uri }) => this.#files.get(uri.toString()) ?? []);
    await Promise.all(open.map((item) => this.resolve(item)));
  }

  /** Reads the tests of a file, or of all files below a project. */
  async resolve(item: vscode.TestItem): Promise<void> {
    const subject = this.#subjects.get(item);
    if (subject?.kind === 'project') {
      await Promise.all([...values(item.children)].map((child) => this.resolve(child)));
    } else if (subject?.kind === 'file') {
      await this.#readTests(item, subject.project, subject.file);
    }
  }

  /** The test that ExUnit reports, made where a macro wrote it; undefined for a file outside of the workspace. */
  find(place: {
    file: string;
    line: number;
    module: string;
    name: string;
    doctest: boolean;
  }): vscode.TestItem | undefined {
    const file = this.#files.get(vscode.Uri.file(place.file).toString());
    if (file === undefined) return undefined;
    const all = [...below(file)];
    const same = (item: vscode.TestItem): boolean => {
      const subject = this.#subjects.get(item);
      return (
        subject !== undefined &&
        'line' in subject &&
        subject.line === place.line &&
        subject.kind === (place.doctest ? 'doctest' : 'test')
      );
    };
    const known = all.filter(same);
    // Several tests stand on one line when a macro or a comprehension makes them, and each doctest has many examples.
    const [only] = known;
    if (only !== undefined && known.length === 1 && !place.doctest && place.name.endsWith(` ${only.label}`))
      return only;
    const parent = known[0] ?? all.find((item) => this.#isModule(item, place.module)) ?? file;
    return this.#made(parent, file, place);
  }

  #isModule(item: vscode.TestItem, module: string): boolean {
    const subject = this.#subjects.get(item);
    return subject?.kind === 'module' && subject.module === module;
  }

  #made(
    parent: vscode.TestItem,
    file: vscode.TestItem,
    place: { file: string; line: number; module: string; name: string; doctest: boolean },
  ): vscode.TestItem {
    const id = `${file.id}${MADE}${place.module} ${place.name}`;
    const before = parent.children.get(id);
    if (before !== undefined) return before;
    const item = this.controller.createTestItem(id, place.name.replace(/^(test|doctest) /, ''), file.uri);
    item.range = lineRange(place.line, place.line);
    const { project = path.dirname(place.file) } = this.#subjects.get(file) ?? {};
    const kind = place.doctest ? 'doctest' : 'test';
    this.#subjects.set(item, {
      kind,
      project,
      file: place.file,
      line: place.line,
      module: place.module,
      name: place.name,
    });
    parent.children.add(item);
    return item;
  }

  async #add(uris: readonly vscode.Uri[]): Promise<void> {
    const placed = await Promise.all(
      uris.map(async (uri) => {
        const top = vscode.workspace.getWorkspaceFolder(uri)?.uri.fsPath;
        const project = top === undefined ? undefined : await projectOf(path.dirname(uri.fsPath), top);
        return { uri, project };
      }),
    );
    for (const { uri, project } of placed) {
      // A test without a mix project cannot be run by mix.
      if (project === undefined || this.#files.has(uri.toString())) continue;
      const inside = path.relative(project, uri.fsPath).split(path.sep).join('/');
      const item = this.controller.createTestItem(uri.toString(), inside.replace(/^test\//, ''), uri);
      item.canResolveChildren = true;
      this.#subjects.set(item, { kind: 'file', project, file: uri.fsPath });
      this.#files.set(uri.toString(), item);
      this.#projectItem(project).children.add(item);
    }
  }

  #projectItem(project: string): vscode.TestItem {
    const id = vscode.Uri.file(project).toString();
    const known = this.controller.items.get(id);
    if (known !== undefined) return known;
    const item = this.controller.createTestItem(id, path.basename(project), vscode.Uri.file(project));
    this.#subjects.set(item, { kind: 'project', project });
    this.controller.items.add(item);
    return item;
  }

  #remove(uri: vscode.Uri): void {
    const item = this.#files.get(uri.toString());
    if (item === undefined) return;
    this.#files.delete(uri.toString());
    this.#resolved.delete(uri.toString());
    const parent = item.parent;
    parent?.children.delete(item.id);
    if (parent?.children.size === 0) this.controller.items.delete(parent.id);
  }

  #changed(uri: vscode.Uri): void {
    if (!this.#resolved.has(uri.toString())) return;
    this.#edited.add(uri.toString());
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      for (const key of this.#edited) {
        const item = this.#files.get(key);
        if (item !== undefined) void this.resolve(item);
      }
      this.#edited.clear();
    }, QUIET);
  }

  async #readTests(item: vscode.TestItem, project: string, file: string): Promise<void> {
    const uri = vscode.Uri.file(file);
    item.busy = true;
    try {
      const { tests } = await this.server.request('coordination/tests', { uri: uri.toString() });
      this.#resolved.add(uri.toString());
      const made = [...below(item)].flatMap((child) =>
        this.isMade(child) && child.parent ? [{ child, parent: child.parent.id }] : [],
      );
      item.children.replace(tests.map((node) => this.#itemOf(node, uri, { project, file, module: node.name })));
      // What only running has shown keeps its place and its result as long as the source keeps its parent.
      const parents = new Map([item, ...below(item)].map((each) => [each.id, each]));
      for (const { child, parent } of made) parents.get(parent)?.children.add(child);
      item.error = undefined;
      this.#read.fire();
    } catch (error) {
      // The file itself can still be run as a whole.
      this.log.warn('tests.read', String(error));
      item.error = vscode.l10n.t('The tests of this file are not known: the coordination server does not answer.');
    } finally {
      item.busy = false;
    }
  }

  #itemOf(node: TestNode, uri: vscode.Uri, place: { project: string; file: string; module: string }): vscode.TestItem {
    const label = node.kind === 'doctest' ? `doctest ${node.name}` : node.name;
    const item = this.controller.createTestItem(
      `${uri.toString()}#${node.kind} ${place.module} ${node.id}`,
      label,
      uri,
    );
    item.range = lineRange(node.line, node.endLine);
    this.#subjects.set(item, { ...place, kind: node.kind, line: node.line, name: node.name });
    const inside = (child: TestNode): typeof place =>
      child.kind === 'module' ? { ...place, module: child.name } : place;
    item.children.replace(node.children.map((child) => this.#itemOf(child, uri, inside(child))));
    return item;
  }
}

export function* values(items: vscode.TestItemCollection): Generator<vscode.TestItem> {
  for (const [, item] of items) yield item;
}

/** The item's descendants, parents first. */
export function* below(item: vscode.TestItem): Generator<vscode.TestItem> {
  for (const child of values(item.children)) {
    yield child;
    yield* below(child);
  }
}

function lineRange(line: number, endLine: number): vscode.Range {
  return new vscode.Range(Math.max(0, line - 1), 0, Math.max(0, endLine - 1), Number.MAX_SAFE_INTEGER);
}
