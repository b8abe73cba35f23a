// Hears what the ExUnit reporter tells about one test run, on a loopback port of its own. Interprets nothing.
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import * as net from 'node:net';
import * as v from 'valibot';
import { MAX_REPORT_LINE, TestReport } from '../../protocol/testReport';

/** ms a connection has to say its token. */
const GREETING_TIMEOUT = 10_000;

export class ReportServer {
  readonly #token = randomBytes(24).toString('hex');
  readonly #sockets = new Set<net.Socket>();

  private constructor(
    private readonly server: net.Server,
    private readonly heard: (report: TestReport) => void,
    private readonly refused: (why: string) => void,
  ) {
    server.on('connection', (socket) => this.#accept(socket));
  }

  /** `heard` is called in the order of the reports; `refused` says why a connection or a line was not accepted. */
  static async listen(heard: (report: TestReport) => void, refused: (why: string) => void): Promise<ReportServer> {
    const server = net.createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new ReportServer(server, heard, refused);
  }

  /** For the reporter's environment variable ECD_TEST_REPORT. */
  get address(): string {
    return `${(this.server.address() as net.AddressInfo).port}:${this.#token}`;
  }

  /** What was sent before is heard; then every connection is closed. */
  async close(): Promise<void> {
    this.server.close();
    await Promise.all([...this.#sockets].map(drained));
  }

  #accept(socket: net.Socket): void {
    this.#sockets.add(socket);
    socket.on('error', (error) => this.refused(error.message));
    socket.on('close', () => this.#sockets.delete(socket));
    socket.setTimeout(GREETING_TIMEOUT, () => socket.destroy());

    let greeted = false;
    let rest = Buffer.alloc(0);
    socket.on('data', (data: Buffer) => {
      rest = Buffer.concat([rest, data]);
      for (let end = rest.indexOf(10); end >= 0 && !socket.destroyed; end = rest.indexOf(10)) {
        const line = rest.subarray(0, end);
        rest = rest.subarray(end + 1);
        if (greeted) {
          this.#read(line.toString('utf8'));
        } else if (this.#isToken(line)) {
          greeted = true;
          socket.setTimeout(0);
        } else {
          this.#refuse(socket, 'wrong token');
        }
      }
      if (rest.length > MAX_REPORT_LINE) this.#refuse(socket, 'a line is too long');
    });
  }

  #read(line: string): void {
    let given: unknown;
    try {
      given = JSON.parse(line);
    } catch {
      this.refused('a line is no JSON');
      return;
    }
    const report = v.safeParse(TestReport, given);
    if (report.success) this.heard(report.output);
    else this.refused(`a report is malformed: ${report.issues[0].message}`);
  }

  #refuse(socket: net.Socket, why: string): void {
    this.refused(why);
    socket.destroy();
  }

  #isToken(line: Buffer): boolean {
    const token = Buffer.from(this.#token);
    return line.length === token.length && timingSafeEqual(line, token);
  }
}

/** The VM has ended or is ending: its side closes when all is read. */
async function drained(socket: net.Socket): Promise<void> {
  const timer = setTimeout(() => socket.destroy(), 1_000);
  await once(socket, 'close');
  clearTimeout(timer);
}
