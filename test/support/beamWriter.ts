// Writes beams that no compiler here can make: of newer OTP releases, damaged, or thousands of them. Chunks only, no code
// that could run.
import { deflateSync } from 'node:zlib';

export interface WrittenBeam {
  /** Atoms: the module first. */
  module: string;
  /** Atoms of the modules that it calls, each with a function `f/0`. */
  calls: readonly string[];
  /** Atoms named in constants. */
  literals?: readonly string[];
  /** Atoms named in code. */
  atoms?: readonly string[];
  source?: string;
  behaviours?: readonly string[];
  /** As OTP 28 writes them: lengths of atoms in up to two bytes, constants as they are. */
  newer?: boolean;
  /** Bytes of debug information, which the index does not read. */
  padding?: number;
}

export function writeBeam(beam: WrittenBeam): Buffer {
  const atoms = [...new Set([beam.module, 'f', ...beam.calls, ...(beam.atoms ?? [])])];
  const number = (atom: string): number => atoms.indexOf(atom) + 1;
  const newer = beam.newer === true;
  const imports = beam.calls.map((call) => longs(number(call), number('f'), 0));
  const literals = (beam.literals ?? []).map((atom) => Buffer.concat([Buffer.of(131), atomTerm(atom)]));
  const table = Buffer.concat([
    longs(literals.length),
    ...literals.flatMap((literal) => [longs(literal.length), literal]),
  ]);
  const chunks: [string, Buffer][] = [
    [
      'AtU8',
      Buffer.concat([longs(newer ? -atoms.length : atoms.length), ...atoms.map((atom) => inTable(atom, newer))]),
    ],
    ['ImpT', Buffer.concat([longs(imports.length), ...imports])],
    ['ExpT', Buffer.concat([longs(1), longs(number('f'), 0, 2)])],
    ['LitT', newer ? Buffer.concat([longs(0), table]) : Buffer.concat([longs(table.length), deflateSync(table)])],
    ['CInf', propertyList(beam.source === undefined ? [] : [['source', charlist(beam.source)]])],
    ['Attr', propertyList([['behaviour', list((beam.behaviours ?? []).map(atomTerm))]])],
    ['Dbgi', Buffer.alloc(beam.padding ?? 0)],
  ];
  const body = Buffer.concat(chunks.flatMap(([name, data]) => [Buffer.from(name), longs(data.length), padded(data)]));
  return Buffer.concat([Buffer.from('FOR1'), longs(body.length + 4), Buffer.from('BEAM'), body]);
}

function inTable(atom: string, newer: boolean): Buffer {
  const text = Buffer.from(atom);
  if (!newer) return Buffer.concat([Buffer.of(text.length), text]);
  const length =
    text.length < 16
      ? Buffer.of(text.length << 4)
      : Buffer.of(((text.length >> 3) & 0xe0) | 0b1000, text.length & 0xff);
  return Buffer.concat([length, text]);
}

function longs(...numbers: number[]): Buffer {
  const buffer = Buffer.alloc(numbers.length * 4);
  numbers.forEach((number, index) => buffer.writeInt32BE(number, index * 4));
  return buffer;
}

function padded(data: Buffer): Buffer {
  return Buffer.concat([data, Buffer.alloc((4 - (data.length % 4)) % 4)]);
}

function propertyList(pairs: readonly (readonly [string, Buffer])[]): Buffer {
  const tuples = pairs.map(([key, value]) => Buffer.concat([Buffer.of(104, 2), atomTerm(key), value]));
  return Buffer.concat([Buffer.of(131), list(tuples)]);
}

function list(terms: readonly Buffer[]): Buffer {
  if (terms.length === 0) return Buffer.of(106);
  return Buffer.concat([Buffer.of(108), longs(terms.length), ...terms, Buffer.of(106)]);
}

function charlist(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  return Buffer.concat([Buffer.of(107, bytes.length >> 8, bytes.length & 0xff), bytes]);
}

function atomTerm(atom: string): Buffer {
  const text = Buffer.from(atom);
  return Buffer.concat([Buffer.of(118, text.length >> 8, text.length & 0xff), text]);
}
