// One adapter's connection: greets first, validates every message, refuses with a reason. It knows no session's state; what
// a message means is the desk's.
import type { Socket } from 'node:net';
import * as v from 'valibot';
import {
  AbstractMessageWriter,
  createMessageConnection,
  ErrorCodes,
  ResponseError,
  StreamMessageReader,
  type DataCallback,
  type Disposable,
  type Message,
  type MessageConnection,
  type MessageWriter,
} from 'vscode-jsonrpc/node';
import {
  COORDINATION_VERSION,
  Greeting,
  MAX_COORDINATION_MESSAGE,
  SessionEvent,
  type CoordinationNotifications,
  type CoordinationRequests,
  type Plan,
  type Refusal,
  type SessionState,
} from '../../protocol/coordination';
import { FrameGuard, RefusedFrame } from './frameGuard';

/** ms until a connection must have greeted. */
const GREETING_DEADLINE = 10_000;
/** JSON-RPC code of every refusal; its reason is in the error's data. */
const REFUSED = -32000;

type Pushed = 'coordination/renewedPlan' | 'coordination/command';

/** The adapter at the other end, for whoever wants to tell it something. */
export interface Peer {
  notify<Method extends Pushed>(method: Method, params: CoordinationNotifications[Method]): void;
  close(): void;
}

/** Who the messages are for. */
export interface Desk {
  accepts(session: string, token: string): boolean;
  greeted(session: SessionState, peer: Peer): void;
  plan(session: string, events: readonly SessionEvent[]): Plan;
  events(session: string, events: readonly SessionEvent[]): void;
  /** The connection ended; nothing comes from this peer any more. */
  gone(session: string, peer: Peer): void;
  /** A message was refused. `message` carries nothing of its content. */
  refused(reason: Refusal, message: string): void;
  /** Our own mistake, or the machine's; for the log. */
  trouble(message: string): void;
}

const Told = v.object({ events: v.array(SessionEvent) });

/** Enough of a greeting to say what is wrong with the rest; another version may have another shape. */
const Introduction = v.object({
  version: v.number(),
  token: v.string(),
  session: v.object({ id: v.string() }),
});

export class Link implements Peer {
  readonly #connection: MessageConnection;
  readonly #writer: Writer;
  #session: string | undefined;
  #closed = false;

