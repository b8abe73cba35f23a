// What is prepared and interpreted over time: memory against the threshold, numbers of modules, and both as a table.
import { useMemo, useState } from 'preact/hooks';
import uPlot from 'uplot';
import type { WorkingSetSample } from '../../protocol/metrics';
import { Chart, numberAxis, timeAxis } from './chart';
import { bytes, count, time } from './format';
import { Card, Disclosure, Empty, Figure, Table } from './pieces';
import { text } from './strings';
import { chartColour, chartFont, gridColour, textColour } from './theme';

type Colour = 'blue' | 'red' | 'green' | 'purple';
interface Line {
  title: string;
  colour: Colour;
  dashed?: boolean;
  filled?: boolean;
}

const HEIGHT = 150;
/** Rows of the table: the newest, at even distances over the whole time. */
const ROWS = 50;

export function WorkingSet({ samples }: { samples: WorkingSetSample[] }) {
  const last = samples.at(-1);
  const memory = useMemo<uPlot.AlignedData>(
    () => [seconds(samples), samples.map((s) => s.preparedBytes), samples.map((s) => s.threshold)],
    [samples],
  );
  const modules = useMemo<uPlot.AlignedData>(
    () => [seconds(samples), samples.map((s) => s.preparedModules), samples.map((s) => s.interpretedModules)],
    [samples],
  );
  const rows = useMemo(() => thinned(samples, ROWS).reverse(), [samples]);
  return (
    <Card title={text.workingSet} wide>
      {last === undefined ? (
        <Empty>{text.workingSetEmpty}</Empty>
      ) : (
        <>
          <div class="pair">
            <Lines
              label={text.workingSetMemoryLabel(bytes(last.preparedBytes), bytes(last.threshold))}
              caption={[
                { title: `${text.preparedMemory}: ${bytes(last.preparedBytes)}`, colour: 'blue', filled: true },
                { title: `${text.threshold}: ${bytes(last.threshold)}`, colour: 'red', dashed: true },
              ]}
              unit={bytes}
              data={memory}
            />
            <Lines
              label={text.workingSetModulesLabel(count(last.preparedModules), count(last.interpretedModules))}
              caption={[
                { title: `${text.prepared}: ${count(last.preparedModules)}`, colour: 'blue', filled: true },
                { title: `${text.interpreted}: ${count(last.interpretedModules)}`, colour: 'purple', dashed: true },
              ]}
              unit={count}
              data={modules}
            />
          </div>
          <Disclosure id="working-set-table" title={text.asTable}>
            <Table
              label={text.workingSet}
              rows={rows}
              rowKey={(_, index) => index}
              columns={[
                { title: text.time, cell: ({ at }) => time(at) },
                { title: text.preparedMemory, numeric: true, cell: (sample) => bytes(sample.preparedBytes) },
                { title: text.threshold, numeric: true, cell: (sample) => bytes(sample.threshold) },
                { title: text.prepared, numeric: true, cell: (sample) => count(sample.preparedModules) },
                { title: text.interpreted, numeric: true, cell: (sample) => count(sample.interpretedModules) },
                {
                  title: text.beamMemory,
                  numeric: true,
                  cell: (sample) => <Figure of={sample.beamBytes} as={bytes} />,
                },
              ]}
            />
          </Disclosure>
        </>
      )}
    </Card>
  );
}

function seconds(samples: WorkingSetSample[]): number[] {
  return samples.map(({ at }) => at / 1000);
}

export function thinned<T>(items: T[], most: number): T[] {
  const every = Math.max(1, Math.ceil(items.length / most));
  return items.filter((_, index) => (items.length - 1 - index) % every === 0);
}

export function Lines({
  label,
  caption,
  unit,
  data,
  numbered = false,
}: {
  label: string;
  caption: readonly Line[];
  unit: (value: number) => string;
  data: uPlot.AlignedData;
  /** The first column counts instead of being a time. */
  numbered?: boolean;
}) {
  const [options] = useState(() => lines(caption, unit, numbered));
  return (
    <figure>
      <figcaption>
        {caption.map(({ title, colour, dashed }) => (
          <span key={colour}>
            <i class={dashed ? `swatch dashed ${colour}` : `swatch ${colour}`} /> {title}
          </span>
        ))}
      </figcaption>
      <Chart label={label} height={HEIGHT} options={options} data={data} />
    </figure>
  );
}

function lines(
  caption: readonly Line[],
  unit: (value: number) => string,
  numbered: boolean,
): Omit<uPlot.Options, 'width' | 'height'> {
  const stepped = uPlot.paths.stepped?.({ align: 1 });
  return {
    cursor: { show: false },
    padding: [8, 12, 0, 0],
    scales: {
      x: { time: !numbered, range: (_, min, max) => (max > min ? [min, max] : [min - 1, max + 1]) },
      y: { range: (_, __, max) => [0, max > 0 ? max * 1.08 : 1] },
    },
    axes: [
      numbered ? numberAxis() : timeAxis(),
      {
        stroke: textColour,
        font: chartFont(),
        size: 62,
        grid: { stroke: gridColour, width: 1 },
        ticks: { show: false },
        values: (_, splits) => splits.map(unit),
        ...(unit === bytes ? { incrs: POWERS } : {}),
      },
    ],
    series: [
      {},
      ...caption.map(({ colour, dashed, filled }): uPlot.Series => {
        const stroke = (): string => chartColour(colour);
        return {
          stroke,
          width: 1.5,
          points: { show: numbered, size: 5, fill: stroke },
          spanGaps: true,
          ...(dashed ? { dash: [6, 4] } : {}),
          ...(filled ? { fill: () => translucent(chartColour(colour)) } : {}),
          ...(numbered || stepped === undefined ? {} : { paths: stepped }),
        };
      }),
    ],
  };
}

/** Sizes are round in powers of two. */
const POWERS = Array.from({ length: 44 }, (_, power) => 2 ** power);

/** Themes give `#rrggbb`; other notations stay without a fill. */
function translucent(colour: string): string {
  return /^#[0-9a-f]{6}$/i.test(colour) ? `${colour}22` : 'transparent';
}
