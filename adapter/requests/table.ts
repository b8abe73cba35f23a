// The requests that a session answers, by their command. What each does is in the files beside this one.
import type { Handler } from '../handler';
import { breakpointRequests } from './breakpoints';
import { coordinationRequests } from './coordination';
import { evaluationRequests } from './evaluation';
import { executionRequests } from './execution';
import { inspectionRequests } from './inspection';
import { lifecycleRequests } from './lifecycle';
import { sourceRequests } from './sources';

export const REQUESTS: ReadonlyMap<string, Handler> = new Map(
  Object.entries({
    ...lifecycleRequests,
    ...breakpointRequests,
    ...executionRequests,
    ...inspectionRequests,
    ...evaluationRequests,
    ...sourceRequests,
    ...coordinationRequests,
  }),
);
