// What the test explorer hears of a run of ExUnit: the real reporter in a real `mix test`, started by the real adapter.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as net from 'node:net';
import * as path from 'node:path';
import type { TestReport } from '../../protocol/testReport';
import { ReportServer } from '../../src/testing/reportServer';
import { fixture, fixtureCopy, type Fixture } from '../support/fixture';
import { root } from '../support/paths';
import { sessions } from '../support/session';

type Finished = Extract<TestReport, { event: 'testFinished' }>;
type Covered = Extract<TestReport, { event: 'covered' }>;

/** Says whether this Elixir knows parameters; one that does not runs the test once, without any. */
const PARAMETERS = `IO.puts("parameters #{Map.has_key?(struct(ExUnit.Test), :parameters)}")

defmodule ParametersTest do
  use ExUnit.Case, async: true, parameterize: [%{number: 1}, %{number: 2}]

  test "is one", context do
    assert Map.get(context, :number, 1) == 1
  end
end
`;

const reporter = path.join(root, 'src', 'testing', 'exunit_reporter.ex');

describe('the ExUnit reporter', () => {
  const debug = sessions();
  let project: Fixture;
  before(async () => (project = await fixture('tested')));

  async function report(args: string[], more: { coverage?: boolean; of?: Fixture } = {}) {
    const reports: TestReport[] = [];
    const refused: string[] = [];
    const server = await ReportServer.listen(
      (heard) => reports.push(heard),
      (why) => refused.push(why),
    );
    const session = await debug.launch(more.of ?? project, {
      args: {
        task: 'test',
        taskArgs: [
          ...args,
          '--formatter',
          'ElixirCoordinatedDebugger.TestReporter',
          '--formatter',
          'ExUnit.CLIFormatter',
          ...['--seed', '0'],
        ],
        requireFiles: [reporter],
        noDebug: true,
        env: { ECD_TEST_REPORT: server.address, ...(more.coverage === true ? { ECD_TEST_COVERAGE: '1' } : {}) },
      },
    });
    const end = await session.end();
    await server.close();
    assert.deepEqual(refused, []);
    return { end, reports };
  }

  const finished = (reports: TestReport[]): Finished[] =>
    reports.filter((each): each is Finished => each.event === 'testFinished');
  const outcomes = (reports: TestReport[]): Record<string, string> =>
    Object.fromEntries(finished(reports).map(({ name, outcome }) => [name, outcome]));

  it('tells the outcome of every test, with its place', async () => {
    const { end, reports } = await report(['test/tested_test.exs']);
    assert.equal(end.exitCode, 2);
    assert.deepEqual(outcomes(reports), {
      'doctest Tested.double/1 (1)': 'passed',
      'doctest Tested.double/1 (2)': 'passed',
      'test passes': 'passed',
      'test differs': 'failed',
      'test inside a block matches': 'failed',
      'test inside a block waits': 'skipped',
      'test made first': 'passed',
      'test made second': 'failed',
    });
    const test = project.file('test/tested_test.exs');
    for (const { file } of finished(reports)) assert.equal(file, test);
    const differs = finished(reports).find(({ name }) => name === 'test differs');
    assert(differs);
    assert.equal(differs.line, project.line('test/tested_test.exs', 'test "differs"'));
    assert.equal(reports.filter(({ event }) => event === 'suiteFinished').length, 1);
  });

  it('tells both sides of an assertion, and the stack with files', async () => {
    const { reports } = await report(['test/tested_test.exs']);
    const [differs] = finished(reports).filter(({ name }) => name === 'test differs');
    const [failure] = differs?.failures ?? [];
    assert(failure);
    assert.equal(failure.expected, '3');
    assert.equal(failure.actual, '2');
    assert.match(failure.message, /^Assertion with == failed\n/);
    const inTest = failure.stack.find(({ file }) => file === project.file('test/tested_test.exs'));
    assert.equal(inTest?.line, project.line('test/tested_test.exs', 'assert Tested.double(1) == 3'));

    const [matches] = finished(reports).filter(({ name }) => name === 'test inside a block matches');
    assert.equal(matches?.failures[0]?.expected, '{:ok, _}');
    assert.equal(matches.failures[0].actual, '{:error, "tëxt \\"quoted\\"\\n"}');
  });

  it('runs one test alone when a line is given', async () => {
    const line = project.line('test/tested_test.exs', 'test "passes"');
    const { end, reports } = await report([`test/tested_test.exs:${line}`]);
    assert.equal(end.exitCode, 0);
    const ran = finished(reports).filter(({ outcome }) => outcome !== 'excluded');
    assert.deepEqual(
      ran.map(({ name }) => name),
      ['test passes'],
    );
  });

  it('tells a setup_all that failed, for the module', async () => {
    const { reports } = await report(['test/setup_test.exs']);
    const failed = reports.filter((each) => each.event === 'moduleFailed');
    assert.equal(failed.length, 1);
    assert.equal(failed[0]?.module, 'SetupTest');
    assert.match(failed[0].failures[0]?.message ?? '', /nothing can be set up/);
    assert.deepEqual(outcomes(reports), { 'test never gets there': 'invalid' });
  });

  it('tells each run of a test with parameters, and which of them failed', async () => {
    const copy = await fixtureCopy('tested', { compiled: true });
    try {
      copy.write('test/parameters_test.exs', PARAMETERS);
      const { end, reports } = await report(['test/parameters_test.exs'], { of: copy });
      const runs = finished(reports).map(({ name, outcome }) => `${name} ${outcome}`);
      const [failure] = finished(reports).flatMap(({ failures }) => failures);
      if (end.stdout.includes('parameters true')) {
        assert.deepEqual(runs.sort(), ['test is one failed', 'test is one passed']);
        assert.match(failure?.message ?? '', /^Parameters: %\{number: 2\}\nAssertion with == failed\n/);
      } else {
        assert.match(end.stdout, /parameters false/);
        assert.deepEqual(runs, ['test is one passed']);
      }
    } finally {
      copy.remove();
    }
  });

  it('counts the lines that ran, when asked', async () => {
    const { end, reports } = await report(['test/tested_test.exs'], { coverage: true });
    assert.doesNotMatch(end.stderr, /warning/);
    const covered = reports.filter((each): each is Covered => each.event === 'covered');
    assert.deepEqual(
      covered.map(({ module, file }) => [module, file]),
      [['Tested', project.file('lib/tested.ex')]],
    );
    const lines = new Map(covered[0]?.lines);
    assert.equal(lines.get(project.line('lib/tested.ex', 'number * 2')), 4);
    assert.equal(lines.get(project.line('lib/tested.ex', 'div(number, 2)')), 0);
  });

  it('does not hand its address on to programs that the tests start', async () => {
    const { end } = await report(['test/tested_test.exs']);
    assert.match(end.stdout, /first inherits false/);
  });
});

