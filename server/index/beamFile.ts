// A compiled module, read without a VM: who it is, what it exports, which modules it calls and names.
// Chunk formats: "BEAM file format" and `beam_lib` of OTP, `beam_asm` for the encoding of lengths since OTP 28.
import { gunzipSync, inflateSync } from 'node:zlib';
import { decodeTerm, eachAtom, type Term } from './externalTerm';
import { inspectModule } from './moduleName';

export interface BeamFacts {
  /** As `inspect` writes it, like all modules here. */
  module: string;
  /** Path of the source as the compiler saw it; null for deterministic builds. */
  source: string | null;
  /** Modules it calls by name, without itself. */
  calls: string[];
  /** Modules that it names otherwise: in its code or its constants. */
  references: string[];
  behaviours: string[];
  /** Set for the implementation of a protocol. */
  implements: { protocol: string; for: string } | null;
  exports: { name: string; arity: number }[];
}

const MAX_INFLATED = 64 * 1024 * 1024;

/**
 * `isModule` decides which atoms in lower case are modules; those of Elixir tell it themselves.
 * @throws RangeError or a zlib error for bytes that are no beam.
 */
export function readBeam(bytes: Buffer, isModule: (atom: string) => boolean): BeamFacts {
  const chunks = chunksOf(isGzip(bytes) ? gunzipSync(bytes, { maxOutputLength: MAX_INFLATED }) : bytes);
  const atoms = atomsOf(chunks.get('AtU8') ?? chunks.get('Atom'), chunks.has('AtU8') ? 'utf8' : 'latin1');
  const [self] = atoms;
  if (self === undefined) throw new RangeError('a beam without a name');

  const calls = new Set<string>();
  for (const [module] of triples(chunks.get('ImpT'))) calls.add(atomAt(atoms, module));
  calls.delete(self);
  const references = new Set<string>();
  const refer = (atom: string): void => {
    if (atom !== self && !calls.has(atom) && (atom.startsWith('Elixir.') || isModule(atom))) references.add(atom);
  };
  atoms.forEach(refer);
  eachLiteral(chunks.get('LitT'), (literal) => eachAtom(literal, refer));

  const attributes = pairs(chunks.get('Attr'));
  return {
    module: inspectModule(self),
    source: textOf(pairs(chunks.get('CInf')).get('source')),
    calls: [...calls].map(inspectModule),
    references: [...references].map(inspectModule),
    behaviours: ['behaviour', 'behavior'].flatMap((key) => atomsIn(attributes.get(key)).map(inspectModule)),
    implements: implementation(attributes.get('__impl__')),
    exports: triples(chunks.get('ExpT')).map(([name, arity]) => ({ name: atomAt(atoms, name), arity })),
  };
}

function chunksOf(bytes: Buffer): Map<string, Buffer> {
  if (bytes.toString('latin1', 0, 4) !== 'FOR1' || bytes.toString('latin1', 8, 12) !== 'BEAM') {
    throw new RangeError('not a beam');
  }
  const chunks = new Map<string, Buffer>();
  for (let at = 12; at + 8 <= bytes.length;) {
    const size = bytes.readUInt32BE(at + 4);
    chunks.set(bytes.toString('latin1', at, at + 4), bytes.subarray(at + 8, at + 8 + size));
    // Chunks begin at multiples of four.
    at += 8 + Math.ceil(size / 4) * 4;
  }
  return chunks;
}

/** The first one names the module. Since OTP 28 a negative count says that lengths may take two bytes. */
function atomsOf(chunk: Buffer | undefined, encoding: BufferEncoding): string[] {
  if (chunk === undefined) throw new RangeError('a beam without atoms');
  const count = chunk.readInt32BE(0);
  const atoms: string[] = [];
  for (let at = 4; atoms.length < Math.abs(count);) {
    let length = chunk.readUInt8(at++);
    if (count < 0) length = length & 0b1000 ? ((length & 0b11100000) << 3) | chunk.readUInt8(at++) : length >> 4;
    if (at + length > chunk.length) throw new RangeError('an atom that ends too early');
    atoms.push(chunk.toString(encoding, at, at + length));
    at += length;
  }
  return atoms;
}

