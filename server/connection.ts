// The table of the server: LSP method → handler. It wires the parts together and does no work of its own.
import {
  DidChangeWatchedFilesNotification,
  ErrorCodes,
  FileChangeType,
  MessageType,
  ResponseError,
  ShowMessageNotification,
  TextDocuments,
  TextDocumentSyncKind,
  WatchKind,
  type Connection,
} from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { SERVER_PROTOCOL_VERSION, type ServerOptions, type ServerRequests } from '../protocol/server';
import { DEFAULT_SETTINGS } from '../protocol/settings';
import { ANALYSIS_CAPABILITIES, registerAnalysis } from './analysis/register';
import { textOf } from './analysis/texts';
import { Coordination } from './coordination';
import { FocusTracker } from './editorFocus';
import { fileOf } from './fileUri';
import { WATCHED_DELETIONS, WATCHED_FILES } from './index/layout';
import { ProjectIndex } from './index/projectIndex';
import { checked, NOTIFICATIONS, REQUESTS, Settings } from './requests';

type Handler<Method extends keyof ServerRequests> = (
  params: ServerRequests[Method][0],
) => ServerRequests[Method][1] | Promise<ServerRequests[Method][1]>;

export function serve(connection: Connection): void {
  const index = new ProjectIndex({ programs: __dirname, warn: (message) => connection.console.warn(message) });
  const documents = new TextDocuments(TextDocument);
  const focus = new FocusTracker(index);
  let opened: Coordination | undefined;
  const coordination = (): Coordination => {
    if (opened === undefined)
      throw new ResponseError(ErrorCodes.ServerNotInitialized, 'The server is not initialized.');
    return opened;
  };
  let client: { ours: boolean; refreshesLenses: boolean } = { ours: false, refreshesLenses: false };
  let codeLenses = true;
  const analysis = registerAnalysis(
    connection,
    {
      index,
      sessions: () => opened?.sessions.running() ?? [],
      memory: () => coordination().store,
      strategy: () => coordination().foresight,
      textOf: (file) => textOf(documents, file),
      prepare: (modules) => coordination().sessions.command({ kind: 'prepare', modules }),
    },
    { enabled: () => codeLenses, clientCommands: () => client.ours, refreshesLenses: () => client.refreshesLenses },
  );
  let folders: readonly { uri: string }[] = [];
  let storageDir: string | null = null;

  connection.onInitialize(async (params) => {
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
    const settings = options?.settings === undefined ? DEFAULT_SETTINGS : checked(Settings, options.settings);
    codeLenses = settings.codeLenses;
    storageDir = options?.storageDir ?? null;
    opened = await Coordination.open({
      index,
      storageDir,
      settings,
      log: (message) => connection.console.warn(message),
      send: (update) => void connection.sendNotification('coordination/update', update),
      changed: () => analysis.changed(),
    });
    folders = params.workspaceFolders ?? [];
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
      watchers: [
        ...WATCHED_FILES.map((globPattern) => ({ globPattern })),
        ...WATCHED_DELETIONS.map((globPattern) => ({ globPattern, kind: WatchKind.Delete })),
      ],
    });
    connection.workspace.onDidChangeWorkspaceFolders(async ({ added, removed }) => {
      for (const folder of pathsOf(removed)) await index.removeFolder(folder);
      await index.addFolders(pathsOf(added));
    });
    await index.open(pathsOf(folders), storageDir);
    coordination().sessions.renewSoon();
  });

  connection.onShutdown(async () => {
    analysis.dispose();
    await opened?.dispose();
    await index.dispose();
  });

  connection.onDidChangeWatchedFiles(async ({ changes }) => {
    await index.changedOnDisk(
      changes.flatMap(({ uri, type }) => {
        const file = fileOf(uri);
        return file === undefined ? [] : { file, deleted: type === FileChangeType.Deleted };
      }),
    );
  });
  documents.onDidChangeContent(({ document }) => {
    const file = fileOf(document.uri);
    if (file === undefined) return;
    index.update(file, document.getText());
    // The first version is the file being opened.
    if (document.version === 1) return;
    const moved = focus.edit(file);
    if (moved !== undefined) opened?.sessions.focusMoved(moved);
  });
  documents.onDidClose(async ({ document }) => {
    // Unsaved text is gone with the editor; the file on disk counts again.
    const file = fileOf(document.uri);
    if (file !== undefined) await index.close(file);
  });

  const on = <Method extends keyof ServerRequests>(method: Method, handler: Handler<Method>): void => {
    connection.onRequest(method, (params: unknown): unknown => handler(checked(REQUESTS[method], params)));
  };
  on('coordination/health', () => coordination().health());
  on('coordination/modulesOfFile', ({ uri }) => {
    const file = fileOf(uri);
    return { modules: file === undefined ? [] : index.modulesOfFile(file).map(({ name, line }) => ({ name, line })) };
  });
  on('coordination/modules', () => ({
    modules: [...index.graph.modules()].flatMap(({ name, own }) => (own ? [name] : [])).sort(),
  }));
  on('coordination/filesOfModule', ({ module }) => ({ files: index.filesOfModule(module) }));
  on('coordination/tests', ({ uri }) => {
    const file = fileOf(uri);
    return { tests: file === undefined ? [] : [...index.testsOf(file)] };
  });
  on('coordination/openSession', ({ session }) => coordination().openSession(session));
  on('coordination/closeSession', ({ session }) => {
    coordination().sessions.close(session);
    return {};
  });
  on('coordination/snapshot', () => coordination().snapshot());
  on('coordination/watch', ({ on: watched }) => {
    coordination().feed.watch(watched);
    return {};
  });
  on('coordination/neighbourhood', ({ module, depth }) => coordination().neighbourhood(module, depth));
  on('coordination/module', ({ module, action }) => ({ sessions: coordination().module(module, action) }));
  on('coordination/explain', ({ module }) => analysis.explain(module));
  on('coordination/suggestBreakpoints', async (params) => ({ suggestions: await analysis.suggest(params) }));
  on('coordination/pause', ({ paused }) => ({ sessions: coordination().sessions.pause(paused) }));
  on('coordination/usage', async ({ action }) => {
    const { store } = coordination();
    if (action === 'view') return { text: store.view() };
    if (action === 'export') return { text: store.export() };
    await store.erase();
    return { text: '' };
  });

  connection.onNotification('coordination/focus', (params: unknown) => {
    const { uri } = checked(NOTIFICATIONS['coordination/focus'], params);
    const file = fileOf(uri);
    if (file !== undefined) coordination().sessions.focusMoved(focus.focus(file));
  });
  connection.onNotification('coordination/settings', async (params: unknown) => {
    let settings;
    try {
      settings = checked(NOTIFICATIONS['coordination/settings'], params);
    } catch (error) {
      if (!(error instanceof ResponseError)) throw error;
      const message = `Settings cannot be used, the former ones stay in force: ${error.message}`;
      await connection.sendNotification(ShowMessageNotification.type, { type: MessageType.Warning, message });
      return;
    }
    codeLenses = settings.codeLenses;
    await coordination().changeSettings(settings);
    analysis.changed();
  });

  documents.listen(connection);
  connection.listen();
}

function pathsOf(folders: readonly { uri: string }[]): string[] {
  return folders.flatMap(({ uri }) => fileOf(uri) ?? []);
}
