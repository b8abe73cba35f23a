// The pure parts of the dashboard: increments, kept view, drawing, comparison, what is saved, and the policy of its HTML.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import * as v from 'valibot';
import { compare, modulesOf } from '../../media/dashboard/compare';
import { columns, mutual } from '../../media/dashboard/graph';
import { apply, INITIAL, reduce } from '../../media/dashboard/state';
import { restored } from '../../media/dashboard/view';
import { FromPage } from '../../protocol/dashboard';
import { MAX_TIMELINE, type MetricsSnapshot, type MetricsUpdate, type TimelineEvent } from '../../protocol/metrics';
import { exported } from '../../src/dashboard/exports';
import { html } from '../../src/dashboard/html';
import {
  busySnapshot,
  emptySnapshot,
  moduleName,
  moduleRow,
  neighbourhood,
  session,
  summary,
  timelineEvent,
} from '../support/metrics';

/** What can happen between two snapshots. */
interface Change {
  rows: { index: number; uses: number }[];
  gone: number[];
  events: number;
  sessions: { index: number; running: boolean }[];
  ended: number[];
  alerts: number;
}

const changes = fc.array(
  fc.record<Change>({
    rows: fc.array(fc.record({ index: fc.nat(30), uses: fc.nat(99) }), { maxLength: 6 }),
    gone: fc.array(fc.nat(30), { maxLength: 4 }),
    events: fc.nat(5),
    sessions: fc.array(fc.record({ index: fc.nat(4), running: fc.boolean() }), { maxLength: 3 }),
    ended: fc.array(fc.nat(6), { maxLength: 2 }),
    alerts: fc.nat(2),
  }),
  { maxLength: 12 },
);

/** A server with lists and maps of its own, that can give both: everything, and what changed. */
class Metrics {
  private readonly base = emptySnapshot();
  private revision = 1;
  private readonly modules = new Map<string, MetricsSnapshot['modules'][number]>();
  private readonly sessions = new Map<string, MetricsSnapshot['sessions'][number]>();
  private readonly history = new Map<string, MetricsSnapshot['history'][number]>();
  private readonly timeline: TimelineEvent[] = [];
  private alerts: MetricsSnapshot['alerts'] = [];

  snapshot(): MetricsSnapshot {
    const { revision, timeline, alerts } = this;
    return {
      ...this.base,
      revision,
      timeline: [...timeline],
      alerts,
      modules: [...this.modules.values()],
      sessions: [...this.sessions.values()].sort((a, b) =>
        a.running === b.running ? b.startedAt - a.startedAt : a.running ? -1 : 1,
      ),
      history: [...this.history.values()].sort((a, b) => b.startedAt - a.startedAt),
    };
  }

  update({ rows, gone, events, sessions, ended, alerts }: Change): MetricsUpdate {
    const before = this.revision++;
    const changed = [...new Map(rows.map(({ index, uses }) => [index, moduleRow(index, { uses })])).values()];
    const removed = gone.map(moduleName).filter((module) => !changed.some((row) => row.module === module));
    for (const module of removed) this.modules.delete(module);
    for (const row of changed) this.modules.set(row.module, row);
    const fresh = Array.from({ length: events }, (_, offset) => timelineEvent(this.timeline.length + offset));
    this.timeline.push(...fresh);
    const told = sessions.map(({ index, running }) => session(`s${index}`, { running, startedAt: index }));
    for (const one of told) this.sessions.set(one.id, one);
    const over = ended.map(summary);
    for (const one of over) this.history.set(one.id, one);
    this.alerts = busySnapshot().alerts.slice(0, alerts);
    return {
      version: 1,
      base: before,
      revision: this.revision,
      at: this.base.at,
      modules: { changed, removed },
      timeline: fresh,
      sessions: told,
      history: over,
      alerts: this.alerts,
    };
  }
}

