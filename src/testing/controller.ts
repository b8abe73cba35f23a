// The test explorer: Run, Debug and Coverage of ExUnit tests. Shows no tree where another extension already does.
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { Server } from '../client';
import type { Config } from '../config';
import { INTERNAL_COMMANDS } from '../contributions';
import type { Log } from '../log';
import { Coverage, statementsOf } from './coverage';
import { leaves, Outcomes } from './outcomes';
import { ReportServer } from './reportServer';
import { runsOf, type Chosen } from './selection';
import { mixTest, type Ended } from './session';
import { TestLenses } from './lenses';
import { TEST_FILES, TestTree, values } from './tree';

/** Extensions that show a tree of ExUnit tests themselves. */
const OTHERS = ['jakebecker.elixir-ls', 'elixir-lsp.elixir-ls'] as const;

type Mode = 'run' | 'debug' | 'coverage';

export interface TestingParts {
  extensionPath: string;
  server: Pick<Server, 'request'>;
  config: Config;
  log: Log;
}

/** Shows or hides the tree as the setting and the other extensions say, now and whenever that changes. */
export function registerTesting(parts: TestingParts): vscode.Disposable {
  let explorer: TestExplorer | undefined;
  const update = (): void => {
    const wanted = isWanted(parts.config.testExplorer());
    if (wanted && explorer === undefined) explorer = new TestExplorer(parts);
    if (!wanted) {
      explorer?.dispose();
      explorer = undefined;
    }
  };
  update();
  return vscode.Disposable.from(
    vscode.extensions.onDidChange(update),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration('elixirLS.coordinatedInterpretation.testExplorer')) update();
    }),
    { dispose: () => explorer?.dispose() },
  );
}

function isWanted(setting: 'auto' | 'on' | 'off'): boolean {
  if (setting !== 'auto') return setting === 'on';
  return OTHERS.every((id) => vscode.extensions.getExtension(id) === undefined);
}

class TestExplorer implements vscode.Disposable {
  readonly #controller = vscode.tests.createTestController('elixirCoordinatedDebugger.tests', 'ExUnit');
  readonly #tree: TestTree;
  readonly #disposables: { dispose(): unknown }[] = [this.#controller];

