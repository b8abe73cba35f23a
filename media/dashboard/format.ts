// Figures as people read them, in the page's language. Nothing measured is null, and shown as such by the caller.
const language = document.documentElement.lang || 'en';

const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat(language, { maximumSignificantDigits: 3 });
const share = new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat(language, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
});
const coarse = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const day = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' });

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB'] as const;

export function count(value: number): string {
  return whole.format(value);
}

/** 0..1 */
export function percent(value: number): string {
  return share.format(value);
}

/** Binary units under their usual names, as the settings take them. */
export function bytes(value: number): string {
  const power = value < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log(value) / Math.log(1024)));
  return `${fine.format(value / 1024 ** power)}\u00a0${UNITS[power] ?? ''}`;
}

export function duration(ms: number): string {
  if (ms < 1) return `${fine.format(ms * 1000)}\u00a0µs`;
  if (ms < 1000) return `${fine.format(ms)}\u00a0ms`;
  if (ms < 60_000) return `${fine.format(ms / 1000)}\u00a0s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${whole.format(minutes)}\u00a0min ${whole.format(Math.floor((ms % 60_000) / 1000))}\u00a0s`;
  return `${whole.format(Math.floor(minutes / 60))}\u00a0h ${whole.format(minutes % 60)}\u00a0min`;
}

/** Hours to seconds. */
export function time(at: number): string {
  return clock.format(at);
}

export function minute(at: number): string {
  return coarse.format(at);
}

export function date(at: number): string {
  return day.format(at);
}

/** The end of a path, for people; the whole path stands in the tooltip. */
export function place(file: string, line: number | null): string {
  const name = file.split(/[/\\]/).at(-1) ?? file;
  return line === null ? name : `${name}:${line}`;
}
