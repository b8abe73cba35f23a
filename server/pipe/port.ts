// Opens the pipe for debug sessions and hands out its name with a token each. Without a session there is no pipe.
import type { Desk } from './link';
import { Listener } from './listener';
import type { Tokens } from './tokens';

export class Port {
  #listener: Promise<Listener> | undefined;

  constructor(
    private readonly desk: Desk,
    private readonly tokens: Tokens,
  ) {}

  /** The pair stays the same until the session is closed. Fails where the machine grants no pipe; a later call tries anew. */
  async open(session: string): Promise<{ pipe: string; token: string }> {
    this.#listener ??= Listener.open(this.desk);
    try {
      const { name } = await this.#listener;
      return { pipe: name, token: this.tokens.issue(session) };
    } catch (error) {
      this.#listener = undefined;
      throw error;
    }
  }

  async close(): Promise<void> {
    (await this.#listener)?.close();
  }
}