describe('the server of test reports', () => {
  async function refusal(send: (socket: net.Socket, token: string) => void): Promise<string[]> {
    const refused: string[] = [];
    let tell: () => void = () => undefined;
    const told = new Promise<void>((resolve) => (tell = resolve));
    const server = await ReportServer.listen(
      () => assert.fail('nothing is to be heard'),
      (why) => {
        refused.push(why);
        tell();
      },
    );
    const [port, token = ''] = server.address.split(':');
    const socket = net.connect(Number(port), '127.0.0.1');
    await once(socket, 'connect');
    send(socket, token);
    await told;
    socket.destroy();
    await server.close();
    return refused;
  }

  it('closes a connection with another token', async () => {
    assert.deepEqual(await refusal((socket) => socket.write('something else\n')), ['wrong token']);
  });

  it('says what is wrong with a line and reads on', async () => {
    assert.deepEqual(await refusal((socket, token) => socket.write(`${token}\nno json\n`)), ['a line is no JSON']);
    const [why] = await refusal((socket, token) => socket.write(`${token}\n{"event":"unheard"}\n`));
    assert.match(why ?? '', /^a report is malformed: /);
  });

  it('ends a connection whose line never ends', async () => {
    const endless = (socket: net.Socket, token: string): void => {
      socket.on('error', () => undefined);
      socket.write(`${token}\n`);
      const more = (): void => {
        while (!socket.destroyed && socket.write('x'.repeat(1024 * 1024)));
      };
      socket.on('drain', more);
      more();
    };
    assert.deepEqual(await refusal(endless), ['a line is too long']);
  });
});
