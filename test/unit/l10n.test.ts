// Every text that a user can read has a German one, with the same placeholders and the same code in it. Compares texts only.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import ts from 'typescript';
import { translator } from '../../protocol/translation';
import { root } from '../support/paths';

const read = (file: string): Record<string, string> =>
  JSON.parse(readFileSync(path.join(root, file), 'utf8')) as Record<string, string>;

/** First arguments of all calls of `l10n.t` below a folder; a call without a literal is a text that no one can translate. */
function texts(folder: string): Set<string> {
  const found = new Set<string>();
  for (const name of readdirSync(path.join(root, folder), { recursive: true }).map(String)) {
    if (!/\.tsx?$/.test(name)) continue;
    const file = path.join(root, folder, name);
    const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest);
    const visit = (node: ts.Node): void => {
      if (ts.isCallExpression(node) && /(^|\.)l10n\.t$/.test(node.expression.getText(source))) {
        const [text] = node.arguments;
        assert.ok(text !== undefined && ts.isStringLiteralLike(text), `${name}: ${node.getText(source)}`);
        found.add(text.text);
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return found;
}

const sorted = (all: Iterable<string>): string[] => [...new Set(all)].sort();
/** `{0}` may stand in another order, and twice; code between backticks is the same in every language. */
const fixed = (text: string): string[] => sorted(text.match(/\{\d+\}|`[^`]+`/g) ?? []);

/** Sources of the programs that speak English, with strings that a line break divides joined again. */
function sources(...folders: string[]): string {
  return folders
    .flatMap((folder) =>
      readdirSync(path.join(root, folder), { recursive: true })
        .map(String)
        .filter((name) => /\.(ts|erl)$/.test(name))
        .map((name) => readFileSync(path.join(root, folder, name), 'utf8')),
    )
    .join('\n')
    .replace(/"[\s,]*\n\s*"/g, '')
    .replace(/\\(["`])/g, '$1');
}

/** Texts of several words in the agent that no user reads, or that are nobody's to translate. */
const NOT_FOR_USERS: Readonly<Record<string, readonly RegExp[]>> = {
  'ecd_arms.erl': [/^closures of .* stay native/],
  'ecd_boot.erl': [/^debug agent: no connection/],
  'ecd_catchers.erl': [/Return addr/],
  'ecd_crash.erl': [/^Error in process /],
  'ecd_engine.erl': [/^stopping failed/],
  // Types and names of functions, as the languages themselves write them.
  'ecd_children.erl': [/^improper list$/],
  'ecd_frames.erl': [/^ in line $/],
  'ecd_names.erl': [/^anonymous fn\/$/, /^inlined code$/],
  'ecd_patience.erl': [/^ +case /],
  'ecd_snippet.erl': [/^syntax error before/],
  // The content of a file that is shown in place of a source.
  'ecd_source.erl': [/source|debug information|bytecode|exports/i],
  'ecd_templates.erl': [/^\(for doctest at\) $/],
  // Between adapter and agent.
  'ecd_wire.erl': [/^The debug agent /],
};

/** What the agent says: pieces of two words and more of its strings, as they stand between parameters. */
function piecesOfAgent(): string[] {
  const folder = path.join(root, 'adapter', 'agent', 'src');
  const pieces: string[] = [];
  for (const name of readdirSync(folder, { recursive: true }).map(String)) {
    if (!name.endsWith('.erl')) continue;
    const notForUsers = NOT_FOR_USERS[path.basename(name)] ?? [];
    for (const text of stringsOf(readFileSync(path.join(folder, name), 'utf8'))) {
      if (notForUsers.some((each) => each.test(text))) continue;
      pieces.push(...text.split(/~[0-9.*]*t?[a-zA-Z]|\n/).map((piece) => piece.trim()));
    }
  }
  return pieces.filter((piece) => /[a-z]{2,} [a-z]{2,}/i.test(piece));
}

