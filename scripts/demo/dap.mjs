// A debug client in one screen: starts the adapter, sends requests, waits for events. Knows nothing of what is shown.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

export class Client {
  #child;
  #closed;
  #sequence = 0;
  #requests = new Map();
  #events = [];
  #waiters = [];
  #received = Buffer.alloc(0);
  #stderr = '';

  /** Everything the program wrote, in order. */
  output = '';

  constructor(adapter) {
    this.#child = spawn(process.execPath, [adapter], { stdio: 'pipe' });
    this.#child.stdout.on('data', (chunk) => this.#read(chunk));
    this.#child.stderr.on('data', (chunk) => (this.#stderr += chunk));
    this.#closed = once(this.#child, 'close').then(() => this.#fail(new Error(`the adapter ended\n${this.#stderr}`)));
  }

  /** The body of the answer; a refusal is an error with the adapter's own words. */
  request(command, args = {}) {
    return new Promise((resolve, reject) => {
      const seq = ++this.#sequence;
      this.#requests.set(seq, { resolve, reject });
      const text = JSON.stringify({ seq, type: 'request', command, arguments: args });
      this.#child.stdin.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
    });
  }

  /** The body of the next event with one of these names, and the name. */
  event(...names) {
    const known = this.#events.findIndex(({ name }) => names.includes(name));
    if (known >= 0) return Promise.resolve(this.#events.splice(known, 1)[0]);
    return new Promise((resolve, reject) => {
      const deadline = setTimeout(() => reject(new Error(`no ${names.join(' or ')} within 60 s`)), 60_000);
      this.#waiters.push({ names, resolve, reject, deadline });
    });
  }

  /** Ends the adapter, and with it the program it debugs. */
  async close() {
    this.#child.stdin.end();
    const patience = setTimeout(() => this.#child.kill('SIGKILL'), 10_000);
    await this.#closed;
    clearTimeout(patience);
  }

  #read(chunk) {
    this.#received = Buffer.concat([this.#received, chunk]);
    for (;;) {
      const head = this.#received.indexOf('\r\n\r\n');
      if (head < 0) return;
      const length = Number(/Content-Length: (\d+)/i.exec(this.#received.toString('latin1', 0, head))?.[1]);
      const end = head + 4 + length;
      if (this.#received.length < end) return;
      const message = JSON.parse(this.#received.toString('utf8', head + 4, end));
      this.#received = this.#received.subarray(end);
      if (message.type === 'response') this.#answered(message);
      else this.#happened(message.event, message.body ?? {});
    }
  }

  #answered({ request_seq: seq, success, message, body }) {
    const { resolve, reject } = this.#requests.get(seq);
    this.#requests.delete(seq);
    if (success) resolve(body ?? {});
    else reject(new Error(body?.error?.format ?? message));
  }

  #happened(name, body) {
    if (name === 'output' && ['stdout', 'stderr'].includes(body.category)) this.output += body.output;
    const waiting = this.#waiters.findIndex(({ names }) => names.includes(name));
    if (waiting < 0) {
      this.#events.push({ name, body });
      return;
    }
    const [{ resolve, deadline }] = this.#waiters.splice(waiting, 1);
    clearTimeout(deadline);
    resolve({ name, body });
  }

  #fail(error) {
    for (const { reject } of this.#requests.values()) reject(error);
    for (const { reject, deadline } of this.#waiters) {
      clearTimeout(deadline);
      reject(error);
    }
    this.#requests.clear();
    this.#waiters = [];
  }
}
