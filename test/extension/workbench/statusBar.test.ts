// The status bar item, its tooltip and the quick controls in the workbench, before and during a session, in three themes.
import type { SampleProject } from '../../support/sampleProject';
import type { Workbench } from '../../support/vscodeWorkbench';

describe('the status bar', () => {
  let sample: SampleProject;
  let workbench: Workbench;

  before(async function () {
    ({ sample, workbench } = await this.window.openSample());
  });

  it('names the strategy while no session runs', async () => {
    await workbench.statusBarItem('Elixir: demand-driven').waitFor();
  });

  it('counts interpreted and prepared modules while a process is stopped', async () => {
    await workbench.openFile('pricing.ex');
    await workbench.clickGutter(await sample.line('lib/shop/pricing.ex', 'saved = min('));
    await workbench.breakpointGlyphs.first().waitFor();
    await workbench.page.keyboard.press('F5');
    await workbench.callStack().filter({ hasText: 'apply_discounts' }).first().waitFor();
    await workbench.statusBarItem(/Elixir: demand-driven · [1-9]\d*\/\d+/).waitFor();
  });

  it('tells more in its tooltip', async () => {
    await workbench.statusBarItem(/Elixir: /).hover();
    const tooltip = workbench.page.locator('.monaco-hover', { hasText: 'Elixir Coordinated Debugger' });
    await tooltip.filter({ hasText: 'Interpreted, prepared' }).waitFor();
    await workbench.screenshot('status bar dark');
    for (const [theme, kind, name] of [
      ['Light Modern', 'vs', 'light'],
      ['Dark High Contrast', 'hc-black', 'high contrast'],
    ] as const) {
      await workbench.page.mouse.move(700, 300);
      await workbench.theme(theme, kind);
      await workbench.statusBarItem(/Elixir: /).hover();
      await tooltip.waitFor();
      await workbench.screenshot(`status bar ${name}`);
    }
    await workbench.page.mouse.move(700, 300);
    await workbench.theme('Dark Modern', 'vs-dark');
  });

  it('opens quick controls, which switch coordination off and on', async () => {
    const off = workbench.page.locator('.quick-input-list').getByText('Turn coordination off now');
    for (const [theme, kind, name] of [
      ['Light Modern', 'vs', 'light'],
      ['Dark High Contrast', 'hc-black', 'high contrast'],
      ['Dark Modern', 'vs-dark', 'dark'],
    ] as const) {
      await workbench.theme(theme, kind);
      await workbench.statusBarItem(/Elixir: /).click();
      await off.waitFor();
      await workbench.page.locator('.quick-input-list').getByText('Export performance report…').waitFor();
      await workbench.screenshot(`quick controls ${name}`);
      if (name !== 'dark') await workbench.page.keyboard.press('Escape');
    }
    await off.click();
    await workbench.statusBarItem(/Elixir: on demand · /).waitFor();
    await workbench.command('Elixir Debugger: Toggle Coordination');
    await workbench.statusBarItem(/Elixir: demand-driven · /).waitFor();
  });

  it('follows the strategy that the user selects, in the running session', async () => {
    await workbench.command('Elixir Debugger: Select Strategy…');
    await workbench.page.locator('.quick-input-list .monaco-list-row', { hasText: 'predictive' }).first().click();
    await workbench.statusBarItem(/Elixir: predictive · /).waitFor();
    // And back: the settings of the user stay for the suites that come after.
    await workbench.command('Elixir Debugger: Select Strategy…');
    await workbench.page.locator('.quick-input-list .monaco-list-row', { hasText: 'demand-driven' }).first().click();
    await workbench.statusBarItem(/Elixir: demand-driven · /).waitFor();
  });

  it('shows the modules of the session and why they are there, and explains the one that is chosen', async () => {
    await workbench.command('Elixir Debugger: Show Interpretation Status');
    const row = workbench.page.locator('.quick-input-list .monaco-list-row', { hasText: 'Shop.Pricing' }).first();
    await row.waitFor();
    await workbench.screenshot('interpretation status');
    await row.click();
    await workbench.page.locator('.tab.active', { hasText: 'Shop.Pricing' }).waitFor();
    const text = workbench.page.locator('iframe.webview').last().contentFrame().frameLocator('#active-frame');
    await text.getByRole('heading', { name: 'Shop.Pricing' }).waitFor();
    await workbench.screenshot('explained module');
  });

  it('says on hover why a breakpoint cannot stop', async () => {
    await workbench.openFile('pricing.ex');
    await workbench.page.keyboard.press('Control+End');
    // The end of the module: no code stands there, and none comes after it.
    await workbench.clickGutter((await sample.line('lib/shop/pricing.ex', 'defp add_total')) + 3);
    await workbench.page.locator('.editor-instance .codicon-debug-breakpoint-unverified').first().hover();
    await workbench.page
      .locator('.monaco-hover', { hasText: 'Nothing on this line can stop, nor anything that follows it here.' })
      .first()
      .waitFor();
    await workbench.screenshot('breakpoint that cannot stop');
  });
});
