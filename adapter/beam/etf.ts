// Erlang's external term format: encode and decode, with limits. Pure; knows nothing of frames or commands.
// https://www.erlang.org/doc/apps/erts/erl_ext_dist.html

/** An atom other than true, false and nil. Decoding yields its text instead, unless the atom stands in a tuple. */
export class Atom {
  constructor(readonly name: string) {}
}
export class Tuple {
  constructor(readonly elements: readonly Term[]) {}
}
/** A pid, reference, port or function: carried as it came. */
export class Opaque {
  constructor(readonly bytes: Buffer) {}
}
export type Term =
  | null
  | boolean
  | number
  | bigint
  | string
  | Atom
  | Tuple
  | Opaque
  | readonly Term[]
  | { readonly [key: string]: Term | undefined };

/** The bytes are no term, or one beyond the limits. */
export class MalformedTerm extends Error {}

const VERSION = 131;
const MAX_DEPTH = 512;
const NEW_FLOAT = 70;
const SMALL_INTEGER = 97;
const INTEGER = 98;
const SMALL_TUPLE = 104;
const LARGE_TUPLE = 105;
const NIL = 106;
const STRING = 107;
const LIST = 108;
const BINARY = 109;
const SMALL_BIG = 110;
const LARGE_BIG = 111;
const MAP = 116;
const ATOM_UTF8 = 118;
const SMALL_ATOM_UTF8 = 119;

// Encoding ---------------------------------------------------------------------------------------------------------

/** Text becomes a binary, null the atom nil, a map key an atom; a property that is undefined is left out. */
export function encode(term: Term): Buffer {
  const parts: Buffer[] = [Buffer.from([VERSION])];
  write(term, parts, 0);
  return Buffer.concat(parts);
}

function write(term: Term, parts: Buffer[], depth: number): void {
  if (depth > MAX_DEPTH) throw new MalformedTerm('nested too deeply');
  if (term === null) writeAtom('nil', parts);
  else if (typeof term === 'boolean') writeAtom(String(term), parts);
  else if (typeof term === 'string') parts.push(header(BINARY, Buffer.byteLength(term)), Buffer.from(term));
  else if (typeof term === 'bigint') writeInteger(term, parts);
  else if (typeof term === 'number') writeNumber(term, parts);
  else if (term instanceof Atom) writeAtom(term.name, parts);
  else if (term instanceof Opaque) parts.push(term.bytes);
  else if (term instanceof Tuple) writeTuple(term, parts, depth);
  else if (isList(term)) writeList(term, parts, depth);
  else writeMap(term, parts, depth);
}

function isList(term: readonly Term[] | { readonly [key: string]: Term | undefined }): term is readonly Term[] {
  return Array.isArray(term);
}

function header(tag: number, size: number): Buffer {
  const bytes = Buffer.allocUnsafe(5);
  bytes.writeUInt8(tag, 0);
  bytes.writeUInt32BE(size, 1);
  return bytes;
}

function writeAtom(name: string, parts: Buffer[]): void {
  const text = Buffer.from(name);
  // An atom has at most 255 characters, each of at most 4 bytes.
  if (text.length <= 255) {
    parts.push(Buffer.from([SMALL_ATOM_UTF8, text.length]), text);
  } else {
    if (text.length > 1020) throw new MalformedTerm('atom too long');
    parts.push(Buffer.from([ATOM_UTF8, text.length >> 8, text.length & 255]), text);
  }
}

function writeNumber(value: number, parts: Buffer[]): void {
  if (Number.isSafeInteger(value)) {
    writeInteger(BigInt(value), parts);
    return;
  }
  if (!Number.isFinite(value)) throw new MalformedTerm('Erlang has neither NaN nor infinity');
  const bytes = Buffer.allocUnsafe(9);
  bytes.writeUInt8(NEW_FLOAT, 0);
  bytes.writeDoubleBE(value, 1);
  parts.push(bytes);
}

