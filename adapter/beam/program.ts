// What the session knows of the program it debugs, however that was started. Types only.
import type { AgentClient } from './agentClient';

export interface Ending {
  /** null: the program lives on (attach), or nobody can know. */
  exitCode: number | null;
}

export interface Program {
  readonly start: 'launch' | 'attach';
  readonly agent: AgentClient;
  /** For people: the mix task, the script, the node. */
  readonly name: string;
  /** Operating system process id, on the machine of the program. */
  readonly pid: number;
  /** Resolves once: the program (launch) or the connection (attach) has ended and all its output was delivered. */
  readonly ended: Promise<Ending>;
  /** At once and by force, with all it has started; what was attached to lives on. Idempotent. */
  kill(): void;
  /** What the program has started by now ends with it, instead of outliving it. */
  takeChildrenAlong(): void;
}

/** Where a program's output goes; resolves when the reader is ready for more. */
export type OutputSink = (category: 'stdout' | 'stderr', text: string) => Promise<void> | undefined;
