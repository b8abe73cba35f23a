// What the dashboard saves: everything as JSON, or one table as CSV (RFC 4180). Pure: metrics in, text out.
import type { Export } from '../../protocol/dashboard';
import type { MetricsSnapshot } from '../../protocol/metrics';

type Cell = string | number | boolean | null;

/** Times are ISO 8601 in UTC, durations ms, sizes bytes, shares 0..1; a cell is empty where nothing was measured. */
export function exported(what: Export, snapshot: MetricsSnapshot): string {
  switch (what) {
    case 'everything':
      return `${JSON.stringify(snapshot, null, 2)}\n`;
    case 'modules':
      return csv(
        snapshot.modules.map((row) => ({
          module: row.module,
          state: row.state,
          reason: row.reason,
          functions: row.functions.join(' '),
          bytes: row.bytes,
          prepare_ms: row.prepareMs,
          predicted_use: row.predictedUse,
          uses: row.uses,
          last_used_at: iso(row.lastUsedAt),
          pinned: row.pinned,
          never_interpret: row.neverInterpret,
          own: row.own,
          file: row.file,
          line: row.line,
        })),
      );
    case 'timeline':
      return csv(
        snapshot.timeline.map((event) => ({
          at: iso(event.at),
          session: event.session,
          kind: event.kind,
          text: event.text,
          module: event.module,
          ms: event.ms,
        })),
      );
    case 'sessions':
      return csv(
        snapshot.history.map((session) => ({
          id: session.id,
          name: session.name,
          started_at: iso(session.startedAt),
          ended_at: iso(session.endedAt),
          strategy: session.strategy,
          stops: session.stops,
          steps: session.steps,
          modules_used: session.modulesUsed.join(' '),
          prepared_modules: session.preparedModules,
          peak_prepared_bytes: session.peakPreparedBytes,
          hit_rate: session.hitRate,
          hit_at_5: session.hit5,
          fallback_rate: session.fallbackRate,
          click_to_armed_p50_ms: session.clickToArmedP50,
          step_p50_ms: session.stepP50,
        })),
      );
  }
}

function iso(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}

function csv(rows: Record<string, Cell>[]): string {
  const names = Object.keys(rows[0] ?? {});
  return [names, ...rows.map((row) => names.map((name) => row[name] ?? null))]
    .map((cells) => `${cells.map(field).join(',')}\r\n`)
    .join('');
}

function field(cell: Cell): string {
  if (typeof cell !== 'string') return cell === null ? '' : String(cell);
  // A spreadsheet would run a text that begins like this as a formula.
  const harmless = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
