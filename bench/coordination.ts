// `npm run bench:coordination`: what the coordination costs. Plan latency and memory of the real server process over its real
// pipe; its share of a session in which a real adapter steps through a real program. Prints a table, writes JSON when asked to.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { PerformanceMetrics } from '../protocol/adapter.js';
import type { SessionEvent } from '../protocol/coordination.js';
import { UsageStore } from '../server/history/store.js';
import { UsageMemory } from '../server/strategies/usageMemory.js';
import { PipeClient, sessionState } from '../test/support/pipeClient.js';
import { BenchedServer } from './coordinationServer.js';
import { createProject, type Project } from './project.js';
import { type Figure, toTable } from './report.js';
import { randomFrom } from './replay.js';
import { type DebuggedProgram, serveDebugged } from './session.js';
import { percentile } from './statistics.js';

const usage =
  'usage: npm run bench:coordination -- [--modules 100,1000,5000] [--plans 300] [--rounds 10] [--only latency,memory,session] [--profile FOLDER] [--out RESULT.json]';

/** The project that memory is measured on, as the target says. */
const MEMORY_MODULES = 1_000;
const SESSION_MODULES = 300;
/** Frames of a stop. */
const DEPTH = 12;
/** Past sessions that plans rest on: as many as the server remembers, each of as many modules as a journey has at most. */
const SESSIONS = 1_000;
const JOURNEY = 30;
/** Plans before the first that counts: a server that has just started is not what a session meets. */
const WARM_UP = 20;
/** Steps before the stepping counts: the first ones compile and fill what later ones find. */
const WARM_UP_ROUNDS = 2;
/** ms between steps: ten a second, faster than anyone reads. */
const PACE = 100;
/** Lines of bench/program/walk.ex to walk over. */
const LINES = 23;
const MB = 1024 * 1024;

/** Where the servers leave their processor profiles, when they are asked for. */
let profiles: string | null = null;

interface Result {
  planLatencyMs: Record<string, { p50: number; p95: number; p99: number }>;
  serverMemoryMb: Record<string, number>;
  cpuShare?: number;
  fallbackRate?: number;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      modules: { type: 'string', default: '100,1000,5000' },
      plans: { type: 'string', default: '300' },
      rounds: { type: 'string', default: '10' },
      only: { type: 'string', default: 'latency,memory,session' },
      profile: { type: 'string' },
      out: { type: 'string' },
    },
  });
  profiles = values.profile ?? null;
  const sizes = values.modules.split(',').map((text) => positive('--modules', text));
  const plans = positive('--plans', values.plans);
  const rounds = positive('--rounds', values.rounds);
  const only = new Set(values.only.split(','));
  const result: Result = { planLatencyMs: {}, serverMemoryMb: {} };
  const figures: Figure[] = [];

  if (only.has('latency')) {
    for (const modules of sizes) {
      say(`plan latency, ${modules} modules … `);
      const times = await latency(modules, plans);
      const [p50, p95, p99] = [0.5, 0.95, 0.99].map((p) => percentile(times, p)) as [number, number, number];
      result.planLatencyMs[String(modules)] = { p50, p95, p99 };
      const common = { bench: 'coordination', unit: 'ms', samples: times.length } as const;
      const what = `plan, ${modules} modules`;
      figures.push({ ...common, what: `${what}, p50`, value: p50 });
      figures.push({ ...common, what: `${what}, p95`, value: p95, target: { of: 'value', atMost: 20 } });
      figures.push({ ...common, what: `${what}, p99`, value: p99 });
    }
  }
  if (only.has('memory')) {
    say(`server memory, ${MEMORY_MODULES} modules … `);
    const bytes = await memory(MEMORY_MODULES);
    result.serverMemoryMb[String(MEMORY_MODULES)] = bytes / MB;
    figures.push({
      bench: 'coordination',
      what: `server memory, ${MEMORY_MODULES} modules, beyond an empty workspace`,
      value: bytes / MB,
      unit: 'MB',
      target: { of: 'value', atMost: 10 },
      samples: 1,
    });
  }
  if (only.has('session')) {
    say('stepping session … ');
    const { cpuShare, cpuShareAtFullSpeed, fallbackRate, decisions, steps } = await stepping(rounds);
    result.cpuShare = Math.max(cpuShare, cpuShareAtFullSpeed);
    result.fallbackRate = fallbackRate;
    const common = { bench: 'coordination', unit: '' } as const;
    figures.push({
      ...common,
      what: 'processor time of planning ÷ session time, ten steps a second',
      value: cpuShare,
      target: { of: 'value', atMost: 0.05 },
      samples: steps,
    });
    figures.push({
      ...common,
      what: 'the same, steps as fast as they are answered',
      value: cpuShareAtFullSpeed,
      target: { of: 'value', atMost: 0.05 },
      samples: steps,
    });
    figures.push({
      ...common,
      what: 'decisions without the server ÷ all decisions',
      value: fallbackRate,
      target: { of: 'value', atMost: 0.01 },
      samples: decisions,
    });
  }
  say('\n');
  process.stdout.write(`${toTable(figures)}\n`);
  if (values.out !== undefined) await writeFile(values.out, `${JSON.stringify(result, null, 2)}\n`);
  return 0;
}