  constructor(
    private readonly socket: Socket,
    private readonly desk: Desk,
  ) {
    const guard = new FrameGuard(MAX_COORDINATION_MESSAGE);
    this.#writer = new Writer(socket);
    this.#connection = createMessageConnection(new Reader(socket.pipe(guard)), this.#writer, {
      error: (message) => desk.trouble(message),
      warn: (message) => desk.trouble(message),
      info: () => undefined,
      log: () => undefined,
    });
    this.#connection.onRequest((method, params) => this.answer(() => this.request(method, params)));
    this.#connection.onNotification((method, params) => {
      try {
        this.notification(method, params);
      } catch (thrown) {
        if (!(thrown instanceof Refused)) throw thrown;
        // A stranger is told and let go, a session goes on.
        if (this.#session === undefined) this.broken(new RefusedFrame(thrown.reason, thrown.message));
        else this.desk.refused(thrown.reason, thrown.message);
      }
    });
    this.#connection.onError(([error]) => this.broken(error));
    const deadline = setTimeout(() => {
      if (this.#session === undefined) this.broken(new RefusedFrame('notGreeted', 'No greeting came in time.'));
    }, GREETING_DEADLINE);
    socket.on('error', () => {
      // A peer that was killed resets the connection: 'close' follows and says all there is to say.
    });
    socket.once('close', () => {
      clearTimeout(deadline);
      this.ended();
    });
    this.#connection.listen();
  }

  notify<Method extends Pushed>(method: Method, params: CoordinationNotifications[Method]): void {
    if (this.#closed) return;
    // A peer that reads nothing must not fill our memory; it may connect again and is then told everything anew.
    if (this.socket.writableLength > MAX_COORDINATION_MESSAGE) this.close();
    else
      this.#connection.sendNotification(method, params).catch(() => {
        // The pipe broke while it was written to: 'close' follows.
      });
  }

  close(): void {
    this.ended();
    this.socket.destroy();
  }

  private request(method: string, params: unknown): CoordinationRequests[keyof CoordinationRequests][1] {
    switch (method) {
      case 'coordination/greet':
        return this.greet(params);
      case 'coordination/plan': {
        const session = this.greeted();
        const { events } = valid(Told, params);
        return this.desk.plan(session, events);
      }
      default:
        throw new Refused('malformed', 'There is no such request.', ErrorCodes.MethodNotFound);
    }
  }

  private notification(method: string, params: unknown): void {
    // Notifications with a dollar are optional for the receiver by LSP's rule, which JSON-RPC libraries share.
    if (method.startsWith('$/')) return;
    const session = this.greeted();
    if (method !== 'coordination/events') throw new Refused('malformed', 'There is no such notification.');
    this.desk.events(session, valid(Told, params).events);
  }

  private greet(params: unknown): CoordinationRequests['coordination/greet'][1] {
    const { version, token, session } = valid(Introduction, params);
    if (version !== COORDINATION_VERSION) {
      throw new Refused('wrongVersion', `The server speaks version ${COORDINATION_VERSION}, the adapter ${version}.`);
    }
    if (!this.desk.accepts(session.id, token)) throw new Refused('wrongToken', 'The token is not that of the session.');
    const greeting = valid(Greeting, params);
    if (this.#session !== undefined && this.#session !== session.id) {
      throw new Refused('malformed', 'The connection belongs to another session.');
    }
    this.#session = session.id;
    this.desk.greeted(greeting.session, this);
    return { version: COORDINATION_VERSION, serverPid: process.pid };
  }

  private greeted(): string {
    if (this.#session === undefined) throw new Refused('notGreeted', 'A connection begins with coordination/greet.');
    return this.#session;
  }

  /** Turns a refusal into the error that crosses the wire. A stranger's connection ends with it. */
  private answer<Result>(handle: () => Result): Result | ResponseError<{ reason: Refusal }> {
    try {
      return handle();
    } catch (thrown) {
      if (!(thrown instanceof Refused)) {
        this.desk.trouble(thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown));
        throw thrown;
      }
      this.desk.refused(thrown.reason, thrown.message);
      if (this.#session === undefined) this.#writer.endAfterNext();
      return new ResponseError(thrown.code, thrown.message, { reason: thrown.reason });
    }
  }

  /** The stream can no longer be read; nothing after this point can be trusted to begin with a message. */
  private broken(error: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    const reason = error instanceof RefusedFrame ? error.reason : 'malformed';
    // The reader's own words may quote the message.
    const message = error instanceof RefusedFrame ? error.message : 'The message cannot be read.';
    this.desk.refused(reason, message);
    this.#writer.endAfterNext();
    this.#writer.write(nobody(message, reason)).catch(() => this.socket.destroy());
    this.gone();
  }

  private ended(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.gone();
    this.#connection.dispose();
  }

  private gone(): void {
    if (this.#session !== undefined) this.desk.gone(this.#session, this);
  }
}

/** A message that is not taken. */
class Refused extends Error {
  constructor(
    readonly reason: Refusal,
    message: string,
    readonly code: number = REFUSED,
  ) {
    super(message);
  }
}

function valid<const Schema extends v.GenericSchema>(schema: Schema, params: unknown): v.InferOutput<Schema> {
  const result = v.safeParse(schema, params);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const where = v.getDotPath(issue) ?? 'params';
  // The value itself stays out of the text: it may be a token.
  throw new Refused('malformed', `\`${where}\` is not as expected: ${issue.expected ?? issue.type}.`);
}

/** An answer to a message whose id cannot be known. */
function nobody(message: string, reason: Refusal): Message {
  const error = { code: REFUSED, message, data: { reason } };
  return { jsonrpc: '2.0', id: null, error } as Message;
}

/** Turns away what is JSON but no call. */
class Reader extends StreamMessageReader {
  override listen(callback: DataCallback): Disposable {
    return super.listen((message) => {
      if (!isCall(message)) throw new RefusedFrame('malformed', 'The message is neither a request nor a notification.');
      callback(message);
    });
  }
}

function isCall(message: unknown): boolean {
  return typeof message === 'object' && message !== null && 'method' in message && typeof message.method === 'string';
}

/**
 * One write to the socket for each message, where the library's writer makes one for the headers and one for the body: each is
 * a system call, and they were most of what a plan cost. Ends the socket after a last word.
 */
class Writer extends AbstractMessageWriter implements MessageWriter {
  #last = false;

  constructor(private readonly socket: Socket) {
    super();
  }

  endAfterNext(): void {
    this.#last = true;
  }

  write(message: Message): Promise<void> {
    const body = JSON.stringify(message);
    return new Promise((resolve, reject) => {
      this.socket.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`, (error) => {
        if (error == null) resolve();
        else reject(error);
      });
      if (this.#last) this.socket.destroySoon();
    });
  }

  end(): void {
    this.socket.end();
  }
}
