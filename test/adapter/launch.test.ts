// Launch: arguments with their meaning, what is refused and how, and the user's own build.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { erlangRoot } from '../support/beam';
import { emptyFixture, fixture, fixtureCopy, type Fixture } from '../support/fixture';
import { launchArguments, sessions } from '../support/session';
import { RequestFailed } from '../support/dapClient';

const basic = 'lib/constructs/basic.ex';

/** The Erlang that is there, as it is where a distribution splits the debugger off; its `erl` is in bin. */
function withoutDebugger(): string {
  const installed = erlangRoot();
  const root = mkdtempSync(path.join(tmpdir(), 'ecd-erlang-'));
  const link = (folder: string, accepts: (name: string) => boolean): void => {
    mkdirSync(path.join(root, folder), { recursive: true });
    for (const name of readdirSync(path.join(installed, folder)).filter(accepts)) {
      symlinkSync(path.join(installed, folder, name), path.join(root, folder, name));
    }
  };
  link('', (name) => name !== 'lib' && name !== 'bin');
  link('lib', (name) => !name.startsWith('debugger-'));
  link('bin', (name) => name !== 'erl');
  const erts = path.join(root, readdirSync(root).find((name) => name.startsWith('erts-')) ?? '', 'bin');
  const script = [
    '#!/bin/sh',
    `export ROOTDIR='${root}' BINDIR='${erts}' EMU=beam PROGNAME=erl`,
    `exec '${path.join(erts, 'erlexec')}' "$@"`,
  ];
  writeFileSync(path.join(root, 'bin', 'erl'), `${script.join('\n')}\n`, { mode: 0o755 });
  return root;
}

