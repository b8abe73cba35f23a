// What is remembered of debugging sessions in a workspace: the events that the store keeps and the model learns from. Types only.

/** `at`: milliseconds since the epoch. A session's events stand in order; sessions of several windows may interleave. */
export type UsageEvent =
  | { kind: 'sessionStarted'; at: number; session: string }
  | { kind: 'breakpoint'; at: number; session: string; module: string }
  /** A process stopped in the module. */
  | { kind: 'stopped'; at: number; session: string; module: string }
  /** The user stepped into the module. */
  | { kind: 'steppedInto'; at: number; session: string; module: string }
  /** Execution under interpretation reached the module, for the first time in this session. */
  | { kind: 'entered'; at: number; session: string; module: string }
  | { kind: 'sessionEnded'; at: number; session: string };

/** A model that is a fold over usage events. `State` is JSON. */
export interface UsageModel<State> {
  apply(event: UsageEvent): void;
  /** Everything learned; `restore(snapshot())` changes nothing. */
  snapshot(): State;
  /** Refuses (false, and stays as it was) what is no state of this version. */
  restore(state: unknown): boolean;
  /** Drops what was learned before that time, as far as it can be told apart. */
  forgetBefore(at: number): void;
  reset(): void;
}