/** Atoms count from one. */
function atomAt(atoms: string[], number: number): string {
  const atom = atoms[number - 1];
  if (atom === undefined) throw new RangeError(`a beam without an atom ${number}`);
  return atom;
}

/** The rows of an import or export table. */
function triples(chunk: Buffer | undefined): [number, number, number][] {
  if (chunk === undefined) return [];
  const count = chunk.readUInt32BE(0);
  if (count * 12 > chunk.length - 4) throw new RangeError('a table that ends too early');
  return Array.from({ length: count }, (_, row) => [
    chunk.readUInt32BE(4 + row * 12),
    chunk.readUInt32BE(8 + row * 12),
    chunk.readUInt32BE(12 + row * 12),
  ]);
}

/** Constants are compressed before OTP 28, which writes a length of zero and leaves them as they are. */
function eachLiteral(chunk: Buffer | undefined, found: (term: Buffer) => void): void {
  if (chunk === undefined) return;
  const inflated = chunk.readUInt32BE(0);
  // A module with that much data in it is a file in disguise; whom it calls is known without.
  if (inflated > MAX_INFLATED) return;
  const table = inflated === 0 ? chunk.subarray(4) : inflateSync(chunk.subarray(4), { maxOutputLength: inflated });
  let at = 4;
  for (let left = table.readUInt32BE(0); left > 0; left--) {
    const size = table.readUInt32BE(at);
    found(table.subarray(at + 4, at + 4 + size));
    at += 4 + size;
  }
}

/** A property list by its keys; values of a key given twice are joined. */
function pairs(chunk: Buffer | undefined): Map<string, Term> {
  const found = new Map<string, Term>();
  const list = chunk === undefined ? null : decodeTerm(chunk);
  for (const entry of listOf(list)) {
    if (entry === null || typeof entry !== 'object' || !('tuple' in entry)) continue;
    const [key, value = null] = entry.tuple;
    if (key === null || typeof key !== 'object' || !('atom' in key)) continue;
    const before = found.get(key.atom);
    found.set(key.atom, before === undefined ? value : { list: [...listOf(before), ...listOf(value)] });
  }
  return found;
}

function listOf(term: Term | undefined): Term[] {
  return term !== null && typeof term === 'object' && 'list' in term ? term.list : [];
}

function atomsIn(term: Term | undefined): string[] {
  return listOf(term).flatMap((each) => (each !== null && typeof each === 'object' && 'atom' in each ? each.atom : []));
}

/** Of `[protocol: P, for: T, ...]`, Elixir's own note in an implementation. */
function implementation(term: Term | undefined): BeamFacts['implements'] {
  const named = (key: string): string | undefined => {
    for (const each of listOf(term)) {
      if (each === null || typeof each !== 'object' || !('tuple' in each)) continue;
      const [name, value] = each.tuple;
      if (isAtom(name) && name.atom === key && isAtom(value)) return inspectModule(value.atom);
    }
    return undefined;
  };
  const [protocol, type] = [named('protocol'), named('for')];
  return protocol === undefined || type === undefined ? null : { protocol, for: type };
}

function isAtom(term: Term | undefined): term is { atom: string } {
  return term !== null && typeof term === 'object' && 'atom' in term;
}

/** A character list: bytes where all of them are below 256, numbers otherwise. Paths are UTF-8 in neither case. */
function textOf(term: Term | undefined): string | null {
  if (term === null || typeof term !== 'object') return null;
  if ('bytes' in term) return term.bytes.toString('latin1');
  if (!('list' in term)) return null;
  const points = term.list.filter((each): each is number => typeof each === 'number' && each >= 0 && each <= 0x10ffff);
  return points.length === 0 ? null : String.fromCodePoint(...points);
}

function isGzip(bytes: Buffer): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}
