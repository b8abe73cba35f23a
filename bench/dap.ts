// The benchmark's end of a debug session: requests out, events in, each with its time. Must not interpret what it carries.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { DebugProtocol } from '@vscode/debugprotocol';

export type Body = Record<string, unknown>;

export interface Answer {
  body: Body;
  /** ms from writing the request to reading its answer. */
  took: number;
}

export interface Arrival {
  body: Body;
  /** `performance.now()` when it was read. */
  at: number;
}

interface Pending {
  command: string;
  sent: number;
  resolve: (answer: Answer) => void;
  reject: (error: Error) => void;
}

interface Waiter {
  event: string;
  resolve: (arrival: Arrival) => void;
  reject: (error: Error) => void;
  deadline: NodeJS.Timeout;
}

type Incoming<Message> = Omit<Message, 'body'> & { body?: Body };

export class DapConnection {
  /** `performance.now()` just before the adapter was started. */
  readonly started = performance.now();
  private readonly child: ChildProcess;
  private readonly closed: Promise<unknown>;
  private readonly pending = new Map<number, Pending>();
  private readonly unclaimed: { event: string; arrival: Arrival }[] = [];
  private readonly waiters: Waiter[] = [];
  private readonly transcript: string[] = [];
  private received: Buffer = Buffer.alloc(0);
  private sequence = 0;

  constructor(adapter: string, env: NodeJS.ProcessEnv) {
    this.child = spawn(process.execPath, [adapter], { stdio: ['pipe', 'pipe', 'pipe'], env });
    this.child.stdout?.on('data', (chunk: Buffer) => this.read(chunk));
    this.child.stderr?.on('data', (chunk: Buffer) => this.note(`stderr ${chunk.toString()}`));
    this.closed = once(this.child, 'close').then(() => this.fail('the adapter ended'));
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error('the adapter did not start');
    return this.child.pid;
  }

  /** Answers that say `success: false` reject with the adapter's message. */
  request(command: string, args: Body = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const seq = ++this.sequence;
      const text = JSON.stringify({ seq, type: 'request', command, arguments: args });
      this.pending.set(seq, { command, sent: performance.now(), resolve, reject });
      this.child.stdin?.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
      this.note(`→ ${text}`);
    });
  }

  /** The next event of this name that nobody took yet, also one that came before the call. */
  event(event: string, within = 120_000): Promise<Arrival> {
    const early = this.unclaimed.findIndex((known) => known.event === event);
    const [taken] = early < 0 ? [] : this.unclaimed.splice(early, 1);
    if (taken !== undefined) return Promise.resolve(taken.arrival);
    return new Promise((resolve, reject) => {
      const deadline = setTimeout(() => {
        reject(new Error(`no event "${event}" within ${within} ms; the last messages:\n${this.transcript.join('\n')}`));
      }, within);
      this.waiters.push({ event, resolve, reject, deadline });
    });
  }

  /** Ends the adapter as a client does that goes away, and waits until it is gone. */
  async close(): Promise<void> {
    this.child.stdin?.end();
    const patience = setTimeout(() => this.child.kill('SIGKILL'), 10_000);
    await this.closed;
    clearTimeout(patience);
  }

  private read(chunk: Buffer): void {
    const at = performance.now();
    this.received = Buffer.concat([this.received, chunk]);
    for (;;) {
      const head = this.received.indexOf('\r\n\r\n');
      const length = /Content-Length: (\d+)/i.exec(this.received.toString('ascii', 0, Math.max(0, head)))?.[1];
      const end = head + 4 + Number(length);
      if (length === undefined || this.received.length < end) return;
      const text = this.received.toString('utf8', head + 4, end);
      this.received = this.received.subarray(end);
      this.note(`← ${text}`);
      this.dispatch(JSON.parse(text) as DebugProtocol.Response | DebugProtocol.Event, at);
    }
  }

  private dispatch(message: DebugProtocol.Response | DebugProtocol.Event, at: number): void {
    if (message.type === 'event') {
      const { event, body } = message as Incoming<DebugProtocol.Event>;
      const arrival = { body: body ?? {}, at };
      const waiting = this.waiters.findIndex((waiter) => waiter.event === event);
      const [waiter] = waiting < 0 ? [] : this.waiters.splice(waiting, 1);
      if (waiter === undefined) {
        this.unclaimed.push({ event, arrival });
      } else {
        clearTimeout(waiter.deadline);
        waiter.resolve(arrival);
      }
      return;
    }
    const { request_seq: seq, success, message: reason, body } = message as Incoming<DebugProtocol.Response>;
    const request = this.pending.get(seq);
    this.pending.delete(seq);
    if (request === undefined) return;
    if (success) request.resolve({ body: body ?? {}, took: at - request.sent });
    else request.reject(new Error(`${request.command}: ${explain(reason, body)}`));
  }

  private fail(reason: string): void {
    const error = new Error(`${reason}; the last messages:\n${this.transcript.join('\n')}`);
    for (const { reject } of this.pending.values()) reject(error);
    for (const { reject, deadline } of this.waiters) {
      clearTimeout(deadline);
      reject(error);
    }
    this.pending.clear();
    this.waiters.length = 0;
  }

  /** Keeps what an error message may need, no more. */
  private note(line: string): void {
    this.transcript.push(line.slice(0, 400));
    if (this.transcript.length > 30) this.transcript.shift();
  }
}

function explain(reason: string | undefined, body: Body | undefined): string {
  const format = (body?.['error'] as { format?: string } | undefined)?.format;
  return [reason, format].filter((text) => text !== undefined && text !== '').join(': ');
}
