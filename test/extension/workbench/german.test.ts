// A window in German: extension, server, adapter and agent speak it, in one session. VS Code's own texts stay English here.
import type { SampleProject } from '../../support/sampleProject';
import type { Workbench } from '../../support/vscodeWorkbench';

describe('a German window', () => {
  let sample: SampleProject;
  let workbench: Workbench;

  before(async function () {
    sample = await this.window.sample();
    workbench = await this.window.openApart({ folder: sample.folder, language: 'de' });
  });

  it('says what the server knows of a breakpoint', async () => {
    await workbench.openFile('pricing.ex');
    await workbench.clickGutter(await sample.line('lib/shop/pricing.ex', 'saved = min('));
    await workbench.breakpointGlyphs.first().waitFor();
    await workbench.page.locator('.codelens-decoration', { hasText: 'interpretiert nur apply_discounts/2' }).waitFor();
  });

  it('says what the adapter tells at a stop', async () => {
    // No code stands in this line, and none follows it in its function.
    await workbench.clickGutter((await sample.line('lib/shop/pricing.ex', '%{receipt | subtotal: subtotal}')) + 1);
    await workbench.page.keyboard.press('F5');
    await workbench.callStack().filter({ hasText: 'Angehalten am Haltepunkt' }).first().waitFor();
    await workbench.callStack().filter({ hasText: 'Hauptprozess' }).first().waitFor();
    await workbench.page.locator('.debug-variables').getByText('Lokale Variablen').waitFor();
    await workbench.page.locator('.debug-breakpoints').getByText('Nicht abgefangene Ausnahmen').waitFor();
    const cannot = workbench.page.locator('.debug-breakpoints .monaco-list-row', { hasText: 'pricing.ex' }).first();
    await cannot.hover();
    await workbench.page
      .locator('.monaco-hover', { hasText: 'Nichts in dieser Zeile kann anhalten' })
      .first()
      .waitFor();
  });

  it('has the dashboard, its reasons and its commands in German', async () => {
    await workbench.command('Elixir-Debugger: Dashboard anzeigen');
    const dashboard = workbench.page.frameLocator('iframe.webview').frameLocator('#active-frame');
    await dashboard.getByRole('tab', { name: 'Module' }).click();
    await dashboard.getByRole('gridcell', { name: 'Shop.Pricing', exact: true }).click();
    await dashboard.getByText('Es enthält einen Haltepunkt, Zeile', { exact: false }).first().waitFor();
    await workbench.screenshot('german window');
  });
});
