// Writes messages to the coordination server's pipe. Knows the frame around a message and nothing of what is in it.
import type { Socket } from 'node:net';
import type { Disposable, Message, MessageWriter } from 'vscode-jsonrpc/node';
import type { Stopwatch } from './stopwatch';

/**
 * One write to the socket for each message, where the library's writer makes one for the headers and one for the body: each is
 * a system call here and wakes the server there. What fails is told by the promise of `write`, so that nobody needs the events.
 */
export class PipeWriter implements MessageWriter {
  constructor(
    private readonly socket: Socket,
    private readonly stopwatch: Stopwatch,
  ) {}

  readonly onError = (): Disposable => NOTHING;
  readonly onClose = (): Disposable => NOTHING;

  write(message: Message): Promise<void> {
    return new Promise((resolve, reject) => {
      this.stopwatch.measure(() => {
        const body = JSON.stringify(message);
        this.socket.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`, (error) => {
          if (error == null) resolve();
          else reject(error);
        });
      });
    });
  }

  end(): void {
    this.socket.end();
  }

  dispose(): void {
    // The socket is its owner's to close.
  }
}

const NOTHING: Disposable = { dispose: () => undefined };
