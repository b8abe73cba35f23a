// `npm run screenshots`: the pictures of README and docs, taken of the real product in a real VS Code. Keeps them in
// docs/images. It checks nothing but that it gets where it wants to go.
/// <reference lib="dom" />
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import * as path from 'node:path';
import type { FrameLocator } from 'playwright-core';
import { root } from '../support/paths';
import { launchChromium } from '../support/chromium';
import { copySample, type SampleProject } from '../support/sampleProject';
import { VsCodeInChromium } from '../support/vscodeInChromium';
import { Workbench } from '../support/vscodeWorkbench';
import { animation, still, type Frame } from './pictures';

const IMAGES = path.join(root, 'docs', 'images');
const SIZE = { width: 1200, height: 760 };
const SETTINGS = {
  'workbench.colorTheme': 'Default Dark Modern',
  'elixirLS.coordinatedInterpretation.strategy': 'predictive',
  'debug.toolBarLocation': 'docked',
  'debug.internalConsoleOptions': 'neverOpen',
  'editor.minimap.enabled': false,
  'breadcrumbs.enabled': false,
  'window.commandCenter': false,
  'workbench.layoutControl.enabled': false,
  'testing.automaticallyOpenTestResults': 'neverOpen',
  'testing.automaticallyOpenPeekView': 'never',
};

class Photographer {
  readonly #frames: Frame[] = [];

  constructor(
    readonly vscode: VsCodeInChromium,
    readonly sample: SampleProject,
    readonly workbench = new Workbench(vscode.page),
  ) {}

  press(key: string): Promise<void> {
    return this.vscode.page.keyboard.press(key);
  }

  /** `still`: the pointer stays where it is. */
  async picture(name: string, pointer: 'away' | 'still' = 'away'): Promise<void> {
    const png = still(await this.shot(pointer));
    await writeFile(path.join(IMAGES, `${name}.png`), png);
    process.stdout.write(`${name}.png ${kilobytes(png)}\n`);
  }

  /** `keys`: what was pressed to get here, shown over the picture as a viewer cannot see the keyboard. */
  async frame(delay: number, keys = ''): Promise<void> {
    await this.badge(keys);
    this.#frames.push({ png: await this.shot(), delay });
    await this.badge('');
  }