/**
 * ms from the request to its answer, as the adapter sees it, while execution walks through a compiled project in which many
 * sessions were held before.
 */
async function latency(modules: number, plans: number): Promise<number[]> {
  const storage = await mkdtemp(path.join(tmpdir(), 'ecd-bench-usage-'));
  try {
    await rememberSessions(storage, modules);
    return await withProject(modules, async (project) => {
      await project.outline();
      return planTimes(project, storage, plans);
    });
  } finally {
    await rm(storage, { recursive: true, force: true });
  }
}

async function planTimes({ dir, modules }: Project, storage: string, plans: number): Promise<number[]> {
  return withServer(
    dir,
    async (server) => {
      const { pipe, token } = await server.client.request('coordination/openSession', { session: 'bench' });
      const adapter = await PipeClient.connect(pipe);
      try {
        const { mode } = sessionState('bench');
        await adapter.greet(token, sessionState('bench', { mode: { ...mode, strategy: 'learning' } }));
        const times: number[] = [];
        let remembered = false;
        for (let turn = 0; turn < WARM_UP + plans; turn++) {
          const top = (turn * 7) % modules;
          const from = performance.now();
          const plan = await adapter.plan(stopIn(turn, top, modules));
          const took = performance.now() - from;
          if (turn >= WARM_UP) times.push(took);
          remembered ||= plan.actions.some(({ reason }) => reason.startsWith('followed '));
          // The plan is carried out, so that the working set grows and shrinks as in a session.
          for (const { module, action } of plan.actions) {
            await adapter.event(
              action === 'prepare'
                ? {
                    kind: 'interpreted',
                    at: Date.now(),
                    module,
                    bytes: 140_000,
                    ms: 1,
                    cached: false,
                    cause: 'the plan',
                    trigger: 'plan',
                  }
                : { kind: 'released', at: Date.now(), modules: [module] },
            );
          }
          await adapter.event({
            kind: 'entered',
            at: Date.now(),
            module: `Generated.M${top}`,
            ready: true,
            waitedMs: 0,
          });
        }
        if (!remembered) throw new Error('the plans rest on nothing learned: the server did not find the sessions');
        return times;
      } finally {
        adapter.end();
      }
    },
    storage,
  );
}

/** Sessions that wandered through the project along its calls, as the server keeps them. */
async function rememberSessions(folder: string, modules: number): Promise<void> {
  const limits = { days: 1, bytes: 64 * MB };
  const store = await UsageStore.open({ folder, limits, model: new UsageMemory(), warn: say });
  const random = randomFrom(1);
  const pick = (count: number): number => Math.floor(random() * count);
  for (let session = 0; session < SESSIONS; session++) {
    const common = { at: Date.now(), session: `past ${session}` };
    let module = pick(modules);
    for (let step = 0; step < JOURNEY; step++) {
      store.record({ kind: 'entered', ...common, module: `Generated.M${module}` });
      module = (module + ([1, 7, 31][pick(3)] ?? 1)) % modules;
    }
    store.record({ kind: 'sessionEnded', ...common });
  }
  await store.close();
}

function stopIn(turn: number, top: number, modules: number): SessionEvent {
  const frames = Array.from({ length: DEPTH }, (_, frame) => ({
    module: `Generated.M${(top + frame * 31) % modules}`,
    function: 'run0/1',
    file: null,
    line: 10,
    own: true,
    kind: 'interpreted' as const,
  }));
  return { kind: 'stopped', at: Date.now(), thread: 1 + (turn % 3), reason: 'step', frames };
}

