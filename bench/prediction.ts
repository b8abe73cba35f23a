// `npm run bench:prediction`: replays recorded debugging journeys through the server's own strategies, prints how often the
// next module was among the first ones predicted, writes JSON when asked to; with `--latency`, also how long predictions take.
// It holds no strategy of its own but baselines.
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { readRecording } from './journeys.js';
import { EDGES, type Latency, measureLatency, MODULES, SESSIONS } from './predictionLatency.js';
import { EARLY_JOURNEYS, replay, type Tally } from './replay.js';

const usage =
  'usage: npm run bench:prediction -- --graph GRAPH.json [--refs REFS.json] [--map FILES.json] --journeys PATHS.jsonl [--latency] [--out RESULT.json]';

/** Each shuffles the journeys in another way; figures are means over them. */
const SEEDS = [1, 2, 3, 4, 5];

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      graph: { type: 'string' },
      refs: { type: 'string' },
      map: { type: 'string' },
      journeys: { type: 'string' },
      latency: { type: 'boolean', default: false },
      out: { type: 'string' },
    },
  });
  const { graph, journeys } = values;
  if (graph === undefined || journeys === undefined) throw new Error(usage);
  const recording = await readRecording({ graph, journeys, refs: values.refs, map: values.map });
  const { whole, early } = replay(recording, SEEDS);
  const text = [
    hitTable('strategy', whole),
    '',
    hitTable(`first ${EARLY_JOURNEYS} journeys`, early),
    '',
    `${[...recording.journeys].map(([app, paths]) => `${app}: ${paths.length} journeys`).join(', ')}; means over ${SEEDS.length} orders`,
  ];
  const latency = values.latency ? measureLatency() : undefined;
  if (latency !== undefined) {
    const size = `processor time of a prediction, ms; ${MODULES} modules, ${EDGES} edges, ${SESSIONS} past sessions`;
    text.push('', latencyTable(latency), '', size);
  }
  process.stdout.write(`${text.join('\n')}\n`);
  if (values.out !== undefined) {
    const json = {
      strategies: Object.fromEntries(whole),
      early: Object.fromEntries(early),
      seeds: SEEDS.length,
      ...(latency !== undefined && { latencyMs: Object.fromEntries(latency) }),
    };
    await writeFile(values.out, `${JSON.stringify(json, null, 2)}\n`);
  }
}

const hitTable = (heading: string, tallies: ReadonlyMap<string, Tally>): string =>
  table(
    [heading, 'hit@1', 'hit@5', 'hit@10', 'n'],
    [...tallies].map(([name, { hit1, hit5, hit10, n }]) => [
      name,
      ...[hit1, hit5, hit10].map((share) => share.toFixed(3)),
      String(n),
    ]),
  );

const latencyTable = (latencies: ReadonlyMap<string, Latency>): string =>
  table(
    ['latency', 'p50', 'p95', 'p99'],
    [...latencies].map(([name, { p50, p95, p99 }]) => [name, ...[p50, p95, p99].map((time) => time.toFixed(1))]),
  );

function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const width = Math.max(...[headings, ...rows].map(([name = '']) => name.length));
  const line = ([name = '', ...cells]: readonly string[]): string =>
    `| ${name.padEnd(width)} | ${cells.map((cell) => cell.padStart(6)).join(' | ')} |`;
  const rule = ['-'.repeat(width), ...headings.slice(1).map(() => `${'-'.repeat(5)}:`)];
  return [headings, rule, ...rows].map(line).join('\n');
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
});
