// The server's end of the coordination protocol, told by the test what to answer: for answers that come late, in another
// version or not at all, and for plans that a test chooses. Everything else is tested with the real server.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as v from 'valibot';
import {
  createMessageConnection,
  ResponseError,
  StreamMessageReader,
  StreamMessageWriter,
  type MessageConnection,
} from 'vscode-jsonrpc/node';
import {
  COORDINATION_VERSION,
  Greeting,
  PIPE_VARIABLE,
  SESSION_VARIABLE,
  SessionEvent,
  TOKEN_VARIABLE,
  type Plan,
  type PlannedAction,
  type SessionCommand,
  type SessionState,
} from '../../protocol/coordination';
import { PATIENCE } from './dapClient';
import { within } from './deadline';

const Told = v.object({ events: v.array(SessionEvent) });

export class CoordinationPeer {
  readonly token = 'token-of-the-test';
  readonly session = 'session-of-the-test';
  readonly greetings: Greeting[] = [];
  readonly events: SessionEvent[] = [];
  /** Events that a plan was asked with. */
  readonly asked: SessionEvent[][] = [];
  version = COORDINATION_VERSION;
  /** Takes connections and never answers. */
  silent = false;
  /** Connections so far. */
  taken = 0;
  /** What a question is answered; a promise that never settles leaves it without an answer. */
  answer: (events: readonly SessionEvent[]) => PlannedAction[] | Promise<PlannedAction[]> = () => [];
  #number = 0;
  readonly #sockets = new Set<Socket>();
  #connection: MessageConnection | null = null;
  readonly #waiting = new Set<() => void>();
  #closed = false;

  private constructor(
    readonly pipe: string,
    private readonly server: Server,
  ) {
    server.on('connection', (socket) => this.#serve(socket));
  }

  static async open(): Promise<CoordinationPeer> {
    const name = path.join(mkdtempSync(path.join(tmpdir(), 'ecd-peer-')), 'socket');
    const pipe = process.platform === 'win32' ? `\\\\.\\pipe\\${path.basename(path.dirname(name))}` : name;
    const server = createServer();
    server.listen(pipe);
    await once(server, 'listening');
    return new CoordinationPeer(pipe, server);
  }

  /** What starts an adapter that finds this server. */
  get env(): NodeJS.ProcessEnv {
    return { [PIPE_VARIABLE]: this.pipe, [TOKEN_VARIABLE]: this.token, [SESSION_VARIABLE]: this.session };
  }
  get connections(): number {
    return this.#sockets.size;
  }

  /** The state that the session told last. */
  get state(): SessionState | undefined {
    return this.greetings.at(-1)?.session;
  }

  plan(actions: PlannedAction[]): Plan {
    return { version: COORDINATION_VERSION, number: ++this.#number, strategy: 'predictive', actions };
  }
  /** Also what is answered from now on: an answer that is on its way would otherwise take the place of this plan. */
  async push(actions: PlannedAction[]): Promise<void> {
    this.answer = () => actions;
    await this.#connection?.sendNotification('coordination/renewedPlan', this.plan(actions));
  }
  async command(command: SessionCommand): Promise<void> {
    await this.#connection?.sendNotification('coordination/command', command);
  }

  /** Waits until something that the adapter sent makes the condition true. */
  async until<T>(what: string, condition: () => T | undefined): Promise<T> {
    for (;;) {
      const value = condition();
      if (value !== undefined) return value;
      let wake: () => void = () => undefined;
      const changed = new Promise<void>((resolve) => (wake = resolve));
      this.#waiting.add(wake);
      await within(PATIENCE, changed, () => `no ${what}; events: ${this.events.map(({ kind }) => kind).join(' ')}`);
      this.#waiting.delete(wake);
    }
  }

  /** The next event of that kind, from the `from`th on. */
  async event<Kind extends SessionEvent['kind']>(
    kind: Kind,
    accepts: (event: Extract<SessionEvent, { kind: Kind }>) => boolean = () => true,
    from = 0,
  ): Promise<Extract<SessionEvent, { kind: Kind }>> {
    const wanted = (event: SessionEvent): event is Extract<SessionEvent, { kind: Kind }> =>
      event.kind === kind && accepts(event as Extract<SessionEvent, { kind: Kind }>);
    return this.until(kind, () => this.events.slice(from).find(wanted));
  }

  /** Drops every connection, as a server does that was killed; the pipe stays and takes new ones. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Reads nothing for as long as it is stalled, as a server does that has too much to do. */
  stall(stalled: boolean): void {
    for (const socket of this.#sockets) {
      if (stalled) socket.pause();
      else socket.resume();
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.cut();
    const closed = once(this.server, 'close');
    this.server.close();
    await closed;
    if (process.platform !== 'win32') rmSync(path.dirname(this.pipe), { recursive: true, force: true });
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    this.taken++;
    this.#changed();
    socket.on('error', () => undefined);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      this.#changed();
    });
    if (this.silent) return;
    const connection = createMessageConnection(new StreamMessageReader(socket), new StreamMessageWriter(socket));
    connection.onError(() => undefined);
    connection.onRequest('coordination/greet', (given: unknown) => {
      const greeting = v.parse(Greeting, given);
      const refusal =
        greeting.version !== this.version ? 'wrongVersion' : greeting.token !== this.token ? 'wrongToken' : null;
      if (refusal !== null) return new ResponseError(-32000, `refused: ${refusal}`, { reason: refusal });
      this.greetings.push(greeting);
      this.#connection = connection;
      this.#changed();
      return { version: this.version, serverPid: process.pid };
    });
    connection.onRequest('coordination/plan', async (given: unknown) => {
      const { events } = v.parse(Told, given);
      this.asked.push(events);
      for (const event of events) this.#take(event);
      return this.plan(await this.answer(events));
    });
    connection.onNotification('coordination/events', (given: unknown) => {
      for (const event of v.parse(Told, given).events) this.#take(event);
    });
    connection.listen();
  }

  #take(event: SessionEvent): void {
    this.events.push(event);
    this.#changed();
  }

  #changed(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}

export function prepare(...modules: string[]): PlannedAction[] {
  return modules.map((module, priority) => ({
    module,
    action: 'prepare',
    priority,
    reason: `planned ${module}`,
    predictedUse: 0.5,
  }));
}
