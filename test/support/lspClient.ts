// A language client over stdio for the real server process. Knows the wire, not what is tested.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  createMessageConnection,
  StreamMessageReader,
  StreamMessageWriter,
  type MessageConnection,
} from 'vscode-jsonrpc/node';
import type { ServerOptions, ServerRequests } from '../../protocol/server';
import { root } from './paths';

export class LspClient {
  private constructor(
    readonly process: ChildProcess,
    readonly connection: MessageConnection,
  ) {}

  /** Starts the server; `initialize` is the caller's. `node`: arguments of the runtime, for a server with a probe inside. */
  static start(node: string[] = []): LspClient {
    const child = spawn(process.execPath, [...node, path.join(root, 'dist', 'server.js'), '--stdio'], {
      stdio: ['pipe', 'pipe', 'inherit', ...(node.length === 0 ? [] : (['ipc'] as const))],
    });
    if (child.stdout === null || child.stdin === null) throw new Error('the server has no stdio');
    const connection = createMessageConnection(
      new StreamMessageReader(child.stdout),
      new StreamMessageWriter(child.stdin),
    );
    // The server registers its file watchers with the client.
    connection.onRequest('client/registerCapability', () => null);
    connection.listen();
    return new LspClient(child, connection);
  }

  /** `more` joins the initialization options; gives what the server can do. */
  async initialize(
    folder: string,
    protocol: number,
    more: Partial<ServerOptions> = {},
  ): Promise<Record<string, unknown>> {
    const uri = pathToFileURL(folder).href;
    const { capabilities } = await this.connection.sendRequest<{ capabilities: Record<string, unknown> }>(
      'initialize',
      {
        processId: process.pid,
        rootUri: uri,
        capabilities: {
          workspace: {
            workspaceFolders: true,
            didChangeWatchedFiles: { dynamicRegistration: true },
            codeLens: { refreshSupport: true },
          },
        },
        workspaceFolders: [{ uri, name: 'test' }],
        initializationOptions: { protocol, ...more },
      },
    );
    await this.connection.sendNotification('initialized', {});
    return capabilities;
  }

  request<M extends keyof ServerRequests>(method: M, params: ServerRequests[M][0]): Promise<ServerRequests[M][1]> {
    return this.connection.sendRequest(method, params);
  }

  notify(method: string, params: unknown): Promise<void> {
    return this.connection.sendNotification(method, params);
  }

  /** Exit code of the server after the protocol's own farewell. */
  async end(): Promise<number | null> {
    const exited = once(this.process, 'exit') as Promise<[number | null]>;
    await this.connection.sendRequest('shutdown');
    await this.connection.sendNotification('exit');
    const [code] = await exited;
    this.connection.dispose();
    return code;
  }
}