describe('the dashboard’s increments', () => {
  it('give what a snapshot gives', () => {
    fc.assert(
      fc.property(changes, (steps) => {
        const metrics = new Metrics();
        let page = metrics.snapshot();
        for (const step of steps) page = apply(page, metrics.update(step));
        assert.deepEqual(page, metrics.snapshot());
      }),
      { numRuns: 300 },
    );
  });

  it('keep the newest of a timeline that is full', () => {
    const full = busySnapshot({ events: MAX_TIMELINE });
    const event = timelineEvent(MAX_TIMELINE + 1);
    const { timeline } = apply(full, { version: 1, base: 40, revision: 41, at: 0, timeline: [event] });
    assert.equal(timeline.length, MAX_TIMELINE);
    assert.deepEqual(timeline.at(-1), event);
    assert.deepEqual(timeline[0], full.timeline[1]);
  });

  it('are left alone before the first snapshot, when they are in it, and when one is missing', () => {
    const update: MetricsUpdate = { version: 1, base: 40, revision: 41, at: 1 };
    assert.equal(reduce(INITIAL, { kind: 'update', update }), INITIAL);
    const model = reduce(INITIAL, { kind: 'snapshot', snapshot: busySnapshot() });
    assert.equal(reduce(model, { kind: 'update', update: { ...update, base: 39, revision: 40 } }), model);
    assert.equal(reduce(model, { kind: 'update', update }).stale, false);
    const stale = reduce(model, { kind: 'update', update: { ...update, base: 44, revision: 45 } });
    assert.equal(stale.stale, true);
    assert.equal(stale.snapshot, model.snapshot);
    assert.equal(reduce(stale, { kind: 'snapshot', snapshot: busySnapshot() }).stale, false);
  });

  it('tell an error when it is new, and only then', () => {
    const model = reduce(INITIAL, { kind: 'snapshot', snapshot: emptySnapshot() });
    const [alert] = busySnapshot().alerts;
    assert.ok(alert);
    const update: MetricsUpdate = {
      version: 1,
      base: 1,
      revision: 2,
      at: 1,
      alerts: [{ ...alert, severity: 'error' }],
    };
    const told = reduce(model, { kind: 'update', update });
    assert.deepEqual(told.said, { text: alert.text, failed: true, number: 1 });
    const again = reduce(told, { kind: 'update', update: { ...update, base: 2, revision: 3 } });
    assert.equal(again.said?.number, 1);
  });
});

describe('the dashboard’s kept view', () => {
  it('is the same after a round trip', () => {
    const view = { ...restored(undefined), tab: 'sessions' as const, scroll: 120, open: ['latency-step'] };
    assert.deepEqual(restored(JSON.parse(JSON.stringify(view))), view);
  });

  it('is a view whatever was kept', () => {
    fc.assert(
      fc.property(fc.anything(), (state) => {
        assert.deepEqual(Object.keys(restored(state)).sort(), Object.keys(restored(undefined)).sort());
      }),
    );
  });

  it('loses only the part that is damaged', () => {
    const kept = { ...restored(undefined), tab: 'health', scroll: -5 };
    assert.deepEqual([restored(kept).tab, restored(kept).scroll], ['health', 0]);
  });
});

describe('the neighbourhood’s drawing', () => {
  it('puts users left and used modules right, further ones further out', () => {
    const drawn = columns(neighbourhood('Shop.Till', 2));
    assert.deepEqual(
      drawn.map(({ distance, nodes }) => [distance, nodes.length]),
      [
        [-1, 3],
        [0, 1],
        [1, 5],
        [2, 2],
      ],
    );
    assert.deepEqual([...mutual(neighbourhood('Shop.Till', 1))], [moduleName(4)]);
  });

  it('places every module that is connected, once', () => {
    const name = fc.integer({ min: 0, max: 8 }).map(moduleName);
    const edge = fc.record({ from: name, to: name, kind: fc.constant('call'), origin: fc.constant('beam' as const) });
    fc.assert(
      fc.property(fc.array(edge, { maxLength: 25 }), (edges) => {
        const all = [...new Set([moduleName(0), ...edges.flatMap(({ from, to }) => [from, to])])];
        const nodes = all.map((module) => ({ module, own: true, state: 'native' as const, file: null }));
        const reached = new Set([moduleName(0)]);
        for (let round = 0; round < all.length; round++) {
          for (const { from, to } of edges) {
            if (reached.has(from)) reached.add(to);
            else if (reached.has(to)) reached.add(from);
          }
        }
        const placed = columns({ module: moduleName(0), nodes, edges, omitted: 0 }).flatMap((column) => column.nodes);
        assert.deepEqual(placed.map(({ module }) => module).sort(), [...reached].sort());
      }),
    );
  });
});

