// Starts the coordination server, watches it, and starts it again when it ends unasked. Debugging works without it.
import * as path from 'node:path';
import * as vscode from 'vscode';
import {
  CloseAction,
  ErrorAction,
  ExecuteCommandRequest,
  LanguageClient,
  State,
  TransportKind,
  type LanguageClientOptions,
} from 'vscode-languageclient/node';
import type { AnalysisNotifications } from '../protocol/analysis';
import type { MetricsUpdate } from '../protocol/metrics';
import {
  SERVER_PROTOCOL_VERSION,
  type ServerNotifications,
  type ServerOptions,
  type ServerRequests,
} from '../protocol/server';
import { COMMANDS, LANGUAGES } from './contributions';
import type { Log } from './log';
import { sentences } from './translation';

/** Waits before the first, second, … restart; the last one is repeated. */
const BACKOFF = [0, 500, 2_000, 8_000, 30_000] as const;
/** A server that lived this long has recovered: the backoff starts over, and a later trouble may be told again. */
const RECOVERED_AFTER = 60_000;
/** Silent restarts before the user hears of it. */
const PATIENCE = 2;

/** What the server is told. */
type Told = Omit<ServerNotifications, 'coordination/update'> & AnalysisNotifications;

/** What the server was to do has to wait until it runs again. */
export class ServerDown extends Error {
  constructor() {
    super(vscode.l10n.t('The coordination server is not running.'));
    this.name = 'ServerDown';
  }
}

/** A command of VS Code has one owner and outlives a server that is started again: the extension registers them itself. */
class Client extends LanguageClient {
  override registerFeature(feature: Parameters<LanguageClient['registerFeature']>[0]): void {
    const commands = 'registrationType' in feature && feature.registrationType.method === ExecuteCommandRequest.method;
    if (!commands) super.registerFeature(feature);
  }
}

export class Server {
  private client: LanguageClient | undefined;
  private crashes = 0;
  private startedAt = 0;
  private noticed = false;
  private timer: NodeJS.Timeout | undefined;
  private disposed = false;
  private readonly running = new vscode.EventEmitter<boolean>();
  private readonly updated = new vscode.EventEmitter<MetricsUpdate>();
  /** true: a server answers, for the first time or again, and knows nothing of what an earlier one was asked to watch. */
  readonly onDidChangeRunning = this.running.event;
  /** `coordination/update`, while it is watched. */
  readonly onDidUpdate = this.updated.event;
  /** What the server says in English, in the window's language. */
  private spoken: <T>(message: T) => T = (message) => message;
  /** Starts and stops follow one another; two of them never overlap. */
  private work: Promise<void> = Promise.resolve();

  constructor(
    private readonly extensionPath: string,
    private readonly log: Log,
    /** Asked at every start. */
    private readonly settings: () => Omit<ServerOptions, 'protocol'>,
  ) {}

  get isRunning(): boolean {
    return this.client?.state === State.Running;
  }

  start(): Promise<void> {
    return this.inTurn(() => this.launch());
  }

  /** On the user's wish: at once, and with a fresh count of crashes. */
  restart(): Promise<void> {
    this.crashes = 0;
    this.noticed = false;
    return this.inTurn(async () => {
      await this.end();
      await this.launch();
    });
  }

  /** Fails while the server is down; callers go on without it. */
  async request<Method extends keyof ServerRequests>(
    method: Method,
    params: ServerRequests[Method][0],
  ): Promise<ServerRequests[Method][1]> {
    await this.work;
    if (this.client === undefined || !this.isRunning) throw new ServerDown();
    return this.client.sendRequest<ServerRequests[Method][1]>(method, params);
  }

  /** `workspace/executeCommand` with one argument. Fails as `request` does. */
  async execute(command: string, argument: unknown): Promise<unknown> {
    await this.work;
    if (this.client === undefined || !this.isRunning) throw new ServerDown();
    return this.client.sendRequest(ExecuteCommandRequest.type, { command, arguments: [argument] });
  }

