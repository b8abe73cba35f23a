// Does what an editor does on runInTerminal: runs the command in a pseudo terminal, and lets a test type into it.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { within } from './deadline';

export class Terminal {
  /** What the terminal shows. */
  screen = '';
  /** Arguments of the adapter's runInTerminal. */
  request?: Dap.RunInTerminalRequestArguments;
  private child?: ChildProcess;
  private ended?: Promise<unknown>;
  private readonly watchers = new Set<() => void>();

  constructor(private readonly mark: Record<string, string>) {}

  /** The handler for a session's reverse requests. */
  readonly answer = (request: Dap.Request): Promise<object> => {
    if (request.command !== 'runInTerminal') throw new Error(`a terminal cannot do ${request.command}`);
    this.request = request.arguments as Dap.RunInTerminalRequestArguments;
    const { args, cwd, env = {} } = this.request;
    const environment: NodeJS.ProcessEnv = { ...process.env, ...this.mark, TERM: 'xterm' };
    for (const [name, value] of Object.entries(env)) {
      if (value === null) environment[name] = undefined;
      else environment[name] = value;
    }
    // `script` gives the command a terminal of its own and passes on what is typed.
    this.child = spawn('script', ['-qfec', args.map(quoted).join(' '), '/dev/null'], { cwd, env: environment });
    this.ended = once(this.child, 'close');
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (data: Buffer) => {
        this.screen += data.toString();
        for (const look of this.watchers) look();
      });
    }
    return Promise.resolve(this.child.pid === undefined ? {} : { shellProcessId: this.child.pid });
  };

  type(text: string): void {
    this.child?.stdin?.write(text);
  }

  /** Resolves when the screen shows the text. */
  async shows(text: string, ms = 45_000): Promise<void> {
    let look = (): void => undefined;
    const shown = new Promise<void>((resolve) => {
      look = () => {
        if (this.screen.includes(text)) resolve();
      };
      this.watchers.add(look);
      look();
    });
    await within(ms, shown, () => `the terminal does not show ${text}:\n${this.screen}`).finally(() =>
      this.watchers.delete(look),
    );
  }

  async closed(): Promise<void> {
    await within(30_000, this.ended ?? Promise.resolve(), () => `the terminal's command did not end:\n${this.screen}`);
  }

  close(): void {
    if (this.child?.exitCode === null) this.child.kill('SIGKILL');
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
