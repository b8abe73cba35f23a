// A uPlot chart that follows the theme and the width of its place. A picture with a label; the table stands beside it.
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { count, minute, time } from './format';
import { chartFont, textColour, themeChanged } from './theme';

export interface ChartProps {
  /** One sentence that says what there is to see. */
  label: string;
  height: number;
  /** Read once; what depends on the theme or on newer data must be a function. */
  options: Omit<uPlot.Options, 'width' | 'height'>;
  data: uPlot.AlignedData;
}

export function Chart({ label, height, options, data }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  useLayoutEffect(() => {
    const { current } = place;
    if (current === null) return;
    const made = new uPlot({ legend: { show: false }, ...options, width: current.clientWidth, height }, data, current);
    plot.current = made;
    const resized = new ResizeObserver(() => {
      if (current.clientWidth !== made.width) made.setSize({ width: current.clientWidth, height });
    });
    resized.observe(current);
    const unsubscribe = themeChanged(() => made.redraw(false, true));
    return () => {
      unsubscribe();
      resized.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, []);
  useEffect(() => {
    if (plot.current !== null && plot.current.data !== data) plot.current.setData(data);
  }, [data]);
  return <div class="chart" role="img" aria-label={label} ref={place} />;
}

/** The time of day along the bottom, as finely as the span needs. */
export function timeAxis(): uPlot.Axis {
  return {
    ...bottom(),
    space: 80,
    values: ({ scales }, splits) => {
      const { min, max } = scales['x'] ?? {};
      const short = typeof min === 'number' && typeof max === 'number' && max - min < 600;
      return splits.map((second) => (short ? time : minute)(second * 1000));
    },
  };
}

/** 1, 2, 3 … along the bottom. */
export function numberAxis(): uPlot.Axis {
  return { ...bottom(), values: (_, splits) => splits.map((n) => (Number.isInteger(n) ? count(n) : '')) };
}

function bottom(): uPlot.Axis {
  return { stroke: textColour, font: chartFont(), grid: { show: false }, ticks: { show: false }, size: 28, gap: 8 };
}
