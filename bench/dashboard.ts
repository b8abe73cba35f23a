// `npm run bench:dashboard`: how long the dashboard takes to open, in Chromium, with nothing and with much to show.
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { DashboardBrowser } from '../test/support/dashboardPage.js';
import { busySnapshot, emptySnapshot } from '../test/support/metrics.js';

/** ms, from the start of the load to the first picture; the host's and the server's time is not in it. */
const TARGET = 500;

const SIZES = {
  empty: () => emptySnapshot(),
  '1000 modules, 10000 events': () => busySnapshot({ modules: 1_000, events: 10_000 }),
};

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { runs: { type: 'string', default: '9' }, out: { type: 'string' } } });
  const runs = Number(values.runs);
  if (!Number.isInteger(runs) || runs < 1) throw new Error('--runs takes a whole number above 0');
  const times: Record<string, number[]> = Object.fromEntries(Object.keys(SIZES).map((name) => [name, []]));
  const browser = await DashboardBrowser.start();
  try {
    // In turn, so that load that comes and goes hits both.
    for (let run = 0; run < runs; run++) {
      for (const [name, snapshot] of Object.entries(SIZES)) {
        const page = await browser.open();
        times[name]?.push(await page.timeToOpen(snapshot()));
        await page.close();
      }
    }
  } finally {
    await browser.close();
  }
  const figures = Object.fromEntries(
    Object.entries(times).map(([name, all]) => {
      const sorted = [...all].sort((a, b) => a - b);
      return [
        name,
        { median: round(sorted[Math.floor(sorted.length / 2)]), least: round(sorted[0]), most: round(sorted.at(-1)) },
      ];
    }),
  );
  for (const [name, { median, least, most }] of Object.entries(figures)) {
    const verdict = median <= TARGET ? 'ok' : 'MISS';
    process.stdout.write(`${name.padEnd(28)} ${median} ms (${least} to ${most}), target ${TARGET} ms: ${verdict}\n`);
  }
  if (values.out !== undefined) await writeFile(values.out, `${JSON.stringify({ openMs: figures }, null, 2)}\n`);
}

function round(ms: number | undefined): number {
  return Math.round(ms ?? 0);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
