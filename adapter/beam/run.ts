// Runs a short-lived helper program to its end and returns what it wrote. Nothing survives its deadline or a cancel.
import { spawn } from 'node:child_process';
import { abortReason } from '../cancellation';
import { command } from './command';
import type { Environment } from './environment';

export interface Finished {
  /** null: killed by its deadline. */
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

/** Rejects with the spawn error when the program cannot be started, with the signal's reason when cancelled. */
export function run(
  file: string,
  args: readonly string[],
  options: { cwd: string; env: Environment; timeout: number; signal: AbortSignal },
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    if (options.signal.aborted) {
      reject(abortReason(options.signal));
      return;
    }
    const how = command(file, args);
    const child = spawn(how.file, how.args, {
      cwd: options.cwd,
      env: options.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsVerbatimArguments: how.verbatim,
      windowsHide: true,
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (bytes: Buffer) => out.push(bytes));
    child.stderr.on('data', (bytes: Buffer) => err.push(bytes));
    const kill = (): boolean => child.kill('SIGKILL');
    const timer = setTimeout(kill, options.timeout);
    options.signal.addEventListener('abort', kill, { once: true });
    const cleanUp = (): void => {
      clearTimeout(timer);
      options.signal.removeEventListener('abort', kill);
    };
    child.on('error', (error) => {
      cleanUp();
      reject(error);
    });
    child.on('close', (exitCode) => {
      cleanUp();
      if (options.signal.aborted) reject(abortReason(options.signal));
      else
        resolve({ exitCode, stdout: Buffer.concat(out).toString('utf8'), stderr: Buffer.concat(err).toString('utf8') });
    });
  });
}
