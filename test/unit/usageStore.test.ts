// Learned usage on disk: what is kept, what is forgotten, damaged files, several windows, and processes killed at any moment.
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
  appendFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import fc from 'fast-check';
import type { SessionSummary } from '../../protocol/metrics';
import type { UsageLimits } from '../../server/history/records';
import { encode, readSnapshot } from '../../server/history/snapshot';
import { UsageStore } from '../../server/history/store';
import { UsageMemory } from '../../server/strategies/usageMemory';
import { within } from '../support/deadline';
import { root } from '../support/paths';
import { TranscriptModel } from '../support/transcriptModel';

const DAY = 24 * 60 * 60 * 1000;
const LIMITS: UsageLimits = { days: 30, bytes: 5 * 1024 * 1024 };

describe('the usage store', () => {
  let folder: string;
  let warnings: string[];
  const opened: UsageStore[] = [];

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'ecd-usage-'));
    warnings = [];
  });
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  });

  async function open(
    model = new TranscriptModel(),
    limits = LIMITS,
    where: string | null = folder,
  ): Promise<{ store: UsageStore; model: TranscriptModel }> {
    const store = await UsageStore.open({ folder: where, model, limits, warn: (message) => warnings.push(message) });
    opened.push(store);
    return { store, model };
  }
  const stop = (store: UsageStore, module: string, at = Date.now(), session = 's1'): void =>
    store.record({ kind: 'stopped', at, session, module });
  const files = (): string[] => readdirSync(folder).sort();
  const snapshot = (): string => path.join(folder, 'usage.json');

  it('holds events, sessions and decisions over a restart', async () => {
    const first = await open();
    const at = Date.now();
    first.store.record({ kind: 'sessionStarted', at, session: 's1' });
    first.store.record({ kind: 'breakpoint', at, session: 's1', module: 'Shop.Till' });
    stop(first.store, 'Shop.Till', at + 1);
    first.store.record({ kind: 'steppedInto', at: at + 2, session: 's1', module: 'Shop.Cart' });
    first.store.record({ kind: 'entered', at: at + 3, session: 's1', module: 'Shop.Cart' });
    first.store.decide('Shop.Cart', 'pin');
    first.store.decide('Shop.Native', 'neverInterpret');
    first.store.addSession(summary('s1', at + 4));
    await first.store.close();

    const { store, model } = await open();
    assert.deepEqual(model.snapshot(), first.model.snapshot());
    assert.deepEqual(store.usageOf('Shop.Till'), { stops: 1, steps: 0, entries: 0, breakpoints: 1, lastAt: at + 1 });
    assert.deepEqual(store.usageOf('Shop.Cart'), { stops: 0, steps: 1, entries: 1, breakpoints: 0, lastAt: at + 3 });
    assert.deepEqual([store.pinned(), store.neverInterpreted()], [['Shop.Cart'], ['Shop.Native']]);
    assert.deepEqual(store.sessions(), [summary('s1', at + 4)]);
    assert.deepEqual(warnings, []);
  });

  it('holds what the learning strategy learned, event by event and over a kill', async () => {
    const openLearning = async (): Promise<{ store: UsageStore; memory: UsageMemory }> => {
      const memory = new UsageMemory();
      const store = await UsageStore.open({
        folder,
        model: memory,
        limits: LIMITS,
        warn: (said) => warnings.push(said),
      });
      opened.push(store);
      return { store, memory };
    };
    const first = await openLearning();
    for (const [number, module] of ['A', 'B', 'C', 'A'].entries()) {
      first.store.record({ kind: 'entered', at: Date.now() + number, session: 's1', module });
    }
    await first.store.compact();
    first.store.record({ kind: 'entered', at: Date.now() + 9, session: 's1', module: 'D' });
    // Opened while the first has neither been closed nor folded its newest record: as after a kill.
    const second = await openLearning();
    assert.deepEqual(second.memory.snapshot(), first.memory.snapshot());
    assert.match(JSON.stringify(second.memory.snapshot()), /"D"/);
    assert.deepEqual(warnings, []);
  });

  it('leaves one snapshot and no journal behind when it is closed', async () => {
    const { store } = await open();
    stop(store, 'A');
    await store.close();
    assert.deepEqual(
      files().filter((name) => name !== 'usage.json.bak'),
      ['usage.json'],
    );
  });

  it('keeps nothing on disk without a folder', async () => {
    const { store } = await open(new TranscriptModel(), LIMITS, null);
    stop(store, 'A');
    assert.equal(store.usageOf('A')?.stops, 1);
    assert.match(store.view(), /memory only/);
    await store.close();
    assert.deepEqual(files(), []);
  });

  it('has the record on disk when record() returns', async () => {
    const { store } = await open();
    stop(store, 'A');
    const journal = files().find((name) => name.endsWith('.jsonl'));
    assert.match(readFileSync(path.join(folder, journal ?? ''), 'utf8'), /"module":"A"/);
  });

  it('reads the journal of a killed process up to its torn last line', async () => {
    const line = (n: number, module: string): string =>
      JSON.stringify({ n, record: { kind: 'stopped', at: Date.now(), session: 's', module } });
    // A process id that no process has.
    const journal = path.join(folder, 'usage.4194400-1700000000000.jsonl');
    writeFileSync(journal, `${line(1, 'A')}\n${line(2, 'B')}\n${line(3, 'C').slice(0, 30)}`);
    const { model } = await open();
    assert.deepEqual(model.modules(), ['A', 'B']);
    assert.ok(!files().includes(path.basename(journal)), 'it is folded and gone');
    assert.deepEqual((await open()).model.modules(), ['A', 'B']);
  });

  it('leaves out a record of a time that no date has', async () => {
    const line = (n: number, at: number): string =>
      JSON.stringify({ n, record: { kind: 'stopped', at, session: 's', module: `A${n}` } });
    writeFileSync(path.join(folder, 'usage.4194400-1700000000000.jsonl'), `${line(1, 1e99)}\n${line(2, Date.now())}\n`);
    const { store } = await open();
    assert.match(store.view(), /A2/);
    assert.doesNotMatch(store.view(), /A1/);
  });

  it('does not count a record twice when a kill left a journal that the snapshot holds already', async () => {
    const first = await open();
    stop(first.store, 'A');
    const name = files().find((file) => file.endsWith('.jsonl')) ?? '';
    const content = readFileSync(path.join(folder, name));
    await first.store.close();
    // As if the process had been killed between writing the snapshot and removing its journal.
    writeFileSync(path.join(folder, name), content);
    assert.deepEqual((await open()).model.modules(), ['A']);
    assert.deepEqual((await open()).model.modules(), ['A']);
  });

  it('takes the copy before when the snapshot is damaged, wherever it is damaged', async () => {
    const { store } = await open();
    stop(store, 'A');
    await store.compact();
    await store.compact();
    await store.close();
    const whole = readFileSync(snapshot());
    const copy = readFileSync(`${snapshot()}.bak`);
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 2), fc.integer({ min: 1, max: 255 }), async (index, change) => {
        const damaged = Buffer.from(whole);
        damaged[index] = (damaged[index] ?? 0) ^ change;
        writeFileSync(snapshot(), damaged);
        writeFileSync(`${snapshot()}.bak`, copy);
        warnings = [];
        const again = await open();
        assert.deepEqual(again.model.modules(), ['A']);
        assert.deepEqual(warnings, ['The learned usage on disk was damaged; the copy before it is in use.']);
        await again.store.close();
      }),
      { numRuns: 60 },
    );
  });

  it('starts afresh, and says so, when the copy is damaged too', async () => {
    const { store } = await open();
    stop(store, 'A');
    await store.close();
    writeFileSync(snapshot(), '{');
    writeFileSync(`${snapshot()}.bak`, '');
    const again = await open();
    assert.deepEqual(again.model.modules(), []);
    assert.deepEqual(again.store.troubles, ['The learned usage on disk was damaged; learning starts afresh.']);
    stop(again.store, 'B');
    await again.store.close();
    assert.deepEqual((await open()).model.modules(), ['B']);
  });

  it('takes a folder in the place of a file for damage, and mends it', async () => {
    const { store } = await open();
    stop(store, 'A');
    await store.compact();
    await store.close();
    for (const name of ['usage.json', 'usage.json.broken']) {
      rmSync(path.join(folder, name), { force: true });
      mkdirSync(path.join(folder, name, 'inside'), { recursive: true });
    }
    mkdirSync(path.join(folder, 'usage.1-0000000000001.jsonl'));
    const again = await open();
    assert.deepEqual(again.model.modules(), ['A']);
    assert.deepEqual(again.store.troubles, ['The learned usage on disk was damaged; the copy before it is in use.']);
    await again.store.close();
    rmSync(`${snapshot()}.bak`, { force: true });
    mkdirSync(`${snapshot()}.bak`);
    const third = await open();
    stop(third.store, 'B');
    await third.store.close();
    assert.deepEqual(third.store.troubles, []);
    assert.ok(statSync(`${snapshot()}.bak`).isFile());
    assert.deepEqual((await open()).model.modules(), ['A', 'B']);
  });

  it('removes what killed writers left half written, and leaves what a living one writes', async () => {
    const gone = spawnSync(process.execPath, ['-e', '']).pid;
    const left = [`usage.json.${gone}.tmp`, `usage.json.bak.${gone}.tmp`, `usage.json.${process.ppid}.tmp`];
    for (const name of left) writeFileSync(path.join(folder, name), '{');
    const { store } = await open();
    await store.close();
    assert.deepEqual(
      files().filter((name) => name.endsWith('.tmp')),
      [`usage.json.${process.ppid}.tmp`],
    );
  });

  it('keeps the books where the model cannot read its state any more', async () => {
    const { store } = await open();
    stop(store, 'A');
    await store.close();
    class Newer extends TranscriptModel {
      override restore(): boolean {
        return false;
      }
    }
    const again = await open(new Newer());
    assert.equal(again.store.usageOf('A')?.stops, 1);
    assert.match(warnings.join(), /another version/);
  });

  it('forgets what is older than the days allow, but not what the user decided', async () => {
    const { store } = await open();
    stop(store, 'Old', Date.now() - 40 * DAY);
    stop(store, 'New');
    store.addSession(summary('old', Date.now() - 40 * DAY));
    store.decide('Old', 'pin');
    await store.compact();
    assert.equal(store.usageOf('Old'), undefined);
    assert.deepEqual(store.sessions(), []);
    assert.deepEqual(store.pinned(), ['Old']);
    await store.close();
    const { model } = await open();
    assert.deepEqual(model.modules(), ['New']);
  });

  it('stays within its bytes, all files together, and forgets the oldest first', async () => {
    const bytes = 64 * 1024;
    const { store } = await open(new TranscriptModel(), { days: 30, bytes });
    for (let n = 0; n < 3000; n++) stop(store, `Shop.Module${n}`, Date.now() - (3000 - n) * 1000);
    await store.close();
    const used = files().reduce((sum, name) => sum + statSync(path.join(folder, name)).size, 0);
    assert.ok(used <= bytes, `${used} bytes`);
    const again = await open();
    assert.equal(again.store.usageOf('Shop.Module0'), undefined);
    assert.equal(again.store.usageOf('Shop.Module2999')?.stops, 1);
  });

  it('merges what two windows learn, also while both are open', async () => {
    const [one, other] = [await open(), await open()];
    stop(one.store, 'A', Date.now(), 'one');
    stop(other.store, 'B', Date.now(), 'other');
    assert.match(one.store.view(), /\| B \|/);
    await other.store.compact();
    stop(one.store, 'C', Date.now(), 'one');
    await one.store.compact();
    stop(other.store, 'D', Date.now(), 'other');
    await Promise.all([one.store.close(), other.store.close()]);
    const { model } = await open();
    assert.deepEqual(model.modules('one'), ['A', 'C']);
    assert.deepEqual(model.modules('other'), ['B', 'D']);
  });

  it('lets the later of two windows decide', async () => {
    const [one, other] = [await open(), await open()];
    one.store.decide('A', 'pin');
    await new Promise((resolve) => setTimeout(resolve, 2));
    other.store.decide('A', 'neverInterpret');
    await Promise.all([one.store.close(), other.store.close()]);
    const { store } = await open();
    assert.deepEqual([store.pinned(), store.neverInterpreted()], [[], ['A']]);
    store.decide('A', 'unpin');
    assert.ok(store.isNeverInterpreted('A'), 'unpinning allows nothing');
    store.decide('A', 'allowInterpret');
    assert.ok(!store.isNeverInterpreted('A'));
  });

  it('erases for good, in every window and every file, and keeps decisions', async () => {
    const [one, other] = [await open(), await open()];
    stop(one.store, 'Secret.A');
    stop(other.store, 'Secret.B');
    other.store.decide('Pinned', 'pin');
    await one.store.compact();
    await one.store.erase();
    assert.equal(one.store.usageOf('Secret.A'), undefined);
    for (const name of files()) assert.doesNotMatch(readFileSync(path.join(folder, name), 'utf8'), /Secret/, name);
    await other.store.close();
    await one.store.close();
    for (const name of files()) assert.doesNotMatch(readFileSync(path.join(folder, name), 'utf8'), /Secret/, name);
    const again = await open();
    assert.deepEqual(again.model.modules(), []);
    assert.deepEqual(again.store.pinned(), ['Pinned']);
  });

  it('does not bring back what was erased from a journal that could not be removed', async () => {
    const { store } = await open();
    stop(store, 'A');
    const name = files().find((file) => file.endsWith('.jsonl')) ?? '';
    const content = readFileSync(path.join(folder, name));
    await new Promise((resolve) => setTimeout(resolve, 2));
    await store.erase();
    await store.close();
    appendFileSync(path.join(folder, name), content);
    assert.deepEqual((await open()).model.modules(), []);
  });

  it('takes over the lock of a killed process, and waits for that of a living one', async () => {
    writeFileSync(path.join(folder, 'usage.lock'), '4194400 gone');
    const { store } = await open();
    stop(store, 'A');
    await store.compact();
    assert.ok(files().includes('usage.json'));
    assert.ok(!files().includes('usage.lock'));

    writeFileSync(path.join(folder, 'usage.lock'), `${process.pid} somebody`);
    const waiting = store.compact();
    await new Promise((resolve) => setTimeout(resolve, 60));
    assert.ok(files().includes('usage.lock'), 'it is not taken from a living process');
    rmSync(path.join(folder, 'usage.lock'));
    await waiting;
    assert.ok(!files().includes('usage.lock'));
  });

  it('goes on when the clock was years ahead and is right again', async () => {
    const { store } = await open();
    await store.close();
    const found = readSnapshot(folder);
    assert.equal(found.kind, 'body');
    const ahead = Date.now() + 3_650 * DAY;
    const ledger = { ...found.body.ledger, decisions: [['A', 'pinned', ahead] as [string, 'pinned', number]] };
    writeFileSync(snapshot(), encode({ ...found.body, ledger, erasedAt: ahead }));
    const again = await open();
    stop(again.store, 'B');
    again.store.decide('A', 'unpin');
    assert.equal(again.store.usageOf('B')?.stops, 1);
    assert.deepEqual(again.store.pinned(), []);
    await again.store.close();
    const third = await open();
    assert.deepEqual([third.store.usageOf('B')?.stops, third.store.pinned()], [1, []]);
  });

  it('leaves a snapshot of a newer version alone', async () => {
    const { store } = await open();
    await store.close();
    const newer = await newerSnapshot(folder);
    const again = await open();
    stop(again.store, 'A');
    await again.store.close();
    assert.equal(readFileSync(snapshot(), 'utf8'), newer);
    assert.match(warnings.join(), /newer version/);
  });

  it('loses at most the record under way, counts none twice and reads no damage, when killed at any moment', async function () {
    this.timeout(120_000);
    const acknowledged: number[] = [];
    for (let run = 0; run < 25; run++) {
      const writer = write(folder, `run${run}`, 0);
      const said = linesOf(writer);
      // Some are killed while they still open the store, the others somewhere among appending and folding.
      if (run % 5 > 0) await said.reached(1 + ((run * 53) % 170));
      await new Promise((resolve) => setTimeout(resolve, (run * 7) % 40));
      writer.kill('SIGKILL');
      await once(writer, 'close');
      assert.deepEqual(
        said.lines().filter((line) => line.startsWith('!')),
        [],
      );
      acknowledged.push(Number(said.lines().at(-1) ?? 0));
    }
    const { model } = await open();
    for (const [run, count] of acknowledged.entries()) {
      const kept = model.modules(`run${run}`);
      assert.deepEqual(
        kept,
        kept.map((_, index) => `M${index + 1}`),
        `run ${run} in order, each once`,
      );
      assert.ok(kept.length === count || kept.length === count + 1, `run ${run}: ${kept.length} of ${count}`);
    }
    assert.deepEqual(warnings, []);
  });

  it('counts each record once, though several processes fold at the same time and some of them are killed', async function () {
    this.timeout(120_000);
    const records = 1_200;
    const others = ['one', 'other'].map((session) => write(folder, session, records));
    const ended = Promise.all(others.map((writer) => once(writer, 'close')));
    const counts = await Promise.all(
      [20, 60, 90, 150].map(async (enough, number) => {
        const writer = write(folder, `killed${number}`, 0);
        const said = linesOf(writer);
        await said.reached(enough);
        writer.kill('SIGKILL');
        await once(writer, 'close');
        return Number(said.lines().at(-1));
      }),
    );
    await within(90_000, ended, () => 'the writers do not end');
    const { model } = await open();
    const all = Array.from({ length: records }, (_, index) => `M${index + 1}`);
    assert.deepEqual(model.modules('one'), all);
    assert.deepEqual(model.modules('other'), all);
    for (const [number, count] of counts.entries()) {
      const kept = model.modules(`killed${number}`);
      assert.ok(kept.length === count || kept.length === count + 1, `${kept.length} of ${count}`);
      assert.deepEqual(kept, all.slice(0, kept.length));
    }
  });
});