describe('launch', () => {
  const debug = sessions();
  let constructs: Fixture;
  before(async () => (constructs = await fixture('constructs')));

  it('runs the task to its end and tells its exit code, once', async () => {
    const session = await debug.launch(constructs, { run: 'IO.puts("ran")' });
    assert.deepEqual(await session.end(), { exitCode: 0, stdout: 'ran\n', stderr: '' });
    assert.equal(session.client.seen('exited').length, 1);
    assert.equal(session.client.seen('terminated').length, 1);
  });

  it("uses the project's own _build and compiles nothing that is fresh", async () => {
    const copy = await fixtureCopy('constructs', { compiled: true });
    try {
      const beam = copy.file('_build/dev/lib/constructs/ebin/Elixir.Constructs.Basic.beam');
      const before = statSync(beam).mtimeMs;
      const session = await debug.launch(copy, { run: 'Constructs.Basic.main()', breakpoints: { [basic]: ['first'] } });
      await session.resume(await session.stop());
      const { stdout } = await session.end();
      assert.doesNotMatch(stdout, /Compiling/);
      assert.equal(statSync(beam).mtimeMs, before);
      assert(!existsSync(copy.file('.elixir_ls')), 'there is no second build directory');
    } finally {
      copy.remove();
    }
  });

  it('passes env to the program, with MIX_ENV', async () => {
    const session = await debug.launch(constructs, {
      run: 'IO.puts("#{System.get_env("GREETING")} #{Mix.env()}")',
      args: { env: { GREETING: 'grüß dich', MIX_ENV: 'test' } },
    });
    assert.equal((await session.end()).stdout, 'grüß dich test\n');
  });

  it('reads envFile, over which env wins', async () => {
    const copy = await fixtureCopy('scripts');
    try {
      copy.write('.env', '# comment\nFIRST=one\nSECOND="two words"\nexport THIRD=3\n');
      copy.write('show.exs', 'IO.puts(Enum.map_join(~w(FIRST SECOND THIRD), "|", &System.get_env/1))');
      const session = await debug.launch(copy, {
        args: { script: 'show.exs', envFile: copy.file('.env'), env: { FIRST: 'mine' } },
      });
      assert.equal((await session.end()).stdout, 'mine|two words|3\n');
    } finally {
      copy.remove();
    }
  });

  it('hides its own secrets from the program and its children', async () => {
    const session = await debug.launch(constructs, {
      run: 'IO.inspect(for {k, _} <- System.get_env(), String.starts_with?(k, "ECD_") and k != "ECD_TEST_SESSION", do: k); IO.inspect(System.get_env("ERL_AFLAGS"))',
    });
    assert.equal((await session.end()).stdout, '[]\nnil\n');
  });

  it("keeps the user's ERL_AFLAGS", async () => {
    const session = await debug.launch(constructs, {
      run: '{:ok, [[flag]]} = :init.get_argument(:ecd_user); IO.puts("#{flag} #{System.get_env("ERL_AFLAGS")}")',
      args: { env: { ERL_AFLAGS: '-ecd_user flag' } },
    });
    assert.equal((await session.end()).stdout, 'flag -ecd_user flag\n');
  });

  it('starts the applications first when startApps is true', async () => {
    const session = await debug.launch(constructs, {
      args: { task: 'eval', taskArgs: ['IO.inspect(is_pid(Process.whereis(Constructs.Counter)))'], startApps: true },
    });
    assert.equal((await session.end()).stdout, 'true\n');
  });

  it('loads requireFiles, whose breakpoints stop', async () => {
    const copy = await fixtureCopy('constructs', { compiled: true });
    try {
      copy.write('extra/more.exs', 'defmodule More do\n  def go(n) do\n    m = n * 2 # bp:more\n    m\n  end\nend\n');
      const session = await debug.launch(copy, {
        run: 'IO.inspect(apply(More, :go, [21]))',
        args: { requireFiles: ['extra/*.exs'] },
        breakpoints: { 'extra/more.exs': ['more'] },
      });
      const stop = await session.stop();
      assert.equal(stop.at, 'more');
      await session.resume(stop);
      assert.equal((await session.end()).stdout, '42\n');
    } finally {
      copy.remove();
    }
  });

  it('runs on after the task when exitAfterTaskReturns is false', async () => {
    const session = await debug.launch(constructs, { run: 'IO.puts("done")', args: { exitAfterTaskReturns: false } });
    await session.client.event('output', ({ output }) => output.includes('done'));
    assert.equal(await session.evaluate('Constructs.Counter.add(2)'), '2');
    assert.equal(session.client.seen('exited').length, 0);
  });

  it('with noDebug runs, stops nowhere and says why at the breakpoint', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.main()',
      args: { noDebug: true },
      breakpoints: { [basic]: ['first'] },
    });
    assert.equal(session.breakpoints[basic]?.[0]?.verified, false);
    assert(session.breakpoints[basic][0].message);
    assert.deepEqual(await session.places(), []);
    assert.match((await session.end()).stdout, /main: 1 9 18 36/);
  });

  it('with stopOnEntry stops at the first own function', async () => {
    const session = await debug.launch(constructs, { run: 'Constructs.Basic.main()', args: { stopOnEntry: true } });
    const stop = await session.stop();
    assert.equal(stop.reason, 'entry');
    assert.match(stop.top.source?.path ?? stop.top.name, new RegExp(`^${constructs.dir}`));
  });

  it('with stopOnEntry passes what mix.exs does while a fresh project compiles', async () => {
    const copy = await fixtureCopy('constructs');
    try {
      const session = await debug.launch(copy, { run: 'Constructs.Basic.main()', args: { stopOnEntry: true } });
      const stop = await session.stop();
      assert.equal(stop.reason, 'entry');
      assert.match(stop.top.source?.path ?? stop.top.name, new RegExp(`^${copy.file('lib')}/`));
    } finally {
      copy.remove();
    }
  });

  it('names an unknown argument, once', async () => {
    const session = await debug.launch(constructs, { run: 'IO.puts("ran")', args: { tsakArgs: 1 } });
    await session.end();
    const said = session.client.seen('output').filter(({ output }) => output.includes('tsakArgs'));
    assert.deepEqual(
      said.map(({ category, output }) => [category, output]),
      [
        [
          'console',
          'The argument "tsakArgs" of this launch configuration is unknown and has no effect. Did you mean "taskArgs"?\n',
        ],
      ],
    );
  });

  it('announces the process', async () => {
    const session = await debug.launch(constructs, { run: ':ok' });
    const process = await session.client.event('process');
    assert.equal(process.startMethod, 'launch');
    assert(typeof process.systemProcessId === 'number' && process.systemProcessId > 1);
  });

  it('answers other requests while the project compiles', async () => {
    const copy = await fixtureCopy('constructs');
    try {
      copy.edit('mix.exs', 'def project do', 'def project do\n    Process.sleep(1_500)');
      const session = debug.open(copy);
      const { client } = session;
      await client.request('initialize', { adapterID: 'elixir', linesStartAt1: true, pathFormat: 'path' });
      let launched = false;
      const launch = client.ask('launch', launchArguments(copy, { run: ':ok' })).then((answer) => {
        launched = true;
        return answer;
      });
      const configured = client.event('initialized').then(() => client.request('configurationDone', {}));
      const status = await client.custom('getInterpretationStatus', {});
      assert(typeof status === 'object');
      const refused = await client.refused('unheardOf', {});
      assert.match(refused.text, /unheardOf/);
      assert.equal(typeof launched, 'boolean');
      await configured;
      assert.equal((await launch).success, true);
      assert.equal((await session.end()).exitCode, 0);
    } finally {
      copy.remove();
    }
  });

  it('restarts the program with the same arguments', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.main()',
      breakpoints: { [basic]: ['first'] },
    });
    assert.equal(session.capabilities.supportsRestartRequest, true);
    assert.equal((await session.stop()).at, 'first');
    await session.client.request('restart', {});
    const stop = await session.stop();
    assert.equal(stop.at, 'first');
    await session.resume(stop);
    assert.match((await session.end()).stdout, /main: 1 9 18 36/);
  });

  it('restarts with other arguments, and names those it does not know', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.main()',
      breakpoints: { [basic]: ['first'] },
    });
    await session.stop();
    const changed = launchArguments(constructs, { run: 'IO.puts("changed")', args: { tsakArgs: 1 } });
    await session.client.request('restart', { arguments: changed });
    assert.match((await session.end()).stdout, /^changed$/m);
    const said = session.client.seen('output').filter(({ output }) => output.includes('tsakArgs'));
    assert.equal(said.length, 1);
    assert.match(said[0]?.output ?? '', /Did you mean "taskArgs"/);
  });

  it('shows the compilation with the number of modules, and ends it', async () => {
    const project = emptyFixture('slow');
    try {
      project.write(
        'mix.exs',
        'defmodule Slow.MixProject do\n  use Mix.Project\n  def project, do: [app: :slow, version: "0.1.0"]\nend\n',
      );
      // Each waits for the one before it, however many cores there are, and all together longer than what is not worth showing.
      for (let n = 0; n < 10; n++) {
        const before = n === 0 ? '' : `  Slow.M${n - 1}.done()\n`;
        project.write(
          `lib/m${n}.ex`,
          `defmodule Slow.M${n} do\n${before}  Process.sleep(100)\n  def done, do: :ok\nend\n`,
        );
      }
      const session = await debug.launch(project, { run: ':ok' });
      const { progressId, cancellable } = await session.client.event(
        'progressStart',
        ({ title }) => title === 'Compiling the project',
      );
      assert.equal(cancellable, true);
      const { message } = await session.client.event('progressUpdate', (update) => update.progressId === progressId);
      assert.match(message ?? '', /^\d+ modules?$/);
      await session.client.event('progressEnd', (end) => end.progressId === progressId);
      assert.equal((await session.end()).exitCode, 0);
    } finally {
      project.remove();
    }
  });

  it('reads and writes Unicode where no locale is set', async () => {
    const session = await debug.launch(constructs, {
      env: { LC_ALL: '', LC_CTYPE: '', LANG: '' },
      run: 'IO.puts("grüß ∑ 世 #{:io.getopts()[:encoding]} #{:file.native_name_encoding()}")',
    });
    assert.equal((await session.end()).stdout, 'grüß ∑ 世 unicode utf8\n');
  });

  it('leaves a locale that somebody chose', async () => {
    const session = await debug.launch(constructs, {
      env: { LC_ALL: '', LC_CTYPE: '', LANG: 'C' },
      run: 'IO.inspect({System.get_env("LANG"), System.get_env("LC_CTYPE") in [nil, ""]})',
    });
    assert.equal((await session.end()).stdout, '{"C", true}\n');
  });

  for (const [stackTraceMode, shown] of [
    ['all', true],
    ['no_tail', false],
  ] as const) {
    it(`with stackTraceMode ${stackTraceMode} shows ${shown ? 'the' : 'no'} callers of tail calls`, async () => {
      const session = await debug.launch(constructs, {
        run: 'Constructs.Basic.last_call(1)',
        args: { stackTraceMode },
        breakpoints: { [basic]: ['tail_call', 'twice'] },
      });
      await session.resume(await session.stop());
      const stop = await session.stop();
      assert.equal(stop.at, 'twice');
      const names = stop.frames.map(({ name }) => name);
      assert.equal(names.includes('Constructs.Basic.last_call/1'), shown, names.join(', '));
    });
  }
});

