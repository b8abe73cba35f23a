// What the user has chosen on the page: kept by VS Code while the page is hidden and over reloads. Pure, no DOM.
import * as v from 'valibot';

export const TABS = ['overview', 'modules', 'dependencies', 'sessions', 'health'] as const;
export type Tab = (typeof TABS)[number];

export const MODULE_FILTERS = ['all', 'interpreted', 'prepared', 'native', 'pinned', 'never'] as const;
export type ModuleFilter = (typeof MODULE_FILTERS)[number];

/** Minutes of the timeline to show; 0: all of it. */
export const SPANS = [1, 10, 60, 0] as const;

const text = v.nullable(v.string());
const offset = v.fallback(v.pipe(v.number(), v.minValue(0)), 0);
const sort = (key: string, descending: boolean) =>
  v.fallback(v.object({ key: v.string(), descending: v.boolean() }), { key, descending });

/** Each part falls back alone: what an older version kept costs no more than that part. */
const View = v.object({
  tab: v.fallback(v.picklist(TABS), 'overview'),
  modules: v.object({
    sort: sort('uses', true),
    filter: v.fallback(v.string(), ''),
    state: v.fallback(v.picklist(MODULE_FILTERS), 'all'),
    selected: v.fallback(text, null),
    scroll: offset,
  }),
  timeline: v.object({
    minutes: v.fallback(v.picklist(SPANS), 0),
    session: v.fallback(text, null),
    scroll: offset,
  }),
  dependencies: v.object({
    /** null: the module of the current stop. */
    module: v.fallback(text, null),
    depth: v.fallback(v.picklist([1, 2]), 1),
  }),
  /** Ids of two sessions; null: the newest that is left. */
  comparison: v.object({ first: v.fallback(text, null), second: v.fallback(text, null) }),
  /** Disclosures that are open. */
  open: v.fallback(v.array(v.string()), []),
  /** Of the page, in pixels. */
  scroll: offset,
});
export type View = v.InferOutput<typeof View>;
export type Sort = View['modules']['sort'];

export function restored(state: unknown): View {
  const kept = typeof state === 'object' && state !== null ? state : {};
  const empty = { modules: {}, timeline: {}, dependencies: {}, comparison: {} };
  const whole = v.safeParse(View, { ...empty, ...kept });
  return whole.success ? whole.output : v.parse(View, empty);
}
