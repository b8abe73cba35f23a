// The index of real projects, with its threads and caches: what it knows, how it keeps up, and what it does with damage.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { Grammar } from '../../server/index/grammar';
import type { Edge } from '../../server/index/graph';
import { layoutOf } from '../../server/index/layout';
import { OpenFile } from '../../server/index/openFile';
import { ProjectIndex } from '../../server/index/projectIndex';
import { factsOf } from '../../server/index/sourceReader';
import { writeBeam } from '../support/beamWriter';
import { fixture } from '../support/fixture';
import { root } from '../support/paths';

const programs = path.join(root, 'dist');

describe('the project index', () => {
  let home: string;
  let folder: string;
  let warnings: string[];
  const indexes: ProjectIndex[] = [];

  beforeEach(() => {
    home = realpathSync(mkdtempSync(path.join(tmpdir(), 'ecd-index-')));
    folder = path.join(home, 'project');
    mkdirSync(folder);
    warnings = [];
  });
  afterEach(async () => {
    for (const index of indexes.splice(0)) await index.dispose();
    rmSync(home, { recursive: true, force: true });
  });

  async function opened(folders: string[], storage: string | null = null): Promise<ProjectIndex> {
    const index = new ProjectIndex({ programs, warn: (message) => warnings.push(message) });
    indexes.push(index);
    await index.open(folders, storage);
    return index;
  }
  /** Writes the file with a time long past, as files of a project mostly are. */
  function write(name: string, content: string | Buffer, secondsAgo = 60): string {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, content);
    // Whole seconds: they can be set again exactly.
    const time = Math.floor(Date.now() / 1000) - secondsAgo;
    utimesSync(file, time, time);
    return file;
  }
  const brief = (edges: readonly Edge[]): string[] =>
    edges.map(({ from, to, kind, origin }) => `${from} ${kind} ${to} (${origin})`).sort();
  const names = (index: ProjectIndex): string[] => [...index.graph.modules()].map(({ name }) => name).sort();

  describe('of a compiled umbrella', () => {
    it('knows the application of each module, and edges from source and beam', async () => {
      const umbrella = await fixture('umbrella');
      const { graph } = await opened([umbrella.dir]);
      assert.deepEqual(graph.module('Billing'), {
        name: 'Billing',
        file: umbrella.file('apps/billing/lib/billing.ex'),
        line: 1,
        own: true,
        app: 'billing',
      });
      assert.deepEqual(brief(graph.outgoing('Billing').filter(({ to }) => to === 'Core')), [
        'Billing call Core (beam)',
        'Billing call Core (source)',
      ]);
      assert.ok(brief(graph.incoming('Core')).includes('Billing call Core (beam)'));
      assert.equal(graph.module('Enum'), undefined);
      assert.ok(brief(graph.incoming('Enum')).includes('Billing call Enum (beam)'));
      assert.deepEqual(warnings, []);
    });

    it('knows the neighbours of an application that is opened alone', async () => {
      const umbrella = await fixture('umbrella');
      const { graph } = await opened([umbrella.file('apps/web')]);
      assert.deepEqual([graph.module('Core')?.app, graph.module('Core')?.own], ['core', true]);
      assert.ok(brief(graph.outgoing('Web')).includes('Web call Billing (beam)'));
    });
  });

  it('takes path dependencies for part of the project', async () => {
    const project = await fixture('with_dependency', 'library');
    const { graph } = await opened([project.dir]);
    assert.deepEqual(graph.module('Library'), {
      name: 'Library',
      file: path.join(path.dirname(project.dir), 'library', 'lib', 'library.ex'),
      line: 1,
      own: true,
      app: 'library',
    });
  });

  it('knows code that macros made, from its beam alone', async () => {
    const project = await fixture('constructs');
    const { graph } = await opened([project.dir]);
    const sources = new Set([...graph.modules()].filter(({ line }) => line !== null).map(({ name }) => name));
    const generated = [...graph.modules()].filter(({ name }) => !sources.has(name));
    assert.ok(generated.length > 0);
    for (const { file, own } of generated) assert.deepEqual([own, file?.startsWith(project.dir)], [true, true]);
  });

  describe('of builds', () => {
    const beam = (environment: string, module: string, calls: string[], more = {}): [string, Buffer] => [
      `_build/${environment}/lib/shop/ebin/Elixir.${module}.beam`,
      writeBeam({ module: `Elixir.${module}`, calls: calls.map((call) => `Elixir.${call}`), ...more }),
    ];
    beforeEach(() => write('mix.exs', 'defmodule Shop.MixProject do\n  def project, do: [app: :shop]\nend\n'));

    it('believes the newest environment, and follows when another is compiled', async () => {
      write(...beam('dev', 'A', ['Old']), 60);
      write(...beam('test', 'A', ['New']), 30);
      const index = await opened([folder]);
      assert.deepEqual(brief(index.graph.outgoing('A')), ['A call New (beam)']);
      write(...beam('dev', 'A', ['Newer']), 10);
      const manifest = path.join(folder, '_build/dev/lib/shop/.mix/compile.elixir');
      await index.changedOnDisk([{ file: manifest, deleted: false }]);
      assert.deepEqual(brief(index.graph.outgoing('A')), ['A call Newer (beam)']);
    });

    it('are read where a language server makes them, and where the environment has Mix make them', async () => {
      const elsewhere = path.join(home, 'builds');
      const into = (dir: string, module: string): void => {
        const [name, bytes] = beam('dev', module, []);
        write(path.join(dir, path.basename(path.dirname(name)), path.basename(name)), bytes);
      };
      into('.elixir_ls/build/test/lib/shop', 'OfLanguageServer');
      into('.expert/build/erl-27/elixir-1.18/dev/lib/shop', 'OfExpert');
      into('.lexical/build/erl-25/elixir-1.14/test/lib/shop', 'OfLexical');
      into('../builds/root/prod/lib/shop', 'OfRoot');
      into('../builds/whole/lib/shop', 'OfPath');
      const index = await opened([folder]);
      assert.deepEqual(names(index), ['OfExpert', 'OfLanguageServer', 'OfLexical', 'Shop.MixProject']);
      index.addBuilds([path.join(elsewhere, 'whole'), path.join(elsewhere, 'nowhere')]);
      await index.refresh();
      assert.deepEqual(names(index), ['OfExpert', 'OfLanguageServer', 'OfLexical', 'OfPath', 'Shop.MixProject']);
      const said = (env: NodeJS.ProcessEnv): string[] =>
        layoutOf([folder], [], env).ebins.flatMap(({ dir }) => (dir.startsWith(elsewhere) ? [dir] : []));
      assert.deepEqual(said({}), []);
      assert.deepEqual(said({ MIX_BUILD_ROOT: path.join(elsewhere, 'root') }), [
        path.join(elsewhere, 'root/prod/lib/shop/ebin'),
      ]);
      assert.deepEqual(said({ MIX_BUILD_PATH: '../builds/whole' }), [path.join(elsewhere, 'whole/lib/shop/ebin')]);
    });

    it('forgets beams that are gone, and those whose source is', async () => {
      write(...beam('dev', 'A', ['B']));
      const [name, bytes] = beam('dev', 'Deleted', ['B'], { source: path.join(folder, 'lib', 'deleted.ex') });
      write(name, bytes);
      const index = await opened([folder]);
      assert.deepEqual(names(index), ['A', 'Shop.MixProject']);
      rmSync(path.join(folder, '_build'), { recursive: true });
      await index.refresh();
      assert.deepEqual(names(index), ['Shop.MixProject']);
      assert.deepEqual(index.graph.incoming('B'), []);
    });

    it('takes an atom for a reference when it names a module', async () => {
      write(...beam('dev', 'A', [], { atoms: ['Elixir.B', 'Elixir.No.Module', 'worker', 'ok'] }));
      write(...beam('dev', 'B', []));
      write('_build/dev/lib/shop/ebin/worker.beam', writeBeam({ module: 'worker', calls: [] }));
      const { graph } = await opened([folder]);
      assert.deepEqual(brief(graph.outgoing('A')), ['A reference :worker (beam)', 'A reference B (beam)']);
    });

    it('says which beam it cannot read, and reads the others', async () => {
      write(...beam('dev', 'A', ['B']));
      const torn = write('_build/dev/lib/shop/ebin/Elixir.Torn.beam', beam('dev', 'Torn', ['B'])[1].subarray(0, 40));
      const index = await opened([folder]);
      assert.deepEqual(names(index), ['A', 'Shop.MixProject']);
      assert.equal(warnings.length, 1);
      assert.ok(warnings[0]?.startsWith(torn), warnings[0]);
    });
  });

  it('gives the calls of templates to the modules they are compiled into', async () => {
    write(
      'lib/web/page_html.ex',
      'defmodule Web.PageHTML do\n  alias Web.Icons\n  embed_templates "page_html/*"\nend\n',
    );
    write(
      'lib/web/page_html/home.html.heex',
      '<Icons.star size={Size.of(@x)} /><%= :lists.sort(@y) %> Plain.text("x")',
    );
    write('lib/web/live/cart.ex', 'defmodule Web.Cart do\nend\n');
    write('lib/web/live/cart.html.heex', '<%= Money.show(@total) %>');
    write('lib/web/views/user_view.ex', 'defmodule Web.UserView do\nend\n');
    const old = write('lib/web/templates/user/show.html.eex', '<%= Old.name(@user) %> {Not.code()}');
    const index = await opened([folder]);
    assert.deepEqual(brief(index.graph.outgoing('Web.PageHTML').filter(({ kind }) => kind === 'template')), [
      'Web.PageHTML template :lists (source)',
      'Web.PageHTML template Size (source)',
      'Web.PageHTML template Web.Icons (source)',
    ]);
    assert.deepEqual(brief(index.graph.outgoing('Web.Cart')), ['Web.Cart template Money (source)']);
    assert.deepEqual(brief(index.graph.outgoing('Web.UserView')), ['Web.UserView template Old (source)']);
    index.update(old, '<%= New.name(@user) %>');
    index.modulesOfFile(old);
    assert.deepEqual(brief(index.graph.outgoing('Web.UserView')), ['Web.UserView template New (source)']);
  });

  it('expands in a template what its module renames, also by what it uses', async () => {
    write('lib/web.ex', 'defmodule Web do\n  def html, do: quote(do: alias Web.Router.Helpers, as: Routes)\nend\n');
    write(
      'lib/page_html.ex',
      'defmodule PageHTML do\n  use Web, :html\n  alias Shop.{Price, Stock}\n  alias Shop.Cart, as: Basket\n  embed_templates "page/*"\nend\n',
    );
    write('lib/page/home.html.heex', '{Routes.path(1)} {Basket.sum()} {Stock.left()} <Price.tag />');
    const index = await opened([folder]);
    assert.deepEqual(brief(index.graph.outgoing('PageHTML').filter(({ kind }) => kind === 'template')), [
      'PageHTML template Shop.Cart (source)',
      'PageHTML template Shop.Price (source)',
      'PageHTML template Shop.Stock (source)',
      'PageHTML template Web.Router.Helpers (source)',
    ]);
  });

  describe('of an edited file', () => {
    const text = 'defmodule A do\n  def one, do: B.f()\n\n  def two do\n    C.g()\n  end\nend\n';

    it('follows the editor, tells who listens, and returns to the disk', async () => {
      const file = write('lib/a.ex', text);
      const index = await opened([folder]);
      let changes = 0;
      const stop = index.onChange(() => changes++);
      const { revision } = index.graph;
      index.update(file, text.replace('B.f()', 'D.f()'));
      assert.equal(index.functionAt(file, 5)?.name, 'two');
      assert.deepEqual(brief(index.graph.outgoing('A')), ['A call C (source)', 'A call D (source)']);
      assert.ok(index.graph.revision > revision);
      assert.equal(changes, 1);
      await index.close(file);
      assert.deepEqual(brief(index.graph.outgoing('A')), ['A call B (source)', 'A call C (source)']);
      stop();
    });

    it('is no other graph when its modules only moved', async () => {
      const file = write('lib/a.ex', text);
      const index = await opened([folder]);
      const { revision } = index.graph;
      index.update(file, `# moved\n${text}`);
      assert.equal(index.functionAt(file, 3)?.name, 'one');
      assert.deepEqual([index.graph.module('A')?.line, index.graph.revision], [2, revision]);
    });

    it('keeps the last good facts while the code has errors, and their lines move along', async () => {
      const file = write('lib/a.ex', text);
      const index = await opened([folder]);
      index.update(file, text);
      assert.equal(index.functionAt(file, 4)?.name, 'two');
      index.update(file, text.replace('do: B.f()\n', 'do: B.f(\n\n  # and\n'));
      assert.deepEqual(
        index.functionsOfFile(file).map(({ name, line, endLine }) => `${name} ${line}-${endLine}`),
        ['one 2-4', 'two 6-8'],
      );
      assert.deepEqual(brief(index.graph.outgoing('A')), ['A call B (source)', 'A call C (source)']);
      index.update(file, text);
      assert.equal(index.functionAt(file, 4)?.name, 'two');
    });

    it('keeps the last good facts of a file that is written with errors, also over the next start', async () => {
      const file = write('lib/a.ex', text);
      const storage = path.join(home, 'storage');
      const index = await opened([folder], storage);
      write('lib/a.ex', 'defmodule A do\n  def one( do\n');
      await index.changedOnDisk([{ file, deleted: false }]);
      assert.deepEqual(brief(index.graph.outgoing('A')), ['A call B (source)', 'A call C (source)']);
      const next = await opened([folder], storage);
      assert.deepEqual(brief(next.graph.outgoing('A')), ['A call B (source)', 'A call C (source)']);
    });

    it('says after any edits what a fresh look at the text says', async () => {
      const grammar = await Grammar.load(programs);
      const long = readFileSync(
        path.join(root, 'test', 'fixtures', 'constructs', 'lib', 'constructs', 'flow.ex'),
        'utf8',
      );
      const piece = fc.constantFrom(
        'end\n',
        ' do\n',
        'def x(y), do: Z.w(y)\n',
        'alias Q.{R, S}\n',
        '"',
        '# c\n',
        '(',
        ')',
        '\n',
        'é',
        '',
      );
      const edits = fc.array(fc.tuple(fc.nat(long.length), piece), { minLength: 1, maxLength: 12 });
      let compared = 0;
      fc.assert(
        fc.property(edits, (changes) => {
          const file = new OpenFile('/a.ex', long);
          file.facts(grammar);
          let now = long;
          const inserting = changes.map(([at, inserted]) => ({ at, inserted, length: 0 }));
          const takingBack = changes.map(([at, inserted]) => ({ at, inserted: '', length: inserted.length })).reverse();
          for (const { at, length, inserted } of [...inserting, ...takingBack]) {
            now = now.slice(0, at) + inserted + now.slice(at + length);
            file.text = now;
            const told = file.facts(grammar);
            const fresh = factsOf('/a.ex', now, grammar);
            if (fresh.broken || told === null) continue;
            assert.deepEqual(told, fresh);
            compared++;
          }
          file.close();
        }),
        { numRuns: 60 },
      );
      grammar.delete();
      assert.ok(compared > 30, `${compared} texts without errors`);
    });
  });

  describe('on disk', () => {
    const file = 'lib/a.ex';
    const old = 'defmodule Aaa do\nend\n';
    const young = 'defmodule Bbb do\nend\n';
    let storage: string;
    beforeEach(() => {
      storage = path.join(home, 'storage');
      for (let each = 0; each < 30; each++)
        write(`lib/m${each}.ex`, `defmodule M${each} do\n  def f, do: M${each + 1}.f()\nend\n`);
    });

    it('is used while sizes and times of the files hold, and not when they do not', async () => {
      write(file, old, 3600);
      await opened([folder], storage);
      const { mtimeMs } = statSync(path.join(folder, file));
      writeFileSync(path.join(folder, file), young);
      utimesSync(path.join(folder, file), mtimeMs / 1000, mtimeMs / 1000);
      assert.ok(names(await opened([folder], storage)).includes('Aaa'));
      write(file, young, 3000);
      const third = await opened([folder], storage);
      assert.deepEqual([names(third).includes('Aaa'), names(third).includes('Bbb')], [false, true]);
      assert.deepEqual(brief(third.graph.outgoing('M3')), ['M3 call M4 (source)']);
      assert.deepEqual(
        third.functionsOfFile(path.join(folder, 'lib', 'm3.ex')).map(({ name }) => name),
        ['f'],
      );
    });

    it('is dropped and built again when it was damaged, whatever the damage', async () => {
      const expected = names(await opened([folder], storage));
      const [one = '', ...others] = await readdir(storage);
      assert.deepEqual([one, ...others].length, 2);
      const kept = path.join(storage, one);
      const whole = readFileSync(kept);
      const flipped = Buffer.from(whole);
      flipped[whole.length >> 1] = (flipped[whole.length >> 1] ?? 0) ^ 1;
      // As another program would write it: whole, and of another shape.
      const header = whole.subarray(0, whole.indexOf(10)).toString().split(' ').slice(0, -1).join(' ');
      const foreign = (body: string): Buffer =>
        Buffer.from(`${header} ${createHash('sha256').update(body).digest('hex')}\n${body}`);
      const damaged = [
        flipped,
        whole.subarray(0, whole.length >> 1),
        Buffer.alloc(0),
        Buffer.from('{}\n{}'),
        foreign('[1]'),
        foreign('null'),
        foreign('{"writtenAt":0,"sources":{},"beams":null}'),
        foreign('{"writtenAt":0,"sources":{"a":{"stamp":"","hash":null,"facts":{}}},"beams":{}}'),
      ];
      for (const bytes of damaged) {
        writeFileSync(kept, bytes);
        warnings = [];
        assert.deepEqual(names(await opened([folder], storage)), expected);
        assert.ok(warnings.length === 1 && /damaged/.test(warnings[0] ?? ''), warnings.join());
        assert.deepEqual(readFileSync(kept).subarray(0, 17), whole.subarray(0, 17));
      }
      warnings = [];
      assert.deepEqual(names(await opened([folder], storage)), expected);
      assert.deepEqual(warnings, []);
    });

    it('is cleared of what a killed process left half written', async () => {
      mkdirSync(storage);
      const [abandoned, current] = ['project-index-0.json.4000000.tmp', 'project-index-1.json.4000001.tmp'];
      for (const name of [abandoned, current]) writeFileSync(path.join(storage, name), 'half');
      utimesSync(path.join(storage, abandoned), 1_000_000, 1_000_000);
      await opened([folder], storage);
      assert.deepEqual((await readdir(storage)).sort(), ['project-index-0.json', 'project-index-1.json', current]);
    });

    it('that cannot be written is told, and the index is whole all the same', async () => {
      writeFileSync(storage, 'a file where a folder is wanted');
      const index = await opened([folder], storage);
      assert.equal(names(index).length, 30);
      assert.ok(warnings.length > 0 && warnings.every((each) => each.includes('cannot be kept')), warnings.join());
    });
  });

  it('follows many files at once, folders that come and go, and files that are deleted', async () => {
    write('lib/a.ex', 'defmodule A do\nend\n');
    const index = await opened([folder]);
    const written = Array.from({ length: 40 }, (_, each) => write(`lib/m${each}.ex`, `defmodule M${each} do\nend\n`));
    await index.changedOnDisk(written.map((file) => ({ file, deleted: false })));
    assert.equal(names(index).length, 41);
    for (const file of written.slice(0, 10)) rmSync(file);
    await index.changedOnDisk(written.slice(0, 10).map((file) => ({ file, deleted: true })));
    assert.equal(names(index).length, 31);
    const other = path.join(home, 'other');
    mkdirSync(other);
    writeFileSync(path.join(other, 'b.exs'), 'defmodule B do\nend\n');
    await index.addFolders([other]);
    assert.ok(names(index).includes('B'));
    await index.removeFolder(folder);
    assert.deepEqual(names(index), ['B']);
  });

  it('forgets a folder that is deleted or renamed whole, and finds it under its new name', async () => {
    write('lib/kept.ex', 'defmodule Kept do\nend\n');
    write('lib/old/a.ex', 'defmodule A do\nend\n');
    const index = await opened([folder]);
    const [before, after] = [path.join(folder, 'lib/old'), path.join(folder, 'lib/new')];
    renameSync(before, after);
    await index.changedOnDisk([{ file: before, deleted: true }]);
    assert.deepEqual(index.filesOfModule('A'), [{ uri: pathToFileURL(path.join(after, 'a.ex')).href, line: 1 }]);
    rmSync(after, { recursive: true });
    await index.changedOnDisk([{ file: after, deleted: true }]);
    assert.deepEqual(names(index), ['Kept']);
  });

  it('does not take a file of a dependency for the project, but shows it while it is in an editor', async () => {
    write('lib/a.ex', 'defmodule A do\nend\n');
    const file = write('deps/dep/lib/dep.ex', 'defmodule Dep do\nend\n');
    const index = await opened([folder]);
    await index.changedOnDisk([{ file, deleted: false }]);
    assert.deepEqual(names(index), ['A']);
    index.update(file, 'defmodule Dep do\nend\n');
    assert.deepEqual(
      index.modulesOfFile(file).map(({ name }) => name),
      ['Dep'],
    );
    assert.equal(index.graph.module('Dep')?.own, false);
    await index.close(file);
    assert.deepEqual(names(index), ['A']);
  });

  it('stops at once when it is disposed of in the middle of a scan', async () => {
    for (let each = 0; each < 200; each++) write(`lib/m${each}.ex`, `defmodule M${each} do\nend\n`);
    const index = new ProjectIndex({ programs, warn: (message) => warnings.push(message) });
    const opening = index.open([folder], path.join(home, 'storage'));
    await index.dispose();
    await opening;
    assert.deepEqual([names(index), warnings], [[], []]);
  });

  it('opens, and says why it knows nothing, when its programs are not there', async () => {
    write('lib/a.ex', 'defmodule A do\nend\n');
    const index = new ProjectIndex({ programs: home, warn: (message) => warnings.push(message) });
    indexes.push(index);
    await index.open([folder], null);
    assert.deepEqual(names(index), []);
    assert.ok(warnings.length > 0);
  });
});
