// What was measured, as a table for people and as JSON for machines. Must not measure, and never rounds a miss into a pass.

export type Unit = 'ms' | 'µs' | 'ns' | 'KB' | 'MB' | '/s' | '';

/** What architecture.md ("Numbers to hold") or the issue asks of a figure. */
export interface Target {
  of: 'value' | 'ratio';
  /** The figure may be at most this. */
  atMost: number;
}

export interface Figure {
  /** Which benchmark: start, cold, hot, click, step, condition, memory, disk, ahead, alive. */
  bench: string;
  what: string;
  value: number;
  unit: Unit;
  /** What the ratio is taken against, measured in the same run. */
  against?: { what: string; value: number };
  ratio?: number;
  target?: Target;
  /** How many measurements stand behind `value`. */
  samples: number;
}

/** undefined: nobody set a target for it. */
export function holds(figure: Figure): boolean | undefined {
  if (figure.target === undefined) return undefined;
  const actual = figure.target.of === 'value' ? figure.value : figure.ratio;
  if (actual === undefined) throw new Error(`${figure.what}: a target on a ratio that was not taken`);
  return actual <= figure.target.atMost;
}

export interface Environment {
  date: string;
  otp: string;
  elixir: string;
  node: string;
  cpu: string;
  cores: number;
  /** Load average of the last minute when the run began and ended: above `cores`, read ratios only. */
  load: [number, number];
}

export function toJson(environment: Environment, figures: readonly Figure[]): string {
  const rows = figures.map((figure) => ({ ...figure, holds: holds(figure) ?? null }));
  return `${JSON.stringify({ environment, figures: rows }, null, 2)}\n`;
}

const headings = ['what', 'value', 'compared to', 'its value', 'ratio', 'target', ''] as const;

/** A Markdown table, which a terminal shows as well as a README does. */
export function toTable(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => [
    figure.what,
    quantity(figure.value, figure.unit),
    figure.against?.what ?? '',
    figure.against === undefined ? '' : quantity(figure.against.value, figure.unit),
    figure.ratio === undefined ? '' : `${digits(figure.ratio)} ×`,
    targetText(figure),
    { true: 'pass', false: 'MISS', undefined: '' }[String(holds(figure)) as 'true' | 'false' | 'undefined'],
  ]);
  const widths = headings.map((heading, column) =>
    Math.max(3, heading.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const numeric = new Set([1, 3, 4, 5]);
  const padded = (cell: string, i: number): string =>
    numeric.has(i) ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0);
  const line = (cells: readonly string[]): string => `| ${cells.map(padded).join(' | ')} |`;
  const rule = widths.map((width, i) => (numeric.has(i) ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width)));
  return [line(headings), line(rule), ...rows.map(line)].join('\n');
}

function targetText({ target, unit }: Figure): string {
  if (target === undefined) return '';
  return target.of === 'ratio' ? `≤ ${target.atMost} ×` : `≤ ${quantity(target.atMost, unit)}`;
}

const quantity = (value: number, unit: Unit): string => `${digits(value)} ${unit}`.trimEnd();

/** Three significant digits; whole numbers from 100 on, in groups of three. */
export function digits(value: number): string {
  if (value === 0) return '0';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US').replaceAll(',', ' ');
  return value.toFixed(Math.min(4, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))))));
}
