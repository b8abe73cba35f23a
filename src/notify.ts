// How commands tell the user what they did or why they could not: one sentence, once, with at most one button. Never modal.
import * as vscode from 'vscode';
import { ServerDown } from './client';
import { COMMANDS } from './contributions';

/** ms that a sentence stands in the status bar. */
const SAID = 6_000;

/** The button below a notice: what it says and what it does. */
export interface NextStep {
  title: string;
  run: () => unknown;
}

/** What the user can mend, said as it is, with the next step to take. */
export class Trouble extends Error {
  constructor(
    message: string,
    readonly next?: NextStep,
  ) {
    super(message);
    this.name = 'Trouble';
  }
}

/** Done, and seen to be done: a sentence in the status bar. */
export function say(text: string): string {
  vscode.window.setStatusBarMessage(text, SAID);
  return text;
}

/** Done, and there is something to look at. Does not wait for the user. */
export function offer(text: string, next: NextStep): string {
  void answered(vscode.window.showInformationMessage(text, next.title), next);
  return text;
}

/** Not done. Does not wait for the user. */
export function complain(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const next = nextStep(error);
  void answered(vscode.window.showErrorMessage(text, next.title), next);
  return text;
}

function nextStep(error: unknown): NextStep {
  if (error instanceof Trouble && error.next !== undefined) return error.next;
  if (error instanceof ServerDown) return runs(vscode.l10n.t('Restart Server'), COMMANDS.restartServer);
  return runs(vscode.l10n.t('Show Log'), COMMANDS.showLog);
}

export function runs(title: string, command: string, ...args: unknown[]): NextStep {
  return { title, run: () => vscode.commands.executeCommand(command, ...args) };
}

/** A button whose work fails is a failure like any other. */
async function answered(choice: Thenable<string | undefined>, { title, run }: NextStep): Promise<void> {
  try {
    if ((await choice) === title) await run();
  } catch (error) {
    complain(error);
  }
}

/**
 * A command that always ends with one sentence: what it did, or why it could not. Gives that sentence to who calls it;
 * undefined when the user thought better of it.
 */
export function command(
  id: string,
  run: (...given: unknown[]) => Promise<string | undefined> | string | undefined,
): vscode.Disposable {
  return vscode.commands.registerCommand(id, async (...given: unknown[]) => {
    try {
      return await run(...given);
    } catch (error) {
      return complain(error);
    }
  });
}
