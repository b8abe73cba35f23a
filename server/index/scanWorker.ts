// Entry of the thread that scans a workspace and ends: its memory, the parser's too, goes with it.
import { once } from 'node:events';
import { parentPort, workerData } from 'node:worker_threads';
import { Grammar } from './grammar';
import { scan, type ScanRequest } from './scan';

/** Messages sent ahead of the receiver: it is never busy for long with what waits for it. */
const AHEAD = 2;

async function main(): Promise<void> {
  const port = parentPort;
  if (port === null) throw new Error('this program is a thread of the coordination server');
  const grammar = await Grammar.load(__dirname);
  let ahead = 0;
  port.on('message', () => ahead--);
  for (const message of scan(workerData as ScanRequest, grammar)) {
    port.postMessage(message);
    ahead++;
    while (ahead >= AHEAD) await once(port, 'message');
  }
  port.close();
}

// A failure ends the thread, and whoever started it hears of it.
void main();
