// The adapter's end of the connection to the agent: frames, requests with deadlines, events. Interprets no command.
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { AGENT_PROTOCOL_VERSION, type AgentCommands, type AgentEvents, type AgentHello } from '../../protocol/agent';
import { Failure } from '../../protocol/failure';
import { abortReason } from '../cancellation';
import type { Log } from '../log';
import { Atom, decode, encode, MalformedTerm, Tuple, type Term } from './etf';

/** Bytes of one frame, as the agent has it. */
const MAX_FRAME = 64 * 1024 * 1024;
/** ms in which a new connection must have said hello. */
const HELLO_TIMEOUT = 30_000;
/** ms for an answer, unless a command has its own deadline. */
const REQUEST_TIMEOUT = 20_000;

/** Each event with the body that belongs to it. */
export type AgentEvent = { [Name in keyof AgentEvents]: { name: Name; body: AgentEvents[Name] } }[keyof AgentEvents];

export interface RequestOptions {
  signal?: AbortSignal;
  /** ms, or `none` where the user's own code decides how long it takes. */
  timeout?: number | 'none';
}

/** Cuts the byte stream into frames of `{packet, 4}`. */
export class FrameReader {
  #chunks: Buffer[] = [];
  #size = 0;

  /** Throws MalformedTerm on a frame beyond the limit; the connection is then useless. */
  push(bytes: Buffer, frame: (bytes: Buffer) => void): void {
    this.#chunks.push(bytes);
    this.#size += bytes.length;
    if (this.#size < this.#wanted()) return;
    let rest = this.#chunks.length === 1 ? bytes : Buffer.concat(this.#chunks);
    while (rest.length >= 4) {
      const size = frameSize(rest);
      if (rest.length < 4 + size) break;
      frame(rest.subarray(4, 4 + size));
      rest = rest.subarray(4 + size);
    }
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#size = rest.length;
  }

  /** Bytes to wait for before it is worth joining the pieces. */
  #wanted(): number {
    const first = this.#chunks[0];
    return first === undefined || first.length < 4 ? 4 : 4 + frameSize(first);
  }
}

function frameSize(bytes: Buffer): number {
  const size = bytes.readUInt32BE(0);
  if (size > MAX_FRAME) throw new MalformedTerm(`a frame of ${size} bytes`);
  return size;
}

export function frameOf(term: Term): Buffer {
  const body = encode(term);
  const head = Buffer.allocUnsafe(4);
  head.writeUInt32BE(body.length, 0);
  return Buffer.concat([head, body]);
}

// Accepting the one agent that knows the token ------------------------------------------------------------------------

export class AgentListener {
  readonly token = randomBytes(32).toString('hex');
  readonly #sockets = new Set<Socket>();
  #accept: (client: AgentClient) => void = () => undefined;
  #refuse: (failure: Failure) => void = () => undefined;

