// A process that writes usage into a folder as fast as it can until it is killed or has written enough. Says each record it
// has handed over. Arguments: folder, name of the session, records (0: endless).
import { writeSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { UsageStore } from '../../server/history/store';
import { TranscriptModel } from './transcriptModel';

/** Compactions are what a kill could hurt, so there are many; records go on being written meanwhile. */
const COMPACT_EVERY = 40;

async function main([folder = '', session = '', records = '0']: string[]): Promise<void> {
  const store = await UsageStore.open({
    folder,
    limits: { days: 30, bytes: 200 * 1024 * 1024 },
    model: new TranscriptModel(),
    warn: (message) => void writeSync(1, `! ${message}\n`),
  });
  let compaction: Promise<void> | undefined;
  for (let n = 1; records === '0' || n <= Number(records); n++) {
    store.record({ kind: 'stopped', at: Date.now(), session, module: `M${n}` });
    writeSync(1, `${n}\n`);
    if (n % COMPACT_EVERY === 0) compaction ??= store.compact().finally(() => (compaction = undefined));
    await turn();
  }
  await store.close();
  writeSync(1, 'closed\n');
}

void main(process.argv.slice(2));
