// Finding Elixir and compiling the agent: with made-up installations for what this machine lacks, and with the real erl.
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { compiledAgent } from '../../adapter/beam/compileAgent';
import { ownEnvironment } from '../../adapter/beam/environment';
import { findBeam, type Beam } from '../../adapter/beam/find';
import { Log } from '../../adapter/log';
import { Failure } from '../../protocol/failure';
import { root } from '../support/paths';

const log = new Log('stderr', 'error', 'test');
const never = new AbortController().signal;
const probeScript = path.join(root, 'adapter', 'agent', 'launch', 'probe.exs');

describe('finding Elixir', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), 'adapter-find-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  /** An `elixir` that answers the probe with these versions, and writes down each time it is asked. */
  function installation(elixir: string, otp: string, debugger_: boolean): void {
    mkdirSync(path.join(folder, 'erts-99'), { recursive: true });
    mkdirSync(path.join(folder, 'bin'), { recursive: true });
    const answer = ['ecd-probe', elixir, otp, '99', folder, debugger_ ? folder : ''].join('\\n');
    const script = `#!/bin/sh\necho asked >> '${folder}/asked'\nprintf '${answer}\\n'\n`;
    writeFileSync(path.join(folder, 'bin', 'elixir'), script, { mode: 0o755 });
  }
  const asked = (): number => {
    const file = path.join(folder, 'asked');
    return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').length : 0;
  };
  function find(debug = true): Promise<Beam> {
    const env = { PATH: [path.join(folder, 'bin'), '/usr/bin', '/bin'].join(path.delimiter) };
    return findBeam({ env, projectDir: folder, probeScript, cache: path.join(folder, 'cache'), debug }, log, never);
  }
  async function refusal(finding: Promise<Beam>): Promise<Failure> {
    const thrown: unknown = await finding.then(
      () => assert.fail('found'),
      (failure: unknown) => failure,
    );
    assert.ok(thrown instanceof Failure);
    assert.equal(thrown.blame, 'user');
    return thrown;
  }

  it('asks an installation once, and again when it has changed', async () => {
    installation('1.18.3', '27', true);
    const beam = await find();
    assert.deepEqual([beam.elixirVersion, beam.otp, beam.iex], ['1.18.3', 27, path.join(folder, 'bin', 'iex')]);
    await find();
    assert.equal(asked(), 1);
    utimesSync(path.join(folder, 'bin', 'elixir'), 1, 1);
    await find();
    assert.equal(asked(), 2);
    writeFileSync(path.join(folder, '.tool-versions'), 'elixir 1.17');
    await find();
    assert.equal(asked(), 3, 'a version manager may now choose another one');
  });

  it('asks again when what is remembered is damaged', async () => {
    installation('1.18.3', '27', true);
    await find();
    writeFileSync(path.join(folder, 'cache', 'installations.json'), '{');
    const quiet = new Log({ file: path.join(folder, 'log') }, 'error', 'test');
    const env = { PATH: path.join(folder, 'bin') + path.delimiter + '/bin' };
    await findBeam(
      { env, projectDir: folder, probeScript, cache: path.join(folder, 'cache'), debug: true },
      quiet,
      never,
    );
    assert.equal(asked(), 2);
  });

  it('refuses what is too old, by name', async () => {
    installation('1.13.4', '25', true);
    assert.match((await refusal(find())).message, /Elixir 1\.13\.4 is too old/);
    installation('1.14.0', '24', true);
    assert.match((await refusal(find())).message, /OTP 24 is too old/);
  });

  it('names the package where the debugger application is missing, and sees when it was installed', async () => {
    installation('1.14.0', '25', false);
    const failure = await refusal(find());
    assert.equal(failure.code, 'debuggerMissing');
    assert.match(failure.hint ?? '', /erlang-debugger/);
    assert.equal((await find(false)).debuggerDir, null, 'a run without debugging needs none');
    installation('1.14.0', '25', true);
    assert.equal((await find()).debuggerDir, folder);
  });

  it('says what an Elixir says that does not run', async () => {
    mkdirSync(path.join(folder, 'bin'));
    writeFileSync(path.join(folder, 'bin', 'elixir'), '#!/bin/sh\necho "erl: not found" >&2\nexit 127\n', {
      mode: 0o755,
    });
    const failure = await refusal(find());
    assert.equal(failure.code, 'elixirFails');
    assert.match(failure.message, /erl: not found/);
  });
});

