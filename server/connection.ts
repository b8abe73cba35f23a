// The table of the server: LSP method → handler. It wires the parts together and does no work of its own.
import {
  DidChangeWatchedFilesNotification,
  ErrorCodes,
  FileChangeType,
  ResponseError,
  TextDocuments,
  TextDocumentSyncKind,
  type Connection,
} from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { fileURLToPath } from 'node:url';
import { SERVER_PROTOCOL_VERSION, type ServerOptions, type ServerRequests } from '../protocol/server';
import type { RefusalCounts } from '../protocol/metrics';
import { ANALYSIS_CAPABILITIES, registerAnalysis } from './analysis/register';
import { textOf } from './analysis/texts';
import { ProjectIndex, WATCHED_FILES } from './index/projectIndex';
import { Port } from './pipe/port';
import { Tokens } from './pipe/tokens';
import { checked, REQUESTS } from './requests';
import { asked } from './sessions/asked';
import { Coordinator } from './sessions/coordinator';
import { PredictiveStrategy } from './strategies/predictive';

type Served =
  | 'coordination/health'
  | 'coordination/modulesOfFile'
  | 'coordination/filesOfModule'
  | 'coordination/tests'
  | 'coordination/openSession'
  | 'coordination/closeSession'
  | 'coordination/explain'
  | 'coordination/suggestBreakpoints'
  | 'coordination/pause';
type Handler<Method extends keyof ServerRequests> = (
  params: ServerRequests[Method][0],
) => ServerRequests[Method][1] | Promise<ServerRequests[Method][1]>;

