// What a request's handler is: the schema of its arguments and what it does. The table of them is in requests/table.ts.
import type * as v from 'valibot';
import type { Call, RequestKind } from './cancellation';
import type { Session } from './session';

export interface Handler {
  readonly kind: RequestKind;
  /** user: wrong arguments come from launch.json. */
  readonly blame: 'user' | 'expected';
  readonly arguments: v.GenericSchema;
  /** given: the arguments as the client sent them, with whatever the schema does not know. */
  run(session: Session, args: unknown, call: Call, given: unknown): Promise<object | undefined> | object | undefined;
}

/** A handler whose arguments have the type of its schema. */
export function handler<S extends v.GenericSchema>(spec: {
  arguments: S;
  kind?: RequestKind;
  blame?: Handler['blame'];
  run: (
    session: Session,
    args: v.InferOutput<S>,
    call: Call,
    given: unknown,
  ) => Promise<object | undefined> | object | undefined;
}): Handler {
  const { run, kind = 'change', blame = 'expected' } = spec;
  // The reply path has read the arguments by this very schema.
  return { kind, blame, arguments: spec.arguments, run };
}