describe('the compiled agent', () => {
  let folder: string;
  let beam: Beam;
  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'adapter compile '));
    const env = ownEnvironment();
    beam = await findBeam(
      { env, projectDir: folder, probeScript, cache: path.join(folder, 'cache'), debug: false },
      log,
      never,
    );
  });
  after(() => rmSync(folder, { recursive: true }));

  function sources(text: string): string {
    const into = mkdtempSync(path.join(folder, 'src-'));
    mkdirSync(path.join(into, 'standin'));
    writeFileSync(path.join(into, 'one.erl'), text);
    writeFileSync(path.join(into, 'standin', 'two.erl'), '-module(two).\n');
    return into;
  }
  let compilations = 0;
  const compiled = (from: string): ReturnType<typeof compiledAgent> =>
    compiledAgent(
      { beam, env: ownEnvironment(), sources: from, cache: path.join(folder, 'cache') },
      () => compilations++,
      log,
      never,
    );

  it('is compiled once, and again for other sources', async () => {
    compilations = 0;
    const first = await compiled(sources('-module(one).\n'));
    assert.ok(existsSync(path.join(first.ebin, 'one.beam')));
    assert.ok(existsSync(path.join(first.ebin, '..', 'standin', 'two.beam')));
    assert.equal((await compiled(first.sources)).ebin, first.ebin);
    assert.equal(compilations, 1);
    const second = await compiled(sources('-module(one).\n-export([x/0]).\nx() -> 1.\n'));
    assert.notEqual(second.ebin, first.ebin);
    assert.equal(compilations, 2);
    assert.ok(existsSync(first.ebin), 'a session may still run from it');
  });

  it('removes what nobody has used for long', async () => {
    const old = await compiled(sources('-module(one).\n-vsn(1).\n'));
    utimesSync(path.dirname(old.ebin), 1, 1);
    const current = await compiled(sources('-module(one).\n-vsn(2).\n'));
    assert.equal(existsSync(old.ebin), false);
    assert.equal(existsSync(current.ebin), true);
  });

  it('is compiled by two sessions at once without harm', async () => {
    const from = sources('-module(one).\n-vsn(3).\n');
    const [one, two] = await Promise.all([compiled(from), compiled(from)]);
    assert.equal(one.ebin, two.ebin);
    assert.deepEqual(readdirSync(one.ebin), ['one.beam']);
  });

  it('leaves nothing half-made when it does not compile, and says where', async () => {
    const builds = path.join(folder, 'cache', 'agent');
    const before = readdirSync(builds);
    await assert.rejects(compiled(sources('-module(one).\nf( -> x.\n')), /one\.erl:.*syntax error/);
    assert.deepEqual(readdirSync(builds), before);
  });

  it('leaves nothing behind when it is cancelled', async () => {
    const builds = path.join(folder, 'cache', 'agent');
    const before = readdirSync(builds);
    const cancel = new AbortController();
    const request = {
      beam,
      env: ownEnvironment(),
      sources: sources('-module(one).\n-vsn(4).\n'),
      cache: path.join(folder, 'cache'),
    };
    const compiling = compiledAgent(
      request,
      () => cancel.abort(Failure.expected('cancelled', 'Cancelled.')),
      log,
      cancel.signal,
    );
    await assert.rejects(compiling, (thrown: Failure) => thrown.code === 'cancelled');
    assert.deepEqual(readdirSync(builds), before);
  });
});
