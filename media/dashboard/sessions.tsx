// Sessions of this window, those of earlier days, and two of them side by side.
import { useMemo } from 'preact/hooks';
import type uPlot from 'uplot';
import type { MetricsSnapshot, SessionMetrics, SessionSummary } from '../../protocol/metrics';
import { compare, modulesOf, type Difference } from './compare';
import { useView } from './context';
import { bytes, count, date, duration, percent, place } from './format';
import { Card, Disclosure, Empty, Figure, Select, Table } from './pieces';
import { text } from './strings';
import { Lines } from './workingSet';

export function Sessions({ snapshot }: { snapshot: MetricsSnapshot }) {
  const { sessions, history, at } = snapshot;
  return (
    <div class="cards">
      <Card title={text.sessionsNow} wide>
        {sessions.length === 0 ? <Empty>{text.emptyText}</Empty> : <Now sessions={sessions} at={at} />}
      </Card>
      <Card title={text.history} wide>
        {history.length === 0 ? <Empty>{text.historyEmpty}</Empty> : <History history={history} />}
      </Card>
      <Card title={text.comparison} wide>
        {history.length < 2 ? <Empty>{text.comparisonEmpty}</Empty> : <Comparison history={history} />}
      </Card>
    </div>
  );
}

function status({ running, connected, paused }: SessionMetrics): string {
  if (!running) return text.ended;
  if (!connected) return text.unplanned;
  return paused ? text.paused : text.running;
}

function Now({ sessions, at }: { sessions: SessionMetrics[]; at: number }) {
  return (
    <>
      <Table
        label={text.sessionsNow}
        rows={sessions}
        rowKey={({ id }) => id}
        columns={[
          { title: text.session, cell: ({ name, projectDir }) => <span title={projectDir}>{name}</span> },
          { title: text.state, cell: status },
          { title: text.strategy, cell: ({ strategy }) => text.strategies[strategy] },
          { title: text.engine, cell: ({ engine }) => text.engines[engine] },
          {
            title: text.length,
            numeric: true,
            cell: ({ startedAt, endedAt }) => duration((endedAt ?? at) - startedAt),
          },
          { title: text.stops, numeric: true, cell: ({ stops }) => count(stops) },
          { title: text.steps, numeric: true, cell: ({ steps }) => count(steps) },
          { title: text.prepared, numeric: true, cell: ({ preparedModules }) => count(preparedModules) },
          { title: text.interpreted, numeric: true, cell: ({ interpretedModules }) => count(interpretedModules) },
          { title: text.plans, numeric: true, cell: ({ plans }) => count(plans) },
          {
            title: text.fallbacks,
            numeric: true,
            cell: ({ fallbacks, decisions }) => text.ofDecisions(count(fallbacks), count(decisions)),
          },
          { title: text.overhead, numeric: true, cell: ({ overhead }) => <Figure of={overhead} as={percent} /> },
          { title: text.busy, numeric: true, cell: ({ busy }) => <Figure of={busy} as={percent} /> },
          { title: text.beamMemory, numeric: true, cell: ({ beamBytes }) => <Figure of={beamBytes} as={bytes} /> },
          {
            title: text.platform,
            cell: ({ otp, elixir }) => `OTP ${otp}${elixir === null ? '' : `, Elixir ${elixir}`}`,
          },
        ]}
      />
      {sessions
        .filter(({ breakpoints }) => breakpoints.length > 0)
        .map(({ id, name, breakpoints }) => (
          <Disclosure key={id} id={`breakpoints-${id}`} title={text.breakpointsOf(name)}>
            <Table
              label={text.breakpointsOf(name)}
              rows={breakpoints}
              rowKey={(_, index) => index}
              columns={[
                { title: text.place, cell: ({ file, line }) => <Place file={file} line={line} /> },
                { title: text.verified, cell: ({ verified }) => (verified ? text.yes : text.no) },
                { title: text.hitsColumn, numeric: true, cell: ({ hits }) => count(hits) },
                { title: text.modules, cell: ({ modules }) => <span class="code">{modules.join(', ')}</span> },
              ]}
            />
          </Disclosure>
        ))}
    </>
  );
}

function Place({ file, line }: { file: string; line: number }) {
  const { send } = useView();
  // Function breakpoints are in no file.
  if (file === '') return <>{text.functions}</>;
  return (
    <button
      type="button"
      class="link"
      title={file}
      onClick={() => send({ kind: 'open', file, line: Math.max(1, line) })}
    >
      {place(file, line)}
    </button>
  );
}

