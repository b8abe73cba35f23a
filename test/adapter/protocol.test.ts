// The protocol itself: every request, in every state, well-formed or not, is answered exactly once (the client checks
// that at the end of each session), and broken input ends nothing that it need not.
import assert from 'node:assert/strict';
import { fixture, type Fixture } from '../support/fixture';
import { launchArguments, sessions, type Session } from '../support/session';

/** Requests of DAP with arguments that fit, and whether a debugger without such a capability must refuse them. */
const supported: Record<string, object> = {
  setBreakpoints: { source: { path: '/nowhere.ex' }, breakpoints: [{ line: 1 }] },
  setFunctionBreakpoints: { breakpoints: [] },
  setExceptionBreakpoints: { filters: [] },
  breakpointLocations: { source: { path: '/nowhere.ex' }, line: 1 },
  threads: {},
  stackTrace: { threadId: 987_654 },
  scopes: { frameId: 1 },
  variables: { variablesReference: 1 },
  setVariable: { variablesReference: 1, name: 'a', value: '1' },
  evaluate: { expression: '1' },
  completions: { text: 'En', column: 3 },
  continue: { threadId: 987_654 },
  next: { threadId: 987_654 },
  stepIn: { threadId: 987_654 },
  stepInTargets: { frameId: 1 },
  stepOut: { threadId: 987_654 },
  pause: { threadId: 987_654 },
  exceptionInfo: { threadId: 987_654 },
  modules: {},
  loadedSources: {},
  source: { sourceReference: 1 },
  terminateThreads: { threadIds: [987_654] },
  cancel: { requestId: 999_999 },
};
const unsupported = [
  'stepBack',
  'reverseContinue',
  'goto',
  'gotoTargets',
  'restartFrame',
  'readMemory',
  'writeMemory',
  'disassemble',
  'dataBreakpointInfo',
  'setDataBreakpoints',
  'setInstructionBreakpoints',
  'setExpression',
  'locations',
  'somethingElse',
];
const malformed: unknown[] = [
  undefined,
  null,
  7,
  'text',
  [],
  {
    threadId: 'one',
    frameId: {},
    variablesReference: 'x',
    source: 3,
    breakpoints: 'all',
    lines: 'no',
    filters: {},
    expression: 5,
    text: 1,
    column: 'b',
    threadIds: 'all',
    requestId: {},
  },
];

describe('every request is answered once', () => {
  const debug = sessions();
  let constructs: Fixture;
  before(async () => (constructs = await fixture('constructs')));

  const askEverything = async (session: Session) => {
    for (const [command, args] of Object.entries(supported)) {
      for (const variant of [args, ...malformed]) {
        const answer = await session.client.ask(command, variant);
        assert.equal(answer.command, command);
        if (!answer.success)
          assert(JSON.stringify(answer).includes(command), `the refusal names ${command}: ${JSON.stringify(answer)}`);
      }
    }
    for (const command of unsupported) {
      const refused = await session.client.refused(command, {});
      assert.match(refused.text, new RegExp(command));
    }
  };

  it('before initialize', async () => {
    const session = debug.open(constructs);
    await askEverything(session);
    assert.match(
      (await session.client.refused('launch', launchArguments(constructs, { run: ':ok' }))).text,
      /initialize/,
    );
  });

  it('before launch', async () => {
    const session = debug.open(constructs);
    await session.client.request('initialize', { adapterID: 'elixir' });
    await askEverything(session);
  });

  it('while the program runs', async () => {
    const session = await debug.launch(constructs, { run: 'Constructs.Processes.ticking()', until: 'started' });
    await askEverything(session);
    await session.tell('Constructs.Processes.stop_ticking()');
    assert.match((await session.end()).stdout, /ticking: ended/);
  });

  it('while a process is stopped, which stays stopped', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.main()',
      breakpoints: { 'lib/constructs/basic.ex': ['first'] },
    });
    const stop = await session.stop();
    const quiet = Object.fromEntries(
      Object.entries(supported).filter(
        ([command]) => !/continue|next|step(In|Out)$|terminateThreads|setBreakpoints/.test(command),
      ),
    );
    for (const [command, args] of Object.entries(quiet)) {
      for (const variant of [args, ...malformed]) await session.client.ask(command, variant);
    }
    const { stackFrames } = await session.client.request('stackTrace', { threadId: stop.threadId });
    assert.equal(stackFrames[0]?.line, stop.top.line);
    await session.resume(stop);
    assert.match((await session.end()).stdout, /main: 1 9 18 36/);
  });

  it('after the program has ended', async () => {
    const session = await debug.launch(constructs, { run: ':ok' });
    await session.end();
    await askEverything(session);
  });

  it('when a hundred come at once', async () => {
    const session = await debug.launch(constructs, { run: 'Constructs.Processes.ticking()', until: 'started' });
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        session.client.ask(['threads', 'modules', 'loadedSources', 'nothing'][i % 4] ?? '', {}),
      ),
    );
    assert.equal(answers.filter(({ success }) => success).length, 75);
  });

  it('also launch, initialize and configurationDone that come twice', async () => {
    const session = await debug.launch(constructs, { run: 'Constructs.Processes.ticking()', until: 'started' });
    assert((await session.client.refused('initialize', { adapterID: 'elixir' })).text.includes('initialize'));
    assert(
      (await session.client.refused('launch', launchArguments(constructs, { run: ':ok' }))).text.includes('launch'),
    );
    assert.equal((await session.client.ask('configurationDone', {})).command, 'configurationDone');
    await session.tell('Constructs.Processes.stop_ticking()');
    assert.match((await session.end()).stdout, /ticking: ended/);
  });
});

