// The agent's beams, compiled for benchmarks that run it in a VM of their own. Must not measure.
import { execFile } from 'node:child_process';
import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { root } from './project.js';

/**
 * Compiles one folder of the agent's sources into `folder`, which is made. The agent keeps rows on disk only where the
 * folder of its beams is named as the adapter names it: `ebin`.
 */
export async function compileAgent(folder: string, sources: 'src' | 'src/standin' = 'src'): Promise<string> {
  const from = path.join(root, 'adapter', 'agent', sources);
  await mkdir(folder, { recursive: true });
  const files = (await readdir(from)).filter((name) => name.endsWith('.erl'));
  await promisify(execFile)('erlc', ['-o', folder, ...files.map((name) => path.join(from, name))]);
  return folder;
}
