// The dashboard for everyone: axe-core (WCAG 2.1 AA), contrast by number, keys alone, reduced motion; in each kind of theme.
/// <reference lib="dom" />
import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import * as path from 'node:path';
import type { AxeResults } from 'axe-core';
import { DashboardBrowser, THEMES, type DashboardPage } from '../support/dashboardPage';
import { busySnapshot, emptySnapshot, moduleName, neighbourhood } from '../support/metrics';
import { root } from '../support/paths';

const ARTIFACTS = path.join(root, 'test', 'artifacts');
const TABS = ['Overview', 'Modules', 'Dependencies', 'Sessions', 'Health'];

describe('the dashboard is accessible', () => {
  let browser: DashboardBrowser;
  let axe: string;

  before(async () => {
    browser = await DashboardBrowser.start();
    axe = await readFile(require.resolve('axe-core/axe.min.js'), 'utf8');
    await mkdir(ARTIFACTS, { recursive: true });
  });
  after(() => browser.close());

  async function violations({ page }: DashboardPage): Promise<string[]> {
    await page.evaluate(axe);
    const { violations: found } = await page.evaluate<AxeResults>(
      `axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] })`,
    );
    return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`);
  }

  /** Every view with everything open, one after the other. */
  async function eachView(dashboard: DashboardPage, look: (name: string) => Promise<void>): Promise<void> {
    await dashboard.tell({ kind: 'snapshot', snapshot: busySnapshot() });
    for (const tab of TABS) {
      await dashboard.tab(tab);
      if (tab === 'Dependencies') {
        const { module } = await dashboard.asked('neighbourhood');
        await dashboard.tell({ kind: 'neighbourhood', neighbourhood: neighbourhood(module, 1) });
        await dashboard.page.getByRole('heading', { name: `Around ${module}` }).waitFor();
      }
      if (tab === 'Modules') {
        await dashboard.page.getByRole('row').nth(2).click();
        const { module } = await dashboard.asked('explain');
        await dashboard.tell({ kind: 'explanation', explanation: explanation(module) });
        await dashboard.page.getByText('Past use').waitFor();
      }
      await look(tab);
      const closed = dashboard.page.locator('main details:not([open]) > summary');
      while ((await closed.count()) > 0) await closed.first().click();
      await look(`${tab}, tables open`);
    }
  }

  for (const theme of THEMES) {
    describe(`in the ${theme} theme`, () => {
      let dashboard: DashboardPage;
      before(async () => (dashboard = await browser.open({ theme })));
      after(() => dashboard.close());

      it('is without a violation while there is nothing to show', async () => {
        await dashboard.page.getByText('Waiting for the coordination server…').first().waitFor();
        assert.deepEqual(await violations(dashboard), []);
        await dashboard.tell({ kind: 'disconnected', why: 'It is being started again.' });
        await dashboard.page.getByText('does not answer').waitFor();
        assert.deepEqual(await violations(dashboard), []);
        await dashboard.page.screenshot({ path: path.join(ARTIFACTS, `dashboard disconnected ${theme}.png`) });
        await dashboard.tell({ kind: 'snapshot', snapshot: emptySnapshot() });
        await dashboard.page.getByText('No debug session yet').waitFor();
        assert.deepEqual(await violations(dashboard), []);
        await dashboard.page.screenshot({ path: path.join(ARTIFACTS, `dashboard empty ${theme}.png`) });
      });

      it('is without a violation in every view', async () => {
        await eachView(dashboard, async (name) => {
          assert.deepEqual(await violations(dashboard), [], name);
          assert.deepEqual(await faint(dashboard), [], name);
          if (!name.includes('open')) {
            const file = path.join(ARTIFACTS, `dashboard ${name.toLowerCase()} ${theme}.png`);
            await dashboard.page.screenshot({ path: file, fullPage: true });
          }
        });
      });
    });
  }
});

/** Texts with less contrast than WCAG 2.1 AA asks for, computed from what the browser shows; axe leaves some undecided. */
async function faint({ page }: DashboardPage): Promise<string[]> {
  return page.evaluate(() => {
    type Rgba = [number, number, number, number];
    const parse = (colour: string): Rgba => {
      const numbers = (/^rgba?\((.*)\)$/.exec(colour)?.[1] ?? '').split(',').map(Number);
      if (numbers.length < 3 || numbers.some(Number.isNaN)) throw new Error(`cannot read the colour ${colour}`);
      const [r = 0, g = 0, b = 0, a = 1] = numbers;
      return [r, g, b, a];
    };
    const over = ([r, g, b, a]: Rgba, [br, bg, bb]: Rgba): Rgba => [
      r * a + br * (1 - a),
      g * a + bg * (1 - a),
      b * a + bb * (1 - a),
      1,
    ];
    const background = (element: Element): Rgba => {
      const own = parse(getComputedStyle(element).backgroundColor);
      const { parentElement } = element;
      return own[3] === 1 || parentElement === null ? own : over(own, background(parentElement));
    };
    const luminance = ([r, g, b]: Rgba): number => {
      const linear = (channel: number): number => {
        const share = channel / 255;
        return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
      };
      return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
    };
    const ratio = (a: Rgba, b: Rgba): number => {
      const [dark = 0, light = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
      return (light + 0.05) / (dark + 0.05);
    };
    const found = new Set<string>();
    let looked = 0;
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const element = walker.currentNode.parentElement;
      const text = walker.currentNode.textContent?.trim() ?? '';
      if (element === null || text === '' || !element.checkVisibility() || element.closest('script, .unseen, .skip'))
        continue;
      looked++;
      const style = getComputedStyle(element);
      const size = parseFloat(style.fontSize);
      const least = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
      const behind = background(element);
      const measured = ratio(over(parse(style.color), behind), behind);
      if (measured < least) found.add(`${text.slice(0, 40)}: ${measured.toFixed(2)}`);
    }
    // What is drawn: 3 to 1 against what it is drawn on.
    const paper = background(document.body);
    const probe = document.body.appendChild(document.createElement('i'));
    for (const name of ['blue', 'green', 'purple', 'red', 'yellow', 'foreground']) {
      probe.style.color = `var(--vscode-charts-${name})`;
      const measured = ratio(parse(getComputedStyle(probe).color), paper);
      if (measured < 3) found.add(`chart ${name}: ${measured.toFixed(2)}`);
    }
    probe.remove();
    if (looked < 20) throw new Error(`only ${looked} texts were found`);
    return [...found];
  });
}

function explanation(
  module: string,
): Parameters<DashboardPage['tell']>[0] extends infer M
  ? M extends { kind: 'explanation'; explanation: infer E }
    ? E
    : never
  : never {
  return {
    module,
    state: 'interpreted',
    reasons: ['It holds a breakpoint on line 31.', `Called by ${moduleName(4)}, where a process is stopped.`],
    bytes: 48_200,
    prepareMs: 1.7,
    usage: ['Stopped in 11 times in this session.', 'Had a breakpoint in 3 of the last 5 sessions.'],
    dependencies: 7,
    dependents: 12,
    file: '/home/user/shop/lib/shop/pricing/item.ex',
    line: 4,
    pinned: false,
    neverInterpret: false,
  };
}
