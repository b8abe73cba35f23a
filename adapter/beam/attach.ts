// Joins a running node: a hidden helper node pushes the agent in and relays its frames. Nothing of the node's is started
// or ended here.
import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { Failure } from '../../protocol/failure';
import { abortReason, orAborted } from '../cancellation';
import type { Log } from '../log';
import { AgentListener } from './agentClient';
import type { AgentBuild } from './compileAgent';
import { erlPathOf } from './command';
import type { Environment } from './environment';
import type { Ending, Program } from './program';

/** ms for the helper to start and say hello. */
const HELPER_TIMEOUT = 30_000;
/** ms for it to connect to the node and to load the agent there, which may have to be compiled. */
const JOIN_TIMEOUT = 60_000;
/** ms the helper gets to leave by itself once its connection is closed. */
const LEAVE_TIMEOUT = 15_000;

export interface AttachPlan {
  remoteNode: string;
  /** Travels over the authenticated loopback connection only. */
  cookie: string | null;
  erl: string;
  env: Environment;
  cwd: string;
  agent: AgentBuild;
}

export async function attach(plan: AttachPlan, log: Log, signal: AbortSignal): Promise<Program> {
  const listener = await AgentListener.open(log);
  const helper = startHelper(plan, listener);
  const ended = new Promise<void>((resolve) => {
    helper.once('exit', () => resolve());
    helper.once('error', () => resolve());
  });
  let said = '';
  helper.stderr.on('data', (bytes: Buffer) => (said = (said + bytes.toString('utf8')).slice(-2000)));
  try {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(helperFailed('it did not report in time')), HELPER_TIMEOUT);
    void ended.then(() => stop.abort(helperFailed(said.trim() === '' ? 'it ended at once' : said.trim())));
    const client = await orAborted(listener.connected(stop.signal), signal).finally(() => clearTimeout(timer));
    const node = client.helloOfNode(signal);
    node.catch(() => undefined);
    const args = { node: plan.remoteNode, cookie: plan.cookie, sources: erlPathOf(plan.agent.sources) };
    await client.send('relay', args, { signal, timeout: JOIN_TIMEOUT });
    await node;
    log.info('beam.start', 'attached', { node: plan.remoteNode, otp: client.otp });
    return {
      start: 'attach',
      agent: client,
      name: plan.remoteNode,
      pid: client.osPid,
      kill: () => client.close(),
      takeChildrenAlong: () => undefined,
      ended: (async (): Promise<Ending> => {
        await client.closed;
        await Promise.race([ended, delay(LEAVE_TIMEOUT)]);
        helper.kill('SIGKILL');
        log.info('beam.end', 'detached', { node: plan.remoteNode });
        return { exitCode: null };
      })(),
    };
  } catch (thrown) {
    helper.kill('SIGKILL');
    throw signal.aborted ? abortReason(signal) : thrown;
  } finally {
    listener.close();
  }
}

function helperFailed(why: string): Failure {
  return Failure.user('helperFailed', `The helper node for the connection does not run: ${why}.`, 'Check "erlPath".');
}

function startHelper(plan: AttachPlan, listener: AgentListener): ReturnType<typeof spawnHelper> {
  // No flags of the user's: the helper must not take the name, the port or the boot file of a program of theirs.
  const env = Object.fromEntries(Object.entries(plan.env).filter(([name]) => !/^ERL_(.*FLAGS|LIBS)$/.test(name)));
  return spawnHelper(plan, { ...env, ECD_PORT: String(listener.port), ECD_TOKEN: listener.token });
}

function spawnHelper(plan: AttachPlan, env: Environment) {
  const args = [
    '-noshell',
    '-noinput',
    '-hidden',
    '-start_epmd',
    'false',
    '-pa',
    erlPathOf(plan.agent.ebin),
    '-s',
    'ecd_relay',
  ];
  return spawn(plan.erl, args, { cwd: plan.cwd, env, stdio: ['ignore', 'ignore', 'pipe'], windowsHide: true });
}
