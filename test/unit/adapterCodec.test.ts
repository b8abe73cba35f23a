// The adapter's codec of Erlang's external term format: against itself, against hostile bytes, against a real erl.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { Atom, decode, encode, MalformedTerm, Opaque, Tuple, type Term } from '../../adapter/beam/etf';
import { FrameReader, frameOf } from '../../adapter/beam/agentClient';

/** What survives a round trip as it is: the JSON-like part of the contract, and tuples. */
const terms = fc.letrec<{ term: Term }>((tie) => ({
  term: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.bigInt().map((value) => (value > -(2n ** 53n) && value < 2n ** 53n ? Number(value) : value)),
    // Minus zero and whole numbers become integers, as the contract has it.
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Number.isInteger(value)),
    fc.string({ unit: 'binary' }),
    fc.array(tie('term')),
    fc.array(tie('term')).map((elements) => new Tuple(elements)),
    fc.dictionary(fc.string({ maxLength: 60 }), tie('term')),
  ),
}));

describe('external term format', () => {
  it('round-trips every term of the contract', () => {
    fc.assert(
      fc.property(terms.term, (term) => assert.deepEqual(decode(encode(term)), plain(term))),
      { numRuns: 1000 },
    );
  });

  it('answers hostile bytes with MalformedTerm, never with another error or a hang', () => {
    const bytes = fc.tuple(terms.term, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }), fc.nat());
    fc.assert(
      fc.property(bytes, ([term, changes, cut]) => {
        const broken = Buffer.from(encode(term));
        for (const [at, value] of changes) broken[at % broken.length] = value;
        try {
          decode(broken.subarray(0, 1 + (cut % broken.length)));
        } catch (thrown) {
          assert.ok(thrown instanceof MalformedTerm, String(thrown));
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('refuses counts that promise more than there is', () => {
    for (const tag of [105, 108, 109, 116]) {
      assert.throws(() => decode(Buffer.from([131, tag, 0xff, 0xff, 0xff, 0xff])), MalformedTerm);
    }
  });

  it('refuses what Erlang cannot hold', () => {
    assert.throws(() => encode(Number.NaN), MalformedTerm);
    assert.throws(() => encode(Infinity), MalformedTerm);
  });

  it('leaves out properties that are undefined', () => {
    assert.deepEqual(decode(encode({ a: undefined, b: 1 })), { b: 1 });
  });

  it('reads what a real Erlang writes', () => {
    const sources = [
      'true', 'false', 'nil', 'undefined', 'hello', "'Ünïcode'", '0', '255', '256', '-1', '-2147483648', '1 bsl 40',
      '-(1 bsl 53)', '1 bsl 70', '-(1 bsl 3000)', '1.5', '-0.25', '<<"text ü"/utf8>>', '[]', '[1,2,3]', '[1000,a]',
      '"abc"', '[1|2]', '{}', '{reply,7,#{a => 1}}', '#{a => #{<<"b">> => [true]}, 1 => x}',
      'list_to_tuple(lists:seq(1,300))', 'lists:duplicate(300, x)', '[self()]', '[make_ref()]', '[fun lists:map/2]',
      '[hd(erlang:ports())]', '[<<1:3>>]', '[fun(X) -> X end]',
    ]; // prettier-ignore
    const decoded = erlang(`[base64:encode(term_to_binary(T)) || T <- [${sources.join(',')}]]`).map((text) =>
      decode(Buffer.from(text, 'base64')),
    );
    assert.deepEqual(decoded.slice(0, 26), [
      true, false, null, null, 'hello', 'Ünïcode', 0, 255, 256, -1, -2147483648, 2 ** 40,
      -(2n ** 53n), 2n ** 70n, -(2n ** 3000n), 1.5, -0.25, 'text ü', [], [1, 2, 3], [1000, 'a'],
      [97, 98, 99], [1, 2], new Tuple([]), new Tuple(['reply', 7, { a: 1 }]), { a: { b: [true] }, 1: 'x' },
    ]); // prettier-ignore
    assert.equal((decoded[26] as Tuple).elements.length, 300);
    assert.equal((decoded[27] as Term[]).length, 300);
    for (const carried of decoded.slice(28)) assert.ok((carried as Term[])[0] instanceof Opaque);
  });

  it('writes what a real Erlang reads', () => {
    const term = new Tuple([
      new Atom('request'),
      1234567,
      new Atom('setBreakpoints'),
      { path: '/ü.ex', list: [1, 2.5, -7, 2n ** 64n], none: null, yes: true, empty: [], unset: undefined },
    ]);
    const [printed] = erlang(
      `[io_lib:format("~0tp", [binary_to_term(base64:decode("${encode(term).toString('base64')}"))])]`,
    );
    assert.equal(
      printed,
      '{request,1234567,setBreakpoints,#{empty => [],list => [1,2.5,-7,18446744073709551616],none => nil,path => <<"/ü.ex"/utf8>>,yes => true}}',
    );
  });
});

describe('frames of the agent', () => {
  it('come out whole, however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(terms.term, { maxLength: 5 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 40 })),
        (sent, cuts) => {
          const stream = Buffer.concat(sent.map(frameOf));
          const received: Term[] = [];
          const reader = new FrameReader();
          for (let at = 0; at < stream.length;) {
            const size = cuts.next().value as number;
            reader.push(stream.subarray(at, at + size), (frame) => received.push(decode(frame)));
            at += size;
          }
          assert.deepEqual(received, sent.map(plain));
        },
      ),
    );
  });

  it('of impossible size are refused', () => {
    assert.throws(() => new FrameReader().push(Buffer.from([0xff, 0, 0, 0]), () => assert.fail()), MalformedTerm);
  });
});

/** As decoding returns it: a property named like a number, or an empty map, is an ordinary object. */
function plain(term: Term): Term {
  if (term instanceof Tuple) return new Tuple(term.elements.map(plain));
  if (Array.isArray(term)) return (term as Term[]).map(plain);
  if (typeof term !== 'object' || term === null || term instanceof Opaque || term instanceof Atom) return term;
  return Object.fromEntries(Object.entries(term).map(([key, value]) => [key, plain(value as Term)]));
}

/** Evaluates a list of texts in a real Erlang; one line each. */
function erlang(expression: string): string[] {
  const program = `ok = io:setopts([{encoding, unicode}]), [io:put_chars([T, $\\n]) || T <- ${expression}], halt().`;
  const { stdout, stderr, status } = spawnSync('erl', ['-noshell', '-noinput', '-eval', program], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return stdout.trimEnd().split('\n');
}
