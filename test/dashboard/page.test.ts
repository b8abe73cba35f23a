// The dashboard's bundle in Chromium under its real policy: what it shows, asks, keeps, and how it is used by keys alone.
/// <reference lib="dom" />
import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import * as path from 'node:path';
import type { MetricsSnapshot } from '../../protocol/metrics';
import { DashboardBrowser, type DashboardPage, type OpenOptions } from '../support/dashboardPage';
import { eventually } from '../support/deadline';
import {
  busySnapshot,
  emptySnapshot,
  moduleName,
  moduleRow,
  neighbourhood,
  session,
  timelineEvent,
} from '../support/metrics';
import { root } from '../support/paths';

/** Bytes of script and style together, as they are shipped. */
const MOST_BYTES = 150 * 1024;

describe('the dashboard page', () => {
  let browser: DashboardBrowser;
  let dashboard: DashboardPage;

  before(async () => (browser = await DashboardBrowser.start()));
  after(() => browser.close());
  afterEach(async () => {
    // Whatever a test did: nothing was refused by the policy, and no error went uncaught.
    const { complaints } = dashboard;
    await dashboard.close();
    assert.deepEqual(complaints, []);
  });

  async function open(snapshot?: MetricsSnapshot, options?: OpenOptions): Promise<void> {
    dashboard = await browser.open(options);
    if (snapshot === undefined) return;
    await dashboard.tell({ kind: 'snapshot', snapshot });
    await dashboard.page.getByRole('tablist').waitFor();
  }

  const cell = (row: number, column: number) => dashboard.page.locator(`[aria-rowindex="${row}"] td`).nth(column);
  const focused = () =>
    dashboard.page.evaluate(() => {
      const { activeElement } = document;
      return (activeElement?.getAttribute('aria-label') ?? activeElement?.textContent ?? '').trim();
    });
  const press = (key: string) => dashboard.page.keyboard.press(key);

  it('is small enough to be there at once', async () => {
    await open();
    const sizes = await Promise.all(['js', 'css'].map((end) => stat(path.join(root, 'dist', `dashboard.${end}`))));
    const bytes = sizes.reduce((sum, { size }) => sum + size, 0);
    assert.ok(bytes < MOST_BYTES, `${bytes} bytes`);
  });

  it('may load nothing and send nothing', async () => {
    await open(busySnapshot());
    const tried = await dashboard.page.evaluate(() =>
      fetch('/elsewhere').then(
        () => 'sent',
        () => 'refused',
      ),
    );
    assert.equal(tried, 'refused');
    await eventually('the policy says so', () => dashboard.complaints.find((text) => text.startsWith('connect-src')));
    dashboard.complaints.length = 0;
  });

  it('waits, then says that there is nothing yet, then shows figures', async () => {
    await open();
    await dashboard.page.getByRole('progressbar', { name: 'Waiting for the coordination server…' }).waitFor();
    await dashboard.tell({ kind: 'snapshot', snapshot: emptySnapshot() });
    await dashboard.page.getByRole('heading', { name: 'No debug session yet' }).waitFor();
    await dashboard.tell({ kind: 'snapshot', snapshot: busySnapshot() });
    await dashboard.page.getByText('388 ready, 41 not').first().waitFor();
    assert.equal(await dashboard.page.getByRole('heading', { name: 'No debug session yet' }).count(), 0);
  });

  it('keeps the last figures while the server is away, and offers what helps', async () => {
    await open(busySnapshot());
    await dashboard.tell({ kind: 'disconnected', why: 'It is being started again.' });
    await dashboard.page.getByText('It is being started again. Debugging goes on, on demand only.').waitFor();
    await dashboard.page.getByText('388 ready, 41 not').first().waitFor();
    await dashboard.page.getByRole('button', { name: 'Restart Coordination Server' }).click();
    assert.equal((await dashboard.asked('run')).command, 'elixirCoordinatedDebugger.restartServer');
    await dashboard.tell({ kind: 'snapshot', snapshot: busySnapshot() });
    await dashboard.page.getByText('It is being started again.').waitFor({ state: 'detached' });
  });

  it('takes up updates, and asks for a snapshot when one is missing', async () => {
    const snapshot = busySnapshot();
    await open(snapshot);
    const running = session('one', { interpretedModules: 77 });
    const update = { version: 1, base: snapshot.revision, revision: snapshot.revision + 1, at: snapshot.at + 1000 };
    await dashboard.tell({ kind: 'update', update: { ...update, sessions: [running] } });
    await dashboard.page.locator('.tile .figure', { hasText: '77' }).waitFor();
    dashboard.sent.length = 0;
    await dashboard.tell({ kind: 'update', update: { ...update, base: 90, revision: 91 } });
    await dashboard.asked('ready');
  });

  it('says what came of a wish, once, where a screen reader hears it', async () => {
    await open(busySnapshot());
    await dashboard.tell({ kind: 'said', text: 'Shop.Cart is pinned: it stays prepared.', failed: false });
    await dashboard.page.getByRole('status').getByText('Shop.Cart is pinned').waitFor();
  });

  it('offers the command of an alert by its title, and no command that is not ours', async () => {
    const snapshot = busySnapshot();
    const [alert] = snapshot.alerts;
    assert.ok(alert);
    await open({ ...snapshot, alerts: [alert, { ...alert, id: 'strange', command: 'workbench.action.quit' }] });
    assert.equal(await dashboard.page.locator('.alerts li').count(), 2);
    assert.equal(await dashboard.page.locator('.alerts button').count(), 1);
    await dashboard.page.getByRole('button', { name: 'Show Log' }).click();
    assert.equal((await dashboard.asked('run')).command, 'elixirCoordinatedDebugger.showLog');
  });

  it('speaks the language of the window', async () => {
    await open(busySnapshot(), { bundle: { Modules: 'Module', '{0} of {1} modules': '{0} von {1} Modulen' } });
    await dashboard.tab('Module');
    await dashboard.page.getByText('240 von 240 Modulen').waitFor();
  });

  it('holds ten thousand modules with few rows in the page', async () => {
    await open({ ...busySnapshot(), modules: Array.from({ length: 10_000 }, (_, index) => moduleRow(index)) });
    await dashboard.tab('Modules');
    const grid = dashboard.page.getByRole('grid', { name: 'Modules' });
    assert.equal(await grid.getAttribute('aria-rowcount'), '10001');
    assert.ok((await grid.getByRole('row').count()) < 80);
    await grid.focus();
    await press('End');
    await dashboard.page.locator('[aria-rowindex="10001"][aria-selected="true"]').waitFor();
    assert.ok((await grid.getByRole('row').count()) < 80);
    // The row that the keys are on is in the page and in sight.
    const active = await grid.getAttribute('aria-activedescendant');
    const seen = await dashboard.page.evaluate((id) => {
      const row = document.getElementById(id ?? '')?.getBoundingClientRect();
      const box = document.querySelector('.grid')?.getBoundingClientRect();
      return row !== undefined && box !== undefined && row.top >= box.top && row.bottom <= box.bottom;
    }, active);
    assert.ok(seen, 'the active row is in sight');
    await press('Home');
    await dashboard.page.locator('[aria-rowindex="2"][aria-selected="true"]').waitFor();
  });

  it('sorts and filters modules', async () => {
    await open(busySnapshot());
    await dashboard.tab('Modules');
    await dashboard.page.getByRole('button', { name: 'Module', exact: true }).click();
    await dashboard.page.locator('th[aria-sort=ascending]', { hasText: 'Module' }).waitFor();
    await cell(2, 0).getByText('Shop.Accounts.Import', { exact: true }).waitFor();
    await dashboard.page.getByRole('button', { name: 'Size' }).click();
    const largest = Math.max(...busySnapshot().modules.map(({ bytes }) => bytes));
    await cell(2, 5)
      .getByText(`${(largest / 1024).toPrecision(3)}\u00a0KB`)
      .waitFor();
    await dashboard.page.getByLabel('Filter modules').fill('payments.worker');
    await dashboard.page.getByLabel('Show').selectOption({ label: 'Prepared' });
    const expected = busySnapshot().modules.filter(
      ({ module, reason, state }) =>
        state === 'prepared' && `${module} ${reason}`.toLowerCase().includes('payments.worker'),
    );
    assert.ok(expected.length > 0);
    await dashboard.page.getByText(`${expected.length} of 240 modules`).waitFor();
  });

  it('pins, releases, excludes, opens and explains a module by keys alone', async () => {
    await open(busySnapshot());
    await press('Tab');
    assert.equal(await focused(), 'Skip to the figures');
    await dashboard.page.getByRole('tab', { name: 'Overview' }).focus();
    await press('ArrowRight');
    assert.equal(await focused(), 'Modules');
    // Into the grid: past the filter, the choice and the headings' buttons.
    const seen: string[] = [];
    while ((await focused()) !== 'Modules' || seen.length === 0) {
      await press('Tab');
      seen.push(await focused());
      assert.ok(seen.length < 30, seen.join(', '));
      if (await dashboard.page.evaluate(() => document.activeElement?.getAttribute('role') === 'grid')) break;
    }
    await press('ArrowDown');
    const { module } = await dashboard.asked('explain');
    const row = busySnapshot().modules.find((candidate) => candidate.module === module);
    assert.ok(row);
    await press('Enter');
    assert.deepEqual(await dashboard.asked('open'), { kind: 'open', file: row.file, line: row.line });
    for (const [name, action] of [
      [row.pinned ? 'Unpin' : 'Pin', row.pinned ? 'unpin' : 'pin'],
      [row.state === 'native' ? 'Prepare' : 'Release', row.state === 'native' ? 'prepare' : 'release'],
      [
        row.neverInterpret ? 'Allow Interpretation' : 'Never Interpret',
        row.neverInterpret ? 'allowInterpret' : 'neverInterpret',
      ],
    ] as const) {
      for (let stops = 0; (await focused()) !== name; stops++) {
        assert.ok(stops < 15, `${name} is reached`);
        await press('Tab');
      }
      await press('Enter');
      await eventually(action, () =>
        dashboard.sent.find((message) => message.kind === 'module' && message.action === action),
      );
    }
  });

  it('shows the neighbourhood of the current stop, and walks it by keys', async () => {
    await open(busySnapshot());
    await dashboard.tab('Dependencies');
    const asked = await dashboard.asked('neighbourhood');
    assert.deepEqual(asked, { kind: 'neighbourhood', module: moduleName(2), depth: 1 });
    await dashboard.tell({ kind: 'neighbourhood', neighbourhood: neighbourhood(asked.module, 1) });
    await dashboard.page.getByRole('heading', { name: 'Used by' }).waitFor();
    assert.ok((await dashboard.page.locator('.edges path').count()) >= 8);
    await dashboard.page.getByRole('button', { name: moduleName(15) }).focus();
    await press('Enter');
    await eventually('the next centre', () =>
      dashboard.sent.find((message) => message.kind === 'neighbourhood' && message.module === moduleName(15)),
    );
    await dashboard.tell({
      kind: 'unanswered',
      of: 'neighbourhood',
      module: moduleName(15),
      why: 'The index is being built.',
    });
    await dashboard.page.getByText('The index is being built.').waitFor();
    await dashboard.page.getByRole('button', { name: `Current Stop: ${moduleName(2)}` }).click();
    await dashboard.tell({ kind: 'neighbourhood', neighbourhood: neighbourhood(moduleName(2), 1) });
    await dashboard.page.getByRole('heading', { name: `Around ${moduleName(2)}` }).waitFor();
  });

  it('compares two sessions of the history', async () => {
    await open(busySnapshot());
    await dashboard.tab('Sessions');
    await dashboard.page.getByRole('row', { name: /Click → armed, median 2\.4.ms 2\.1.ms −300.µs.*better/ }).waitFor();
    await dashboard.page.getByLabel('First session').selectOption({ index: 5 });
    await dashboard.page.getByRole('row', { name: /Click → armed, median 3\.6.ms 2\.1.ms/ }).waitFor();
  });

  it('has each chart as a table, with the same figures', async () => {
    const snapshot = busySnapshot();
    await open(snapshot);
    const charts = await dashboard.page.locator('[role=img]').count();
    assert.equal(charts, 5);
    for (const chart of await dashboard.page.locator('[role=img]').all()) {
      assert.match((await chart.getAttribute('aria-label')) ?? '', /\d/);
    }
    const timeline = dashboard.page.locator('.card', {
      has: dashboard.page.getByRole('heading', { name: 'Timeline' }),
    });
    await timeline.getByText('Show as table').click();
    const grid = timeline.getByRole('grid');
    assert.equal(await grid.getAttribute('aria-rowcount'), String(snapshot.timeline.length + 1));
    // Newest first.
    const newest = snapshot.timeline.at(-1);
    assert.ok(newest);
    await grid.locator('[aria-rowindex="2"]').getByText(newest.text).waitFor();
  });

  it('asks for exports, and closes their menu by Escape', async () => {
    await open(busySnapshot());
    const menu = dashboard.page.getByText('Export', { exact: true });
    await menu.focus();
    await press('Enter');
    await dashboard.page.getByRole('button', { name: 'Modules (CSV)' }).waitFor();
    await press('Escape');
    await dashboard.page.getByRole('button', { name: 'Modules (CSV)' }).waitFor({ state: 'hidden' });
    assert.equal(await focused(), 'Export');
    await press('Enter');
    await dashboard.page.getByRole('button', { name: 'Everything (JSON)' }).click();
    assert.equal((await dashboard.asked('export')).what, 'everything');
  });

  it('comes back as it was left: tab, sort, filter, selection, scroll, open tables', async () => {
    await open(busySnapshot());
    await dashboard.page.getByText('Show as table').first().click();
    await dashboard.tab('Modules');
    await dashboard.page.getByRole('button', { name: 'Size' }).click();
    await dashboard.page.getByLabel('Filter modules').fill('shop');
    const grid = dashboard.page.getByRole('grid');
    await grid.focus();
    await press('End');
    const kept = await eventually('the scroll is kept', async () => {
      const state = (await dashboard.kept()) as { modules: { scroll: number } };
      return state.modules.scroll > 1000 ? state : undefined;
    });
    await dashboard.close();

    await open(busySnapshot(), { state: kept });
    assert.equal(await dashboard.page.getByRole('tab', { selected: true }).innerText(), 'Modules');
    assert.equal(await dashboard.page.getByLabel('Filter modules').inputValue(), 'shop');
    assert.equal(await dashboard.page.locator('th[aria-sort=descending]').innerText(), 'Size ↓');
    await dashboard.page.locator('[aria-rowindex="241"][aria-selected="true"]').waitFor();
    await dashboard.tab('Overview');
    await dashboard.page.getByRole('grid', { name: 'Timeline' }).waitFor();
  });

  it('opens with what a newer or older version kept', async () => {
    await open(busySnapshot(), { state: { tab: 'unknown', modules: { sort: 3 }, open: 'all', timeline: null } });
    assert.equal(await dashboard.page.getByRole('tab', { selected: true }).innerText(), 'Overview');
  });

  it('moves nothing for those who asked for that', async () => {
    await open(busySnapshot(), { reducedMotion: true });
    const moving = await dashboard.page.evaluate(
      () =>
        [...document.querySelectorAll('*')].filter((element) => {
          const { transitionDuration, animationName } = getComputedStyle(element);
          return transitionDuration !== '0s' || animationName !== 'none';
        }).length,
    );
    assert.equal(moving, 0);
  });

  it('opens a thousand modules and ten thousand events in little more than an empty page', async () => {
    const large = busySnapshot({ modules: 1_000, events: 10_000 });
    const times = { empty: [] as number[], large: [] as number[] };
    for (let round = 0; round < 3; round++) {
      for (const [kind, snapshot] of [
        ['empty', emptySnapshot()],
        ['large', large],
      ] as const) {
        const page = await browser.open();
        times[kind].push(await page.timeToShow(snapshot));
        await page.close();
      }
    }
    await open();
    // Some tens of milliseconds beside about ten; what draws or lays out every event again and again takes seconds.
    const [empty, full] = [Math.min(...times.empty), Math.min(...times.large)];
    assert.ok(full < empty * 40 + 200, `empty ${empty} ms, large ${full} ms`);
  });

  it('keeps up with many updates', async () => {
    const snapshot = busySnapshot({ modules: 1_000, events: 9_000 });
    await open(snapshot);
    for (let step = 0; step < 60; step++) {
      const base = snapshot.revision + step;
      const at = snapshot.at + step * 100;
      const timeline = [{ ...timelineEvent(step, snapshot.at), at }];
      const modules = { changed: [moduleRow(step, { uses: 1_000 + step })], removed: [moduleName(999 - step)] };
      await dashboard.tell({ kind: 'update', update: { version: 1, base, revision: base + 1, at, timeline, modules } });
    }
    await dashboard.tab('Modules');
    await dashboard.page.getByText('940 of 940 modules').waitFor();
    await cell(2, 3).getByText('1,059').waitFor();
    assert.equal(dashboard.sent.filter(({ kind }) => kind === 'ready').length, 1);
  });
});
