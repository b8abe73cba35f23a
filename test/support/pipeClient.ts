// An adapter's side of the coordination pipe, over a real socket. Knows the wire, not what is tested.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import {
  createMessageConnection,
  StreamMessageReader,
  StreamMessageWriter,
  type MessageConnection,
} from 'vscode-jsonrpc/node';
import {
  COORDINATION_VERSION,
  type CoordinationNotifications,
  type CoordinationRequests,
  type Plan,
  type SessionCommand,
  type SessionEvent,
  type SessionState,
} from '../../protocol/coordination';

export class PipeClient {
  readonly plans: Plan[] = [];
  readonly commands: SessionCommand[] = [];
  /** Resolves when the server ended the connection. */
  readonly closed: Promise<unknown>;

  private constructor(
    readonly socket: Socket,
    readonly connection: MessageConnection,
  ) {
    this.closed = once(socket, 'close');
    connection.onNotification('coordination/renewedPlan', (plan: Plan) => void this.plans.push(plan));
    connection.onNotification('coordination/command', (command: SessionCommand) => void this.commands.push(command));
    connection.listen();
  }

  static async connect(pipe: string): Promise<PipeClient> {
    const socket = connect(pipe);
    await once(socket, 'connect');
    socket.on('error', () => {
      // The server may end the connection while something is written: 'close' tells.
    });
    const silent = { error: () => undefined, warn: () => undefined, info: () => undefined, log: () => undefined };
    return new PipeClient(
      socket,
      createMessageConnection(new StreamMessageReader(socket), new StreamMessageWriter(socket), silent),
    );
  }

  greet(token: string, session: SessionState): Promise<CoordinationRequests['coordination/greet'][1]> {
    return this.request('coordination/greet', { version: COORDINATION_VERSION, token, session });
  }

  plan(event: SessionEvent): Promise<Plan> {
    return this.request('coordination/plan', { events: [event] });
  }

  event(event: SessionEvent): Promise<void> {
    return this.notify('coordination/events', { events: [event] });
  }

  request<M extends keyof CoordinationRequests>(
    method: M,
    params: CoordinationRequests[M][0],
  ): Promise<CoordinationRequests[M][1]> {
    return this.connection.sendRequest(method, params);
  }

  notify<M extends keyof CoordinationNotifications>(method: M, params: CoordinationNotifications[M]): Promise<void> {
    return this.connection.sendNotification(method, params);
  }

  end(): void {
    this.connection.dispose();
    this.socket.destroy();
  }
}

/** A session as an adapter tells it at its start. */
export function sessionState(id: string, changes: Partial<SessionState> = {}): SessionState {
  return {
    id,
    name: 'mix run',
    projectDir: '/project',
    builds: [],
    engine: 'interpreter',
    otp: 25,
    elixir: '1.14.0',
    startedAt: 1_000,
    mode: {
      enabled: true,
      strategy: 'demand-driven',
      scope: 'conservative',
      memoryThreshold: 100 * 1024 * 1024,
    },
    paused: false,
    justMyCode: true,
    breakpoints: [],
    stopped: [],
    prepared: [],
    ...changes,
  };
}

/** A stop of thread 1 with these modules on the stack, top frame first. */
export function stopped(at: number, ...modules: string[]): SessionEvent {
  return {
    kind: 'stopped',
    at,
    thread: 1,
    reason: 'breakpoint',
    frames: modules.map((module) => ({
      module,
      function: 'run/0',
      file: null,
      line: 1,
      own: true,
      kind: 'interpreted',
    })),
  };
}