describe('the comparison of two sessions', () => {
  it('knows which direction is better, and says nothing of what was not measured', () => {
    const [first, second] = [summary(1), { ...summary(0), hit5: null }];
    const verdicts = Object.fromEntries(compare(first, second).map(({ key, verdict }) => [key, verdict]));
    assert.equal(verdicts['clickToArmedP50'], 'better');
    assert.equal(verdicts['peakPreparedBytes'], 'worse');
    assert.equal(verdicts['hit5'], null);
    assert.equal(verdicts['stops'], null);
    assert.ok(compare(first, first).every(({ verdict }) => verdict === null || verdict === 'same'));
    const { both, onlyFirst, onlySecond } = modulesOf(first, second);
    assert.deepEqual([both.length, onlyFirst.length, onlySecond.length], [9, 3, 3]);
  });
});

describe('what the dashboard saves', () => {
  it('is the snapshot as JSON', () => {
    assert.deepEqual(JSON.parse(exported('everything', busySnapshot())), busySnapshot());
  });

  it('is a table as CSV, quoted where needed, without a formula in it', () => {
    const row = moduleRow(0, {
      reason: 'called by "A", then\nB',
      module: '=cmd()',
      lastUsedAt: null,
      predictedUse: null,
    });
    const [head = '', ...rest] = exported('modules', { ...emptySnapshot(), modules: [row] }).split('\r\n');
    assert.match(head, /^module,state,reason,functions,bytes,/);
    assert.match(
      rest.join('\n'),
      /^'=cmd\(\),interpreted,"called by ""A"", then\nB",total\/1 add\/2,2000,0\.2,,0,,true,/,
    );
    assert.equal(
      exported('timeline', busySnapshot({ events: 3 }))
        .trimEnd()
        .split('\r\n').length,
      4,
    );
    assert.match(exported('sessions', busySnapshot()), /\r\npast-0,mix test,2026-02-28T12:00:00\.000Z,/);
  });
});

describe('the dashboard’s border', () => {
  it('allows two files and no more, and keeps data from becoming HTML', () => {
    const page = html({
      source: 'https://webview',
      script: 'https://webview/dashboard.js',
      style: 'https://webview/dashboard.css',
      nonce: 'abc',
      language: 'de',
      title: '<Dashboard>',
      data: { bundle: { a: '</script><script>alert(1)</script>' }, commands: {} },
    });
    assert.match(page, /default-src 'none'; script-src 'nonce-abc'; style-src https:\/\/webview;/);
    assert.doesNotMatch(page, /unsafe|alert\(1\)<\/script>|<Dashboard>/);
    assert.match(page, /<html lang="de">/);
    assert.doesNotMatch(page, / style=| on\w+=/);
  });

  it('takes what the page may say, and nothing else', () => {
    const taken = (message: unknown): boolean => v.safeParse(FromPage, message).success;
    assert.ok(taken({ kind: 'module', module: 'Shop.Cart', action: 'pin' }));
    assert.ok(taken({ kind: 'open', file: '/shop/cart.ex', line: null }));
    assert.ok(!taken({ kind: 'module', module: 'Shop.Cart', action: 'erase' }));
    assert.ok(!taken({ kind: 'module', module: '', action: 'pin' }));
    assert.ok(!taken({ kind: 'neighbourhood', module: 'Shop.Cart', depth: 99 }));
    assert.ok(!taken({ kind: 'export', what: '../secrets' }));
    assert.ok(!taken({ kind: 'unknown' }));
    assert.ok(!taken(null));
  });
});
