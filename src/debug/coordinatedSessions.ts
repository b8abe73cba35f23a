// Gives each debug session its way to the coordination server, when it starts and again when the server was restarted.
// A session never waits for the server for long: without it, it prepares on demand only.
import { setTimeout as delay } from 'node:timers/promises';
import * as vscode from 'vscode';
import type { SetCoordinationServerArguments } from '../../protocol/adapter';
import { PIPE_VARIABLE, SESSION_VARIABLE, TOKEN_VARIABLE } from '../../protocol/coordination';
import type { Server } from '../client';
import type { Config } from '../config';
import { DEBUG_TYPE, SETTINGS_SECTION } from '../contributions';
import type { Log } from '../log';
import { GIVEN_COORDINATION } from './configurations';

/** ms that the start of a session waits for the server; it is usually there long before. */
const OPEN_TIMEOUT = 500;

export class CoordinatedSessions implements vscode.Disposable {
  /** Sessions that answer requests. */
  readonly #running = new Map<string, vscode.DebugSession>();
  /** Sessions that the server knows, and that it has to forget in the end. */
  readonly #opened = new Set<string>();
  /** Found too late for the environment, too early for a request. */
  readonly #late = new Map<string, SetCoordinationServerArguments>();
  readonly #subscriptions: vscode.Disposable[];

  constructor(
    private readonly server: Pick<Server, 'request' | 'onDidChangeRunning'>,
    private readonly config: Config,
    private readonly log: Log,
  ) {
    this.#subscriptions = [
      vscode.debug.onDidStartDebugSession((session) => {
        if (session.type === DEBUG_TYPE) void this.#started(session);
      }),
      vscode.debug.onDidTerminateDebugSession((session) => void this.#ended(session)),
      server.onDidChangeRunning((running) => {
        if (running) for (const session of this.#running.values()) void this.#introduce(session);
      }),
      vscode.workspace.onDidChangeConfiguration((change) => {
        for (const session of this.#running.values()) {
          if (change.affectsConfiguration(SETTINGS_SECTION, session.workspaceFolder)) void this.#follow(session);
        }
      }),
    ];
  }

  /** What the environment of a session's adapter says of the server; nothing if the server is not there in time. */
  async environment(session: vscode.DebugSession): Promise<Record<string, string>> {
    const opened = this.#open(session);
    const pair = await Promise.race([opened, delay(OPEN_TIMEOUT, null)]);
    if (pair !== null)
      return { [PIPE_VARIABLE]: pair.pipe, [TOKEN_VARIABLE]: pair.token, [SESSION_VARIABLE]: session.id };
    // It may still come up, now that the session starts without it.
    void opened.then((late) => (late === null ? undefined : this.#tell(session, late)));
    return {};
  }

  async #started(session: vscode.DebugSession): Promise<void> {
    this.#running.set(session.id, session);
    const pair = this.#late.get(session.id);
    this.#late.delete(session.id);
    if (pair !== undefined) await this.#tell(session, pair);
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
  }

  async #introduce(session: vscode.DebugSession): Promise<void> {
    const pair = await this.#open(session);
    if (pair !== null) await this.#tell(session, pair);
  }

  async #open(session: vscode.DebugSession): Promise<SetCoordinationServerArguments | null> {
    this.#opened.add(session.id);
    try {
      const pair = await this.server.request('coordination/openSession', { session: session.id });
      return { ...pair, session: session.id };
    } catch (error) {
      this.log.info('session.demandOnly', session.id.slice(0, 8), String(error));
      return null;
    }
  }

  async #tell(session: vscode.DebugSession, pair: SetCoordinationServerArguments): Promise<void> {
    if (this.#running.has(session.id)) await this.#ask(session, 'setCoordinationServer', pair);
    else if (this.#opened.has(session.id)) this.#late.set(session.id, pair);
  }

  async #ended(session: vscode.DebugSession): Promise<void> {
    this.#running.delete(session.id);
    this.#late.delete(session.id);
    if (!this.#opened.delete(session.id)) return;
    try {
      await this.server.request('coordination/closeSession', { session: session.id });
    } catch (error) {
      // A server that is down has forgotten the session already.
      this.log.debug('session.close', session.id.slice(0, 8), String(error));
    }
  }

  /** Settings act on sessions that run, except where launch.json has said otherwise. */
  async #follow(session: vscode.DebugSession): Promise<void> {
    const given: unknown = session.configuration[GIVEN_COORDINATION];
    const own = (key: string): boolean => Array.isArray(given) && given.includes(key);
    const { enabled, ...settings } = this.config.coordination(session.workspaceFolder);
    const launched = (session.configuration['coordination'] ?? {}) as { enabled?: boolean };
    await this.#ask(session, 'setCoordinationMode', {
      ...Object.fromEntries(Object.entries(settings).filter(([key]) => !own(key))),
      enabled: own('enabled') ? launched.enabled !== false : enabled,
    });
  }

  async #ask(session: vscode.DebugSession, command: string, args: object): Promise<void> {
    try {
      await session.customRequest(command, args);
    } catch (error) {
      // The session ends just now, or runs an adapter that ends.
      this.log.debug('session.request', command, String(error));
    }
  }
}
