// Waiting inside VS Code: for its events, or for a state that events may change. Every wait has a deadline.
import * as vscode from 'vscode';

const PATIENCE = 60_000;

/** The first event that `wanted` accepts. */
export function nextEvent<T>(event: vscode.Event<T>, wanted: (value: T) => boolean, what: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      listener.dispose();
      reject(new Error(`No ${what} within ${PATIENCE} ms`));
    }, PATIENCE);
    const listener = event((value) => {
      if (!wanted(value)) return;
      clearTimeout(timer);
      listener.dispose();
      resolve(value);
    });
  });
}

/** Asks until the answer is there: for states that VS Code announces by no event. */
export async function until<T>(what: string, ask: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > end) throw new Error(`${what} did not happen within ${PATIENCE} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Runs a command that shows a list and accepts the list as it stands; again, later, where that came before its entries. */
export function acceptingList<T>(command: string): Promise<T> {
  let patience = 0;
  return until(`an answer of ${command}`, () => {
    patience += 200;
    return acceptList<T>(command, patience);
  });
}

/** The same once: ms from the command to each try. Gives nothing where the list was accepted without its entries. */
export async function acceptList<T>(command: string, patience: number): Promise<T | undefined> {
  let ended = false;
  const answer = Promise.resolve(vscode.commands.executeCommand<T | undefined>(command));
  void answer.finally(() => (ended = true));
  await until(`the end of ${command}`, async () => {
    await new Promise((resolve) => setTimeout(resolve, patience));
    if (!ended) await vscode.commands.executeCommand('workbench.action.acceptSelectedQuickOpenItem');
    return ended || undefined;
  });
  return answer;
}
