// DAP messages on a byte stream: cut anywhere, broken anywhere.
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { Connection, MessageParser, type Listener } from '../../adapter/connection';
import { Log } from '../../adapter/log';

function frame(body: string): Buffer {
  return Buffer.from(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}

describe('DAP message parser', () => {
  it('delivers every body, however the stream is cut', () => {
    const bodies = fc.array(fc.string({ unit: 'grapheme', minLength: 1 }), { maxLength: 5 });
    fc.assert(
      fc.property(bodies, fc.infiniteStream(fc.integer({ min: 1, max: 30 })), (sent, cuts) => {
        const stream = Buffer.concat(sent.map(frame));
        const received: string[] = [];
        const parser = new MessageParser(
          (text) => received.push(text),
          (reason) => assert.fail(reason),
        );
        for (let at = 0; at < stream.length;) {
          const size = cuts.next().value as number;
          parser.push(stream.subarray(at, at + size));
          at += size;
        }
        assert.deepEqual(received, sent);
      }),
    );
  });

  it('reports a header without a length, or with an impossible one, and goes on', () => {
    const received: string[] = [];
    const parser = new MessageParser(
      (text) => received.push(text),
      () => received.push('broken'),
    );
    parser.push(Buffer.from('Content-Type: x\r\n\r\n'));
    parser.push(Buffer.from('Content-Length: 99999999999\r\n\r\n'));
    parser.push(frame('{}'));
    assert.deepEqual(received, ['broken', 'broken', '{}']);
  });

  it('does not collect a header for ever', () => {
    let broken = 0;
    const parser = new MessageParser(
      () => assert.fail(),
      () => broken++,
    );
    for (let i = 0; i < 100; i++) parser.push(Buffer.alloc(1024, 'x'));
    assert.ok(broken > 0);
  });
});

describe('DAP connection', () => {
  function connect(): { input: PassThrough; output: PassThrough; connection: Connection; heard: string[] } {
    const [input, output] = [new PassThrough(), new PassThrough()];
    const connection = new Connection(input, output, new Log('stderr', 'error', 'test'));
    const heard: string[] = [];
    const listener: Listener = {
      request: ({ command }) => heard.push(command),
      malformed: (reason, seq) => heard.push(`${String(seq)}: ${reason}`),
      closed: () => heard.push('closed'),
    };
    connection.listen(listener);
    return { input, output, connection, heard };
  }

  it('tells requests from what is none', () => {
    const { input, heard } = connect();
    for (const body of [
      '{bad',
      '[]',
      '{"type":"event"}',
      '{"type":"request","command":"x"}',
      '{"type":"request","seq":4}',
      '{"type":"request","seq":5,"command":"threads"}',
      '{"type":"response","request_seq":99}',
    ]) {
      input.write(frame(body));
    }
    assert.deepEqual(heard, [
      'null: a message that is not JSON',
      'null: a message that is not an object',
      'null: a message that is neither request nor response',
      'null: a request without a number',
      '4: a request without a command',
      'threads',
    ]);
  });

  it('matches the answers of the client to what was asked of it', async () => {
    const { input, connection } = connect();
    const asked = connection.request('runInTerminal', {}, 1000);
    const refused = connection.request('runInTerminal', {}, 1000);
    input.write(frame('{"type":"response","request_seq":2,"success":false,"message":"no"}'));
    input.write(frame('{"type":"response","request_seq":1,"success":true,"body":{"processId":7}}'));
    assert.deepEqual(await asked, { processId: 7 });
    await assert.rejects(refused, /refused.*no/);
  });

  it('gives up what it asked when the client goes', async () => {
    const { input, connection, heard } = connect();
    const asked = connection.request('runInTerminal', {}, 60_000);
    input.end();
    await assert.rejects(asked, /gone/);
    assert.deepEqual(heard, ['closed']);
  });

  it('says when the client reads too slowly', async () => {
    const { output, connection } = connect();
    assert.equal(connection.writable, true);
    connection.event('output', { output: 'x'.repeat(1_000_000) });
    assert.equal(connection.writable, false);
    const drained = new Promise<void>((resolve) => connection.drained(resolve));
    output.resume();
    await drained;
    assert.equal(connection.writable, true);
  });
});
