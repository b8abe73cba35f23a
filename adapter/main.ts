// Entry of the debug adapter: DAP over stdio, or over a loopback port with --server=PORT; with --check=JSON only a look at
// the machine. Ends with its client and leaves nothing running.
import { createServer } from 'node:net';
import { TELLS_FAILED_START } from '../protocol/adapter';
import { checkEnvironment } from './check';
import { Connection } from './connection';
import { takeServerPair, type ServerPair } from './coordination/serverPair';
import { Log, type LogLevel, type LogTarget } from './log';
import { REQUESTS } from './requests/table';
import { Session } from './session';

/** ms for ending programs after a signal; after that the process ends all the same. */
const SHUTDOWN_TIMEOUT = 4_000;

const LEVELS: readonly string[] = ['error', 'warn', 'info', 'debug', 'trace'] satisfies LogLevel[];

const sessions = new Set<Session>();

function openLog(session: string): Log {
  const { ECD_LOG: file, ECD_LOG_LEVEL: level } = process.env;
  const target: LogTarget = file === undefined || file === '' || file === 'stderr' ? 'stderr' : { file };
  const usual = file === undefined || file === '' ? 'error' : 'debug';
  return new Log(target, LEVELS.includes(level ?? '') ? (level as LogLevel) : usual, session);
}

function serve(
  input: NodeJS.ReadStream | import('node:net').Socket,
  output: NodeJS.WriteStream | import('node:net').Socket,
  server: ServerPair | null,
): Session {
  const log = openLog(`${process.pid}-${sessions.size + 1}`);
  const session = new Session(new Connection(input, output, log), log, server, REQUESTS);
  sessions.add(session);
  log.info('adapter.start', 'session begins');
  session.start();
  void session.finished.then(() => {
    sessions.delete(session);
    log.info('adapter.end', 'session ends');
  });
  return session;
}

async function overStdio(server: ServerPair | null): Promise<void> {
  const session = serve(process.stdin, process.stdout, server);
  session.client.tellsFailedStart = process.argv.includes(TELLS_FAILED_START);
  await session.finished;
  await session.connection.flush();
  process.exit(0);
}

function overPort(port: number): void {
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    // A token is for one session; these are told by `setCoordinationServer` where theirs is.
    const session = serve(socket, socket, null);
    void session.finished.then(() => socket.end());
  });
  server.on('error', (error) => {
    process.stderr.write(`cannot listen on port ${port}: ${error.message}\n`);
    process.exit(1);
  });
  // The line is the only thing on stdout: whoever starts us with port 0 reads the port from it.
  server.listen(port, '127.0.0.1', () => {
    const address = server.address();
    if (typeof address === 'object' && address !== null)
      process.stdout.write(`listening on 127.0.0.1:${address.port}\n`);
  });
}

async function lookAround(request: string): Promise<void> {
  const answer = await checkEnvironment(request, openLog(String(process.pid)));
  process.stdout.write(`${JSON.stringify(answer)}\n`, () => process.exit(0));
}

/** Ends every program, politely as long as there is time. */
async function shutDown(exitCode: number): Promise<never> {
  const force = setTimeout(() => {
    for (const session of sessions) session.lifecycle.kill();
    process.exit(exitCode);
  }, SHUTDOWN_TIMEOUT);
  await Promise.all([...sessions].map((session) => session.close()));
  clearTimeout(force);
  process.exit(exitCode);
}

function main(): void {
  // Before anything else runs, so that nothing can inherit it.
  const server = takeServerPair(process.env);
  for (const [signal, number] of [
    ['SIGTERM', 15],
    ['SIGINT', 2],
    ['SIGHUP', 1],
  ] as const) {
    process.once(signal, () => void shutDown(128 + number));
  }
  const fault = (thrown: unknown): void => {
    const stack = thrown instanceof Error ? thrown.stack : String(thrown);
    openLog(String(process.pid)).error('adapter.fault', 'the adapter failed', { stack });
    void shutDown(70);
  };
  process.once('uncaughtException', fault);
  process.once('unhandledRejection', fault);

  const given = (name: string): string | undefined => process.argv.slice(2).find((each) => each.startsWith(name));
  const check = given('--check=');
  if (check !== undefined) {
    void lookAround(check.slice('--check='.length));
    return;
  }
  const option = given('--server=');
  if (option === undefined) {
    void overStdio(server);
    return;
  }
  const port = Number(option.slice('--server='.length));
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    process.stderr.write(`${option} names no port: use --server=4711, or --server=0 for any.\n`);
    process.exit(64);
  }
  overPort(port);
}

main();
