// Everything the adapter decides before it starts a program: arguments, plan, environment, command lines.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { applyChanges, environmentChanges, localeChanges, parseEnvFile } from '../../adapter/beam/environment';
import { cacheDir } from '../../adapter/beam/cacheDir';
import { command, erlFlag } from '../../adapter/beam/command';
import { parseArguments } from '../../adapter/errors';
import {
  agentPattern,
  configureForLaunch,
  engineFor,
  patternNotices,
  unknownArgumentNotices,
  programArguments,
  resolveLaunch,
} from '../../adapter/launchPlan';
import { AttachArguments, InterpretModulesArguments, LaunchArguments } from '../../protocol/adapter';
import { Failure } from '../../protocol/failure';

const launch = (args: object): LaunchArguments => parseArguments('launch', LaunchArguments, args, 'user');

function failure(code: string, words: RegExp): (thrown: unknown) => boolean {
  return (thrown) => {
    assert.ok(thrown instanceof Failure);
    assert.equal(thrown.code, code);
    assert.match(thrown.message, words);
    return true;
  };
}

describe('launch arguments', () => {
  it('have the defaults that are documented', () => {
    const args = launch({ type: 'elixir', request: 'launch', name: 'x', __sessionId: 'y' });
    assert.equal(args.exitAfterTaskReturns, true);
    assert.equal(args.breakOnDbg, true);
    assert.equal(args.debugAutoInterpretAllModules, true);
    assert.equal(args.justMyCode, true);
    assert.equal(args.startApps, false);
    assert.equal(args.console, 'internalConsole');
    assert.equal(args.engine, 'auto');
    assert.deepEqual(args.coordination, {
      enabled: true,
      strategy: 'demand-driven',
      scope: 'conservative',
      performanceMonitoring: true,
      memoryThreshold: 104_857_600,
      fallbackTimeout: 2000,
    });
  });

  it('are refused with the name of the field', () => {
    const wrong: [object, RegExp][] = [
      [{ taskArgs: 'x' }, /"taskArgs" of the request "launch" must be a list/],
      [{ taskArgs: ['x', 1] }, /"taskArgs\.1"/],
      [{ engine: 'fast' }, /"engine".*"auto", "interpreter", "traditional"/],
      [{ console: true }, /"console".*"internalConsole"/],
      [{ env: { A: {} } }, /"env\.A"/],
      [{ env: ['A'] }, /"env"/],
      [{ env: { 'A=B': '1' } }, /"env/],
      [{ coordination: { strategy: 'clever' } }, /"coordination\.strategy".*"demand-driven"/],
      [{ coordination: { memoryThreshold: 'much' } }, /"coordination\.memoryThreshold".*100MB/],
      [{ coordination: { fallbackTimeout: 2 ** 31 } }, /"coordination\.fallbackTimeout".*2147483647/],
      [{ coordination: { fallbackTimeout: '50000min' } }, /"coordination\.fallbackTimeout".*2147483647/],
      [{ task: 'test --trace' }, /"task".*taskArgs/],
      [{ noDebug: 'yes' }, /"noDebug"/],
      [{ stackTraceMode: 'some' }, /"stackTraceMode"/],
      [{ maxThreads: 0.5 }, /"maxThreads"/],
      [[], /arguments of "launch"/],
    ];
    for (const [args, words] of wrong) assert.throws(() => launch(args), failure('invalidArguments', words));
  });

  it('take numbers, truth values and null in env, and units in sizes', () => {
    const args = launch({
      env: { A: 1, B: true, C: null },
      coordination: { memoryThreshold: '2MB', fallbackTimeout: 50 },
    });
    assert.deepEqual(args.env, { A: '1', B: 'true', C: null });
    assert.equal(args.coordination.memoryThreshold, 2 * 1024 * 1024);
    assert.equal(args.coordination.fallbackTimeout, 50);
  });

  it('of requests are said to be wrong in words', () => {
    const parse = (modules: unknown) => () =>
      parseArguments('interpretModules', InterpretModulesArguments, { modules, strategy: 'queued' }, 'expected');
    assert.throws(parse('A'), failure('invalidArguments', /"modules".* must be a list, but is "A"/));
    assert.throws(parse([1]), failure('invalidArguments', /"modules\.0".* must be a string, but is 1/));
  });

  it('of attach need a full node name', () => {
    for (const remoteNode of [undefined, 7, 'app', '@host', 'a b@c']) {
      assert.throws(
        () => parseArguments('attach', AttachArguments, { remoteNode }, 'user'),
        failure('invalidArguments', /"remoteNode"/),
      );
    }
  });
});

describe('launch plan', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'adapter launch '));
    writeFileSync(path.join(folder, 'mix.exs'), '');
    writeFileSync(path.join(folder, 'run.exs'), '');
  });
  after(() => rmSync(folder, { recursive: true }));

  const resolve = (args: object): ReturnType<typeof resolveLaunch> =>
    resolveLaunch(launch({ projectDir: folder, ...args }));

  it('runs mix by default, elixir for a script, and passes arguments as they are', async () => {
    const test = { task: 'test', taskArgs: ['a b', '--trace'] };
    const mix = await resolve(test);
    assert.equal(mix.name, 'mix test');
    assert.deepEqual(programArguments(mix, launch(test)), ['-e', ':ecd_mix.main', '--', 'test', 'a b', '--trace']);
    const script = await resolve({ script: 'run.exs' });
    assert.equal(script.program, 'elixir');
    const scriptPath = path.join(folder, 'run.exs');
    assert.deepEqual(programArguments(script, launch({ taskArgs: ['x'] })), [
      '-e',
      ':ecd_script.main',
      '--',
      scriptPath,
      'x',
    ]);
    assert.equal((await resolve({ program: 'iex', console: 'integratedTerminal' })).name, 'iex -S mix');
  });

  it('says what is missing or contradicts itself', async () => {
    await assert.rejects(resolve({ program: 'elixir' }), failure('scriptMissing', /"script"/));
    await assert.rejects(resolve({ script: 'gone.exs' }), failure('scriptMissing', /gone\.exs/));
    await assert.rejects(resolve({ program: 'iex' }), failure('terminalNeeded', /terminal/));
    await assert.rejects(resolve({ program: 'mix', script: 'run.exs' }), failure('contradiction', /mix/));
    await assert.rejects(resolve({ task: 'run', script: 'run.exs' }), failure('contradiction', /task/));
    await assert.rejects(
      resolveLaunch(launch({ projectDir: path.join(folder, 'no') })),
      failure('projectMissing', /does not exist/),
    );
    await assert.rejects(resolveLaunch(launch({ projectDir: tmpdir() })), failure('projectMissing', /no mix project/));
    assert.equal((await resolveLaunch(launch({ projectDir: tmpdir(), taskArgs: ['--no-mix-exs'] }))).program, 'mix');
  });

  it('tells the agent what it needs', async () => {
    const args = launch({
      projectDir: folder,
      requireFiles: ['test/*.exs'],
      excludeModules: ['^Foo'],
      console: 'externalTerminal',
    });
    const configured = configureForLaunch(await resolveLaunch(args), args);
    assert.deepEqual(configured.requireFiles, [path.join(folder, 'test/*.exs')]);
    assert.deepEqual(configured.excludeModules, ['regex:^Foo']);
    assert.equal(configured.console, 'terminal');
    assert.equal(configured.attach, false);
  });

  it('takes the stock debugger when coordination is off and no engine is named', () => {
    assert.equal(engineFor(launch({ coordination: { enabled: false } })), 'traditional');
    assert.equal(engineFor(launch({ coordination: { enabled: false }, engine: 'interpreter' })), 'interpreter');
    assert.equal(engineFor(launch({})), 'auto');
  });
});

