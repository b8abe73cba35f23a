// What the program writes, and with which exit code it ends.
import assert from 'node:assert/strict';
import { fixture, type Fixture } from '../support/fixture';
import { sessions } from '../support/session';

describe('output', () => {
  const debug = sessions();
  let constructs: Fixture;
  before(async () => (constructs = await fixture('constructs')));

  it('is passed on exactly as written, stdout and stderr apart', async () => {
    const session = await debug.launch(constructs, { run: 'Constructs.Output.streams()' });
    const { stdout, stderr } = await session.end();
    assert.equal(stdout, 'no newline, still none\numlaut ä, kanji 世, emoji 🎉\ntail without newline');
    assert.equal(stderr, 'to stderr\n');
  });

  it('comes complete and before `exited`, also when there is much of it', async () => {
    const session = await debug.launch(constructs, { run: 'Constructs.Output.much(20_000)' });
    const { stdout } = await session.end();
    const expected = Array.from({ length: 20_000 }, (_, i) => `line ${i + 1} äöü\n`).join('');
    assert.equal(stdout.length, expected.length);
    assert(stdout === expected, 'every character is right');
    const events = session.client.transcript
      .map(({ message }) => message as { type: string; event?: string; body?: { category?: string } })
      .filter(({ type }) => type === 'event');
    const exited = events.findIndex(({ event }) => event === 'exited');
    const late = events.slice(exited).filter(({ event, body }) => event === 'output' && body?.category === 'stdout');
    assert.deepEqual(late, []);
  });

  it('of a program that asks is answered by an empty stdin, with a hint', async () => {
    const session = await debug.launch(constructs, { run: 'Constructs.Output.asks()' });
    const { stdout } = await session.end();
    assert.match(stdout, /eof/);
    const hint = session.client.seen('output').find(({ output }) => /integratedTerminal/.test(output));
    assert(hint, 'a hint names the console that has a stdin');
  });
});

describe('the exit code', () => {
  const debug = sessions();
  let constructs: Fixture;
  before(async () => (constructs = await fixture('constructs')));

  const codes: [run: string, code: number | 'not 0'][] = [
    [':ok', 0],
    ['Constructs.Output.stop_with(3)', 3],
    ['Constructs.Output.halt_with(4)', 4],
    ['System.stop(5); Process.sleep(:infinity)', 5],
    ['Constructs.Output.crash()', 'not 0'],
    ['exit(:boom)', 'not 0'],
    ['exit(:normal)', 0],
  ];
  for (const [run, expected] of codes) {
    it(`of ${run} is ${expected}`, async () => {
      const session = await debug.launch(constructs, { run });
      const { exitCode } = await session.end();
      if (expected === 'not 0') assert.notEqual(exitCode, 0);
      else assert.equal(exitCode, expected);
      assert.equal(session.client.seen('exited').length, 1);
      assert.equal(session.client.seen('terminated').length, 1);
    });
  }

  it('is that of the program also when it was stopped before', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.main(); System.halt(9)',
      breakpoints: { 'lib/constructs/basic.ex': ['first'] },
    });
    await session.resume(await session.stop());
    assert.equal((await session.end()).exitCode, 9);
  });
});
