// `npm run bench:prediction`: replays recorded debugging journeys through the server's own strategies, prints how often the
// next module was among the first ones predicted, writes JSON when asked to. It holds no strategy of its own but baselines.
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { readRecording } from './journeys.js';
import { EARLY_JOURNEYS, replay, type Tally } from './replay.js';

const usage =
  'usage: npm run bench:prediction -- --graph GRAPH.json [--refs REFS.json] [--map FILES.json] --journeys PATHS.jsonl [--out RESULT.json]';

/** Each shuffles the journeys in another way; figures are means over them. */
const SEEDS = [1, 2, 3, 4, 5];

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      graph: { type: 'string' },
      refs: { type: 'string' },
      map: { type: 'string' },
      journeys: { type: 'string' },
      out: { type: 'string' },
    },
  });
  const { graph, journeys } = values;
  if (graph === undefined || journeys === undefined) throw new Error(usage);
  const recording = await readRecording({ graph, journeys, refs: values.refs, map: values.map });
  const { whole, early } = replay(recording, SEEDS);
  const text = [
    table('strategy', whole),
    '',
    table(`first ${EARLY_JOURNEYS} journeys`, early),
    '',
    `${[...recording.journeys].map(([app, paths]) => `${app}: ${paths.length} journeys`).join(', ')}; means over ${SEEDS.length} orders`,
  ];
  process.stdout.write(`${text.join('\n')}\n`);
  if (values.out !== undefined) {
    const json = { strategies: Object.fromEntries(whole), early: Object.fromEntries(early), seeds: SEEDS.length };
    await writeFile(values.out, `${JSON.stringify(json, null, 2)}\n`);
  }
}

function table(heading: string, tallies: ReadonlyMap<string, Tally>): string {
  const width = Math.max(heading.length, ...[...tallies.keys()].map((name) => name.length));
  const line = (name: string, cells: readonly string[]): string =>
    `| ${name.padEnd(width)} | ${cells.map((cell) => cell.padStart(6)).join(' | ')} |`;
  return [
    line(heading, ['hit@1', 'hit@5', 'hit@10', 'n']),
    line('-'.repeat(width), Array<string>(4).fill(`${'-'.repeat(5)}:`)),
    ...[...tallies].map(([name, { hit1, hit5, hit10, n }]) =>
      line(name, [...[hit1, hit5, hit10].map((share) => share.toFixed(3)), String(n)]),
    ),
  ].join('\n');
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
});
