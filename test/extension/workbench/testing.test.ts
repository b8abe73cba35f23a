// The test explorer in the workbench: the tree, a run with its results, a failure with its diff, coverage, one test debugged.
import { fixtureCopy, type Fixture } from '../../support/fixture';
import type { Workbench } from '../../support/vscodeWorkbench';

describe('the test explorer in the workbench', () => {
  let project: Fixture;
  let workbench: Workbench;

  before(async function () {
    project = await fixtureCopy('tested', { compiled: true });
    workbench = await this.window.open(project.dir);
  });
  after(() => {
    project.remove();
  });

  it('lists files, and in them blocks, tests and doctests', async () => {
    await workbench.openTesting();
    await workbench.expandTests();
    await workbench.test('tested_test.exs').waitFor();
    for (const name of ['TestedTest', 'passes', 'inside a block', 'waits', 'doctest Tested', 'SetupTest']) {
      await workbench.test(name).first().waitFor();
    }
  });

  it('runs all and shows what passed, failed and was skipped, live', async () => {
    await workbench.command('Test: Run All Tests');
    await workbench.testIn('passed', 'passes').waitFor();
    await workbench.testIn('failed', 'differs').waitFor();
    await workbench.testIn('skipped', 'waits').waitFor();
    await workbench.expandTests();
    // Made by a comprehension: in no source, but they ran.
    await workbench.testIn('passed', 'made first').waitFor();
    await workbench.testIn('failed', 'made second').waitFor();
    await workbench.testIn('error', 'never gets there').waitFor();
    await workbench.screenshot('tests dark');
  });

  it('shows both sides of a failed assertion', async () => {
    await workbench.test('differs').first().dblclick();
    await workbench.command('Test: Peek Output');
    await workbench.page.locator('.test-output-peek').getByText('Expected', { exact: false }).first().waitFor();
    // The file is open now, and its tests were read again; what only the run has shown is still there.
    await workbench.testIn('passed', 'made first').waitFor();
    await workbench.screenshot('failed test dark');
    await workbench.page.keyboard.press('Escape');
  });

  it('shows which lines ran', async () => {
    await workbench.command('Test: Run All Tests with Coverage');
    await workbench.page.locator('.test-coverage-list-item', { hasText: 'tested.ex' }).first().waitFor();
    await workbench.openFile('lib/tested.ex');
    await workbench.page.locator('.coverage-deco-gutter.coverage-deco-hit').first().waitFor();
    await workbench.page.locator('.coverage-deco-gutter.coverage-deco-miss').first().waitFor();
    await workbench.screenshot('coverage dark');
  });

  it('debugs one test, which stops at its breakpoint', async () => {
    await workbench.openFile('lib/tested.ex');
    const line = project.line('lib/tested.ex', 'number * 2');
    await workbench.clickGutter(line);
    await workbench.breakpointGlyphs.first().waitFor();
    await workbench.openFile('tested_test.exs');
    // Above the first test; the lens of the doctest comes before.
    await workbench.page.locator('.codelens-decoration a', { hasText: 'Debug Test' }).nth(1).click();
    await workbench.waitForStop(line);
    await workbench.callStack().filter({ hasText: 'test passes' }).first().waitFor();
    await workbench.page.keyboard.press('F5');
    await workbench.ended();
  });
});
