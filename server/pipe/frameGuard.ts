// Stands before the message reader and lets well-formed, bounded frames through: the reader itself would buffer whatever
// length a header announces. Looks at headers only; the bodies are the reader's.
import { Transform, type TransformCallback } from 'node:stream';
import type { Refusal } from '../../protocol/coordination';

/** Bytes of the headers of one message; real ones have about 25. */
const MAX_HEADERS = 1024;
/** Of the empty line that ends the headers. */
const END_LENGTH = 4;
const CR = 13;
const LF = 10;

/** Why a frame was not let through. */
export class RefusedFrame extends Error {
  constructor(
    readonly reason: Refusal,
    message: string,
  ) {
    super(message);
    this.name = 'RefusedFrame';
  }
}

export class FrameGuard extends Transform {
  /** Bytes of the current body that have not come yet. */
  #body = 0;
  /** What has come of the current headers. */
  #headers: Buffer = Buffer.alloc(0);

  constructor(private readonly maxBody: number) {
    super();
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    try {
      let rest = chunk;
      while (rest.length > 0) rest = this.#body > 0 ? this.body(rest) : this.headers(rest);
      done();
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Lets through what belongs to the current body; gives the rest. */
  private body(bytes: Buffer): Buffer {
    const part = bytes.subarray(0, this.#body);
    this.#body -= part.length;
    this.push(part);
    return bytes.subarray(part.length);
  }

  /** Lets headers through once they are whole and in order; gives the rest. */
  private headers(bytes: Buffer): Buffer {
    const before = this.#headers.length;
    const seen = Buffer.concat([this.#headers, bytes.subarray(0, MAX_HEADERS)]);
    const end = endOf(seen);
    if (end < 0) {
      if (seen.length >= MAX_HEADERS) throw new RefusedFrame('malformed', 'The message has no headers.');
      this.#headers = seen;
      return bytes.subarray(seen.length - before);
    }
    const length = bodyLength(seen.subarray(0, end).toString('latin1'));
    if (length > this.maxBody) {
      throw new RefusedFrame('oversized', `The message has ${length} bytes; at most ${this.maxBody} are taken.`);
    }
    this.push(seen.subarray(0, end + END_LENGTH));
    this.#headers = Buffer.alloc(0);
    this.#body = length;
    return bytes.subarray(end + END_LENGTH - before);
  }
}

/** Where the empty line begins; -1 where it has not come. Headers are short: looking at each byte is the fastest way. */
function endOf(bytes: Buffer): number {
  for (let at = 3; at < bytes.length; at++) {
    if (bytes[at] === LF && bytes[at - 1] === CR && bytes[at - 2] === LF && bytes[at - 3] === CR) return at - 3;
  }
  return -1;
}

function bodyLength(headers: string): number {
  const lines = headers.split('\r\n');
  const lengths = lines.flatMap((line) => /^content-length: *(\d{1,15})$/i.exec(line)?.[1] ?? []);
  const [length] = lengths;
  if (length === undefined || lengths.length > 1 || Number(length) === 0) {
    throw new RefusedFrame('malformed', 'The message does not say how long it is.');
  }
  // A line without a colon makes the reader throw and then wait for ever.
  if (lines.some((line) => !line.includes(':'))) {
    throw new RefusedFrame('malformed', 'A header of the message has no name.');
  }
  return Number(length);
}
