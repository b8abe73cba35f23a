// The walkthrough as a newcomer goes through it: each step is marked as done when it is, and the last opens the dashboard.
import type { SampleProject } from '../../support/sampleProject';
import type { Workbench } from '../../support/vscodeWorkbench';

describe('the walkthrough', () => {
  let sample: SampleProject;
  let workbench: Workbench;

  before(async function () {
    ({ sample, workbench } = await this.window.openSample());
  });

  const step = (name: string) => workbench.page.locator('.getting-started-step', { hasText: name });
  const done = (name: string) => step(name).locator('.codicon-getting-started-step-checked');
  const open = async (): Promise<void> => {
    await workbench.command('Welcome: Open Walkthrough...');
    const input = workbench.page.locator('.quick-input-widget input');
    await input.fill('Debug Elixir');
    await workbench.page
      .locator('.quick-input-list .monaco-list-row.focused', { hasText: 'Debug Elixir at native speed' })
      .waitFor();
    await workbench.page.keyboard.press('Enter');
    await step('Open a project').waitFor();
  };

  it('knows that a project is open', async () => {
    await workbench.statusBarItem('Elixir: ').waitFor();
    await open();
    await done('Open a project').waitFor();
  });

  it('follows from the breakpoint over F5 and the stop to the dashboard', async () => {
    const { page } = workbench;
    // Keys pressed in a picture would not reach the window.
    await page.locator('.explorer-folders-view .monaco-list-row', { hasText: 'mix.exs' }).click();
    await page.locator('.tab.active', { hasText: 'mix.exs' }).waitFor();
    await workbench.openFile('pricing.ex');
    const line = await sample.line('lib/shop/pricing.ex', 'saved = min(');
    await workbench.clickGutter(line);
    await workbench.breakpointGlyphs.first().waitFor();
    await page.keyboard.press('F5');
    await workbench.waitForStop(line);
    await open();
    for (const each of ['Set a breakpoint', 'Press F5', 'Look around']) await done(each).waitFor();
    await step('See what it costs').click();
    await step('See what it costs').getByText('Show Dashboard').click();
    await page.locator('.tab', { hasText: 'Elixir Debugger Dashboard' }).waitFor();
    await page.locator('.debug-toolbar .action-label[aria-label^="Stop"]').click();
    await workbench.ended();
  });
});
