// Finds the operating system processes of a test session by a mark in their environment, however they were started or
// orphaned. Ends only processes that carry the mark.
import { readFileSync, readdirSync } from 'node:fs';

export const SESSION_MARK = 'ECD_TEST_SESSION';

export function marked(mark: string): Record<string, string> {
  return { [SESSION_MARK]: mark };
}

/** Living processes with that mark. Without /proc (not Linux) there is nothing to look at, and so none is found. */
export function markedProcesses(mark: string): { pid: number; command: string }[] {
  const wanted = `${SESSION_MARK}=${mark}`;
  return pids().flatMap((pid) => {
    try {
      if (!readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(wanted)) return [];
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      // epmd is a daemon of the Erlang installation that serves all nodes of the machine and stays by design.
      return command === '' || /(^|\/)epmd /.test(command) ? [] : [{ pid, command: command.slice(0, 200) }];
    } catch {
      return []; // It ended while we looked.
    }
  });
}

export function endMarked(mark: string): void {
  for (const { pid } of markedProcesses(mark)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  }
}

function pids(): number[] {
  try {
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => pid > 0 && pid !== process.pid);
  } catch {
    return [];
  }
}
