// Beams read without a VM, against what `beam_lib` says of the very same files, and against beams of other releases.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { readBeam, type BeamFacts } from '../../server/index/beamFile';
import { fixture } from '../support/fixture';
import { writeBeam } from '../support/beamWriter';

const none = (): boolean => false;

/** What OTP says, as `inspect` writes it: one line a beam, fields between tabs, items between blanks. */
const ASK = `
  for file <- Enum.flat_map(System.argv(), &Path.wildcard/1) do
    file = String.to_charlist(file)
    {:ok, {module, [imports: imports, exports: exports, attributes: attributes, compile_info: info]}} =
      :beam_lib.chunks(file, [:imports, :exports, :attributes, :compile_info])
    behaviours = for {key, list} <- attributes, key in [:behaviour, :behavior], each <- list, do: each
    calls = for {called, _, _} <- imports, called != module, uniq: true, do: called
    impl = attributes[:__impl__]
    [
      file,
      inspect(module),
      calls |> Enum.map(&inspect/1) |> Enum.sort() |> Enum.join(" "),
      exports |> Enum.map(fn {f, a} -> "#{f}/#{a}" end) |> Enum.sort() |> Enum.join(" "),
      behaviours |> Enum.map(&inspect/1) |> Enum.sort() |> Enum.join(" "),
      to_string(info[:source] || ""),
      if(impl, do: "#{inspect(impl[:protocol])} #{inspect(impl[:for])}", else: "")
    ]
    |> Enum.join("\\t")
    |> IO.puts()
  end`;

interface Answer {
  file: string;
  facts: string[];
}

function askOtp(...globs: string[]): Answer[] {
  const output = execFileSync('elixir', ['-e', ASK, '--', ...globs], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  return output
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => {
      const [file = '', ...facts] = line.split('\t');
      return { file, facts };
    });
}

function inWords(facts: BeamFacts): string[] {
  return [
    facts.module,
    facts.calls.toSorted(byCodePoint).join(' '),
    facts.exports
      .map(({ name, arity }) => `${name}/${arity}`)
      .sort(byCodePoint)
      .join(' '),
    facts.behaviours.toSorted(byCodePoint).join(' '),
    facts.source ?? '',
    facts.implements === null ? '' : `${facts.implements.protocol} ${facts.implements.for}`,
  ];
}

/** Elixir sorts texts by their bytes. */
function byCodePoint(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}

describe('a beam read without a VM', () => {
  it('says what beam_lib says: OTP, Elixir, a project with protocols and macros', async () => {
    const project = await fixture('constructs');
    const roots = execFileSync(
      'elixir',
      ['-e', 'for app <- [:kernel, :stdlib, :elixir, :ex_unit], do: IO.puts(:code.lib_dir(app))'],
      { encoding: 'utf8' },
    );
    const globs = roots
      .trim()
      .split('\n')
      .map((dir) => `${dir}/ebin/*.beam`);
    const answers = askOtp(...globs, `${project.dir}/_build/*/lib/*/ebin/*.beam`);
    assert.ok(answers.length > 300, `${answers.length} beams`);
    for (const { file, facts } of answers) assert.deepEqual(inWords(readBeam(readFileSync(file), none)), facts, file);
  });

  it('names the modules in constants and in code', () => {
    const source = `
      defmodule Referring do
        def children, do: [{In.Constant, name: In.Constant.Too}]
        def pick(true), do: In.Code
        def call, do: Called.go()
        def plain, do: :worker
      end`;
    const compile = '[{_, beam}] = Code.compile_string(hd(System.argv())); IO.write(Base.encode64(beam))';
    const output = execFileSync('elixir', ['-e', compile, '--', source], { encoding: 'utf8', stdio: 'pipe' });
    const beam = Buffer.from(output, 'base64');
    const facts = readBeam(beam, (atom) => atom === 'worker');
    assert.deepEqual(facts.references.sort(), [':worker', 'In.Code', 'In.Constant', 'In.Constant.Too']);
    assert.ok(facts.calls.includes('Called') && facts.calls.includes(':erlang'), facts.calls.join());
    assert.equal(readBeam(beam, none).references.includes(':worker'), false);
  });

  for (const newer of [false, true]) {
    it(`is read with the tables of OTP ${newer ? '28 and later' : '27 and before'}`, () => {
      const long = `Elixir.${'Long'.repeat(50)}`;
      const bytes = writeBeam({
        module: 'Elixir.A',
        calls: ['Elixir.B', 'lists', long],
        literals: ['Elixir.C', 'plain'],
        atoms: ['Elixir.D', 'worker'],
        source: '/project/lib/a.ex',
        behaviours: ['gen_server'],
        newer,
      });
      assert.deepEqual(
        readBeam(bytes, (atom) => atom === 'worker'),
        {
          module: 'A',
          source: '/project/lib/a.ex',
          calls: ['B', ':lists', 'Long'.repeat(50)],
          references: ['D', ':worker', 'C'],
          behaviours: [':gen_server'],
          implements: null,
          exports: [{ name: 'f', arity: 0 }],
        },
      );
    });
  }

  it('is read when it is compressed as a whole', () => {
    const bytes = writeBeam({ module: 'Elixir.A', calls: ['Elixir.B'] });
    assert.deepEqual(readBeam(gzipSync(bytes), none), readBeam(bytes, none));
  });

  it('is refused at once when it is damaged, whatever the damage', () => {
    const whole = writeBeam({
      module: 'Elixir.A',
      calls: ['Elixir.B', 'lists'],
      literals: ['Elixir.C'],
      source: '/a.ex',
      behaviours: ['gen_server'],
    });
    const damage = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(damage, fc.nat(whole.length), (changes, length) => {
        const bytes = Buffer.from(whole.subarray(0, Math.max(1, length)));
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        try {
          assert.equal(typeof readBeam(bytes, none).module, 'string');
        } catch (error) {
          assert.ok(error instanceof RangeError || (error as NodeJS.ErrnoException).code !== undefined, String(error));
        }
      }),
      { numRuns: 3_000 },
    );
  });
});
