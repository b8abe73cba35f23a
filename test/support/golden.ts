// Golden transcripts: what goes over the wire in a session, written down with everything that differs from run to run
// replaced and all keys sorted. `UPDATE_GOLDEN=1` writes the files anew; look at the difference before you commit it.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import type { DapClient } from './dapClient';
import { root } from './paths';

/** These come when they come; their order against answers means nothing. */
const UNORDERED = [
  'output',
  'thread',
  'module',
  'loadedSource',
  'process',
  'progressStart',
  'progressUpdate',
  'progressEnd',
  'invalidated',
];

/** Numbers that are handed out; the first one seen becomes 1, the next 2, and so on, for each key. */
const IDS: Record<string, string> = {
  threadId: 'thread',
  frameId: 'frame',
  variablesReference: 'reference',
  sourceReference: 'source',
};

export function assertGolden(name: string, client: DapClient, replace: Record<string, string>): void {
  const file = path.join(root, 'test', 'golden', `${name}.txt`);
  const text = transcript(client, replace);
  if (process.env['UPDATE_GOLDEN'] !== undefined) {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
    return;
  }
  assert(existsSync(file), `${file} is missing: make it with UPDATE_GOLDEN=1`);
  assert.equal(text, readFileSync(file, 'utf8'));
}

function transcript(client: DapClient, replace: Record<string, string>): string {
  const ids = new Ids();
  const lines = answersAfterRequests(client)
    .filter(({ message }) => message.type !== 'event' || !UNORDERED.includes((message as Dap.Event).event))
    .map(({ direction, message }) => {
      const rest: Partial<Dap.ProtocolMessage & { request_seq: number }> = { ...message };
      delete rest.seq;
      delete rest.request_seq;
      return `${direction} ${JSON.stringify(normal(rest, ids, ''), null, 2)}`;
    });
  let text = `${lines.join('\n')}\n`;
  for (const [from, to] of Object.entries(replace)) text = text.replaceAll(from, to);
  const own = (frame: string): boolean => Object.values(replace).some((name) => frame.includes(name));
  return (
    text
      .replace(/<\d+\.\d+\.\d+>/g, '<PID>')
      .replace(/\(elixir [\d.]+\)/g, '(elixir VERSION)')
      // Sources of OTP are there on some machines.
      .replace(/ \([^()]*\.erl:\d+\)/g, '')
      // Below our own frames comes what the Elixir of that version calls a task with.
      .replace(/("stackTrace": ")(.*)(",?)$/gm, (_all, before: string, frames: string, after: string) => {
        return [before, ...frames.split(/(?<=\\n)/).filter(own), after].join('');
      })
      // Each Elixir has its own words for a syntax error.
      .replace(/cannot be parsed: .*",$/gm, 'cannot be parsed: REASON",')
  );
}

/** Whether an event comes shortly before or after an answer is up to the machine; here each answer follows its request. */
function answersAfterRequests({ transcript }: DapClient): DapClient['transcript'] {
  const isAnswer = ({ message }: DapClient['transcript'][number]) => message.type === 'response';
  return transcript
    .filter((entry) => !isAnswer(entry))
    .flatMap((entry) => {
      if (entry.message.type !== 'request') return [entry];
      const { seq } = entry.message;
      const answer = transcript.find((each) => isAnswer(each) && (each.message as Dap.Response).request_seq === seq);
      return answer === undefined ? [entry] : [entry, answer];
    });
}

class Ids {
  private readonly known = new Map<string, string>();

  name(kind: string, id: number): string {
    const key = `${kind} ${id}`;
    const found = this.known.get(key);
    if (found !== undefined) return found;
    const count = [...this.known.keys()].filter((each) => each.startsWith(`${kind} `)).length;
    this.known.set(key, `${kind} ${count + 1}`);
    return `${kind} ${count + 1}`;
  }
}

function normal(value: unknown, ids: Ids, key: string): unknown {
  if (Array.isArray(value)) {
    // Below our own frames comes what the Elixir of that version calls a task with.
    const own = key === 'stackFrames' ? value.filter((frame) => !isForeign(frame)) : value;
    return own.map((each) => normal(each, ids, key));
  }
  if (value !== null && typeof value === 'object') {
    const record = value as Record<string, unknown>;
    return Object.fromEntries(
      Object.keys(record)
        .sort()
        .map((name) => [name, normalField(name, record[name], ids, key)]),
    );
  }
  return value;
}

function normalField(name: string, value: unknown, ids: Ids, parent: string): unknown {
  const kind = IDS[name];
  if (kind !== undefined && typeof value === 'number') return value === 0 ? 0 : ids.name(kind, value);
  if (name === 'id' && typeof value === 'number') {
    if (parent === 'stackFrames') return ids.name('frame', value);
    if (parent === 'threads') return ids.name('thread', value);
  }
  if (name === 'totalFrames') return 'COUNT';
  return normal(value, ids, name);
}

function isForeign(frame: unknown): boolean {
  return (frame as Dap.StackFrame).presentationHint === 'subtle';
}
