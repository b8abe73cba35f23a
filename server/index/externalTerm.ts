// Erlang's external term format, as far as the chunks of a beam use it. Reads only; throws on what is no such term.
import { inflateSync } from 'node:zlib';

/** Atoms are texts under `atom`; what the index has no use for is null. */
export type Term = number | null | { atom: string } | { bytes: Buffer } | { tuple: Term[] } | { list: Term[] };

const VERSION = 131;
const COMPRESSED = 80;
const MAX_INFLATED = 16 * 1024 * 1024;
/** Deeper terms are data, not the facts that chunks tell. */
const MAX_DEPTH = 64;

/** @throws RangeError where the bytes end too early or mean nothing. */
export function decodeTerm(bytes: Buffer): Term {
  return new Reader(opened(bytes)).term(0);
}

/** Calls `found` with each atom in the term, without building it. */
export function eachAtom(bytes: Buffer, found: (atom: string) => void): void {
  new Reader(opened(bytes)).skip(found);
}

function opened(bytes: Buffer): Buffer {
  if (bytes[0] !== VERSION) throw new RangeError('not a term of the external format');
  if (bytes[1] !== COMPRESSED) return bytes.subarray(1);
  return inflateSync(bytes.subarray(6), { maxOutputLength: MAX_INFLATED });
}

class Reader {
  private at = 0;

  constructor(private readonly bytes: Buffer) {}

  term(depth: number): Term {
    if (depth > MAX_DEPTH) throw new RangeError('a term that nests too deeply');
    const start = this.at;
    const tag = this.byte();
    switch (tag) {
      case 97:
        return this.byte();
      case 98:
        this.at += 4;
        return this.bytes.readInt32BE(this.at - 4);
      case 100:
      case 115:
      case 118:
      case 119:
        return { atom: this.atom(tag) };
      case 104:
        return { tuple: this.terms(this.byte(), depth) };
      case 105:
        return { tuple: this.terms(this.long(), depth) };
      case 106:
        return { list: [] };
      case 107:
        // A list of bytes, in short.
        return { bytes: this.slice(this.short()) };
      case 108: {
        const list = this.terms(this.long(), depth);
        this.term(depth + 1);
        return { list };
      }
      case 109:
        return { bytes: this.slice(this.long()) };
      default:
        this.at = start;
        this.skip(() => undefined);
        return null;
    }
  }

  /** Steps over one term. Counts what is still to come instead of nesting, so that depth costs nothing. */
  skip(found: (atom: string) => void): void {
    for (let left = 1; left > 0; left--) left += this.step(found);
  }

  /** Steps over the head of a term; gives the number of terms that it holds. */
  private step(found: (atom: string) => void): number {
    const tag = this.byte();
    switch (tag) {
      case 97: // small integer
        return this.over(1);
      case 98: // integer
        return this.over(4);
      case 70: // float
        return this.over(8);
      case 99: // float as text
        return this.over(31);
      case 100:
      case 115:
      case 118:
      case 119:
        found(this.atom(tag));
        return 0;
      case 104: // tuple
        return this.byte();
      case 105: // large tuple
        return this.long();
      case 106: // []
        return 0;
      case 107: // list of bytes
        return this.over(this.short());
      case 108: // list and its tail
        return this.long() + 1;
      case 109: // binary
        return this.over(this.long());
      case 77: // bits
        return this.over(this.long() + 1);
      case 110: // big integer
        return this.over(this.byte() + 1);
      case 111: // larger integer
        return this.over(this.long() + 1);
      case 116: // map
        return this.long() * 2;
      case 113: // external function
        return 3;
      case 112: // closure, which names its own size
        return this.over(this.long() - 4);
      default:
        throw new RangeError(`a term with the unknown tag ${tag}`);
    }
  }

  private terms(count: number, depth: number): Term[] {
    if (count > this.bytes.length) throw new RangeError('more terms than bytes');
    return Array.from({ length: count }, () => this.term(depth + 1));
  }

  private atom(tag: number): string {
    const length = tag === 115 || tag === 119 ? this.byte() : this.short();
    return this.slice(length).toString(tag === 118 || tag === 119 ? 'utf8' : 'latin1');
  }

  private over(count: number): number {
    this.slice(count);
    return 0;
  }

  private slice(count: number): Buffer {
    const from = this.at;
    if (count < 0 || from + count > this.bytes.length) throw new RangeError('a term that ends too early');
    this.at += count;
    return this.bytes.subarray(from, this.at);
  }

  private byte(): number {
    return this.bytes.readUInt8(this.at++);
  }

  private short(): number {
    this.at += 2;
    return this.bytes.readUInt16BE(this.at - 2);
  }

  private long(): number {
    this.at += 4;
    return this.bytes.readUInt32BE(this.at - 4);
  }
}
