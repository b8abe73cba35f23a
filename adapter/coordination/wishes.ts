// Carries out what the user asked for in the editor, which reaches the session by way of the server. It plans nothing.
import type { AgentCommands } from '../../protocol/agent';
import type { SessionCommand } from '../../protocol/coordination';

export interface WishParts {
  prepare(modules: string[]): Promise<AgentCommands['prepare'][1]>;
  release(modules: string[]): Promise<AgentCommands['release'][1]>;
  pause(paused: boolean): void;
  /** These are prepared because the user asked; the function returned is for those that could not be. */
  requesting(modules: readonly string[]): (failed: readonly { module: string }[]) => void;
  released(modules: string[]): void;
  held(module: string, by: string): void;
  failed(module: string, error: string): void;
}

export async function obey(command: SessionCommand, parts: WishParts): Promise<void> {
  switch (command.kind) {
    case 'pause':
      parts.pause(command.paused);
      return;
    case 'release': {
      const { released, failed } = await parts.release(command.modules);
      if (released.length > 0) parts.released(released);
      for (const { module, error } of failed) parts.held(module, error);
      return;
    }
    case 'prepare': {
      const settle = parts.requesting(command.modules);
      const { failed } = await parts.prepare(command.modules);
      settle(failed);
      for (const { module, error } of failed) parts.failed(module, error);
    }
  }
}
