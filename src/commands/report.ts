// The performance report: what server and sessions measured, as Markdown to read or JSON to compute with. Measures nothing.
import * as vscode from 'vscode';
import type { PerformanceMetrics } from '../../protocol/adapter';
import type { MetricsSnapshot } from '../../protocol/metrics';
import { ServerDown, type Server } from '../client';
import { COMMANDS } from '../contributions';
import { metricsOf, type LiveSessions } from '../debug/liveSessions';
import { command, offer } from '../notify';
import { cell, table } from '../page';
import { milliseconds, share, size } from '../units';
import { versions } from '../versions';

export interface ReportParts {
  server: Pick<Server, 'request'>;
  sessions: LiveSessions;
  extension: vscode.Extension<unknown>;
}

/** Everything the JSON holds. Times in ms, sizes in bytes, shares 0..1; null where nothing was measured. */
export interface Report {
  generatedAt: string;
  versions: Record<string, string>;
  /** As the coordination server has it; null when it does not run. */
  server: MetricsSnapshot | null;
  /** As the adapters of the running sessions have it. */
  sessions: { name: string; metrics: PerformanceMetrics }[];
}

export function registerReport(parts: ReportParts): vscode.Disposable {
  return command(COMMANDS.exportReport, (to) => exportReport(parts, to instanceof vscode.Uri ? to : undefined));
}

/** `to` is asked for when it is not given; its extension chooses the format. */
async function exportReport(parts: ReportParts, to: vscode.Uri | undefined): Promise<string | undefined> {
  const target = to ?? (await askWhere());
  if (target === undefined) return undefined;
  const options = { location: vscode.ProgressLocation.Window, title: vscode.l10n.t('Collecting figures') };
  const report = await vscode.window.withProgress(options, () => collect(parts));
  const json = target.path.endsWith('.json');
  const text = json ? `${JSON.stringify(report, null, 2)}\n` : asMarkdown(report);
  await vscode.workspace.fs.writeFile(target, new TextEncoder().encode(text));
  return offer(vscode.l10n.t('The performance report is in {0}.', vscode.workspace.asRelativePath(target)), {
    title: vscode.l10n.t('Open'),
    run: () => vscode.window.showTextDocument(target),
  });
}

function askWhere(): Thenable<vscode.Uri | undefined> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  return vscode.window.showSaveDialog({
    ...(folder === undefined ? {} : { defaultUri: vscode.Uri.joinPath(folder, 'elixir-debugger-report.md') }),
    filters: { Markdown: ['md'], JSON: ['json'] },
    title: vscode.l10n.t('Export Performance Report'),
  });
}

async function collect({ server, sessions, extension }: ReportParts): Promise<Report> {
  const running = sessions.all();
  const snapshot = server.request('coordination/snapshot', {}).catch((error: unknown) => {
    // Sessions measure without the server, too; without both there is nothing to report.
    if (error instanceof ServerDown && running.length > 0) return null;
    throw error;
  });
  const measured = running.map(async (session) => ({ name: session.name, metrics: await metricsOf(session) }));
  return {
    generatedAt: new Date().toISOString(),
    versions: versions(extension),
    server: await snapshot,
    sessions: await Promise.all(measured),
  };
}

function asMarkdown({ generatedAt, versions: found, server, sessions }: Report): string {
  return [
    `# ${vscode.l10n.t('Elixir debugger: performance report')}`,
    generatedAt,
    table(
      [vscode.l10n.t('Program'), vscode.l10n.t('Version')],
      Object.entries(found).map(([name, version]) => [cell(name), cell(version)]),
    ),
    ...sessions.flatMap(({ name, metrics }) => ofSession(name, metrics)),
    ...(server === null ? [vscode.l10n.t('The coordination server is not running.')] : ofServer(server)),
    '',
  ].join('\n\n');
}

