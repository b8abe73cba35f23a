// Type-checks every folder with its own tsconfig, so that the walls between programs hold. Writes nothing.
import { existsSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import path from 'node:path';

const root = fileURLToPath(new URL('..', import.meta.url));
const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
let failed = false;
for (const folder of ['protocol', 'server', 'adapter', 'src', 'media', 'test']) {
  const config = path.join(root, folder, 'tsconfig.json');
  if (!existsSync(config)) continue;
  const { status } = spawnSync(process.execPath, [tsc, '-p', config], { stdio: 'inherit' });
  failed ||= status !== 0;
}
process.exit(failed ? 1 : 0);
