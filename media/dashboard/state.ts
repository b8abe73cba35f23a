// What the page knows of the server, as a fold over the host's messages: pure, no DOM. Must give the same by increments as by snapshots.
import type { ToPage } from '../../protocol/dashboard';
import {
  MAX_SAMPLES,
  MAX_TIMELINE,
  type MetricsSnapshot,
  type MetricsUpdate,
  type Neighbourhood,
} from '../../protocol/metrics';
import type { ModuleExplanation } from '../../protocol/server';

/** The answer to a question about one module. */
export type Answer<T> = { module: string; value: T } | { module: string; why: string };

export interface Model {
  /** `down`: the server does not answer, and the figures are those it gave last. */
  connection: 'loading' | 'live' | 'down';
  /** Why it is down, for people. */
  why: string | null;
  snapshot: MetricsSnapshot | null;
  /** An update did not fit; a new snapshot is wanted. */
  stale: boolean;
  explanation: Answer<ModuleExplanation> | null;
  neighbourhood: Answer<Neighbourhood> | null;
  /** Told to the user once. `number` tells equal sentences apart. */
  said: { text: string; failed: boolean; number: number } | null;
}

export const INITIAL: Model = {
  connection: 'loading',
  why: null,
  snapshot: null,
  stale: false,
  explanation: null,
  neighbourhood: null,
  said: null,
};

export function reduce(model: Model, message: ToPage): Model {
  switch (message.kind) {
    case 'snapshot':
      return { ...model, connection: 'live', why: null, snapshot: message.snapshot, stale: false };
    case 'update':
      return updated(model, message.update);
    case 'disconnected':
      return { ...model, connection: 'down', why: message.why };
    case 'explanation':
      return { ...model, explanation: { module: message.explanation.module, value: message.explanation } };
    case 'neighbourhood':
      return { ...model, neighbourhood: { module: message.neighbourhood.module, value: message.neighbourhood } };
    case 'unanswered': {
      const answer = { module: message.module, why: message.why };
      return message.of === 'explain' ? { ...model, explanation: answer } : { ...model, neighbourhood: answer };
    }
    case 'said':
      return say(model, message.text, message.failed);
  }
}

function updated(model: Model, update: MetricsUpdate): Model {
  const { snapshot } = model;
  // The first snapshot is still under way, or held this already.
  if (snapshot === null || update.revision <= snapshot.revision) return model;
  if (update.version !== snapshot.version || update.base !== snapshot.revision) return { ...model, stale: true };
  const known = new Set(snapshot.alerts.map(({ id }) => id));
  const error = update.alerts?.find(({ id, severity }) => severity === 'error' && !known.has(id));
  const next = { ...model, snapshot: apply(snapshot, update) };
  return error === undefined ? next : say(next, error.text, true);
}

function say(model: Model, text: string, failed: boolean): Model {
  return { ...model, said: { text, failed, number: (model.said?.number ?? 0) + 1 } };
}

/** The snapshot that the server would have given instead of the update, which must be based on this one. */
export function apply(snapshot: MetricsSnapshot, update: MetricsUpdate): MetricsSnapshot {
  const { modules } = update;
  return {
    version: snapshot.version,
    revision: update.revision,
    at: update.at,
    health: update.health ?? snapshot.health,
    sessions: byId(snapshot.sessions, update.sessions).sort(
      (a, b) => Number(b.running) - Number(a.running) || b.startedAt - a.startedAt,
    ),
    modules: modules === undefined ? snapshot.modules : changedModules(snapshot.modules, modules),
    timeline: appended(snapshot.timeline, update.timeline, MAX_TIMELINE),
    latencies: { ...snapshot.latencies, ...update.latencies },
    workingSet: appended(snapshot.workingSet, update.workingSet, MAX_SAMPLES),
    cache: update.cache ?? snapshot.cache,
    prediction: update.prediction ?? snapshot.prediction,
    alerts: update.alerts ?? snapshot.alerts,
    history: byId(snapshot.history, update.history).sort((a, b) => b.startedAt - a.startedAt),
  };
}

function byId<T extends { id: string }>(old: T[], changed: T[] | undefined): T[] {
  return [...new Map([...old, ...(changed ?? [])].map((item) => [item.id, item])).values()];
}

function changedModules(
  old: MetricsSnapshot['modules'],
  { changed, removed }: NonNullable<MetricsUpdate['modules']>,
): MetricsSnapshot['modules'] {
  const rows = new Map(old.map((row) => [row.module, row]));
  for (const module of removed) rows.delete(module);
  for (const row of changed) rows.set(row.module, row);
  return [...rows.values()];
}

function appended<T>(old: T[], fresh: T[] | undefined, most: number): T[] {
  return fresh === undefined || fresh.length === 0 ? old : [...old, ...fresh].slice(-most);
}
