// source, loadedSources, modules: where the program's code comes from.
import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { SourceArguments } from '../../protocol/adapter';
import { Failure } from '../../protocol/failure';
import { handler, type Handler } from '../handler';

/** ms; regenerating the text of a large module takes a while. */
const REGENERATE_TIMEOUT = 60_000;

const count = v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 0);

export const sourceRequests: Readonly<Record<string, Handler>> = {
  source: handler({
    arguments: v.object({ source: v.optional(SourceArguments), sourceReference: v.optional(v.number()) }),
    run: async (session, args, call) => {
      const given = args.source?.sourceReference ?? 0;
      const reference = given === 0 ? (args.sourceReference ?? 0) : given;
      if (reference !== 0) {
        const { agent } = session.debugged(call).program;
        return agent.request('source', { reference }, { signal: call.signal, timeout: REGENERATE_TIMEOUT });
      }
      const path = args.source?.path;
      if (path === undefined)
        throw Failure.expected('invalidArguments', '"source" needs "sourceReference" or "source.path".');
      const file = session.conventions.fromPath(path);
      return readFile(file, 'utf8').then(
        (content) => ({ content }),
        () => {
          throw Failure.expected('noFile', `"source": ${file} cannot be read.`);
        },
      );
    },
  }),

  loadedSources: handler({
    arguments: v.object({}),
    run: async (session, _args, call) => {
      const { paths } = await session
        .debugged(call)
        .program.agent.request('loadedSources', {}, { signal: call.signal });
      return { sources: paths.map((path) => session.conventions.fileSource(path)) };
    },
  }),

  modules: handler({
    arguments: v.object({ startModule: count, moduleCount: count }),
    run: async (session, args, call) => {
      const { agent } = session.debugged(call).program;
      const request = { start: args.startModule, count: args.moduleCount };
      const { modules, total } = await agent.request('modules', request, { signal: call.signal });
      return { modules: modules.map((module) => session.events.module(module)), totalModules: total };
    },
  }),
};
