// Facts about the Elixir and OTP that tests run on, and plain BEAM nodes to attach to. Knows no DAP.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { within } from './deadline';

let version: string | undefined;

/** E.g. `Elixir 1.14.0 on OTP 25`. */
export function elixirVersion(): string {
  version ??= execFileSync('elixir', ['-e', 'IO.write("Elixir #{System.version()} on OTP #{System.otp_release()}")'], {
    encoding: 'utf8',
  });
  return version;
}

/** Folder of the Erlang installation. */
export function erlangRoot(): string {
  return execFileSync('elixir', ['-e', 'IO.write(:code.root_dir())'], { encoding: 'utf8' });
}

export function otpRelease(): number {
  return Number(/OTP (\d+)/.exec(elixirVersion())?.[1]);
}

/** Whether Elixir is at least that version, e.g. `1.15`. */
export function elixirAtLeast(wanted: string): boolean {
  const [major = 0, minor = 0] = (/Elixir (\d+)\.(\d+)/.exec(elixirVersion()) ?? []).slice(1).map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = wanted.split('.').map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

/** A running node of the user's, as one would attach to it; it prints what the program prints. */
export class Node {
  output = '';
  private readonly exit: Promise<number | null>;

  private constructor(
    readonly name: string,
    readonly cookie: string,
    private readonly child: ChildProcess,
  ) {
    child.stdout?.on('data', (data: Buffer) => (this.output += data.toString()));
    child.stderr?.on('data', (data: Buffer) => (this.output += data.toString()));
    this.exit = once(child, 'close').then(([code]) => code as number | null);
  }

  /** `code` is run by `mix run --no-halt -e` in the project; the node counts as started when it printed `started`. */
  static async start(projectDir: string, code: string): Promise<Node> {
    const name = `ecd_test_${process.pid}_${Math.floor(Math.random() * 1e9)}@localhost`;
    const cookie = `cookie_${Math.floor(Math.random() * 1e12)}`;
    // The port mapper outlives nodes; started here it belongs to no test's session.
    execFileSync('epmd', ['-daemon']);
    const args = [
      '--sname',
      name,
      '--cookie',
      cookie,
      '-S',
      'mix',
      'run',
      '--no-halt',
      '-e',
      `${code}; IO.puts("started")`,
    ];
    const child = spawn('elixir', args, { cwd: projectDir, stdio: ['pipe', 'pipe', 'pipe'], env: process.env });
    const node = new Node(name, cookie, child);
    await node.printed('started');
    return node;
  }

  /** Resolves when the node's output contains the text. */
  async printed(text: string, ms = 30_000): Promise<void> {
    if (this.output.includes(text)) return;
    const seen = new Promise<void>((resolve) => {
      const look = () => {
        if (!this.output.includes(text)) return;
        this.child.stdout?.off('data', look);
        resolve();
      };
      this.child.stdout?.on('data', look);
    });
    const ended = this.exit.then((code) => {
      throw new Error(`node ${this.name} ended with code ${code}:\n${this.output}`);
    });
    await within(ms, Promise.race([seen, ended]), () => `node ${this.name} did not print ${text}:\n${this.output}`);
  }

  /** The text of what the code gives, evaluated on the node without any debugger. */
  ask(code: string): string {
    const name = `ecd_asks_${process.pid}_${Math.floor(Math.random() * 1e9)}@localhost`;
    const call = `node = :"${this.name}"
      true = Node.connect(node)
      {value, _} = :rpc.call(node, Code, :eval_string, [System.fetch_env!("ECD_ASK")])
      IO.write(inspect(value))`;
    const args = ['--sname', name, '--hidden', '--cookie', this.cookie, '-e', call];
    return execFileSync('elixir', args, { encoding: 'utf8', timeout: 30_000, env: { ...process.env, ECD_ASK: code } });
  }

  get alive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  async stop(): Promise<void> {
    if (this.alive) this.child.kill('SIGKILL');
    await within(10_000, this.exit, () => `node ${this.name} did not end`);
  }
}
