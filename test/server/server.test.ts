// The real server process, over the real protocol: health, the index of modules, bad input, and how it ends.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { SERVER_PROTOCOL_VERSION } from '../../protocol/server';
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
