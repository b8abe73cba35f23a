// What the usage store writes down, and the validators of what it reads back: lines of a journal, the body of a snapshot. No I/O.
import * as v from 'valibot';
import { STRATEGIES } from '../../protocol/settings';
import type { SessionSummary } from '../../protocol/metrics';
import type { ModuleAction } from '../../protocol/server';
import type { UsageEvent } from './usage';

/** How long and how much. */
export interface UsageLimits {
  /** Usage older than that is forgotten. */
  days: number;
  /** Bytes on disk, all files together. */
  bytes: number;
}

/** What the user decides about a module for good. */
export const DECISIONS = ['pin', 'unpin', 'neverInterpret', 'allowInterpret'] as const;
export type DecisionAction = Extract<ModuleAction, (typeof DECISIONS)[number]>;

/** One thing worth keeping. `at`: milliseconds since the epoch. */
export type UsageRecord =
  | UsageEvent
  | { kind: 'decision'; at: number; module: string; action: DecisionAction }
  | { kind: 'summary'; at: number; summary: SessionSummary };

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
/** Milliseconds since the epoch that a date can be made of. */
const at = v.pipe(v.number(), v.minValue(0), v.maxValue(8.64e15));
const session = v.string();
const module = v.pipe(v.string(), v.nonEmpty());
const figure = v.nullable(v.number());

const Summary: v.GenericSchema<unknown, SessionSummary> = v.object({
  id: v.string(),
  name: v.string(),
  startedAt: at,
  endedAt: at,
  strategy: v.picklist(STRATEGIES),
  stops: count,
  steps: count,
  modulesUsed: v.array(module),
  preparedModules: count,
  peakPreparedBytes: v.number(),
  hitRate: figure,
  hit5: figure,
  fallbackRate: figure,
  clickToArmedP50: figure,
  stepP50: figure,
});

const Kept: v.GenericSchema<unknown, UsageRecord> = v.variant('kind', [
  v.object({ kind: v.literal('sessionStarted'), at, session }),
  v.object({ kind: v.literal('breakpoint'), at, session, module }),
  v.object({ kind: v.literal('stopped'), at, session, module }),
  v.object({ kind: v.literal('steppedInto'), at, session, module }),
  v.object({ kind: v.literal('entered'), at, session, module }),
  v.object({ kind: v.literal('sessionEnded'), at, session }),
  v.object({ kind: v.literal('decision'), at, module, action: v.picklist(DECISIONS) }),
  v.object({ kind: v.literal('summary'), at, summary: Summary }),
]);

/** A line of a journal: records are numbered, so that one which a snapshot holds already is not counted twice. */
export const JournalLine = v.object({ n: v.pipe(v.number(), v.integer(), v.minValue(1)), record: Kept });
export type JournalLine = v.InferOutput<typeof JournalLine>;

/** What a ledger is on disk. Tuples, because there may be thousands. */
export const LedgerState = v.object({
  /** Module, stops, steps into it, entries, breakpoints, last use. */
  modules: v.array(v.tuple([module, count, count, count, count, at])),
  /** Module, what was decided last (null: nothing holds any more), when. */
  decisions: v.array(v.tuple([module, v.nullable(v.picklist(['pinned', 'never'])), at])),
  sessions: v.array(Summary),
});
export type LedgerState = v.InferOutput<typeof LedgerState>;

export const SnapshotBody = v.object({
  /** Another one with every write: tells whether somebody else wrote since. */
  revision: v.pipe(v.string(), v.nonEmpty()),
  /** Records from before that moment were erased by the user, wherever they still turn up. */
  erasedAt: at,
  /** Journal → number of its last record that this snapshot holds. */
  folded: v.array(v.tuple([v.string(), count])),
  ledger: LedgerState,
  /** The learning model's own state; only the model can read it. */
  model: v.unknown(),
});
export type SnapshotBody = v.InferOutput<typeof SnapshotBody>;