describe('a launch that cannot work is refused with the next step to take', () => {
  const debug = sessions();
  let constructs: Fixture;
  before(async () => (constructs = await fixture('constructs')));

  const refusals: [what: string, args: Record<string, unknown>, message: RegExp][] = [
    ['an unknown engine', { engine: 'quantum' }, /engine.*(auto|interpreter|traditional)/is],
    ['taskArgs of a wrong type', { taskArgs: 'run' }, /taskArgs/],
    ['projectDir of a wrong type', { projectDir: 7 }, /projectDir/],
    ['env of a wrong type', { env: ['A=1'] }, /env/],
    ['coordination of a wrong type', { coordination: { enabled: 'yes' } }, /coordination/],
    ['an unknown console', { console: 'paper' }, /console/],
    ['an unknown program', { program: 'ruby' }, /program/],
    ['a project folder that is missing', { projectDir: '/nonexistent/project' }, /nonexistent/],
    ['iex without a terminal', { program: 'iex', console: 'internalConsole' }, /terminal/i],
    ['a script that is missing', { script: 'no_such.exs' }, /no_such\.exs/],
    ['an Elixir that is not there', { elixirPath: '/nonexistent/elixir' }, /elixir/i],
    ['an envFile that is missing', { envFile: 'no.env' }, /no\.env/],
  ];
  for (const [what, args, message] of refusals) {
    it(what, async () => {
      const session = debug.open(constructs);
      await session.client.request('initialize', { adapterID: 'elixir' });
      const refused = await session.client.refused(
        'launch',
        launchArguments(constructs, { ...('script' in args ? {} : { run: ':ok' }), args }),
      );
      assert.match(refused.text, message);
    });
  }

  it('a folder without mix.exs', async () => {
    const session = debug.open(await fixture('scripts'));
    await session.client.request('initialize', { adapterID: 'elixir' });
    const refused = await session.client.refused('launch', launchArguments(session.project, { run: ':ok' }));
    assert.match(refused.text, /mix\.exs/);
  });

  /** These may show before or after the launch was answered; either way the user learns why, and the session ends. */
  const endsWith = async (project: Fixture, args: Record<string, unknown>, reason: RegExp) => {
    try {
      const session = await debug.launch(project, { args });
      const { exitCode } = await session.end();
      assert.notEqual(exitCode, 0);
      assert.match(
        session.client
          .seen('output')
          .map(({ output }) => output)
          .join(''),
        reason,
      );
    } catch (error) {
      if (!(error instanceof RequestFailed)) throw error;
      assert.match(error.text, reason);
    }
  };

  it('a project that does not compile', async () => {
    const broken = await fixtureCopy('broken');
    try {
      await endsWith(broken, { task: 'run' }, /undefined_variable|compil/i);
    } finally {
      broken.remove();
    }
  });

  it('an Erlang without its debugger application, naming the package', async () => {
    const erlang = withoutDebugger();
    try {
      const session = debug.open(constructs);
      await session.client.request('initialize', { adapterID: 'elixir' });
      const refused = await session.client.refused(
        'launch',
        launchArguments(constructs, { run: ':ok', args: { erlPath: path.join(erlang, 'bin') } }),
      );
      assert.match(refused.text, /debugger application is missing.*apt install erlang-debugger/s);
      assert.equal(session.client.seen('output').length, 0, 'nothing was started');
    } finally {
      rmSync(erlang, { recursive: true });
    }
  });

  it('an unknown task', () => endsWith(constructs, { task: 'nonsense.task' }, /nonsense\.task/));
});
