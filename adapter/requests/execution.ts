// continue, next, stepIn, stepOut, stepInTargets, pause, terminateThreads.
import * as v from 'valibot';
import { Failure } from '../../protocol/failure';
import type { AgentClient } from '../beam/agentClient';
import { handler, type Handler } from '../handler';

const threadId = v.number();
const singleThread = v.optional(v.boolean(), false);
const StepArguments = v.object({ threadId, singleThread });

/** Requests that resume a process make what is being read of it worthless. */
function resuming(command: 'next' | 'stepOut'): Handler {
  return handler({
    arguments: StepArguments,
    run: async (session, args, call) => {
      const { agent } = session.debugged(call).program;
      session.resuming(call);
      session.coordinator.resuming(args.threadId, command);
      await resumed(agent, agent.request(command, { thread: args.threadId, single: args.singleThread }));
      return undefined;
    },
  });
}

/** A process that ran on to the end of the program takes the answer with it (null); it was resumed all the same. */
async function resumed<Answer>(agent: AgentClient, answer: Promise<Answer>): Promise<Answer | null> {
  const asked = agent.isOpen;
  try {
    return await answer;
  } catch (thrown) {
    if (asked && thrown instanceof Failure && thrown.code === 'programEnded') return null;
    throw thrown;
  }
}

export const executionRequests: Readonly<Record<string, Handler>> = {
  continue: handler({
    arguments: StepArguments,
    run: async (session, args, call) => {
      const { agent } = session.debugged(call).program;
      session.resuming(call);
      session.coordinator.resuming(args.threadId, 'continue');
      const answer = agent.request('continue', { thread: args.threadId, single: args.singleThread });
      const { all } = (await resumed(agent, answer)) ?? { all: !args.singleThread };
      return { allThreadsContinued: all };
    },
  }),

  next: resuming('next'),
  stepOut: resuming('stepOut'),

  stepIn: handler({
    arguments: v.object({ threadId, singleThread, targetId: v.optional(v.number()) }),
    run: async (session, args, call) => {
      const { agent } = session.debugged(call).program;
      session.resuming(call);
      session.coordinator.resuming(args.threadId, 'stepIn');
      const { threadId: thread, singleThread: single, targetId } = args;
      await resumed(agent, agent.request('stepIn', { thread, single, target: targetId ?? null }));
      return undefined;
    },
  }),

  stepInTargets: handler({
    arguments: v.object({ frameId: v.number() }),
    kind: 'read',
    run: async (session, args, call) => {
      const { agent } = session.debugged(call).program;
      const { targets } = await agent.request('stepInTargets', { frame: args.frameId }, { signal: call.signal });
      return { targets: targets.map((target) => ({ ...target, line: session.conventions.toLine(target.line) })) };
    },
  }),

  pause: handler({
    arguments: v.object({ threadId }),
    run: async (session, args, call) => {
      const { agent } = session.debugged(call).program;
      call.afterReply(session.events.hold());
      await agent.request('pause', { thread: args.threadId });
      return undefined;
    },
  }),

  terminateThreads: handler({
    arguments: v.object({ threadIds: v.optional(v.array(v.number()), []) }),
    run: async (session, args, call) => {
      await session.debugged(call).program.agent.request('terminateThreads', { threads: args.threadIds });
      return undefined;
    },
  }),
};
