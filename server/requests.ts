// What the editor's requests and notifications carry, checked before anything acts on it. Shapes only.
import * as v from 'valibot';
import { ErrorCodes, ResponseError } from 'vscode-languageserver/node';
import { parseDuration, parseSize } from '../protocol/units';
import type { ModuleAction, ServerNotifications, ServerRequests } from '../protocol/server';
import { DEFAULT_SETTINGS, SCOPES, STRATEGIES, type ServerSettings } from '../protocol/settings';

/** Modules around one are shown up to that far. */
const MAX_DEPTH = 4;
const ACTIONS = [
  'prepare',
  'release',
  'pin',
  'unpin',
  'neverInterpret',
  'allowInterpret',
] as const satisfies ModuleAction[];

const uri = v.string('a URI');
const module = v.pipe(v.string('a module name'), v.minLength(1, 'a module name'), v.maxLength(512, 'a module name'));
const session = v.pipe(v.string('a session id'), v.minLength(1, 'a session id'), v.maxLength(200, 'a session id'));
const flag = v.boolean('true or false');
const amount = v.pipe(v.number('a number'), v.minValue(0, 'a number from 0 on'));
const nothing = v.object({}, 'an object');

/** Numbers, or texts with a unit: a client may hand on what its user wrote. */
const measured = (parse: (text: string) => number | undefined, example: string) =>
  v.union(
    [amount, v.pipe(v.string(), v.transform(parse), v.number())],
    `a number from 0 on or a text such as "${example}"`,
  );

/** Keys that a client leaves out are as nobody said anything. */
export const Settings: v.GenericSchema<unknown, ServerSettings> = v.object({
  enabled: v.optional(flag, DEFAULT_SETTINGS.enabled),
  strategy: v.optional(v.picklist(STRATEGIES, `one of ${STRATEGIES.join(', ')}`), DEFAULT_SETTINGS.strategy),
  scope: v.optional(v.picklist(SCOPES, `one of ${SCOPES.join(', ')}`), DEFAULT_SETTINGS.scope),
  performanceMonitoring: v.optional(flag, DEFAULT_SETTINGS.performanceMonitoring),
  memoryThreshold: v.optional(measured(parseSize, '100MB'), DEFAULT_SETTINGS.memoryThreshold),
  fallbackTimeout: v.optional(measured(parseDuration, '2000ms'), DEFAULT_SETTINGS.fallbackTimeout),
  codeLenses: v.optional(flag, DEFAULT_SETTINGS.codeLenses),
  historyDays: v.optional(amount, DEFAULT_SETTINGS.historyDays),
  historySize: v.optional(measured(parseSize, '5MB'), DEFAULT_SETTINGS.historySize),
});

type Shapes<Table> = { [Method in keyof Table]: v.GenericSchema<unknown, Table[Method]> };

export const REQUESTS: Shapes<{ [Method in keyof ServerRequests]: ServerRequests[Method][0] }> = {
  'coordination/health': nothing,
  'coordination/modulesOfFile': v.object({ uri }),
  'coordination/modules': nothing,
  'coordination/filesOfModule': v.object({ module }),
  'coordination/openSession': v.object({ session }),
  'coordination/closeSession': v.object({ session }),
  'coordination/snapshot': nothing,
  'coordination/watch': v.object({ on: flag }),
  'coordination/neighbourhood': v.object({
    module,
    depth: v.pipe(
      v.number('a whole number'),
      v.integer('a whole number'),
      v.minValue(1, 'at least 1'),
      v.maxValue(MAX_DEPTH, `at most ${MAX_DEPTH}`),
    ),
  }),
  'coordination/module': v.object({ module, action: v.picklist(ACTIONS, `one of ${ACTIONS.join(', ')}`) }),
  'coordination/explain': v.object({ module }),
  'coordination/suggestBreakpoints': v.object({
    uri: v.nullable(uri),
    failure: v.nullable(v.string('a text or null')),
  }),
  'coordination/pause': v.object({ paused: flag }),
  'coordination/usage': v.object({
    action: v.picklist(['view', 'export', 'erase'], 'one of view, export, erase'),
  }),
  'coordination/tests': v.object({ uri }),
};

export const NOTIFICATIONS: Shapes<Omit<ServerNotifications, 'coordination/update'>> = {
  'coordination/focus': v.object({ uri }),
  'coordination/settings': Settings,
};

/** The checked parameters, or the error that names the field. */
export function checked<Params>(shape: v.GenericSchema<unknown, Params>, params: unknown): Params {
  const result = v.safeParse(shape, params);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const field = v.getDotPath(issue);
  const trouble = issue.received === 'undefined' ? 'is missing' : `must be ${issue.message}`;
  throw new ResponseError(ErrorCodes.InvalidParams, `${field === null ? 'What is asked' : `\`${field}\``} ${trouble}.`);
}
