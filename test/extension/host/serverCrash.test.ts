// A server that keeps ending: it is started again each time, and the user hears of it once.
import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { Server } from '../../../src/client';
import { Config } from '../../../src/config';
import { createLog } from '../../../src/log';
import { root } from '../../support/paths';
import { until } from '../../support/vscodeEvents';

describe('a server that keeps ending', () => {
  const log = createLog();
  const config = new Config((message) => assert(false, message));
  const server = new Server(root, log, () => ({ storageDir: null, settings: config.server() }));
  const original = vscode.window.showWarningMessage.bind(vscode.window);
  const notices: unknown[][] = [];

  before(async () => {
    // What the user would be shown is recorded instead; nobody is there to press a button.
    vscode.window.showWarningMessage = (...args: unknown[]) => {
      notices.push(args);
      return Promise.resolve(undefined);
    };
    await server.start();
  });
  after(async () => {
    vscode.window.showWarningMessage = original;
    await server.dispose();
    log.dispose();
  });

  const pid = async (): Promise<number | undefined> =>
    server.request('coordination/health', {}).then(
      (health) => health.pid,
      () => undefined,
    );
  async function crash(): Promise<void> {
    const old = await until('a running server', pid);
    process.kill(old, 'SIGKILL');
    await until('another server', async () => {
      const now = await pid();
      return now === old ? undefined : now;
    });
  }

  it('comes back silently at first', async () => {
    await crash();
    await crash();
    assert.deepEqual(notices, []);
  });

  it('is told of once, with something to do', async () => {
    await crash();
    assert.equal(notices.length, 1);
    assert.match(String(notices[0]?.[0]), /keeps ending/);
    assert.deepEqual(notices[0]?.slice(1), ['Restart Now', 'Show Log']);
    process.kill(await until('a running server', pid), 'SIGKILL');
    await until('its end', async () => ((await pid()) === undefined ? true : undefined));
    assert.equal(notices.length, 1);
  });

  it('leaves no process behind when the window closes', async () => {
    await server.restart();
    const last = await until('a running server', pid);
    await server.dispose();
    await until('the end of the process', () => {
      try {
        process.kill(last, 0);
        return undefined;
      } catch {
        return true;
      }
    });
  });
});
