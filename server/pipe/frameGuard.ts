// Stands before the message reader and lets well-formed, bounded frames through: the reader itself would buffer whatever
// length a header announces. Looks at headers only; the bodies are the reader's.
import { Transform, type TransformCallback } from 'node:stream';
import type { Refusal } from '../../protocol/coordination';

/** Bytes of the headers of one message; real ones have about 25. */
const MAX_HEADERS = 1024;
const END = '\r\n\r\n';

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
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#body > 0) {
        const part = rest.subarray(0, this.#body);
        this.#body -= part.length;
        this.push(part);
        rest = rest.subarray(part.length);
        continue;
      }
      // The end of the headers may lie across two chunks, so what came before is looked at again; it is short.
      const seen = Buffer.concat([this.#headers, rest.subarray(0, MAX_HEADERS)]);
      const end = seen.indexOf(END);
      if (end < 0) {
        if (seen.length >= MAX_HEADERS) return done(new RefusedFrame('malformed', 'The message has no headers.'));
        this.#headers = seen;
        return done();
      }
      const length = bodyLength(seen.subarray(0, end).toString('latin1'));
      if (length instanceof RefusedFrame) return done(length);
      if (length > this.maxBody) {
        return done(
          new RefusedFrame('oversized', `The message has ${length} bytes; at most ${this.maxBody} are taken.`),
        );
      }
      this.push(seen.subarray(0, end + END.length));
      rest = rest.subarray(end + END.length - this.#headers.length);
      this.#headers = Buffer.alloc(0);
      this.#body = length;
    }
    done();
  }
}

function bodyLength(headers: string): number | RefusedFrame {
  const lengths = headers.split('\r\n').flatMap((line) => /^content-length: *(\d{1,15})$/i.exec(line)?.[1] ?? []);
  const [length] = lengths;
  if (length === undefined || lengths.length > 1 || Number(length) === 0) {
    return new RefusedFrame('malformed', 'The message does not say how long it is.');
  }
  // A line without a colon makes the reader throw and then wait for ever.
  if (headers.split('\r\n').some((line) => !line.includes(':'))) {
    return new RefusedFrame('malformed', 'A header of the message has no name.');
  }
  return Number(length);
}
