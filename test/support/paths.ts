// Where things are in this repository. Nothing else.
import { existsSync } from 'node:fs';
import path from 'node:path';

/** The folder with package.json, found upwards from the compiled file, wherever the bundle was put. */
export const root = findRoot(__dirname);

/** Git-ignored: compiled fixtures, the agent compiled for this OTP, chroots of the matrix. */
export const cache = path.join(root, '.cache');

export const fixtures = path.join(root, 'test', 'fixtures');

/** Another build of the adapter can be tested by naming it, e.g. the one unpacked from a package. */
export const adapterProgram = process.env['ECD_TEST_ADAPTER'] ?? path.join(root, 'dist', 'adapter.js');

function findRoot(from: string): string {
  if (existsSync(path.join(from, 'package.json'))) return from;
  const parent = path.dirname(from);
  if (parent === from) throw new Error(`no package.json above ${__dirname}`);
  return findRoot(parent);
}
