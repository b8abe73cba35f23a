// The dashboard in the real workbench, during a real debug session. Screenshots are kept, in each kind of theme.
/// <reference lib="dom" />
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import * as path from 'node:path';
import type { FrameLocator, Locator } from 'playwright-core';
import { root } from '../../support/paths';
import type { SampleProject } from '../../support/sampleProject';
import type { Workbench } from '../../support/vscodeWorkbench';

const THEMES = [
  { name: 'dark', label: 'Dark Modern', kind: 'vs-dark' },
  { name: 'light', label: 'Light Modern', kind: 'vs' },
  { name: 'highContrast', label: 'Dark High Contrast', kind: 'hc-black' },
  { name: 'highContrastLight', label: 'Light High Contrast', kind: 'hc-light' },
] as const;
const FIXTURES = path.join(root, 'test', 'fixtures', 'themes');

describe('the dashboard in the workbench', () => {
  let sample: SampleProject;
  let workbench: Workbench;
  let dashboard: FrameLocator;

  before(async function () {
    ({ sample, workbench } = await this.window.openSample());
    dashboard = workbench.page.frameLocator('iframe.webview').frameLocator('#active-frame');
  });

  it('opens beside the code', async () => {
    await workbench.openFile('pricing.ex');
    await workbench.command('Elixir Debugger: Show Dashboard');
    await dashboard.getByRole('heading', { level: 1 }).waitFor();
  });

  it('wears the theme of the window', async () => {
    const dist = path.join(root, 'dist');
    const page =
      (await readFile(path.join(dist, 'dashboard.css'), 'utf8')) +
      (await readFile(path.join(dist, 'dashboard.js'), 'utf8'));
    for (const { name, label, kind } of THEMES) {
      await workbench.theme(label, kind);
      const worn = await dashboard.locator('body').evaluate(() => ({
        bodyClass: document.body.className,
        variables: Object.fromEntries(
          [...document.documentElement.style]
            .filter((key) => key.startsWith('--vscode-'))
            .map((key) => [key, document.documentElement.style.getPropertyValue(key)]),
        ),
      }));
      // Of the many hundred, those that the page asks for; the charts' are put together from parts.
      worn.variables = Object.fromEntries(
        Object.entries(worn.variables).filter(([key]) => key.startsWith('--vscode-charts-') || page.includes(key)),
      );
      const fixture = path.join(FIXTURES, `${name}.json`);
      if (process.env['UPDATE_GOLDEN'] !== undefined) {
        await mkdir(FIXTURES, { recursive: true });
        await writeFile(fixture, `${JSON.stringify(worn, null, 2)}\n`);
      }
      // What the other dashboard tests put on the page is what a window puts there.
      const known = JSON.parse(await readFile(fixture, 'utf8')) as typeof worn;
      assert.deepEqual(colours(worn.variables), colours(known.variables));
    }
    await workbench.theme('Dark Modern', 'vs-dark');
  });

  it('shows the figures of a session that runs', async () => {
    await dashboard.getByText('No debug session yet').waitFor();
    const lines = (await readFile(path.join(sample.folder, 'lib/shop/pricing.ex'), 'utf8')).split('\n');
    const stop = lines.findIndex((line) => line.includes('saved = min(')) + 1;
    await workbench.clickGutter(stop);
    await workbench.breakpointGlyphs.first().waitFor();
    await workbench.command('View: Focus First Editor Group');
    await workbench.page.keyboard.press('F5');
    await workbench.waitForStop(stop);
    await tile('Stops')
      .filter({ hasText: /^[1-9]/ })
      .waitFor();
    // What is set before the code is loaded takes no time of the user's; this does.
    await workbench.clickGutter(lines.findIndex((line) => line.includes('taxable = receipt')) + 1);
    await tile('Click → armed')
      .filter({ hasText: /\d\s(µs|ms)/ })
      .waitFor();
    await dashboard.getByRole('img', { name: /Timeline of interpretation and stops: [1-9]/ }).waitFor();
    for (const { name, label, kind } of THEMES) {
      await workbench.theme(label, kind);
      await workbench.screenshot(`dashboard session ${name}`);
    }
    await workbench.theme('Dark Modern', 'vs-dark');
  });

  it('says why a module is interpreted, and what is around it', async () => {
    await dashboard.getByRole('tab', { name: 'Modules' }).click();
    await dashboard.getByRole('gridcell', { name: 'Shop.Pricing', exact: true }).click();
    await dashboard.getByRole('heading', { name: 'Why it is here' }).waitFor();
    await dashboard.getByText(/^Uses \d+ modules, used by \d+\.$/).waitFor();
    await workbench.screenshot('dashboard module dark');
    await dashboard.getByRole('tab', { name: 'Dependencies' }).click();
    await dashboard.getByRole('heading', { name: 'Around Shop.Pricing' }).waitFor();
    await dashboard
      .getByRole('button', { name: /Shop\.Receipt/ })
      .first()
      .waitFor();
    await workbench.screenshot('dashboard dependencies dark');
  });

  it('comes back as it was after it was hidden, with what happened meanwhile', async () => {
    await workbench.page.locator('.editor-group-container').nth(1).locator('.tab', { hasText: 'Dashboard' }).waitFor();
    await workbench.command('File: New Untitled Text File');
    await dashboard.getByRole('tab', { name: 'Dependencies' }).waitFor({ state: 'hidden' });
    await workbench.command('View: Focus First Editor Group');
    await workbench.page.keyboard.press('F10');
    const lines = (await readFile(path.join(sample.folder, 'lib/shop/pricing.ex'), 'utf8')).split('\n');
    await workbench.waitForStop(lines.findIndex((line) => line.includes('| saved: saved}')) + 1);
    await workbench.command('Elixir Debugger: Show Dashboard');
    await dashboard.getByRole('tab', { name: 'Dependencies', selected: true }).waitFor();
    await dashboard.getByRole('tab', { name: 'Overview' }).click();
    await tile('Stops')
      .filter({ hasText: /^[2-9]/ })
      .waitFor();
  });

  it('acts on a module: pins it, releases it, never interprets it, and opens its source', async () => {
    await dashboard.getByRole('tab', { name: 'Modules' }).click();
    await dashboard.getByRole('gridcell', { name: 'Shop.Till', exact: true }).click();
    const actions = dashboard.getByRole('group', { name: /Shop\.Till/ });
    const act = async (name: string, said: string): Promise<void> => {
      await actions.getByRole('button', { name, exact: true }).click();
      await dashboard.getByRole('status').filter({ hasText: said }).waitFor();
    };
    await actions.getByRole('button', { name: 'Open Source' }).click();
    await workbench.page.locator('.editor-group-container').first().locator('.tab', { hasText: 'till.ex' }).waitFor();
    // A module that nothing holds and nobody decided about leaves the table: so in this order.
    await act('Pin', 'Shop.Till is pinned: it stays prepared.');
    await act('Release', 'Shop.Till is released as soon as nothing holds it.');
    await act('Never Interpret', 'Shop.Till is never interpreted in this workspace.');
    await act('Allow Interpretation', 'Shop.Till may be interpreted again.');
  });

  it('saves what it shows where the user says', async () => {
    for (const [entry, name] of [
      ['Everything (JSON)', 'elixir-debugger-report.json'],
      ['Modules (CSV)', 'elixir-debugger-modules.csv'],
    ] as const) {
      await dashboard.locator('summary', { hasText: 'Export' }).click();
      await dashboard.getByRole('button', { name: entry }).click();
      const dialog = '.quick-input-widget';
      await workbench.page.waitForFunction(
        ([input, end]) => document.querySelector<HTMLInputElement>(input)?.value.endsWith(end) === true,
        [`${dialog} input.input`, name] as const,
      );
      await workbench.page.locator(dialog).getByText('OK', { exact: true }).click();
      await dashboard
        .getByRole('status')
        .filter({ hasText: `Saved as ${name}.` })
        .waitFor();
    }
    const saved = (name: string): Promise<string> => readFile(path.join(sample.folder, name), 'utf8');
    const report = JSON.parse(await saved('elixir-debugger-report.json')) as { modules: { module: string }[] };
    assert.ok(report.modules.some(({ module }) => module === 'Shop.Pricing'));
    assert.match(
      await saved('elixir-debugger-modules.csv'),
      /^module,state,reason,.*\r\n(.*\r\n)*Shop\.Pricing,interpreted,/,
    );
  });

  it('comes back after the window was reloaded, where it was left', async () => {
    await dashboard.getByRole('tab', { name: 'Health' }).click();
    const health = dashboard.locator('[role="tab"][aria-selected="true"]', { hasText: 'Health' });
    await health.waitFor();
    const loaded = workbench.page.waitForEvent('load');
    await workbench.command('Developer: Reload Window');
    await loaded;
    await health.waitFor();
    await dashboard.getByText('Live', { exact: false }).first().waitFor();
  });

  /** The figure under a title of the overview. */
  function tile(title: string): Locator {
    return dashboard
      .locator('.tile', { has: dashboard.getByText(title, { exact: true }) })
      .locator('dd')
      .first();
  }
});

/** Fonts differ between machines. */
function colours(variables: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(variables).filter(([, value]) => /^(#|rgba?\()/.test(value)));
}