function write(folder: string, session: string, records: number): ChildProcess {
  const program = path.join(root, 'dist', 'tests', 'test', 'support', 'usageWriter.js');
  return spawn(process.execPath, [program, folder, session, String(records)], { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** Whole lines that the process says; `reached` waits for the n-th. */
function linesOf(writer: ChildProcess): { lines: () => string[]; reached: (count: number) => Promise<void> } {
  let text = '';
  const lines = (): string[] => text.split('\n').slice(0, -1);
  writer.stdout?.on('data', (data: Buffer) => (text += data.toString()));
  const reached = async (count: number): Promise<void> => {
    while (lines().length < count && writer.stdout !== null) await once(writer.stdout, 'data');
  };
  return {
    lines,
    reached: (count) =>
      within(30_000, reached(count), () => `the writer said ${lines().length} of ${count} lines: ${lines().at(-1)}`),
  };
}

/** Makes the snapshot in the folder one of a version to come. */
async function newerSnapshot(folder: string): Promise<string> {
  const { createHash } = await import('node:crypto');
  const body = '{"something":"else"}';
  const checksum = createHash('sha256').update('999\n').update(body).digest('hex');
  const text = `{"version":999,"checksum":"${checksum}","body":${body}}\n`;
  writeFileSync(path.join(folder, 'usage.json'), text);
  return text;
}

function summary(id: string, endedAt: number): SessionSummary {
  return {
    id,
    name: 'mix test',
    startedAt: endedAt - 1000,
    endedAt,
    strategy: 'learning',
    stops: 1,
    steps: 1,
    modulesUsed: ['Shop.Till', 'Shop.Cart'],
    preparedModules: 3,
    peakPreparedBytes: 4096,
    hitRate: 1,
    hit5: null,
    fallbackRate: 0,
    clickToArmedP50: 1.5,
    stepP50: null,
  };
}
