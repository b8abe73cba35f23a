// The per-user folder for what is expensive to find out or to build, and atomic writes into it. Knows no contents.
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { homedir } from 'node:os';
import path from 'node:path';
import type { Environment } from './environment';

const NAME = 'elixir-coordinated-debugger';

export function cacheDir(env: Environment, platform: NodeJS.Platform = process.platform): string {
  const home = homedir();
  if (platform === 'win32') return path.join(env['LOCALAPPDATA'] ?? path.join(home, 'AppData', 'Local'), NAME);
  // The specification ignores a relative XDG_CACHE_HOME.
  const xdg = env['XDG_CACHE_HOME'];
  if (xdg !== undefined && path.isAbsolute(xdg)) return path.join(xdg, NAME);
  return path.join(home, platform === 'darwin' ? 'Library/Caches' : '.cache', NAME);
}

/** A file appears whole or not at all, also when two sessions write it at once. */
export async function writeAtomically(file: string, text: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    await writeFile(draft, text);
    await rename(draft, file);
  } catch (thrown) {
    await rm(draft, { force: true });
    throw thrown;
  }
}
