// What the user reads in messages to the client, in the language that the client named. Reads one catalogue; sends nothing.
import type { DebugProtocol } from '@vscode/debugprotocol';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { catalogueNames, translator, withTexts, type Catalogue, type Translate } from '../protocol/translation';

type Message = { type: string } & Record<string, unknown>;

/** Events that speak to the user, and the properties that do. What the program itself prints is left alone. */
const EVENTS: Readonly<Record<string, ReadonlySet<string>>> = {
  breakpoint: new Set(['message']),
  progressStart: new Set(['title', 'message']),
  progressUpdate: new Set(['message']),
  progressEnd: new Set(['message']),
  stopped: new Set(['description', 'text']),
};
/** The same of answers, by command. */
const ANSWERS: Readonly<Record<string, ReadonlySet<string>>> = {
  initialize: new Set(['label', 'description', 'conditionDescription']),
  setBreakpoints: new Set(['message']),
  setFunctionBreakpoints: new Set(['message']),
  setExceptionBreakpoints: new Set(['message']),
  scopes: new Set(['name']),
  getInterpretationStatus: new Set(['reason']),
  interpretModules: new Set(['error']),
  reloadCode: new Set(['error']),
};
/** Answers in which our words stand among the program's own: names of processes, values. */
const MIXED: Readonly<Record<string, ReadonlySet<string>>> = {
  threads: new Set(['name']),
  getProcessTree: new Set(['name']),
  variables: new Set(['value']),
};
/** What of these is ours (ecd_process.erl, ecd_details.erl, ecd_frames.erl). No value is written like that. */
const OUR_WORDS =
  /^(main process|application master$|ExUnit test process$|process$|of the server; |not available: |runs natively; |\d+ (message|key)s?$)|[^)] \(supervisor\)$/;
/** Categories of output that are ours. */
const OURS = new Set(['console', 'important']);

/** undefined where the client reads English, or a language that we do not speak. */
export function translateFor(locale: string | undefined): Translate | undefined {
  for (const name of catalogueNames(locale ?? '')) {
    const catalogue = read(path.join(__dirname, '..', 'l10n', name));
    if (catalogue !== undefined) return translator(catalogue);
  }
  return undefined;
}

export function inLanguage(message: Message, translate: Translate): Message {
  const { type, event, command, success, body } = message;
  if (type === 'event' && event === 'output') return { ...message, body: output(body, translate) };
  if (type === 'event' && typeof event === 'string') return texts(message, EVENTS[event], translate);
  if (type !== 'response' || typeof command !== 'string') return message;
  if (success === false) return failure(message, translate);
  return texts(texts(message, ANSWERS[command], translate), MIXED[command], (text) => ourWords(text, translate));
}

/** Of a process also with its identifier behind. */
function ourWords(text: string, translate: Translate): string {
  const words = text.replace(/ <[\d.]+>$/, '');
  return OUR_WORDS.test(words) ? translate(words) + text.slice(words.length) : text;
}

function texts(message: Message, properties: ReadonlySet<string> | undefined, translate: Translate): Message {
  return properties === undefined ? message : withTexts(message, properties, translate);
}

function output(body: unknown, translate: Translate): unknown {
  const { category, output: text } = body as DebugProtocol.OutputEvent['body'];
  if (category === undefined || !OURS.has(category)) return body;
  const line = text.trimEnd();
  return { ...(body as object), output: translate(line) + text.slice(line.length) };
}

/** Its text is a sentence and, where there is one, the next step to take. */
function failure(message: Message, translate: Translate): Message {
  const body = message['body'] as { error?: DebugProtocol.Message } | undefined;
  const error = body?.error;
  const hint = (error?.variables as { hint?: string } | undefined)?.hint;
  const both = (text: string): string =>
    hint !== undefined && text.endsWith(` ${hint}`)
      ? `${translate(text.slice(0, -hint.length - 1))} ${translate(hint)}`
      : translate(text);
  const said = message['message'];
  return {
    ...message,
    // The short forms of DAP, such as `cancelled`, are for the client.
    message: typeof said === 'string' && said.includes(' ') ? both(said) : said,
    ...(error === undefined ? {} : { body: { ...body, error: { ...error, format: both(error.format) } } }),
  };
}

function read(file: string): Catalogue | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Catalogue;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
