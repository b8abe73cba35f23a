// The timeline of interpretation and stops: marks in lanes, one lane a kind of event, and the same as a table.
import { useMemo, useState } from 'preact/hooks';
import type uPlot from 'uplot';
import type { MetricsSnapshot, TimelineEvent } from '../../protocol/metrics';
import { Chart, timeAxis } from './chart';
import { useView } from './context';
import { count, duration, time } from './format';
import { DataGrid } from './grid';
import { Card, Disclosure, Empty, Figure, Select } from './pieces';
import { text } from './strings';
import { chartColour, chartFont, gridColour, textColour } from './theme';
import { SPANS } from './view';

type Kind = TimelineEvent['kind'];

/** Top to bottom: first what the user did and met, then what we did. */
const LANES: readonly { kind: Kind; colour: Parameters<typeof chartColour>[0] }[] = [
  { kind: 'session', colour: 'foreground' },
  { kind: 'breakpoint', colour: 'red' },
  { kind: 'stop', colour: 'red' },
  { kind: 'step', colour: 'purple' },
  { kind: 'prepare', colour: 'blue' },
  { kind: 'release', colour: 'green' },
  { kind: 'reload', colour: 'foreground' },
  { kind: 'fallback', colour: 'yellow' },
  { kind: 'alert', colour: 'yellow' },
];
const LANE_OF = new Map(LANES.map(({ kind }, index) => [kind, index]));
const LANE_HEIGHT = 20;
const AXIS_HEIGHT = 28;
/** A mark is found by the pointer this many pixels around it. */
const REACH = 8;

export function Timeline({ snapshot }: { snapshot: MetricsSnapshot }) {
  const { view, change } = useView();
  const { minutes, session } = view.timeline;
  const choose = (part: Partial<typeof view.timeline>): void =>
    change((last) => ({ timeline: { ...last.timeline, ...part } }));
  const [pointed, point] = useState<TimelineEvent | null>(null);
  const shown = useMemo(() => {
    const from = minutes === 0 ? -Infinity : snapshot.at - minutes * 60_000;
    return snapshot.timeline
      .filter((event) => event.at >= from && (session === null || event.session === session))
      .sort((a, b) => a.at - b.at);
  }, [snapshot.timeline, minutes, session, minutes === 0 ? 0 : snapshot.at]);
  const newestFirst = useMemo(() => [...shown].reverse(), [shown]);
  const sessions = useMemo(
    () => [
      { value: '', title: text.allSessions },
      ...snapshot.sessions.map(({ id, name }) => ({ value: id, title: name })),
    ],
    [snapshot.sessions],
  );

  return (
    <Card title={text.timeline} wide>
      <div class="tools">
        <Select
          id="timeline-span"
          label={text.span}
          value={minutes}
          options={SPANS.map((value) => ({ value, title: text.spans(value) }))}
          onChange={(value) => choose({ minutes: value })}
        />
        {snapshot.sessions.length > 1 && (
          <Select
            id="timeline-session"
            label={text.session}
            value={session ?? ''}
            options={sessions}
            onChange={(value) => choose({ session: value === '' ? null : value })}
          />
        )}
      </div>
      {shown.length === 0 ? (
        <Empty>{snapshot.timeline.length === 0 ? text.timelineEmpty : text.timelineEmptySpan}</Empty>
      ) : (
        <>
          <Lanes events={shown} onPoint={point} />
          <p class="readout" aria-hidden="true">
            {pointed === null ? text.timelineHint : describe(pointed)}
          </p>
          <Disclosure id="timeline-table" title={text.asTable}>
            <DataGrid
              label={text.timeline}
              columns={COLUMNS}
              rows={newestFirst}
              rowKey={(_, index) => String(index)}
              scroll={view.timeline.scroll}
              onScroll={(scroll) => choose({ scroll })}
            />
          </Disclosure>
        </>
      )}
    </Card>
  );
}

const COLUMNS = [
  { key: 'at', title: text.time, width: 'w-time', cell: ({ at }: TimelineEvent) => time(at) },
  { key: 'kind', title: text.event, width: 'w-kind', cell: ({ kind }: TimelineEvent) => text.kinds[kind] },
  { key: 'text', title: text.description, width: 'w-text', cell: (event: TimelineEvent) => event.text },
  {
    key: 'module',
    title: text.module,
    width: 'w-module',
    cell: ({ module }: TimelineEvent) => <span class="code">{module ?? ''}</span>,
  },
  {
    key: 'ms',
    title: text.duration,
    width: 'w-number',
    numeric: true,
    cell: ({ ms }: TimelineEvent) => (ms === null ? '' : <Figure of={ms} as={duration} />),
  },
];

