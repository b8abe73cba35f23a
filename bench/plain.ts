// The baseline: the same program under `mix run`, without a debugger. Must not know DAP.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Probe, ProbeListener } from './probe.js';
import type { Project } from './project.js';

/** ms from starting `mix run` to the output of the line where a breakpoint would be. */
export async function reachLine(project: Project): Promise<number> {
  const from = performance.now();
  const child = mixRun(project, 'Bench.Start.go()', process.env);
  const ended = once(child, 'close');
  let seen = '';
  const reached = await new Promise<number>((resolve, reject) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      seen += chunk.toString();
      if (/^reached$/m.test(seen)) resolve(performance.now());
    });
    void ended.then(() => reject(new Error(`mix run ended without reaching the line:\n${seen}`)));
  });
  await ended;
  return reached - from;
}

export interface PlainProgram {
  probe: Probe;
  close: () => Promise<void>;
}

/** A BEAM that answers the probe, as fast as it gets. */
export async function servePlain(project: Project): Promise<PlainProgram> {
  const listener = await ProbeListener.open();
  const child = mixRun(project, 'Bench.Probe.serve()', { ...process.env, BENCH_PORT: String(listener.port) });
  const ended = once(child, 'close');
  const probe = await listener.accept();
  return {
    probe,
    close: async () => {
      probe.close();
      await ended;
    },
  };
}

function mixRun(project: Project, expression: string, env: NodeJS.ProcessEnv): ChildProcess {
  const child = spawn('mix', ['run', '-e', expression], { cwd: project.dir, env, stdio: ['ignore', 'pipe', 'pipe'] });
  child.stderr.resume();
  return child;
}
