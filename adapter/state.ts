// What a debug session is doing, as one union; every request names the states in which it makes sense. No behaviour.
import type { EngineName } from '../protocol/agent';
import type { AttachArguments, LaunchArguments } from '../protocol/adapter';
import type { Program } from './beam/program';

/** What was asked for, kept for restart. */
export type Start = ({ kind: 'launch'; args: LaunchArguments } | { kind: 'attach'; args: AttachArguments }) & {
  /** Of the launch configuration, as people know the session; null where the client did not say. */
  name: string | null;
};

/** A program that is connected and configured. */
export interface Live {
  start: Start;
  program: Program;
  engine: EngineName;
  /** noDebug: the program runs, nothing in it is ever armed. */
  debug: boolean;
}

export type State =
  /** Nothing but initialize makes sense. */
  | { kind: 'started' }
  /** The client is known; launch or attach is next. */
  | { kind: 'initialized' }
  /** Compiling the agent, starting the program; the controller ends that. */
  | { kind: 'launching'; start: Start; abort: AbortController }
  /** The program waits for its first line; the client sends breakpoints, then configurationDone. */
  | { kind: 'configuring'; live: Live }
  | { kind: 'running'; live: Live }
  /** The program ends, to be started again in the same session. */
  | { kind: 'restarting'; live: Live }
  /** The program is gone; exited and terminated were sent. */
  | { kind: 'ended' };

/** The program of the state, if there is one that answers. */
export function liveOf(state: State): Live | null {
  return 'live' in state ? state.live : null;
}
