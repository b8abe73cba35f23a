// Turns what ExUnit reports into the results of one test run. Runs nothing.
import * as vscode from 'vscode';
import type { ReportedFailure, TestReport } from '../../protocol/testReport';
import { Repeats } from './repeats';
import { below, type TestTree } from './tree';

type Finished = Extract<TestReport, { event: 'testFinished' }>;

export class Outcomes {
  /** Asked for and without a result so far. */
  readonly #waiting = new Set<vscode.TestItem>();
  readonly #repeats = new Repeats<vscode.TestItem, vscode.TestMessage>();
  suites = 0;
  failed = 0;

  constructor(
    private readonly run: vscode.TestRun,
    private readonly tree: TestTree,
    private readonly covered: (report: Extract<TestReport, { event: 'covered' }>) => void,
  ) {}

  expect(items: Iterable<vscode.TestItem>): void {
    for (const item of items) {
      this.#waiting.add(item);
      this.run.enqueued(item);
    }
  }

  hear(report: TestReport): void {
    switch (report.event) {
      case 'suiteStarted':
        this.suites++;
        return;
      case 'testStarted': {
        const item = this.tree.find(report);
        // Those that a line filter excludes are started, too.
        if (item !== undefined && this.#isWanted(item)) this.run.started(item);
        return;
      }
      case 'testFinished':
        this.#finished(report);
        return;
      case 'moduleFailed':
        this.#moduleFailed(report.file, report.failures);
        return;
      case 'covered':
        this.covered(report);
        return;
      case 'suiteFinished':
        return;
    }
  }

  /** The run is over; what has no result did not run. `trouble`: why nothing ran at all. */
  end(trouble: string | undefined): void {
    for (const item of this.#waiting) {
      if (trouble === undefined) this.run.skipped(item);
      else this.run.errored(item, new vscode.TestMessage(trouble));
    }
    this.#waiting.clear();
  }

  #finished(report: Finished): void {
    // What an invalid test has to say, the failure of its module says, which follows.
    if (report.outcome === 'excluded' || report.outcome === 'invalid') return;
    const item = this.tree.find(report);
    if (item === undefined) return;
    this.#settled(item);
    if (report.outcome !== 'failed' && this.#repeats.hasFailed(item)) return;
    switch (report.outcome) {
      case 'passed':
        this.run.passed(item, report.ms);
        return;
      case 'skipped':
        this.run.skipped(item);
        return;
      case 'failed':
        this.failed++;
        this.run.failed(
          item,
          this.#repeats.failed(
            item,
            report.failures.map((failure) => messageOf(failure, item)),
          ),
          report.ms,
        );
        return;
    }
  }

  #moduleFailed(file: string, failures: readonly ReportedFailure[]): void {
    this.failed++;
    for (const item of [...this.#waiting]) {
      if (item.uri?.fsPath !== file) continue;
      this.run.errored(
        item,
        failures.map((failure) => messageOf(failure, item)),
      );
      this.#waiting.delete(item);
    }
  }

  /** A made item's parent, e.g. a doctest with many examples, has its result with the first of them. */
  #settled(item: vscode.TestItem): void {
    for (let at: vscode.TestItem | undefined = item; at !== undefined; at = at.parent) this.#waiting.delete(at);
  }

  #isWanted(item: vscode.TestItem): boolean {
    for (let at: vscode.TestItem | undefined = item; at !== undefined; at = at.parent) {
      if (this.#waiting.has(at)) return true;
    }
    return false;
  }
}

/** The tests that an item stands for: itself, or those below it that have none below. */
export function leaves(item: vscode.TestItem): vscode.TestItem[] {
  const all = [item, ...below(item)];
  return all.filter(({ children }) => children.size === 0);
}

function messageOf(failure: ReportedFailure, item: vscode.TestItem): vscode.TestMessage {
  const { message, expected, actual } = failure;
  const shown =
    expected === undefined || actual === undefined
      ? new vscode.TestMessage(message)
      : vscode.TestMessage.diff(message, expected, actual);
  shown.stackTrace = failure.stack.map(({ text, file, line }) =>
    file === undefined
      ? new vscode.TestMessageStackFrame(text)
      : new vscode.TestMessageStackFrame(text, vscode.Uri.file(file), position(line)),
  );
  // In the test's own file if the stack passes there: that is the line of the assertion.
  const here = failure.stack.find(({ file }) => file !== undefined && file === item.uri?.fsPath);
  if (item.uri !== undefined) {
    shown.location = new vscode.Location(item.uri, here === undefined ? (item.range ?? START) : position(here.line));
  }
  return shown;
}

const START = new vscode.Position(0, 0);

function position(line: number | undefined): vscode.Position {
  return new vscode.Position(Math.max(0, (line ?? 1) - 1), 0);
}