export function serve(connection: Connection): void {
  const started = Date.now();
  const index = new ProjectIndex({ programs: __dirname, warn: (message) => connection.console.warn(message) });
  const documents = new TextDocuments(TextDocument);
  const refused: RefusalCounts = { wrongToken: 0, wrongVersion: 0, oversized: 0, malformed: 0, notGreeted: 0 };
  const tokens = new Tokens();
  const pinned = new Set<string>();
  const never = new Set<string>();
  const predictive = new PredictiveStrategy();
  const sessions = new Coordinator({
    tokens,
    graph: () => index.graph,
    strategies: { 'demand-driven': asked, predictive: asked, learning: asked },
    memory: {
      record: () => undefined,
      decide: () => undefined,
      isPinned: (module) => pinned.has(module),
      isNeverInterpreted: (module) => never.has(module),
      pinned: () => [...pinned],
      neverInterpreted: () => [...never],
      addSession: () => undefined,
      sessions: () => [],
    },
    witness: {
      began: () => analysis.changed(),
      happened: () => analysis.changed(),
      planned: () => undefined,
      connected: () => undefined,
      ended: () => analysis.changed(),
      refused: (reason) => refused[reason]++,
    },
    log: (message) => connection.console.warn(message),
  });
  const port = new Port(sessions, tokens);
  let client: { ours: boolean; refreshesLenses: boolean } = { ours: false, refreshesLenses: false };
  let codeLenses = true;
  const analysis = registerAnalysis(
    connection,
    {
      index,
      sessions: () => sessions.running(),
      memory: () => ({
        usageOf: () => undefined,
        used: () => [],
        isPinned: (module) => pinned.has(module),
        isNeverInterpreted: (module) => never.has(module),
      }),
      strategy: () => predictive,
      textOf: (file) => textOf(documents, file),
      prepare: (modules) => sessions.command({ kind: 'prepare', modules }),
    },
    { enabled: () => codeLenses, clientCommands: () => client.ours, refreshesLenses: () => client.refreshesLenses },
  );
  let folders: string[] = [];
  let storageDir: string | null = null;

  connection.onInitialize((params) => {
    const options = params.initializationOptions as Partial<ServerOptions> | undefined;
    if (options?.protocol !== undefined && options.protocol !== SERVER_PROTOCOL_VERSION) {
      throw new ResponseError(
        ErrorCodes.InvalidRequest,
        `The server speaks protocol ${SERVER_PROTOCOL_VERSION}, the client ${options.protocol}. Reload the window.`,
      );
    }
    client = {
      ours: options?.settings !== undefined,
      refreshesLenses: params.capabilities.workspace?.codeLens?.refreshSupport === true,
    };
    codeLenses = options?.settings?.codeLenses ?? true;
    storageDir = options?.storageDir ?? null;
    folders = (params.workspaceFolders ?? []).map((folder) => folder.uri);
    return {
      serverInfo: { name: 'elixir-coordinated-debugger' },
      capabilities: {
        ...ANALYSIS_CAPABILITIES,
        textDocumentSync: TextDocumentSyncKind.Incremental,
        workspace: { workspaceFolders: { supported: true, changeNotifications: true } },
      },
    };
  });

  connection.onInitialized(async () => {
    await connection.client.register(DidChangeWatchedFilesNotification.type, {
      watchers: WATCHED_FILES.map((globPattern) => ({ globPattern })),
    });
    connection.workspace.onDidChangeWorkspaceFolders(async ({ added, removed }) => {
      for (const folder of removed) await index.removeFolder(fileURLToPath(folder.uri));
      await index.addFolders(added.map((folder) => fileURLToPath(folder.uri)));
    });
    const paths = folders.filter((uri) => uri.startsWith('file:')).map((uri) => fileURLToPath(uri));
    await index.open(paths, storageDir);
  });

  connection.onShutdown(async () => {
    analysis.dispose();
    sessions.dispose();
    await port.close();
    await index.dispose();
  });

  connection.onDidChangeWatchedFiles(async ({ changes }) => {
    const files = changes.filter(({ uri }) => uri.startsWith('file:'));
    await index.changedOnDisk(
      files.map(({ uri, type }) => ({ file: fileURLToPath(uri), deleted: type === FileChangeType.Deleted })),
    );
  });
  documents.onDidChangeContent(({ document }) => {
    if (document.uri.startsWith('file:')) index.update(fileURLToPath(document.uri), document.getText());
  });
  documents.onDidClose(async ({ document }) => {
    // Unsaved text is gone with the editor; the file on disk counts again.
    if (document.uri.startsWith('file:')) await index.close(fileURLToPath(document.uri));
  });

  const on = <Method extends Served>(method: Method, handler: Handler<Method>): void => {
    connection.onRequest(method, (params: unknown): unknown => handler(checked(REQUESTS[method], params)));
  };
  on('coordination/health', () => ({
    protocol: SERVER_PROTOCOL_VERSION,
    pid: process.pid,
    uptime: Date.now() - started,
    connections: sessions.connections,
    refused,
    memoryBytes: process.memoryUsage().heapUsed + process.memoryUsage().external,
    troubles: [],
    ...index.size(),
  }));
  on('coordination/modulesOfFile', ({ uri }) => ({
    modules: uri.startsWith('file:')
      ? index.modulesOfFile(fileURLToPath(uri)).map(({ name, line }) => ({ name, line }))
      : [],
  }));
  on('coordination/filesOfModule', ({ module }) => ({ files: index.filesOfModule(module) }));
  on('coordination/tests', ({ uri }) => ({
    tests: uri.startsWith('file:') ? [...index.testsOf(fileURLToPath(uri))] : [],
  }));
  on('coordination/openSession', ({ session }) => port.open(session));
  on('coordination/closeSession', ({ session }) => {
    sessions.close(session);
    return {};
  });
  on('coordination/explain', ({ module }) => analysis.explain(module));
  on('coordination/suggestBreakpoints', async (params) => ({ suggestions: await analysis.suggest(params) }));
  on('coordination/pause', ({ paused }) => ({ sessions: sessions.command({ kind: 'pause', paused }) }));

  documents.listen(connection);
  connection.listen();
}
