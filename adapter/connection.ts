// The client's end of the wire: DAP messages in and out of two byte streams. Knows no command.
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { Readable, Writable } from 'node:stream';
import { Failure } from '../protocol/failure';
import type { Translate } from '../protocol/translation';
import { inLanguage } from './language';
import type { Log } from './log';

/** Bytes of one message; a client that announces more is out of step. */
const MAX_MESSAGE = 64 * 1024 * 1024;
/** Bytes of a header; more without its end is no DAP. */
const MAX_HEADER = 16 * 1024;
const HEADER_END = Buffer.from('\r\n\r\n');

export interface Listener {
  request(request: { seq: number; command: string; arguments?: unknown }): void;
  /** A message that is no DAP; `requestSeq` if it was recognisably a request. */
  malformed(reason: string, requestSeq: number | null): void;
  /** The client is gone. */
  closed(): void;
}

export class Connection {
  #seq = 1;
  #closed = false;
  #translate: Translate | undefined;
  readonly #reverse = new Map<number, { resolve(body: unknown): void; reject(failure: Failure): void }>();

  constructor(
    private readonly input: Readable,
    private readonly output: Writable,
    private readonly log: Log,
  ) {}

  listen(listener: Listener): void {
    const parser = new MessageParser(
      (text) => {
        this.#receive(text, listener);
      },
      (reason) => listener.malformed(reason, null),
    );
    const close = (): void => {
      if (this.#closed) return;
      this.#closed = true;
      for (const pending of this.#reverse.values())
        pending.reject(Failure.expected('clientGone', 'The client is gone.'));
      this.#reverse.clear();
      listener.closed();
    };
    this.input.on('data', (bytes: Buffer) => parser.push(bytes));
    this.input.on('end', close);
    this.input.on('close', close);
    this.input.on('error', close);
    this.output.on('error', close);
  }

  /** From now on the user is spoken to in another language; undefined: in English. */
  speak(translate: Translate | undefined): void {
    this.#translate = translate;
  }

  respond(response: Omit<DebugProtocol.Response, 'seq' | 'type'>): void {
    this.#send({ type: 'response', ...response });
  }

  event(event: string, body?: object): void {
    this.#send(body === undefined ? { type: 'event', event } : { type: 'event', event, body });
  }

  /** A request from us to the client, such as runInTerminal. */
  request(command: string, args: object, timeout: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const seq = this.#send({ type: 'request', command, arguments: args });
      const timer = setTimeout(() => {
        this.#reverse.delete(seq);
        reject(Failure.user('clientSilent', `The editor did not answer the request "${command}" in time.`));
      }, timeout);
      this.#reverse.set(seq, {
        resolve: (body) => {
          clearTimeout(timer);
          resolve(body);
        },
        reject: (failure) => {
          clearTimeout(timer);
          reject(failure);
        },
      });
    });
  }

  /** false while the client reads more slowly than we write; `drained` tells when to go on. */
  get writable(): boolean {
    return !this.output.writableNeedDrain;
  }
  drained(listener: () => void): void {
    this.output.once('drain', listener);
    this.output.once('close', listener);
  }

  /** Resolves when all that was sent is with the operating system. */
  flush(): Promise<void> {
    return new Promise((resolve) => {
      if (this.output.destroyed || this.output.writableEnded) resolve();
      else this.output.write('', () => resolve());
    });
  }

  #send(english: { type: string } & Record<string, unknown>): number {
    const seq = this.#seq++;
    if (this.#closed || this.output.destroyed) return seq;
    const message = this.#translate === undefined ? english : inLanguage(english, this.#translate);
    const text = JSON.stringify({ seq, ...message }, (_key, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    );
    if (this.log.enabled('trace')) this.log.trace('dap.out', message.type, { dap: { seq, ...message } });
    this.output.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
    return seq;
  }

  #receive(text: string, listener: Listener): void {
    let message: unknown;
    try {
      message = JSON.parse(text);
    } catch {
      listener.malformed('a message that is not JSON', null);
      return;
    }
    if (this.log.enabled('trace')) this.log.trace('dap.in', 'message', { dap: message });
    if (!isRecord(message)) {
      listener.malformed('a message that is not an object', null);
    } else if (message['type'] === 'response') {
      this.#answered(message);
    } else if (message['type'] !== 'request') {
      listener.malformed('a message that is neither request nor response', null);
    } else {
      const { seq, command } = message;
      if (typeof seq !== 'number' || !Number.isInteger(seq)) listener.malformed('a request without a number', null);
      else if (typeof command !== 'string') listener.malformed('a request without a command', seq);
      else listener.request({ seq, command, arguments: message['arguments'] });
    }
  }

  #answered(response: Record<string, unknown>): void {
    const seq = response['request_seq'];
    const pending = typeof seq === 'number' ? this.#reverse.get(seq) : undefined;
    if (pending === undefined || typeof seq !== 'number') return;
    this.#reverse.delete(seq);
    if (response['success'] === true) {
      pending.resolve(response['body']);
    } else {
      const reason = typeof response['message'] === 'string' ? response['message'] : 'without a reason';
      pending.reject(Failure.user('clientRefused', `The editor refused the request: ${reason}.`));
    }
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Cuts a byte stream into message bodies. After a broken header it goes on at the next one. */
export class MessageParser {
  #chunks: Buffer[] = [];
  #size = 0;
  #expected: number | null = null;

  constructor(
    private readonly body: (text: string) => void,
    private readonly broken: (reason: string) => void,
  ) {}

  push(bytes: Buffer): void {
    this.#chunks.push(bytes);
    this.#size += bytes.length;
    // Joined only when a whole message can be there: a large one arrives in many pieces.
    if (this.#expected !== null && this.#size < this.#expected) return;
    let rest = this.#chunks.length === 1 ? bytes : Buffer.concat(this.#chunks);
    for (;;) {
      const next = this.#expected === null ? this.#header(rest) : this.#take(rest, this.#expected);
      if (next === null) break;
      rest = next;
    }
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#size = rest.length;
  }

  #take(bytes: Buffer, size: number): Buffer | null {
    if (bytes.length < size) return null;
    this.#expected = null;
    this.body(bytes.toString('utf8', 0, size));
    return bytes.subarray(size);
  }

  #header(bytes: Buffer): Buffer | null {
    const end = bytes.indexOf(HEADER_END);
    if (end === -1 && bytes.length <= MAX_HEADER) return null;
    if (end === -1 || end > MAX_HEADER) {
      this.broken('a header without an end');
      return end === -1 ? Buffer.alloc(0) : bytes.subarray(end + HEADER_END.length);
    }
    // The name may follow the remains of a broken message, hence no anchor at the start.
    const length = /Content-Length:\s*(\d+)\s*$/im.exec(bytes.toString('latin1', 0, end))?.[1];
    if (length === undefined || Number(length) > MAX_MESSAGE) this.broken('a header without a usable Content-Length');
    else this.#expected = Number(length);
    return bytes.subarray(end + HEADER_END.length);
  }
}
