// Where adapters find this server: a unix socket in a folder of its own, or a named pipe on Windows. Opens nothing itself.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, lstatSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';

const PREFIX = 'ecd-pipe-';
const OWNED = /^ecd-pipe-(\d+)-/;
/** `sun_path` of macOS, the shortest of those we run on, with its closing zero. */
const MAX_PATH = 103;
/** Used where the folder for temporary files is too deep for a socket's path. */
const SHORT_TMP = '/tmp';

export interface PipeAddress {
  readonly name: string;
  /** Takes away what the address left on the disk; may be called at exit. */
  remove(): void;
}

export function createAddress(platform = process.platform): PipeAddress {
  if (platform === 'win32') {
    // Windows forgets a pipe with its last handle. Its default descriptor admits other users to read, hence the tokens.
    return { name: `\\\\.\\pipe\\ecd-${process.pid}-${randomBytes(16).toString('hex')}`, remove: () => undefined };
  }
  const base = folderOf(tmpdir());
  sweep(base);
  // mkdtemp makes the folder with mode 0700, so that nobody else can reach the socket.
  const folder = mkdtempSync(path.join(base, `${PREFIX}${process.pid}-`));
  return {
    name: path.join(folder, 'socket'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function folderOf(tmp: string): string {
  const longest = path.join(tmp, `${PREFIX}4194304-XXXXXX`, 'socket');
  return Buffer.byteLength(longest) <= MAX_PATH ? tmp : SHORT_TMP;
}

/** Removes the folders of servers that were killed: ours by owner, and their process is gone. */
function sweep(base: string): void {
  for (const entry of readdirSync(base)) {
    const pid = OWNED.exec(entry)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    const folder = path.join(base, entry);
    try {
      const found = lstatSync(folder);
      if (found.isDirectory() && found.uid === process.getuid?.()) rmSync(folder, { recursive: true, force: true });
    } catch (error) {
      // Another server that starts now sweeps too, and was faster.
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives and is somebody else's.
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}
