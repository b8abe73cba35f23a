// The debug views in the workbench: processes and modules of a stopped program, the filter above the call stack, the
// toolbar, in three themes.
import type { Locator } from 'playwright-core';
import { fixtureCopy, type Fixture } from '../../support/fixture';
import type { Workbench } from '../../support/vscodeWorkbench';

describe('the debug views', () => {
  let supervised: Fixture;
  let workbench: Workbench;

  before(async function () {
    supervised = await fixtureCopy('supervised');
    supervised.write('start.exs', 'Supervised.run()\n');
    workbench = await this.window.open(supervised.dir);
  });
  after(() => {
    supervised.remove();
  });

  const pane = (name: string) =>
    workbench.page.locator('.pane', { has: workbench.page.locator(`.pane-header[aria-label^="${name}"]`) });
  const open = async (name: string): Promise<void> => {
    const header = pane(name).locator('.pane-header');
    await header.waitFor();
    if ((await header.getAttribute('aria-expanded')) !== 'true') await header.click();
  };
  const close = async (name: string): Promise<void> => {
    const header = pane(name).locator('.pane-header');
    if ((await header.getAttribute('aria-expanded')) === 'true') await header.click();
  };
  const row = (name: string, text: string | RegExp) =>
    pane(name).locator('.monaco-list-row').filter({ hasText: text }).first();

  /** Chooses an entry of a row's menu. */
  const choose = async (of: Locator, entry: string, effect: Locator): Promise<void> => {
    // VS Code drops a click on a row that it draws anew at that moment, as the figures change every second.
    for (let tries = 0; tries < 3 && !(await effect.isVisible()); tries++) {
      await of.click({ button: 'right' });
      await workbench.page.locator('.context-view .action-item', { hasText: entry }).hover();
      await workbench.page.keyboard.press('Enter');
      await workbench.page.locator('.context-view .monaco-menu').waitFor({ state: 'hidden' });
      await effect.waitFor({ timeout: 5_000 }).catch(() => undefined);
    }
    await effect.waitFor();
  };

  it('hide processes of OTP in the call stack until they are asked for', async () => {
    await workbench.openFile('start.exs');
    await workbench.page.keyboard.press('F5');
    await workbench.callStack().filter({ hasText: 'Supervised.Carts' }).first().waitFor();
    // Rows that do not fit are not in the page.
    for (const other of ['Variables', 'Watch', 'Breakpoints']) await close(other);
    const system = workbench.callStack().filter({ hasText: ':init' }).first();
    await system.waitFor({ state: 'hidden' });
    await workbench.command('Elixir Debugger: Show System Processes');
    await system.waitFor();
    await workbench.command('Elixir Debugger: Hide System Processes');
    await system.waitFor({ state: 'hidden' });
  });

  it('show the supervision tree', async () => {
    await close('Call Stack');
    await open('Processes');
    await row('Processes', 'Supervised.Supervisor').waitFor();
    await row('Processes', /Supervised\.Registry: "anna"/).waitFor();
    await workbench.screenshot('processes dark');
    for (const [theme, kind, name] of [
      ['Light Modern', 'vs', 'light'],
      ['Dark High Contrast', 'hc-black', 'high contrast'],
    ] as const) {
      await workbench.theme(theme, kind);
      await row('Processes', 'Supervised.Supervisor').waitFor();
      await workbench.screenshot(`processes ${name}`);
    }
    await workbench.theme('Dark Modern', 'vs-dark');
  });

  it('pause a process, which the call stack then shows as stopped', async () => {
    const paused = row('Processes', /Supervised\.Registry: :standard.*stopped/);
    await choose(row('Processes', /Supervised\.Registry: :standard/), 'Pause Process', paused);
    await workbench.resume();
    await paused.waitFor({ state: 'hidden' });
  });

  it('end a process after asking, and its supervisor starts another', async () => {
    const cart = row('Processes', /Supervised\.Registry: :standard/);
    const notice = workbench.page.locator('.notification-toast', { hasText: 'End Supervised.Cart' });
    await choose(cart, 'End Process…', notice);
    await workbench.screenshot('end process dark');
    await notice.getByText('End Process', { exact: true }).click();
    await notice.waitFor({ state: 'hidden' });
    await cart.waitFor();
  });

  it('show modules by how they run', async () => {
    await close('Processes');
    await workbench.openFile('application.ex');
    await workbench.clickGutter(supervised.line('lib/supervised/application.ex', 'Supervisor.start_link(children'));
    await open('Modules');
    await row('Modules', 'Supervised.Application').waitFor();
    await row('Modules', 'Interpreted').waitFor();
    await workbench.screenshot('modules dark');
  });

  it('prepare, release, pin and explain a module from its menu', async () => {
    await row('Modules', 'Native').click();
    const module = row('Modules', 'Supervised.MixProject');
    const runs = (state: string) =>
      pane('Modules').locator(`.monaco-list-row[aria-label^="Supervised.MixProject, ${state}"]`);
    await runs('Native').waitFor();
    await choose(module, 'Prepare Modules…', runs('Prepared'));
    // The state had no other module: it comes back closed.
    await choose(module, 'Release Modules…', row('Modules', 'Native'));
    await row('Modules', 'Native').click();
    await runs('Native').waitFor();
    await choose(module, 'Pin or Unpin a Module…', runs('Prepared'));
    await choose(module, 'Explain a Module…', workbench.page.locator('.tab', { hasText: 'Supervised.MixProject' }));
  });

  it('have the dashboard in the toolbar', async () => {
    await workbench.page.locator('.debug-toolbar .action-label[aria-label*="Show Dashboard"]').waitFor();
    await workbench.page.keyboard.press('Shift+F5');
    await workbench.ended();
  });
});
