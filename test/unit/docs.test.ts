// docs/ against package.json, and its links against the files that are there.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { root } from '../support/paths';

const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
const pages = ['README.md', 'ARCHITECTURE.md', ...readdirSync(path.join(root, 'docs')).map((name) => `docs/${name}`)]
  // Pictures lie there too.
  .filter((name) => name.endsWith('.md'));
const scripts = (JSON.parse(read('package.json')) as { scripts: object }).scripts;

describe('the documentation', () => {
  it('has every setting, argument, snippet and command as package.json has them', () => {
    const { status, stderr } = spawnSync(process.execPath, [path.join(root, 'scripts', 'docs.mjs'), '--check'], {
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
  });

  it('explains each failure that user or client may see', () => {
    const explained = read('docs/troubleshooting.md');
    const missing = [...failureCodes()].filter((code) => !explained.includes(`\`${code}\``));
    assert.deepEqual(missing, []);
  });

  for (const page of pages) {
    const text = read(page);

    it(`${page} links to headings, files and pictures that are there`, () => {
      const targets = [...text.matchAll(/\]\(([^)\s]+)\)|(?:src|srcset)="([^"]+)"/g)]
        .map(([, link, source]) => link ?? source ?? '')
        .filter((target) => !/^[a-z]+:/.test(target));
      for (const target of targets) {
        const [file = '', heading] = target.split('#');
        const linked = file === '' ? page : path.posix.join(path.posix.dirname(page), file);
        assert.ok(existsSync(path.join(root, linked)), `${page} links to ${target}`);
        if (heading !== undefined) assert.ok(headings(linked).includes(heading), `${page} links to ${target}`);
      }
    });

    it(`${page} names only npm scripts that exist`, () => {
      for (const [, name = ''] of text.matchAll(/npm run ([\w:]+)/g)) assert.ok(name in scripts, `${page}: ${name}`);
    });
  }
});

/** Words by which failures are known, from the sources of adapter, agent and server. */
function failureCodes(): Set<string> {
  const sources = ['adapter', 'server'].flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true }).map((name) => path.join(folder, String(name))),
  );
  const thrown: Record<string, RegExp> = {
    '.ts': /Failure\.(?:user|expected)\(\s*'(\w+)'/g,
    '.erl': /(?:ecd_failure:(?:user|expected)|\bfail)\(\s*<<"(\w+)">>/g,
  };
  const codes = sources.flatMap((file) => {
    const pattern = thrown[path.extname(file)];
    return pattern === undefined ? [] : [...read(file).matchAll(pattern)].map(([, code = '']) => code);
  });
  // What the patterns must have found, or they look for the wrong thing.
  for (const known of ['elixirMissing', 'nodeUnreachable', 'evaluateError']) assert.ok(codes.includes(known), known);
  return new Set(codes);
}

/** Anchors of a page, as GitHub makes them of its headings. */
function headings(page: string): string[] {
  return [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
