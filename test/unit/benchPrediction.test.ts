// The replay of journeys, run as a user runs it on the journeys that are shipped: what it prints and writes, and that the
// strategies know more than chance.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import * as v from 'valibot';
import { root } from '../support/paths';

const program = path.join(root, 'dist', 'tests', 'bench', 'prediction.js');
const shipped = (name: string): string => path.join(root, 'bench', 'journeys', name);

const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const Tally = v.object({ hit1: share, hit5: share, hit10: share, n: v.number() });
const time = v.pipe(v.number(), v.minValue(0));
const Result = v.object({
  strategies: v.record(v.string(), Tally),
  early: v.record(v.string(), Tally),
  latencyMs: v.optional(v.record(v.string(), v.object({ p50: time, p95: time, p99: time }))),
});

const run = (...args: string[]) => promisify(execFile)(process.execPath, [program, ...args], { timeout: 120_000 });

describe('npm run bench:prediction', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'prediction-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it('replays the shipped journeys: strategies beat baselines, baselines beat chance', async function () {
    this.timeout(120_000);
    const out = path.join(folder, 'result.json');
    const files = ['--graph', shipped('iex.graph.json'), '--refs', shipped('iex.refs.json')];
    const { stdout } = await run(
      ...files,
      ...['--map', shipped('iex.files.json'), '--journeys', shipped('iex.jsonl'), '--out', out],
    );
    const { strategies, early } = v.parse(Result, JSON.parse(await readFile(out, 'utf8')));
    const names = ['learning', 'predictive', 'demand-driven', 'direct-callees', 'most-recent', 'random'];
    assert.deepEqual(Object.keys(strategies), names);
    for (const name of names) assert.match(stdout, new RegExp(`\\| ${name} +\\| +\\d\\.\\d{3} \\|`));
    const hit5 = (name: string): number => strategies[name]?.hit5 ?? NaN;
    assert.ok(hit5('predictive') > 2 * hit5('random'), `${hit5('predictive')} against ${hit5('random')}`);
    for (const baseline of ['direct-callees', 'most-recent', 'random']) {
      assert.ok(hit5('predictive') > hit5(baseline) && hit5('learning') > hit5(baseline), baseline);
    }
    assert.ok((early['learning']?.hit5 ?? 0) >= (early['predictive']?.hit5 ?? 1) - 0.02);
    for (const { hit1, hit5, hit10, n } of Object.values(strategies)) {
      assert.ok(hit1 <= hit5 && hit5 <= hit10);
      assert.equal(n, strategies['random']?.n);
    }
  });

  it('asks once for each first entry of a journey, cut at 30 modules', async () => {
    const modules = Array.from({ length: 40 }, (_, index) => `M${index}`);
    const [graph, journeys, out] = ['graph.json', 'journeys.jsonl', 'out.json'].map((name) => path.join(folder, name));
    assert.ok(graph !== undefined && journeys !== undefined && out !== undefined);
    await writeFile(graph, JSON.stringify(Object.fromEntries(modules.map((module) => [module, []]))));
    await writeFile(
      journeys,
      `${JSON.stringify({ app: 'one', test: 'long', path: [...modules.slice(0, 5), ...modules] })}\n`,
    );
    await run('--graph', graph, '--journeys', journeys, '--out', out);
    const { strategies } = v.parse(Result, JSON.parse(await readFile(out, 'utf8')));
    assert.equal(strategies['learning']?.n, 29);
  });

  it('measures each strategy, and what a new graph costs, when asked for the latency', async function () {
    this.timeout(120_000);
    const out = path.join(folder, 'latency.json');
    const files = ['--graph', shipped('shop.graph.json'), '--journeys', shipped('shop.jsonl'), '--out', out];
    const { stdout } = await run(...files, '--latency');
    const { latencyMs = {} } = v.parse(Result, JSON.parse(await readFile(out, 'utf8')));
    assert.deepEqual(Object.keys(latencyMs).sort(), ['demand-driven', 'learning', 'new graph', 'predictive']);
    for (const { p50, p95, p99 } of Object.values(latencyMs)) assert.ok(p50 <= p95 && p95 <= p99);
    assert.match(stdout, /\| predictive +\| +\d+\.\d \|/);
  });

  it('says what is missing, and which line is no journey', async () => {
    await assert.rejects(run(), /usage: npm run bench:prediction/);
    const journeys = path.join(folder, 'broken.jsonl');
    await writeFile(journeys, '{"app":"one","test":"t","path":["A"]}\nnonsense\n');
    await assert.rejects(run('--graph', shipped('iex.graph.json'), '--journeys', journeys), /broken\.jsonl:2/);
    await writeFile(journeys, '\n');
    await assert.rejects(
      run('--graph', shipped('iex.graph.json'), '--journeys', journeys),
      /there is no journey in it/,
    );
  });
});
