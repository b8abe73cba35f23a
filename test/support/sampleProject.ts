// A fresh copy of the sample project, without build products: those remember where they were built.
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { root } from './paths';

export interface SampleProject {
  folder: string;
  remove: () => Promise<void>;
}

export async function copySample(): Promise<SampleProject> {
  const parent = await mkdtemp(path.join(tmpdir(), 'ecd-sample-'));
  const folder = path.join(parent, 'sample');
  const filter = (source: string): boolean => path.basename(source) !== '_build';
  await cp(path.join(root, 'demo', 'sample'), folder, { recursive: true, filter });
  return { folder, remove: () => rm(parent, { recursive: true, force: true }) };
}
