// One connection to the coordination server: greets, tells events, asks for plans. It does not connect again, and knows
// no more of the session than it is given.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import * as v from 'valibot';
import type { CancellationToken, Message, MessageConnection } from 'vscode-jsonrpc/node';
import {
  COORDINATION_VERSION,
  Plan,
  REFUSALS,
  SessionCommand,
  type Greeting,
  type Refusal,
  type SessionEvent,
  type SessionState,
} from '../../protocol/coordination';
import type { Log } from '../log';
import type { ServerPair } from './serverPair';
import type { Stopwatch } from './stopwatch';
import { PipeWriter } from './writer';

/** ms for connecting, and again for being welcomed. */
const CONNECT_TIMEOUT = 5_000;
/** Events on their way that the server has not taken; more are dropped. */
const MAX_UNSENT = 500;
/** ms for the last words of a session. */
const FAREWELL_TIMEOUT = 250;

/** Turns of the event loop that the library takes to hand over what it has read; a refusal is followed by the end at once. */
const TURNS_TO_READ = 6;

/** The server will not have us. */
export class RefusedLink extends Error {
  constructor(
    readonly reason: Refusal,
    message: string,
  ) {
    super(message);
    this.name = 'RefusedLink';
  }
}

/** A token of the library's that follows a signal until it is disposed. */
interface Cancelled {
  token: CancellationToken;
  dispose: () => void;
}

export interface LinkParts {
  log: Log;
  stopwatch: Stopwatch;
  /** The whole session; what happens from that moment on has to be told. */
  state: () => Promise<SessionState>;
  renewedPlan: (plan: Plan) => void;
  command: (command: SessionCommand) => void;
}

export class Link {
  /** Resolves when the connection has ended, for whatever reason. */
  readonly closed: Promise<void>;
  #unsent = 0;
  /** Settled when what was told last is with the operating system; messages go out in order. */
  #sent: Promise<void> = Promise.resolve();
  #incomplete = false;
  #open = true;

  private constructor(
    private readonly socket: Socket,
    private readonly connection: MessageConnection,
    private readonly cancelled: (signal: AbortSignal) => Cancelled,
    private readonly parts: LinkParts,
  ) {
    this.closed = new Promise((resolve) => {
      const ended = (): void => {
        if (!this.#open) return;
        this.#open = false;
        // Requests under way are rejected by this.
        connection.dispose();
        socket.destroy();
        resolve();
      };
      const gone = (): void => afterTurns(TURNS_TO_READ, ended);
      if (socket.closed) gone();
      else socket.once('close', gone);
    });
  }

  /** Connects and greets. Rejects with RefusedLink when the server says why it does not want us. */
  static async open(pair: ServerPair, parts: LinkParts): Promise<Link> {
    const socket = connect(pair.pipe);
    // 'close' follows and says all there is to say; until then `once` reports it.
    socket.on('error', (error) => parts.log.debug('coordination.link', 'the pipe failed', { error: error.message }));
    try {
      await once(socket, 'connect', { signal: AbortSignal.timeout(CONNECT_TIMEOUT) });
      const link = await Link.#over(socket, parts);
      await link.#greet(pair);
      return link;
    } catch (thrown) {
      socket.destroy();
      throw thrown;
    }
  }

  static async #over(socket: Socket, parts: LinkParts): Promise<Link> {
    // Loaded by sessions that have a server only: others need not wait for it.
    const rpc = await import('vscode-jsonrpc/node');
    const { stopwatch } = parts;
    const connection = rpc.createMessageConnection(
      new rpc.StreamMessageReader(socket, {
        charset: 'utf-8',
        contentTypeDecoder: {
          name: 'application/json',
          decode: (bytes) =>
            Promise.resolve(stopwatch.measure(() => JSON.parse(Buffer.from(bytes).toString('utf8')) as Message)),
        },
      }),
      new PipeWriter(socket, stopwatch),
    );
    const cancelled = (signal: AbortSignal): Cancelled => {
      const source = new rpc.CancellationTokenSource();
      const cancel = (): void => source.cancel();
      signal.addEventListener('abort', cancel, { once: true });
      return { token: source.token, dispose: () => signal.removeEventListener('abort', cancel) };
    };
    const link = new Link(socket, connection, cancelled, parts);
    connection.onError(([error]) => parts.log.warn('coordination.link', 'a message failed', { error: error.message }));
    connection.onNotification('coordination/renewedPlan', (plan: unknown) =>
      link.#take('coordination/renewedPlan', Plan, plan, parts.renewedPlan),
    );
    connection.onNotification('coordination/command', (command: unknown) =>
      link.#take('coordination/command', SessionCommand, command, parts.command),
    );
    connection.listen();
    return link;
  }