  constructor(private readonly parts: TestingParts) {
    const controller = this.#controller;
    this.#tree = new TestTree(controller, parts.server, parts.log);
    controller.resolveHandler = (item) => (item === undefined ? this.#tree.refresh() : this.#tree.resolve(item));
    controller.refreshHandler = (token) => this.#tree.refresh(token);
    const profile = (mode: Mode, label: string, kind: vscode.TestRunProfileKind): vscode.TestRunProfile =>
      controller.createRunProfile(label, kind, (request, token) => this.#run(mode, request, token), true);
    profile('run', vscode.l10n.t('Run'), vscode.TestRunProfileKind.Run);
    profile('debug', vscode.l10n.t('Debug'), vscode.TestRunProfileKind.Debug);
    const coverage = profile('coverage', vscode.l10n.t('Run with Coverage'), vscode.TestRunProfileKind.Coverage);
    coverage.loadDetailedCoverage = (_run, file) => Promise.resolve(statementsOf(file));
    const lenses = new TestLenses(this.#tree, () => parts.config.server().codeLenses);
    this.#disposables.push(
      this.#tree,
      lenses,
      vscode.languages.registerCodeLensProvider({ language: 'elixir', pattern: TEST_FILES }, lenses),
      vscode.commands.registerCommand(INTERNAL_COMMANDS.runTest, (id: unknown) => this.#runOne('run', id)),
      vscode.commands.registerCommand(INTERNAL_COMMANDS.debugTest, (id: unknown) => this.#runOne('debug', id)),
    );
    void this.#tree.refresh();
  }

  dispose(): void {
    for (const disposable of this.#disposables) disposable.dispose();
  }

  /** What a code lens asks for, by the id of its item. */
  async #runOne(mode: Mode, id: unknown): Promise<void> {
    const item = typeof id === 'string' ? this.#tree.item(id) : undefined;
    if (item === undefined) {
      void vscode.window.showWarningMessage(
        vscode.l10n.t('This test is not known any more; save the file and try again.'),
      );
      return;
    }
    const never = new vscode.CancellationTokenSource();
    await this.#run(mode, new vscode.TestRunRequest([item]), never.token).finally(() => never.dispose());
  }

  async #run(mode: Mode, request: vscode.TestRunRequest, token: vscode.CancellationToken): Promise<void> {
    const run = this.#controller.createTestRun(request);
    // Stopped in the view of the results, also where no view started it.
    const stop = new vscode.CancellationTokenSource();
    const listeners = [token, run.token].map((each) => each.onCancellationRequested(() => stop.cancel()));
    const coverage = new Coverage();
    try {
      const items = await this.#chosen(request);
      const outcomes = new Outcomes(run, this.#tree, (report) => coverage.hear(report));
      outcomes.expect(items.flatMap(leaves));
      let trouble: string | undefined;
      for (const { project, args } of runsOf(items.flatMap((item) => this.#places(item)))) {
        if (stop.token.isCancellationRequested) break;
        trouble = await this.#runProject(mode, project, args, { run, token: stop.token, outcomes });
      }
      outcomes.end(stop.token.isCancellationRequested ? undefined : trouble);
      coverage.addTo(run);
      if (coverage.missing) {
        run.appendOutput(`${vscode.l10n.t('No coverage: this Erlang has no "tools" application.')}\r\n`);
      }
    } finally {
      run.end();
      for (const listener of listeners) listener.dispose();
      stop.dispose();
    }
  }

  /** Why nothing ran, if so. */
  async #runProject(
    mode: Mode,
    project: string,
    args: string[],
    { run, token, outcomes }: { run: vscode.TestRun; token: vscode.CancellationToken; outcomes: Outcomes },
  ): Promise<string | undefined> {
    const { log } = this.parts;
    const before = outcomes.suites;
    const reports = await ReportServer.listen(
      (report) => outcomes.hear(report),
      (why) => log.warn('tests.report', why),
    );
    let ended: Ended;
    try {
      const reporter = path.join(this.parts.extensionPath, 'dist', 'testing', 'exunit_reporter.ex');
      const { address } = reports;
      const debug = mode === 'debug';
      ended = await mixTest({ project, args, reporter, address, debug, coverage: mode === 'coverage', run, token });
    } finally {
      await reports.close();
    }
    if (outcomes.suites > before) return undefined;
    const tail = ended.tail.trim();
    return tail === '' ? vscode.l10n.t('mix test ended before the first test.') : tail;
  }

  /** What to run, without what is excluded: a parent with something excluded is replaced by its children. */
  async #chosen(request: vscode.TestRunRequest): Promise<vscode.TestItem[]> {
    const items = request.include ?? [...values(this.#controller.items)];
    // Results find their items only where the tests of the files are known.
    await Promise.all(items.map((item) => this.#tree.resolve(item)));
    const excluded = new Set(request.exclude ?? []);
    const without = (item: vscode.TestItem): vscode.TestItem[] => {
      if (excluded.has(item)) return [];
      if (![...excluded].some((inside) => isBelow(inside, item))) return [item];
      return [...values(item.children)].flatMap(without);
    };
    return items.flatMap(without);
  }

  #places(item: vscode.TestItem): Chosen[] {
    const subject = this.#tree.subject(item);
    if (subject === undefined) return [];
    switch (subject.kind) {
      case 'project':
      case 'file':
        return [subject];
      case 'module':
        // A line selects one test or describe block, a module's line none.
        return [...values(item.children)].flatMap((child) => this.#places(child));
      case 'describe':
      case 'test':
      case 'doctest':
        return [subject];
    }
  }
}

function isBelow(item: vscode.TestItem, ancestor: vscode.TestItem): boolean {
  for (let at = item.parent; at !== undefined; at = at.parent) if (at === ancestor) return true;
  return false;
}