describe('module patterns', () => {
  it('are globs unless they hold what no glob has', () => {
    assert.equal(agentPattern('MyApp.*'), 'MyApp.*');
    assert.equal(agentPattern(':gen_?cp'), ':gen_?cp');
    for (const regex of ['^MyApp', 'App$', 'A\\.B', '(A|B)', '[AB]'])
      assert.equal(agentPattern(regex), `regex:${regex}`);
  });

  it('say so when they are read as regular expressions', () => {
    const notices = patternNotices(launch({ excludeModules: ['A.*', '^B'], stepFilters: ['C$'] }));
    assert.equal(notices.length, 2);
    assert.match(notices[0] ?? '', /"\^B" in "excludeModules"/);
  });
});

describe('unknown arguments', () => {
  it('are named with the argument that may be meant', () => {
    assert.deepEqual(unknownArgumentNotices('launch', { foo: 1, tsakArgs: [] }), [
      'The argument "foo" of this launch configuration is unknown and has no effect.',
      'The argument "tsakArgs" of this launch configuration is unknown and has no effect. Did you mean "taskArgs"?',
    ]);
    assert.match(unknownArgumentNotices('attach', { remotenode: 'a@b' })[0] ?? '', /Did you mean "remoteNode"\?/);
  });

  it('are none of those that are known, or that clients keep for themselves', () => {
    const own = {
      name: 'x',
      type: 'elixir',
      request: 'launch',
      preLaunchTask: 'y',
      presentation: {},
      __sessionId: 'z',
    };
    assert.deepEqual(unknownArgumentNotices('launch', { ...own, task: 'run', projectDir: '.', env: {} }), []);
  });
});

