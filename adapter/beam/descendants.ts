// The processes that a program has started, so that ending the program leaves none of them behind. The BEAM gives each
// external program a session of its own, which no signal to its process group reaches. Starts `ps` where there is no /proc.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

interface Entry {
  pid: number;
  parent: number;
  /** With the pid it names one process for ever: pids are used again. */
  started: string;
}

/** Everything below `pid` now; the function returned kills what of it is still there. */
export function snapshotDescendants(pid: number): () => void {
  if (process.platform === 'win32') return () => undefined;
  const found = below(pid, processTable());
  return () => {
    if (found.length === 0) return;
    const now = processTable();
    for (const { pid: child, started } of found) {
      if (now.some((entry) => entry.pid === child && entry.started === started)) killIfThere(child);
    }
  };
}

export function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (thrown) {
    // Already gone is what was wanted.
    if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'ESRCH')) throw thrown;
  }
}

function below(pid: number, table: readonly Entry[]): Entry[] {
  return table.filter((entry) => entry.parent === pid).flatMap((entry) => [entry, ...below(entry.pid, table)]);
}

function processTable(): Entry[] {
  return existsSync('/proc/self/stat') ? fromProc() : fromPs();
}

function fromProc(): Entry[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    let stat: string;
    try {
      stat = readFileSync(`/proc/${name}/stat`, 'latin1');
    } catch {
      // Ended meanwhile.
      return [];
    }
    // The second field is the program's name in parentheses and may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return [{ pid: Number(name), parent: Number(fields[1]), started: fields[19] ?? '' }];
  });
}

function fromPs(): Entry[] {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid=,lstart='], { encoding: 'utf8' });
  return stdout.split('\n').flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line);
    return match === null ? [] : [{ pid: Number(match[1]), parent: Number(match[2]), started: match[3] ?? '' }];
  });
}
