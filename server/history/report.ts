// What is remembered, for people (Markdown) and for programs (JSON). Pure.
import type { Ledger } from './ledger';
import type { UsageLimits } from './records';

/** Rows of a table; the export holds everything. */
const MOST_MODULES = 100;
const MOST_SESSIONS = 30;

/** `limits` null: nothing is kept on disk. */
export function view(ledger: Ledger, limits: UsageLimits | null): string {
  const used = ledger.used();
  const sessions = ledger.sessions();
  const kept =
    limits === null
      ? 'It is kept in memory only and gone when this window closes.'
      : `It is kept in this workspace's storage folder for ${limits.days} days.`;
  return [
    '# Learned usage of this workspace',
    '',
    `What past debug sessions did here, so that the strategy \`learning\` can prepare what comes next. ${kept} Nothing of it leaves this machine.`,
    ...section('Modules', used.length, MOST_MODULES, [
      '| module | stops | stepped into | sessions that entered it | breakpoints | last used |',
      '|---|--:|--:|--:|--:|---|',
      ...used
        .slice(0, MOST_MODULES)
        .map(
          ([module, { stops, steps, entries, breakpoints, lastAt }]) =>
            `| ${cell(module)} | ${stops} | ${steps} | ${entries} | ${breakpoints} | ${moment(lastAt)} |`,
        ),
    ]),
    ...section('Sessions', sessions.length, MOST_SESSIONS, [
      '| session | ended | strategy | stops | steps | modules | right among the first five |',
      '|---|---|---|--:|--:|--:|--:|',
      ...sessions
        .slice(0, MOST_SESSIONS)
        .map(
          ({ name, endedAt, strategy, stops, steps, modulesUsed, hit5 }) =>
            `| ${cell(name)} | ${moment(endedAt)} | ${strategy} | ${stops} | ${steps} | ${modulesUsed.length} | ${share(hit5)} |`,
        ),
    ]),
    '',
    '## Your decisions',
    '',
    `Pinned: ${list(ledger.decided('pinned'))}`,
    '',
    `Never interpreted: ${list(ledger.decided('never'))}`,
    '',
  ].join('\n');
}

/** `model` is the learning model's own state. */
export function exported(ledger: Ledger, model: unknown): string {
  const content = {
    version: 1,
    exportedAt: new Date().toISOString(),
    modules: ledger.used().map(([module, { lastAt, ...counts }]) => ({ module, ...counts, lastUsed: moment(lastAt) })),
    sessions: ledger.sessions(),
    pinned: ledger.decided('pinned'),
    neverInterpreted: ledger.decided('never'),
    model,
  };
  return `${JSON.stringify(content, null, 2)}\n`;
}

function section(title: string, count: number, most: number, table: string[]): string[] {
  if (count === 0) return ['', `## ${title}`, '', 'None yet.'];
  const shown = count > most ? [`The newest ${most} of ${count}.`, ''] : [];
  return ['', `## ${title}`, '', ...shown, ...table];
}

function list(modules: string[]): string {
  return modules.length === 0 ? 'none' : modules.map((module) => `\`${module}\``).join(', ');
}

function moment(at: number): string {
  return new Date(at).toISOString().slice(0, 16).replace('T', ' ');
}

function share(value: number | null): string {
  return value === null ? '–' : `${Math.round(value * 100)} %`;
}

/** A name may hold what a table takes for its own. */
function cell(text: string): string {
  return text.replace(/[\\|`*_<>[\]]/g, '\\$&').replace(/\s+/g, ' ');
}