/** Bytes that the server holds for a project, beyond what the same process holds for an empty workspace. */
async function memory(modules: number): Promise<number> {
  const empty = await mkdtemp(path.join(tmpdir(), 'ecd-bench-empty-'));
  try {
    const held = (dir: string): Promise<number> => withServer(dir, (server) => server.ask('memory'));
    const nothing = await held(empty);
    return await withProject(modules, async ({ dir }) => (await held(dir)) - nothing);
  } finally {
    await rm(empty, { recursive: true, force: true });
  }
}

interface Stepping {
  /** Of server and adapter together, as a share of one core. */
  cpuShare: number;
  cpuShareAtFullSpeed: number;
  fallbackRate: number;
  decisions: number;
  steps: number;
}

/** A real program, adapter and server, and a user who steps: ten times a second, and as fast as the debugger answers. */
async function stepping(rounds: number): Promise<Stepping> {
  return withProject(SESSION_MODULES, async (project) => {
    await project.compile();
    return withServer(project.dir, async (server) => {
      const program = await serveDebugged(project, 'coordinated', {
        coordination: { enabled: true, strategy: 'learning' },
      });
      try {
        const pair = await server.client.request('coordination/openSession', { session: 'bench' });
        await program.session.dap.request('setCoordinationServer', { ...pair, session: 'bench' });
        const stepped = async (pace: number, times: number) => {
          const [cpu, before, from] = [await server.ask('cpu'), await metrics(program), performance.now()];
          const steps = await stepThrough(project, program, times, pace);
          const [took, after] = [performance.now() - from, await metrics(program)];
          const spent = (await server.ask('cpu')) - cpu + (after.coordinationMs - before.coordinationMs);
          const decisions = after.decisions - before.decisions;
          if (decisions === 0) throw new Error('the adapter took no decision: it did not find the server');
          return { steps, decisions, share: spent / took, fallbacks: sum(after.fallbacks) - sum(before.fallbacks) };
        };
        await stepped(0, WARM_UP_ROUNDS);
        const paced = await stepped(PACE, Math.ceil(rounds / 2));
        const fast = await stepped(0, rounds);
        const decisions = paced.decisions + fast.decisions;
        return {
          cpuShare: paced.share,
          cpuShareAtFullSpeed: fast.share,
          fallbackRate: (paced.fallbacks + fast.fallbacks) / decisions,
          decisions,
          steps: paced.steps + fast.steps,
        };
      } finally {
        await program.close();
      }
    });
  });
}

async function metrics({ session }: DebuggedProgram): Promise<PerformanceMetrics> {
  const { body } = await session.dap.request('getPerformanceMetrics', {});
  return body as unknown as PerformanceMetrics;
}

const sum = ({ late, disconnected, refused }: PerformanceMetrics['fallbacks']): number => late + disconnected + refused;

/** Over every line, and into and out of what a line calls. */
async function stepThrough(
  project: Project,
  { session, probe }: DebuggedProgram,
  rounds: number,
  pace: number,
): Promise<number> {
  const step = async (command: 'stepIn' | 'stepOut', thread: number): Promise<void> => {
    const from = performance.now();
    await session.step(command, thread);
    await session.top(thread);
    await delay(Math.max(0, pace - (performance.now() - from)));
  };
  const file = project.program('walk');
  let steps = 0;
  for (let round = 0; round < rounds; round++) {
    await session.click({ file, lines: [{ line: await project.line(file, 'across') }] });
    const across = probe.ask('across', 0);
    const { thread } = await session.stop();
    for (let line = 0; line < LINES; line++) {
      await step('stepIn', thread);
      await step('stepOut', thread);
      steps += 2;
    }
    await session.dap.request('continue', { threadId: thread });
    await across;
  }
  return steps;
}

async function withProject<Answer>(modules: number, use: (project: Project) => Promise<Answer>): Promise<Answer> {
  const project = await createProject(modules);
  try {
    return await use(project);
  } finally {
    await project.remove();
  }
}

async function withServer<Answer>(
  dir: string,
  use: (server: BenchedServer) => Promise<Answer>,
  storage: string | null = null,
): Promise<Answer> {
  const server = await BenchedServer.start(dir, profiles, storage);
  try {
    return await use(server);
  } finally {
    await server.close();
  }
}

function positive(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${option} takes whole numbers from 1 on\n${usage}`);
  return value;
}

/** Progress goes to stderr, so that stdout holds the table alone. */
function say(text: string): void {
  process.stderr.write(text);
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    say(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exitCode = 2;
  },
);
