// The real coordination server for the benchmark: over stdio as an editor's, with a probe inside. Must not measure by itself.
import { once } from 'node:events';
import * as path from 'node:path';
import { SERVER_PROTOCOL_VERSION } from '../protocol/server.js';
import { LspClient } from '../test/support/lspClient.js';
import { eventually, within } from '../test/support/deadline.js';
import type { ProbeAnswer, ProbeQuestion } from './serverProbe.js';

/** ms that the index of the largest project may take. */
const INDEXING = 300_000;
const PROBING = 30_000;

export class BenchedServer {
  private constructor(readonly client: LspClient) {}

  /**
   * Returns once the folder is indexed. `profiles`: folder for a processor profile of the server; null: none is taken.
   * `storageDir`: what was learned there; null: nothing.
   */
  static async start(
    folder: string,
    profiles: string | null = null,
    storageDir: string | null = null,
  ): Promise<BenchedServer> {
    const profiling = profiles === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`];
    const client = LspClient.start(['--expose-gc', '--require', path.join(__dirname, 'serverProbe.js'), ...profiling]);
    const server = new BenchedServer(client);
    try {
      await client.initialize(folder, SERVER_PROTOCOL_VERSION, { storageDir });
      await eventually(
        'the project is indexed',
        async () => ((await client.request('coordination/health', {})).indexed ? true : undefined),
        INDEXING,
      );
      return server;
    } catch (error) {
      client.process.kill();
      throw error;
    }
  }

  async ask(question: ProbeQuestion): Promise<number> {
    const answered = once(this.client.process, 'message') as Promise<[ProbeAnswer]>;
    this.client.process.send(question);
    const [{ value }] = await within(PROBING, answered, () => `the server did not answer ${question}`);
    return value;
  }

  async close(): Promise<void> {
    await this.client.end();
  }
}
