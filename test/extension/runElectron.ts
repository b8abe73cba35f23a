// Runs the extension-host tests in the desktop VS Code, which it downloads: for machines with open internet.
import { runTests } from '@vscode/test-electron';
import * as path from 'node:path';
import { root } from '../support/paths';
import { copySample } from '../support/sampleProject';

async function main(): Promise<number> {
  const sample = await copySample();
  try {
    return await runTests({
      version: '1.100.3',
      extensionDevelopmentPath: root,
      extensionTestsPath: path.join(root, 'dist', 'tests', 'test', 'extension', 'index.js'),
      launchArgs: [sample.folder, '--disable-extensions', '--disable-workspace-trust'],
    });
  } finally {
    await sample.remove();
  }
}

void main().then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  },
);
