// The index on disk: facts by file, so that a window opens without reading the project again. Written in one piece by
// renaming; what is of another version, torn or altered counts as absent. Knows nothing of what the facts mean.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as v from 'valibot';

/** Raised with any change of the facts or of how they are extracted. */
const VERSION = 3;
const TEMPORARY = /^project-index-\d+\.json\.\d+\.tmp$/;
/** ms after which a file half written belongs to a process that was killed. */
const ABANDONED_MS = 60_000;

/** What is known of a file's content. */
export interface Cached<Facts> {
  /** Size and time of change. */
  stamp: string;
  /** Of the content: a file whose time changed alone keeps its facts. */
  hash: string;
  facts: Facts;
}

const Files = v.record(v.string(), v.object({ stamp: v.string(), hash: v.string(), facts: v.looseObject({}) }));
const Content = v.object({ writtenAt: v.number(), sources: Files, beams: Files });

/** What `writeCache` wrote; null without it. `dropped`: there was a file, and it could not be used. */
export function readCache(storageDir: string, shard: number): { content: unknown; dropped: boolean } {
  let bytes: Buffer;
  try {
    bytes = readFileSync(fileOf(storageDir, shard));
  } catch {
    // No cache yet, or one that cannot be read: the sources are there to be read.
    return { content: null, dropped: false };
  }
  const end = bytes.indexOf(10);
  const body = bytes.subarray(end + 1);
  if (end === -1 || bytes.toString('latin1', 0, end) !== headerOf(body)) return { content: null, dropped: true };
  const content = JSON.parse(body.toString('utf8')) as unknown;
  return v.is(Content, content) ? { content, dropped: false } : { content: null, dropped: true };
}

/** @throws what the file system says; the old cache stays then. */
export function writeCache(storageDir: string, shard: number, content: unknown): void {
  mkdirSync(storageDir, { recursive: true });
  sweep(storageDir);
  const body = Buffer.from(JSON.stringify(content));
  const temporary = `${fileOf(storageDir, shard)}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, Buffer.concat([Buffer.from(`${headerOf(body)}\n`), body]));
    renameSync(temporary, fileOf(storageDir, shard));
  } finally {
    rmSync(temporary, { force: true });
  }
}

function sweep(storageDir: string): void {
  for (const name of readdirSync(storageDir)) {
    const file = path.join(storageDir, name);
    if (!TEMPORARY.test(name)) continue;
    const written = statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    if (Date.now() - written > ABANDONED_MS) rmSync(file, { force: true });
  }
}

export function hashOf(bytes: Buffer): string {
  return createHash('sha1').update(bytes).digest('base64');
}

function fileOf(storageDir: string, shard: number): string {
  return path.join(storageDir, `project-index-${shard}.json`);
}

function headerOf(body: Buffer): string {
  return `ecd project index ${VERSION} ${createHash('sha256').update(body).digest('hex')}`;
}