function History({ history }: { history: SessionSummary[] }) {
  const trend = useMemo<uPlot.AlignedData>(() => {
    const oldestFirst = [...history].reverse();
    return [
      oldestFirst.map((_, index) => index + 1),
      oldestFirst.map(({ hitRate }) => hitRate),
      oldestFirst.map(({ hit5 }) => hit5),
    ];
  }, [history]);
  return (
    <>
      {history.length > 1 && (
        <Lines
          label={text.historyLabel(count(history.length))}
          caption={[
            { title: text.cacheHitRate, colour: 'blue' },
            { title: text.hit5, colour: 'purple', dashed: true },
          ]}
          unit={percent}
          data={trend}
          numbered
        />
      )}
      <Table
        label={text.history}
        rows={history}
        rowKey={({ id }) => id}
        columns={[
          { title: text.session, cell: ({ name }) => name },
          { title: text.started, cell: ({ startedAt }) => date(startedAt) },
          { title: text.length, numeric: true, cell: ({ startedAt, endedAt }) => duration(endedAt - startedAt) },
          { title: text.strategy, cell: ({ strategy }) => text.strategies[strategy] },
          { title: text.stops, numeric: true, cell: ({ stops }) => count(stops) },
          { title: text.steps, numeric: true, cell: ({ steps }) => count(steps) },
          { title: text.modules, numeric: true, cell: ({ modulesUsed }) => count(modulesUsed.length) },
          { title: text.cacheHitRate, numeric: true, cell: ({ hitRate }) => <Figure of={hitRate} as={percent} /> },
          { title: text.hit5, numeric: true, cell: ({ hit5 }) => <Figure of={hit5} as={percent} /> },
          { title: text.clickToArmed, numeric: true, cell: (s) => <Figure of={s.clickToArmedP50} as={duration} /> },
          { title: text.measures.stepP50, numeric: true, cell: ({ stepP50 }) => <Figure of={stepP50} as={duration} /> },
        ]}
      />
    </>
  );
}

const UNITS: Record<Difference['unit'], (value: number) => string> = { ms: duration, share: percent, bytes, count };

function Comparison({ history }: { history: SessionSummary[] }) {
  const { view, change } = useView();
  const find = (id: string | null): SessionSummary | undefined => history.find((session) => session.id === id);
  // The one before against the newest, unless the user chose.
  const second = find(view.comparison.second) ?? history.find(({ id }) => id !== view.comparison.first);
  const first = find(view.comparison.first) ?? history.find(({ id }) => id !== second?.id);
  if (first === undefined || second === undefined) return <Empty>{text.comparisonEmpty}</Empty>;
  const options = history.map(({ id, name, startedAt }) => ({ value: id, title: `${name} · ${date(startedAt)}` }));
  const modules = modulesOf(first, second);
  return (
    <>
      <div class="tools">
        <Select
          id="comparison-first"
          label={text.first}
          value={first.id}
          options={options}
          onChange={(id) => change(() => ({ comparison: { first: id, second: second.id } }))}
        />
        <Select
          id="comparison-second"
          label={text.second}
          value={second.id}
          options={options}
          onChange={(id) => change(() => ({ comparison: { first: first.id, second: id } }))}
        />
      </div>
      <Table
        label={text.comparison}
        rows={compare(first, second)}
        rowKey={({ key }) => key}
        columns={[
          { title: text.figure, cell: ({ key }) => text.measures[key] },
          {
            title: text.first,
            numeric: true,
            cell: ({ first: value, unit }) => <Figure of={value} as={UNITS[unit]} />,
          },
          {
            title: text.second,
            numeric: true,
            cell: ({ second: value, unit }) => <Figure of={value} as={UNITS[unit]} />,
          },
          { title: text.change, numeric: true, cell: (difference) => <Change {...difference} /> },
        ]}
      />
      <div class="lists">
        <ModuleList title={text.inBoth(count(modules.both.length))} modules={modules.both} />
        <ModuleList title={text.onlyFirst(count(modules.onlyFirst.length))} modules={modules.onlyFirst} />
        <ModuleList title={text.onlySecond(count(modules.onlySecond.length))} modules={modules.onlySecond} />
      </div>
    </>
  );
}

function Change({ change, unit, verdict }: Difference) {
  if (change === null) return <Figure of={change} as={String} />;
  const sign = change > 0 ? '+' : change < 0 ? '−' : '±';
  return (
    <>
      {sign}
      {UNITS[unit](Math.abs(change))}
      <span class={`verdict ${verdict ?? ''}`}>{verdict !== null && text.verdicts[verdict]}</span>
    </>
  );
}

function ModuleList({ title, modules }: { title: string; modules: string[] }) {
  return (
    <div>
      <h3>{title}</h3>
      {modules.length === 0 ? (
        <p class="quiet">{text.noModules}</p>
      ) : (
        <ul class="code short" tabIndex={0} aria-label={title}>
          {modules.map((module) => (
            <li key={module}>{module}</li>
          ))}
        </ul>
      )}
    </div>
  );
}
