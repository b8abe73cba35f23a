// Looks whether everything that debugging needs is there, and writes a page with the next step for what is not.
import * as vscode from 'vscode';
import { COMMANDS } from '../contributions';
import { command, say } from '../notify';
import { cell, type Pages } from '../page';
import { checksOf, type Check, type CheckParts, type Finding } from './checks';

type Result = { title: string; findings: Finding[] };

const MARKS: Record<Finding['grade'], string> = { good: '✓', hint: '○', bad: '✗' };

export function registerDoctor(parts: CheckParts & { pages: Pages }): vscode.Disposable {
  return command(COMMANDS.checkEnvironment, () => examine(parts));
}

async function examine({ pages, ...parts }: CheckParts & { pages: Pages }): Promise<string | undefined> {
  const options = {
    location: vscode.ProgressLocation.Notification,
    title: vscode.l10n.t('Checking the environment'),
    cancellable: true,
  };
  const results = await vscode.window.withProgress(options, (progress, token) => {
    const ended = new AbortController();
    token.onCancellationRequested(() => ended.abort());
    return all(checksOf(parts), progress, ended.signal);
  });
  if (results === undefined) return undefined;
  const bad = results.flatMap(({ findings }) => findings).filter(({ grade }) => grade === 'bad').length;
  const verdict =
    bad === 0
      ? vscode.l10n.t('Everything that debugging needs is there.')
      : bad === 1
        ? vscode.l10n.t('One thing is in the way of debugging.')
        : vscode.l10n.t('{0} things are in the way of debugging.', bad);
  await pages.show(vscode.l10n.t('Elixir Debugger Environment'), page(verdict, results));
  // The page says the rest.
  return say(verdict);
}

/** One after the other; undefined when the user cancelled. A check that fails is a finding, and the others go on. */
async function all(
  checks: readonly Check[],
  progress: vscode.Progress<{ message: string; increment: number }>,
  signal: AbortSignal,
): Promise<Result[] | undefined> {
  const results: Result[] = [];
  for (const [at, { title, run }] of checks.entries()) {
    const message = vscode.l10n.t('{0} of {1}: {2}', at + 1, checks.length, title);
    progress.report({ message, increment: 100 / checks.length });
    const findings = await run(signal).catch((error: unknown): Finding[] => [failed(error)]);
    if (signal.aborted) return undefined;
    results.push({ title, findings });
  }
  return results;
}

function failed(error: unknown): Finding {
  const text = error instanceof Error ? error.message : String(error);
  return { grade: 'bad', text, next: vscode.l10n.t('The log says more: "Show Log".') };
}

function page(verdict: string, results: readonly Result[]): string {
  return [
    `# ${vscode.l10n.t('Elixir Debugger Environment')}`,
    `**${verdict}**`,
    ...results.flatMap(({ title, findings }) => [`## ${title}`, findings.map(line).join('\n')]),
    '',
  ].join('\n\n');
}

function line({ grade, text, next }: Finding): string {
  return `- ${MARKS[grade]} ${cell(text)}${next === undefined ? '' : `\n  - **${cell(next)}**`}`;
}
