// docs/ against package.json, and its links against the files that are there.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { root } from '../support/paths';

const pages = ['README.md', 'ARCHITECTURE.md', ...readdirSync(path.join(root, 'docs')).map((name) => `docs/${name}`)]
  // Pictures lie there too.
  .filter((name) => name.endsWith('.md'));
const scripts = (JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { scripts: object }).scripts;

describe('the documentation', () => {
  it('has every setting, argument, snippet and command as package.json has them', () => {
    const { status, stderr } = spawnSync(process.execPath, [path.join(root, 'scripts', 'docs.mjs'), '--check'], {
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
  });

  for (const page of pages) {
    const text = readFileSync(path.join(root, page), 'utf8');

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

/** Anchors of a page, as GitHub makes them of its headings. */
function headings(page: string): string[] {
  const text = readFileSync(path.join(root, page), 'utf8');
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
