// Line coverage of one test run, as OTP's cover counted it, in the shape that VS Code shows. Counts nothing itself.
import * as vscode from 'vscode';
import type { TestReport } from '../../protocol/testReport';

/** Keeps the lines of a file until the editor asks for them. */
class MeasuredFile extends vscode.FileCoverage {
  constructor(
    uri: vscode.Uri,
    readonly statements: vscode.StatementCoverage[],
  ) {
    super(uri, new vscode.TestCoverageCount(statements.filter(({ executed }) => executed).length, statements.length));
  }
}

export class Coverage {
  /** File → line → how often it ran. Several modules may stand in one file, and several suites may run it. */
  readonly #files = new Map<string, Map<number, number>>();
  /** This Erlang has no cover. */
  missing = false;

  hear({ missing, file, lines }: Extract<TestReport, { event: 'covered' }>): void {
    this.missing ||= missing;
    if (file === '') return;
    const counts = this.#files.get(file) ?? new Map<number, number>();
    this.#files.set(file, counts);
    for (const [line, count] of lines) counts.set(line, (counts.get(line) ?? 0) + count);
  }

  addTo(run: vscode.TestRun): void {
    for (const [file, lines] of this.#files) {
      const statements = [...lines].map(
        ([line, count]) => new vscode.StatementCoverage(count, new vscode.Position(line - 1, 0)),
      );
      // A module whose code is all made by macros has no lines of its own.
      if (statements.length > 0) run.addCoverage(new MeasuredFile(vscode.Uri.file(file), statements));
    }
  }
}

export function statementsOf(file: vscode.FileCoverage): vscode.StatementCoverage[] {
  return file instanceof MeasuredFile ? file.statements : [];
}
