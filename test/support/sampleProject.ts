// A fresh copy of the sample project, without build products: those remember where they were built.
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { root } from './paths';

export interface SampleProject {
  folder: string;
  /** The first line of a file that holds the text, 1-based. */
  line: (file: string, text: string) => Promise<number>;
  remove: () => Promise<void>;
}

export async function copySample(): Promise<SampleProject> {
  const parent = await mkdtemp(path.join(tmpdir(), 'ecd-sample-'));
  const folder = path.join(parent, 'sample');
  const filter = (source: string): boolean => path.basename(source) !== '_build';
  await cp(path.join(root, 'demo', 'sample'), folder, { recursive: true, filter });
  const line = async (file: string, text: string): Promise<number> => {
    const lines = (await readFile(path.join(folder, file), 'utf8')).split('\n');
    const found = lines.findIndex((candidate) => candidate.includes(text));
    if (found < 0) throw new Error(`${file} has no line with ${text}`);
    return found + 1;
  };
  return { folder, line, remove: () => rm(parent, { recursive: true, force: true }) };
}
