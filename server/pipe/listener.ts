// The local pipe that adapters connect to: opened with the first debug session, gone with the process.
import { once } from 'node:events';
import { chmodSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { createAddress, type PipeAddress } from './address';
import { Link, type Desk } from './link';

export class Listener {
  readonly #links = new Set<Link>();

  private constructor(
    private readonly server: Server,
    private readonly address: PipeAddress,
    desk: Desk,
  ) {
    server.on('connection', (socket) => {
      const link = new Link(socket, desk);
      this.#links.add(link);
      socket.once('close', () => this.#links.delete(link));
    });
    server.on('error', (error) => desk.trouble(`The pipe of the coordination: ${error.message}`));
    process.once('exit', this.#remove);
  }

  readonly #remove = (): void => this.address.remove();

  static async open(desk: Desk): Promise<Listener> {
    const address = createAddress();
    const server = createServer();
    const listener = new Listener(server, address, desk);
    try {
      server.listen(address.name);
      await once(server, 'listening');
      if (process.platform !== 'win32') chmodSync(address.name, 0o600);
      return listener;
    } catch (error) {
      listener.close();
      throw error;
    }
  }

  get name(): string {
    return this.address.name;
  }

  close(): void {
    for (const link of this.#links) link.close();
    this.server.close();
    process.off('exit', this.#remove);
    this.address.remove();
  }
}
