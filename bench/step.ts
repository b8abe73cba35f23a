// Step round trips: from the request to the stop that ends it, and to the variables being there to draw.
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { Plan } from './plan.js';
import type { Project } from './project.js';
import type { Figure } from './report.js';
import { type Mode, serveDebugged, type Session } from './session.js';
import { median, percentile } from './statistics.js';

type Kind = 'next' | 'stepIn' | 'stepOut' | 'drawn';

/** The lines of bench/program/walk.ex after the one that holds the breakpoint. */
const lines = 23;

export async function step(plan: Plan): Promise<Figure[]> {
  const project = await plan.ordinary();
  const coordinated = await walk(project, 'coordinated', plan.runs);
  const traditional = await walk(project, 'traditional', plan.runs);

  const figure = (kind: Kind, what: string): Figure[] =>
    (
      [
        ['p50', median],
        ['p95', (sample: number[]) => percentile(sample, 0.95)],
      ] as const
    ).map(([name, of]) => ({
      bench: 'step',
      what: `${what}, ${name}`,
      value: of(coordinated[kind]),
      unit: 'ms',
      against: { what: `traditional, ${name}`, value: of(traditional[kind]) },
      ratio: of(coordinated[kind]) / of(traditional[kind]),
      samples: coordinated[kind].length,
    }));
  return [
    ...figure('next', 'next → stopped'),
    ...figure('stepIn', 'step into a module nobody named → stopped'),
    ...figure('stepOut', 'step out of it → stopped'),
    ...figure('drawn', 'next → stack and variables known'),
  ];
}

async function walk(project: Project, mode: Mode, rounds: number): Promise<Record<Kind, number[]>> {
  const times: Record<Kind, number[]> = { next: [], stepIn: [], stepOut: [], drawn: [] };
  const program = await serveDebugged(project, mode);
  const { session, probe } = program;
  const file = project.program('walk');
  const marked = async (mark: string): Promise<void> => {
    await session.click({ file, lines: [{ line: await project.line(file, mark) }] });
  };
  const resume = async (thread: number, answer: Promise<unknown>): Promise<void> => {
    await session.dap.request('continue', { threadId: thread });
    await answer;
  };
  try {
    for (let round = 0; round < rounds; round++) {
      await marked('along');
      const along = probe.ask('along', round);
      const { thread } = await session.stop();
      for (let line = 0; line < lines; line++) {
        const from = performance.now();
        times.next.push(await session.step('next', thread));
        await draw(session, thread);
        times.drawn.push(performance.now() - from);
      }
      await resume(thread, along);

      await marked('across');
      const across = probe.ask('across', round);
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
    return times;
  } finally {
    await program.close();
  }
}

/** What a client asks for to show a stop. */
async function draw(session: Session, thread: number): Promise<void> {
  const frame = await session.top(thread);
  const { body } = await session.dap.request('scopes', { frameId: frame.id });
  const [scope] = body['scopes'] as DebugProtocol.Scope[];
  if (scope === undefined) throw new Error('a stopped frame has no scopes');
  await session.dap.request('variables', { variablesReference: scope.variablesReference });
}
