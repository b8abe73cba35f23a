// Where the coordination server is, as whoever starts the adapter says it. Reads the environment, opens nothing.
import { PIPE_VARIABLE, SESSION_VARIABLE, TOKEN_VARIABLE } from '../../protocol/coordination';

export interface ServerPair {
  /** Unix socket or named pipe. */
  pipe: string;
  token: string;
  /** The session's id that the token was made for; null: any will do. */
  session: string | null;
}

/** Takes the pair out of the environment, so that no process started from here inherits it. */
export function takeServerPair(env: NodeJS.ProcessEnv): ServerPair | null {
  const { [PIPE_VARIABLE]: pipe, [TOKEN_VARIABLE]: token, [SESSION_VARIABLE]: session } = env;
  for (const name of [PIPE_VARIABLE, TOKEN_VARIABLE, SESSION_VARIABLE]) Reflect.deleteProperty(env, name);
  if (pipe === undefined || pipe === '' || token === undefined || token === '') return null;
  return { pipe, token, session: session === undefined || session === '' ? null : session };
}
