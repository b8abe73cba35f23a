// threads, getProcessTree, stackTrace, scopes, variables, setVariable, exceptionInfo: what a stopped program looks like.
import type { DebugProtocol } from '@vscode/debugprotocol';
import * as v from 'valibot';
import { GetProcessTreeArguments, SetProcessFilterArguments, type ProcessTree } from '../../protocol/adapter';
import type { EvaluateResult, StackFrame, Variable } from '../../protocol/agent';
import { handler, type Handler } from '../handler';
import type { ClientCapabilities, Session } from '../session';
import { liveOf, type Live } from '../state';

const count = v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 0);

/** Programs whose user knows that not every process is listed. */
const toldOfLimit = new WeakSet<Live>();

export const inspectionRequests: Readonly<Record<string, Handler>> = {
  threads: handler({
    arguments: v.object({}),
    run: async (session, _args, call) => {
      const live = liveOf(session.lifecycle.state);
      if (live?.debug !== true) return { threads: [] };
      const limit = live.start.args.maxThreads;
      const request = { limit, system: session.showsSystemProcesses(live) };
      const { threads, total } = await live.program.agent.request('threads', request, { signal: call.signal });
      if (total > limit && !toldOfLimit.has(live)) {
        toldOfLimit.add(live);
        const text = `${total - limit} of ${total} processes are not listed; "maxThreads" in launch.json sets how many are.`;
        session.events.notice({ level: 'info', text });
      }
      // `total` is our own addition: DAP has no place for processes that are not listed.
      return { threads: threads.map(({ id, name, pid }) => ({ id, name: `${name} ${pid}` })), total };
    },
  }),

  setProcessFilter: handler({
    arguments: SetProcessFilterArguments,
    run: async (session, { showSystemProcesses }, call) => {
      session.systemProcesses = showSystemProcesses;
      const live = liveOf(session.lifecycle.state);
      if (!session.client.invalidated || live?.debug !== true) return {};
      const request = { limit: 1, system: showSystemProcesses };
      const { threads } = await live.program.agent.request('threads', request, { signal: call.signal });
      call.afterReply(() => {
        session.connection.event('invalidated', { areas: ['threads'] });
        // VS Code empties its list then; while nothing is stopped it asks for another only when a thread has started.
        for (const { id } of threads) session.connection.event('thread', { threadId: id, reason: 'started' });
      });
      return {};
    },
  }),

  getProcessTree: handler({
    arguments: GetProcessTreeArguments,
    run: async (session, _args, call): Promise<ProcessTree> => {
      const live = session.debugged(call);
      const system = session.showsSystemProcesses(live);
      const request = { limit: live.start.args.maxThreads, system };
      const tree = await live.program.agent.request('processTree', request, { signal: call.signal });
      return { ...tree, showSystemProcesses: system };
    },
  }),

  stackTrace: handler({
    arguments: v.object({ threadId: v.number(), startFrame: count, levels: count }),
    kind: 'read',
    run: async (session, args, call) => {
      const { agent } = session.debugged(call).program;
      const request = { thread: args.threadId, start: args.startFrame, levels: args.levels };
      const { frames, total } = await agent.request('stackTrace', request, { signal: call.signal });
      const above =
        args.startFrame === 0
          ? []
          : (
              await agent.request(
                'stackTrace',
                { ...request, start: 0, levels: args.startFrame },
                { signal: call.signal },
              )
            ).frames;
      // Editors go to the first frame that is not subtle. Where nothing is interpreted (a pause, an exception in native
      // code), that is the first own one.
      const first = [...above, ...frames].find(({ kind, own }) => kind === 'interpreted' || own);
      return {
        stackFrames: frames.map((frame) => stackFrame(session, frame, frame.kind === 'native' && frame !== first)),
        totalFrames: total,
      };
    },
  }),

  scopes: handler({
    arguments: v.object({ frameId: v.number() }),
    kind: 'read',
    run: async (session, args, call) => {
      const { agent } = session.debugged(call).program;
      const { scopes } = await agent.request('scopes', { frame: args.frameId }, { signal: call.signal });
      return {
        scopes: scopes.map(({ name, reference, expensive, hint, named, indexed }) => ({
          name,
          variablesReference: reference,
          expensive,
          ...(hint === undefined ? {} : { presentationHint: hint }),
          ...sizes({ named, indexed }),
        })),
      };
    },
  }),

  variables: handler({
    arguments: v.object({
      variablesReference: v.number(),
      filter: v.optional(v.picklist(['named', 'indexed'], 'must be "named" or "indexed"')),
      start: count,
      count,
    }),
    kind: 'read',
    run: async (session, args, call) => {
      const { agent } = session.debugged(call).program;
      const { variablesReference: reference, start, count: wanted } = args;
      const request = { reference, filter: args.filter ?? null, start, count: wanted };
      const { variables } = await agent.request('variables', request, { signal: call.signal });
      return { variables: variables.map((variable) => dapVariable(session.client, variable)) };
    },
  }),

  setVariable: handler({
    arguments: v.object({ variablesReference: v.number(), name: v.string(), value: v.string() }),
    kind: 'evaluation',
    run: async (session, args, call) => {
      const { agent } = session.debugged(call).program;
      const { variablesReference: reference, name, value } = args;
      const changed = await agent.request('setVariable', { reference, name, value }, { signal: call.signal });
      return { value: changed.result, ...shape(session.client, changed) };
    },
  }),

  exceptionInfo: handler({
    arguments: v.object({ threadId: v.number() }),
    kind: 'read',
    run: async (session, args, call) => {
      const { agent } = session.debugged(call).program;
      const info = await agent.request('exceptionInfo', { thread: args.threadId }, { signal: call.signal });
      const { exceptionId, description, breakMode, typeName, stackTrace } = info;
      const details = {
        message: description,
        ...(typeName === undefined ? {} : { typeName }),
        ...(stackTrace === undefined ? {} : { stackTrace }),
      };
      return { exceptionId, description, breakMode, details };
    },
  }),
};

function stackFrame({ conventions }: Session, frame: StackFrame, subtle: boolean): DebugProtocol.StackFrame {
  const source = conventions.frameSource(frame);
  return {
    id: frame.id,
    name: frame.name,
    line: source === undefined ? 0 : conventions.toLine(frame.line),
    column: source === undefined ? 0 : conventions.toColumn(0),
    moduleId: frame.module,
    ...(source === undefined ? {} : { source }),
    // Only the place of a native caller is known.
    ...(subtle ? { presentationHint: 'subtle' } : {}),
  };
}

function dapVariable(client: ClientCapabilities, variable: Variable): DebugProtocol.Variable {
  const { name, value, evaluateName, readOnly } = variable;
  return {
    name,
    value,
    ...shape(client, variable),
    ...(evaluateName === undefined ? {} : { evaluateName }),
    ...(readOnly === true ? { presentationHint: { attributes: ['readOnly'] } } : {}),
  };
}

/** Type, children and their number, in the form that variables and results share. */
export function shape(
  client: ClientCapabilities,
  value: Pick<EvaluateResult, 'type' | 'reference' | 'named' | 'indexed'>,
): { type?: string; variablesReference: number; namedVariables?: number; indexedVariables?: number } {
  return {
    ...(client.variableType ? { type: value.type } : {}),
    variablesReference: value.reference,
    ...(client.variablePaging ? sizes(value) : {}),
  };
}

function sizes({ named, indexed }: { named?: number | undefined; indexed?: number | undefined }) {
  return {
    ...(named === undefined ? {} : { namedVariables: named }),
    ...(indexed === undefined ? {} : { indexedVariables: indexed }),
  };
}
