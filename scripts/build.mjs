// Builds dist/: the three programs, the dashboard's page, the agent's Erlang sources, and with --tests the tests. Must not need the network.
import { build, context } from 'esbuild';
import { cp, mkdir, rm } from 'node:fs/promises';
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import path from 'node:path';

const root = fileURLToPath(new URL('..', import.meta.url));
const watch = process.argv.includes('--watch');
const tests = process.argv.includes('--tests');

/** @type {import('esbuild').BuildOptions} */
const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  sourcemap: true,
  sourcesContent: true,
  legalComments: 'none',
  logLevel: 'warning',
};

const programs = {
  extension: 'src/extension.ts',
  server: 'server/main.ts',
  scanWorker: 'server/index/scanWorker.ts',
  adapter: 'adapter/main.ts',
};
const parser = path.join(root, 'node_modules', 'web-tree-sitter');
const jobs = Object.entries(programs)
  .filter(([, entry]) => existsSync(path.join(root, entry)))
  .map(([name, entry]) => ({
    ...common,
    entryPoints: { [name]: entry },
    outdir: 'dist',
    external: ['vscode'],
    // Its other build asks for `import.meta.url`, which a CommonJS bundle has not.
    alias: { 'web-tree-sitter': path.join(parser, 'web-tree-sitter.cjs') },
  }));

// The dashboard's page runs in a webview, which has no other file of ours to load and no place to look for a map.
jobs.push({
  ...common,
  platform: 'browser',
  format: 'iife',
  target: 'es2022',
  sourcemap: false,
  minify: true,
  jsx: 'automatic',
  jsxImportSource: 'preact',
  entryPoints: { dashboard: 'media/dashboard/main.tsx' },
  outdir: 'dist',
});

if (tests) {
  jobs.push({
    ...common,
    entryPoints: ['test', 'bench'].flatMap((folder) =>
      readdirSync(path.join(root, folder), { recursive: true })
        .map((file) => path.join(folder, String(file)))
        .filter((file) => file.endsWith('.ts') && !file.includes(`${path.sep}fixtures${path.sep}`)),
    ),
    outdir: 'dist/tests',
    outbase: '.',
    packages: 'external',
    external: ['vscode'],
  });
}

if (watch) {
  for (const job of jobs) await (await context(job)).watch();
} else {
  await Promise.all(jobs.map((job) => build(job)));
}

// The agent is compiled on the user's machine, for the user's OTP; here its sources are only laid out.
const agent = path.join(root, 'dist', 'agent');
await rm(agent, { recursive: true, force: true });
await mkdir(agent, { recursive: true });
for (const part of ['src', 'launch']) {
  const from = path.join(root, 'adapter', 'agent', part);
  if (existsSync(from)) await cp(from, path.join(agent, part), { recursive: true });
}

// Required into the VM that runs the user's tests, where only Elixir compiles it.
await cp(
  path.join(root, 'src', 'testing', 'exunit_reporter.ex'),
  path.join(root, 'dist', 'testing', 'exunit_reporter.ex'),
);

// The parser and its grammar are read when the server starts.
await cp(path.join(parser, 'web-tree-sitter.wasm'), path.join(root, 'dist', 'web-tree-sitter.wasm'));
const grammar = path.join(root, 'node_modules', 'tree-sitter-elixir', 'tree-sitter-elixir.wasm');
await cp(grammar, path.join(root, 'dist', 'tree-sitter-elixir.wasm'));