function ofSession(name: string, metrics: PerformanceMetrics): string[] {
  const { memoryUsage: memory, fallbacks, interpretationTiming: preparing } = metrics;
  const bytes = (value: number | null): string => (value === null ? '–' : size(value));
  const rows: [string, string][] = [
    [vscode.l10n.t('Overhead of coordination'), share(metrics.coordinationOverhead)],
    [vscode.l10n.t('Modules prepared'), String(preparing.count)],
    [
      vscode.l10n.t('Preparing a module, median and 95%'),
      `${milliseconds(preparing.p50Ms)}, ${milliseconds(preparing.p95Ms)}`,
    ],
    [vscode.l10n.t('Found prepared'), share(metrics.cacheHitRate)],
    [vscode.l10n.t('Decisions, plans'), `${metrics.decisions}, ${metrics.plans}`],
    [
      vscode.l10n.t('Fallbacks: late, disconnected, refused'),
      `${fallbacks.late}, ${fallbacks.disconnected}, ${fallbacks.refused}`,
    ],
    [
      vscode.l10n.t('Memory: prepared modules, application, debug adapter'),
      [memory.preparedBytes, memory.beamBytes, memory.adapterBytes].map(bytes).join(', '),
    ],
  ];
  const requests = Object.entries(metrics.requests).sort(([, a], [, b]) => b.totalMs - a.totalMs);
  return [
    `## ${vscode.l10n.t('Session {0}', cell(name))}`,
    table([vscode.l10n.t('Figure'), vscode.l10n.t('Value')], rows),
    `### ${vscode.l10n.t('Requests')}`,
    table(
      [vscode.l10n.t('Request'), vscode.l10n.t('Count'), vscode.l10n.t('Median'), '95%', vscode.l10n.t('Longest')],
      requests.map(([request, { count, p50Ms, p95Ms, maxMs }]) => [
        request,
        String(count),
        ...[p50Ms, p95Ms, maxMs].map(milliseconds),
      ]),
    ),
  ];
}

function ofServer({ latencies, prediction, cache, modules, alerts, history }: MetricsSnapshot): string[] {
  return [
    `## ${vscode.l10n.t('Times')}`,
    table(
      [vscode.l10n.t('Kind'), vscode.l10n.t('Count'), vscode.l10n.t('Median'), '95%', '99%', vscode.l10n.t('Longest')],
      Object.entries(latencies).map(([kind, { count, p50, p95, p99, max }]) => [
        kind,
        String(count),
        ...[p50, p95, p99, max].map(milliseconds),
      ]),
    ),
    `## ${vscode.l10n.t('Cache and prediction')}`,
    vscode.l10n.t(
      '{0} entries found their module ready, {1} did not ({2}).',
      cache.hits,
      cache.misses,
      share(cache.hitRate),
    ),
    table(
      [vscode.l10n.t('Strategy'), vscode.l10n.t('Outcomes'), 'hit@1', 'hit@5', 'hit@10', vscode.l10n.t('Coverage')],
      prediction.map(({ strategy, outcomes, hit1, hit5, hit10, coverage }) => [
        strategy,
        String(outcomes),
        ...[hit1, hit5, hit10, coverage].map(share),
      ]),
    ),
    `## ${vscode.l10n.t('Modules')}`,
    table(
      [
        vscode.l10n.t('Module'),
        vscode.l10n.t('State'),
        vscode.l10n.t('Memory'),
        vscode.l10n.t('Preparing'),
        vscode.l10n.t('Uses'),
        vscode.l10n.t('Reason'),
      ],
      modules.map(({ module, state, bytes, prepareMs, uses, reason }) => [
        cell(module),
        state,
        size(bytes),
        milliseconds(prepareMs),
        String(uses),
        cell(reason),
      ]),
    ),
    ...(alerts.length === 0
      ? []
      : [`## ${vscode.l10n.t('Alerts')}`, alerts.map(({ text }) => `- ${cell(text)}`).join('\n')]),
    `## ${vscode.l10n.t('Earlier sessions')}`,
    table(
      [vscode.l10n.t('Session'), vscode.l10n.t('Started'), vscode.l10n.t('Strategy'), vscode.l10n.t('Stops')],
      history.map(({ name, startedAt, strategy, stops }) => [
        cell(name),
        new Date(startedAt).toISOString(),
        strategy,
        String(stops),
      ]),
    ),
  ];
}