  /** Dropped while the server is down: what it has to know is told to the next one at its start. */
  notify<Method extends keyof Told>(method: Method, params: Told[Method]): void {
    if (this.client?.state !== State.Running) return;
    this.client.sendNotification(method, params).catch((error: unknown) => {
      this.log.debug('server.notify', method, String(error));
    });
  }

  /** Ends the server for good. */
  dispose(): Promise<void> {
    this.disposed = true;
    clearTimeout(this.timer);
    return this.inTurn(async () => {
      await this.end();
      this.running.dispose();
      this.updated.dispose();
    });
  }

  private inTurn(step: () => Promise<void>): Promise<void> {
    this.work = this.work.then(step).catch((error: unknown) => {
      this.log.error('server.failed', String(error));
    });
    return this.work;
  }

  private async launch(): Promise<void> {
    clearTimeout(this.timer);
    if (this.disposed || this.client !== undefined) return;
    const module = path.join(this.extensionPath, 'dist', 'server.js');
    this.spoken = await sentences(this.extensionPath);
    const client = new Client(
      'elixirCoordinatedDebugger',
      'Elixir Coordinated Debugger',
      { module, transport: TransportKind.ipc },
      this.options(),
    );
    this.client = client;
    this.startedAt = Date.now();
    client.onNotification('coordination/update', (update: MetricsUpdate) => this.updated.fire(this.spoken(update)));
    try {
      await client.start();
      this.log.info('server.started');
      this.running.fire(true);
    } catch (error) {
      this.log.error('server.start', String(error));
      this.ended(client);
    }
  }

  private options(): LanguageClientOptions {
    const options: ServerOptions = { protocol: SERVER_PROTOCOL_VERSION, ...this.settings() };
    return {
      documentSelector: LANGUAGES.map((language) => ({ scheme: 'file', language })),
      initializationOptions: options,
      outputChannel: this.log,
      initializationFailedHandler: () => false,
      middleware: { sendRequest: (type, params, token, next) => this.inLanguage(next(type, params, token)) },
      errorHandler: {
        error: (error) => {
          this.log.error('server.connection', error.message);
          return { action: ErrorAction.Continue, handled: true };
        },
        closed: () => {
          const { client } = this;
          if (client !== undefined) this.ended(client);
          // The library's own restart has neither a backoff nor one notice.
          return { action: CloseAction.DoNotRestart, handled: true };
        },
      },
    };
  }

  private async inLanguage<Answer>(answer: Promise<Answer>): Promise<Answer> {
    try {
      return this.spoken(await answer);
    } catch (error) {
      if (error instanceof Error) error.message = this.spoken({ message: error.message }).message;
      throw error;
    }
  }

  /** The server ended unasked. */
  private ended(client: LanguageClient): void {
    if (this.client !== client) return;
    this.client = undefined;
    this.running.fire(false);
    if (this.disposed) return;
    if (Date.now() - this.startedAt > RECOVERED_AFTER) {
      this.crashes = 0;
      this.noticed = false;
    }
    const wait = BACKOFF[Math.min(this.crashes, BACKOFF.length - 1)];
    this.crashes++;
    this.log.warn('server.ended', `starting again in ${wait ?? 0} ms`);
    this.timer = setTimeout(() => void this.start(), wait);
    if (this.crashes > PATIENCE) void this.notice();
  }

  private async notice(): Promise<void> {
    if (this.noticed) return;
    this.noticed = true;
    const [again, show] = [vscode.l10n.t('Restart Now'), vscode.l10n.t('Show Log')];
    const message = vscode.l10n.t(
      'The coordination server of the Elixir debugger keeps ending. Debugging goes on, on demand only, while it is started again.',
    );
    const choice = await vscode.window.showWarningMessage(message, again, show);
    if (choice === again) await vscode.commands.executeCommand(COMMANDS.restartServer);
    if (choice === show) await vscode.commands.executeCommand(COMMANDS.showLog);
  }

  private async end(): Promise<void> {
    const { client } = this;
    this.client = undefined;
    if (client !== undefined) this.running.fire(false);
    // A client that never came up, or is already down, has nothing to stop.
    if (client?.state === State.Running) await client.stop();
  }
}