  private constructor(
    private readonly server: Server,
    readonly port: number,
    private readonly log: Log,
  ) {
    server.on('connection', (socket) => this.#greet(socket));
  }

  static async open(log: Log): Promise<AgentListener> {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    const address = server.address();
    if (address === null || typeof address === 'string') throw Failure.bug('no loopback address');
    return new AgentListener(server, address.port, log);
  }

  /** Resolves with the agent; rejects when the signal is aborted or an agent of another version connects. */
  connected(signal: AbortSignal): Promise<AgentClient> {
    return new Promise((resolve, reject) => {
      this.#accept = resolve;
      this.#refuse = reject;
      const abort = (): void => reject(abortReason(signal));
      if (signal.aborted) abort();
      else signal.addEventListener('abort', abort, { once: true });
    });
  }

  /** Nobody else may connect; the accepted agent stays. */
  close(): void {
    this.server.close();
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  #greet(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    const reader = new FrameReader();
    const drop = (why: string): void => {
      this.log.warn('agent.fault', 'dropped a connection', { why });
      this.#sockets.delete(socket);
      socket.destroy();
    };
    const timer = setTimeout(() => drop('no hello in time'), HELLO_TIMEOUT);
    socket.once('close', () => {
      clearTimeout(timer);
      this.#sockets.delete(socket);
    });
    socket.on('error', () => undefined);
    const onData = (bytes: Buffer): void => {
      const frames: Buffer[] = [];
      try {
        reader.push(bytes, (frame) => frames.push(Buffer.from(frame)));
        const [first, ...others] = frames;
        if (first === undefined) return;
        const hello = readHello(decode(first));
        if (hello === null || !sameToken(hello.token, this.token)) {
          drop('wrong token');
          return;
        }
        clearTimeout(timer);
        socket.off('data', onData);
        this.#sockets.delete(socket);
        this.#welcome(socket, hello, reader, others);
      } catch (thrown) {
        drop(String(thrown));
      }
    };
    socket.on('data', onData);
  }

  #welcome(socket: Socket, hello: AgentHello, reader: FrameReader, early: Buffer[]): void {
    if (hello.protocol !== AGENT_PROTOCOL_VERSION) {
      socket.destroy();
      this.#refuse(Failure.bug(`The agent speaks version ${hello.protocol}, the adapter ${AGENT_PROTOCOL_VERSION}.`));
      return;
    }
    this.#accept(new AgentClient(socket, hello, reader, early, this.log));
  }
}

function readHello(term: Term): AgentHello | null {
  if (!(term instanceof Tuple) || term.elements[0] !== 'hello') return null;
  const body = term.elements[1];
  if (typeof body !== 'object' || body === null) return null;
  const { token, protocol, node, otp, osPid } = body as Record<string, unknown>;
  if (typeof token !== 'string' || typeof protocol !== 'number' || typeof node !== 'string') return null;
  if (typeof otp !== 'number' || typeof osPid !== 'number') return null;
  return { token, protocol, node, otp, osPid };
}

function sameToken(given: string, ours: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(ours)];
  return a.length === b.length && timingSafeEqual(a, b);
}

// The connection ------------------------------------------------------------------------------------------------------

interface Pending {
  command: string;
  resolve(result: unknown): void;
  reject(failure: Failure): void;
}

export class AgentClient {
  /** Resolves when the connection has ended, for whatever reason. */
  readonly closed: Promise<void>;
  #next = 1;
  #open = true;
  readonly #pending = new Map<number, Pending>();
  #waiting: AgentEvent[] = [];
  #listener: ((event: AgentEvent) => void) | null = null;
  #secondHello: ((hello: AgentHello) => void) | null = null;