describe('environment', () => {
  it('names a locale only where none is set, as the platform spells it', () => {
    assert.deepEqual(localeChanges({ LANG: '', LC_TIME: 'de_DE' }, 'linux'), { LC_CTYPE: 'C.UTF-8' });
    assert.deepEqual(localeChanges({}, 'darwin'), { LC_CTYPE: 'UTF-8' });
    assert.deepEqual(localeChanges({}, 'win32'), {});
    for (const name of ['LC_ALL', 'LC_CTYPE', 'LANG']) assert.deepEqual(localeChanges({ [name]: 'C' }, 'linux'), {});
  });

  it('reads env files as shells and dotenv write them', () => {
    const text = `\uFEFF# comment
A=1
export B = two words # trailing
C='single # kept $X'
D="line\\nbreak \\"quoted\\""
E=
bad line
F=a=b#c`;
    assert.deepEqual(parseEnvFile(text), {
      A: '1',
      B: 'two words',
      C: 'single # kept $X',
      D: 'line\nbreak "quoted"',
      E: '',
      F: 'a=b#c',
    });
  });

  it('lets env win over envFile, and puts chosen executables first', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'adapter-env-'));
    try {
      writeFileSync(path.join(folder, '.env'), 'A=file\nB=file\n');
      const request = { env: { A: 'own', C: null }, envFile: '.env', elixirPath: folder, baseDir: folder };
      const own = { PATH: '/usr/bin', C: 'gone' };
      const changes = await environmentChanges(request, own);
      assert.deepEqual(applyChanges(own, changes), { A: 'own', B: 'file', PATH: `${folder}${path.delimiter}/usr/bin` });
      await assert.rejects(environmentChanges({ ...request, envFile: 'no' }, own), failure('envFileMissing', /no/));
      await assert.rejects(
        environmentChanges({ ...request, erlPath: 'no' }, own),
        failure('executableMissing', /"erlPath"/),
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('has its cache where the system wants it', () => {
    assert.equal(cacheDir({ XDG_CACHE_HOME: '/c' }, 'linux'), '/c/elixir-coordinated-debugger');
    assert.match(cacheDir({ XDG_CACHE_HOME: 'relative' }, 'linux'), /\.cache/);
    assert.match(cacheDir({}, 'darwin'), /Library\/Caches/);
    assert.match(cacheDir({ LOCALAPPDATA: '/local' }, 'win32'), /^\/local/);
  });
});

describe('command lines', () => {
  it('start programs directly, and batch files through cmd.exe with everything quoted', () => {
    assert.deepEqual(command('/usr/bin/elixir', ['a b'], 'linux'), {
      file: '/usr/bin/elixir',
      args: ['a b'],
      verbatim: false,
    });
    const { args, verbatim } = command('C:\\Elixir\\bin\\elixir.bat', ['x.exs', 'a & b', '"%PATH%"'], 'win32');
    assert.equal(verbatim, true);
    assert.deepEqual(args.slice(0, 3), ['/d', '/s', '/c']);
    const line = args[3] ?? '';
    assert.match(line, /^"C:\\Elixir\\bin\\elixir\.bat /);
    // No character that cmd.exe acts on stays without its caret.
    assert.doesNotMatch(line.slice(1, -1), /(?<!\^)[&%|<>"]/);
  });

  it('quote words of ERL_AFLAGS', () => {
    assert.equal(erlFlag('/home/me/ebin'), '/home/me/ebin');
    assert.equal(erlFlag('/my home/e"bin'), '"/my home/e\\"bin"');
  });
});
