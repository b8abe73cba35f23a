// Beside ElixirLS, played by an extension with its name, language, grammar, debugger and tests: colours and tests are left
// to it, its configurations run as before until the user says otherwise, and debugging works the same.
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import * as path from 'node:path';
import { fixtures } from '../../support/paths';
import type { SampleProject } from '../../support/sampleProject';
import type { Workbench } from '../../support/vscodeWorkbench';

const LAUNCH = {
  version: '0.2.0',
  configurations: [{ type: 'mix_task', request: 'launch', name: 'mix (default)', task: 'checkout' }],
};

describe('beside ElixirLS', () => {
  let sample: SampleProject;
  let workbench: Workbench;

  before(async function () {
    sample = await this.window.sample();
    workbench = await this.window.openApart({
      folder: sample.folder,
      extensions: [path.join(fixtures, 'otherExtension')],
    });
  });

  const line = 15;
  const settings = (): string => path.join(sample.folder, '.vscode', 'settings.json');
  const question = () =>
    workbench.page.locator('.notification-toast', { hasText: 'Run the mix_task configurations of this workspace' });
  const othersRun = () => workbench.console().getByText('the other ran this');
  const start = async (): Promise<void> => {
    await workbench.command('Debug: Start Debugging');
  };

  it('stops at a gutter breakpoint on F5, and leaves the colours to the other', async () => {
    await workbench.openFile('item.ex');
    await workbench.coloured('defmodule');
    await workbench.clickGutter(line);
    await workbench.breakpointGlyphs.first().waitFor();
    assert.equal(await workbench.breakpointGlyphs.count(), 1);
    await workbench.page.keyboard.press('F5');
    // Two debuggers offer themselves for Elixir.
    const choice = workbench.page
      .locator('.quick-input-list .monaco-list-row')
      .filter({ hasText: /^Elixir/ })
      .first();
    await choice.click();
    await workbench.waitForStop(line);
    // The other's grammar knows one word. Had this extension coloured too, it would have done so long before the stop.
    assert.equal(await workbench.piece('defmodule').count(), 1);
    assert.equal(await workbench.piece('def').count(), 0);
    await workbench.page.keyboard.press('Shift+F5');
    await workbench.ended();
  });

  it('shows no second tree of tests, unless a setting asks for it', async () => {
    await workbench.openTesting();
    await workbench.test('a test of the other').waitFor();
    // A tree has its name above it only where there is another.
    const files = workbench.page.locator('.test-explorer').getByText('pricing_test.exs');
    assert.equal(await files.count(), 0);
    await mkdir(path.dirname(settings()), { recursive: true });
    await writeFile(settings(), JSON.stringify({ 'elixirLS.coordinatedInterpretation.testExplorer': 'on' }));
    await workbench.test('ExUnit').waitFor();
    await workbench.test('Other tests').waitFor();
    await workbench.expandTests();
    await files.first().waitFor();
  });

  it('leaves its configurations to it, and asks once whether to take them', async () => {
    await writeFile(path.join(sample.folder, '.vscode', 'launch.json'), JSON.stringify(LAUNCH));
    await workbench.command('View: Show Run and Debug');
    await workbench.page
      .locator('.start-debug-action-item option', { hasText: 'mix (default)' })
      .waitFor({ state: 'attached' });
    await start();
    await question().waitFor();
    await workbench.command('Debug Console: Focus on Debug Console View');
    await othersRun().first().waitFor();
    await workbench.screenshot('mix_task question');
    await question().getByText('Always', { exact: true }).click();
    await question().waitFor({ state: 'hidden' });
    await workbench.ended();
  });

  it('runs them once the user agreed, and the file stays as it is', async () => {
    await start();
    await workbench.waitForStop(line);
    await workbench.page.keyboard.press('Shift+F5');
    await workbench.ended();
    const text = await readFile(path.join(sample.folder, '.vscode', 'launch.json'), 'utf8');
    assert.equal(text, JSON.stringify(LAUNCH));
    assert.equal(await question().count(), 0);
  });

  it('gives them back by a command, and takes them again', async () => {
    const who = async (label: string): Promise<void> => {
      await workbench.command('Elixir Debugger: Choose Who Runs mix_task Configurations…');
      await workbench.page.locator(`.quick-input-list .monaco-list-row[aria-label^="${label},"]`).click();
      await workbench.page.locator('.quick-input-widget').waitFor({ state: 'hidden' });
    };
    await who('The Extension That Contributes Them');
    await start();
    await workbench.command('Debug Console: Focus on Debug Console View');
    await othersRun().first().waitFor();
    await workbench.ended();
    await who('This Debugger');
    await start();
    await workbench.waitForStop(line);
    await workbench.page.keyboard.press('Shift+F5');
    await workbench.ended();
  });

  it('leaves them alone again while coordination is off', async () => {
    await writeFile(settings(), JSON.stringify({ 'elixirLS.coordinatedInterpretation.enabled': false }));
    await workbench.statusBarItem('Elixir: traditional').waitFor();
    assert.equal(await othersRun().count(), 0);
    await start();
    await workbench.command('Debug Console: Focus on Debug Console View');
    await othersRun().first().waitFor();
    await workbench.ended();
  });
});
