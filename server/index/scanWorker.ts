// Entry of the thread that scans a workspace and ends: its memory, the parser's too, goes with it.
import { parentPort, workerData } from 'node:worker_threads';
import { Grammar } from './grammar';
import { scan, type ScanRequest } from './scan';

async function main(): Promise<void> {
  const grammar = await Grammar.load(__dirname);
  scan(workerData as ScanRequest, grammar, (message) => parentPort?.postMessage(message));
}

// A failure ends the thread, and whoever started it hears of it.
void main();
