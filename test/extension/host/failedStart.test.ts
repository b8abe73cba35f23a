// A session that cannot start says why once, as a notice with the button that helps. Real adapter.
import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { activeExtension } from '../../support/activeExtension';
import { Notices } from '../../support/notices';

describe('a session that cannot start', function () {
  this.timeout(120_000);
  let folder: vscode.WorkspaceFolder;
  let notices: Notices;

  before(async () => {
    ({ folder } = await activeExtension());
  });
  beforeEach(() => {
    notices = new Notices();
  });
  afterEach(() => {
    notices.dispose();
  });

  const start = (given: object): Thenable<boolean> =>
    vscode.debug.startDebugging(folder, { type: 'elixir', request: 'launch', name: 'cannot start', ...given });

  it('offers launch.json where an argument is wrong', async () => {
    assert.equal(await start({ task: 'checkout', elixirPath: '/nowhere/elixir' }), false);
    const notice = await notices.first(/"elixirPath" is .*which does not exist/);
    assert.deepEqual(notice.buttons, ['Open launch.json']);
    assert.equal(notice.modal, false);
    assert.equal(await start({ script: 5 }), false);
    assert.deepEqual((await notices.first(/"script" of the request "launch"/)).buttons, ['Open launch.json']);
    assert.equal(notices.all.length, 2, 'each is said once');
  });

  it('offers the check of the environment where something is to be installed', async () => {
    assert.equal(await start({ task: 'checkout', env: { PATH: '' } }), false);
    assert.deepEqual((await notices.first(/Elixir was not found/)).buttons, ['Check Environment']);
  });
});
