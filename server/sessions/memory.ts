// What outlives a session, as the sessions need it: the user's decisions, past use, past sessions. Types only.
import type { SessionSummary } from '../../protocol/metrics';
import type { UsageEvent } from '../history/usage';

export type Decision = 'pin' | 'unpin' | 'neverInterpret' | 'allowInterpret';

export interface WorkspaceMemory {
  record(event: UsageEvent): void;
  decide(module: string, action: Decision): void;
  isPinned(module: string): boolean;
  isNeverInterpreted(module: string): boolean;
  pinned(): string[];
  neverInterpreted(): string[];
  addSession(summary: SessionSummary): void;
  /** Sessions that ended, newest first. */
  sessions(): SessionSummary[];
}