/** Strings and binaries of a module, without its comments, characters and quoted atoms. */
function stringsOf(erlang: string): string[] {
  const tokens = /%.*|\$\\?.|'(?:\\.|[^'\\])*'|"((?:\\[^]|[^"\\])*)"(?:\s+"(?:\\[^]|[^"\\])*")*/g;
  return [...erlang.matchAll(tokens)]
    .filter(([, text]) => text !== undefined)
    .map(([whole]) =>
      whole
        .slice(1, -1)
        .replace(/"\s+"/g, '')
        .replace(/\\(["\\])/g, '$1')
        .replace(/\\n/g, '\n'),
    );
}

/** What `Failure.user` says, with `{0}` for each expression in it. */
function complaints(folder: string): Set<string> {
  const found = new Set<string>();
  for (const name of readdirSync(path.join(root, folder), { recursive: true }).map(String)) {
    if (!name.endsWith('.ts')) continue;
    const source = ts.createSourceFile(
      name,
      readFileSync(path.join(root, folder, name), 'utf8'),
      ts.ScriptTarget.Latest,
    );
    const visit = (node: ts.Node): void => {
      if (ts.isCallExpression(node) && node.expression.getText(source) === 'Failure.user') {
        for (const said of node.arguments.slice(1)) {
          if (ts.isStringLiteralLike(said)) found.add(said.text);
          if (ts.isTemplateExpression(said)) {
            found.add(
              said.templateSpans.reduce((text, { literal }, at) => `${text}{${at}}${literal.text}`, said.head.text),
            );
          }
        }
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return found;
}

/** A sentence without a translation is read in English: a few new ones may wait for theirs. */
function assertFew(some: readonly string[], all: readonly string[]): void {
  assert.ok(all.length > 30 && some.length / all.length < 0.05, `${some.length} of ${all.length}:\n${some.join('\n')}`);
}

describe('the German texts', () => {
  const german = read('l10n/bundle.l10n.de.json');

  it('are there for every text of the extension and of the dashboard, and for no other', () => {
    assert.deepEqual(sorted(Object.keys(german)), sorted([...texts('src'), ...texts('media')]));
  });

  it('are there for every text of package.json, and for no other', () => {
    assert.deepEqual(sorted(Object.keys(read('package.nls.de.json'))), sorted(Object.keys(read('package.nls.json'))));
  });

  it('are there for the failures that adapter and server tell the user', () => {
    const translate = translator(read('l10n/sentences.de.json'));
    const english = [...complaints('adapter'), ...complaints('server')]
      // A parameter alone says nothing of its own.
      .filter((text) => /[a-z]{3}/.test(text.replace(/\{\d+\}/g, '')));
    assertFew(
      english.filter((text) => translate(text) === text),
      english,
    );
  });

  it('are there for what the agent tells the user', () => {
    const translated = Object.keys(read('l10n/sentences.de.json'))
      .join('\n')
      .replace(/\{\d+\}/g, '\0');
    const pieces = piecesOfAgent();
    assertFew(
      pieces.filter((piece) => !translated.includes(piece)),
      pieces,
    );
  });

  it('translate only what adapter, agent and server still say', () => {
    const said = sources('adapter', 'server');
    // A sentence may be put together from several; each of them stands somewhere in one piece.
    const pieces = (english: string): string[] => english.split(/\{\d+\}|[.;,:]+ | (?=\()|[.]$/);
    const translated = Object.keys(read('l10n/sentences.de.json'));
    assertFew(
      translated.filter((english) => pieces(english).some((piece) => !said.includes(piece))),
      translated,
    );
  });

  it('are not empty and keep placeholders and code', () => {
    const pairs = [
      ...Object.entries(german),
      ...Object.entries(read('l10n/sentences.de.json')),
      ...Object.entries(read('package.nls.json')).map(([key, text]) => [text, read('package.nls.de.json')[key] ?? '']),
    ] as [string, string][];
    for (const [english, translated] of pairs) {
      assert.notEqual(translated.trim(), '', english);
      assert.deepEqual(fixed(translated), fixed(english), english);
    }
  });

  it('go into the package', () => {
    assert.equal(
      (JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { l10n?: string }).l10n,
      './l10n',
    );
    const packed = readFileSync(path.join(root, '.vscodeignore'), 'utf8').split('\n');
    assert.ok(packed.includes('!l10n/*.json') && packed.includes('!package.nls*.json'));
  });
});