  async film(name: string): Promise<void> {
    const gif = animation(this.#frames);
    await writeFile(path.join(IMAGES, `${name}.gif`), gif);
    process.stdout.write(`${name}.gif ${kilobytes(gif)}\n`);
  }

  private async shot(pointer: 'away' | 'still' = 'away'): Promise<Buffer> {
    // Where it hovers nothing.
    if (pointer === 'away') await this.vscode.page.mouse.move(SIZE.width - 40, SIZE.height - 160);
    // What comes late: colours, inline values.
    await this.vscode.page.waitForTimeout(700);
    return this.vscode.page.screenshot({ caret: 'hide' });
  }

  private async badge(keys: string): Promise<void> {
    await this.vscode.page.evaluate((text) => {
      document.getElementById('keys')?.remove();
      if (text === '') return;
      const badge = document.createElement('div');
      badge.id = 'keys';
      badge.textContent = text;
      badge.style.cssText =
        'position:fixed;right:24px;bottom:44px;z-index:100000;padding:8px 18px;border-radius:8px;background:#4b2e83;color:#fff;font:600 20px sans-serif';
      document.body.append(badge);
    }, keys);
  }
}

async function main(): Promise<void> {
  await mkdir(IMAGES, { recursive: true });
  await icon();
  const sample = await copySample();
  const vscode = await VsCodeInChromium.open({ folder: sample.folder, settings: SETTINGS });
  try {
    await vscode.page.setViewportSize(SIZE);
    const photographer = new Photographer(vscode, sample);
    await photographer.workbench.ready();
    await firstSession(photographer);
    await coordination(photographer);
    await tests(photographer);
  } catch (error) {
    await new Workbench(vscode.page).screenshot('screenshots failed');
    throw error;
  } finally {
    await vscode.close();
    await sample.remove();
  }
}

/** The extension's icon, as the package wants it. */
async function icon(): Promise<void> {
  const side = 128;
  const media = path.join(root, 'media');
  const browser = await launchChromium();
  try {
    const page = await browser.newPage({ viewport: { width: side, height: side } });
    const drawing = await readFile(path.join(media, 'icon.svg'), 'utf8');
    await page.setContent(`<style>* { margin: 0 } svg { display: block; width: ${side}px }</style>${drawing}`);
    await page.screenshot({ path: path.join(media, 'icon.png'), omitBackground: true });
  } finally {
    await browser.close();
  }
}

/** From the first click into the gutter to a module that nobody named, and to the end: the film, and two stills of it. */
async function firstSession(photographer: Photographer): Promise<void> {
  const { workbench, sample, vscode } = photographer;
  const { page } = vscode;
  await workbench.openFile('pricing.ex');
  await workbench.coloured('defp');
  // Nothing but the code until something happens.
  await workbench.command('View: Close Primary Side Bar');
  await photographer.frame(1200);
  const stop = await sample.line('lib/shop/pricing.ex', 'Discount.amount(discount');
  await workbench.clickGutter(stop);
  await workbench.breakpointGlyphs.first().waitFor();
  await photographer.frame(1000, 'click');
  await photographer.press('F5');
  await workbench.waitForStop(stop);
  await workbench.callStack().filter({ hasText: 'apply_discounts' }).first().waitFor();
  for (const view of ['Watch', 'Breakpoints']) {
    await page.locator(`.pane-header[aria-label^="${view} Section"][aria-expanded="true"]`).click();
  }
  await photographer.frame(2200, 'F5');
  await photographer.press('F11');
  await workbench.variable('discount').filter({ hasText: 'Percent' }).first().waitFor();
  await photographer.frame(2000, 'F11: into the closure');
  await photographer.press('F11');
  await page.locator('.tab.active', { hasText: 'discount.ex' }).waitFor();
  await workbench.variable('tag').waitFor();
  await workbench.coloured('defimpl');
  await photographer.frame(2800, 'F11: into a module nobody named');
  await photographer.picture('stepped-in-dark');
  await photographer.press('F10');
  await workbench.waitForStop(await sample.line('lib/shop/discount.ex', '|> Enum.filter'));
  await photographer.frame(1000, 'F10');
  await photographer.press('F10');
  await workbench.waitForStop(await sample.line('lib/shop/discount.ex', '|> Enum.map(&Shop.Item.total/1)'));
  await photographer.frame(1600, 'F10');
  await photographer.press('Shift+F11');
  await page.locator('.tab.active', { hasText: 'pricing.ex' }).waitFor();
  await photographer.frame(1600, 'Shift+F11: back out');
  // A second click takes the breakpoint away.
  await workbench.clickGutter(stop);
  await workbench.breakpointGlyphs.first().waitFor({ state: 'detached' });
  await photographer.press('F5');
  await workbench.ended();
  await workbench.command('Debug Console: Focus on Debug Console View');
  await workbench.console().getByText('Total', { exact: false }).first().waitFor();
  await photographer.frame(3000, 'F5');
  await photographer.film('session');
  await photographer.press('Control+J');
}

/** A stop with its values, what the status bar tells, and the dashboard beside it. */
async function coordination(photographer: Photographer): Promise<void> {
  const { workbench, sample, vscode } = photographer;
  const { page } = vscode;
  const stop = await sample.line('lib/shop/pricing.ex', 'saved = min(');
  await workbench.clickGutter(stop);
  await photographer.press('F5');
  await workbench.waitForStop(stop);
  await workbench.lineWith('saved = min(').filter({ hasText: 'saved = 770' }).waitFor();
  await workbench.statusBarItem(/Elixir: predictive · [1-9]/).waitFor();
  await photographer.picture('stopped-dark');
  await workbench.statusBarItem(/Elixir: /).hover();
  await page.locator('.monaco-hover', { hasText: 'Elixir Coordinated Debugger' }).waitFor();
  await photographer.picture('status-bar-dark', 'still');
  await page.mouse.move(600, 300);
  await workbench.command('View: Close Primary Side Bar');
  await workbench.command('Elixir Debugger: Show Dashboard');
  const dashboard = page.frameLocator('iframe.webview').frameLocator('#active-frame');
  await dashboard.getByRole('heading', { level: 1 }).waitFor();
  await workbench.command('View: Focus First Editor Group');
  // Something to show: what is set while the program runs takes a time, and so do steps.
  await workbench.clickGutter(await sample.line('lib/shop/pricing.ex', 'taxable = receipt'));
  for (const line of ['| saved: saved}', '|> add_tax()']) {
    await photographer.press('F10');
    await workbench.waitForStop(await sample.line('lib/shop/pricing.ex', line));
  }
  await dashboard.getByRole('img', { name: /Timeline of interpretation and stops: [1-9]/ }).waitFor();
  await workbench.theme('Light Modern', 'vs');
  await page.locator('.statusbar-item', { hasText: 'Activating' }).waitFor({ state: 'detached' });
  await workbench.coloured('defp');
  await photographer.picture('dashboard-light');
  await modules(dashboard);
  await workbench.theme('Dark Modern', 'vs-dark');
  await photographer.picture('dashboard-modules-dark');
  await photographer.press('Shift+F5');
  await workbench.ended();
  await workbench.command('View: Close All Editors');
}

async function modules(dashboard: FrameLocator): Promise<void> {
  await dashboard.getByRole('tab', { name: 'Modules' }).click();
  await dashboard.getByRole('gridcell', { name: 'Shop.Pricing', exact: true }).click();
  await dashboard.getByRole('heading', { name: 'Why it is here' }).waitFor();
}

/** The tests of the project, run, in high contrast. */
async function tests(photographer: Photographer): Promise<void> {
  const { workbench } = photographer;
  await workbench.openFile('pricing_test.exs');
  await workbench.openTesting();
  await workbench.expandTests();
  await workbench.command('Test: Run All Tests');
  await workbench.testIn('passed', 'tax is added to the subtotal').waitFor();
  await workbench.testIn('passed', 'the next sale starts empty').waitFor();
  await workbench.theme('Dark High Contrast', 'hc-black');
  await workbench.coloured('test');
  await photographer.picture('tests-high-contrast');
}

const kilobytes = (bytes: Buffer): string => `${Math.round(bytes.length / 1024)} KB`;

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
});