function writeInteger(value: bigint, parts: Buffer[]): void {
  if (value >= 0n && value <= 255n) {
    parts.push(Buffer.from([SMALL_INTEGER, Number(value)]));
  } else if (value >= -(2n ** 31n) && value < 2n ** 31n) {
    const bytes = Buffer.allocUnsafe(5);
    bytes.writeUInt8(INTEGER, 0);
    bytes.writeInt32BE(Number(value), 1);
    parts.push(bytes);
  } else {
    writeBig(value, parts);
  }
}

function writeBig(value: bigint, parts: Buffer[]): void {
  const hex = (value < 0n ? -value : value).toString(16);
  const magnitude = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex').reverse();
  const sign = Buffer.from([value < 0n ? 1 : 0]);
  const head =
    magnitude.length <= 255 ? Buffer.from([SMALL_BIG, magnitude.length]) : header(LARGE_BIG, magnitude.length);
  parts.push(head, sign, magnitude);
}

function writeTuple(tuple: Tuple, parts: Buffer[], depth: number): void {
  const { elements } = tuple;
  parts.push(
    elements.length <= 255 ? Buffer.from([SMALL_TUPLE, elements.length]) : header(LARGE_TUPLE, elements.length),
  );
  for (const element of elements) write(element, parts, depth + 1);
}

function writeList(list: readonly Term[], parts: Buffer[], depth: number): void {
  if (list.length > 0) {
    parts.push(header(LIST, list.length));
    for (const element of list) write(element, parts, depth + 1);
  }
  parts.push(Buffer.from([NIL]));
}

function writeMap(map: { readonly [key: string]: Term | undefined }, parts: Buffer[], depth: number): void {
  const entries = Object.entries(map).filter((entry): entry is [string, Term] => entry[1] !== undefined);
  parts.push(header(MAP, entries.length));
  for (const [key, value] of entries) {
    writeAtom(key, parts);
    write(value, parts, depth + 1);
  }
}

// Decoding ---------------------------------------------------------------------------------------------------------

/** Binaries become text, atoms text (true, false, nil and undefined their JavaScript values), map keys property names. */
export function decode(bytes: Buffer): Term {
  const reader = new Reader(bytes);
  if (reader.byte() !== VERSION) throw new MalformedTerm('not in the external term format');
  const term = read(reader, 0);
  if (!reader.atEnd) throw new MalformedTerm('bytes after the term');
  return term;
}

class Reader {
  #at = 0;
  constructor(private readonly bytes: Buffer) {}