describe('initialize', () => {
  const debug = sessions();
  it('announces what there is', async () => {
    const session = debug.open(await fixture('constructs'));
    const capabilities = await session.client.request('initialize', { adapterID: 'elixir' });
    for (const name of [
      'supportsConfigurationDoneRequest',
      'supportsFunctionBreakpoints',
      'supportsConditionalBreakpoints',
      'supportsHitConditionalBreakpoints',
      'supportsLogPoints',
      'supportsEvaluateForHovers',
      'supportsClipboardContext',
      'supportsStepInTargetsRequest',
      'supportsCompletionsRequest',
      'supportsModulesRequest',
      'supportsRestartRequest',
      'supportsExceptionInfoRequest',
      'supportsLoadedSourcesRequest',
      'supportsTerminateRequest',
      'supportsTerminateThreadsRequest',
      'supportsCancelRequest',
      'supportsBreakpointLocationsRequest',
      'supportsExceptionFilterOptions',
      'supportsSingleThreadExecutionRequests',
    ] as const) {
      assert.equal(capabilities[name], true, name);
    }
    for (const name of [
      'supportsStepBack',
      'supportsGotoTargetsRequest',
      'supportsDataBreakpoints',
      'supportsReadMemoryRequest',
    ] as const) {
      assert(capabilities[name] !== true, name);
    }
  });

  it('accepts lines that start at 0', async () => {
    const constructs = await fixture('constructs');
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.main()',
      initialize: { linesStartAt1: false },
    });
    const line = constructs.line('lib/constructs/basic.ex', 'first') - 1;
    // The program may have ended by now; the answer is what counts.
    const answer = await session.client.ask<{ breakpoints: { line?: number; verified: boolean }[] }>('setBreakpoints', {
      source: { path: constructs.file('lib/constructs/basic.ex') },
      breakpoints: [{ line }],
    });
    if (answer.success && answer.body.breakpoints[0]?.verified === true)
      assert.equal(answer.body.breakpoints[0].line, line);
  });
});

describe('broken input', () => {
  const debug = sessions();
  let constructs: Fixture;
  before(async () => (constructs = await fixture('constructs')));

  const frame = (body: string) => `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

  for (const [what, bytes] of [
    ['JSON that does not parse', frame('{"seq": 1, "type": ')],
    ['a message that is no object', frame('[1, 2]')],
    ['a message of no known type', frame('{"seq": 1, "type": "greeting"}')],
    ['a request without a command', frame('{"seq": 4000, "type": "request"}')],
    ['null', frame('null')],
    ['a header that DAP does not know', `X-Strange: 1\r\n${frame('{"seq":4001,"type":"event","event":"x"}')}`],
  ] as const) {
    it(`(${what}) does not keep the adapter from answering the next request, or ends it cleanly`, async () => {
      const session = debug.open(constructs);
      await session.client.request('initialize', { adapterID: 'elixir' });
      session.client.sendRaw(bytes, 4000, 4001);
      const answer = await session.client.ask('threads', {}).catch(() => undefined);
      if (answer === undefined)
        assert.equal(await session.client.exited(), 1, 'the adapter ended, and said so by its exit code');
      else assert.equal(answer.command, 'threads');
    });
  }

  for (const [what, bytes] of [
    ['a length that is none', 'Content-Length: many\r\n\r\n{}'],
    ['no header at all', 'GET / HTTP/1.1\r\n\r\n'],
    ['a length beyond reason', 'Content-Length: 99999999999\r\n\r\n{}'],
  ] as const) {
    it(`(${what}) ends in an orderly way when the stream ends`, async () => {
      const session = debug.open(constructs);
      await session.client.request('initialize', { adapterID: 'elixir' });
      session.client.sendRaw(bytes);
      session.client.process.stdin.end();
      await session.client.exited();
    });
  }

  it('in the middle of a session leaves no program behind', async () => {
    const session = await debug.launch(constructs, { run: 'Constructs.Processes.ticking()', until: 'started' });
    session.client.sendRaw(frame('{"seq": 1, "type": '));
    const answer = await session.client.ask('threads', {}).catch(() => undefined);
    if (answer !== undefined) assert.equal(answer.command, 'threads');
  });

  it('cut into single bytes is read all the same', async () => {
    const session = debug.open(constructs);
    for (const byte of Buffer.from(
      frame(
        '{"seq":5000,"type":"request","command":"initialize","arguments":{"adapterID":"elixir","clientName":"ä世"}}',
      ),
    )) {
      session.client.sendRaw(Buffer.from([byte]), 5000);
    }
    assert.equal((await session.client.ask('threads', {})).command, 'threads');
  });
});
