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
