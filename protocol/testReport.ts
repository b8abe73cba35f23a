// What the ExUnit reporter (src/testing/exunit_reporter.ex) tells the test explorer: one JSON object a line, after a line
// that holds the token. Shapes and validators only.
import * as v from 'valibot';

/** Bytes of one line; a longer one ends the connection. */
export const MAX_REPORT_LINE = 8 * 1024 * 1024;

const place = {
  module: v.string(),
  /** As ExUnit names it: kind, `describe` and name joined. */
  name: v.string(),
  /** Absolute path. */
  file: v.string(),
  /** 1-based. */
  line: v.number(),
  doctest: v.boolean(),
};

const Failure = v.object({
  message: v.string(),
  /** Both or none: sides of a failed assertion. */
  expected: v.optional(v.string()),
  actual: v.optional(v.string()),
  /** Innermost frame first; without `file` the place is unknown. */
  stack: v.array(v.object({ text: v.string(), file: v.optional(v.string()), line: v.optional(v.number()) })),
});
export type ReportedFailure = v.InferOutput<typeof Failure>;

export const TestReport = v.variant('event', [
  v.object({ event: v.literal('suiteStarted') }),
  v.object({ event: v.literal('testStarted'), ...place }),
  v.object({
    event: v.literal('testFinished'),
    ...place,
    ms: v.number(),
    /** `invalid`: setup_all of its module failed. `excluded`: not chosen. */
    outcome: v.picklist(['passed', 'failed', 'skipped', 'excluded', 'invalid']),
    reason: v.optional(v.string()),
    failures: v.optional(v.array(Failure), []),
  }),
  /** setup_all failed: none of the module's tests ran. */
  v.object({ event: v.literal('moduleFailed'), module: v.string(), file: v.string(), failures: v.array(Failure) }),
  /** How often each line of a module ran, as [line, count]; `missing`: this Erlang has no cover. */
  v.object({
    event: v.literal('covered'),
    missing: v.optional(v.boolean(), false),
    module: v.optional(v.string(), ''),
    file: v.optional(v.string(), ''),
    lines: v.optional(v.array(v.tuple([v.number(), v.number()])), []),
  }),
  v.object({ event: v.literal('suiteFinished') }),
]);
export type TestReport = v.InferOutput<typeof TestReport>;
