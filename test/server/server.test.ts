// The real server process, over the real protocol: health, the index of modules, bad input, and how it ends.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { WatchKind } from 'vscode-languageserver/node';
import { pathToFileURL } from 'node:url';
import type { MetricsUpdate, ServerHealth } from '../../protocol/metrics';
import { SERVER_PROTOCOL_VERSION } from '../../protocol/server';
import { eventually } from '../support/deadline';
import { LspClient } from '../support/lspClient';
import { root } from '../support/paths';

describe('the coordination server', () => {
  let folder: string;
  let client: LspClient;

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'ecd-server-'));
    await cp(path.join(root, 'demo', 'sample', 'lib'), path.join(folder, 'lib'), { recursive: true });
    client = LspClient.start();
  });
  afterEach(async () => {
    client.process.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  const uri = (file: string): string => pathToFileURL(path.join(folder, file)).href;
  const modules = async (file: string): Promise<string[]> =>
    (await client.request('coordination/modulesOfFile', { uri: uri(file) })).modules.map(({ name }) => name);
  /** Its first walk through the workspace goes on in the background. */
  async function indexed(): Promise<void> {
    await client.initialize(folder, SERVER_PROTOCOL_VERSION);
    while (!(await client.request('coordination/health', {})).indexed);
  }

  it('reports its health', async () => {
    await indexed();
    const health = await client.request('coordination/health', {});
    assert.equal(health.protocol, SERVER_PROTOCOL_VERSION);
    assert.equal(health.pid, client.process.pid);
    assert.equal(health.files, 6);
    assert.equal(health.modules, 10);
  });

  it('tells who watches when the project is indexed, and when there are more modules', async () => {
    let health: ServerHealth | undefined;
    client.connection.onNotification('coordination/update', (update: MetricsUpdate) => {
      health = update.health;
    });
    await client.initialize(folder, SERVER_PROTOCOL_VERSION);
    await client.request('coordination/watch', { on: true });
    health = (await client.request('coordination/snapshot', {})).health;
    const told = (what: string, wanted: (health: ServerHealth) => boolean): Promise<true> =>
      eventually(what, () => Promise.resolve((health !== undefined && wanted(health)) || undefined));
    await told('indexed', ({ indexed, modules }) => indexed && modules === 10);
    await writeFile(path.join(folder, 'lib', 'new.ex'), 'defmodule Shop.New do\nend\n');
    await client.notify('workspace/didChangeWatchedFiles', { changes: [{ uri: uri('lib/new.ex'), type: 1 }] });
    await told('one more', ({ modules }) => modules === 11);
  });

  it('knows the modules of a file and the files of a module', async () => {
    await indexed();
    assert.deepEqual(await modules('lib/shop/till.ex'), ['Shop.Till']);
    assert.deepEqual((await client.request('coordination/filesOfModule', { module: 'Shop.Till' })).files, [
      { uri: uri('lib/shop/till.ex'), line: 1 },
    ]);
    assert.deepEqual(await modules('lib/unknown.ex'), []);
    assert.deepEqual((await client.request('coordination/filesOfModule', { module: 'No.Such' })).files, []);
  });

  it('follows files that are written and deleted', async () => {
    await indexed();
    const file = path.join(folder, 'lib', 'new.ex');
    await writeFile(file, 'defmodule Shop.New do\nend\n');
    await client.notify('workspace/didChangeWatchedFiles', { changes: [{ uri: uri('lib/new.ex'), type: 1 }] });
    while ((await modules('lib/new.ex')).length === 0);
    assert.deepEqual(await modules('lib/new.ex'), ['Shop.New']);
    await rm(file);
    await client.notify('workspace/didChangeWatchedFiles', { changes: [{ uri: uri('lib/new.ex'), type: 3 }] });
    assert.deepEqual(await modules('lib/new.ex'), []);
  });

  it('asks to hear of everything that is deleted, because editors tell of a folder in one', async () => {
    const watched: { globPattern: string; kind?: number }[] = [];
    client.connection.onRequest('client/registerCapability', (params: unknown) => {
      const { registrations } = params as { registrations: { registerOptions?: { watchers?: typeof watched } }[] };
      watched.push(...registrations.flatMap(({ registerOptions }) => registerOptions?.watchers ?? []));
      return null;
    });
    await indexed();
    const deletions = watched.filter(({ kind }) => kind === WatchKind.Delete);
    assert.deepEqual(deletions, [{ globPattern: '**/*', kind: WatchKind.Delete }]);
    assert.ok(watched.some(({ globPattern, kind }) => globPattern.includes('heex') && kind === undefined));
    const [before, after] = [path.join(folder, 'lib', 'shop'), path.join(folder, 'lib', 'store')];
    await rename(before, after);
    const changes = [{ uri: pathToFileURL(before).href, type: 3 }];
    await client.notify('workspace/didChangeWatchedFiles', { changes });
    await eventually('the module at its new place', async () => {
      const { files } = await client.request('coordination/filesOfModule', { module: 'Shop.Till' });
      return files.length === 1 && files[0]?.uri.includes('/store/') ? true : undefined;
    });
  });

  it('takes the text of an open document, and the disk again once it is closed', async () => {
    await indexed();
    const textDocument = {
      uri: uri('lib/shop/till.ex'),
      languageId: 'elixir',
      version: 1,
      text: 'defmodule Draft do\nend\n',
    };
    await client.notify('textDocument/didOpen', { textDocument });
    assert.deepEqual(await modules('lib/shop/till.ex'), ['Draft']);
    await client.notify('textDocument/didClose', { textDocument: { uri: textDocument.uri } });
    while ((await modules('lib/shop/till.ex'))[0] !== 'Shop.Till');
  });

  it('outlines the tests of a file, and follows each edit of it', async () => {
    await indexed();
    const text = 'defmodule ShopTest do\n  use ExUnit.Case\n\n  test "one" do\n  end\nend\n';
    const textDocument = { uri: uri('test/shop_test.exs'), languageId: 'elixir', version: 1, text };
    const outline = async (): Promise<string[]> => {
      const { tests } = await client.request('coordination/tests', { uri: textDocument.uri });
      return tests.flatMap(({ children }) => children.map(({ id, line, endLine }) => `${id} ${line}-${endLine}`));
    };
    await client.notify('textDocument/didOpen', { textDocument });
    assert.deepEqual(await outline(), ['one 4-5']);
    await client.notify('textDocument/didChange', {
      textDocument: { uri: textDocument.uri, version: 2 },
      contentChanges: [
        { range: { start: { line: 3, character: 8 }, end: { line: 3, character: 11 } }, text: 'two' },
        { range: { start: { line: 2, character: 0 }, end: { line: 2, character: 0 } }, text: '  doctest Shop\n' },
      ],
    });
    assert.deepEqual(await outline(), ['doctest Shop 3-3', 'two 5-6']);
  });

  it('knows the project again after it was killed, from what it kept', async () => {
    const storageDir = path.join(folder, 'storage');
    await client.initialize(folder, SERVER_PROTOCOL_VERSION, { storageDir });
    while (!(await client.request('coordination/health', {})).indexed);
    const before = await client.request('coordination/health', {});
    client.process.kill('SIGKILL');
    client = LspClient.start();
    await client.initialize(folder, SERVER_PROTOCOL_VERSION, { storageDir });
    while (!(await client.request('coordination/health', {})).indexed);
    const after = await client.request('coordination/health', {});
    assert.deepEqual([after.files, after.modules, after.edges], [before.files, before.modules, before.edges]);
    assert.ok(after.edges > 0);
  });

  it('does not index build products and dependencies', async () => {
    for (const place of ['_build/dev/lib/x.ex', 'deps/dep/lib/x.ex']) {
      await mkdir(path.dirname(path.join(folder, place)), { recursive: true });
      await writeFile(path.join(folder, place), 'defmodule Foreign do\nend\n');
    }
    await indexed();
    assert.deepEqual((await client.request('coordination/filesOfModule', { module: 'Foreign' })).files, []);
  });

  it('names the field of a request that is wrong', async () => {
    await indexed();
    await assert.rejects(
      client.connection.sendRequest('coordination/modulesOfFile', { uri: 7 }),
      /`uri` must be a URI/,
    );
    await assert.rejects(client.connection.sendRequest('coordination/filesOfModule', {}), /`module` is missing/);
    assert.equal((await client.request('coordination/health', {})).indexed, true);
  });

  it('lives on with URIs that no file here can be called', async () => {
    await indexed();
    for (const odd of ['file://host/a.ex', 'file:///a%zz.ex', 'file:///a%2Fb.ex', 'untitled:a.ex', 'nonsense']) {
      const document = { uri: odd, languageId: 'elixir', version: 1, text: 'defmodule Odd do\nend\n' };
      await client.notify('textDocument/didOpen', { textDocument: document });
      await client.notify('coordination/focus', { uri: odd });
      await client.notify('textDocument/didClose', { textDocument: { uri: odd } });
      await client.notify('workspace/didChangeWatchedFiles', { changes: [{ uri: odd, type: 2 }] });
      assert.deepEqual((await client.request('coordination/modulesOfFile', { uri: odd })).modules, []);
      assert.deepEqual((await client.request('coordination/tests', { uri: odd })).tests, []);
    }
    assert.equal((await client.request('coordination/health', {})).indexed, true);
  });

  it('refuses a client that speaks another version', async () => {
    await assert.rejects(client.initialize(folder, SERVER_PROTOCOL_VERSION + 1), /speaks protocol \d+/);
  });

  it('ends with exit code 0 when it is told to', async () => {
    await indexed();
    assert.equal(await client.end(), 0);
  });

  it('ends when its client is gone', async () => {
    await indexed();
    const exited = once(client.process, 'exit');
    client.process.stdin?.end();
    await exited;
  });
});
