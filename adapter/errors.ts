// From a thrown Failure to a DAP error, and from valibot's findings to a Failure that names the field. No I/O.
import type { DebugProtocol } from '@vscode/debugprotocol';
import * as v from 'valibot';
import { ERROR_ID, Failure, type FailureBody } from '../protocol/failure';

/** What a failed response carries besides `success: false`. */
export interface DapError {
  message: string;
  body: { error: DebugProtocol.Message };
}

/** `shownInPlace`: the client shows the failure where it was caused, such as a watch; a message box would be too much. */
export function toDapError(failure: FailureBody, shownInPlace = false): DapError {
  const text = failure.hint === undefined ? failure.message : `${failure.message} ${failure.hint}`;
  return {
    // DAP reserves the short form `cancelled`: clients drop such an answer silently.
    message: failure.code === 'cancelled' ? 'cancelled' : text,
    body: {
      error: {
        id: ERROR_ID[failure.blame],
        format: failure.blame === 'bug' ? `Internal error: ${text}` : text,
        showUser: failure.blame === 'user' && !shownInPlace,
        variables: { code: failure.code, ...(failure.hint === undefined ? {} : { hint: failure.hint }) },
      },
    },
  };
}

/** Reads arguments by a schema; the failure names the request and the first wrong field. */
export function parseArguments<S extends v.GenericSchema>(
  request: string,
  schema: S,
  value: unknown,
  blame: 'user' | 'expected',
): v.InferOutput<S> {
  // Valibot takes a list for an object without properties.
  const given = Array.isArray(value) ? 'a list' : (value ?? {});
  const result = v.safeParse(schema, given, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const field = v.getDotPath(issue);
  const subject = field === null ? `The arguments of "${request}"` : `"${field}" of the request "${request}"`;
  const message = `${subject} ${complaint(issue)}.`;
  throw blame === 'user'
    ? Failure.user('invalidArguments', message, 'Correct it in launch.json.')
    : Failure.expected('invalidArguments', message);
}

/** Our own messages start with "must"; valibot's own are turned into the same form. */
function complaint(issue: v.BaseIssue<unknown>): string {
  if (issue.message.startsWith('must')) return issue.message;
  if (issue.received === 'undefined') return 'is missing';
  if (issue.expected === null) return `is wrong: ${issue.message}`;
  return `must be ${IN_WORDS[issue.expected] ?? issue.expected}, but is ${issue.received}`;
}

/** Valibot's names of types, as a person calls them. */
const IN_WORDS: Readonly<Record<string, string>> = {
  Array: 'a list',
  Object: 'an object',
  string: 'a string',
  number: 'a number',
  boolean: 'true or false',
};