function describe({ at, kind, text: what, ms }: TimelineEvent): string {
  return [time(at), text.kinds[kind], what, ...(ms === null ? [] : [duration(ms)])].join(' · ');
}

/** The canvas is made once; what it draws is read from here at each drawing. */
interface Drawn {
  events: TimelineEvent[];
  onPoint: (event: TimelineEvent | null) => void;
}

function Lanes({ events, onPoint }: Drawn) {
  const [drawn] = useState<Drawn>({ events, onPoint });
  Object.assign(drawn, { events, onPoint });
  const [options] = useState(() => lanes(drawn));
  const data = useMemo<uPlot.AlignedData>(
    () => [events.map(({ at }) => at / 1000), events.map(({ kind }) => LANE_OF.get(kind) ?? 0)],
    [events],
  );
  return (
    <Chart
      label={text.timelineLabel(count(events.length))}
      height={LANES.length * LANE_HEIGHT + AXIS_HEIGHT}
      options={options}
      data={data}
    />
  );
}

function lanes(drawn: Drawn): Omit<uPlot.Options, 'width' | 'height'> {
  return {
    padding: [0, 12, 0, 0],
    // The table is the way to a part of it; dragging would need a way back for the keyboard.
    cursor: { drag: { x: false, y: false }, points: { show: false }, y: false },
    scales: {
      x: { time: true, range: (_, min, max) => (max > min ? [min, max] : [min - 1, max + 1]) },
      y: { range: [-0.5, LANES.length - 0.5], dir: -1 },
    },
    axes: [
      { ...timeAxis(), size: AXIS_HEIGHT },
      {
        stroke: textColour,
        font: chartFont(),
        size: 84,
        splits: LANES.map((_, index) => index),
        values: LANES.map(({ kind }) => text.kinds[kind]),
        grid: { stroke: gridColour, width: 1 },
        ticks: { show: false },
      },
    ],
    series: [{}, { paths: () => null, points: { show: false } }],
    hooks: {
      draw: [(plot) => marks(plot, drawn.events)],
      setCursor: [(plot) => drawn.onPoint(nearest(plot, drawn.events))],
    },
  };
}

/** One mark an event; where it took time, a bar that ends at the event. */
function marks(plot: uPlot, events: TimelineEvent[]): void {
  const { ctx } = plot;
  const pixel = devicePixelRatio;
  const height = Math.round(10 * pixel);
  ctx.save();
  ctx.beginPath();
  ctx.rect(plot.bbox.left, plot.bbox.top, plot.bbox.width, plot.bbox.height);
  ctx.clip();
  const colours = LANES.map(({ colour }) => chartColour(colour));
  const middles = LANES.map((_, index) => plot.valToPos(index, 'y', true) - height / 2);
  for (const { at, kind, ms } of events) {
    const lane = LANE_OF.get(kind) ?? 0;
    const right = plot.valToPos(at / 1000, 'x', true);
    const left = ms === null ? right : plot.valToPos((at - ms) / 1000, 'x', true);
    ctx.fillStyle = colours[lane] ?? '';
    const width = Math.max(3 * pixel, right - left);
    ctx.fillRect(right - width + 1.5 * pixel, middles[lane] ?? 0, width, height);
  }
  ctx.restore();
}

function nearest(plot: uPlot, events: TimelineEvent[]): TimelineEvent | null {
  const { left, top, idx } = plot.cursor;
  if (left === undefined || top === undefined || left < 0 || idx === null || idx === undefined) return null;
  const lane = Math.round(plot.posToVal(top, 'y'));
  let best: TimelineEvent | null = null;
  let distance: number = REACH;
  const look = (event: TimelineEvent): boolean => {
    const away = Math.abs(plot.valToPos(event.at / 1000, 'x') - left);
    if (LANE_OF.get(event.kind) === lane && away < distance) {
      best = event;
      distance = away;
    }
    return away <= REACH;
  };
  // uPlot gives the nearest event of all lanes; ours is among those around it.
  for (let at = idx; at >= 0; at--) if (!look(events[at] as TimelineEvent)) break;
  for (let at = idx + 1; at < events.length; at++) if (!look(events[at] as TimelineEvent)) break;
  return best;
}
