// The contract between the dashboard page and its host in the extension: two unions. Shapes and validators only.
import * as v from 'valibot';
import type { MetricsSnapshot, MetricsUpdate, Neighbourhood } from './metrics';
import type { ModuleExplanation } from './server';

/** Given to the page inside its HTML, as JSON. */
export interface PageData {
  /** Translations, English text → text in the user's language, as `vscode.l10n.bundle` has them. */
  bundle: Record<string, string>;
  /** The extension's own commands that the page may ask for, by id, with their titles. */
  commands: Record<string, string>;
}

/** Host → page. */
export type ToPage =
  /** Replaces everything; sent after `ready`. */
  | { kind: 'snapshot'; snapshot: MetricsSnapshot }
  | { kind: 'update'; update: MetricsUpdate }
  /** The server does not answer; a snapshot follows when it does again. `why` is a sentence for people. */
  | { kind: 'disconnected'; why: string }
  | { kind: 'explanation'; explanation: ModuleExplanation }
  | { kind: 'neighbourhood'; neighbourhood: Neighbourhood }
  /** A question about this module has no answer. */
  | { kind: 'unanswered'; of: 'explain' | 'neighbourhood'; module: string; why: string }
  /** What came of a wish of the user's, one sentence. */
  | { kind: 'said'; text: string; failed: boolean };

/** What can be saved: everything as JSON, or one table as CSV. */
export const EXPORTS = ['everything', 'modules', 'timeline', 'sessions'] as const;
export type Export = (typeof EXPORTS)[number];

const moduleName = v.pipe(v.string(), v.nonEmpty(), v.maxLength(512));

/** Page → host. */
export const FromPage = v.variant('kind', [
  /** The page is there and has no snapshot, or has lost the thread of updates. */
  v.object({ kind: v.literal('ready') }),
  v.object({
    kind: v.literal('module'),
    module: moduleName,
    action: v.picklist(['prepare', 'release', 'pin', 'unpin', 'neverInterpret', 'allowInterpret']),
  }),
  v.object({ kind: v.literal('explain'), module: moduleName }),
  v.object({
    kind: v.literal('neighbourhood'),
    module: moduleName,
    depth: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(3)),
  }),
  /** `file` is absolute, `line` 1-based. */
  v.object({
    kind: v.literal('open'),
    file: v.pipe(v.string(), v.nonEmpty()),
    line: v.nullable(v.pipe(v.number(), v.integer(), v.minValue(1))),
  }),
  v.object({ kind: v.literal('export'), what: v.picklist(EXPORTS) }),
  /** One of `PageData.commands`; any other is refused. */
  v.object({ kind: v.literal('run'), command: v.string() }),
]);
export type FromPage = v.InferOutput<typeof FromPage>;