  get atEnd(): boolean {
    return this.#at === this.bytes.length;
  }
  get position(): number {
    return this.#at;
  }
  take(size: number): Buffer {
    if (size > this.bytes.length - this.#at) throw new MalformedTerm('ends too early');
    const start = this.#at;
    this.#at += size;
    return this.bytes.subarray(start, this.#at);
  }
  since(start: number): Buffer {
    return Buffer.from(this.bytes.subarray(start, this.#at));
  }
  byte(): number {
    return this.take(1).readUInt8(0);
  }
  uint16(): number {
    return this.take(2).readUInt16BE(0);
  }
  uint32(): number {
    return this.take(4).readUInt32BE(0);
  }
  /** A count of elements, each of which takes at least `size` bytes: a lie cannot make us allocate. */
  count(size: number): number {
    const count = this.uint32();
    if (count * size > this.bytes.length - this.#at) throw new MalformedTerm('ends too early');
    return count;
  }
}

function read(reader: Reader, depth: number): Term {
  if (depth > MAX_DEPTH) throw new MalformedTerm('nested too deeply');
  const start = reader.position;
  const tag = reader.byte();
  switch (tag) {
    case SMALL_INTEGER:
      return reader.byte();
    case INTEGER:
      return reader.take(4).readInt32BE(0);
    case NEW_FLOAT:
      return reader.take(8).readDoubleBE(0);
    case SMALL_BIG:
      return readBig(reader, reader.byte());
    case LARGE_BIG:
      return readBig(reader, reader.uint32());
    case SMALL_ATOM_UTF8:
      return atomValue(reader.take(reader.byte()).toString('utf8'));
    case ATOM_UTF8:
      return atomValue(reader.take(reader.uint16()).toString('utf8'));
    case 115: // SMALL_ATOM_EXT, Latin-1, deprecated
      return atomValue(reader.take(reader.byte()).toString('latin1'));
    case 100: // ATOM_EXT, Latin-1, deprecated
      return atomValue(reader.take(reader.uint16()).toString('latin1'));
    case BINARY:
      return reader.take(reader.uint32()).toString('utf8');
    case STRING:
      return [...reader.take(reader.uint16())];
    case NIL:
      return [];
    case LIST:
      return readList(reader, depth);
    case SMALL_TUPLE:
      return new Tuple(readMany(reader, reader.byte(), depth));
    case LARGE_TUPLE:
      return new Tuple(readMany(reader, reader.count(1), depth));
    case MAP:
      return readMap(reader, depth);
    default:
      skipOpaque(reader, tag, depth);
      return new Opaque(reader.since(start));
  }
}

function atomValue(name: string): Term {
  if (name === 'true') return true;
  if (name === 'false') return false;
  if (name === 'nil' || name === 'undefined') return null;
  return name;
}

function readBig(reader: Reader, size: number): number | bigint {
  const negative = reader.byte() === 1;
  const magnitude = Buffer.from(reader.take(size)).reverse().toString('hex');
  const value = magnitude === '' ? 0n : BigInt(`0x${magnitude}`);
  const signed = negative ? -value : value;
  return signed >= BigInt(Number.MIN_SAFE_INTEGER) && signed <= BigInt(Number.MAX_SAFE_INTEGER)
    ? Number(signed)
    : signed;
}

function readMany(reader: Reader, count: number, depth: number): Term[] {
  return Array.from({ length: count }, () => read(reader, depth + 1));
}

/** The tail of an improper list is its last element. */
function readList(reader: Reader, depth: number): Term[] {
  const list = readMany(reader, reader.count(1), depth);
  const tail = read(reader, depth + 1);
  if (!Array.isArray(tail) || tail.length > 0) list.push(tail);
  return list;
}

function readMap(reader: Reader, depth: number): Term {
  const count = reader.count(2);
  const entries: [string, Term][] = [];
  for (let i = 0; i < count; i++) {
    const key = read(reader, depth + 1);
    const value = read(reader, depth + 1);
    entries.push([keyName(key), value]);
  }
  // A null prototype would surprise validators; fromEntries defines `__proto__` as an own property, which is harmless.
  return Object.fromEntries(entries);
}

function keyName(key: Term): string {
  if (typeof key === 'string') return key;
  if (key === null || typeof key === 'number' || typeof key === 'bigint' || typeof key === 'boolean')
    return String(key);
  throw new MalformedTerm('a map key that is no name');
}

/** Walks over what is only carried: pids, references, ports, functions, bit strings. */
function skipOpaque(reader: Reader, tag: number, depth: number): void {
  switch (tag) {
    case 88: // NEW_PID_EXT
      read(reader, depth + 1);
      reader.take(12);
      return;
    case 103: // PID_EXT
      read(reader, depth + 1);
      reader.take(9);
      return;
    case 89: // NEW_PORT_EXT
      read(reader, depth + 1);
      reader.take(8);
      return;
    case 120: // V4_PORT_EXT
      read(reader, depth + 1);
      reader.take(12);
      return;
    case 90: {
      // NEWER_REFERENCE_EXT
      const words = reader.uint16();
      read(reader, depth + 1);
      reader.take(4 + 4 * words);
      return;
    }
    case 112: // NEW_FUN_EXT: its size includes the size field
      reader.take(Math.max(0, reader.uint32() - 4));
      return;
    case 113: // EXPORT_EXT
      readMany(reader, 3, depth);
      return;
    case 77: // BIT_BINARY_EXT
      reader.take(reader.uint32() + 1);
      return;
    default:
      throw new MalformedTerm(`unknown tag ${tag}`);
  }
}
