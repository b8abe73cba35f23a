// The first five minutes: a fresh profile, the packaged extension, a project that `mix new` has just made, nothing
// configured. From the installation to the first stop and the open dashboard, by the walkthrough, within mocha's deadline.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { root } from '../../support/paths';
import type { Workbench } from '../../support/vscodeWorkbench';

const run = promisify(execFile);
const FIVE_MINUTES = 5 * 60_000;

describe('a newcomer', function () {
  this.timeout(FIVE_MINUTES);
  let home: string;
  let vsix: string;
  let workbench: Workbench;
  let begun: number;

  before(async () => {
    home = await mkdtemp(path.join(tmpdir(), 'ecd-newcomer-'));
    vsix = path.join(home, 'extension.vsix');
    const vsce = path.join(root, 'node_modules', '@vscode', 'vsce', 'vsce');
    const args = ['package', '--no-dependencies', '--no-rewrite-relative-links', '--out', vsix];
    await run(process.execPath, [vsce, ...args], { cwd: root });
    await run('mix', ['new', 'hello'], { cwd: home });
  });
  after(async function () {
    await this.window.closeApart();
    await rm(home, { recursive: true, force: true });
  });

  const step = (title: string) => workbench.page.locator('.getting-started-step', { hasText: title });

  it('installs the package, trusts the project and is welcomed by a walkthrough of five steps', async function () {
    begun = Date.now();
    const settings = { 'security.workspace.trust.enabled': true };
    workbench = await this.window.openApart({ folder: path.join(home, 'hello'), vsix, settings });
    await workbench.page.getByText('Yes, I trust the authors').click();
    await workbench.statusBarItem('Elixir: demand-driven').waitFor();
    await workbench.command('Welcome: Open Walkthrough...');
    await workbench.page
      .locator('.quick-input-list .monaco-list-row', { hasText: 'Debug Elixir at native speed' })
      .click();
    for (const title of ['Open a project', 'Set a breakpoint', 'Press F5', 'Look around', 'See what it costs']) {
      await step(title).waitFor();
    }
    assert.equal(await workbench.page.locator('.getting-started-step').count(), 5);
    await workbench.screenshot('newcomer walkthrough');
  });

  it('stops at a line clicked in the gutter on F5, without configuring anything', async () => {
    await workbench.openFile('lib/hello.ex');
    const text = await readFile(path.join(home, 'hello', 'lib', 'hello.ex'), 'utf8');
    const line = text.split('\n').findIndex((each) => each === '    :world') + 1;
    await workbench.clickGutter(line);
    await workbench.breakpointGlyphs.first().waitFor();
    await workbench.page.keyboard.press('F5');
    // The literal has no line of its own in compiled code: its function stops at its head.
    await workbench.waitForStop(line - 1);
    assert.ok(Date.now() - begun < FIVE_MINUTES);
    // Where the pointer rests in the gutter VS Code hints at another breakpoint, by a dim dot.
    await workbench.page.mouse.move(0, 0);
    await workbench.page.locator('.editor-instance .codicon-debug-hint').waitFor({ state: 'detached' });
    await workbench.screenshot('newcomer stop');
    const errors = workbench.page.locator('.notification-toast', { has: workbench.page.locator('.codicon-error') });
    assert.deepEqual(await errors.allInnerTexts(), [], 'a newcomer is told of no error');
  });

  it('finds the steps done and opens the dashboard from the last', async () => {
    await workbench.page.locator('.tab', { hasText: 'Walkthrough' }).click();
    for (const title of ['Open a project', 'Set a breakpoint', 'Press F5', 'Look around']) {
      await step(title).locator('.codicon.complete').waitFor();
    }
    await step('See what it costs').click();
    await workbench.page.locator('.getting-started-step.expanded').getByText('Show Dashboard').click();
    await workbench.page
      .locator('iframe.webview')
      .last()
      .contentFrame()
      .frameLocator('#active-frame')
      .getByRole('heading', { level: 1 })
      .waitFor();
    await workbench.screenshot('newcomer dashboard');
    await workbench.page.keyboard.press('Shift+F5');
    await workbench.ended();
  });
});
