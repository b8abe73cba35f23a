// The snapshot of learned usage on disk: versioned, checksummed, replaced atomically, the previous one kept. Knows no meaning.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { copyFile, open, rename, rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import path from 'node:path';
import * as v from 'valibot';
import { isAlive, isMissing } from './journal';
import { SnapshotBody } from './records';

/** Raised with any change that would be misread. */
const VERSION = 1;
const NAME = 'usage.json';
const PREVIOUS = 'usage.json.bak';
const BROKEN = 'usage.json.broken';
/** A snapshot or its copy while its writer, a process, writes it. */
const TEMPORARY = /^usage\.json(?:\.bak)?\.(\d+)\.tmp$/;
const HEAD = /^\{"version":(\d+),"checksum":"([0-9a-f]{64})","body":/;
/** Windows refuses a rename while a virus scanner or a reader has the file open; ms to wait before trying again. */
const RENAME_RETRIES = [10, 40, 160, 640] as const;

export type Found =
  | { kind: 'body'; body: SnapshotBody; trouble?: string }
  | { kind: 'none'; trouble?: string }
  /** Written by a newer version of the extension: not ours to touch. */
  | { kind: 'newer' };

/** What the folder holds; the previous snapshot where the newest cannot be read. */
export function readSnapshot(folder: string): Found {
  const newest = readFile(path.join(folder, NAME));
  if (newest.kind === 'body' || newest.kind === 'newer') return newest;
  const previous = readFile(path.join(folder, PREVIOUS));
  if (newest.kind === 'missing') {
    if (previous.kind === 'body' || previous.kind === 'newer') return previous;
    return previous.kind === 'missing' ? { kind: 'none' } : { kind: 'none', trouble: LOST };
  }
  setAside(folder);
  if (previous.kind === 'newer') return previous;
  return previous.kind === 'body'
    ? { ...previous, trouble: 'The learned usage on disk was damaged; the copy before it is in use.' }
    : { kind: 'none', trouble: LOST };
}

/** Kept for a look at it, out of the way of the next one. */
function setAside(folder: string): void {
  const broken = path.join(folder, BROKEN);
  try {
    // The one before may be a folder, which no rename replaces.
    rmSync(broken, { recursive: true, force: true });
    renameSync(path.join(folder, NAME), broken);
  } catch (error) {
    // Another window was faster.
    if (!isMissing(error)) throw error;
  }
}

const LOST = 'The learned usage on disk was damaged; learning starts afresh.';

export function encode(body: SnapshotBody): string {
  const text = JSON.stringify(body);
  return `{"version":${VERSION},"checksum":"${checksum(VERSION, text)}","body":${text}}\n`;
}

/**
 * Puts the text in the snapshot's place; after a kill at any moment there is the old one or the new one.
 * `mayWrite` is asked last; false leaves everything as it is.
 */
export async function writeSnapshot(folder: string, text: string, mayWrite: () => boolean): Promise<boolean> {
  const target = path.join(folder, NAME);
  const fresh = path.join(folder, `${NAME}.${process.pid}.tmp`);
  const file = await open(fresh, 'w');
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  if (existsSync(target)) {
    // The name of the copy is never half a copy.
    const copy = path.join(folder, `${PREVIOUS}.${process.pid}.tmp`);
    const previous = path.join(folder, PREVIOUS);
    await copyFile(target, copy);
    // What is not ours there must not keep us from writing for ever.
    if (statSync(previous, { throwIfNoEntry: false })?.isDirectory() === true) await rm(previous, { recursive: true });
    await replace(copy, previous);
  }
  if (!mayWrite()) {
    await rm(fresh, { force: true });
    return false;
  }
  await replace(fresh, target);
  return true;
}

/** Removes the copies, and leftovers of writers that were killed; the snapshot itself stays. */
export async function removeCopies(folder: string, names: string[]): Promise<void> {
  const copies = names.filter((name) => name === PREVIOUS || name === BROKEN || TEMPORARY.test(name));
  for (const name of copies) await rm(path.join(folder, name), { recursive: true, force: true, maxRetries: 3 });
}

/** Removes what killed writers left half written: nobody else would. */
export async function removeLeftovers(folder: string, names: string[]): Promise<void> {
  for (const name of names) {
    const writer = TEMPORARY.exec(name)?.[1];
    if (writer !== undefined && !isAlive(Number(writer))) await rm(path.join(folder, name), { force: true });
  }
}

async function replace(from: string, to: string): Promise<void> {
  for (const wait of [...RENAME_RETRIES, undefined]) {
    try {
      await rename(from, to);
      return;
    } catch (error) {
      if (wait === undefined || isMissing(error)) throw error;
      await delay(wait);
    }
  }
}

type File = { kind: 'body'; body: SnapshotBody } | { kind: 'newer' } | { kind: 'missing' } | { kind: 'broken' };

function readFile(file: string): File {
  let text;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (isMissing(error)) return { kind: 'missing' };
    // A folder in its place is damage like any other.
    if (error instanceof Error && 'code' in error && error.code === 'EISDIR') return { kind: 'broken' };
    throw error;
  }
  const head = HEAD.exec(text);
  if (head === null) return { kind: 'broken' };
  const version = Number(head[1]);
  const body = text.slice(head[0].length).replace(/\}\n?$/, '');
  if (checksum(version, body) !== head[2]) return { kind: 'broken' };
  if (version > VERSION) return { kind: 'newer' };
  const read = v.safeParse(SnapshotBody, JSON.parse(body));
  return read.success ? { kind: 'body', body: read.output } : { kind: 'broken' };
}

function checksum(version: number, body: string): string {
  return createHash('sha256').update(`${version}\n`).update(body).digest('hex');
}