  constructor(
    private readonly socket: Socket,
    private hello: AgentHello,
    reader: FrameReader,
    early: Buffer[],
    private readonly log: Log,
  ) {
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#open = false;
        const ended = Failure.expected('programEnded', 'The program has ended.');
        for (const pending of this.#pending.values()) pending.reject(ended);
        this.#pending.clear();
        resolve();
      });
    });
    for (const frame of early) this.#receive(frame);
    socket.on('data', (bytes: Buffer) => {
      try {
        reader.push(bytes, (frame) => this.#receive(frame));
      } catch (thrown) {
        this.log.error('agent.fault', 'the connection to the agent is out of step', { error: String(thrown) });
        socket.destroy();
      }
    });
  }

  /** false: the program has ended, or its agent is gone. */
  get isOpen(): boolean {
    return this.#open;
  }
  get node(): string {
    return this.hello.node;
  }
  get otp(): number {
    return this.hello.otp;
  }
  get osPid(): number {
    return this.hello.osPid;
  }

  /** From now on, and for what came before. */
  onEvent(listener: (event: AgentEvent) => void): void {
    this.#listener = listener;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const event of waiting) listener(event);
  }

  request<C extends keyof AgentCommands>(
    command: C,
    args: AgentCommands[C][0],
    options: RequestOptions = {},
  ): Promise<AgentCommands[C][1]> {
    // The agent is compiled from our own sources: its results have the shape that the contract gives them.
    return this.send(command, args as unknown as Term, options) as Promise<AgentCommands[C][1]>;
  }

  /** A request that is none of the agent's commands: the relay's own. */
  send(command: string, args: Term, options: RequestOptions): Promise<unknown> {
    const { signal, timeout = REQUEST_TIMEOUT } = options;
    if (!this.#open) return Promise.reject(Failure.expected('programEnded', 'The program has ended.'));
    if (signal?.aborted === true) return Promise.reject(abortReason(signal));
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const timer =
        timeout === 'none'
          ? undefined
          : setTimeout(() => {
              end();
              this.#write(new Tuple([new Atom('cancel'), id]));
              reject(
                Failure.expected('agentSilent', `The program did not answer "${command}" within ${timeout / 1000} s.`),
              );
            }, timeout);
      const abort = (): void => {
        // What it changes it still finishes; only the answer is of no use any more.
        end();
        this.#write(new Tuple([new Atom('cancel'), id]));
        reject(signal === undefined ? Failure.expected('cancelled', 'Cancelled.') : abortReason(signal));
      };
      const end = (): void => {
        clearTimeout(timer);
        this.#pending.delete(id);
        signal?.removeEventListener('abort', abort);
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.#pending.set(id, {
        command,
        resolve: (result) => {
          end();
          resolve(result);
        },
        reject: (failure) => {
          end();
          reject(failure);
        },
      });
      if (this.log.enabled('trace')) this.log.trace('agent.out', command, { id, args });
      this.#write(new Tuple([new Atom('request'), id, new Atom(command), args]));
    });
  }

  /** The relay says hello for itself first, then passes on the hello of the node it works for. */
  helloOfNode(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#secondHello = (hello) => {
        this.hello = hello;
        resolve();
      };
      void this.closed.then(() => reject(Failure.user('nodeLost', 'The connection to the node was lost.')));
      signal.addEventListener('abort', () => reject(abortReason(signal)), { once: true });
    });
  }

  close(): void {
    this.socket.end();
    this.socket.destroySoon();
  }

  #write(term: Term): void {
    if (this.#open && this.socket.writable) this.socket.write(frameOf(term));
  }

  #receive(frame: Buffer): void {
    const term = decode(frame);
    if (!(term instanceof Tuple)) throw new MalformedTerm('a frame that is no tuple');
    const [kind, key, body] = term.elements;
    if (this.log.enabled('trace')) this.log.trace('agent.in', 'frame', { kind, key, body });
    if (kind === 'event' && typeof key === 'string') this.#event({ name: key, body } as unknown as AgentEvent);
    else if (kind === 'reply' && typeof key === 'number') this.#pending.get(key)?.resolve(body);
    else if (kind === 'error' && typeof key === 'number') this.#pending.get(key)?.reject(failureOf(body));
    else if (kind === 'hello') this.#helloAgain(term);
    else throw new MalformedTerm('a frame of an unknown kind');
  }

  #event(event: AgentEvent): void {
    if (this.#listener === null) this.#waiting.push(event);
    else this.#listener(event);
  }

  #helloAgain(term: Term): void {
    const hello = readHello(term);
    if (hello === null || this.#secondHello === null) throw new MalformedTerm('an unexpected hello');
    this.#secondHello(hello);
    this.#secondHello = null;
  }
}

function failureOf(body: unknown): Failure {
  const { blame, code, message, hint } = body as Record<string, unknown>;
  if (typeof code !== 'string' || typeof message !== 'string')
    return Failure.bug('The agent failed without saying why.');
  return new Failure({
    blame: blame === 'user' || blame === 'expected' ? blame : 'bug',
    code,
    message,
    ...(typeof hint === 'string' ? { hint } : {}),
  });
}