  /** false: dropped, because the server does not keep up. */
  tell(events: SessionEvent[]): boolean {
    if (!this.#open) return false;
    if (this.#unsent >= MAX_UNSENT) {
      this.#incomplete = true;
      return false;
    }
    this.#sent = this.#send(events);
    return true;
  }

  async #send(events: SessionEvent[]): Promise<void> {
    this.#unsent += events.length;
    try {
      await this.connection.sendNotification('coordination/events', { events });
    } catch {
      // The pipe broke while it was written to, or before: `closed` tells.
      this.#drop();
    } finally {
      this.#unsent -= events.length;
    }
    // Something was dropped and now there is room: the next connection begins with the whole state.
    if (this.#unsent === 0 && this.#incomplete) this.#drop();
  }

  /** Rejects when the connection ends or the server refuses. */
  async plan(events: SessionEvent[], signal: AbortSignal): Promise<Plan> {
    const { token, dispose } = this.cancelled(signal);
    try {
      const answer: unknown = await this.connection.sendRequest('coordination/plan', { events }, token);
      return this.parts.stopwatch.measure(() => v.parse(Plan, answer));
    } finally {
      dispose();
    }
  }

  /** Lets what was told go out, then closes. */
  async end(): Promise<void> {
    if (!this.#open) return;
    await Promise.race([this.#sent, delay(FAREWELL_TIMEOUT, undefined, { ref: false })]);
    this.socket.destroySoon();
    await Promise.race([this.closed, delay(FAREWELL_TIMEOUT, undefined, { ref: false })]);
    this.#drop();
  }

  #drop(): void {
    this.socket.destroy();
  }

  async #greet(pair: ServerPair): Promise<void> {
    const session = await this.parts.state();
    const greeting: Greeting = { version: COORDINATION_VERSION, token: pair.token, session };
    // The library itself would wait for ever.
    const deadline = setTimeout(() => this.#drop(), CONNECT_TIMEOUT);
    try {
      const welcome: unknown = await this.connection.sendRequest('coordination/greet', greeting);
      const { version } = v.parse(v.object({ version: v.number() }), welcome);
      if (version !== COORDINATION_VERSION)
        throw new RefusedLink('wrongVersion', `The coordination server speaks version ${version}.`);
    } catch (thrown) {
      throw refusal(thrown) ?? thrown;
    } finally {
      clearTimeout(deadline);
    }
  }

  #take<Schema extends v.GenericSchema>(
    method: string,
    schema: Schema,
    given: unknown,
    use: (value: v.InferOutput<Schema>) => void,
  ): void {
    this.parts.stopwatch.measure(() => {
      const parsed = v.safeParse(schema, given);
      if (parsed.success) use(parsed.output);
      else
        this.parts.log.warn('coordination.link', `"${method}" is not as agreed`, { why: v.summarize(parsed.issues) });
    });
  }
}

function afterTurns(turns: number, action: () => void): void {
  if (turns === 0) action();
  else setImmediate(() => afterTurns(turns - 1, action));
}

/** What the server's error says of why it refused; null if it is none of its refusals. */
function refusal(thrown: unknown): RefusedLink | null {
  const parsed = v.safeParse(
    v.object({ message: v.string(), data: v.object({ reason: v.picklist(REFUSALS) }) }),
    thrown,
  );
  return parsed.success ? new RefusedLink(parsed.output.data.reason, parsed.output.message) : null;
}
