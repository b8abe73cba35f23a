// Step round trips: from the request to the stop that ends it, and to the variables being there to draw.
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { Plan } from './plan.js';
import type { Project } from './project.js';
import type { Figure } from './report.js';
import { type DebuggedProgram, type Mode, modes, type Session, sideBySide } from './session.js';
import { median, orderOf, percentile, ratioOfPairs } from './statistics.js';

type Kind = 'next' | 'stepIn' | 'stepOut' | 'drawn';

/** The lines of bench/program/walk.ex after the one that holds the breakpoint. */
const lines = 23;

type Times = Record<Kind, number[]>;

export async function step(plan: Plan): Promise<Figure[]> {
  const project = await plan.ordinary();
  const times = await sideBySide(project, async (programs) => {
    const found: Record<Mode, Times> = { coordinated: noTimes(), traditional: noTimes() };
    for (let round = 0; round < plan.runs; round++) {
      for (const mode of orderOf(round, modes)) await walk(project, programs[mode], found[mode]);
    }
    return found;
  });

  const figure = (kind: Kind, what: string): Figure[] => {
    const { coordinated, traditional } = times;
    const common = { bench: 'step', unit: 'ms', samples: coordinated[kind].length } as const;
    const p95 = (sample: number[]): number => percentile(sample, 0.95);
    return [
      {
        ...common,
        what: `${what}, p50`,
        value: median(coordinated[kind]),
        against: { what: 'traditional, p50', value: median(traditional[kind]) },
        ratio: ratioOfPairs(coordinated[kind], traditional[kind]),
      },
      {
        ...common,
        what: `${what}, p95`,
        value: p95(coordinated[kind]),
        against: { what: 'traditional, p95', value: p95(traditional[kind]) },
        ratio: p95(coordinated[kind]) / p95(traditional[kind]),
      },
    ];
  };
  return [
    ...figure('next', 'next → stopped'),
    ...figure('stepIn', 'step into a module nobody named → stopped'),
    ...figure('stepOut', 'step out of it → stopped'),
    ...figure('drawn', 'next → stack and variables known'),
  ];
}

const noTimes = (): Times => ({ next: [], stepIn: [], stepOut: [], drawn: [] });

async function walk(project: Project, { session, probe }: DebuggedProgram, times: Times): Promise<void> {
  const file = project.program('walk');
  const marked = async (mark: string): Promise<void> => {
    await session.click({ file, lines: [{ line: await project.line(file, mark) }] });
  };
  const resume = async (thread: number, answer: Promise<unknown>): Promise<void> => {
    await session.dap.request('continue', { threadId: thread });
    await answer;
  };

  await marked('along');
  const along = probe.ask('along', 0);
  const { thread } = await session.stop();
  for (let line = 0; line < lines; line++) {
    const from = performance.now();
    times.next.push(await session.step('next', thread));
    await draw(session, thread);
    times.drawn.push(performance.now() - from);
  }
  await resume(thread, along);

  await marked('across');
  const across = probe.ask('across', 0);
  const caller = await session.stop();
  for (let line = 0; line < lines; line++) {
    times.stepIn.push(await session.step('stepIn', caller.thread));
    const inside = await session.top(caller.thread);
    if (!inside.name.includes('Step.add'))
      throw new Error(`stepped into ${inside.name} instead of Bench.Walk.Step.add`);
    times.stepOut.push(await session.step('stepOut', caller.thread));
    const outside = await session.top(caller.thread);
    if (!outside.name.includes('across')) throw new Error(`stepped out to ${outside.name} instead of the caller`);
  }
  await resume(caller.thread, across);
}

/** What a client asks for to show a stop. */
async function draw(session: Session, thread: number): Promise<void> {
  const frame = await session.top(thread);
  const { body } = await session.dap.request('scopes', { frameId: frame.id });
  const [scope] = body['scopes'] as DebugProtocol.Scope[];
  if (scope === undefined) throw new Error('a stopped frame has no scopes');
  await session.dap.request('variables', { variablesReference: scope.variablesReference });
}
