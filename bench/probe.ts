// Asks the benchmark's program (bench/program/probe.ex) over a socket. Must not know how the program was started.
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createInterface, type Interface } from 'node:readline';

export interface Measured {
  /** µs that the call took, by the clock of the BEAM. */
  micros: number;
  /** What the call returned: the same with and without a debugger. */
  result: number;
}

export class ProbeListener {
  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  static async open(): Promise<ProbeListener> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the probe has no port');
    return new ProbeListener(server, address.port);
  }

  /** The program's connection; the listener is closed with it. */
  async accept(within = 120_000): Promise<Probe> {
    const [socket] = (await once(this.server, 'connection', { signal: AbortSignal.timeout(within) })) as [Socket];
    this.server.close();
    return new Probe(socket);
  }

  close(): void {
    this.server.close();
  }
}

export class Probe {
  private readonly lines: Interface;
  private readonly waiting: { resolve: (measured: Measured) => void; reject: (error: Error) => void }[] = [];

  constructor(private readonly socket: Socket) {
    socket.setNoDelay(true);
    socket.on('error', (error) => this.fail(error));
    this.lines = createInterface({ input: socket });
    this.lines.on('line', (line) => {
      const [micros, result] = line.split(' ').map(Number);
      if (micros !== undefined && result !== undefined) this.waiting.shift()?.resolve({ micros, result });
    });
    this.lines.on('close', () => this.fail(new Error('the program closed its connection')));
  }

  ask(command: string, ...numbers: number[]): Promise<Measured> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject });
      this.socket.write(`${[command, ...numbers].join(' ')}\n`);
    });
  }

  /** The program ends when nobody asks any more. */
  close(): void {
    this.socket.end();
  }

  private fail(error: Error): void {
    for (const { reject } of this.waiting.splice(0)) reject(error);
  }
}
