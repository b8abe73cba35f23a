// A person's first session: F5 on the sample, a click in the gutter, values, steps, the end. Screenshots are kept.
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import * as path from 'node:path';
import type { SampleProject } from '../../support/sampleProject';
import type { Workbench } from '../../support/vscodeWorkbench';

describe('a first session in the workbench', () => {
  let sample: SampleProject;
  let workbench: Workbench;

  before(async function () {
    ({ sample, workbench } = await this.window.openSample());
  });

  const press = (key: string): Promise<void> => workbench.page.keyboard.press(key);

  it('stops at a breakpoint clicked in the gutter, on F5 without any configuration', async () => {
    await workbench.openFile('pricing.ex');
    const stop = await sample.line('lib/shop/pricing.ex', 'saved = min(');
    await workbench.clickGutter(stop);
    await workbench.breakpointGlyphs.first().waitFor();
    await press('F5');
    await workbench.waitForStop(stop);
    await workbench.callStack().filter({ hasText: 'apply_discounts' }).first().waitFor();
  });

  it('shows the variables of the frame', async () => {
    await workbench.variable('saved').filter({ hasText: '770' }).waitFor();
    await workbench.variable('receipt').filter({ hasText: '%Shop.Receipt{' }).waitFor();
    await workbench.variable('discounts').waitFor();
  });

  it('shows values beside the code', async () => {
    await workbench.lineWith('saved = min(').filter({ hasText: 'saved = 770' }).waitFor();
    await workbench.screenshot('stopped dark');
  });

  it('shows a value on hover', async () => {
    await workbench.hover('receipt', 'saved = min(', 'Shop.Receipt');
    await workbench.screenshot('hover dark');
    await press('Escape');
  });

  it('is readable in light and high-contrast themes', async () => {
    await workbench.theme('Light Modern', 'vs');
    await workbench.coloured('defp');
    await workbench.screenshot('stopped light');
    await workbench.theme('Dark High Contrast', 'hc-black');
    await workbench.coloured('defp');
    await workbench.screenshot('stopped high contrast');
    await workbench.theme('Dark Modern', 'vs-dark');
  });

  it('steps over', async () => {
    await press('F10');
    await workbench.waitForStop(await sample.line('lib/shop/pricing.ex', '| saved: saved}'));
  });

  it('returns into the caller at the end of a function', async () => {
    await press('F10');
    await workbench.waitForStop(await sample.line('lib/shop/pricing.ex', '|> add_tax()'));
  });

  it('steps into a function', async () => {
    await press('F11');
    await workbench.waitForStop(await sample.line('lib/shop/pricing.ex', 'taxable = receipt'));
    await workbench.screenshot('stepped in dark');
  });

  it('evaluates in the Debug Console', async () => {
    await workbench.evaluate('receipt.subtotal + 1');
    await workbench.console().getByText('6301', { exact: true }).waitFor();
    await workbench.screenshot('console dark');
  });

  it('continues to the end and shows what the program printed', async () => {
    await press('F5');
    await workbench.ended();
    const text = await workbench.console().innerText();
    assert.match(text, /Total\s+65\.80/);
  });

  it('says in a notice, never in a dialog, why a session cannot start, and opens what is to be mended', async () => {
    const launch = { type: 'elixir', request: 'launch', name: 'astray', task: 'checkout', elixirPath: '/nowhere' };
    await mkdir(path.join(sample.folder, '.vscode'), { recursive: true });
    const file = path.join(sample.folder, '.vscode', 'launch.json');
    await writeFile(file, JSON.stringify({ version: '0.2.0', configurations: [launch] }));
    await workbench.page
      .locator('.start-debug-action-item option', { hasText: 'astray' })
      .waitFor({ state: 'attached' });
    await press('F5');
    const notice = workbench.page.locator('.notification-toast', { hasText: '"elixirPath" is /nowhere' });
    await notice.waitFor();
    assert.equal(await workbench.page.locator('.monaco-dialog-box').count(), 0);
    await notice.getByText('Open launch.json', { exact: true }).click();
    await workbench.page.locator('.tab', { hasText: 'launch.json' }).waitFor();
  });
});
