// How long things take: a histogram each for click → armed and for steps, and the figures of all kinds as a table.
import { useMemo, useState } from 'preact/hooks';
import uPlot from 'uplot';
import type { LatencyKind } from '../../protocol/coordination';
import type { LatencySummary, MetricsSnapshot } from '../../protocol/metrics';
import { Chart } from './chart';
import { count, duration } from './format';
import { Card, Disclosure, Empty, Figure, Table } from './pieces';
import { text } from './strings';
import { chartColour, chartFont, gridColour, textColour } from './theme';

const KINDS: readonly LatencyKind[] = ['clickToArmed', 'step', 'plan', 'launch'];
const DRAWN: readonly { kind: LatencyKind; colour: 'blue' | 'purple' }[] = [
  { kind: 'clickToArmed', colour: 'blue' },
  { kind: 'step', colour: 'purple' },
];
const HEIGHT = 150;

export function Latency({ latencies }: { latencies: MetricsSnapshot['latencies'] }) {
  const measured = KINDS.filter((kind) => latencies[kind].count > 0);
  return (
    <Card title={text.latency} wide>
      {measured.length === 0 ? (
        <Empty>{text.latencyEmpty}</Empty>
      ) : (
        <>
          <div class="pair">
            {DRAWN.filter(({ kind }) => latencies[kind].count > 0).map(({ kind, colour }) => (
              <figure key={kind}>
                <figcaption>
                  <span>
                    <i class={`swatch ${colour}`} /> {text.latencies[kind]}
                  </span>
                </figcaption>
                <Histogram kind={kind} colour={colour} summary={latencies[kind]} />
                <Disclosure id={`latency-${kind}`} title={text.asTable}>
                  <Buckets kind={kind} summary={latencies[kind]} />
                </Disclosure>
              </figure>
            ))}
          </div>
          <Table
            label={text.latency}
            rowKey={(kind) => kind}
            rows={KINDS}
            columns={[
              { title: text.operation, cell: (kind) => text.latencies[kind] },
              { title: text.samples, numeric: true, cell: (kind) => count(latencies[kind].count) },
              {
                title: text.medianColumn,
                numeric: true,
                cell: (kind) => <Figure of={latencies[kind].p50} as={duration} />,
              },
              {
                title: text.p95Column,
                numeric: true,
                cell: (kind) => <Figure of={latencies[kind].p95} as={duration} />,
              },
              {
                title: text.p99Column,
                numeric: true,
                cell: (kind) => <Figure of={latencies[kind].p99} as={duration} />,
              },
              { title: text.maximum, numeric: true, cell: (kind) => <Figure of={latencies[kind].max} as={duration} /> },
            ]}
          />
        </>
      )}
    </Card>
  );
}

/** The last bucket is open; empty ones at both ends are left out. */
function buckets({ bounds, counts }: LatencySummary): { title: string; short: string; count: number }[] {
  const first = counts.findIndex((n) => n > 0);
  const last = counts.findLastIndex((n) => n > 0);
  return counts
    .map((n, index) => {
      const bound = bounds[index];
      const top = bounds.at(-1) ?? 0;
      return {
        title: bound === undefined ? text.moreThan(duration(top)) : text.upTo(duration(bound)),
        short: bound === undefined ? `> ${duration(top)}` : duration(bound),
        count: n,
      };
    })
    .slice(Math.max(0, first - 1), last + 2);
}

function Buckets({ kind, summary }: { kind: LatencyKind; summary: LatencySummary }) {
  return (
    <Table
      label={text.latencies[kind]}
      rows={buckets(summary)}
      rowKey={({ title }) => title}
      columns={[
        { title: text.bucket, cell: ({ title }) => title },
        { title: text.samples, numeric: true, cell: (bucket) => count(bucket.count) },
      ]}
    />
  );
}

function Histogram({
  kind,
  colour,
  summary,
}: {
  kind: LatencyKind;
  colour: 'blue' | 'purple';
  summary: LatencySummary;
}) {
  const shown = useMemo(() => buckets(summary), [summary]);
  const [drawn] = useState({ titles: [] as string[] });
  drawn.titles = shown.map(({ short }) => short);
  const [options] = useState(() => histogram(colour, drawn));
  const data = useMemo<uPlot.AlignedData>(
    () => [shown.map((_, index) => index), shown.map((bucket) => bucket.count)],
    [shown],
  );
  const median = summary.p50 === null ? text.none : duration(summary.p50);
  const p95 = summary.p95 === null ? text.none : duration(summary.p95);
  return (
    <Chart
      label={text.latencyLabel(text.latencies[kind], count(summary.count), median, p95)}
      height={HEIGHT}
      options={options}
      data={data}
    />
  );
}

function histogram(colour: 'blue' | 'purple', drawn: { titles: string[] }): Omit<uPlot.Options, 'width' | 'height'> {
  const fill = (): string => chartColour(colour);
  const bars = uPlot.paths.bars?.({ size: [0.86, 60] });
  return {
    cursor: { show: false },
    padding: [8, 8, 0, 0],
    scales: {
      x: { time: false, range: (_, min, max) => [min - 0.5, max + 0.5] },
      y: { range: (_, __, max) => [0, Math.max(1, max)] },
    },
    axes: [
      {
        stroke: textColour,
        font: chartFont(),
        grid: { show: false },
        ticks: { show: false },
        size: 26,
        // Every bucket where there is room, else every second, third …
        splits: (plot) => {
          const every = Math.ceil((drawn.titles.length * 62) / Math.max(1, plot.width - 60));
          return drawn.titles.map((_, index) => index).filter((index) => index % every === 0);
        },
        values: (_, splits) => splits.map((index) => drawn.titles[index] ?? ''),
      },
      {
        stroke: textColour,
        font: chartFont(),
        size: 44,
        grid: { stroke: gridColour, width: 1 },
        ticks: { show: false },
        values: (_, splits) => splits.map((n) => (Number.isInteger(n) ? count(n) : '')),
      },
    ],
    series: [
      {},
      { fill, stroke: fill, width: 0, points: { show: false }, ...(bars === undefined ? {} : { paths: bars }) },
    ],
  };
}
