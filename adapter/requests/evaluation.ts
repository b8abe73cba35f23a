// evaluate, completions, endEvaluation: expressions of the user in the debugged program.
import * as v from 'valibot';
import { EndEvaluationArguments } from '../../protocol/adapter';
import { handler, type Handler } from '../handler';
import { shape } from './inspection';

/** ms beyond the agent's own deadline for a hover or watch. */
const MARGIN = 5_000;

const CONTEXTS = ['repl', 'watch', 'hover', 'clipboard', 'variables'] as const;
type Context = (typeof CONTEXTS)[number];

export const evaluationRequests: Readonly<Record<string, Handler>> = {
  evaluate: handler({
    arguments: v.object({
      expression: v.string(),
      frameId: v.optional(v.number()),
      context: v.optional(v.string()),
    }),
    kind: 'evaluation',
    run: async (session, args, call) => {
      const live = session.debugged(call);
      // A context we do not know must not change the program: it is treated like a watch expression.
      const context: Context = CONTEXTS.find((one) => one === args.context) ?? 'watch';
      const request = { expression: args.expression, frame: args.frameId ?? null, context };
      const timeout = context === 'repl' ? 'none' : live.start.args.evaluateTimeout + MARGIN;
      const progress = session.progress.start('Evaluating', {
        requestId: call.seq,
        message: args.expression.slice(0, 80),
      });
      session.cancellation.bindProgress(call.seq, progress.id);
      try {
        const value = await live.program.agent.request('evaluate', request, { signal: call.signal, timeout });
        return { result: value.result, ...shape(session.client, value) };
      } finally {
        progress.end();
      }
    },
  }),

  endEvaluation: handler({
    arguments: EndEvaluationArguments,
    run: async (session, args, call) => {
      await session.debugged(call).program.agent.request('endEvaluation', { thread: args.threadId });
      return undefined;
    },
  }),

  completions: handler({
    arguments: v.object({
      text: v.string(),
      column: v.number(),
      line: v.optional(v.number()),
      frameId: v.optional(v.number()),
    }),
    kind: 'read',
    run: async (session, args, call) => {
      const { agent } = session.debugged(call).program;
      const { conventions } = session;
      const line = args.line === undefined ? 1 : conventions.fromLine(args.line);
      const lines = args.text.split('\n');
      const before = lines.slice(0, line - 1).reduce((units, one) => units + one.length + 1, 0);
      const column = Math.min(args.text.length, before + Math.max(0, conventions.fromColumn(args.column)));
      const request = { frame: args.frameId ?? null, text: args.text, column };
      const { targets } = await agent.request('completions', request, { signal: call.signal });
      return {
        targets: targets.map(({ label, text, length, type, detail }) => ({
          label,
          text,
          type,
          start: conventions.toColumn(column - length),
          length,
          ...(detail === undefined ? {} : { detail }),
        })),
      };
    },
  }),
};
